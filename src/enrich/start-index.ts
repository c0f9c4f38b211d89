// Sorted numbers of two or four 32-bit words → the last one that is not behind a key, in a few reads of memory, however the
// numbers lie. A node cuts the way from its first number to its last into even slots and knows how many numbers are before each; a
// slot with many of them has a node of its own, so that tables whose prefixes lie close together are as quick as those where they
// are far apart:
//
//   slots of 2001::/16      │ 0 │ 3 │ 9 │ … │    numbers before the slot
//                             └─ many: slots of 2001:db8::/32 …
//
// Where all numbers of a slot begin with the same 52 bits, its node goes by those that follow.

import { itemsAtOnce, type Slices } from './slices.ts';

type Width = 2 | 4;

/** Numbers in a slot that are searched as they are: one or two lines of memory. */
const maxInSlot = 16;

const numbersPerSlot = 8;
const minSlots = 16;

/** Each node below another looks at four bits more, at least. What is deeper is searched as it is. */
const maxDepth = 16;

/** Doubles hold so many bits, and more. */
const bitsPerLevel = 52;

interface Node {
  /** Which 52 bits of a number it goes by. */
  readonly level: number;
  readonly first: number;
  readonly scale: number;
  readonly slots: number;
  /** Place of its first slot in the lists. */
  readonly offset: number;
}

/** `starts`: as many words for each number as `width` says, highest first; sorted, each number once. -1: all are behind the key. */
export function* createStartIndex(width: Width, starts: Uint32Array): Slices<(key: Uint32Array) => number> {
  const count = starts.length / width;
  const nodes: Node[] = [];
  /** By slot: numbers before it; behind the last slot of a node, those before its end. */
  const before: number[] = [];
  /** By slot: its node, 0 for none. */
  const nodeOf: number[] = [];

  const levels = Math.ceil((width * 32) / bitsPerLevel);
  /** Slots that get a node of their own. */
  const crowded: { place: number; wantedLevel: number; depth: number }[] = [];
  let slotsDone = 0;

  function* addNode(from: number, to: number, wantedLevel: number, depth: number): Slices<void> {
    const last = (to - 1) * width;
    let level = wantedLevel;
    while (level < levels - 1 && bitsAt(width, level, starts, from * width) === bitsAt(width, level, starts, last))
      level += 1;
    const first = bitsAt(width, level, starts, from * width);
    const range = bitsAt(width, level, starts, last) - first;
    const slots = Math.max(minSlots, Math.ceil((to - from) / numbersPerSlot));
    const offset = before.length;
    const node: Node = { level, first, scale: range === 0 ? 0 : slots / range, slots, offset };
    nodes.push(node);
    let at = from;
    for (let slot = 0; slot < slots; slot++) {
      before.push(at);
      nodeOf.push(0);
      while (at < to && slotOf(node, bitsAt(width, level, starts, at * width)) === slot) at += 1;
      if (++slotsDone % itemsAtOnce === 0) yield;
    }
    before.push(to);
    nodeOf.push(0);
    if (depth === maxDepth || range === 0) return;
    for (let place = offset; place < offset + slots; place++) {
      if (before[place + 1]! - before[place]! > maxInSlot)
        crowded.push({ place, wantedLevel: level, depth: depth + 1 });
    }
  }

  if (count > 0) yield* addNode(0, count, 0, 1);
  for (let slot = crowded.pop(); slot !== undefined; slot = crowded.pop()) {
    const { place, wantedLevel, depth } = slot;
    nodeOf[place] = nodes.length;
    yield* addNode(before[place]!, before[place + 1]!, wantedLevel, depth);
  }
  const befores = Uint32Array.from(before);
  const children = Uint32Array.from(nodeOf);

  return (key) => {
    let low = 0;
    let high = count;
    for (let node = nodes[0]; node !== undefined && high - low > maxInSlot; ) {
      const place = node.offset + slotOf(node, bitsAt(width, node.level, key, 0));
      low = befores[place]!;
      high = befores[place + 1]!;
      const child = children[place]!;
      if (child === 0) break;
      node = nodes[child];
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareWords(width, starts, middle * width, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
}

/** A larger number is never in an earlier slot: that is all the search needs, whatever a double rounds. */
function slotOf({ first, scale, slots }: Node, bits: number): number {
  const slot = Math.floor((bits - first) * scale);
  return slot < 0 ? 0 : slot < slots ? slot : slots - 1;
}

/** Some 52 bits of the number at this place. Of two words all 64 are one double: numbers beyond 2^53 - 1 are not told apart by it. */
function bitsAt(width: Width, level: number, words: Uint32Array, at: number): number {
  if (width === 2) return words[at]! * 2 ** 32 + words[at + 1]!;
  if (level === 0) return words[at]! * 2 ** 20 + (words[at + 1]! >>> 12);
  if (level === 1) return (words[at + 1]! & 0xfff) * 2 ** 40 + words[at + 2]! * 2 ** 8 + (words[at + 3]! >>> 24);
  return words[at + 3]! & 0xff_ffff;
}

function compareWords(width: Width, words: Uint32Array, at: number, key: Uint32Array): number {
  const difference = words[at]! - key[0]! || words[at + 1]! - key[1]!;
  return difference !== 0 || width === 2 ? difference : words[at + 2]! - key[2]! || words[at + 3]! - key[3]!;
}
