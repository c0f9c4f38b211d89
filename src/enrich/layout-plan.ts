// A layout seen through the field map: which columns are moved into the flow document, how, and which are stored beside it.
// Made once per layout; to-document.ts turns it into code.

import { WeirError } from '../model/errors.ts';
import type { ColumnType, Layout } from '../model/record.ts';
import { joinedSamplingInterval } from '../model/record.ts';
import { createFieldBudget, type FieldBudget } from './field-budget.ts';
import { type FieldMap, type FieldSource, type ObjectName, objectOf, type ProtocolMap } from './field-map.ts';
import type { PropertyOf } from './flow-document.ts';
import { planStored, type StoredColumn } from './stored-columns.ts';

/** -1: the layout has no such column. */
export interface AddressColumns {
  readonly src4: number;
  readonly dst4: number;
  readonly src6: number;
  readonly dst6: number;
  readonly version: number;
}

/** -1: the layout has no such column. */
export interface ClientServerColumns {
  readonly direction: number;
  readonly client: readonly number[];
  readonly server: readonly number[];
  readonly clientPort: readonly number[];
  readonly serverPort: readonly number[];
}

/** One way to a value: the sum of columns or a constant, divided by a column (-1: not divided). */
export interface Alternative {
  readonly columns: readonly number[];
  readonly constant: number;
  readonly per: number;
  /** Columns not counted in rows where both pairs of `Plan.sameTraffic` are equal. */
  readonly twins: readonly number[];
  /** The value was joined from options data. */
  readonly joined: boolean;
}

export type Move =
  /** The first column that has a number. */
  | { readonly kind: 'number'; readonly property: PropertyOf<number>; readonly columns: readonly number[] }
  /** A number that belongs to the address family of the flow. */
  | {
      readonly kind: 'family';
      readonly property: PropertyOf<number>;
      readonly column4: number;
      readonly column6: number;
    }
  | { readonly kind: 'constant'; readonly property: PropertyOf<number>; readonly value: number }
  | { readonly kind: 'count'; readonly property: 'bytes' | 'packets'; readonly alternatives: readonly Alternative[] }
  | { readonly kind: 'sampling'; readonly alternatives: readonly Alternative[] }
  | { readonly kind: 'samplingHeader' }
  /** The first address that is not zero, else the first. */
  | {
      readonly kind: 'address';
      readonly property: PropertyOf<string> | 'exporter';
      readonly columns: readonly number[];
    }
  /** The first column that has a number: a time, an uptime in ms, or µs before the export. */
  | { readonly kind: 'time'; readonly property: 'startMs' | 'endMs'; readonly sources: readonly TimeSource[] }
  | { readonly kind: 'text'; readonly property: PropertyOf<string>; readonly columns: readonly number[] };

export interface TimeSource {
  readonly column: number;
  readonly form: 'time' | 'uptime' | 'delta';
}

export interface LayoutPlan {
  readonly object: ObjectName;
  readonly types: readonly ColumnType[];
  readonly addresses: AddressColumns;
  /** Undefined: the layout names source and destination, or neither. */
  readonly clientServer: ClientServerColumns | undefined;
  readonly moves: readonly Move[];
  /** bytes, bytes after the device, packets, packets after the device; -1: none. */
  readonly sameTraffic: readonly [number, number, number, number] | undefined;
  readonly stored: readonly StoredColumn[];
}

const numbers: Readonly<Record<string, PropertyOf<number>>> = {
  'flow.src_port': 'srcPort',
  'flow.dst_port': 'dstPort',
  'flow.ip_protocol': 'protocol',
  'flow.tcp_flags': 'tcpFlags',
  'flow.direction': 'direction',
  'flow.input_snmp': 'inputSnmp',
  'flow.output_snmp': 'outputSnmp',
  'flow.tos': 'tos',
  'flow.vlan': 'vlan',
  'flow.src_mac': 'srcMac',
  'flow.dst_mac': 'dstMac',
  'flow.bgp_valid_state': 'bgpValidState',
  'flow.src_port_trans': 'srcPortTrans',
  'flow.dst_port_trans': 'dstPortTrans',
};

const familyNumbers: Readonly<Record<string, PropertyOf<number>>> = {
  'flow.src_mask_len': 'srcMaskLen',
  'flow.dst_mask_len': 'dstMaskLen',
};

const addresses: Readonly<Record<string, PropertyOf<string> | 'exporter'>> = {
  'node.ipaddr': 'exporter',
  'flow.next_hop': 'nextHop',
  'flow.bgp_next_hop': 'bgpNextHop',
  'flow.src_addr_trans': 'srcAddrTrans',
  'flow.dst_addr_trans': 'dstAddrTrans',
};

const texts: Readonly<Record<string, PropertyOf<string>>> = {
  'flow.input_ifname': 'inputIfname',
  'flow.output_ifname': 'outputIfname',
  'flow.application': 'application',
};

const trafficFields = ['flow.bytes', 'flow.packets', 'flow.sampling_interval'];
const endPoints = ['flow.src_addr', 'flow.dst_addr', 'flow.ip_version'];

