// The table of what is stored in a document outside `netflow`, `ipfix` and `sflow`: the path, how its value is read from
// the flow document (for conditions and tests), and how it is written. ElastiFlow 3.5's names and forms.

import { DescribedAddress, placeText, publicSystem, type Role, sideText } from './address-cache.ts';
import type { AddressFacts } from './address-facts.ts';
import { toMacText } from './address-text.ts';
import type { Count, FlowDocument, SamplingSource, Side } from './flow-document.ts';
import { numberText, quoted, timeText } from './json-text.ts';
import { protocolName } from './protocol-names.ts';

export interface DocumentField {
  readonly path: string;
  /** The value as it is stored; undefined: absent. */
  readonly read: (flow: FlowDocument) => unknown;
}

/** Fields that are written together. */
interface FieldGroup {
  readonly fields: readonly DocumentField[];
  /** `,"name":value` for each field that has one. */
  readonly write: (flow: FlowDocument) => string;
}

const tcp = 6;
const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

/** Index: the lower eight flags. */
const flagLists = Array.from({ length: 256 }, (_, bits) => flagNames.filter((_, bit) => bits & (1 << bit)));
const flagTexts = flagLists.map((list) => `,"tcp_flags":${JSON.stringify(list)}`);

const directions = ['ingress', 'egress'];
const otherDirection = 'undetermined';
const noDirection = 'unspecified';

const loopback = '127.0.0.1';

/** Fields that stand before `netflow`, `ipfix`, `sflow` and `flow`; document-head.ts writes them. */
const headFields: readonly DocumentField[] = [
  { path: '@timestamp', read: (flow) => timeText(flow.timestampMs)?.slice(1, -1) },
  { path: 'event.host', read: (flow) => flow.header.exporter },
  { path: 'event.type', read: (flow) => flow.type },
  { path: 'node.ipaddr', read: (flow) => flow.exporter },
  { path: 'node.hostname', read: (flow) => flow.exporter },
];

/** In the order in which they are written. */
const groups: readonly FieldGroup[] = [
  number('sampling_interval', (flow) => flow.samplingInterval),
  text('sampling_source', toStoredSource),
  {
    fields: [field('ip_version', (flow) => (flow.ipVersion === undefined ? undefined : `IPv${flow.ipVersion}`))],
    write: ({ ipVersion }) =>
      ipVersion === undefined ? '' : ipVersion === 4 ? ',"ip_version":"IPv4"' : ',"ip_version":"IPv6"',
  },
  endPoint('src'),
  endPoint('dst'),
  { fields: placeFields(), write: ({ src, dst }) => bothPlaces(dst, src) },
  {
    fields: [field('traffic_locality', ({ src, dst }) => locality(dst, src))],
    write: ({ src, dst }) => {
      const value = locality(dst, src);
      return value === undefined ? '' : `,"traffic_locality":"${value}"`;
    },
  },
  number('src_port', (flow) => flow.srcPort),
  number('dst_port', (flow) => flow.dstPort),
  text('src_port_name', (flow) => flow.srcPortName),
  text('dst_port_name', (flow) => flow.dstPortName),
  {
    fields: [field('ip_protocol', ({ protocol }) => (protocol === undefined ? undefined : protocolName(protocol)))],
    write: ({ protocol }) => (protocol === undefined ? '' : protocolText(protocol)),
  },
  {
    fields: [field('tcp_flags', (flow) => toFlags(flow))],
    write: ({ protocol, tcpFlags }) =>
      protocol !== tcp || tcpFlags === undefined
        ? ''
        : tcpFlags === 0
          ? ',"tcp_flags":"none"'
          : flagTexts[tcpFlags & 255]!,
  },
  count('bytes', (flow) => flow.bytes),
  count('packets', (flow) => flow.packets),
  server('server'),
  server('client'),
  number('service_port', (flow) => bySide(flow, flow.srcPort, flow.dstPort)),
  text('service_name', (flow) => bySide(flow, flow.srcPortName, flow.dstPortName)),
  ...interfaces(
    'input',
    (flow) => flow.inputSnmp,
    (flow) => flow.inputIfname,
  ),
  ...interfaces(
    'output',
    (flow) => flow.outputSnmp,
    (flow) => flow.outputIfname,
  ),
  number('tos', (flow) => flow.tos),
  number('vlan', (flow) => flow.vlan),
  mac('src_mac', (flow) => flow.srcMac),
  mac('dst_mac', (flow) => flow.dstMac),
  number('src_mask_len', (flow) => flow.srcMaskLen),
  number('dst_mask_len', (flow) => flow.dstMaskLen),
  text('next_hop', (flow) => flow.nextHop),
  text('bgp_next_hop', (flow) => flow.bgpNextHop),
  number('bgp_valid_state', (flow) => flow.bgpValidState),
  text('src_addr_trans', (flow) => flow.srcAddrTrans),
  text('dst_addr_trans', (flow) => flow.dstAddrTrans),
  number('src_port_trans', (flow) => flow.srcPortTrans),
  number('dst_port_trans', (flow) => flow.dstPortTrans),
  text('application', (flow) => flow.application),
];

