import { expect, test } from 'vitest';
import type { OwnIndex } from '../../src/index/index-inventory.ts';
import { createIndexLayout } from '../../src/index/index-layout.ts';
import { findSurplus, toForecast, toForecastText, toSizeText } from '../../src/index/retention-rules.ts';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 24, 12);

/** The index of so many days ago; 0 is today's. */
function dayIndex(daysAgo: number, bytes = 10e9): OwnIndex {
  const beginMs = Date.UTC(2026, 10, 24) - daysAgo * dayMs;
  const endMs = beginMs + dayMs;
  return {
    name: `day-${daysAgo}`,
    createdMs: beginMs,
    endMs,
    bytes,
    primaryBytes: bytes,
    segments: 1,
    shards: 1,
    isWritten: daysAgo === 0,
  };
}

const days = (...ago: number[]) => ago.map((day) => dayIndex(day));
const names = (surplus: ReturnType<typeof findSurplus>) => surplus.map(({ index }) => index.name);

test('an index goes when its last day is over for "keep"', () => {
  // At noon, the index of 3 days ago is over for two and a half days.
  expect(names(findSurplus(days(4, 3, 2, 1, 0), { keepMs: 2.5 * dayMs }, nowMs))).toEqual(['day-4', 'day-3']);
  expect(names(findSurplus(days(3), { keepMs: 2.5 * dayMs + 1 }, nowMs))).toEqual([]);
});

test('the oldest go until the rest is small enough, and never the one that is written to', () => {
  expect(names(findSurplus(days(3, 2, 1, 0), { maxBytes: 25e9 }, nowMs))).toEqual(['day-3', 'day-2']);
  expect(names(findSurplus(days(3, 2, 1, 0), { maxBytes: 20e9 }, nowMs))).toEqual(['day-3', 'day-2']);
  expect(names(findSurplus(days(1, 0), { maxBytes: 1 }, nowMs))).toEqual(['day-1']);
});

test('what goes by age counts for the size', () => {
  expect(names(findSurplus(days(9, 1, 0), { keepMs: 5 * dayMs, maxBytes: 20e9 }, nowMs))).toEqual(['day-9']);
});

test('an index of a day to come has no age', () => {
  expect(findSurplus([dayIndex(-400)], { keepMs: dayMs }, nowMs)).toEqual([]);
});

test('without limits nothing goes', () => {
  expect(findSurplus(days(1000, 0), {}, nowMs)).toEqual([]);
});

test('the disk is full after free bytes ÷ bytes a day', () => {
  // Two whole days and half of today: 25 GB in 2.5 days.
  const indices = [dayIndex(2), dayIndex(1), dayIndex(0, 5e9)];
  const forecast = toForecast(indices, { freeBytes: 105e9 }, {}, nowMs);
  expect(forecast).toMatchObject({ bytes: 25e9, bytesPerDay: 10e9, fullInDays: 10.5 });
  expect(toForecastText(forecast)).toBe('disk: full in 10 days (25 GB in flows, 10 GB a day, 105 GB free)');
});

test('the disk does not get full where old indices go before', () => {
  const indices = [dayIndex(2), dayIndex(1), dayIndex(0, 5e9)];
  // 8 days of 10 GB are 80 GB: 55 GB more than now.
  expect(toForecast(indices, { freeBytes: 56e9 }, { keepMs: 7 * dayMs }, nowMs)?.fullInDays).toBeUndefined();
  expect(toForecast(indices, { freeBytes: 54e9 }, { keepMs: 7 * dayMs }, nowMs)?.fullInDays).toBe(5.4);
  expect(toForecast(indices, { freeBytes: 16e9 }, { maxBytes: 40e9 }, nowMs)?.fullInDays).toBeUndefined();
});

test('of less than an hour nothing is said', () => {
  expect(toForecast([{ ...dayIndex(0), createdMs: nowMs - 1000 }], { freeBytes: 1 }, {}, nowMs)).toBeUndefined();
  expect(toForecast([], { freeBytes: 1 }, {}, nowMs)).toBeUndefined();
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.5 kB'],
  [500e9, '500 GB'],
])('%d bytes are %s', (bytes, text) => {
  expect(toSizeText(bytes)).toBe(text);
});

test.each([
  ['weir-flow-%{yyyy.MM.dd}', 'weir-flow-2026.11.24', Date.UTC(2026, 10, 25)],
  ['weir-flow-%{yyyy.MM.dd}', 'weir-flow-2026.12.31', Date.UTC(2027, 0, 1)],
  ['weir-%{yyyy}x%{MM}', 'weir-2026x12', Date.UTC(2027, 0, 1)],
  ['a-%{yyyy}', 'a-2026', Date.UTC(2027, 0, 1)],
  ['weir-flow-%{yyyy.MM.dd}', 'weir-flow-other', undefined],
  ['weir-flow-%{yyyy.MM.dd}', 'weir-flow-2026x11x24', undefined],
  ['weir-flow', 'weir-flow', undefined],
])('with %s, %s ends at %s', (indexName, index, end) => {
  expect(createIndexLayout({ indexName, now: () => 0 }).endOfDay(index)).toBe(end);
});
