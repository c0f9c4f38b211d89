// The first half of the way: datagrams in, decoded, batched, put on the queue. Wires collect, decode and enqueue.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { TcpListener } from '../collect/tcp-listener.ts';
import { createUdpListener } from '../collect/udp-listener.ts';
import { createDecoder } from '../decode/decoder.ts';
import { createInformationElements } from '../decode/information-elements.ts';
import { createBatcher } from '../enqueue/batcher.ts';
import type { Queue } from '../enqueue/queue.ts';
import type { ListenAddress, PipelineFile } from '../enrich/pipeline-file.ts';
import type { Datagram } from '../model/datagram.ts';
import type { Fault } from '../model/fault.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import type { SequenceChange } from '../model/sequence.ts';
import { countFault, countSequence, type Ledger } from '../telemetry/ledger.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { createExporterGate } from './exporter-gate.ts';
import { createSessionDecoders } from './session-decoders.ts';
import { createStateFile } from './state-file.ts';

/** How often the open batch is looked at: a part of its age, so that the age is kept to a quarter. */
const ticksPerAge = 4;
const saveEveryMs = 5000;
const readDropsEveryMs = 1000;
/** Room that the queue must have for exporters by TCP to be read: what one chunk of theirs (64 KiB) can become, several times. */
const roomBytes = 4 * 1024 * 1024;
const readDepthEveryMs = 100;

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
  addresses(): readonly ListenAddress[];
  /** Closes the ports and puts what is in hand on the queue. */
  stop(): Promise<void>;
}

export function createListen({ pipelineFile, queue, ledger, logger, now }: ListenOptions): Listen {
  const { batch, collect, listen, state } = pipelineFile;
  const passFault = createRateLimit();
  const timers: NodeJS.Timeout[] = [];
  const adding = new Set<Promise<void>>();

  const decoder = createDecoder({
    onFault,
    onSequence,
    elements: createInformationElements(pipelineFile.decode.elements),
    tunnels: pipelineFile.decode.tunnels,
  });
  const batcher = createBatcher({
    maxRecords: batch.maxRecords,
    maxBytes: batch.maxBytes,
    maxAgeMs: batch.maxAgeMs,
    idPrefix: randomBytes(9).toString('base64url'),
    onBatch,
  });
  const isAllowed = createExporterGate(collect.allowedExporters);
  const sessions = createSessionDecoders(decoder);
  const holdAboveBytes = Math.max(
    0,
    Math.min(0.75 * pipelineFile.queue.maxBytes, pipelineFile.queue.maxBytes - roomBytes),
  );
  const listener = createUdpListener({
    addresses: listen.filter(({ protocol }) => protocol === 'udp'),
    receiveBufferBytes: collect.receiveBufferBytes,
    onDatagram(datagram) {
      if (isAllowed(datagram.exporter)) onDatagram(datagram);
      else {
        ledger.datagramsRefused += 1;
        warnRefused(datagram.exporter);
      }
    },
    logger,
    now,
  });
  let tcpListener: TcpListener | undefined;
  const stateFile = createStateFile({ path: join(state.directory, 'templates.json'), decoder, logger });

  function onDatagram(datagram: Datagram): void {
    const counts = ledger.exporter(datagram.exporter);
    counts.datagramsReceived += 1;
    counts.bytesReceived += datagram.payload.length;
    const { session } = datagram;
    const sets = session === undefined ? decoder.decode(datagram) : sessions.decode({ ...datagram, session });
    for (const set of sets) {
      if (set.layout.kind !== 'flow') counts.otherRecordsDecoded += set.rows.length;
      else {
        counts.recordsDecoded += set.rows.length;
        batcher.add(set, datagram.receivedAtMs);
      }
    }
  }

  /** One kind of message for all of them: sources may be forged. */
  function warnRefused(exporter: string): void {
    const heldBack = passFault('refused', now());
    if (heldBack === undefined) return;
    logger.warn({ exporter, ...(heldBack > 0 && { heldBack }) }, 'refused: not in collect.exporters.allow');
  }

  function onFault(fault: Fault): void {
    countFault(ledger.exporter(fault.exporter), fault.code);
    const heldBack = passFault(`${fault.exporter} ${fault.code}`, now());
    if (heldBack !== undefined) logger.warn({ ...fault, ...(heldBack > 0 && { heldBack }) }, `fault: ${fault.code}`);
  }

  function onSequence(change: SequenceChange): void {
    countSequence(ledger.exporter(change.exporter), change);
    const { exporter, protocol, domain, restarted, unusable, trouble } = change;
    if (restarted === 0 && unusable === 0) return;
    const what = restarted > 0 ? 'restart' : `sequence ${unusable}`;
    if (passFault(`${exporter} ${what}`, now()) === undefined) return;
    const about = { exporter, protocol, domain };
    if (restarted > 0)
      logger.info(about, 'an exporter has restarted; its templates are kept until it defines them anew');
    else if (unusable > 0)
      logger.warn(
        { ...about, reason: trouble },
        'sequence numbers unusable: loss on the way from this exporter is not known',
      );
    else logger.info(about, 'sequence numbers make sense again');
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
    void easePressure();
  }

  /** Over TCP nothing needs to be lost: what we don't read stays with the exporter. */
  async function easePressure(): Promise<void> {
    if (tcpListener === undefined) return;
    const { bytes } = await queue.depth();
    if (bytes > holdAboveBytes) tcpListener.hold();
    else if (bytes <= holdAboveBytes / 2) tcpListener.release();
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

  /** Loaded only where it is wanted: start-up counts. */
  async function startTcp(): Promise<void> {
    const addresses = listen.filter(({ protocol }) => protocol !== 'udp');
    if (addresses.length === 0) return;
    const { createTcpListener } = await import('../collect/tcp-listener.ts');
    tcpListener = createTcpListener({
      addresses: addresses.map(({ protocol, host, port }) => ({ host, port, tls: protocol === 'tls' })),
      ...(collect.tls !== undefined && { tls: collect.tls }),
      limits: collect.tcp,
      isAllowed,
      onDatagram,
      onSessionEnd: sessions.end,
      onRefused(exporter) {
        ledger.connectionsRefused += 1;
        warnRefused(exporter);
      },
      onFault,
      logger,
      now,
    });
    await tcpListener.start();
  }

  async function start(): Promise<void> {
    await stateFile.load();
    await listener.start();
    try {
      await startTcp();
    } catch (error) {
      await listener.stop();
      throw error;
    }
    timers.push(
      setInterval(() => batcher.tick(now()), Math.max(5, batch.maxAgeMs / ticksPerAge)),
      setInterval(() => {
        decoder.expire(now());
        sessions.expire(now());
      }, 1000),
      setInterval(() => void easePressure(), readDepthEveryMs),
      setInterval(() => void stateFile.save(), saveEveryMs),
      setInterval(() => void readDrops(), readDropsEveryMs),
    );
  }

  async function stop(): Promise<void> {
    for (const timer of timers.splice(0)) clearInterval(timer);
    await readDrops();
    await Promise.all([listener.stop(), tcpListener?.stop()]);
    batcher.flush();
    await Promise.all([...adding, stateFile.save()]);
  }

  function addresses(): readonly ListenAddress[] {
    const udp = listener.addresses().map(({ host, port }) => ({ protocol: 'udp' as const, host, port }));
    const tcp = tcpListener?.addresses() ?? [];
    return [
      ...udp,
      ...tcp.map(({ tls, host, port }) => ({ protocol: tls ? ('tls' as const) : ('tcp' as const), host, port })),
    ];
  }

  return { start, addresses, stop };
}