const fields: ReadonlyMap<string, DocumentField['read']> = new Map(
  [...headFields, field('direction', toDirection), ...groups.flatMap((group) => group.fields)].map(
    ({ path, read }) => [path, read] as const,
  ),
);

/** How the stored value of a path is read from a flow document; undefined: there is no such field. */
export function fieldReader(path: string): ((flow: FlowDocument) => unknown) | undefined {
  return fields.get(path);
}

export function documentFieldNames(): string[] {
  return [...fields.keys()];
}

/** The inside of `"flow":{…}`. */
export function flowText(flow: FlowDocument): string {
  // The direction is the one field that every document has, so it takes no comma.
  let text = `"direction":"${toDirection(flow)}"`;
  for (const { write } of groups) text += write(flow);
  return text;
}

function field(name: string, read: (flow: FlowDocument) => unknown): DocumentField {
  return { path: `flow.${name}`, read };
}

function number(name: string, read: (flow: FlowDocument) => number | undefined): FieldGroup {
  const key = `,"${name}":`;
  return {
    fields: [field(name, read)],
    write: (flow) => {
      const value = read(flow);
      return value === undefined || value - value !== 0 ? '' : key + value;
    },
  };
}

function count(name: string, read: (flow: FlowDocument) => Count | undefined): FieldGroup {
  const key = `,"${name}":`;
  return {
    fields: [field(name, read)],
    write: (flow) => {
      const value = read(flow);
      if (value === undefined) return '';
      if (typeof value === 'number' && Number.isSafeInteger(value)) return key + value;
      const text = numberText(value);
      return text === undefined ? '' : key + text;
    },
  };
}

function text(name: string, read: (flow: FlowDocument) => string | undefined): FieldGroup {
  const key = `,"${name}":`;
  return {
    fields: [field(name, read)],
    write: (flow) => {
      const value = read(flow);
      return value === undefined ? '' : key + quoted(value);
    },
  };
}

function mac(name: string, read: (flow: FlowDocument) => number | undefined): FieldGroup {
  return text(name, (flow) => {
    const value = read(flow);
    return value === undefined ? undefined : toMacText(value);
  });
}

function interfaces(
  name: 'input' | 'output',
  index: (flow: FlowDocument) => number | undefined,
  ifname: (flow: FlowDocument) => string | undefined,
): readonly FieldGroup[] {
  const stored = (flow: FlowDocument) => {
    const number = index(flow);
    return ifname(flow) ?? (number === undefined ? undefined : `index: ${number}`);
  };
  return [number(`${name}_snmp`, index), text(`${name}_ifname`, stored)];
}

/** What the flow itself said needs no remark, as in ElastiFlow's documents; what nobody said does. */
function toStoredSource({ samplingSource, samplingInterval }: FlowDocument): SamplingSource | undefined {
  if (samplingInterval === undefined) return 'none';
  return samplingSource === 'header' || samplingSource === 'record' ? undefined : samplingSource;
}

const protocolTexts: string[] = [];

function protocolText(protocol: number): string {
  const known = protocolTexts[protocol];
  if (known !== undefined) return known;
  const text = `,"ip_protocol":${quoted(protocolName(protocol))}`;
  if (protocol >= 0 && protocol <= 255) protocolTexts[protocol] = text;
  return text;
}

