// What records of NetFlow v9, IPFIX and sFlow become: the moves of data/field-map.yml, and what is stored beside `flow`.

import { describe, expect, test } from 'vitest';
import { type TestRecord, toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';
import type { FieldValue } from '../../src/model/record.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { documentsOf } from './sample-document.ts';

function documentOf(record: TestRecord): unknown {
  const [document, ...more] = documentsOf(toTestBatch(record));
  expect(more).toEqual([]);
  return document;
}

function flowOf(record: TestRecord): Readonly<Record<string, unknown>> {
  return valueAtPath(documentOf(record), 'flow') as Readonly<Record<string, unknown>>;
}

const at = Date.UTC(2026, 0, 1, 12, 0, 0);

describe('NetFlow v9', () => {
  test('a record with ElastiFlow’s names', () => {
    const document = documentOf({
      protocol: 'netflow9',
      exporter: '192.0.2.1',
      header: { exportedAtMs: at, sysUptimeMs: 100_000, sequence: 77, setId: 256 },
      fields: {
        sourceIPv4Address: '10.0.0.115',
        destinationIPv4Address: '198.51.100.131',
        octetDeltaCount: 1844,
        packetDeltaCount: 25,
        flowStartSysUpTime: 98_500,
        flowEndSysUpTime: 99_250,
        bgpSourceAsNumber: 64_496,
        bgpDestinationAsNumber: 0,
        minimumTTL: 62,
        maximumTTL: 64,
        vlanId: 10,
        sourceMacAddress: '00:00:5e:00:53:01',
        destinationMacAddress: '00:00:5e:00:53:02',
        applicationId: '0d0001c5',
        samplerId: 1,
        forwardingStatus: 66,
        flowStartMilliseconds: '2026-01-01T11:59:58.500Z',
        observationTimeMilliseconds: '2026-01-01T11:59:59.000Z',
        'v9:33000': '0f8e7ff3fc1a030f00000000',
        'v9:33002': 1001,
        'v9:65000': 'secret',
      },
    });
    expect(document).toEqual({
      '@timestamp': '2026-01-01T12:00:00.000Z',
      '@version': '3.5.1',
      event: { host: '192.0.2.1', type: 'netflow' },
      node: { ipaddr: '192.0.2.1', hostname: '192.0.2.1' },
      netflow: {
        version: 9,
        flow_seq_num: 77,
        flowset_id: 256,
        in_bytes: 1844,
        in_pkts: 25,
        first_switched: '2026-01-01T11:59:58.500Z',
        last_switched: '2026-01-01T11:59:59.250Z',
        src_as: 64_496,
        dst_as: 0,
        min_ttl: 62,
        max_ttl: 64,
        flow_sampler_id: 1,
        // 01 000010: forwarded, reason 2.
        forwarding_status: { status: 1, reason: 2 },
        flow_start_msec: at - 1500,
        event_time_msec: '2026-01-01T11:59:59.000Z',
        cisco_fw_ingress_acl_id: '0f8e7ff3-fc1a030f-00000000',
        cisco_fw_ext_event: 1001,
        v9_65000: 'secret',
      },
      flow: {
        direction: 'unspecified',
        sampling_source: 'none',
        ip_version: 'IPv4',
        src_addr: '10.0.0.115',
        src_hostname: '10.0.0.115',
        src_mac: '00:00:5e:00:53:01',
        dst_addr: '198.51.100.131',
        dst_hostname: '198.51.100.131',
        dst_mac: '00:00:5e:00:53:02',
        bytes: 1844,
        packets: 25,
        vlan: 10,
        application: '13..453',
      },
    });
  });

  test('uptimes that wrapped, or lie after the datagram’s, are near the export time', () => {
    const switched = (sysUptimeMs: number, first: number) =>
      valueAtPath(
        documentOf({
          protocol: 'netflow9',
          header: { exportedAtMs: at, sysUptimeMs },
          fields: { flowStartSysUpTime: first },
        }),
        'netflow.first_switched',
      );
    expect(switched(3381, 2 ** 32 - 1)).toBe('2026-01-01T11:59:56.618Z');
    expect(switched(1000, 1005)).toBe('2026-01-01T12:00:00.005Z');
  });

  test('repeated elements keep the form of each value', () => {
    const document = documentOf({
      protocol: 'netflow9',
      header: { exportedAtMs: at, sysUptimeMs: 1000 },
      fields: { forwardingStatus: [64, 195], flowStartSysUpTime: [0, 500], applicationId: ['0d0001c5', '03000050'] },
    });
    expect(valueAtPath(document, 'netflow')).toMatchObject({
      forwarding_status: [
        { status: 1, reason: 0 },
        { status: 3, reason: 3 },
      ],
      first_switched: ['2026-01-01T11:59:59.000Z', '2026-01-01T11:59:59.500Z'],
      app_id: ['13..453', '3..80'],
    });
  });

  describe('counters of both ways through the device', () => {
    const counts = (fields: Record<string, number>) => {
      const { bytes, packets } = flowOf({ protocol: 'netflow9', fields });
      return [bytes, packets];
    };

    test('are added when they differ: two directions', () => {
      expect(
        counts({ octetDeltaCount: 100, packetDeltaCount: 1, postOctetDeltaCount: 4000, postPacketDeltaCount: 1 }),
      ).toEqual([4100, 2]);
    });

    test('count once when they are equal: the same packets before and after', () => {
      expect(
        counts({ octetDeltaCount: 748, packetDeltaCount: 6, postOctetDeltaCount: 748, postPacketDeltaCount: 6 }),
      ).toEqual([748, 6]);
    });

    test('serve alone when the others are zero', () => {
      expect(
        counts({ octetDeltaCount: 0, packetDeltaCount: 0, postOctetDeltaCount: 748, postPacketDeltaCount: 6 }),
      ).toEqual([748, 6]);
    });
  });

  describe('Cisco AVC, which names client and server', () => {
    const avc = {
      'v9:45004': '10.0.0.1',
      'v9:45005': '192.0.2.80',
      'v9:45008': 50_000,
      'v9:45009': 443,
      'v9:41106': 100,
      'v9:41105': 5000,
      protocolIdentifier: 6,
    };
    const client = { addr: '10.0.0.1', port: 50_000 };
    const server = { addr: '192.0.2.80', port: 443 };

    test.each([
      [{ biflowDirection: 1 }, client, server],
      [{ biflowDirection: 2 }, server, client],
      [{}, client, server],
    ])('with %j', (direction, src, dst) => {
      expect(flowOf({ protocol: 'netflow9', fields: { ...avc, ...direction } })).toMatchObject({
        src_addr: src.addr,
        src_port: src.port,
        dst_addr: dst.addr,
        dst_port: dst.port,
        client_addr: '10.0.0.1',
        server_addr: '192.0.2.80',
        service_port: 443,
        bytes: 5100,
        ip_version: 'IPv4',
      });
    });
  });

  test('firewall events count what initiator and responder sent, or their total', () => {
    expect(
      flowOf({ protocol: 'netflow9', fields: { initiatorOctets: 10, responderOctets: 20, initiatorPackets: 1 } }),
    ).toMatchObject({ bytes: 30, packets: 1 });
    expect(flowOf({ protocol: 'netflow9', fields: { octetTotalCount: 56 } })).toMatchObject({ bytes: 56 });
  });
});

describe('IPFIX', () => {
  test('a record with IANA’s names, biflow counters and vendor elements', () => {
    const document = documentOf({
      protocol: 'ipfix',
      exporter: '2001:db8::7',
      header: { exportedAtMs: at, setId: 258, sequence: 5 },
      fields: {
        sourceIPv6Address: '2001:DB8:0::1',
        destinationIPv6Address: 'fe80::2',
        sourceIPv6PrefixLength: 64,
        octetDeltaCount: 5120,
        reverseOctetDeltaCount: 1000,
        packetDeltaCount: 8,
        flowStartMilliseconds: '2026-01-01T11:59:58.500Z',
        flowEndMicroseconds: 1_767_268_799_000.123,
        flowDirection: 1,
        ipClassOfService: 184,
        ipDiffServCodePoint: 46,
        dataRecordsReliability: true,
        forwardingStatus: 64,
        '9789/1': 1,
        '4711/12': 7,
        'iana:60000': 'ff00',
      },
    });
    expect(document).toEqual({
      '@timestamp': '2026-01-01T12:00:00.000Z',
      '@version': '3.5.1',
      event: { host: '2001:db8::7', type: 'ipfix' },
      node: { ipaddr: '2001:db8::7', hostname: '2001:db8::7' },
      ipfix: {
        version: 10,
        flowset_id: 258,
        octetDeltaCount: 5120,
        reverseOctetDeltaCount: 1000,
        packetDeltaCount: 8,
        flowStartMilliseconds: '2026-01-01T11:59:58.500Z',
        flowEndMicroseconds: '2026-01-01T11:59:59.000Z',
        ipDiffServCodePoint: 46,
        dataRecordsReliability: true,
        forwardingStatus: 64,
        sophos_afc_proto: 1,
        '4711_12': 7,
        iana_60000: 'ff00',
      },
      flow: {
        direction: 'egress',
        sampling_source: 'none',
        ip_version: 'IPv6',
        src_addr: '2001:db8::1',
        src_hostname: '2001:db8::1',
        src_mask_len: 64,
        dst_addr: 'fe80::2',
        dst_hostname: 'fe80::2',
        bytes: 6120,
        packets: 8,
        tos: 184,
      },
    });
  });

  test('counters: deltas before totals, never both', () => {
    expect(flowOf({ protocol: 'ipfix', fields: { octetDeltaCount: 775, octetTotalCount: 99_000 } })).toMatchObject({
      bytes: 775,
    });
    expect(flowOf({ protocol: 'ipfix', fields: { octetTotalCount: 99_000, packetTotalCount: 3 } })).toMatchObject({
      bytes: 99_000,
      packets: 3,
    });
    expect(flowOf({ protocol: 'ipfix', fields: { octetDeltaCount: 5, postOctetDeltaCount: 9 } })).toMatchObject({
      bytes: 5,
    });
    expect(flowOf({ protocol: 'ipfix', fields: { octetDeltaCount: 0, octetTotalCount: 0 } })).toMatchObject({
      bytes: 0,
    });
  });

  test('counters beyond 2^53 keep their digits', () => {
    const batch = toTestBatch({
      protocol: 'ipfix',
      fields: { octetDeltaCount: '9007199254740993', reverseOctetDeltaCount: 2, flowId: '18446744073709551615' },
    });
    const [document] = documentsOf(batch, [
      {
        name: 'look',
        step: {
          apply: (flow) => {
            expect(flow.bytes).toBe('9007199254740995');
            return undefined;
          },
        },
      },
    ]);
    // No `long` holds it; Elasticsearch would refuse the document.
    expect(valueAtPath(document, 'ipfix.flowId')).toBeUndefined();
  });

  describe('the sampling interval', () => {
    test.each([
      [{ samplingInterval: 100 }, 100, 'record'],
      [{ samplingInterval: 0 }, 0, undefined],
      [{ samplingInterval: 1 }, 1, undefined],
      [{ samplingInterval: 0, samplerRandomInterval: 50 }, 50, 'record'],
      [{ samplingPacketInterval: 1, samplingPacketSpace: 999 }, 1000, 'record'],
      [{ samplingSize: 2, samplingPopulation: 1000 }, 500, 'record'],
      [{ samplingProbability: 0.25 }, 4, 'record'],
      [{ samplingProbability: 0 }, undefined, 'none'],
      [{ samplingFlowInterval: 8 }, 8, 'record'],
      [{ 'weir.samplingInterval': 512 }, 512, 'options'],
      [{ samplingInterval: 7, 'weir.samplingInterval': 512 }, 7, 'record'],
      [{ samplingInterval: 0, 'weir.samplingInterval': 512 }, 512, 'options'],
      [{ samplingPacketInterval: 1 }, undefined, 'none'],
    ])('%j → %s (%s)', (fields, interval, source) => {
      const flow = flowOf({ protocol: 'ipfix', fields });
      expect([flow['sampling_interval'], flow['sampling_source']]).toEqual([interval, source]);
    });
  });

  describe('both address families in one template', () => {
    const both = (fields: Record<string, unknown>) => {
      const flow = flowOf({
        protocol: 'ipfix',
        fields: { sourceIPv4PrefixLength: 24, sourceIPv6PrefixLength: 64, ...fields },
      });
      return [flow['ip_version'], flow['src_addr'], flow['dst_addr'], flow['src_mask_len']];
    };
    const v4 = { sourceIPv4Address: '192.0.2.1', destinationIPv4Address: '192.0.2.2' };
    const zero4 = { sourceIPv4Address: '0.0.0.0', destinationIPv4Address: '0.0.0.0' };
    const v6 = { sourceIPv6Address: '2001:db8::1', destinationIPv6Address: '2001:db8::2' };
    const zero6 = { sourceIPv6Address: '::', destinationIPv6Address: '::' };
    const asV4 = ['IPv4', '192.0.2.1', '192.0.2.2', 24];
    const asV6 = ['IPv6', '2001:db8::1', '2001:db8::2', 64];

    test('the version in the record decides', () => {
      expect(both({ ...v4, ...v6, ipVersion: 4 })).toEqual(asV4);
      expect(both({ ...v4, ...v6, ipVersion: 6 })).toEqual(asV6);
    });

    test('without one, the addresses that are not zero', () => {
      expect(both({ ...v4, ...zero6 })).toEqual(asV4);
      expect(both({ ...zero4, ...v6 })).toEqual(asV6);
      expect(both({ ...v4, ...v6 })).toEqual(asV4);
      expect(both({ ...zero4, ...zero6 })).toEqual(['IPv4', '0.0.0.0', '0.0.0.0', 24]);
    });

    test('addresses that were not chosen are kept, unless they are zero', () => {
      const kept = (fields: Record<string, unknown>) =>
        Object.keys(valueAtPath(documentOf({ protocol: 'ipfix', fields }), 'ipfix') as object).filter((name) =>
          name.endsWith('Address'),
        );
      expect(kept({ ...v4, ...v6 })).toEqual(['sourceIPv6Address', 'destinationIPv6Address']);
      expect(kept({ ...zero4, ...v6 })).toEqual([]);
    });
  });

  test('of a repeated element the first value is used, and all are kept', () => {
    const document = documentOf({
      protocol: 'ipfix',
      fields: {
        sourceIPv4Address: ['192.0.2.1', '198.51.100.1'],
        destinationIPv4Address: ['192.0.2.2', '198.51.100.2'],
        protocolIdentifier: [47, 6],
        mplsTopLabelStackSection: ['0003e8', '0007d1'],
      },
    });
    expect(valueAtPath(document, 'flow')).toMatchObject({
      src_addr: '192.0.2.1',
      dst_addr: '192.0.2.2',
      ip_protocol: 'GRE',
    });
    expect(valueAtPath(document, 'ipfix')).toMatchObject({
      sourceIPv4Address: ['192.0.2.1', '198.51.100.1'],
      destinationIPv4Address: ['192.0.2.2', '198.51.100.2'],
      protocolIdentifier: [47, 6],
      mplsTopLabelStackSection: ['0003e8', '0007d1'],
    });
  });

  test('a value of the wrong length is kept as its bytes under a name of their own, and moved nowhere', () => {
    const odd = withRow({ protocol: 'ipfix', fields: { sourceTransportPort: 0, userName: 'x' } }, [
      { hex: '0102030405060708090a' },
      { hex: 'ff00' },
    ]);
    const [document] = documentsOf(odd);
    expect(valueAtPath(document, 'flow.src_port')).toBeUndefined();
    expect(valueAtPath(document, 'ipfix')).toEqual({
      version: 10,
      flowset_id: 256,
      sourceTransportPort_hex: '0102030405060708090a',
      userName: 'ff00',
    });
  });

  test('a flow proxy names the exporter it speaks for; the sender stays event.host', () => {
    const nodeOf = (fields: Record<string, unknown>) =>
      documentOf({ protocol: 'ipfix', exporter: '192.0.2.1', fields }) as Record<string, unknown>;
    expect(nodeOf({ exporterIPv4Address: '10.9.8.7' })).toMatchObject({
      node: { ipaddr: '10.9.8.7', hostname: '10.9.8.7' },
      event: { host: '192.0.2.1' },
    });
    expect(nodeOf({ exporterIPv4Address: '0.0.0.0', exporterIPv6Address: '2001:db8::9' })).toMatchObject({
      node: { ipaddr: '2001:db8::9' },
    });
    expect(nodeOf({ exporterIPv4Address: '0.0.0.0' })).toMatchObject({ node: { ipaddr: '192.0.2.1' } });
  });

  test('applications: a name before an id, and nothing for id 0', () => {
    const applicationOf = (fields: Record<string, unknown>) => flowOf({ protocol: 'ipfix', fields })['application'];
    expect(applicationOf({ applicationId: '0d0001c5', applicationName: 'ssl' })).toBe('ssl');
    expect(applicationOf({ applicationId: '0d0001c5', applicationName: '' })).toBe('13..453');
    expect(applicationOf({ applicationId: '140000304400000001' })).toBe('20..12356..1');
    expect(applicationOf({ applicationId: '00000000' })).toBeUndefined();
    expect(applicationOf({ '25461/23933': 'web-browsing' })).toBe('web-browsing');
  });

  test('texts beyond what Lucene indexes are cut, so that the document is taken', () => {
    const document = documentOf({ protocol: 'ipfix', fields: { userName: 'é'.repeat(40_000) } });
    expect(Buffer.byteLength(String(valueAtPath(document, 'ipfix.userName')))).toBeLessThan(32_766);
  });
});

describe('sFlow', () => {
  const sflow = {
    agent: '10.1.1.1',
    sampleType: 'flow_sample',
    sampleSequence: 9,
    sourceIdType: 0,
    sourceIdIndex: 3,
  } as const;

  test('a sample of a raw Ethernet header', () => {
    const document = documentOf({
      protocol: 'sflow5',
      exporter: '192.0.2.1',
      header: { exportedAtMs: at, domain: 0, sflow },
      fields: {
        samplingInterval: 1000,
        ingressInterface: 3,
        egressInterface: 5,
        dataLinkFrameSize: 1514,
        destinationMacAddress: '00:00:5e:00:53:02',
        sourceMacAddress: '00:00:5e:00:53:01',
        dot1qVlanId: 10,
        dot1qPriority: 2,
        ethernetType: 2048,
        ipVersion: 4,
        ipClassOfService: 185,
        ipTotalLength: 1496,
        ipTTL: 64,
        protocolIdentifier: 6,
        sourceIPv4Address: '10.0.0.1',
        destinationIPv4Address: '10.0.0.2',
        sourceTransportPort: 443,
        destinationTransportPort: 50_000,
        tcpControlBits: 16,
        'sflow.drops': 0,
        vlanId: 10,
        postVlanId: 20,
        asPath: [64_496, 64_497],
      },
    });
    expect(document).toEqual({
      '@timestamp': '2026-01-01T12:00:00.000Z',
      '@version': '3.5.1',
      event: { host: '192.0.2.1', type: 'sflow' },
      node: { ipaddr: '10.1.1.1', hostname: '10.1.1.1' },
      sflow: {
        sflow_type: 'flow_sample',
        sub_agent_id: 0,
        source_id_type: 'IF-MIB::ifEntry',
        source_id_index: 3,
        frame_length: 1514,
        vlan_priority: 2,
        eth_type: 2048,
        ip_dscp: 46,
        ip_ecn: 1,
        ip_total_length: 1496,
        ip_ttl: 64,
        drops: 0,
        src_vlan: 10,
        dst_vlan: 20,
        asPath: [64_496, 64_497],
      },
      flow: {
        direction: 'ingress',
        ip_version: 'IPv4',
        sampling_interval: 1000,
        sampling_source: 'record',
        src_addr: '10.0.0.1',
        src_hostname: '10.0.0.1',
        src_mac: '00:00:5e:00:53:01',
        src_port: 443,
        dst_addr: '10.0.0.2',
        dst_hostname: '10.0.0.2',
        dst_mac: '00:00:5e:00:53:02',
        dst_port: 50_000,
        ip_protocol: 'TCP',
        tcp_flags: ['ACK'],
        // The sampling step multiplies.
        bytes: 1514,
        packets: 1,
        vlan: 10,
        tos: 185,
        input_snmp: 3,
        input_ifname: 'index: 3',
        output_snmp: 5,
        output_ifname: 'index: 5',
      },
    });
  });

  test('a sample without a frame counts the length of its IP packet', () => {
    expect(flowOf({ protocol: 'sflow5', header: { sflow }, fields: { ipTotalLength: 60 } })).toMatchObject({
      bytes: 60,
      packets: 1,
    });
  });

  test('a packet that was thrown away is a document with its reason, and no traffic', () => {
    const batch = toTestBatch({
      protocol: 'sflow5',
      header: { sflow: { ...sflow, sampleType: 'discarded_packet' } },
      fields: {
        dataLinkFrameSize: 1518,
        sourceIPv4Address: '10.1.2.3',
        ingressInterface: 3,
        'sflow.discardReason': 258,
      },
    });
    const [document] = documentsOf({ ...batch, layouts: [{ ...batch.layouts[0]!, kind: 'discard' }] });
    expect(document).toMatchObject({
      sflow: { sflow_type: 'discarded_packet', discard_reason: 'acl', frame_length: 1518 },
      flow: { src_addr: '10.1.2.3', input_ifname: 'index: 3' },
    });
    expect(valueAtPath(document, 'flow.bytes')).toBeUndefined();
    expect(valueAtPath(document, 'flow.packets')).toBeUndefined();
  });

  test.each([
    [0, 'net_unreachable'],
    [256, 'unknown'],
    [303, 'split_horizon'],
    [304, 'reason 304'],
    [4_294_967_295, 'reason 4294967295'],
  ])('reason %i of a discarded packet is %s', (reason, name) => {
    const document = documentOf({ protocol: 'sflow5', header: { sflow }, fields: { 'sflow.discardReason': reason } });
    expect(valueAtPath(document, 'sflow.discard_reason')).toBe(name);
  });

  test('counter samples and options records become no documents', () => {
    const batch = toTestBatch({ protocol: 'sflow5', header: { sflow }, fields: { ipTotalLength: 60 } });
    for (const kind of ['counters', 'options'] as const) {
      expect(documentsOf({ ...batch, layouts: [{ ...batch.layouts[0]!, kind }] })).toEqual([]);
    }
  });
});

describe('a clock that is out of all reason', () => {
  test.each([Number.NaN, -1, 253_402_300_800_000, Number.POSITIVE_INFINITY])(
    '%s gives way to the time of reception',
    (exportedAtMs) => {
      const document = documentOf({ protocol: 'ipfix', header: { exportedAtMs, receivedAtMs: at }, fields: {} });
      expect(valueAtPath(document, '@timestamp')).toBe('2026-01-01T12:00:00.000Z');
    },
  );

  test('flow times that no date can hold are left out', () => {
    const document = documentOf({ protocol: 'ipfix', fields: { flowEndNanoseconds: 1e18 } });
    expect(valueAtPath(document, 'ipfix')).toEqual({ version: 10, flowset_id: 256 });
  });
});

function withRow(record: TestRecord, row: readonly FieldValue[]): RecordBatch {
  const batch = toTestBatch(record);
  return { ...batch, sets: batch.sets.map((set) => ({ ...set, rows: [row] })) };
}
