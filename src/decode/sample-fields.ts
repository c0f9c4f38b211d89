// What one sFlow sample has told so far → a row and the layout for it.
// Layouts are made once per set of filled slots and reused: each one costs the enrich stage a compilation.

import type { Column, FieldValue, Layout, RecordKind, Row } from '../model/record.ts';
import { columnOfSlot, firstRareSlot, outer, slot, slotCount, toLayout } from './sflow-columns.ts';

const rareWords = Math.ceil((slotCount - firstRareSlot) / 32);

/**
 * One value per slot, and a bit per filled slot: two words for those of common samples, further ones for the rest.
 * One object serves all samples of a decoder; `clear` forgets the bits, not the values.
 */
export class SampleFields {
  private readonly values: FieldValue[] = new Array<FieldValue>(slotCount).fill(null);
  private low = 0;
  private high = 0;
  private readonly rare = new Int32Array(rareWords);
  private hasRare = false;

  clear(): void {
    this.low = 0;
    this.high = 0;
    if (this.hasRare) this.rare.fill(0);
    this.hasRare = false;
  }

  set(at: number, value: FieldValue): void {
    this.values[at] = value;
    if (at < 32) this.low |= 1 << at;
    else if (at < firstRareSlot) this.high |= 1 << (at - 32);
    else {
      this.rare[(at - firstRareSlot) >>> 5]! |= 1 << (at & 31);
      this.hasRare = true;
    }
  }

  has(at: number): boolean {
    const word = at < 32 ? this.low : at < firstRareSlot ? this.high : this.rare[(at - firstRareSlot) >>> 5]!;
    return ((word >>> (at & 31)) & 1) === 1;
  }

  /** Undefined where nothing was set. */
  get(at: number): FieldValue | undefined {
    return this.has(at) ? this.values[at] : undefined;
  }

  setIfAbsent(at: number, value: FieldValue): void {
    if (!this.has(at)) this.set(at, value);
  }

  /**
   * Headers from slot `first` on become outer ones, because a packet was found inside. Of several frames or IP headers the outermost
   * stay, each whole; those between are dropped.
   */
  moveOutward(first: number): void {
    const { distance } = outer;
    const keepsFrame = !this.has(slot.ethernetType + distance) && !this.has(slot.mplsLabels + distance);
    const keepsIp = !this.has(slot.ipVersion + distance);
    for (let at = first; at <= outer.last; at++) {
      if (!this.has(at)) continue;
      if (at < slot.ipVersion ? keepsFrame : keepsIp) this.set(at + distance, this.values[at]!);
      this.low &= ~(1 << at);
    }
  }

  toRow(layouts: SampleLayouts): { readonly layout: Layout; readonly row: Row } {
    const { layout, slots, exact } = layouts.find(this.low, this.high, this.hasRare ? this.rare : undefined);
    const row = new Array<FieldValue>(slots.length);
    const { values } = this;
    for (let i = 0; i < slots.length; i++) row[i] = values[slots[i]!]!;
    if (!exact) for (let i = 0; i < slots.length; i++) if (!this.has(slots[i]!)) row[i] = null;
    return { layout, row };
  }
}

interface Shape {
  readonly layout: Layout;
  readonly slots: readonly number[];
  /** All of its slots are filled. */
  readonly exact: boolean;
  /** Bits of the slots, 32 to a word. */
  readonly words: Int32Array;
}

export interface SampleLayouts {
  /** The layout for the slots whose bits are set. */
  find(low: number, high: number, rare: Int32Array | undefined): Shape;
}

/**
 * An agent makes about ten shapes (address family × transport × VLAN × routing). Beyond the limit, which takes crafted samples,
 * all columns are written and the absent ones are null: those of common samples, or really all where a rare one is filled.
 */
const defaultMaxLayouts = 256;

export function createSampleLayouts(kind: RecordKind, maxLayouts = defaultMaxLayouts): SampleLayouts {
  const common = new Map<number, Map<number, Shape>>();
  /** By a hash of all words; those that share one stand in a list. */
  const rareShapes = new Map<number, Shape[]>();
  let count = 0;
  const allCommon = toShape(new Int32Array(2 + rareWords).fill(-1, 0, 2), false);
  const everything = toShape(new Int32Array(2 + rareWords).fill(-1), false);

  function toShape(words: Int32Array, exact: boolean): Shape {
    const isFilled = (at: number): boolean => ((words[at >>> 5]! >>> (at & 31)) & 1) === 1;
    const slots = [...columnOfSlot.keys()].filter(isFilled).sort((a, b) => a - b);
    const columns: readonly Column[] = slots.map((at) => columnOfSlot.get(at)!);
    return { slots, layout: toLayout(kind, columns), exact, words };
  }

  function add(low: number, high: number, rare: Int32Array | undefined): Shape {
    if (count >= maxLayouts) return rare === undefined ? allCommon : everything;
    count++;
    const words = new Int32Array(2 + rareWords);
    words[0] = low;
    words[1] = high;
    if (rare !== undefined) words.set(rare, 2);
    return toShape(words, true);
  }

  function findCommon(low: number, high: number): Shape {
    const known = common.get(low)?.get(high);
    if (known !== undefined) return known;
    const shape = add(low, high, undefined);
    if (shape === allCommon) return shape;
    const sameLow = common.get(low);
    if (sameLow === undefined) common.set(low, new Map([[high, shape]]));
    else sameLow.set(high, shape);
    return shape;
  }

  function findRare(low: number, high: number, rare: Int32Array): Shape {
    let hash = Math.imul(low ^ Math.imul(high, 31), 0x9e37_79b1);
    for (let i = 0; i < rareWords; i++) hash = Math.imul(hash ^ rare[i]!, 0x85eb_ca6b);
    const sameHash = rareShapes.get(hash);
    if (sameHash !== undefined) for (const shape of sameHash) if (isOf(shape, low, high, rare)) return shape;
    const shape = add(low, high, rare);
    if (shape === everything) return shape;
    if (sameHash === undefined) rareShapes.set(hash, [shape]);
    else sameHash.push(shape);
    return shape;
  }

  return { find: (low, high, rare) => (rare === undefined ? findCommon(low, high) : findRare(low, high, rare)) };
}

function isOf({ words }: Shape, low: number, high: number, rare: Int32Array): boolean {
  if (words[0] !== low || words[1] !== high) return false;
  for (let i = 0; i < rareWords; i++) if (words[2 + i] !== rare[i]) return false;
  return true;
}
