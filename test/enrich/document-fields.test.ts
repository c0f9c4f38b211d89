// The table of document fields: what is read for conditions is what is stored, field by field.

import { describe, expect, test } from 'vitest';
import { DescribedAddress } from '../../src/enrich/address-cache.ts';
import { documentFieldNames, fieldReader, flowText, tailText } from '../../src/enrich/document-fields.ts';
import { FlowDocument } from '../../src/enrich/flow-document.ts';
import { compileFlowText, interpretFlowText } from '../../src/enrich/flow-text.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';
import type { RecordHeader } from '../../src/model/record.ts';

const header: RecordHeader = {
  exporter: '192.0.2.1',
  domain: 0,
  setId: null,
  receivedAtMs: 0,
  exportedAtMs: 0,
  sequence: 0,
};

function describedAddress(text: string, more: Partial<DescribedAddress>): DescribedAddress {
  return Object.assign(new DescribedAddress(text, 4, false), more);
}

const boston = {
  hostname: 'boston.example',
  autonomousSystem: 'Example "A" (64496)',
  asn: 64_496,
  city: 'Boston',
  country: 'United States',
  countryCode: 'US',
  location: { lat: 42.36, lon: -71.06 },
  locality: 'public',
  reputation: ['scanner', 'botnet'],
  network: { name: 'lab', site: 'Boston', tags: ['users'] },
} as const;
const lodz = {
  hostname: 'lodz.example',
  autonomousSystem: 'Example B (64497)',
  asn: 64_497,
  city: 'Łódź',
  country: 'Poland',
  countryCode: 'PL',
  location: { lat: 51.77, lon: 19.46 },
  locality: 'public',
  reputation: ['botnet', 'spam'],
  network: { name: 'hq', site: 'Łódź', tags: ['users', 'vip'] },
} as const;

/** A flow with every property set, as the record and all steps would. */
function fullFlow(): FlowDocument {
  return Object.assign(new FlowDocument(), {
    header,
    timestampMs: Date.UTC(2026, 0, 1),
    exporter: '192.0.2.7',
    type: 'ipfix',
    src: describedAddress('198.51.100.1', boston),
    dst: describedAddress('203.0.113.9', lodz),
    server: 'dst',
    ipVersion: 4,
    srcPort: 43_173,
    dstPort: 443,
    protocol: 6,
    tcpFlags: 2,
    tos: 184,
    bytes: 3000,
    packets: 20,
    samplingInterval: 10,
    samplingSource: 'default',
    flowSamplingInterval: 4,
    srcPortName: 'TCP/43173',
    dstPortName: 'https (TCP/443)',
    direction: 1,
    inputSnmp: 3,
    outputSnmp: 5,
    inputIfname: 'eth0',
    vlan: 10,
    inputIfalias: 'to Vienna',
    outputIfalias: 'transit 1',
    inputIfspeed: 1_000_000_000,
    outputIfspeed: 100_000_000_000,
    vlanName: 'office',
    srcMacVendor: 'Example Networks',
    dstMacVendor: 'Example "B"',
    communityId: '1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=',
    srcMac: 0x00_1b_21_3c_9d_f8,
    dstMac: 0xff_ff_ff_ff_ff_ff,
    srcMaskLen: 24,
    dstMaskLen: 16,
    nextHop: '192.0.2.254',
    bgpNextHop: '2001:db8::1',
    srcAddrTrans: '192.0.2.11',
    dstAddrTrans: '192.0.2.12',
    srcPortTrans: 1024,
    dstPortTrans: 8443,
    bgpValidState: 1,
    application: 'SSL',
    serverRule: 'flags',
    canonical: false,
    splitPart: 2,
    splitParts: 31,
    splitSkipped: 'clock',
    trafficDirection: 'outbound',
  } satisfies Partial<FlowDocument>);
}

function stored(flow: FlowDocument): unknown {
  return { flow: JSON.parse(Buffer.from(`{${flowText(flow)}}`, 'latin1').toString('utf8')) as unknown };
}

