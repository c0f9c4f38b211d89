// A queue with a spool before it: what the queue does not take, because it is away or at its limit, goes to disk and follows
// in order when there is room. While anything is on disk everything goes there, so that order is kept.

import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordBatch } from '../model/record-batch.ts';
import type { SequencePosition } from '../model/sequence.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createRateLimit } from '../telemetry/logger.ts';
import { fromBatchBytes, toBatchBytes } from './batch-bytes.ts';
import { type ExporterRecords, toExporterRecords } from './exporter-records.ts';
import type { Queue, SpoolDepth } from './queue.ts';
import { toReachedField } from './reached.ts';
import type { Spool } from './spool.ts';

/** Batches of a process that is gone come without being added here. */
const lookEveryMs = 250;
const firstPauseMs = 100;
const longestPauseMs = 2000;

export interface SpoolingQueueOptions {
  readonly queue: Queue;
  readonly spool: Spool;
  readonly logger: Logger;
  readonly now: () => number;
  /** Of this process, as in `reached`. */
  readonly writer?: string;
  /** Told how far an earlier process had got with what it left on disk. */
  readonly onLeft?: (reached: readonly SequencePosition[]) => void;
  /** `reached` is to outlive the process, as the batch does now. */
  readonly onSpooled: (
    batch: RecordBatch,
    records: ExporterRecords,
    reached: readonly SequencePosition[],
  ) => Promise<void> | void;
  /** A batch whose bytes are whole, but no batch: of a version of weir that writes them differently. */
  readonly onUnreadable: (records: ExporterRecords) => void;
}

/** How a batch lies on disk: what is in safe hands with it is written in the same moment. */
interface SpooledBatch extends RecordBatch {
  readonly reached?: { readonly writer: string; readonly positions: readonly SequencePosition[] };
}

export interface SpoolingQueue extends Queue {
  spooled(): SpoolDepth;
}

export function createSpoolingQueue(options: SpoolingQueueOptions): SpoolingQueue {
  const { queue, spool, logger, now, writer = '', onLeft, onSpooled, onUnreadable } = options;
  const pass = createRateLimit();
  let stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let replaying: Promise<void> | undefined;
  /** How far exporters' records are in safe hands by what waits on disk: the latest of each counter. */
  const onDisk = new Map<string, SequencePosition>();

  async function start(): Promise<void> {
    stopping = new AbortController();
    await spool.start();
    await queue.start();
    timer = setInterval(replay, lookEveryMs);
    timer.unref();
  }

  async function add(batch: RecordBatch, reached: readonly SequencePosition[] = []): Promise<boolean> {
    if (spool.depth().batches === 0 && (await tryQueue(batch, reached))) return true;
    const records = toExporterRecords(batch);
    const spooled: SpooledBatch = reached.length === 0 ? batch : { ...batch, reached: { writer, positions: reached } };
    const isDoubtful = queue.mayHave?.(batch.id) ?? false;
    const isKept = await spool.append(toBatchBytes(spooled), records, isDoubtful ? batch.id : undefined);
    if (!isKept) return queue.answersFor?.(batch.id) ?? false;
    await onSpooled(batch, records, reached);
    for (const position of reached) onDisk.set(toReachedField(position), position);
    return true;
  }

  async function tryQueue(batch: RecordBatch, reached: readonly SequencePosition[]): Promise<boolean> {
    try {
      return await queue.add(batch, reached);
    } catch (error) {
      if (pass('queue', now()) !== undefined) {
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn({ reason }, 'the queue is away: batches wait on disk');
      }
      return false;
    }
  }

  function replay(): void {
    replaying ??= replayAll()
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        logger.error({ reason }, 'the spool can’t be read for now');
      })
      .finally(() => {
        replaying = undefined;
      });
  }

  async function replayAll(): Promise<void> {
    let count = 0;
    for (let head = await spool.head(); head !== undefined; head = await spool.head()) {
      if (stopping.signal.aborted) return;
      const spooled: SpooledBatch | undefined = fromBatchBytes(head.payload);
      if (spooled === undefined) onUnreadable(head.records);
      else {
        const { reached, ...batch } = spooled;
        if (reached !== undefined && reached.writer !== writer) onLeft?.(reached.positions);
        if (!(await putPatiently(batch))) return;
      }
      head.remove();
      count += 1;
    }
    if (count > 0) logger.info({ batches: count }, 'the spool is empty: everything is on the queue');
  }

  /** With the last batch the queue knows how far all of them had got. */
  async function tryReplay(batch: RecordBatch): Promise<boolean> {
    const reached = spool.depth().batches === 1 ? [...onDisk.values()] : [];
    if (!(await tryQueue(batch, reached))) return false;
    for (const position of reached) {
      const field = toReachedField(position);
      if (onDisk.get(field) === position) onDisk.delete(field);
    }
    return true;
  }

  /** True: the queue has it. False: weir is stopping. */
  async function putPatiently(batch: RecordBatch): Promise<boolean> {
    for (let pauseMs = firstPauseMs; !(await tryReplay(batch)); pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return false;
    }
    return true;
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    stopping.abort();
    await replaying;
    await queue.stop();
    await spool.stop();
  }

  return {
    start,
    add,
    take: (signal) => queue.take(signal),
    depth: () => queue.depth(),
    spooled: spool.depth,
    ledger: queue.ledger,
    stop,
  };
}
