// The table of what is stored in a document outside `netflow`, `ipfix` and `sflow`: the path, how its value is read from
// the flow document (for conditions and tests), and how it is written. ElastiFlow 3.5's names and forms.

import type { AddressFacts, AutonomousSystem } from './address-facts.ts';
import {
  type DocumentField,
  derived,
  type FieldGroup,
  field,
  mac,
  networkInterface,
  number,
  text,
} from './field-group.ts';
import type { FlowDocument, SamplingSource } from './flow-document.ts';
import { createFlowText, type FlowText, type PlainField } from './flow-text.ts';
import { flat, quoted, timeText } from './json-text.ts';
import { protocolName } from './protocol-names.ts';
import { bothLabels, hostnameOf, publicSystem, type Rewrite, type Role, sidesText, withSystem } from './sides-text.ts';

const tcp = 6;
const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

/** Index: the lower eight flags. */
const flagLists = Array.from({ length: 256 }, (_, bits) => flagNames.filter((_, bit) => bits & (1 << bit)));
const flagTexts = flagLists.map((list) => `,"tcp_flags":${JSON.stringify(list)}`);

const directions = ['ingress', 'egress'];
const otherDirection = 'undetermined';
const noDirection = 'unspecified';

/** Fields that stand before `netflow`, `ipfix`, `sflow` and `flow`; document-head.ts writes them. */
const headFields: readonly DocumentField[] = [
  { path: '@timestamp', read: (flow) => timeText(flow.timestampMs)?.slice(1, -1) },
  { path: 'event.host', read: (flow) => flow.header.exporter },
  { path: 'event.type', read: (flow) => flow.type },
  { path: 'node.ipaddr', read: (flow) => flow.exporter },
  { path: 'node.hostname', read: (flow) => flow.exporterHostname ?? flow.exporter },
];

/** Fields that stand behind `flow`. */
const tailFields: readonly DocumentField[] = [{ path: 'network.community_id', read: (flow) => flow.communityId }];

/** In the order in which they are written: these, both sides, and those after them. */
const groupsBefore: readonly FieldGroup[] = [
  number('sampling_interval', 'samplingInterval'),
  derived('sampling_source', toStoredSource),
  number('sampling_flow_interval', 'flowSamplingInterval'),
];

const sides: readonly DocumentField[] = [
  ...sideFields(
    'src',
    ({ src }) => src,
    ({ srcSystem }) => srcSystem,
  ),
  ...sideFields(
    'dst',
    ({ dst }) => dst,
    ({ dstSystem }) => dstSystem,
  ),
  ...sideFields(
    'client',
    (flow) => bySide(flow, flow.dst, flow.src),
    (flow) => bySide(flow, flow.dstSystem, flow.srcSystem),
  ),
  ...sideFields(
    'server',
    (flow) => bySide(flow, flow.src, flow.dst),
    (flow) => bySide(flow, flow.srcSystem, flow.dstSystem),
  ),
  ...sharedFields(),
];

