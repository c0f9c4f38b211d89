// What the names of measures and filters mean, said once more by hand over the known flows, and which panels leave something out: numbers
// are compared with the definitions elsewhere (panels.test.ts), so a definition that is wrong would agree with itself.

import { expect, test } from 'vitest';
import { readDefinitions } from '../../scripts/kibana/definitions.ts';
import { type Measure, partsOf } from '../../scripts/kibana/measures.ts';
import type { KnownDocument } from './known-document.ts';
import { knownFlows } from './known-flows.ts';
import { passes, toMeasured, valuesOf } from './panel-sums.ts';

type Test = (flow: KnownDocument) => boolean;

const first = (flow: KnownDocument, field: string): unknown => valuesOf(flow, field)[0];
const number = (flow: KnownDocument, field: string): number => Number(first(flow, field) ?? Number.NaN);
const has =
  (...fields: string[]): Test =>
  (flow) =>
    fields.some((field) => first(flow, field) !== undefined);
const is =
  (field: string, ...values: unknown[]): Test =>
  (flow) =>
    valuesOf(flow, field).some((value) => values.includes(value));
/** RFC 2474 §3: the upper six bits. */
const inClass =
  (...codePoints: number[]): Test =>
  (flow) =>
    codePoints.includes(number(flow, 'flow.tos') >> 2);
const flagsOf = (flow: KnownDocument): string => valuesOf(flow, 'flow.tcp_flags').join();

const isSynOnly: Test = (flow) => flagsOf(flow) === 'SYN';
const isDenied = is('netflow.fw_event', 3);
const isDeniedIpfix = is('ipfix.firewallEvent', 3);

const filters: Readonly<Record<string, Test>> = {
  public_sources: (flow) => first(flow, 'flow.src_autonomous_system') !== 'private',
  public_destinations: (flow) => first(flow, 'flow.dst_autonomous_system') !== 'private',
  threats: has('flow.rep_tags'),
  client_threats: has('flow.client_rep_tags'),
  server_threats: has('flow.server_rep_tags'),
  private_servers: is('flow.server_autonomous_system', 'private'),
  towards_server: (flow) => first(flow, 'flow.server_addr') === first(flow, 'flow.dst_addr'),
  zflow: has('ipfix.ziften_agent_guid'),
  tcp: is('flow.ip_protocol', 'TCP'),
  syn_only: isSynOnly,
  probes: (flow) => isSynOnly(flow) || number(flow, 'flow.packets') < 4,
  reflectors: (flow) => first(flow, 'flow.ip_protocol') === 'UDP' && [53, 123].includes(number(flow, 'flow.src_port')),
  small_and_outward: (flow) =>
    first(flow, 'flow.client_autonomous_system') === 'private' &&
    first(flow, 'flow.server_autonomous_system') !== 'private' &&
    number(flow, 'flow.bytes') < 100_000,
  private_sources: is('flow.src_autonomous_system', 'private'),
  cleartext_and_shares: (flow) =>
    first(flow, 'flow.traffic_locality') === 'private' && [23, 445].includes(number(flow, 'flow.service_port')),
  retransmissions: has('netflow.ntop_retrans_in_packets', 'ipfix.ntop_retrans_in_packets'),
  latencies: has('netflow.ntop_client_nw_latency_ms', 'ipfix.ntop_client_nw_latency_ms'),
  nat: has('flow.src_addr_trans'),
  denied: (flow) => isDenied(flow) || isDeniedIpfix(flow),
  discarded: has('sflow.discard_reason'),
  not_forwarded: (flow) =>
    first(flow, 'netflow.forwarding_status.status') === 2 || number(flow, 'ipfix.forwardingStatus') >> 6 === 2,
  ipv6: is('flow.ip_version', 'IPv6'),
  voice: inClass(46),
};

const counted =
  (passing: Test = () => true) =>
  (flows: readonly KnownDocument[]) =>
    flows.filter(passing).length;
const added =
  (field: string, passing: Test = () => true) =>
  (flows: readonly KnownDocument[]) =>
    flows.filter((flow) => passing(flow) && has(field)(flow)).reduce((sum, flow) => sum + number(flow, field), 0);
