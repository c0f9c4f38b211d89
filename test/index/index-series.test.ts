// Size-bounded indices: which one a batch goes to, whoever asks and when.

import { expect, test } from 'vitest';
import { announceMs, indexOfTime, nextStart, seriesIndex, startOfIndex } from '../../src/index/index-series.ts';

const at = (text: string): number => Date.parse(text);

test('an index says from when on batches go to it, in UTC', () => {
  const startMs = at('2026-11-24T15:40:00Z');
  expect(seriesIndex('weir-flow', startMs)).toBe('weir-flow-2026.11.24-1540');
  expect(startOfIndex('weir-flow', 'weir-flow-2026.11.24-1540')).toBe(startMs);
});

test.each(['weir-flow', 'weir-flow-', 'weir-flow-eu-000001', 'weir-flow-2026.11.24', 'other-000001', 'weir-flow-0001'])(
  '%s is not of the series weir-flow',
  (index) => {
    expect(startOfIndex('weir-flow', index)).toBeUndefined();
  },
);

test('a batch goes to the last index that had begun when the batch was', () => {
  const indices = ['f-2026.11.24-1540', 'f-000002', 'f-2026.11.25-0010', 'f-000001', 'f-other'];
  const indexAt = (text: string) => indexOfTime('f', indices, at(text));
  expect(indexAt('2026-11-24T15:39:59.999Z')).toBe('f-000002');
  expect(indexAt('2026-11-24T15:40:00Z')).toBe('f-2026.11.24-1540');
  expect(indexAt('2026-11-25T00:09:59Z')).toBe('f-2026.11.24-1540');
  expect(indexAt('2027-01-01T00:00:00Z')).toBe('f-2026.11.25-0010');
});

test('what is older than all that is left goes to the oldest', () => {
  expect(indexOfTime('f', ['f-2026.11.25-0010', 'f-2026.11.24-1540'], 0)).toBe('f-2026.11.24-1540');
  expect(indexOfTime('f', [], 0)).toBeUndefined();
});

test('the next index begins ten minutes from now at least, and at the same time for all who ask within ten', () => {
  const [early, late] = [at('2026-11-24T15:30:00.001Z'), at('2026-11-24T15:40:00Z')];
  expect(nextStart(early)).toBe(at('2026-11-24T15:50:00Z'));
  expect(nextStart(late)).toBe(at('2026-11-24T15:50:00Z'));
  for (const nowMs of [early, late]) expect(nextStart(nowMs) - nowMs).toBeGreaterThanOrEqual(announceMs);
});