/** Read for steps, and stored on their own all the same. */
const icmpElements: readonly (readonly [PropertyOf<number>, readonly string[]])[] = [
  ['icmpTypeCode', ['icmpTypeCodeIPv4', 'icmpTypeCodeIPv6']],
  ['icmpType', ['icmpTypeIPv4', 'icmpTypeIPv6']],
  ['icmpCode', ['icmpCodeIPv4', 'icmpCodeIPv6']],
];

const asNumberElements: readonly (readonly [PropertyOf<number>, string])[] = [
  ['srcAsNumber', 'bgpSourceAsNumber'],
  ['dstAsNumber', 'bgpDestinationAsNumber'],
];

/** The finest first. */
const timeElements: readonly (readonly [string, TimeSource['form']])[] = [
  ['Nanoseconds', 'time'],
  ['Microseconds', 'time'],
  ['Milliseconds', 'time'],
  ['Seconds', 'time'],
  ['SysUpTime', 'uptime'],
  ['DeltaMicroseconds', 'delta'],
];

export interface PlanOptions {
  /** A step wants the times of the flow's first and last packet. */
  readonly readsTimes?: boolean;
  /** A step wants the exporter's AS numbers; they are stored on their own all the same. */
  readonly readsAsNumbers?: boolean;
  /** Shared by all layouts of an index. */
  readonly budget?: FieldBudget;
}

export function planLayout(
  layout: Layout,
  fieldMap: FieldMap,
  { readsTimes = false, readsAsNumbers = false, budget = createFieldBudget() }: PlanOptions = {},
): LayoutPlan {
  const map = fieldMap.protocols[layout.protocol];
  const { columns } = layout;
  const at = new Map(columns.map(({ name }, index) => [name, index]));
  const find = (name: string, ...types: readonly ColumnType[]): number => {
    const index = at.get(name);
    return index !== undefined && (types.length === 0 || types.includes(columns[index]!.type)) ? index : -1;
  };
  const present = (sources: readonly FieldSource[], ...types: readonly ColumnType[]): number[] =>
    sources.flatMap(({ add }) => add.map((name) => find(name, ...types))).filter((index) => index >= 0);

  const moves: Move[] = [];
  const moved = new Set<number>();
  const kept = new Set<number>();
  const addressColumns: AddressColumns = {
    src4: firstOf(present(map.fields.get('flow.src_addr') ?? [], 'ipv4')),
    dst4: firstOf(present(map.fields.get('flow.dst_addr') ?? [], 'ipv4')),
    src6: firstOf(present(map.fields.get('flow.src_addr') ?? [], 'ipv6')),
    dst6: firstOf(present(map.fields.get('flow.dst_addr') ?? [], 'ipv6')),
    version: firstOf(present(map.fields.get('flow.ip_version') ?? [], 'number')),
  };
  for (const index of Object.values(addressColumns)) if (index >= 0) moved.add(index);
  const sameTraffic = planSameTraffic(map, find);
  const clientServer = planClientServer(map, addressColumns, find);
  for (const list of [clientServer?.client, clientServer?.server]) for (const index of list ?? []) moved.add(index);
  for (const list of [clientServer?.clientPort, clientServer?.serverPort]) {
    for (const index of list?.slice(0, 1) ?? []) moved.add(index);
  }

  for (const [path, sources] of map.fields) {
    // What was thrown away is no traffic, and not sampled: each notification is one packet.
    if (layout.kind === 'discard' && trafficFields.includes(path)) continue;
    const take = (indexes: readonly number[]): void => {
      for (const index of indexes) (map.keep.has(path) ? kept : moved).add(index);
    };
    const constant = sources.find((source) => source.constant !== undefined && source.per === undefined)?.constant;
    const number = numbers[path];
    const family = familyNumbers[path];
    const address = addresses[path];
    const text = texts[path];
    if (number !== undefined) {
      const found = present(sources, 'number', 'mac');
      if (found.length > 0) moves.push({ kind: 'number', property: number, columns: found });
      else if (constant !== undefined) moves.push({ kind: 'constant', property: number, value: constant });
      take(found.slice(0, 1));
    } else if (family !== undefined) {
      const found = present(sources, 'number');
      const column6 = found.find((index) => columns[index]!.name.includes('IPv6')) ?? -1;
      const column4 = found.find((index) => index !== column6) ?? -1;
      if (found.length > 0) moves.push({ kind: 'family', property: family, column4, column6 });
      take([column4, column6].filter((index) => index >= 0));
    } else if (address !== undefined) {
      const found = present(sources, 'ipv4', 'ipv6');
      if (found.length > 0) moves.push({ kind: 'address', property: address, columns: found });
      take(found.slice(0, 2));
    } else if (text !== undefined) {
      const found = present(sources);
      if (found.length > 0) moves.push({ kind: 'text', property: text, columns: found });
      take(found.slice(0, 1));
    } else if (path === 'flow.bytes' || path === 'flow.packets') {
      const alternatives = planAlternatives(sources, find, sameTraffic);
      if (alternatives.length > 0)
        moves.push({ kind: 'count', property: path === 'flow.bytes' ? 'bytes' : 'packets', alternatives });
      take(alternatives.flatMap((alternative) => alternative.columns));
    } else if (path === 'flow.sampling_interval') {
      const alternatives = planAlternatives(sources, find, undefined);
      if (sources.some(({ add }) => add.includes('header.samplingInterval'))) moves.push({ kind: 'samplingHeader' });
      else if (alternatives.length > 0) moves.push({ kind: 'sampling', alternatives });
      take(alternatives.slice(0, 1).flatMap(({ columns, per }) => (per < 0 ? columns : [])));
      const joined = find(joinedSamplingInterval);
      if (joined >= 0) moved.add(joined);
    } else if (!endPoints.includes(path)) {
      throw new WeirError('internal', `data/field-map.yml: ${JSON.stringify(path)} is no field of the flow document`);
    }
  }

  if (layout.kind === 'discard')
    moves.push({ kind: 'sampling', alternatives: [{ columns: [], constant: 1, per: -1, twins: [], joined: false }] });

  for (const [property, names] of icmpElements) {
    const found = names.map((name) => find(name, 'number')).filter((index) => index >= 0);
    if (found.length > 0) moves.push({ kind: 'number', property, columns: found });
  }
  const biflow = find(map.clientServer?.direction ?? '', 'number');
  if (biflow >= 0) moves.push({ kind: 'number', property: 'biflowDirection', columns: [biflow] });
  if (readsAsNumbers) {
    for (const [property, name] of asNumberElements) {
      const column = find(name, 'number');
      if (column >= 0) moves.push({ kind: 'number', property, columns: [column] });
    }
  }
  if (readsTimes) {
    for (const [property, which] of [
      ['startMs', 'flowStart'],
      ['endMs', 'flowEnd'],
    ] as const) {
      const sources = planTimes(find, which);
      if (sources.length > 0) moves.push({ kind: 'time', property, sources });
    }
  }

  for (const index of kept) moved.delete(index);
  return {
    object: objectOf(layout.protocol),
    types: columns.map(({ type }) => type),
    addresses: addressColumns,
    clientServer,
    moves,
    sameTraffic,
    stored: planStored(layout, moved, fieldMap, budget),
  };
}