/** By the rules of ElastiFlow's documents. */
const expected: Readonly<Record<string, unknown>> = {
  'flow.direction': 'egress',
  'flow.ip_version': 'IPv4',
  'flow.sampling_interval': 10,
  'flow.sampling_source': 'default',
  'flow.sampling_flow_interval': 4,
  'flow.src_addr': '198.51.100.1',
  'flow.src_hostname': 'boston.example',
  'flow.src_autonomous_system': 'Example "A" (64496)',
  'flow.src_asn': 64_496,
  'flow.src_city': 'Boston',
  'flow.src_country': 'United States',
  'flow.src_country_code': 'US',
  'flow.src_geo_location': { lat: 42.36, lon: -71.06 },
  'flow.dst_addr': '203.0.113.9',
  'flow.dst_hostname': 'lodz.example',
  'flow.dst_autonomous_system': 'Example B (64497)',
  'flow.dst_asn': 64_497,
  'flow.dst_city': 'Łódź',
  'flow.dst_country': 'Poland',
  'flow.dst_country_code': 'PL',
  'flow.dst_geo_location': { lat: 51.77, lon: 19.46 },
  'flow.client_addr': '198.51.100.1',
  'flow.client_hostname': 'boston.example',
  'flow.client_autonomous_system': 'Example "A" (64496)',
  'flow.client_asn': 64_496,
  'flow.client_city': 'Boston',
  'flow.client_country': 'United States',
  'flow.client_country_code': 'US',
  'flow.client_geo_location': '42.36,-71.06',
  'flow.server_addr': '203.0.113.9',
  'flow.server_hostname': 'lodz.example',
  'flow.server_autonomous_system': 'Example B (64497)',
  'flow.server_asn': 64_497,
  'flow.server_city': 'Łódź',
  'flow.server_country': 'Poland',
  'flow.server_country_code': 'PL',
  'flow.server_geo_location': '51.77,19.46',
  'flow.autonomous_system': ['Example B (64497)', 'Example "A" (64496)'],
  'flow.city': ['Łódź', 'Boston'],
  'flow.country': ['Poland', 'United States'],
  'flow.country_code': ['PL', 'US'],
  'flow.traffic_locality': 'public',
  'flow.src_port': 43_173,
  'flow.dst_port': 443,
  'flow.src_port_name': 'TCP/43173',
  'flow.dst_port_name': 'https (TCP/443)',
  'flow.ip_protocol': 'TCP',
  'flow.tcp_flags': ['SYN'],
  'flow.bytes': 3000,
  'flow.packets': 20,
  'flow.service_port': 443,
  'flow.service_name': 'https (TCP/443)',
  'flow.input_snmp': 3,
  'flow.input_ifname': 'eth0',
  'flow.output_snmp': 5,
  'flow.output_ifname': 'index: 5',
  'flow.tos': 184,
  'flow.vlan': 10,
  'flow.input_ifalias': 'to Vienna',
  'flow.output_ifalias': 'transit 1',
  'flow.input_ifspeed': 1_000_000_000,
  'flow.output_ifspeed': 100_000_000_000,
  'flow.vlan_name': 'office',
  'flow.src_mac': '00:1b:21:3c:9d:f8',
  'flow.dst_mac': 'ff:ff:ff:ff:ff:ff',
  'flow.src_mac_vendor': 'Example Networks',
  'flow.dst_mac_vendor': 'Example "B"',
  'flow.src_network': 'lab',
  'flow.src_site': 'Boston',
  'flow.src_tags': ['users'],
  'flow.src_rep_tags': ['scanner', 'botnet'],
  'flow.dst_network': 'hq',
  'flow.dst_site': 'Łódź',
  'flow.dst_tags': ['users', 'vip'],
  'flow.dst_rep_tags': ['botnet', 'spam'],
  'flow.client_network': 'lab',
  'flow.client_site': 'Boston',
  'flow.client_tags': ['users'],
  'flow.client_rep_tags': ['scanner', 'botnet'],
  'flow.server_network': 'hq',
  'flow.server_site': 'Łódź',
  'flow.server_tags': ['users', 'vip'],
  'flow.server_rep_tags': ['botnet', 'spam'],
  'flow.rep_tags': ['scanner', 'botnet', 'spam'],
  'flow.src_mask_len': 24,
  'flow.dst_mask_len': 16,
  'flow.next_hop': '192.0.2.254',
  'flow.bgp_next_hop': '2001:db8::1',
  'flow.bgp_valid_state': 1,
  'flow.src_addr_trans': '192.0.2.11',
  'flow.dst_addr_trans': '192.0.2.12',
  'flow.src_port_trans': 1024,
  'flow.dst_port_trans': 8443,
  'flow.application': 'SSL',
  'flow.server_rule': 'flags',
  'flow.canonical': false,
  'flow.split_part': 2,
  'flow.split_parts': 31,
  'flow.split_skipped': 'clock',
  'flow.traffic_direction': 'outbound',
};

