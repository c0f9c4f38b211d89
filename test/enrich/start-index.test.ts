// Wherever sorted numbers lie, the last one before a key is found: against looking at each.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atOnce } from '../../src/enrich/slices.ts';
import { createStartIndex } from '../../src/enrich/start-index.ts';

function wordsOf(width: 2 | 4, value: bigint): Uint32Array {
  return Uint32Array.from({ length: width }, (_, i) =>
    Number(BigInt.asUintN(32, value >> BigInt(32 * (width - 1 - i)))),
  );
}

/** Clusters: many numbers that have their first bits in common, at any depth. */
function numbers(bits: number): fc.Arbitrary<bigint[]> {
  const max = (1n << BigInt(bits)) - 1n;
  const cluster = fc
    .tuple(fc.bigInt(0n, max), fc.nat(bits - 1), fc.array(fc.bigInt(0n, max), { minLength: 1, maxLength: 120 }))
    .map(([base, shared, more]) => {
      const free = (1n << BigInt(bits - shared)) - 1n;
      return more.map((value) => (base & ~free & max) | (value & free));
    });
  return fc
    .array(cluster, { minLength: 1, maxLength: 6 })
    .map((clusters) => [...new Set(clusters.flat())].sort((a, b) => (a < b ? -1 : 1)));
}

test.each([
  [2, 64],
  [4, 128],
] as const)('numbers of %i words', (width, bits) => {
  const max = (1n << BigInt(bits)) - 1n;
  fc.assert(
    fc.property(numbers(bits), fc.array(fc.bigInt(0n, max), { maxLength: 20 }), (sorted, others) => {
      const starts = new Uint32Array(sorted.length * width);
      for (const [at, value] of sorted.entries()) starts.set(wordsOf(width, value), at * width);
      const find = atOnce(createStartIndex(width, starts));
      const near = sorted.flatMap((value) => [value, value + 1n, value - 1n]);
      for (const key of [...near, ...others, 0n, max]) {
        if (key < 0n || key > max) continue;
        const expected = sorted.findLastIndex((value) => value <= key);
        expect(find(wordsOf(width, key))).toBe(expected);
      }
    }),
    { numRuns: 200 },
  );
});

test('a list of powers of two, which are as unevenly spread as can be', () => {
  const sorted = Array.from({ length: 128 }, (_, i) => 1n << BigInt(i));
  const starts = new Uint32Array(sorted.length * 4);
  for (const [at, value] of sorted.entries()) starts.set(wordsOf(4, value), at * 4);
  const find = atOnce(createStartIndex(4, starts));
  expect(sorted.map((value) => find(wordsOf(4, value)))).toEqual(sorted.map((_, i) => i));
  expect(sorted.map((value) => find(wordsOf(4, value - 1n)))).toEqual(sorted.map((_, i) => i - 1));
});
