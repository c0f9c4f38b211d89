// What a segment of a spool holds behind the place up to which it was read: the batches, and the records of whom.

import type { ExporterRecords } from './exporter-records.ts';
import type { SpoolSegment } from './spool-segment.ts';

export interface SpoolLoss {
  /** `dropped`: the spool, or the disk, was full. `damaged`: the bytes on disk are not those that were written. */
  readonly reason: 'dropped' | 'damaged';
  /** Empty where the damage is such that nobody can say. */
  readonly records: ExporterRecords;
  readonly bytes: number;
}

export interface Held {
  readonly file: SpoolSegment;
  /** Where the oldest batch begins that was not removed. */
  position: number;
  batches: number;
  readonly records: Map<string, number>;
  /** Batches that somebody else may have, too, by where they begin. */
  readonly doubtful: Map<number, { readonly batchId: string; readonly records: ExporterRecords }>;
}

export function toHeld(file: SpoolSegment, position = 0): Held {
  return { file, position, batches: 0, records: new Map(), doubtful: new Map() };
}

/** `answersFor`: whether somebody else has a batch, and answers for it. */
export function lossOf(held: Held, reason: SpoolLoss['reason'], answersFor: (batchId: string) => boolean): SpoolLoss {
  for (const { batchId, records } of held.doubtful.values()) if (answersFor(batchId)) exclude(held, records);
  const records = Object.fromEntries([...held.records].filter(([, count]) => count !== 0));
  return { reason, records, bytes: held.file.bytes() - held.position };
}

/** What a segment holds behind `position`. */
export async function takeStock(file: SpoolSegment, position: number): Promise<Held> {
  const held = toHeld(file, Math.min(Math.max(0, position), file.bytes()));
  for (let at = held.position, found = await file.outline(at); found !== undefined; found = await file.outline(at)) {
    include(held, found.counts);
    at += found.length;
  }
  return held;
}

export function include(held: Held, records: ExporterRecords | undefined): void {
  held.batches += 1;
  for (const [exporter, count] of Object.entries(records ?? {}))
    held.records.set(exporter, (held.records.get(exporter) ?? 0) + count);
}

export function exclude(held: Held, records: ExporterRecords | undefined): void {
  held.batches -= 1;
  for (const [exporter, count] of Object.entries(records ?? {}))
    held.records.set(exporter, (held.records.get(exporter) ?? 0) - count);
}