const different = (field: string) => (flows: readonly KnownDocument[]) =>
  new Set(flows.flatMap((flow) => valuesOf(flow, field))).size;
const greatest = (field: string) => (flows: readonly KnownDocument[]) =>
  Math.max(...flows.filter(has(field)).map((flow) => number(flow, field)));
const mean = (field: string) => (flows: readonly KnownDocument[]) => {
  const having = flows.filter(has(field));
  return added(field)(having) / having.length;
};
const times8 = (sum: (flows: readonly KnownDocument[]) => number) => (flows: readonly KnownDocument[]) =>
  8 * sum(flows);

/** RFC 4594 §2.3: AF4x, CS3 and CS5, AF2x and AF3x, CS1, CS0. */
const classes = {
  voice: inClass(46),
  video: inClass(34, 36, 38),
  signalling: inClass(24, 40),
  critical: inClass(18, 20, 22, 26, 28, 30),
  scavenger: inClass(8),
  default: inClass(0),
};
const anyVerdict = [
  'netflow.fw_event',
  'ipfix.firewallEvent',
  'netflow.forwarding_status.status',
  'ipfix.forwardingStatus',
  'sflow.discard_reason',
];

/** Of a second, where they are per second. */
const measures: Readonly<Record<string, (flows: readonly KnownDocument[]) => number>> = {
  bytes: added('flow.bytes'),
  packets: added('flow.packets'),
  records: counted(),
  bits_per_second: times8(added('flow.bytes')),
  packets_per_second: added('flow.packets'),
  records_per_second: counted(),
  client_count: different('flow.client_hostname'),
  server_count: different('flow.server_hostname'),
  service_count: different('flow.service_name'),
  application_count: different('flow.application'),
  protocol_count: different('flow.ip_protocol'),
  vlan_count: different('flow.vlan'),
  tos_count: different('flow.tos'),
  tcp_flags_count: different('flow.tcp_flags'),
  locality_count: different('flow.traffic_locality'),
  as_count: different('flow.autonomous_system'),
  country_count: different('flow.country'),
  city_count: different('flow.city'),
  last_seen: (flows) => Math.max(...flows.map(({ atMs }) => atMs)),
  templates_netflow: different('netflow.flowset_id'),
  templates_ipfix: different('ipfix.flowset_id'),
  sampling_interval: greatest('flow.sampling_interval'),
  interface_count: different('flow.input_ifname'),
  with_interfaces: counted((flow) => has('flow.input_ifname')(flow) && has('flow.output_ifname')(flow)),
  with_tcp_flags: counted(has('flow.tcp_flags')),
  with_application: counted(has('flow.application')),
  with_vlan: counted(has('flow.vlan')),
  with_as: counted(has('flow.src_asn', 'flow.dst_asn')),
  with_country: counted(has('flow.country')),
  with_city: counted(has('flow.city')),
  with_nat: counted(has('flow.src_addr_trans', 'flow.dst_addr_trans')),
  with_speed: counted(has('flow.input_ifspeed')),
  with_tos: counted(has('flow.tos')),
  with_verdict: counted(has(...anyVerdict)),
  tcp_records: counted(is('flow.ip_protocol', 'TCP')),
  input_speed: greatest('flow.input_ifspeed'),
  output_speed: greatest('flow.output_ifspeed'),
  port_count: different('flow.service_port'),
  client_address_count: different('flow.client_addr'),
  server_address_count: different('flow.server_addr'),
  source_address_count: different('flow.src_addr'),
  syn_only_records: counted(isSynOnly),
  reset_records: counted(is('flow.tcp_flags', 'RST')),
  finished_records: counted(is('flow.tcp_flags', 'FIN')),
  netflow_client_retransmitted: added('netflow.cisco_avc_client_retrans_packets'),
  netflow_server_retransmitted: added('netflow.cisco_avc_server_retrans_packets'),
  netflow_in_retransmitted: added('netflow.ntop_retrans_in_packets'),
  netflow_out_retransmitted: added('netflow.ntop_retrans_out_packets'),
  ipfix_client_retransmitted: added('ipfix.cisco_avc_client_retrans_packets'),
  ipfix_server_retransmitted: added('ipfix.cisco_avc_server_retrans_packets'),
  ipfix_in_retransmitted: added('ipfix.ntop_retrans_in_packets'),
  ipfix_out_retransmitted: added('ipfix.ntop_retrans_out_packets'),
  netflow_client_latency: mean('netflow.ntop_client_nw_latency_ms'),
  netflow_server_latency: mean('netflow.ntop_server_nw_latency_ms'),
  ipfix_client_latency: mean('ipfix.ntop_client_nw_latency_ms'),
  ipfix_server_latency: mean('ipfix.ntop_server_nw_latency_ms'),
  denied_records: counted(filters['denied']),
  discarded_records: counted(filters['discarded']),
  not_forwarded_records: counted(filters['not_forwarded']),
  ipv6_bytes: added('flow.bytes', is('flow.ip_version', 'IPv6')),
  ...Object.fromEntries(
    Object.entries(classes).flatMap(([name, passing]) => [
      [`${name}_bytes`, added('flow.bytes', passing)],
      [`${name}_bits`, times8(added('flow.bytes', passing))],
    ]),
  ),
};

