// What became of a batch, as rows of the ledger: booked to the minute in which the batch was received.

import { allWorkers } from '../enqueue/ledger-store.ts';
import type { WriteResult } from '../index/sink.ts';
import type { DocumentBatch } from '../model/document.ts';
import { type LedgerRow, toMinute } from '../model/ledger-row.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import { droppedByStep } from '../telemetry/ledger-fields.ts';

export function toFateRows(
  { createdAtMs }: RecordBatch,
  documents: DocumentBatch,
  { alreadyThere, refused }: WriteResult,
  toName: (exporter: string) => string,
  atMs: number,
): readonly LedgerRow[] {
  const rows = new Map<string, Record<string, number>>();
  const names = documents.exporters.map(toName);
  function add(exporter: string, field: string, count: number): void {
    const counts = rows.get(exporter) ?? {};
    rows.set(exporter, counts);
    counts[field] = (counts[field] ?? 0) + count;
  }
  const nameOf = (index: number): string => names[documents.exporterOf[index]!]!;

  const perExporter = new Array<number>(names.length).fill(0);
  for (let index = 0; index < documents.count; index += 1) perExporter[documents.exporterOf[index]!]! += 1;
  // Clocks of two machines may differ.
  const delayMs = Math.max(0, atMs - createdAtMs);
  for (const [at, count] of perExporter.entries()) {
    add(names[at]!, 'documents_indexed', count);
    add(names[at]!, 'documents_delay_ms', count * delayMs);
  }
  for (const index of alreadyThere) {
    add(nameOf(index), 'documents_indexed', -1);
    add(nameOf(index), 'documents_already_there', 1);
  }
  for (const { index } of refused) {
    add(nameOf(index), 'documents_indexed', -1);
    add(nameOf(index), 'documents_dead_lettered', 1);
  }
  for (const { exporter, step, rows: dropped } of documents.dropped) {
    add(toName(exporter), 'records_dropped_by_steps', dropped);
    add(toName(exporter), `${droppedByStep}.${step.replaceAll('.', '_')}`, dropped);
  }
  for (const { exporter, documents: more } of documents.added) add(toName(exporter), 'documents_added_by_step', more);
  for (const { exporter, documents: some } of documents.partlyIndexed)
    add(toName(exporter), 'documents_partly_indexed', some);
  return Array.from(rows, ([exporter, counts]) => ({
    minuteMs: toMinute(createdAtMs),
    exporter,
    stage: 'work',
    process: allWorkers,
    counts,
  }));
}
