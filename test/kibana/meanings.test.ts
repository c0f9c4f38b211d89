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

/** Panels with a title of their own: by what they are divided, and what they leave out. */
const titled: Readonly<Record<string, string>> = {
  'is-my-data-true: Completeness by exporter': 'exporter',
  'is-my-data-true: By exporter, the least complete first': 'exporter',
  'is-my-data-true: What is missing, and where': '',
  'is-my-data-true: Undecodable by reason': '',
  'is-my-data-true: Faults by reason': '',
  'is-my-data-true: Lost and kept apart, by name': '',
  'is-my-data-true: Datagrams dropped by the kernel, by port': 'listen_address',
  'weir-itself: In and out (records and documents a second)': '',
  'weir-itself: From reception to the index (s)': '',
  'weir-itself: In the queue (records)': '',
  'weir-itself: CPU (of a core)': 'process where of_processes',
  'weir-itself: Memory': 'process where of_processes',
  'weir-itself: Received (bits/s)': 'process where of_listeners',
  'weir-itself: Not indexed yet, of what each minute received (records)': '',
  'weir-itself: Processes': 'process',
  'weir-itself: Peaks, by exporter': 'exporter',
  'weir-itself: Beside the flows, and extra work': '',
  'address: In all': '',
  'address: Reputation, by the step “reputation” (flow records)': 'rep_tags',
  'address: Flow records': '',
  'address: Conversations': 'client_hostname, server_hostname, service_name',
  'address: Seen by': 'node.hostname, input_ifname',
  'security: Port scans: many ports of one server': 'client_addr, server_addr where probes',
  'security: Host sweeps: one service of many servers': 'client_addr, service_name where probes',
  'security: SYN only: servers that do not answer, or are flooded': 'server_addr, service_name where syn_only',
  'security: Reflection: many answer one address': 'dst_addr, src_port where reflectors',
  'security: Beacons: small flows outward, the most even first':
    'client_hostname, server_hostname where small_and_outward',
  'security: Uploads to new countries': 'dst_country where private_sources',
  'security: Of bad reputation': 'rep_tags, client_addr, server_addr where threats',
  'security: Inside: Telnet, SMB, RDP, VNC and their like':
    'service_name, client_addr, server_addr where cleartext_and_shares',
  'security: SYN only, and in proportion to all TCP (records)': '',
  'exporters: What they send': 'node.ipaddr, event.type',
  'exporters: Their sampling, and where it is known from': 'node.ipaddr, sampling_source',
  'exporters: Which dashboards they fill, and which stay empty (share of their records that has what it needs)':
    'node.hostname',
  'exporters: Their datagrams, as weir counted them': 'exporter',
  'interfaces: In': 'node.hostname, input_ifname',
  'interfaces: Out': 'node.hostname, output_ifname',
  'interfaces: In (bits/s)': 'input_ifname',
  'interfaces: Out (bits/s)': 'output_ifname',
  'interfaces: In (packets/s)': 'input_ifname',
  'interfaces: Out (packets/s)': 'output_ifname',
  'capacity: All that is chosen (bits/s)': '',
  'capacity: As it is billed, of 5-minute averages': '',
  'capacity: Source autonomous systems': 'src_autonomous_system',
  'capacity: Destination autonomous systems': 'dst_autonomous_system',
  'capacity: Ingress interfaces': 'node.hostname, input_ifname',
  'capacity: Egress interfaces': 'node.hostname, output_ifname',
  'capacity: From sites': 'src_site',
  'capacity: To sites': 'dst_site',
  'tcp-health: TCP records by what their flags say': '',
  'tcp-health: Servers': 'server_hostname where tcp',
  'tcp-health: Services': 'service_name where tcp',
  'tcp-health: Packets retransmitted, by server': 'server_hostname where retransmissions',
  'tcp-health: Latency, by server': 'server_hostname where latencies',
  'nat: Records with translated addresses, by exporter': 'node.hostname where nat',
  'nat: Flow records with translated addresses': 'nat',
  'nat: Inner and outer sources': 'src_addr, src_addr_trans where nat',
  'nat: Outer and inner destinations': 'dst_addr, dst_addr_trans where nat',
  'drops: What did not get through (records)': '',
  'drops: Exporters': 'node.hostname',
  'drops: Services': 'service_name',
  'drops: Denied by firewalls': 'client_addr, server_addr, service_name where denied',
  'drops: Not forwarded': 'node.hostname, input_ifname where not_forwarded',
  'drops: Discarded by switches': 'node.hostname, input_ifname, sflow.discard_reason where discarded',
  'ipv6: Share by exporter': 'node.hostname',
  'ipv6: Share by service': 'service_name',
  'ipv6: Clients over IPv6': 'client_hostname where ipv6',
  'ipv6: Servers over IPv6': 'server_hostname where ipv6',
  'classes-of-service: Classes (bits/s)': '',
  'classes-of-service: Classes (bytes)': '',
  'classes-of-service: Share by exporter': 'node.hostname',
  'classes-of-service: Share by ingress interface': 'node.hostname, input_ifname',
  'classes-of-service: Who speaks (voice)': 'client_hostname, server_hostname where voice',
  'classes-of-service: Who watches (video)': 'client_hostname, server_hostname where video',
  'classes-of-service: Services marked as voice': 'service_name where voice',
};
/** Held by what ElastiFlow has (elastiflow-dashboards.test.ts). */
const elastiflows = /^(overview|top-|threats|flows-|geo-|as-traffic|flow-exporters|traffic-|flow-records|ziften)/;

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

