// Ranges of whole numbers → a number each; of ranges within ranges the innermost counts (the longest prefix).
// Ranges may not overlap otherwise. They are laid flat once, so that a look-up is one search for the start before a number (start-index.ts):
//
//   10.0.0.0/8 = 1, 10.1.0.0/16 = 2   →   10.0.0.0: 1   10.1.0.0: 2   10.2.0.0: 1   11.0.0.0: none
//
// A million prefixes take 18 MB of IPv4 and 42 MB of IPv6 (up to twice as many starts, and a value for each).

import { itemsAtOnce, type Slices } from './slices.ts';
import { createStartIndex } from './start-index.ts';

type Width = 1 | 2 | 4;

/** Values are 0 to 2^32 - 2. */
export const noValue = 0xffff_ffff;

export interface RangeTable {
  /** Ranges that were taken. */
  readonly size: number;
  /** `key`: as many words as the table is wide. `noValue`: in no range. */
  lookup(key: Uint32Array): number;
}

export type Nests = (value: number, outer: number, isSameRange: boolean) => void;

export interface RangeTableBuilder {
  /** First and last number, words highest first. The same range again: the last one counts. */
  add(first: Uint32Array, last: Uint32Array, value: number): void;
  /**
   * `overlaps` is told the values of two ranges that overlap and lie not within each other; the later one is left out. `nests` is
   * told of each range after those that it lies within: its value, and that of the innermost of them, or of the same range before.
   */
  build(overlaps: (value: number, other: number) => void, nests?: Nests): Slices<RangeTable>;
}

export function createRangeTable(width: Width): RangeTableBuilder {
  let capacity = 64;
  let count = 0;
  let firsts = new Uint32Array(capacity * width);
  let lasts = new Uint32Array(capacity * width);
  let values = new Uint32Array(capacity);

  function add(first: Uint32Array, last: Uint32Array, value: number): void {
    if (count === capacity) grow();
    for (let i = 0; i < width; i++) {
      firsts[count * width + i] = first[i]!;
      lasts[count * width + i] = last[i]!;
    }
    values[count++] = value;
  }

  function grow(): void {
    capacity *= 2;
    firsts = larger(firsts, capacity * width);
    lasts = larger(lasts, capacity * width);
    values = larger(values, capacity);
  }

  function* build(overlaps: (value: number, other: number) => void, nests?: Nests): Slices<RangeTable> {
    const sorted = yield* sortedRanges(width, firsts, lasts, count);
    const starts = new Uint32Array((2 * count + 1) * width);
    const found = new Uint32Array(2 * count + 1);
    /** Ranges that are open, the innermost last. */
    const open: number[] = [];
    const next = new Uint32Array(width);
    let length = 0;
    let size = 0;

    function start(words: Uint32Array, at: number, value: number): void {
      if (length > 0 && compareAt(starts, length - 1, words, at, width) === 0) {
        found[length - 1] = value;
        return;
      }
      for (let i = 0; i < width; i++) starts[length * width + i] = words[at * width + i]!;
      found[length++] = value;
    }

    function close(range: number): void {
      const outer = open.at(-1);
      for (let i = 0; i < width; i++) next[i] = lasts[range * width + i]!;
      // Behind the last number of all there is nothing to say.
      if (increment(next)) start(next, 0, outer === undefined ? noValue : values[outer]!);
    }

    for (const [index, range] of sorted.entries()) {
      if (index % itemsAtOnce === 0) yield;
      for (
        let top = open.at(-1);
        top !== undefined && compareAt(lasts, top, firsts, range, width) < 0;
        top = open.at(-1)
      ) {
        open.pop();
        close(top);
      }
      const outer = open.at(-1);
      if (outer !== undefined && compareAt(lasts, outer, lasts, range, width) < 0) {
        overlaps(values[range]!, values[outer]!);
        continue;
      }
      const isAgain =
        outer !== undefined &&
        compareAt(firsts, outer, firsts, range, width) === 0 &&
        compareAt(lasts, outer, lasts, range, width) === 0;
      if (outer !== undefined) nests?.(values[range]!, values[outer]!, isAgain);
      if (isAgain) open.pop();
      else size++;
      start(firsts, range, values[range]!);
      open.push(range);
    }
    for (let top = open.pop(); top !== undefined; top = open.pop()) close(top);
    capacity = 0;
    firsts = new Uint32Array(0);
    lasts = firsts;
    values = firsts;
    return yield* toTable(width, starts.slice(0, length * width), found.slice(0, length), size);
  }

  return { add, build };
}