const flowNames = documentFieldNames().filter((path) => path.startsWith('flow.'));

test('every field of the table is expected here', () => {
  expect([...flowNames].sort()).toEqual(Object.keys(expected).sort());
});

test.each(flowNames)('%s is stored by its rule, and read as it is stored', (path) => {
  expect(valueAtPath(stored(fullFlow()), path)).toEqual(expected[path]);
  expect(fieldReader(path)?.(fullFlow())).toEqual(expected[path]);
});

test('what stands behind `flow` is read as it is stored', () => {
  const read = fieldReader('network.community_id')?.(fullFlow());
  expect(read).toBe('1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=');
  expect(valueAtPath(JSON.parse(`{"flow":{}${tailText(fullFlow())}}`), 'network.community_id')).toBe(read);
});

test('a name of the exporter is stored as the name of the node, and of the loopback address', () => {
  const flow = Object.assign(fullFlow(), { exporterHostname: 'core.example', dst: describedAddress('127.0.0.1', {}) });
  expect(fieldReader('node.hostname')?.(flow)).toBe('core.example');
  expect(fieldReader('flow.dst_hostname')?.(flow)).toBe('core.example');
  expect(valueAtPath(stored(flow), 'flow.dst_hostname')).toBe('core.example');
});

test('a name that comes late is in the documents that follow', () => {
  const flow = fullFlow();
  stored(flow);
  stored(flow);
  const { src } = flow;
  if (src !== undefined) src.hostname = 'late.example';
  expect(valueAtPath(stored(flow), 'flow.src_hostname')).toBe('late.example');
  expect(valueAtPath(stored(flow), 'flow.client_hostname')).toBe('late.example');
});

test('fields before `flow` are read, too', () => {
  const read = (path: string) => fieldReader(path)?.(fullFlow());
  expect(['@timestamp', 'event.host', 'event.type', 'node.ipaddr', 'node.hostname'].map(read)).toEqual([
    '2026-01-01T00:00:00.000Z',
    '192.0.2.1',
    'ipfix',
    '192.0.2.7',
    '192.0.2.7',
  ]);
  expect(fieldReader('flow.nothing')).toBeUndefined();
});

test('a flow of which nothing is known has a direction and a remark on sampling, nothing else', () => {
  const flow = fullFlow();
  flow.clear();
  expect(stored(flow)).toEqual({ flow: { direction: 'unspecified', sampling_source: 'none' } });
});

function withFlow(change: Partial<FlowDocument>): unknown {
  return stored(Object.assign(fullFlow(), change));
}

describe('tcp_flags', () => {
  test.each([
    [0, 'none'],
    [31, ['FIN', 'SYN', 'RST', 'PSH', 'ACK']],
    [224, ['URG', 'ECE', 'CWR']],
    // The nonce bit has no name.
    [256, []],
    [258, ['SYN']],
  ])('%i → %j', (tcpFlags, names) => {
    expect(valueAtPath(withFlow({ tcpFlags }), 'flow.tcp_flags')).toEqual(names);
  });

  test('flows of other protocols have none', () => {
    expect(valueAtPath(withFlow({ protocol: 17 }), 'flow.tcp_flags')).toBeUndefined();
  });
});