/** Fields of the ledger (docs/ledger.md). */
const ofLedger: Readonly<Record<string, string>> = {
  completeness:
    'records_lost_estimated + records_refused_by_queue + records_lost_by_spool + records_lost_in_queue + records_quarantined / records_exported rest',
  exported: 'records_exported',
  lost_in_network: 'records_lost_estimated',
  indexed: 'documents_indexed',
  dropped_by_steps: 'records_dropped_by_steps',
  dead_letters: 'documents_dead_lettered',
  lost_in_weir: 'records_refused_by_queue + records_lost_by_spool + records_lost_in_queue + records_quarantined',
  undecodable:
    'faults.protocol-unknown + faults.datagram-truncated + faults.set-malformed + faults.template-malformed + faults.template-limit + faults.exporter-limit + faults.parked-expired + faults.record-malformed + faults.sample-malformed + faults.stream-malformed',
  on_the_way:
    'records_decoded + documents_added_by_step - documents_indexed + documents_already_there + documents_dead_lettered + records_dropped_by_steps + records_quarantined + records_refused_by_queue + records_lost_by_spool + records_lost_in_queue',
  protocol_unknown: 'faults.protocol-unknown',
  datagram_truncated: 'faults.datagram-truncated',
  set_malformed: 'faults.set-malformed',
  template_malformed: 'faults.template-malformed',
  template_limit: 'faults.template-limit',
  parked_expired: 'faults.parked-expired',
  record_malformed: 'faults.record-malformed',
  sample_malformed: 'faults.sample-malformed',
  sample_unknown: 'faults.sample-unknown',
  stream_malformed: 'faults.stream-malformed',
  template_missing: 'faults.template-missing',
  exporter_limit: 'faults.exporter-limit',
  handshake_failed: 'faults.handshake-failed',
  connection_limit: 'faults.connection-limit',
  refused_by_queue: 'records_refused_by_queue',
  lost_by_spool: 'records_lost_by_spool',
  lost_in_queue: 'records_lost_in_queue',
  quarantined: 'records_quarantined',
  partly_indexed: 'documents_partly_indexed',
  kernel_drops: 'datagrams_kernel_dropped',
  received_per_second: 'records_decoded/s',
  indexed_per_second: 'documents_indexed/s',
  delay: 'documents_delay_ms×0.001 / documents_indexed + documents_already_there + documents_dead_lettered',
  waiting: 'queue_records / queue_looks',
  on_disk: 'spool_records / process_looks',
  cpu: 'cpu_ms×0.001/s',
  memory: 'memory_bytes / process_looks',
  received_bits_per_second: 'bytes_received×8/s',
  spooled: 'records_spooled',
  datagrams: 'datagrams_received',
  decoded: 'records_decoded',
  cpu_share: 'cpu_ms×0.0002 / process_looks',
  waiting_bytes: 'queue_bytes / queue_looks',
  queue_age: 'queue_age_ms×0.001 / queue_looks',
  peak_received: 'maximum records_decoded/s',
  peak_indexed: 'maximum documents_indexed/s',
  other_decoded: 'other_records_decoded',
  already_there: 'documents_already_there',
  duplicated: 'datagrams_duplicated',
  reordered: 'datagrams_reordered',
  parked: 'sets_parked',
  added_by_step: 'documents_added_by_step',
  restarts: 'exporter_restarts',
  clock_skew: 'clock_skew_ms×0.001 / clock_looks',
};