function* toTable(width: Width, starts: Uint32Array, values: Uint32Array, size: number): Slices<RangeTable> {
  const find = width === 1 ? createNarrowIndex(starts) : yield* createStartIndex(width, starts);
  return {
    size,
    lookup: (key) => {
      const found = find(key);
      return found < 0 ? noValue : values[found]!;
    },
  };
}

/** Of numbers of one word those below each upper half are counted before: of a million prefixes some ten remain to be searched. */
function createNarrowIndex(starts: Uint32Array): (key: Uint32Array) => number {
  const below = new Uint32Array(0x1_0001);
  for (const start of starts) below[(start >>> 16) + 1]! += 1;
  for (let i = 1; i < below.length; i++) below[i]! += below[i - 1]!;
  return (key) => {
    const wanted = key[0]!;
    let low = below[wanted >>> 16]!;
    let high = below[(wanted >>> 16) + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= wanted) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
}

/** Ranges by their first number, the wider before the narrower, the earlier before the later: by the last word of least weight first. */
function* sortedRanges(width: Width, firsts: Uint32Array, lasts: Uint32Array, count: number): Slices<Uint32Array> {
  let sorted = new Uint32Array(count);
  for (let i = 0; i < count; i++) sorted[i] = i;
  for (let word = width - 1; word >= 0; word--) sorted = yield* sortedByWord(sorted, lasts, width, word, 0xffff_ffff);
  for (let word = width - 1; word >= 0; word--) sorted = yield* sortedByWord(sorted, firsts, width, word, 0);
  return sorted;
}

/** One takes some nanoseconds, or some hundred where memory is slow. */
const rangesAtOnce = 16_384;

/** What has the same 16 bits keeps its order. `flip` with all bits set: the greater before the smaller. */
function* sortedByWord(
  order: Uint32Array<ArrayBuffer>,
  words: Uint32Array,
  width: Width,
  word: number,
  flip: number,
): Slices<Uint32Array<ArrayBuffer>> {
  let sorted = order;
  for (const shift of [0, 16]) {
    const digitOf = (range: number) => ((words[range * width + word]! ^ flip) >>> shift) & 0xffff;
    const places = new Uint32Array(0x1_0001);
    for (let from = 0; from < sorted.length; from += rangesAtOnce) {
      yield;
      const to = Math.min(from + rangesAtOnce, sorted.length);
      for (let i = from; i < to; i++) places[digitOf(sorted[i]!) + 1]! += 1;
    }
    // All alike: there is nothing to sort.
    if (sorted.length === 0 || places[digitOf(sorted[0]!) + 1] === sorted.length) continue;
    for (let i = 1; i < places.length; i++) places[i]! += places[i - 1]!;
    const next = new Uint32Array(sorted.length);
    for (let from = 0; from < sorted.length; from += rangesAtOnce) {
      yield;
      const to = Math.min(from + rangesAtOnce, sorted.length);
      for (let i = from; i < to; i++) next[places[digitOf(sorted[i]!)]!++] = sorted[i]!;
    }
    sorted = next;
  }
  return sorted;
}

function larger(words: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length);
  copy.set(words);
  return copy;
}

function compareAt(a: Uint32Array, i: number, b: Uint32Array, j: number, width: number): number {
  for (let word = 0; word < width; word++) {
    const difference = a[i * width + word]! - b[j * width + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** False: the number was the last one. */
function increment(words: Uint32Array): boolean {
  for (let i = words.length - 1; i >= 0; i--) {
    words[i] = words[i]! + 1;
    if (words[i] !== 0) return true;
  }
  return false;
}
