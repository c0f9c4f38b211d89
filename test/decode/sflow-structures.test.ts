// Records of sFlow that are read by description: their sizes and members as the documents at sFlow.org have them.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { counterStructures } from '../../src/decode/sflow-counter-structures.ts';
import { createCounterReader } from '../../src/decode/sflow-counters.ts';
import { flowStructures } from '../../src/decode/sflow-flow-structures.ts';
import { createSflow5Decoder } from '../../src/decode/sflow5.ts';
import { readStructure, type Structure } from '../../src/decode/xdr-structure.ts';
import type { Fault } from '../../src/model/fault.ts';
import type { FieldValue, RecordSet } from '../../src/model/record.ts';
import {
  ethernet,
  flowSample,
  hex,
  ipv4,
  opaque,
  rawHeader,
  sflowPayload,
  tcp,
  toDatagram,
  uint16s,
  uint32s,
} from './sflow-datagram.ts';

function decode(sample: Buffer): { sets: RecordSet[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const sets = createSflow5Decoder()(toDatagram(sflowPayload([sample])), (fault) => faults.push(fault));
  return { sets, faults };
}

/** The fields of a sample without fault. */
function fieldsOf(sample: Buffer): Record<string, unknown> {
  const { sets, faults } = decode(sample);
  expect(faults).toEqual([]);
  return Object.fromEntries(sets[0]?.layout.columns.map(({ name }, i) => [name, sets[0]?.rows[0]?.[i]]) ?? []);
}

const flow = (...records: Buffer[]) => fieldsOf(flowSample(records));
const counters = (...records: Buffer[]) => fieldsOf(opaque(2, uint32s(5, 12, records.length), ...records));

/** XDR string: length, bytes, padding. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32s(bytes.length), bytes, Buffer.alloc(-bytes.length & 3)]);
}

const uint64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return bytes;
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('flow records', () => {
  it('of users, with names in UTF-8 and bytes that are none', () => {
    expect(flow(opaque(1004, uint32s(106), text('jürgen'), uint32s(0), uint32s(2), hex('ff00 0000')))).toMatchObject({
      'sflow.user.src_charset': 106,
      'sflow.user.src_user': 'jürgen',
      'sflow.user.dst_charset': 0,
      'sflow.user.dst_user': { hex: 'ff00' },
    });
  });

  it('of URLs and HTTP requests', () => {
    expect(flow(opaque(1005, uint32s(1), text('/a'), text('www.example.com')))).toMatchObject({
      'sflow.url.direction': 1,
      'sflow.url.url': '/a',
      'sflow.url.host': 'www.example.com',
    });
    const texts = ['/index', 'example.com', '', 'curl', '198.51.100.1', 'me', 'text/html'].map(text);
    const request = opaque(2206, uint32s(2, 1001), ...texts, uint64(5n), uint64(2n ** 63n), uint32s(900, 404));
    expect(flow(request)).toMatchObject({
      'sflow.http_request.method': 2,
      'sflow.http_request.protocol': 1001,
      'sflow.http_request.uri': '/index',
      'sflow.http_request.referer': '',
      'sflow.http_request.mime_type': 'text/html',
      'sflow.http_request.req_bytes': 5,
      'sflow.http_request.resp_bytes': '9223372036854775808',
      'sflow.http_request.status': 404,
    });
  });

  it('of MPLS: next hop, label stacks, tunnel, circuit and classes', () => {
    const stacks = uint32s(2, (16 << 12) | 64, (17 << 12) | 0x140, 1, (18 << 12) | 0x140);
    expect(flow(opaque(1006, uint32s(1, 0xc000_0201), stacks))).toMatchObject({
      mplsTopLabelIPv4Address: 0xc000_0201,
      mplsTopLabelIPv6Address: null,
      'sflow.mpls.in_stack': [16, 17],
      'sflow.mpls.out_stack': [18],
    });
    const fields = flow(
      opaque(1008, text('lsp-1'), uint32s(7, 3)),
      opaque(1009, text('vc'), uint32s(100, 5)),
      opaque(1010, text('ftn'), uint32s(24)),
      opaque(1011, uint32s(16)),
    );
    expect(fields).toMatchObject({
      'sflow.mpls_tunnel.tunnel_lsp_name': 'lsp-1',
      'sflow.mpls_tunnel.tunnel_id': 7,
      'sflow.mpls_tunnel.tunnel_cos': 3,
      'sflow.mpls_vc.vc_instance_name': 'vc',
      'sflow.mpls_vc.vll_vc_id': 100,
      'sflow.mpls_vc.vc_label_cos': 5,
      'sflow.mpls_FTN.mplsFTNDescr': 'ftn',
      'sflow.mpls_FTN.mplsFTNMask': 24,
      'sflow.mpls_LDP_FEC.mplsFecAddrPrefixLength': 16,
    });
  });

  it('of address translation, under the names of IANA', () => {
    const nat = opaque(1007, uint32s(1, 0xc633_6401, 2), hex('20010db8 00000000 00000000 00000009'));
    expect(flow(nat, opaque(1020, uint32s(1024, 8080)))).toMatchObject({
      postNATSourceIPv4Address: 0xc633_6401,
      postNATSourceIPv6Address: null,
      postNATDestinationIPv4Address: null,
      postNATDestinationIPv6Address: '2001:db8::9',
      postNAPTSourceTransportPort: 1024,
      postNAPTDestinationTransportPort: 8080,
    });
  });

  it('of VLAN tunnels, queues, delays, InfiniBand and tunnel ends', () => {
    const gid = 'fe80000000000000 0002c90300a1b2c3';
    const fields = flow(
      opaque(1012, uint32s(2, 0x8100_0064, 0x88a8_0005)),
      opaque(1019, uint32s(3, 77)),
      opaque(1036, uint32s(42)),
      opaque(1039, uint32s(1500)),
      opaque(1040, uint32s(9000)),
      opaque(1031, uint32s(...upTo(10))),
      opaque(1032, uint32s(1, 2), hex(gid), hex(gid), uint32s(27, 256)),
      opaque(1033, uint32s(0xffff, 2, 4)),
      opaque(1028, uint32s(50)),
      opaque(1030, uint32s(5001)),
      opaque(1024, uint32s(1400, 17, 0x0a00_0001, 0x0a00_0002, 50_000, 4789, 0, 0)),
    );
    expect(fields).toMatchObject({
      'sflow.vlantunnel.stack': [0x8100_0064, 0x88a8_0005],
      'sflow.queue_length.queueIndex': 3,
      'sflow.queue_length.queueLength': 77,
      'sflow.egress_queue.queue': 42,
      'sflow.transit.delay': 1500,
      'sflow.queue.depth': 9000,
      'sflow.ib_lrh.src_vl': 1,
      'sflow.ib_lrh.dst_lnh': 10,
      'sflow.ib_grh.s_gid': gid.replace(' ', ''),
      'sflow.ib_grh.length': 256,
      'sflow.ib_bth.opcode': 4,
      'sflow.decapsulate_ingress.inner_header_offset': 50,
      'sflow.vni_ingress.vni': 5001,
      'sflow.ipv4_tunnel_ingress.srcIPv4Address': 0x0a00_0001,
      'sflow.ipv4_tunnel_ingress.dst_port': 4789,
    });
    expect(fields).not.toHaveProperty('sourceIPv4Address');
  });

  it('of wireless frames: reception, transmission, payload in clear and aggregation', () => {
    const ssid = text('guest');
    const bssid = hex('020000000aff 0000');
    const rx = opaque(1014, ssid, bssid, uint32s(4, 36), uint64(300_000_000n), uint32s(50, 60, 120));
    const tx = opaque(1015, ssid, bssid, uint32s(4, 2, 100, 40, 44), uint64(54_000_000n), uint32s(20));
    expect(flow(rx, tx)).toMatchObject({
      'sflow.80211_rx.ssid': 'guest',
      'sflow.80211_rx.bssid': 0x02_00_00_00_0a_ff,
      'sflow.80211_rx.channel': 36,
      'sflow.80211_rx.speed': 300_000_000,
      'sflow.80211_rx.packet_duration': 120,
      'sflow.80211_tx.transmissions': 2,
      'sflow.80211_tx.channel': 44,
      'sflow.80211_tx.power': 20,
    });
    const packet = ipv4({ protocol: 6, payload: tcp });
    const clear = Buffer.concat([hex('aaaa03 000000 0800'), packet]);
    const encrypted = Buffer.concat([
      hex('0841 0000 0200000000ff 020000000a01 020000000b02 1230'),
      Buffer.alloc(40, 0x9d),
    ]);
    const payload = opaque(1013, hex('000fac04'), uint32s(clear.length), clear);
    for (const records of [
      [payload, rawHeader(encrypted, { protocol: 15 })],
      [rawHeader(encrypted, { protocol: 15 }), payload],
    ]) {
      expect(flow(...records)).toMatchObject({
        'sflow.80211_payload.ciphersuite': 0x000fac04,
        sourceMacAddress: 0x02_00_00_00_0a_01,
        sourceIPv4Address: 0x0a010203,
        destinationTransportPort: 443,
      });
    }
    const header = rawHeader(ethernet(uint16s(0x0800), packet));
    expect(flow(opaque(1016, uint32s(2, 1), header, uint32s(1), header))).toMatchObject({
      'sflow.80211_aggregation.pdus': 2,
      sourceIPv4Address: 0x0a010203,
    });
  });

  it('of sockets and TCP connections', () => {
    const fields = flow(
      opaque(2100, uint32s(6, 0x7f00_0001, 0xc000_0201, 80, 40_000)),
      opaque(2209, uint32s(2, ...upTo(11))),
    );
    expect(fields).toMatchObject({
      'sflow.socket.protocol': 6,
      'sflow.socket.localIPv4Address': 0x7f00_0001,
      'sflow.socket.remoteIPv4Address': 0xc000_0201,
      'sflow.socket.local_port': 80,
      'sflow.socket.remote_port': 40_000,
      'sflow.tcp_info.dir': 2,
      'sflow.tcp_info.snd_mss': 1,
      'sflow.tcp_info.retrans': 5,
      'sflow.tcp_info.rtt': 7,
      'sflow.tcp_info.min_rtt': 11,
    });
    const loopback = hex('00000000 00000000 00000000 00000001');
    expect(flow(opaque(2101, uint32s(6), loopback, loopback, uint32s(80, 40_000)))).toMatchObject({
      'sflow.socket.localIPv6Address': '::1',
      'sflow.socket.remote_port': 40_000,
    });
  });

  it('of discarded packets: queue, access list, function, trap and reason', () => {
    const records = [
      opaque(1036, uint32s(3)),
      opaque(1037, uint32s(12), text('deny-all'), uint32s(1)),
      opaque(1038, text('ip_rcv_finish')),
      opaque(1041, text('l3_drops'), text('blackhole_route')),
      opaque(1042, text('NO_SOCKET')),
    ];
    expect(fieldsOf(opaque(5, uint32s(2, 0, 9, 256, 1, 2, 269, records.length), ...records))).toMatchObject({
      'sflow.discardReason': 269,
      'sflow.egress_queue.queue': 3,
      'sflow.acl.number': 12,
      'sflow.acl.name': 'deny-all',
      'sflow.acl.direction': 1,
      'sflow.function.symbol': 'ip_rcv_finish',
      'sflow.hw_trap.group': 'l3_drops',
      'sflow.hw_trap.trap': 'blackhole_route',
      'sflow.linux_drop_reason.reason': 'NO_SOCKET',
    });
  });

  it('of gateways keep sets and sequences apart in the text of the path', () => {
    const path = uint32s(3, 2, 2, 64_500, 64_501, 1, 2, 65_001, 65_002, 2, 1, 64_510);
    const fields = flow(opaque(1003, uint32s(1, 1, 64_499, 2, 3), path, uint32s(0, 100)));
    expect(fields).toMatchObject({
      'sflow.gateway.as': 64_499,
      asPath: [64_500, 64_501, 65_001, 65_002, 64_510],
      'sflow.gateway.dst_as_path': '64500 64501 {65001,65002} 64510',
    });
  });
});

describe('counter records', () => {
  it('of a host', () => {
    const cpu = Buffer.concat([float(0.5), float(-1), float(2.25), uint32s(...upTo(14))]);
    const fields = counters(
      opaque(2000, text('web1'), hex('00112233445566778899aabbccddeeff'), uint32s(3, 2), text('6.1.0')),
      opaque(2001, uint32s(2, 1, 1), hex('020000000a01 0000'), uint32s(2, 0)),
      opaque(2002, uint32s(2, 1)),
      opaque(2003, cpu),
      opaque(2005, uint64(1000n), uint64(10n), uint32s(9900, 1), uint64(2n), uint32s(3, 4), uint64(5n), uint32s(6)),
    );
    expect(fields).toMatchObject({
      'sflow.host_descr.hostname': 'web1',
      'sflow.host_descr.uuid': '00112233445566778899aabbccddeeff',
      'sflow.host_descr.os_name': 2,
      'sflow.host_descr.os_release': '6.1.0',
      'sflow.host_adapters.ifIndex': [1, 2],
      'sflow.host_adapters.mac_address': [0x02_00_00_00_0a_01, null],
      'sflow.host_parent.container_index': 1,
      'sflow.host_cpu.load_one': 0.5,
      'sflow.host_cpu.load_five': -1,
      'sflow.host_cpu.load_fifteen': 2.25,
      'sflow.host_cpu.proc_run': 1,
      'sflow.host_cpu.contexts': 14,
      'sflow.host_cpu.cpu_steal': null,
      'sflow.host_disk_io.part_max_used': 9900,
      'sflow.host_disk_io.write_time': 6,
    });
    expect(counters(opaque(2003, cpu, uint32s(21, 22, 23)))).toMatchObject({
      'sflow.host_cpu.cpu_steal': 21,
      'sflow.host_cpu.cpu_guest_nice': 23,
    });
  });

  it('of optical modules, with one value per lane', () => {
    const lane = (first: number) => uint32s(...upTo(10).map((i) => first + i));
    expect(counters(opaque(10, uint32s(1, 4, 3300, 0xffff_ec78, 2), lane(0), lane(100)))).toMatchObject({
      'sflow.sfp.module_supply_voltage': 3300,
      'sflow.sfp.module_temperature': -5000,
      'sflow.sfp.lane_index': [1, 101],
      'sflow.sfp.tx_power': [3, 103],
      'sflow.sfp.rx_wavelength': [10, 110],
    });
  });

  it('of applications, processors, radios, VLANs and OpenFlow ports', () => {
    const fields = counters(
      opaque(2202, text('payment'), uint32s(...upTo(11))),
      opaque(1001, uint32s(10, 20, 30), uint64(1n << 33n), uint64(7n)),
      opaque(1002, uint32s(1, 2, 3)),
      opaque(5, uint32s(100), uint64(5n), uint32s(1, 2, 3, 4)),
      opaque(1004, uint64(0xffff_0000_0000_0001n), uint32s(3)),
      opaque(1005, text('swp1')),
    );
    expect(fields).toMatchObject({
      'sflow.app_operations.application': 'payment',
      'sflow.app_operations.success': 1,
      'sflow.app_operations.unauthorized': 11,
      'sflow.processor.cpu_5m': 30,
      'sflow.processor.total_memory': 8_589_934_592,
      'sflow.radio.on_channel_busy_time': 3,
      'sflow.vlan.vlan_id': 100,
      'sflow.vlan.discards': 4,
      'sflow.of_port.datapath_id': '18446462598732840961',
      'sflow.port_name.name': 'swp1',
    });
  });

  it('are read in any order into the same layout, and once each', () => {
    const radio = opaque(1002, uint32s(1, 2, 3));
    const parent = opaque(2002, uint32s(2, 1));
    const sample = (...records: Buffer[]) => opaque(2, uint32s(5, 12, records.length), ...records);
    const idOf = (bytes: Buffer) => decode(bytes).sets[0]?.layout.id;
    expect(idOf(sample(radio, parent))).toBe(idOf(sample(parent, radio, opaque(1002, uint32s(9, 9, 9)))));
    expect(counters(radio, opaque(1002, uint32s(9, 9, 9)))).toMatchObject({ 'sflow.radio.elapsed_time': 1 });
  });

  it('have bounded layouts: beyond the limit every row has all columns', () => {
    const reader = createCounterReader(1);
    const read = (...records: Buffer[]) => {
      const bytes = Buffer.concat(records);
      return reader.read(bytes, 0, bytes.length, records.length);
    };
    expect(read(opaque(2002, uint32s(2, 1))).row).toEqual([2, 1]);
    const one = read(opaque(1002, uint32s(1, 2, 3)));
    const other = read(opaque(2101, uint32s(4, 5, 6)));
    expect(one.layout).toBe(other.layout);
    for (const { layout, row } of [one, other]) expect(row).toHaveLength(layout.columns.length);
    expect(one.row.filter((value) => value !== null)).toEqual([1, 2, 3]);
    expect(other.row[other.layout.columns.findIndex(({ name }) => name === 'sflow.virt_cpu.cpuTime')]).toBe(5);
  });
});

/** Sizes of structures without texts and lists, added up from the documents: what must be there, and with all that may be. */
const flowSizes: Readonly<Record<number, number>> = {
  1011: 4,
  1017: 16,
  1018: 16,
  1019: 8,
  1020: 8,
  1021: 24,
  1022: 24,
  1023: 32,
  1024: 32,
  1025: 56,
  1026: 56,
  1027: 4,
  1028: 4,
  1029: 4,
  1030: 4,
  1031: 40,
  1032: 48,
  1033: 12,
  1036: 4,
  1039: 4,
  1040: 4,
  2000: 32,
  2002: 12,
  2100: 20,
  2101: 44,
  2102: 20,
  2103: 44,
  2208: 92,
  2209: 48,
  2210: 16,
  1043: 8,
  18075649: 4,
};
const counterSizes: Readonly<Record<number, number>> = {
  1: 88,
  2: 52,
  3: 72,
  4: 80,
  5: 28,
  6: 80,
  7: 56,
  8: 24,
  9: 80,
  1001: 28,
  1002: 12,
  1003: 52,
  1004: 12,
  2002: 8,
  2003: 68,
  2004: 72,
  2005: 52,
  2006: 40,
  2007: 76,
  2008: 100,
  2009: 56,
  2010: 16,
  2100: 28,
  2101: 12,
  2102: 16,
  2103: 52,
  2104: 40,
  2106: 100,
  2201: 60,
  2203: 40,
  2204: 140,
  2206: 20,
  2207: 24,
  23359489: 48,
};

function reads(structure: Structure, bytes: Buffer): boolean {
  return readStructure(bytes, 0, bytes.length, structure, []);
}

describe('every structure', () => {
  it.each([
    ['flow records', flowStructures, flowSizes],
    ['counter records', counterStructures, counterSizes],
  ])('of %s without texts and lists has the size that its document gives', (_, structures, sizes) => {
    const fixed = structures.filter(({ members }) =>
      members.every(({ wire }) => /^(?:u?int|float|mac$|ipv|hex)/.test(wire) && wire !== 'uint32s'),
    );
    const measured = Object.fromEntries(
      fixed.map((structure) => {
        let size = 0;
        while (!reads(structure, Buffer.alloc(size))) size += 4;
        return [structure.format, size];
      }),
    );
    expect(measured).toEqual(sizes);
  });

  it('has a format and columns of its own', () => {
    for (const structures of [flowStructures, counterStructures]) {
      const formats = structures.map(({ format }) => format);
      expect(new Set(formats).size).toBe(formats.length);
    }
    const names = counterStructures.flatMap(({ columns }) => columns.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });

  it('gives one value per column or none at all, whatever the bytes', () => {
    const structure = fc.constantFrom(...flowStructures, ...counterStructures);
    const words = fc.array(fc.oneof(fc.nat(20), fc.constantFrom(0, 1, 2, 0xffff_ffff, 0x7fff_ffff)), { maxLength: 60 });
    fc.assert(
      fc.property(structure, words, fc.nat(3), (one, numbers, cut) => {
        const bytes = uint32s(...numbers);
        const end = Math.max(0, bytes.length - cut);
        const values: FieldValue[] = [];
        if (!readStructure(bytes, 0, end, one, values)) return;
        expect(values).toHaveLength(one.columns.length);
        expect(JSON.parse(JSON.stringify(values))).toEqual(values);
      }),
      { numRuns: 3000 },
    );
  });

  it('that is not whole is a fault of its record alone', () => {
    for (const structure of flowStructures) {
      const broken = opaque(structure.format, Buffer.alloc(structure.format === 1005 ? 8 : 0));
      const { sets, faults } = decode(flowSample([broken, opaque(1019, uint32s(3, 77))]));
      if (structure.format === 1019) continue;
      expect(faults.map(({ code }) => code)).toEqual(['sample-malformed']);
      expect(sets[0]?.rows[0]).toContain(77);
    }
  });
});
