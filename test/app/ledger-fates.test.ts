import { expect, test } from 'vitest';
import { toFateRows } from '../../src/app/ledger-fates.ts';
import type { DocumentBatch } from '../../src/model/document.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';

const createdAtMs = Date.UTC(2026, 0, 1, 12, 0, 30);
const batch = { createdAtMs } as RecordBatch;
const documents = {
  count: 3,
  exporters: ['192.0.2.1', '192.0.2.2'],
  exporterOf: Uint16Array.of(0, 1, 1),
  dropped: [],
  added: [],
  partlyIndexed: [],
} as unknown as DocumentBatch;
const result = { alreadyThere: [1], refused: [] } as const;

test('each document is booked with the time since its batch was received, to the minute of receiving', () => {
  const rows = toFateRows(batch, documents, result, (name) => name, createdAtMs + 95_000);
  expect(rows.map(({ minuteMs, exporter, counts }) => [new Date(minuteMs).toISOString(), exporter, counts])).toEqual([
    ['2026-01-01T12:00:00.000Z', '192.0.2.1', { documents_indexed: 1, documents_delay_ms: 95_000 }],
    [
      '2026-01-01T12:00:00.000Z',
      '192.0.2.2',
      { documents_indexed: 1, documents_already_there: 1, documents_delay_ms: 190_000 },
    ],
  ]);
});

test('a worker whose clock is behind the listener’s takes no time off', () => {
  const rows = toFateRows(batch, documents, result, (name) => name, createdAtMs - 5000);
  expect(rows.map(({ counts }) => counts['documents_delay_ms'])).toEqual([0, 0]);
});