/** The columns that tell when a flow began or ended, the finest first. */
export function planTimes(find: Find, which: 'flowStart' | 'flowEnd'): readonly TimeSource[] {
  return timeElements.flatMap(([unit, form]) => {
    const column = find(which + unit, form === 'time' ? 'time' : 'number');
    return column < 0 ? [] : [{ column, form }];
  });
}

function firstOf(indexes: readonly number[]): number {
  return indexes[0] ?? -1;
}

type Find = (name: string, ...types: readonly ColumnType[]) => number;

function planSameTraffic(map: ProtocolMap, find: Find): LayoutPlan['sameTraffic'] {
  if (map.sameTraffic === undefined) return undefined;
  const [bytes, postBytes] = map.sameTraffic.bytes.map((name) => find(name, 'number'));
  const [packets, postPackets] = map.sameTraffic.packets.map((name) => find(name, 'number'));
  return [bytes ?? -1, postBytes ?? -1, packets ?? -1, postPackets ?? -1];
}

function planClientServer(
  { clientServer }: ProtocolMap,
  { src4, dst4, src6, dst6 }: AddressColumns,
  find: Find,
): ClientServerColumns | undefined {
  if (clientServer === undefined || Math.max(src4, dst4, src6, dst6) >= 0) return undefined;
  const present = (names: readonly string[], ...types: readonly ColumnType[]) =>
    names.map((name) => find(name, ...types)).filter((index) => index >= 0);
  const client = present(clientServer.clientAddress, 'ipv4', 'ipv6');
  const server = present(clientServer.serverAddress, 'ipv4', 'ipv6');
  if (client.length === 0 && server.length === 0) return undefined;
  return {
    direction: find(clientServer.direction, 'number'),
    client,
    server,
    clientPort: present(clientServer.clientPort, 'number'),
    serverPort: present(clientServer.serverPort, 'number'),
  };
}

function planAlternatives(
  sources: readonly FieldSource[],
  find: Find,
  sameTraffic: LayoutPlan['sameTraffic'],
): readonly Alternative[] {
  return sources.flatMap(({ add, constant, per }) => {
    const columns = add.map((name) => find(name, 'number')).filter((index) => index >= 0);
    const perColumn = per === undefined ? -1 : find(per, 'number');
    if (columns.length === 0 && constant === undefined) return [];
    if (per !== undefined && (perColumn < 0 || columns.length < add.length)) return [];
    const twins =
      sameTraffic === undefined ? [] : columns.filter((index) => index === sameTraffic[1] || index === sameTraffic[3]);
    return [
      {
        columns,
        constant: constant ?? 0,
        per: perColumn,
        // Alone, a counter after the device is the only one there is.
        twins: columns.length > twins.length ? twins : [],
        joined: add.includes(joinedSamplingInterval),
      },
    ];
  });
}
