// What this process and its queue need, every few seconds, into the ledger: CPU time, memory, how much waits and for how long. Sums and the
// number of looks, for whatever is in the ledger must add up (docs/decisions/0024).

import type { Queue } from '../enqueue/queue.ts';
import type { LedgerBook } from '../telemetry/ledger-book.ts';

export interface ProcessUsage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

export interface ProcessWatchOptions {
  readonly book: Pick<LedgerBook, 'addProcess'>;
  readonly queue: Pick<Queue, 'depth'>;
  /** This process first, then those that it has started, each at its place; undefined: not known now. */
  readonly usage: () => readonly (ProcessUsage | undefined)[];
  readonly spooledRecords: () => number;
  readonly now: () => number;
}

export interface ProcessWatch {
  start(): void;
  look(): Promise<void>;
  stop(): void;
}

const lookEveryMs = 5000;

export function createProcessWatch({ book, queue, usage, spooledRecords, now }: ProcessWatchOptions): ProcessWatch {
  const seenCpuMs: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  function look(): Promise<void> {
    looking ??= lookNow().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function lookNow(): Promise<void> {
    const atMs = now();
    let memoryBytes = 0;
    let cpuMs = 0;
    for (const [place, each] of usage().entries()) {
      if (each === undefined) continue;
      memoryBytes += each.memoryBytes;
      // Less than before: another process has taken its place.
      const before = seenCpuMs[place] ?? 0;
      cpuMs += each.cpuMs < before ? each.cpuMs : each.cpuMs - before;
      seenCpuMs[place] = each.cpuMs;
    }
    const add = (field: string, count: number): void => book.addProcess(atMs, field, Math.round(count));
    add('process_looks', 1);
    add('cpu_ms', cpuMs);
    add('memory_bytes', memoryBytes);
    add('spool_records', spooledRecords());
    const depth = await queue.depth().catch(() => undefined);
    if (depth === undefined) return;
    add('queue_looks', 1);
    add('queue_records', depth.records);
    add('queue_bytes', depth.bytes);
    add('queue_age_ms', depth.oldestAtMs === undefined ? 0 : Math.max(0, atMs - depth.oldestAtMs));
  }

  return {
    start() {
      timer = setInterval(() => void look(), lookEveryMs);
      timer.unref();
    },
    look,
    stop() {
      clearInterval(timer);
    },
  };
}

/** CPU time since the process began, of all its threads. */
export function readOwnUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, memoryBytes: process.memoryUsage.rss() };
}
