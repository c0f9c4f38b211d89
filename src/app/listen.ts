// The first half of the way: datagrams in, decoded, batched, put on the queue. Wires collect, decode and enqueue.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createUdpListener } from '../collect/udp-listener.ts';
import { createDecoder } from '../decode/decoder.ts';
import { createInformationElements } from '../decode/information-elements.ts';
import { createBatcher } from '../enqueue/batcher.ts';
import type { Queue } from '../enqueue/queue.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { Datagram } from '../model/datagram.ts';
import type { Fault } from '../model/fault.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import { countFault, type Ledger } from '../telemetry/ledger.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { createStateFile } from './state-file.ts';

/** How often the open batch is looked at: a part of its age, so that the age is kept to a quarter. */
const ticksPerAge = 4;
const saveEveryMs = 5000;
const readDropsEveryMs = 1000;

export interface ListenOptions {
  readonly pipelineFile: PipelineFile;
  readonly queue: Queue;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Listen {
  /** Throws WeirError when a port can't be opened. */
  start(): Promise<void>;
  /** Where datagrams are taken, with the ports that were really opened. */
  addresses(): readonly { readonly host: string; readonly port: number }[];
  /** Closes the ports and puts what is in hand on the queue. */
  stop(): Promise<void>;
}

export function createListen({ pipelineFile, queue, ledger, logger, now }: ListenOptions): Listen {
  const { batch, collect, listen, state } = pipelineFile;
  const passFault = createRateLimit();
  const timers: NodeJS.Timeout[] = [];
  const adding = new Set<Promise<void>>();

  const decoder = createDecoder({ onFault, elements: createInformationElements(pipelineFile.decode.elements) });
  const batcher = createBatcher({
    maxRecords: batch.maxRecords,
    maxBytes: batch.maxBytes,
    maxAgeMs: batch.maxAgeMs,
    idPrefix: randomBytes(9).toString('base64url'),
    onBatch,
  });
  const listener = createUdpListener({
    addresses: listen,
    receiveBufferBytes: collect.receiveBufferBytes,
    onDatagram,
    logger,
    now,
  });
  const stateFile = createStateFile({ path: join(state.directory, 'templates.json'), decoder, logger });

  function onDatagram(datagram: Datagram): void {
    const counts = ledger.exporter(datagram.exporter);
    counts.datagramsReceived += 1;
    counts.bytesReceived += datagram.payload.length;
    for (const set of decoder.decode(datagram)) {
      if (set.layout.kind !== 'flow') counts.otherRecordsDecoded += set.rows.length;
      else {
        counts.recordsDecoded += set.rows.length;
        batcher.add(set, datagram.receivedAtMs);
      }
    }
  }

  function onFault(fault: Fault): void {
    countFault(ledger.exporter(fault.exporter), fault.code);
    const heldBack = passFault(`${fault.exporter} ${fault.code}`, now());
    if (heldBack !== undefined) logger.warn({ ...fault, ...(heldBack > 0 && { heldBack }) }, `fault: ${fault.code}`);
  }

  function onBatch(batch: RecordBatch): void {
    const added = queue.add(batch).then(
      (accepted) => {
        if (!accepted) countRefused(batch, 'the queue is full: flows are lost');
      },
      (error: unknown) =>
        countRefused(batch, `the queue failed: ${error instanceof Error ? error.message : String(error)}`),
    );
    adding.add(added);
    void added.finally(() => adding.delete(added));
  }

  function countRefused(batch: RecordBatch, message: string): void {
    for (const set of batch.sets) ledger.exporter(set.header.exporter).recordsRefusedByQueue += set.rows.length;
    if (passFault('queue', now()) !== undefined) logger.error({ records: batch.recordCount }, message);
  }

  async function readDrops(): Promise<void> {
    const drops = await listener.kernelDrops();
    if (drops === undefined || drops <= ledger.kernelDrops) return;
    const more = drops - ledger.kernelDrops;
    ledger.kernelDrops = drops;
    if (passFault('kernel', now()) !== undefined) {
      logger.warn({ datagrams: more, sinceStart: drops }, 'the kernel dropped datagrams: the receive buffer was full');
    }
  }

  async function start(): Promise<void> {
    await stateFile.load();
    await listener.start();
    timers.push(
      setInterval(() => batcher.tick(now()), Math.max(5, batch.maxAgeMs / ticksPerAge)),
      setInterval(() => decoder.expire(now()), 1000),
      setInterval(() => void stateFile.save(), saveEveryMs),
      setInterval(() => void readDrops(), readDropsEveryMs),
    );
  }

  async function stop(): Promise<void> {
    for (const timer of timers.splice(0)) clearInterval(timer);
    await readDrops();
    await listener.stop();
    batcher.flush();
    await Promise.all([...adding, stateFile.save()]);
  }

  return { start, addresses: () => listener.addresses(), stop };
}
