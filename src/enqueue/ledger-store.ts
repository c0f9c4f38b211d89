// Where counts of the ledger lie until they are documents: beside the batches, on Redis or in this process. Rows of the same minute,
// exporter and process are added up here; pages of them are what is written.

import { type LedgerPage, type LedgerRow, toMinute } from '../model/ledger-row.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import { type ExporterRecords, toExporterRecords } from './exporter-records.ts';

export interface LedgerStore {
  /**
   * Adds rows, once for each `sequence` (which grows) of a `writer`, however often it is asked. False: it can't now; ask again with the
   * same numbers.
   */
  add(writer: string, sequence: number, rows: readonly LedgerRow[]): Promise<boolean>;
  /**
   * Pages to be written, oldest first: the same until they are removed. What was added since the last page becomes one, once a minute,
   * or at once where `isUrgent`.
   */
  pages(isUrgent: boolean): Promise<readonly LedgerPage[]>;
  remove(pageId: string): Promise<void>;
  /** All that is not removed yet. */
  rows(): Promise<readonly LedgerRow[]>;
}

export const newPageEveryMs = 60_000;
/** More counts than these wait only where nothing was written for hours: further ones are booked to their hour, then to their day. */
const manyCounts = 200_000;

const hourMs = 3_600_000;

/** What a count is of, as text: two counts of the same are added. */
export type LedgerEntry = readonly [key: string, count: number];

export function toLedgerEntries(rows: readonly LedgerRow[], waitingCounts: number): LedgerEntry[] {
  const grainMs = waitingCounts < manyCounts ? 1 : waitingCounts < 2 * manyCounts ? hourMs : 24 * hourMs;
  return rows.flatMap(({ minuteMs, exporter, listenAddress, stage, process, counts }) => {
    const atMs = Math.floor(minuteMs / grainMs) * grainMs;
    const about = [atMs, exporter ?? null, listenAddress ?? null, stage, process];
    return Object.entries(counts)
      .filter(([, count]) => count !== 0)
      .map(([field, count]): LedgerEntry => [JSON.stringify([...about, field]), count]);
  });
}

/** In an order that depends on the entries only: a row's place is part of its document's `_id`. */
export function toLedgerRows(entries: Iterable<LedgerEntry>): LedgerRow[] {
  const rows = new Map<string, LedgerRow & { counts: Record<string, number> }>();
  for (const [key, count] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parts = JSON.parse(key) as [number, string | null, string | null, LedgerRow['stage'], string, string];
    const [atMs, exporter, listenAddress, stage, process, field] = parts;
    const about = JSON.stringify(parts.slice(0, -1));
    let row = rows.get(about);
    if (row === undefined) {
      row = {
        minuteMs: atMs,
        ...(exporter !== null && { exporter }),
        ...(listenAddress !== null && { listenAddress }),
        stage,
        process,
        counts: {},
      };
      rows.set(about, row);
    }
    if (count !== 0) row.counts[field] = (row.counts[field] ?? 0) + count;
  }
  return [...rows.values()].filter(({ counts }) => Object.keys(counts).length > 0);
}

export type SetAsideField = 'records_lost_in_queue' | 'records_quarantined';

/** All records of a batch that nobody will index, or not for now. */
export function toSetAsideRows(batch: RecordBatch, field: SetAsideField): readonly LedgerRow[] {
  return toRecordRows({ createdAtMs: batch.createdAtMs, exporters: toExporterRecords(batch) }, field);
}

/** `sign` -1: they are taken back. */
export function toRecordRows(
  { createdAtMs, exporters }: { readonly createdAtMs: number; readonly exporters: ExporterRecords },
  field: SetAsideField,
  sign: 1 | -1 = 1,
): readonly LedgerRow[] {
  return Object.entries(exporters).map(([exporter, records]) => ({
    minuteMs: toMinute(createdAtMs),
    exporter,
    stage: 'work',
    process: allWorkers,
    counts: { [field]: sign * records },
  }));
}

/** Workers share a queue, and its rows. */
export const allWorkers = 'workers';