/** Panels of flows that are not of all flows; those that ElastiFlow has, too, are held in elastiflow-dashboards.test.ts. */
const narrowed: Readonly<Record<string, readonly string[]>> = {
  'drops: Denied by firewalls': ['denied'],
  'drops: Discarded by switches': ['discarded'],
  'drops: Not forwarded': ['not_forwarded'],
  'ipv6: Clients over IPv6': ['ipv6'],
  'ipv6: Servers over IPv6': ['ipv6'],
  'nat: Flow records with translated addresses': ['nat'],
  'nat: Inner and outer sources': ['nat'],
  'nat: Outer and inner destinations': ['nat'],
  'nat: Records with translated addresses, by exporter': ['nat'],
  'security: Beacons: small flows outward, the most even first': ['small_and_outward'],
  'security: Host sweeps: one service of many servers': ['probes'],
  'security: Inside: Telnet, SMB, RDP, VNC and their like': ['cleartext_and_shares'],
  'security: Of bad reputation': ['threats'],
  'security: Port scans: many ports of one server': ['probes'],
  'security: Reflection: many answer one address': ['reflectors'],
  'security: SYN only: servers that do not answer, or are flooded': ['syn_only'],
  'security: Uploads to new countries': ['private_sources'],
  'tcp-health: Latency, by server': ['latencies'],
  'tcp-health: Packets retransmitted, by server': ['retransmissions'],
  'tcp-health: Servers': ['tcp'],
  'tcp-health: Services': ['tcp'],
  'classes-of-service: Services marked as voice': ['voice'],
  'classes-of-service: Who speaks (voice)': ['voice'],
  'classes-of-service: Who watches (video)': ['video'],
};
const elastiflows = /^(as-traffic|flows-|threats|ziften-zflow)/;

/** What is made of others: parts / whole, or a statistic by interval / whole. */
const made: Readonly<Record<string, string>> = {
  fills_interfaces: 'with_interfaces / records',
  fills_utilisation: 'with_speed / records',
  fills_tcp_health: 'with_tcp_flags / tcp_records',
  fills_applications: 'with_application / records',
  fills_vlans: 'with_vlan / records',
  fills_nat: 'with_nat / records',
  fills_drops: 'with_verdict / records',
  fills_voice: 'with_tos / records',
  fills_as: 'with_as / records',
  fills_geo: 'with_country / records',
  fills_maps: 'with_city / records',
  percentile_bits: 'percentile bits_per_second',
  average_bits: 'average bits_per_second',
  maximum_bits: 'maximum bits_per_second',
  input_utilisation: 'percentile bits_per_second / input_speed',
  output_utilisation: 'percentile bits_per_second / output_speed',
  unevenness: 'variation records',
  records_by_interval: 'average records',
  syn_only_share: 'syn_only_records / tcp_records',
  reset_share: 'reset_records / tcp_records',
  retransmitted: ['netflow', 'ipfix']
    .flatMap((object) => ['client', 'server', 'in', 'out'].map((side) => `${object}_${side}_retransmitted`))
    .join(' + '),
  denied_share: 'denied_records / records',
  discarded_share: 'discarded_records / records',
  not_forwarded_share: 'not_forwarded_records / records',
  ipv6_share: 'ipv6_bytes / bytes',
  voice_share: 'voice_bytes / bytes',
  video_share: 'video_bytes / bytes',
  default_share: 'default_bytes / bytes',
};