const groupsAfter: readonly FieldGroup[] = [
  {
    fields: [field('traffic_locality', ({ src, dst }) => locality(dst, src))],
    write: ({ src, dst }) => {
      const value = locality(dst, src);
      return value === undefined ? '' : `,"traffic_locality":"${value}"`;
    },
  },
  number('src_port', 'srcPort'),
  number('dst_port', 'dstPort'),
  text('src_port_name', 'srcPortName'),
  text('dst_port_name', 'dstPortName'),
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
  number('bytes', 'bytes'),
  number('packets', 'packets'),
  number('split_part', 'splitPart'),
  number('split_parts', 'splitParts'),
  text('split_skipped', 'splitSkipped'),
  derived('service_port', (flow) => bySide(flow, flow.srcPort, flow.dstPort)),
  derived('service_name', (flow) => bySide(flow, flow.srcPortName, flow.dstPortName)),
  {
    fields: [field('canonical', ({ canonical }) => canonical)],
    write: ({ canonical }) => (canonical === undefined ? '' : `,"canonical":${canonical}`),
  },
  text('server_rule', 'serverRule'),
  text('traffic_direction', 'trafficDirection'),
  networkInterface(
    'input',
    (flow) => flow.inputSnmp,
    (flow) => flow.inputIfname,
  ),
  networkInterface(
    'output',
    (flow) => flow.outputSnmp,
    (flow) => flow.outputIfname,
  ),
  text('input_ifalias', 'inputIfalias'),
  number('input_ifspeed', 'inputIfspeed'),
  text('output_ifalias', 'outputIfalias'),
  number('output_ifspeed', 'outputIfspeed'),
  number('tos', 'tos'),
  number('vlan', 'vlan'),
  text('vlan_name', 'vlanName'),
  mac('src_mac', 'srcMac'),
  mac('dst_mac', 'dstMac'),
  text('src_mac_vendor', 'srcMacVendor'),
  text('dst_mac_vendor', 'dstMacVendor'),
  number('src_mask_len', 'srcMaskLen'),
  number('dst_mask_len', 'dstMaskLen'),
  text('next_hop', 'nextHop'),
  text('bgp_next_hop', 'bgpNextHop'),
  number('bgp_valid_state', 'bgpValidState'),
  text('src_addr_trans', 'srcAddrTrans'),
  text('dst_addr_trans', 'dstAddrTrans'),
  number('src_port_trans', 'srcPortTrans'),
  number('dst_port_trans', 'dstPortTrans'),
  text('application', 'application'),
];

const firstFields: readonly DocumentField[] = [
  field('direction', toDirection),
  field('ip_version', ({ ipVersion }) => (ipVersion === undefined ? undefined : `IPv${ipVersion}`)),
];

const fields: ReadonlyMap<string, DocumentField['read']> = new Map(
  [
    ...headFields,
    ...firstFields,
    ...groupsBefore.flatMap((group) => group.fields),
    ...sides,
    ...groupsAfter.flatMap((group) => group.fields),
    ...tailFields,
  ].map(({ path, read }) => [path, read] as const),
);

/** How the stored value of a path is read from a flow document; undefined: there is no such field. */
export function fieldReader(path: string): ((flow: FlowDocument) => unknown) | undefined {
  return fields.get(path);
}

const plainFields: ReadonlyMap<string, PlainField> = new Map(
  [...groupsBefore, ...groupsAfter].flatMap(({ fields, plain }) =>
    fields.flatMap(({ path }) => (plain === undefined ? [] : [[path, plain]])),
  ),
);

/** The property that alone makes the stored value, where there is one. */
export function plainFieldOf(path: string): PlainField | undefined {
  return plainFields.get(path);
}

export function documentFieldNames(): string[] {
  return [...fields.keys()];
}

/** What stands behind `"flow":{…}`. */
export function tailText({ communityId }: FlowDocument): string {
  return communityId === undefined ? '' : `,"network":{"community_id":"${communityId}"}`;
}

let writeBefore: FlowText | undefined;
let writeAfter: FlowText | undefined;

/** The inside of `"flow":{…}`; with `rewrite`, which is the same each time, what it makes of all that may hold an address. */
export function flowText(flow: FlowDocument, rewrite?: Rewrite): string {
  writeBefore ??= createFlowText(groupsBefore);
  writeAfter ??= createFlowText(groupsAfter);
  const after = writeAfter(flow);
  return (
    firstText(flow) + writeBefore(flow) + sidesText(flow, rewrite) + (rewrite === undefined ? after : rewrite(after))
  );
}

/** Where the flow itself says that its counters are whole, there is nothing to remark, as in ElastiFlow's documents. */
function toStoredSource({ samplingSource, samplingInterval }: FlowDocument): SamplingSource | undefined {
  if (samplingInterval === undefined) return 'none';
  const isOwn = samplingSource === 'header' || samplingSource === 'record';
  return isOwn && samplingInterval <= 1 ? undefined : samplingSource;
}

