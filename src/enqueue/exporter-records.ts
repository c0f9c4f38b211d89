// Whose records a batch holds: what names a loss when the batch itself is gone.

import type { RecordBatch } from '../model/record-batch.ts';

/** Records by exporter. */
export type ExporterRecords = Readonly<Record<string, number>>;

export function toExporterRecords({ sets }: RecordBatch): ExporterRecords {
  const records: Record<string, number> = Object.create(null);
  for (const { header, rows } of sets) records[header.exporter] = (records[header.exporter] ?? 0) + rows.length;
  return records;
}
