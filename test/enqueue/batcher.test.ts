import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BatcherOptions, createBatcher } from '../../src/enqueue/batcher.ts';
import type { Layout, RecordSet, Row } from '../../src/model/record.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { testHeader, testLayout } from '../contracts/batches.ts';

function collect(options: Partial<BatcherOptions>) {
  const batches: RecordBatch[] = [];
  const batcher = createBatcher({
    maxRecords: 1000,
    maxBytes: 1e9,
    maxAgeMs: 1000,
    idPrefix: 'x-',
    onBatch: (batch) => batches.push(batch),
    ...options,
  });
  return { batches, batcher };
}

const otherLayout: Layout = {
  ...testLayout,
  id: 'other',
  columns: [...testLayout.columns, { name: 'applicationName', type: 'text' }],
};

function setOf(rows: readonly Row[], layout = testLayout, sequence = 0): RecordSet {
  return { layout, header: { ...testHeader, sequence }, rows };
}

describe('a batch closes', () => {
  test('at its number of records, in the middle of a set when need be', () => {
    const { batches, batcher } = collect({ maxRecords: 3 });
    batcher.add(
      setOf([
        [1, 1, ''],
        [2, 2, ''],
      ]),
      0,
    );
    batcher.add(
      setOf([
        [3, 3, ''],
        [4, 4, ''],
        [5, 5, ''],
        [6, 6, ''],
        [7, 7, ''],
      ]),
      0,
    );
    expect(batches.map(({ recordCount }) => recordCount)).toEqual([3, 3]);
    expect(batches[1]?.sets[0]?.rows).toEqual([
      [4, 4, ''],
      [5, 5, ''],
      [6, 6, ''],
    ]);
    batcher.flush();
    expect(batches[2]?.sets[0]?.rows).toEqual([[7, 7, '']]);
  });

  test('at its bytes, long texts counted', () => {
    const { batches, batcher } = collect({ maxBytes: 10_000 });
    batcher.add(setOf([[1, 1, 'x'.repeat(9000)]]), 0);
    expect(batches).toHaveLength(0);
    batcher.add(
      setOf([
        [2, 2, 'x'.repeat(900)],
        [3, 3, ''],
        [4, 4, ''],
      ]),
      0,
    );
    expect(batches).toHaveLength(1);
    expect(batches[0]?.byteSize).toBeGreaterThanOrEqual(10_000);
  });

  test('at its age, counted from its first record', () => {
    const { batches, batcher } = collect({ maxAgeMs: 200 });
    batcher.tick(0);
    batcher.add(setOf([[1, 1, '']]), 1000);
    batcher.add(setOf([[2, 2, '']]), 1150);
    batcher.tick(1199);
    expect(batches).toHaveLength(0);
    batcher.tick(1200);
    expect(batches.map(({ recordCount, createdAtMs }) => [recordCount, createdAtMs])).toEqual([[2, 1000]]);
    batcher.tick(9999);
    expect(batches).toHaveLength(1);
  });

  test('when the clock was set back', () => {
    const { batches, batcher } = collect({ maxAgeMs: 200 });
    batcher.add(setOf([[1, 1, '']]), 1_000_000);
    batcher.tick(5);
    expect(batches).toHaveLength(1);
  });
});

test('ids never repeat and layouts are named once', () => {
  const { batches, batcher } = collect({ maxRecords: 4 });
  for (let index = 0; index < 100; index += 1) {
    batcher.add(setOf([[index, index, '']], testLayout), 0);
    batcher.add(setOf([[index, index, '', '']], otherLayout), 0);
  }
  expect(new Set(batches.map(({ id }) => id)).size).toBe(50);
  for (const { layouts, sets } of batches) {
    expect(layouts).toEqual([testLayout, otherLayout]);
    expect(sets.map(({ layout }) => layout)).toEqual([0, 1, 0, 1]);
  }
});

test('for any sets, limits and moments: nothing is lost, doubled or reordered, and no limit is passed by more than a row', () => {
  const action = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        rows: fc.integer({ min: 0, max: 40 }),
        text: fc.string({ maxLength: 300 }),
        other: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ tickAfterMs: fc.integer({ min: -50, max: 500 }) }) },
    { weight: 1, arbitrary: fc.constant({ flush: true as const }) },
  );
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 5000 }),
      (actions, maxRecords, maxBytes) => {
        const { batches, batcher } = collect({ maxRecords, maxBytes, maxAgeMs: 100 });
        const sent: unknown[] = [];
        let nowMs = 1000;
        let serial = 0;
        for (const step of actions) {
          if ('tickAfterMs' in step) {
            nowMs += step.tickAfterMs;
            batcher.tick(nowMs);
          } else if ('flush' in step) batcher.flush();
          else {
            const layout = step.other ? otherLayout : testLayout;
            const rows = Array.from({ length: step.rows }, () => [
              serial++,
              0,
              step.text,
              ...(step.other ? ['app'] : []),
            ]);
            const set = setOf(rows, layout, serial);
            batcher.add(set, nowMs);
            for (const row of rows) sent.push([layout.id, set.header, row]);
          }
        }
        batcher.flush();
        const received = batches.flatMap(({ layouts, sets }) =>
          sets.flatMap(({ layout, header, rows }) => rows.map((row) => [layouts[layout]!.id, header, row])),
        );
        expect(received).toEqual(sent);
        for (const { recordCount, sets, byteSize } of batches) {
          expect(recordCount).toBe(sets.reduce((sum, { rows }) => sum + rows.length, 0));
          expect(recordCount).toBeGreaterThan(0);
          expect(recordCount).toBeLessThanOrEqual(maxRecords);
          expect(byteSize).toBeLessThan(maxBytes + 1000);
        }
        expect(new Set(batches.map(({ id }) => id)).size).toBe(batches.length);
      },
    ),
    { numRuns: 300 },
  );
});