test.each([
  [1, 'ICMP'],
  [58, 'IPv6-ICMP'],
  [132, 'SCTP'],
  [61, 'UNKNOWN(61)'],
  [255, 'UNKNOWN(255)'],
  [1000, 'UNKNOWN(1000)'],
])('protocol %i is called %s', (protocol, name) => {
  expect(valueAtPath(withFlow({ protocol }), 'flow.ip_protocol')).toBe(name);
});

test.each([
  [0, 'ingress'],
  [1, 'egress'],
  [255, 'undetermined'],
  [undefined, 'unspecified'],
])('direction %s is called %s', (direction, name) => {
  expect(valueAtPath(withFlow({ direction } as Partial<FlowDocument>), 'flow.direction')).toBe(name);
});

describe('what both sides share', () => {
  const shared = ['autonomous_system', 'city', 'country', 'country_code'];
  const values = (change: Partial<FlowDocument>) => shared.map((name) => valueAtPath(withFlow(change), `flow.${name}`));

  test('one value when they are equal', () => {
    expect(values({ src: describedAddress('203.0.113.1', lodz) })).toEqual([
      'Example B (64497)',
      'Łódź',
      'Poland',
      'PL',
    ]);
  });

  test('the other side’s value when one is private', () => {
    const inner = new DescribedAddress('10.0.0.1', 4, true);
    inner.autonomousSystem = 'private';
    expect(values({ src: inner })).toEqual(['Example B (64497)', 'Łódź', 'Poland', 'PL']);
    expect(values({ dst: inner })).toEqual(['Example "A" (64496)', 'Boston', 'United States', 'US']);
    expect(values({ src: inner, dst: inner })).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe('traffic_locality', () => {
  const inner = Object.assign(new DescribedAddress('10.0.0.1', 4, true), { locality: 'private' as const });
  const plain = new DescribedAddress('198.51.100.3', 4, false);

  test.each([
    [{ src: inner, dst: inner }, 'private'],
    [{ src: inner }, 'public'],
    [{ dst: inner }, 'public'],
    [{ src: inner, dst: undefined }, 'private'],
    [{ src: plain, dst: plain }, undefined],
  ])('%#', (change, locality) => {
    expect(valueAtPath(withFlow(change as Partial<FlowDocument>), 'flow.traffic_locality')).toBe(locality);
  });
});

test('127.0.0.1 has the name of the exporter, in every part', () => {
  const document = withFlow({ dst: new DescribedAddress('127.0.0.1', 4, true) });
  expect(valueAtPath(document, 'flow.dst_hostname')).toBe('192.0.2.1');
  expect(valueAtPath(document, 'flow.server_hostname')).toBe('192.0.2.1');
});

test('without a server there are no client, server and service fields', () => {
  const names = Object.keys(
    (withFlow({ server: undefined, serverRule: undefined } as Partial<FlowDocument>) as { flow: object }).flow,
  );
  expect(names.filter((name) => /^(client|server|service)_/.test(name))).toEqual([]);
});

describe('counters', () => {
  test.each([
    ['9007199254740993', '9007199254740993'],
    ['9223372036854775807', '9223372036854775807'],
    // Elasticsearch has no number beyond: the field goes, the document stays.
    ['9223372036854775808', undefined],
    ['18446744073709551615', undefined],
  ])('%s is stored digit by digit, or not at all', (bytes, digits) => {
    expect(/"bytes":(\d+)/.exec(flowText(Object.assign(fullFlow(), { bytes })))?.[1]).toBe(digits);
  });
});

test('generated and interpreted text agree', () => {
  const groups = [
    { plain: { kind: 'number', name: 'tos', property: 'tos' }, write: (flow: FlowDocument) => `,"tos":${flow.tos}` },
    { write: (flow: FlowDocument) => `,"x":${flow.vlan}` },
    {
      plain: { kind: 'text', name: 'application', property: 'application' },
      write: (flow: FlowDocument) => `,"application":${JSON.stringify(flow.application)}`,
    },
  ] as const;
  const flow = fullFlow();
  expect(compileFlowText(groups)?.(flow)).toBe(interpretFlowText(groups)(flow));
  expect(interpretFlowText(groups)(flow)).toBe(',"tos":184,"x":10,"application":"SSL"');
});
