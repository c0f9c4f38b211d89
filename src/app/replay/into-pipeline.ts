// Replayed datagrams through a pipeline of this process: decoded, batched, enriched, written where the pipeline file says. No port is
// opened and no Redis is asked; what exporters taught a running weir is not read, and what these teach is not kept.

import { randomUUID } from 'node:crypto';
import { createMemoryQueue } from '../../enqueue/memory-queue.ts';
import type { Pipeline } from '../../enrich/pipeline.ts';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { becomesDocument } from '../../model/record.ts';
import { createLedger, droppedIn } from '../../telemetry/ledger.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { createBatchLane, createSayLost } from '../batch-lane.ts';
import { toThousands } from '../count-text.ts';
import { createCountingDecoder } from '../counting-decoder.ts';
import { type ChosenSink, createSink } from '../sinks.ts';
import { openPipeline } from '../steps.ts';
import { readVersion } from '../version.ts';
import { createWork } from '../work.ts';
import { createBatchIds } from './batch-ids.ts';
import type { ReplayedDatagram } from './replay-files.ts';
import type { ReplayTarget } from './replay-target.ts';
import { createShiftTimes } from './shift-times.ts';

export interface IntoPipelineOptions {
  readonly pipelineFile: PipelineFile;
  /** Steps ask nobody on the network. */
  readonly isOffline: boolean;
  /** The same capture makes the same ids each time; false: ids that were never there. */
  readonly repeatsIds: boolean;
  /** Aborts when the replay is to be stopped. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Reading goes on when what waits to be written is less: enough for a sink to be busy. */
const maxWaitingBytes = 16 * 1024 * 1024;
/** The room in the queue is never less: nothing is refused. */
const queueBytes = 1024 * 1024 * 1024;
const lookEveryMs = 5;
/** What is in hand when a replay is stopped has so long to get its fate. */
const stopLimitMs = 2500;
const expireEveryMs = 1000;

export interface IntoPipeline extends ReplayTarget {
  /** After `finish`: what became of the flows, a line each. */
  report(): readonly string[];
}

export function createIntoPipeline(options: IntoPipelineOptions): IntoPipeline {
  const { pipelineFile, isOffline, repeatsIds, signal, logger, now } = options;
  const { batch, decode } = pipelineFile;
  const ledger = createLedger();
  const queue = createMemoryQueue({ maxBytes: queueBytes, logger });
  const work = createWork({ queue, ledger, logger, now });
  const { decoder } = createCountingDecoder({ decode, ledger: () => ledger, logger, now });
  const shiftTimes = createShiftTimes();
  const ids = createBatchIds(JSON.stringify([readVersion(), batch, decode, repeatsIds ? '' : randomUUID()]));
  const lane = createBatchLane({
    batch,
    idPrefix: '',
    queue: { ...queue, add: (closed) => queue.add({ ...closed, id: ids.next(closed.id) }) },
    ledger,
    sayLost: createSayLost(logger, now),
    onBatch() {
      mayBeFull = true;
    },
  });
  let mayBeFull = false;
  /** Flows that the queue still had at the end. */
  let left = 0;
  let expiredAtMs = Number.NEGATIVE_INFINITY;
  let pipeline: Pipeline | undefined;
  let chosen: ChosenSink | undefined;

  async function start(): Promise<void> {
    pipeline = await openPipeline(pipelineFile, { logger, isOffline, ledger });
    chosen = await createSink(pipelineFile, { logger, now });
    await chosen.sink.start();
    await queue.start();
    work.start({ pipeline, ...chosen });
  }

  function take({ datagram }: ReplayedDatagram, shiftMs: number): number | Promise<number> {
    const { exporter, payload, receivedAtMs } = datagram;
    const counts = ledger.exporter(exporter);
    counts.datagramsReceived += 1;
    counts.bytesReceived += payload.length;
    ids.add(datagram);
    // By the clock of the capture, so that the same capture makes the same batches.
    lane.tick(receivedAtMs + shiftMs);
    if (Math.abs(receivedAtMs - expiredAtMs) >= expireEveryMs) {
      decoder.expire(receivedAtMs);
      expiredAtMs = receivedAtMs;
    }
    const sets = shiftTimes(decoder.decode(datagram), shiftMs);
    lane.add(sets, receivedAtMs + shiftMs);
    let flows = 0;
    for (const { layout, rows } of sets) if (becomesDocument(layout.kind)) flows += rows.length;
    return mayBeFull ? waitForRoom(flows) : flows;
  }

  async function waitForRoom(flows: number): Promise<number> {
    mayBeFull = false;
    while (!signal.aborted && (await queue.depth()).bytes > maxWaitingBytes) await pauseMs(lookEveryMs);
    return flows;
  }

  async function finish(): Promise<void> {
    // Sets that wait for a template after the last datagram wait in vain.
    decoder.expire(Number.POSITIVE_INFINITY);
    await lane.close();
    let stopLeftMs = stopLimitMs;
    while (stopLeftMs > 0 && (await queue.depth()).records > 0) {
      await pauseMs(lookEveryMs);
      if (signal.aborted) stopLeftMs -= lookEveryMs;
    }
    await work.stop();
    left = (await queue.depth()).records;
    await chosen?.sink.stop();
    await pipeline?.close();
  }

  function report(): readonly string[] {
    const totals = ledger.totals();
    const { documentsIndexed, documentsAlreadyThere, documentsDeadLettered, recordsLostInQueue } = totals;
    const faults = [...totals.faults].map(([code, count]) => `${code} ${toThousands(count)}`);
    const dropped = droppedIn(totals);
    const lines = [
      `documents to ${chosen?.target}: ${toThousands(documentsIndexed)} indexed` +
        `${documentsAlreadyThere > 0 ? `, ${toThousands(documentsAlreadyThere)} already there` : ''}` +
        `${dropped > 0 ? `, ${toThousands(dropped)} flows dropped by steps` : ''}`,
    ];
    if (documentsAlreadyThere > 0)
      lines.push('already there: an earlier replay of this capture wrote them, and they were left as they are');
    if (documentsDeadLettered > 0)
      lines.push(`${toThousands(documentsDeadLettered)} refused: weir dead-letters list says why`);
    if (recordsLostInQueue > 0) lines.push(`${toThousands(recordsLostInQueue)} flows given up: the log says why`);
    if (left > 0) lines.push(`${toThousands(left)} flows were read and not indexed: the replay was stopped`);
    const lost = [
      [totals.recordsLostInNetwork, 'flows'],
      [totals.datagramsLostInNetwork, 'datagrams'],
    ] as const;
    const missing = lost.flatMap(([count, what]) => (count > 0 ? [`${toThousands(count)} ${what}`] : []));
    if (missing.length > 0) lines.push(`missing in the capture, by sequence numbers: ${missing.join(', ')}`);
    if (faults.length > 0) lines.push(`faults: ${faults.join(', ')} (weir decode shows each; docs/errors.md)`);
    return lines;
  }

  return { start, take, finish, report, trouble: () => chosen?.sink.trouble() };
}

function pauseMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