const { dashboards, head } = readDefinitions();
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

test('syslog is no remote shell', () => {
  const panel = ofFlows.find(({ panel: { title } }) => title.startsWith('Inside: Telnet'))!.panel;
  const isShown = (protocol: string, port: number): boolean => {
    const stored = { 'flow.traffic_locality': 'private', 'flow.ip_protocol': protocol, 'flow.service_port': port };
    return panel.filters.every(({ config }) => passes({ atMs: 0, stored }, config));
  };
  expect([isShown('TCP', 514), isShown('UDP', 514), isShown('UDP', 3389)]).toEqual([true, false, true]);
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

test('panels are divided by what their titles say, and leave out what they say', () => {
  const found = panels.flatMap(({ name, panel: { config, title, source, splits, filters } }) => {
    const isHeld = elastiflows.test(name) || source.name === 'hours' || config.kind === 'text';
    if (isHeld || config.title === undefined) return [];
    const fields = splits.map(({ field }) => field.replace(/^flow\./, '')).join(', ');
    const names = filters.map((filter) => filter.name).join(', ');
    return [[`${name}: ${title}`, [fields, names].filter((part) => part !== '').join(' where ')]];
  });
  expect(Object.fromEntries(found)).toEqual(titled);
});

test('panels of hours ask one kind of sum: that by which they are divided', () => {
  const ofHours = panels.filter(({ panel }) => panel.source.name === 'hours');
  expect(ofHours.length).toBeGreaterThan(10);
  for (const { name, panel } of ofHours)
    expect(
      panel.filters.map((filter) => filter.config),
      `${name}: ${panel.title}`,
    ).toEqual([{ fields: { 'rollup.kind': panel.splits[0]?.name.replace('hour_', '') ?? 'total' } }]);
});

test('every measure of the ledger adds up the fields that it should', () => {
  const measures = panels.flatMap(({ panel }) => panel.measures);
  const found = [...measures, ...head.measures].filter(({ source }) => source === 'ledger');
  expect(Object.fromEntries(found.map((measure) => [measure.name, toFields(measure)]))).toEqual(ofLedger);
});

function toFields({ field, times, isPerSecond, derived, intervals }: Measure): string {
  if (intervals !== undefined) return `${intervals.statistic} ${toFields(intervals.of)}`;
  if (derived === undefined) return `${field}${times === 1 ? '' : `×${times}`}${isPerSecond ? '/s' : ''}`;
  const sum = (parts: readonly Measure[]): string => parts.map(toFields).join(' + ');
  const { add, less, over, isRest } = derived;
  const parts = [sum(add), less.length > 0 ? ` - ${sum(less)}` : '', over.length > 0 ? ` / ${sum(over)}` : ''];
  return `${parts.join('')}${isRest ? ' rest' : ''}`;
}

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