function toDirection({ direction }: FlowDocument): string {
  return direction === undefined ? noDirection : (directions[direction] ?? otherDirection);
}

function toFlags({ protocol, tcpFlags }: FlowDocument): string | readonly string[] | undefined {
  if (protocol !== tcp || tcpFlags === undefined) return undefined;
  return tcpFlags === 0 ? 'none' : flagLists[tcpFlags & 255];
}

function bySide<T>({ server }: FlowDocument, ofSrc: T, ofDst: T): T | undefined {
  return server === undefined ? undefined : server === 'src' ? ofSrc : ofDst;
}

function endPoint(side: Side): FieldGroup {
  return {
    fields: sideFields(side, (flow) => flow[side], 'object'),
    write: (flow) => {
      const facts = flow[side];
      if (facts === undefined) return '';
      if (facts instanceof DescribedAddress && facts.text !== loopback)
        return side === 'src' ? facts.src() : facts.dst();
      return sideText(facts, side, hostnameOf(facts, flow));
    },
  };
}

function server(role: 'client' | 'server'): FieldGroup {
  const factsOf = ({ server, src, dst }: FlowDocument) =>
    server === undefined ? undefined : (server === 'src') === (role === 'server') ? src : dst;
  return {
    fields: sideFields(role, factsOf, 'text'),
    write: (flow) => {
      const facts = factsOf(flow);
      if (facts === undefined) return '';
      if (facts instanceof DescribedAddress && facts.text !== loopback)
        return role === 'client' ? facts.client() : facts.server();
      return sideText(facts, role, hostnameOf(facts, flow));
    },
  };
}

function sideFields(
  role: Role,
  factsOf: (flow: FlowDocument) => AddressFacts | undefined,
  location: 'object' | 'text',
): readonly DocumentField[] {
  return [
    field(`${role}_addr`, (flow) => factsOf(flow)?.text),
    field(`${role}_hostname`, (flow) => {
      const facts = factsOf(flow);
      return facts === undefined ? undefined : hostnameOf(facts, flow);
    }),
    field(`${role}_autonomous_system`, (flow) => factsOf(flow)?.autonomousSystem),
    field(`${role}_asn`, (flow) => factsOf(flow)?.asn),
    field(`${role}_city`, (flow) => factsOf(flow)?.city),
    field(`${role}_country`, (flow) => factsOf(flow)?.country),
    field(`${role}_country_code`, (flow) => factsOf(flow)?.countryCode),
    field(`${role}_geo_location`, (flow) => {
      const place = factsOf(flow)?.location;
      return place === undefined || location === 'object' ? place : `${place.lat},${place.lon}`;
    }),
  ];
}

/** A flow of the exporter with itself is shown under the exporter's name. */
function hostnameOf(facts: AddressFacts, flow: FlowDocument): string {
  return facts.text === loopback ? flow.header.exporter : facts.hostname;
}

function placeFields(): readonly DocumentField[] {
  const both = (name: string, read: (facts: AddressFacts | undefined) => string | undefined) =>
    field(name, ({ src, dst }) => {
      const values = [...new Set([read(dst), read(src)].filter((value) => value !== undefined))];
      return values.length > 1 ? values : values[0];
    });
  return [
    both('autonomous_system', publicSystem),
    both('city', (facts) => facts?.city),
    both('country', (facts) => facts?.country),
    both('country_code', (facts) => facts?.countryCode),
  ];
}

function bothPlaces(dst: AddressFacts | undefined, src: AddressFacts | undefined): string {
  const one = !hasPlace(src) ? dst : !hasPlace(dst) ? src : undefined;
  return one instanceof DescribedAddress ? one.place() : placeText(dst, src);
}

function hasPlace(facts: AddressFacts | undefined): boolean {
  return (
    facts !== undefined &&
    (publicSystem(facts) !== undefined ||
      facts.country !== undefined ||
      facts.countryCode !== undefined ||
      facts.city !== undefined)
  );
}

function locality(dst: AddressFacts | undefined, src: AddressFacts | undefined): 'private' | 'public' | undefined {
  return dst?.locality === 'public' || src?.locality === 'public' ? 'public' : (dst?.locality ?? src?.locality);
}
