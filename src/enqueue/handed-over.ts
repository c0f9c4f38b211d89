// What a listener has put on Redis and nobody has indexed yet: to be sent again where Redis loses it, and to be named where even the
// bytes are gone here (docs/decisions/0040). Bounded: the oldest lose their bytes first, then their names.

import type { JobData } from './bullmq-keys.ts';

export interface HandedOver {
  readonly job: JobData;
  /** Undefined: there was no room to keep them. */
  bytes: Buffer | undefined;
  /** Grows with each batch that this process puts on Redis. */
  readonly ordinal: number;
}

export interface HandedOverList {
  add(entry: HandedOver): void;
  /** Of batches that may be done by now: other ones at each call. */
  some(count: number): readonly string[];
  forget(batchId: string): void;
  /** Takes out what was put on Redis after the one with this number. */
  takeAfter(ordinal: number): readonly HandedOver[];
}

export interface HandedOverLimits {
  readonly maxBytes: number;
  readonly maxBatches: number;
}

export function createHandedOver({ maxBytes, maxBatches }: HandedOverLimits): HandedOverList {
  /** In the order in which they were put there. */
  const entries = new Map<string, HandedOver>();
  let bytes = 0;
  let from = 0;

  function add(entry: HandedOver): void {
    forget(entry.job.id);
    entries.set(entry.job.id, entry);
    bytes += entry.bytes?.length ?? 0;
    for (const old of entries.values()) {
      if (bytes <= maxBytes) break;
      bytes -= old.bytes?.length ?? 0;
      old.bytes = undefined;
    }
    for (const id of entries.keys()) {
      if (entries.size <= maxBatches) break;
      forget(id);
    }
  }

  function forget(batchId: string): void {
    const entry = entries.get(batchId);
    if (entry === undefined) return;
    bytes -= entry.bytes?.length ?? 0;
    entries.delete(batchId);
  }

  function some(count: number): readonly string[] {
    const ids = [...entries.keys()];
    if (from >= ids.length) from = 0;
    const chosen = ids.slice(from, from + count);
    from += count;
    return chosen;
  }

  function takeAfter(ordinal: number): readonly HandedOver[] {
    const taken = [...entries.values()].filter((entry) => entry.ordinal > ordinal);
    for (const { job } of taken) forget(job.id);
    return taken;
  }

  return { add, some, forget, takeAfter };
}