const { dashboards } = readDefinitions();
const panels = dashboards.flatMap(({ name, rows }) => rows.flat().map((panel) => ({ name, panel })));
const ofFlows = panels.filter(({ panel }) => panel.source.name === 'flows');
const shown = new Map(ofFlows.flatMap(({ panel }) => panel.measures.map((measure) => [measure.name, measure])));

test('every filter of flows lets through what its name says, and not all', () => {
  const used = new Map(ofFlows.flatMap(({ panel }) => panel.filters.map(({ name, config }) => [name, config])));
  for (const [name, config] of used) {
    const means = { ...classes, ...filters }[name];
    if (means === undefined) throw new Error(`say in ${import.meta.filename} what the filter ${name} means`);
    const passed = knownFlows.map((flow) => passes(flow, config));
    expect(passed, name).toEqual(knownFlows.map(means));
    expect(new Set(passed).size, name).toBe(2);
  }
});

test('every measure of flows counts what its name says', () => {
  for (const measure of [...shown.values()].flatMap(partsOf)) {
    const means = measures[measure.name];
    if (means === undefined) throw new Error(`say in ${import.meta.filename} what the measure ${measure.name} means`);
    expect(toMeasured(measure, knownFlows), measure.name).toBeCloseTo(means(knownFlows), 6);
    expect(measure.isPerSecond, measure.name).toBe(/_per_second$|_bits$/.test(measure.name));
  }
});

test('every measure of flows that is made of others is made of those', () => {
  const found = [...shown.values()].filter(({ derived, intervals }) => (derived ?? intervals) !== undefined);
  expect(Object.fromEntries(found.map((measure) => [measure.name, toRecipe(measure)]))).toEqual(made);
});

function toRecipe({ derived, intervals }: Measure): string {
  const names = (parts: readonly Measure[]): string => parts.map(({ name }) => name).join(' + ');
  if (intervals !== undefined) {
    const { of, statistic, over } = intervals;
    return [`${statistic} ${of.name}`, ...(over === undefined ? [] : [over.name])].join(' / ');
  }
  const { add, less, over } = derived!;
  expect(less).toEqual([]);
  return [names(add), ...(over.length === 0 ? [] : [names(over)])].join(' / ');
}

test('panels leave out what their titles say, and nothing else', () => {
  const found = ofFlows.flatMap(({ name, panel }) =>
    panel.filters.length === 0 || elastiflows.test(name)
      ? []
      : [[`${name}: ${panel.title}`, panel.filters.map((filter) => filter.name)]],
  );
  expect(Object.fromEntries(found)).toEqual(narrowed);
});

test('what stands in brackets behind a title is what is counted', () => {
  let titles = 0;
  for (const { name, panel } of panels) {
    if (panel.source.name === 'ledger') continue;
    const unit = /\((bytes|packets|records|flow records|bits\/s|packets\/s|records\/s)\)$/.exec(panel.title)?.[1];
    if (unit === undefined) continue;
    titles += 1;
    for (const measure of panel.measures)
      expect(unitOf(measure), `${name}: ${panel.title}`).toBe(unit.replace('flow records', 'records'));
  }
  expect(titles).toBeGreaterThan(80);
});

function unitOf({ aggregation, field, times, isPerSecond }: Measure): string {
  const counted =
    aggregation === 'count' || field === 'rollup.flows' ? 'records' : field!.replace('flow.', '').replace('_', ' ');
  const unit = counted === 'bytes' && times === 8 ? 'bits' : counted;
  return isPerSecond ? `${unit}/s` : unit;
}