const protocolTexts: string[] = [];

function protocolText(protocol: number): string {
  const known = protocolTexts[protocol];
  if (known !== undefined) return known;
  const text = flat(`,"ip_protocol":${quoted(protocolName(protocol))}`);
  if (protocol >= 0 && protocol <= 255) protocolTexts[protocol] = text;
  return text;
}

/** The direction is the one field that every document has, so it stands first and takes no comma. */
const firstTexts: readonly (readonly string[])[] = [...directions, otherDirection, noDirection].map((direction) =>
  ['', ',"ip_version":"IPv4"', ',"ip_version":"IPv6"'].map((version) => flat(`"direction":"${direction}"${version}`)),
);

function firstText({ direction, ipVersion }: FlowDocument): string {
  const row = direction === undefined ? 3 : direction === 0 || direction === 1 ? direction : 2;
  return firstTexts[row]![ipVersion === undefined ? 0 : ipVersion === 4 ? 1 : 2]!;
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

function sideFields(
  role: Role,
  factsOf: (flow: FlowDocument) => AddressFacts | undefined,
  systemOf: (flow: FlowDocument) => AutonomousSystem | undefined,
): readonly DocumentField[] {
  return [
    field(`${role}_addr`, (flow) => factsOf(flow)?.text),
    field(`${role}_hostname`, (flow) => {
      const facts = factsOf(flow);
      return facts === undefined ? undefined : hostnameOf(facts, flow.exporterHostname ?? flow.header.exporter);
    }),
    field(`${role}_autonomous_system`, (flow) => systemOf(flow)?.text ?? factsOf(flow)?.autonomousSystem),
    field(`${role}_asn`, (flow) => systemOf(flow)?.asn ?? factsOf(flow)?.asn),
    field(`${role}_city`, (flow) => factsOf(flow)?.city),
    field(`${role}_country`, (flow) => factsOf(flow)?.country),
    field(`${role}_country_code`, (flow) => factsOf(flow)?.countryCode),
    field(`${role}_geo_location`, (flow) => {
      const place = factsOf(flow)?.location;
      return place === undefined || role === 'src' || role === 'dst' ? place : `${place.lat},${place.lon}`;
    }),
    field(`${role}_network`, (flow) => factsOf(flow)?.network?.name),
    field(`${role}_site`, (flow) => factsOf(flow)?.network?.site),
    field(`${role}_tags`, (flow) => factsOf(flow)?.network?.tags),
    field(`${role}_rep_tags`, (flow) => factsOf(flow)?.reputation),
  ];
}

function sharedFields(): readonly DocumentField[] {
  const both = (name: string, read: (facts: AddressFacts | undefined) => string | undefined) =>
    field(name, ({ src, dst }) => eachOnce(read(dst), read(src)));
  return [
    field('autonomous_system', ({ src, dst, srcSystem, dstSystem }) =>
      eachOnce(publicSystem(withSystem(dst, dstSystem)), publicSystem(withSystem(src, srcSystem))),
    ),
    both('city', (facts) => facts?.city),
    both('country', (facts) => facts?.country),
    both('country_code', (facts) => facts?.countryCode),
    field('rep_tags', ({ src, dst }) => bothLabels(src?.reputation, dst?.reputation)),
  ];
}

function eachOnce(dst: string | undefined, src: string | undefined): string | readonly string[] | undefined {
  return dst === undefined || src === undefined || dst === src ? (dst ?? src) : [dst, src];
}

function locality(dst: AddressFacts | undefined, src: AddressFacts | undefined): 'private' | 'public' | undefined {
  return dst?.locality === 'public' || src?.locality === 'public' ? 'public' : (dst?.locality ?? src?.locality);
}
