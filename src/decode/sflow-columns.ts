// The columns of decoded sFlow flow and discard samples.
// A sample fills slots; the set of slots filled names the layout (sample-fields.ts), so that equal samples share one object.

import { createHash } from 'node:crypto';
import type { Column, ColumnType, Layout, RecordKind } from '../model/record.ts';
import { flowStructures } from './sflow-flow-structures.ts';
import type { Structure } from './xdr-structure.ts';

/**
 * Slots of the columns that common samples fill: below 64, so that two words hold their bits. Names without a prefix are IANA's,
 * but for asPath, communities and mplsLabels, which hold lists. From the first MAC address to the last port they are what a packet
 * inside a tunnel has, too: these have an outer counterpart.
 */
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
  'sflow.gateway.localpref': 49,
  'sflow.drops': 50,
  'sflow.inputFormat': 51,
  'sflow.outputFormat': 52,
  'sflow.discardReason': 53,
  'sflow.switch.src_priority': 54,
  'sflow.switch.dst_priority': 55,
  'sflow.gateway.as': 56,
  'sflow.gateway.dst_as_path': 57,
  'sflow.tunnel': 58,
  'sflow.tunnelId': 59,
  'sflow.80211_payload.ciphersuite': 60,
  'sflow.80211_aggregation.pdus': 61,
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
  'sflow.gateway.dst_as_path': 'text',
  'sflow.tunnel': 'text',
};

/** Slots from here on are those of few samples. */
export const firstRareSlot = 64;

/** From `first` to `last` slots have an outer counterpart, `distance` further on. */
export const outer = {
  first: slot.destinationMacAddress,
  last: slot.destinationTransportPort,
  distance: firstRareSlot - slot.destinationMacAddress,
} as const;

/** By slot; slots without a column are missing. */
export const columnOfSlot: ReadonlyMap<number, Column> = new Map([
  ...(Object.entries(slot) as [ColumnName, number][]).map(([name, at]): [number, Column] => [
    at,
    { name, type: columnTypes[name] ?? 'number' },
  ]),
  ...(Object.entries(slot) as [ColumnName, number][])
    .filter(([, at]) => at >= outer.first && at <= outer.last)
    .map(([name, at]): [number, Column] => [
      at + outer.distance,
      { name: `sflow.outer${name.charAt(0).toUpperCase()}${name.slice(1)}`, type: columnTypes[name] ?? 'number' },
    ]),
  ...rareColumns(outer.last + outer.distance + 1),
]);

export const slotCount = Math.max(...columnOfSlot.keys()) + 1;

/** The columns of all structures, each name once. */
function rareColumns(first: number): [number, Column][] {
  const columns = new Map(
    flowStructures.flatMap((structure) => structure.columns).map((column) => [column.name, column]),
  );
  return [...columns.values()].map((column, i) => [first + i, column]);
}

/** A structure of few samples and the slots of its columns. */
export interface FlowStructure {
  readonly structure: Structure;
  readonly slots: readonly number[];
}

/** By data_format. */
export const flowStructureOf: ReadonlyMap<number, FlowStructure> = toFlowStructures();

function toFlowStructures(): ReadonlyMap<number, FlowStructure> {
  const slots = new Map([...columnOfSlot].map(([at, { name }]) => [name, at]));
  return new Map(
    flowStructures.map((structure) => [
      structure.format,
      { structure, slots: structure.columns.map(({ name }) => slots.get(name)!) },
    ]),
  );
}

/** The id is made from the columns, so it means the same in every process and version that meets at one queue. */
export function toLayout(kind: RecordKind, columns: readonly Column[]): Layout {
  const names = columns.map(({ name, type }) => `${name}:${type}`).join();
  const digest = createHash('sha1').update(names).digest('hex').slice(0, 16);
  return { id: `sflow5/${kind}/${digest}`, protocol: 'sflow5', kind, columns };
}
