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
    for (let i = 0; i < slots.length; i++) {
      const at = slots[i]!;
      row[i] = exact || this.has(at) ? this.values[at]! : null;
    }
    return { layout, row };
  }
}

interface Shape {
  readonly layout: Layout;
  readonly slots: readonly number[];
  /** All of its slots are filled. */
  readonly exact: boolean;
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
  const rareShapes = new Map<string, Shape>();
  let count = 0;
  const allCommon = toShape((at) => at < firstRareSlot, false);
  const everything = toShape(() => true, false);

  function toShape(isFilled: (at: number) => boolean, exact: boolean): Shape {
    const slots = [...columnOfSlot.keys()].filter(isFilled).sort((a, b) => a - b);
    const columns: readonly Column[] = slots.map((at) => columnOfSlot.get(at)!);
    return { slots, layout: toLayout(kind, columns), exact };
  }

  function find(low: number, high: number, rare: Int32Array | undefined): Shape {
    const key = rare === undefined ? '' : `${low},${high},${rare.join()}`;
    const known = rare === undefined ? common.get(low)?.get(high) : rareShapes.get(key);
    if (known !== undefined) return known;
    if (count >= maxLayouts) return rare === undefined ? allCommon : everything;
    count++;
    const words = [low, high, ...(rare ?? new Int32Array(rareWords))];
    const shape = toShape((at) => ((words[at >>> 5]! >>> (at & 31)) & 1) === 1, true);
    if (rare !== undefined) rareShapes.set(key, shape);
    else if (common.has(low)) common.get(low)!.set(high, shape);
    else common.set(low, new Map([[high, shape]]));
    return shape;
  }

  return { find };
}
