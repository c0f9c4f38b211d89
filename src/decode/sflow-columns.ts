// The columns of decoded sFlow flow and discard samples, and the layouts made of them.
// A sample fills slots; the set of slots filled names the layout, so that equal samples share one object.

import { createHash } from 'node:crypto';
import type { Column, ColumnType, FieldValue, Layout, RecordKind, Row } from '../model/record.ts';

/** Slot of every column. Names without a prefix are IANA's, but for asPath, communities and mplsLabels, which hold lists. */
export const slot = {
  samplingInterval: 0,
  ingressInterface: 1,
  egressInterface: 2,
  dataLinkFrameSize: 3,
  destinationMacAddress: 4,
  sourceMacAddress: 5,
  dot1qVlanId: 6,
  dot1qPriority: 7,
  dot1qCustomerVlanId: 8,
  dot1qCustomerPriority: 9,
  ethernetType: 10,
  mplsLabels: 11,
  ipVersion: 12,
  ipClassOfService: 13,
  ipTotalLength: 14,
  ipPayloadLength: 15,
  fragmentIdentification: 16,
  fragmentOffset: 17,
  ipTTL: 18,
  flowLabelIPv6: 19,
  nextHeaderIPv6: 20,
  protocolIdentifier: 21,
  sourceIPv4Address: 22,
  destinationIPv4Address: 23,
  sourceIPv6Address: 24,
  destinationIPv6Address: 25,
  sourceTransportPort: 26,
  destinationTransportPort: 27,
  tcpControlBits: 28,
  icmpTypeIPv4: 29,
  icmpCodeIPv4: 30,
  icmpTypeIPv6: 31,
  icmpCodeIPv6: 32,
  vlanId: 33,
  postVlanId: 34,
  ipNextHopIPv4Address: 35,
  ipNextHopIPv6Address: 36,
  sourceIPv4PrefixLength: 37,
  destinationIPv4PrefixLength: 38,
  sourceIPv6PrefixLength: 39,
  destinationIPv6PrefixLength: 40,
  bgpNextHopIPv4Address: 41,
  bgpNextHopIPv6Address: 42,
  bgpSourceAsNumber: 43,
  bgpPrevAdjacentAsNumber: 44,
  bgpNextAdjacentAsNumber: 45,
  bgpDestinationAsNumber: 46,
  asPath: 47,
  communities: 48,
  'sflow.localPreference': 49,
  'sflow.drops': 50,
  'sflow.inputFormat': 51,
  'sflow.outputFormat': 52,
  'sflow.discardReason': 53,
  'sflow.egressQueue': 54,
} as const;

type ColumnName = keyof typeof slot;

/** Columns whose values are not numbers. */
const columnTypes: Partial<Record<ColumnName, ColumnType>> = {
  destinationMacAddress: 'mac',
  sourceMacAddress: 'mac',
  sourceIPv4Address: 'ipv4',
  destinationIPv4Address: 'ipv4',
  ipNextHopIPv4Address: 'ipv4',
  bgpNextHopIPv4Address: 'ipv4',
  sourceIPv6Address: 'ipv6',
  destinationIPv6Address: 'ipv6',
  ipNextHopIPv6Address: 'ipv6',
  bgpNextHopIPv6Address: 'ipv6',
};

const columns: readonly Column[] = (Object.keys(slot) as ColumnName[]).map((name) => ({
  name,
  type: columnTypes[name] ?? 'number',
}));

/**
 * What one sample has told so far: one value per slot, and a bit per filled slot in two 32-bit words.
 * One object serves all samples of a decoder; `clear` forgets the bits, not the values.
 */
export class SampleFields {
  private readonly values: FieldValue[] = new Array<FieldValue>(columns.length).fill(null);
  private low = 0;
  private high = 0;

  clear(): void {
    this.low = 0;
    this.high = 0;
  }

  set(at: number, value: FieldValue): void {
    this.values[at] = value;
    if (at < 32) this.low |= 1 << at;
    else this.high |= 1 << (at - 32);
  }

  has(at: number): boolean {
    return ((at < 32 ? this.low >>> at : this.high >>> (at - 32)) & 1) === 1;
  }

  setIfAbsent(at: number, value: FieldValue): void {
    if (!this.has(at)) this.set(at, value);
  }

  toRow(layouts: SampleLayouts): { readonly layout: Layout; readonly row: Row } {
    const { layout, slots } = layouts.find(this.low, this.high);
    const row = new Array<FieldValue>(slots.length);
    for (let i = 0; i < slots.length; i++) {
      const at = slots[i]!;
      row[i] = this.has(at) ? this.values[at]! : null;
    }
    return { layout, row };
  }
}

interface Shape {
  readonly layout: Layout;
  readonly slots: readonly number[];
}

export interface SampleLayouts {
  /** The layout for the slots whose bits are set. */
  find(low: number, high: number): Shape;
}

/**
 * An agent makes about ten shapes (address family × transport × VLAN × routing); every layout costs the enrich stage a
 * compilation. Beyond the limit, which takes crafted samples, all columns are written and the absent ones are null.
 */
const defaultMaxLayouts = 256;

export function createSampleLayouts(kind: RecordKind, maxLayouts = defaultMaxLayouts): SampleLayouts {
  const shapes = new Map<number, Map<number, Shape>>();
  let count = 0;
  const everything = toShape(-1, -1);

  function toShape(low: number, high: number): Shape {
    const slots = Object.values(slot).filter((at) => ((at < 32 ? low >>> at : high >>> (at - 32)) & 1) === 1);
    const filled = slots.map((at) => columns[at]!);
    return { slots, layout: toLayout(kind, filled) };
  }

  function find(low: number, high: number): Shape {
    const known = shapes.get(low)?.get(high);
    if (known !== undefined) return known;
    if (count >= maxLayouts) return everything;
    count++;
    const shape = toShape(low, high);
    const sameLow = shapes.get(low);
    if (sameLow === undefined) shapes.set(low, new Map([[high, shape]]));
    else sameLow.set(high, shape);
    return shape;
  }

  return { find };
}

/** The id is made from the columns, so it means the same in every process and version that meets at one queue. */
export function toLayout(kind: RecordKind, columns: readonly Column[]): Layout {
  const names = columns.map(({ name, type }) => `${name}:${type}`).join();
  const digest = createHash('sha1').update(names).digest('hex').slice(0, 16);
  return { id: `sflow5/${kind}/${digest}`, protocol: 'sflow5', kind, columns };
}
