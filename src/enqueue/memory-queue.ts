// The queue inside one process: bounded by bytes, in order of arrival. An orderly stop keeps what is left in a file,
// and the next start brings it back; a killed process loses what was waiting (a Redis queue does not).

import { WeirError } from '../model/errors.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import type { Logger } from '../telemetry/logger.ts';
import { readBatchFile, writeBatchFile } from './batch-file.ts';
import { toSetAsideRows } from './ledger-store.ts';
import type { MemoryLedger } from './memory-ledger.ts';
import { type FailedFate, type Job, maxAttempts, type Queue, type QueueDepth } from './queue.ts';

export interface MemoryQueueOptions {
  /** `add` refuses when the batches waiting and active have this many bytes (by their own estimate). */
  readonly maxBytes: number;
  /** Where batches wait between `stop` and `start`. Absent: they are forgotten. */
  readonly file?: string;
  readonly ledger?: MemoryLedger;
  /** Told of each batch that was done with, or given up. */
  readonly onEnded?: (batchId: string) => void;
  readonly logger: Logger;
}

interface Entry {
  readonly batch: RecordBatch;
  /** Its place in line; a batch that failed goes behind the others. */
  sequence: number;
  /** From the last run's file. */
  readonly restored: boolean;
  attempt: number;
}

export function createMemoryQueue({ maxBytes, file, ledger, onEnded, logger }: MemoryQueueOptions): Queue {
  /** In order; entries before `head` are taken. Compacted now and then, so that taking is O(1). */
  let waiting: (Entry | undefined)[] = [];
  let head = 0;
  const active = new Set<Entry>();
  const takers: ((entry: Entry | undefined) => void)[] = [];
  let sequence = 0;
  let bytes = 0;
  let records = 0;
  let stopped = true;
  /** Batches from the file that are not done yet: with the last one the file goes. */
  let restoredLeft = 0;

  async function start(): Promise<void> {
    stopped = false;
    await ledger?.start();
    if (file === undefined) return;
    const { batches, damaged } = await readBatchFile(file).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new WeirError('file-invalid', `the batches of the last run can't be read from ${file}: ${reason}`, {
        hint: 'Move the file away to start without them.',
        cause,
      });
    });
    if (damaged > 0) logger.error({ file, damaged }, 'batches of the last run are damaged and lost');
    if (batches.length > 0) logger.info({ file, batches: batches.length }, 'took over the batches of the last run');
    // More than maxBytes may come back: refusing them would lose them.
    restoredLeft = batches.length;
    for (const batch of batches) put(batch, true);
  }

  function put(batch: RecordBatch, restored: boolean): void {
    const entry: Entry = { batch, sequence, restored, attempt: 1 };
    sequence += 1;
    bytes += batch.byteSize;
    records += batch.recordCount;
    offer(entry);
  }

  /** To a taker that waits, or into line: at the tail when new, by its old place when it was given back. */
  function offer(entry: Entry): void {
    const taker = takers.shift();
    if (taker !== undefined) {
      taker(entry);
      return;
    }
    let index = waiting.length;
    while (index > head && waiting[index - 1]!.sequence > entry.sequence) index -= 1;
    if (index === head && head > 0) {
      head -= 1;
      waiting[head] = entry;
    } else waiting.splice(index, 0, entry);
  }

  async function add(batch: RecordBatch): Promise<boolean> {
    if (stopped || bytes + batch.byteSize > maxBytes) return false;
    put(batch, false);
    return true;
  }

  async function take(signal: AbortSignal): Promise<Job | undefined> {
    if (signal.aborted || stopped) return undefined;
    const entry = next() ?? (await waitForEntry(signal));
    if (entry === undefined) return undefined;
    active.add(entry);
    return toJob(entry);
  }

  function next(): Entry | undefined {
    const entry = waiting[head];
    if (entry === undefined) return undefined;
    waiting[head] = undefined;
    head += 1;
    if (head === waiting.length || head > 1024) {
      waiting = waiting.slice(head);
      head = 0;
    }
    return entry;
  }

  function waitForEntry(signal: AbortSignal): Promise<Entry | undefined> {
    return new Promise((resolve) => {
      const taker = (entry: Entry | undefined): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(entry);
      };
      const giveUp = (): void => {
        takers.splice(takers.indexOf(taker), 1);
        resolve(undefined);
      };
      takers.push(taker);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  function toJob(entry: Entry): Job {
    return {
      batch: entry.batch,
      attempt: entry.attempt,
      async done(fates = []) {
        const isEnded = await forget(entry);
        if (isEnded) ledger?.book(fates);
        return isEnded;
      },
      async giveBack() {
        if (active.delete(entry)) offer(entry);
      },
      async fail(): Promise<FailedFate> {
        if (entry.attempt >= maxAttempts) {
          if (await forget(entry)) ledger?.book(toSetAsideRows(entry.batch, 'records_lost_in_queue'));
          return 'lost';
        }
        if (active.delete(entry)) {
          entry.attempt += 1;
          entry.sequence = sequence;
          sequence += 1;
          offer(entry);
        }
        return 'again';
      },
    };
  }

  async function forget(entry: Entry): Promise<boolean> {
    if (!active.delete(entry)) return false;
    bytes -= entry.batch.byteSize;
    records -= entry.batch.recordCount;
    onEnded?.(entry.batch.id);
    if (entry.restored) await forgetRestored();
    return true;
  }

  async function forgetRestored(): Promise<void> {
    restoredLeft -= 1;
    if (restoredLeft === 0 && file !== undefined) await writeBatchFile(file, []);
  }

  async function depth(): Promise<QueueDepth> {
    return {
      waiting: waiting.length - head,
      active: active.size,
      records,
      bytes,
      oldestAtMs: waiting[head]?.batch.createdAtMs,
    };
  }

  async function stop(): Promise<void> {
    if (stopped) return;
    stopped = true;
    for (const taker of takers.splice(0)) taker(undefined);
    for (const entry of active) offer(entry);
    active.clear();
    const left = waiting.slice(head).map((entry) => entry!.batch);
    waiting = [];
    head = 0;
    bytes = 0;
    records = 0;
    await keep(left);
    await ledger?.stop();
  }

  /** Never throws: the other stages are still to be stopped, whatever the disk says. */
  async function keep(left: readonly RecordBatch[]): Promise<void> {
    const counts = { batches: left.length, records: left.reduce((sum, batch) => sum + batch.recordCount, 0) };
    try {
      if (file !== undefined) await writeBatchFile(file, left);
      if (left.length === 0) return;
      if (file === undefined) logger.error(counts, 'batches that were not indexed are lost');
      else logger.warn({ file, ...counts }, 'kept batches that were not indexed for the next start');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error({ file, ...counts, reason }, 'batches that were not indexed are lost: the file can’t be written');
    }
  }

  return { start, add, take, depth, ledger, stop };
}
