// Ranges of whole numbers → a number each; of ranges within ranges the innermost counts (the longest prefix).
// Ranges may not overlap otherwise. They are laid flat once, so that a look-up is one binary search:
//
//   10.0.0.0/8 = 1, 10.1.0.0/16 = 2   →   10.0.0.0: 1   10.1.0.0: 2   10.2.0.0: 1   11.0.0.0: none
//
// A million prefixes take 16 MB of IPv4 and 60 MB of IPv6 (up to twice as many starts, and a value for each).

import { mixHash } from './text-hash.ts';

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
  build(overlaps: (value: number, other: number) => void, nests?: Nests): RangeTable;
}

export function createRangeTable(width: 1 | 2 | 4): RangeTableBuilder {
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

  /** By first number, the wider range before the narrower, the earlier before the later. */
  function order(a: number, b: number): number {
    return compareAt(firsts, a, firsts, b, width) || compareAt(lasts, b, lasts, a, width) || a - b;
  }

  function build(overlaps: (value: number, other: number) => void, nests?: Nests): RangeTable {
    const sorted = Uint32Array.from({ length: count }, (_, i) => i).sort(order);
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

    for (const range of sorted) {
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
    return toTable(width, starts.slice(0, length * width), found.slice(0, length), size);
  }

  return { add, build };
}

function toTable(width: 1 | 2 | 4, starts: Uint32Array, values: Uint32Array, size: number): RangeTable {
  const lookup =
    width === 1
      ? createNarrowLookup(starts, values)
      : width === 2
        ? createPairLookup(starts, values)
        : createWideLookup(starts, values);
  return { size, lookup };
}

type Lookup = RangeTable['lookup'];

/** The starts below each upper half of a key are counted before: of a million prefixes some ten remain to be searched. */
function createNarrowLookup(starts: Uint32Array, values: Uint32Array): Lookup {
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
    return low === 0 ? noValue : values[low - 1]!;
  };
}

function createPairLookup(starts: Uint32Array, values: Uint32Array): Lookup {
  return (key) => {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareAt(starts, middle, key, 0, 2) <= 0) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? noValue : values[low - 1]!;
  };
}

/** As many numbers are one line of memory: a search touches one of each list. */
const stride = 8;

/** The upper 52 bits of a start, which a double holds exactly: a comparison of one number instead of four words. */
function upperBits(words: Uint32Array, at: number): number {
  return words[at]! * 2 ** 20 + (words[at + 1]! >>> 12);
}

/**
 * The upper bits of all starts, above them those of every eighth, and so on: of a million prefixes the lowest list alone is not in
 * the processor's cache. Starts that have the same upper bits (subnets longer than /52, single addresses) are compared in full.
 */
function createWideLookup(starts: Uint32Array, values: Uint32Array): Lookup {
  const count = values.length;
  const lists = [Float64Array.from({ length: count }, (_, i) => upperBits(starts, i * 4))];
  for (let list = lists[0]!; list.length > stride; list = lists[0]!) {
    const below = list;
    lists.unshift(Float64Array.from({ length: Math.ceil(below.length / stride) }, (_, i) => below[i * stride]!));
  }
  const upper = lists.at(-1)!;

  /** The starts up to `last` have no greater upper bits than the key: the last one of them that is not behind it, -1 for none. */
  function inFull(key: Uint32Array, last: number): number {
    let low = last;
    for (let step = 1; low > 0 && compareAt(starts, low, key, 0, 4) > 0; step *= 2) low = Math.max(0, low - step);
    return countUpTo(starts, low, last + 1, key) - 1;
  }

  function search(key: Uint32Array): number {
    const wanted = upperBits(key, 0);
    let found = 0;
    for (let i = 0; i < lists.length; i++) {
      const list = lists[i]!;
      let low = found * stride;
      let high = Math.min(low + stride, list.length);
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (list[middle]! <= wanted) low = middle + 1;
        else high = middle;
      }
      if (low === 0) return noValue;
      found = low - 1;
    }
    if (upper[found] === wanted) found = inFull(key, found);
    return found < 0 ? noValue : values[found]!;
  }

  return withRecentKeys(search);
}

/** So many answers are kept in 640 KB, which the processor has at hand where the table is not. */
const recentKeys = 32_768;

/** As a rule the same addresses come again. One place per hash: a newcomer takes the place of what stood there. */
function withRecentKeys(search: Lookup): Lookup {
  const keys = new Uint32Array(recentKeys * 4);
  // A place that nobody took yet has the key 0, and so its answer.
  const answers = new Uint32Array(recentKeys).fill(search(new Uint32Array(4)));
  return (key) => {
    const k0 = key[0]!;
    const k1 = key[1]!;
    const k2 = key[2]!;
    const k3 = key[3]!;
    const place = mixHash(mixHash(k0, k1), mixHash(k2, k3)) & (recentKeys - 1);
    const at = place * 4;
    if (keys[at] === k0 && keys[at + 1] === k1 && keys[at + 2] === k2 && keys[at + 3] === k3) return answers[place]!;
    const answer = search(key);
    keys[at] = k0;
    keys[at + 1] = k1;
    keys[at + 2] = k2;
    keys[at + 3] = k3;
    answers[place] = answer;
    return answer;
  };
}

/** How many starts of four words, sorted, are not behind the key; those before `low` are not. */
function countUpTo(starts: Uint32Array, low: number, high: number, key: Uint32Array): number {
  const k0 = key[0]!;
  const k1 = key[1]!;
  const k2 = key[2]!;
  const k3 = key[3]!;
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const at = middle * 4;
    const difference = starts[at]! - k0 || starts[at + 1]! - k1 || starts[at + 2]! - k2 || starts[at + 3]! - k3;
    if (difference <= 0) from = middle + 1;
    else to = middle;
  }
  return from;
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
