// Packets inside tunnels, laid out as the RFCs draw them: outer flows by default, inner flows when asked, and cut anywhere.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerProtocol } from '../../src/decode/link-header.ts';
import { readPacketHeader } from '../../src/decode/packet-header.ts';
import { createInnerPacket } from '../../src/decode/packet-tunnels.ts';
import { createSampleLayouts, SampleFields } from '../../src/decode/sample-fields.ts';
import { ethernet, hex, ipv4, ipv6, tcp, udp, uint16s, uint32s } from './sflow-datagram.ts';

const innerPacket = createInnerPacket();

function read(frame: Buffer, isInner: boolean, protocol: number = headerProtocol.ethernet): Record<string, unknown> {
  const fields = new SampleFields();
  readPacketHeader(frame, 0, frame.length, protocol, fields, isInner ? innerPacket : undefined);
  const { layout, row } = fields.toRow(createSampleLayouts('flow'));
  return Object.fromEntries(layout.columns.map(({ name }, i) => [name, row[i]]));
}

const ipv4Type = uint16s(0x0800);
const ipv6Type = uint16s(0x86dd);

/** 172.16.0.1 → 172.16.0.2: what carries the packets of sflow-datagram.ts. */
function carrier(protocol: number, ...payload: Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  return Buffer.concat([
    hex('4500'),
    uint16s(20 + body.length, 7, 0),
    Buffer.from([99, protocol]),
    uint16s(0),
    hex('ac100001 ac100002'),
    body,
  ]);
}

function udpTo(port: number, ...payload: Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  return carrier(17, uint16s(51_000, port, 8 + body.length, 0), body);
}

const packet4 = ipv4({ protocol: 6, payload: tcp });
const packet6 = ipv6(17, udp);
const frame4 = Buffer.concat([hex('0a0000000002 0a0000000001'), uint16s(0x8100, 0x2007), ipv4Type, packet4]);

const of4 = {
  ipVersion: 4,
  sourceIPv4Address: 0x0a010203,
  destinationIPv4Address: 0xc00002c8,
  protocolIdentifier: 6,
  sourceTransportPort: 49_152,
  destinationTransportPort: 443,
  ipTTL: 61,
};
const of6 = {
  ipVersion: 6,
  sourceIPv6Address: '2001:db8::1',
  destinationIPv6Address: '2001:db8:1::2',
  protocolIdentifier: 17,
  sourceTransportPort: 53,
  destinationTransportPort: 33_000,
};
const ofFrame = {
  ...of4,
  destinationMacAddress: 0x0a_00_00_00_00_02,
  sourceMacAddress: 0x0a_00_00_00_00_01,
  dot1qVlanId: 7,
  dot1qPriority: 1,
  ethernetType: 0x0800,
  'sflow.outerDestinationMacAddress': 0x02_00_00_00_0b_02,
  'sflow.outerSourceMacAddress': 0x02_00_00_00_0a_01,
  'sflow.outerEthernetType': 0x0800,
};
const outer4 = {
  'sflow.outerIpVersion': 4,
  'sflow.outerSourceIPv4Address': 0xac100001,
  'sflow.outerDestinationIPv4Address': 0xac100002,
  'sflow.outerIpTTL': 99,
};
/** Labels 17 and 18, the second at the bottom. */
const labels = uint32s((17 << 12) | 64, (18 << 12) | 0x140);

const gre = (flags: number, type: number, ...rest: Buffer[]) => carrier(47, uint16s(flags, type), ...rest);
const erspan3 = (last: number) => Buffer.concat([hex('2064 0123 00000000 0000'), uint16s(last)]);

const tunnels: readonly [string, Buffer, Record<string, unknown>, string, number?][] = [
  ['IPv4 in IPv4 (RFC 2003)', carrier(4, packet4), of4, 'ipip'],
  ['IPv6 in IPv4 (RFC 4213)', carrier(41, packet6), of6, 'ipv6'],
  ['GRE without options', gre(0, 0x0800, packet4), of4, 'gre'],
  ['GRE of IPv6 with checksum, key and sequence', gre(0xb000, 0x86dd, uint32s(1, 77, 3), packet6), of6, 'gre', 77],
  ['GRE of MPLS', gre(0, 0x8847, labels, packet4), { ...of4, mplsLabels: [17, 18] }, 'gre'],
  ['GRE of Ethernet (TEB)', gre(0, 0x6558, frame4), ofFrame, 'gre'],
  ['NVGRE', gre(0x2000, 0x6558, uint32s((5001 << 8) | 9), frame4), ofFrame, 'nvgre', 5001],
  ['PPTP', gre(0x3081, 0x880b, uint32s((40 << 16) | 513, 1, 2), hex('ff03 0021'), packet4), of4, 'pptp', 513],
  ['ERSPAN type I', gre(0, 0x88be, frame4), ofFrame, 'erspan'],
  ['ERSPAN type II', gre(0x1000, 0x88be, uint32s(1), hex('1064 0123 00000005'), frame4), ofFrame, 'erspan', 0x123],
  ['ERSPAN type III', gre(0x1000, 0x22eb, uint32s(1), erspan3(0), frame4), ofFrame, 'erspan', 0x123],
  [
    'ERSPAN type III with a subheader',
    gre(0x1000, 0x22eb, uint32s(1), erspan3(1), hex('1122334455667788'), frame4),
    ofFrame,
    'erspan',
    0x123,
  ],
  ['ERSPAN type III of IP', gre(0x1000, 0x22eb, uint32s(1), erspan3(2 << 10), packet4), of4, 'erspan', 0x123],
  ['VXLAN', udpTo(4789, uint32s(0x0800_0000, 70_000 << 8), frame4), ofFrame, 'vxlan', 70_000],
  ['VXLAN on the port of old Linux', udpTo(8472, uint32s(0x0800_0000, 5 << 8), frame4), ofFrame, 'vxlan', 5],
  ['VXLAN-GPE of IPv6', udpTo(4790, uint32s(0x0c00_0002, 9 << 8), packet6), of6, 'vxlan-gpe', 9],
  ['VXLAN-GPE of Ethernet', udpTo(4790, uint32s(0x0c00_0003, 9 << 8), frame4), ofFrame, 'vxlan-gpe', 9],
  ['Geneve', udpTo(6081, uint32s(0x0000_6558, 11 << 8), frame4), ofFrame, 'geneve', 11],
  ['Geneve with options', udpTo(6081, uint32s(0x0200_0800, 11 << 8, 0x0102_0001, 5), packet4), of4, 'geneve', 11],
  ['GTP-U', udpTo(2152, hex('30ff 0028'), uint32s(0xdeadbeef), packet4), of4, 'gtp-u', 0xdeadbeef],
  [
    'GTP-U with sequence and extension headers',
    udpTo(
      2152,
      hex('36ff 0040'),
      uint32s(12),
      hex('0001 00 85'),
      hex('01 0000 40'),
      hex('02 000000000000 00'),
      packet4,
    ),
    of4,
    'gtp-u',
    12,
  ],
  ['MPLS over UDP (RFC 7510)', udpTo(6635, labels, packet4), { ...of4, mplsLabels: [17, 18] }, 'mpls'],
  ['MPLS in IP (RFC 4023)', carrier(137, labels, packet6), { ...of6, mplsLabels: [17, 18] }, 'mpls'],
  ['GRE in UDP (RFC 8086)', udpTo(4754, uint16s(0, 0x0800), packet4), of4, 'gre'],
  ['Teredo', udpTo(3544, packet6), of6, 'teredo'],
  [
    'Teredo with authentication and origin',
    udpTo(3544, hex('0001 02 01 aabb cc 0000000000000000 00'), hex('0000 1234 01020304'), packet6),
    of6,
    'teredo',
  ],
  ['EtherIP (RFC 3378)', carrier(97, hex('3000'), frame4), ofFrame, 'etherip'],
];

describe('a tunnel', () => {
  it.each(tunnels)('%s is a flow between its ends by default', (_, packet) => {
    const fields = read(ethernet(ipv4Type, packet), false);
    expect(fields).toMatchObject({ sourceIPv4Address: 0xac100001, destinationIPv4Address: 0xac100002, ipTTL: 99 });
    expect(Object.keys(fields).filter((name) => name.startsWith('sflow.'))).toEqual([]);
  });

  it.each(tunnels)(
    '%s gives the packet inside when asked, the outer headers beside it',
    (_, packet, expected, name, id) => {
      const fields = read(ethernet(ipv4Type, packet), true);
      expect(fields).toMatchObject({ ...expected, ...outer4, 'sflow.tunnel': name });
      expect(fields['sflow.tunnelId']).toBe(id);
      const carried = packet[9];
      expect(fields['sflow.outerProtocolIdentifier']).toBe(carried);
      expect(fields['sflow.outerSourceTransportPort']).toBe(carried === 17 ? 51_000 : undefined);
    },
  );

  it.each(tunnels)('%s is told by its outer headers while the addresses inside are cut off', (_, packet, expected) => {
    const frame = ethernet(ipv4Type, packet);
    const whole = read(frame, true);
    const addressesEnd = frame.length - (expected === of6 || 'flowLabelIPv6' in whole ? udp.length : tcp.length);
    for (let length = 0; length <= frame.length; length++) {
      const cut = frame.subarray(0, length);
      const fields = read(cut, true);
      if (length < addressesEnd) expect(fields).toEqual(read(cut, false));
      else expect(whole).toMatchObject(fields);
      if (length >= addressesEnd) expect(fields).toMatchObject(outer4);
    }
  });

  it('over IPv6 keeps the IPv6 addresses as the outer ones', () => {
    expect(read(ethernet(ipv6Type, ipv6(4, packet4)), true)).toMatchObject({
      ...of4,
      'sflow.outerIpVersion': 6,
      'sflow.outerSourceIPv6Address': '2001:db8::1',
      'sflow.outerDestinationIPv6Address': '2001:db8:1::2',
      'sflow.outerFlowLabelIPv6': 0xabcde,
      'sflow.outerProtocolIdentifier': 4,
    });
    // RFC 8986: SRv6, a routing header and then Ethernet.
    const routing = Buffer.concat([hex('8f 02 04 00 00000000'), Buffer.alloc(16)]);
    expect(read(ethernet(ipv6Type, ipv6(43, Buffer.concat([routing, frame4]))), true)).toMatchObject({
      ...of4,
      'sflow.tunnel': 'ethernet',
      'sflow.outerNextHeaderIPv6': 43,
    });
  });

  it('in a tunnel gives the innermost packet, the outermost headers whole and the way between', () => {
    const nested = udpTo(4789, uint32s(0x0800_0000, 3 << 8), ethernet(ipv6Type, ipv6(4, packet4)));
    const fields = read(ethernet(uint16s(0x8100, 100), ipv4Type, nested), true);
    expect(fields).toMatchObject({
      ...of4,
      ...outer4,
      'sflow.tunnel': 'vxlan/ipip',
      'sflow.tunnelId': 3,
      'sflow.outerDot1qVlanId': 100,
    });
    for (const name of ['sflow.outerSourceIPv6Address', 'sflow.outerFlowLabelIPv6', 'dot1qVlanId']) {
      expect(fields).not.toHaveProperty(name);
    }
  });

  it('is a pseudowire below an MPLS stack, with a control word or without', () => {
    for (const between of [hex('00000000'), hex('')]) {
      const fields = read(ethernet(uint16s(0x8847), labels, between, frame4), true);
      const { 'sflow.outerEthernetType': _, ...expected } = ofFrame;
      expect(fields).toMatchObject({
        ...expected,
        'sflow.outerEthernetType': 0x8847,
        'sflow.outerMplsLabels': [17, 18],
        'sflow.tunnel': 'pseudowire',
      });
    }
    const overUdp = udpTo(6635, labels, hex('00000000'), frame4);
    expect(read(ethernet(ipv4Type, overUdp), true)).toMatchObject({
      ...of4,
      ...outer4,
      mplsLabels: [17, 18],
      'sflow.tunnel': 'mpls/pseudowire',
    });
  });

  it('is followed to a bounded depth', () => {
    let packet = packet4;
    for (let i = 0; i < 20; i++) packet = carrier(4, packet);
    const fields = read(ethernet(ipv4Type, packet), true);
    expect(fields['sflow.tunnel']).toBe(new Array(8).fill('ipip').join('/'));
    expect(fields).toMatchObject({ ...outer4, sourceIPv4Address: 0xac100001 });
  });

  it.each([
    ['a later fragment', ipv4({ protocol: 4, payload: packet4, fragmentation: 0x20b9 })],
    ['GRE with routing (RFC 1701)', gre(0x4000, 0x0800, uint32s(0), packet4)],
    ['GRE of a version that is not known', gre(2, 0x0800, packet4)],
    ['VXLAN without its I bit', udpTo(4789, uint32s(0, 0), frame4)],
    ['a control packet of Geneve', udpTo(6081, uint32s(0x0080_0800, 0), packet4)],
    ['Geneve whose options do not end', udpTo(6081, uint32s(0x3f00_0800, 0), packet4)],
    ['a GTP-U echo', udpTo(2152, hex('3201 0004'), uint32s(0), hex('00010000'))],
    ['a GTP-U extension of length 0', udpTo(2152, hex('34ff 0040'), uint32s(12), hex('0001 00 85'), Buffer.alloc(60))],
    ['a UDP packet of other ports', udpTo(4788, uint32s(0x0800_0000, 0), frame4)],
    ['ARP inside', udpTo(4789, uint32s(0x0800_0000, 0), ethernet(uint16s(0x0806), Buffer.alloc(28)))],
    ['an inner header that is none', carrier(4, Buffer.alloc(40, 0x41))],
  ])('%s stays what it is', (_, packet) => {
    const frame = ethernet(ipv4Type, packet);
    expect(read(frame, true)).toEqual(read(frame, false));
  });
});

describe('hostile packets', () => {
  const frames = tunnels.map(([, packet]) => ethernet(ipv4Type, packet));

  function expectSound(bytes: Buffer, protocol = 1): void {
    const fields = read(bytes, true, protocol);
    for (const value of Object.values(fields)) expect(value).not.toBeUndefined();
    // Outer headers only beside a packet that was found.
    const hasOuter = Object.keys(fields).some((name) => name.startsWith('sflow.outer'));
    if (hasOuter) expect(fields['sflow.tunnel']).toBeTypeOf('string');
    if (fields['sflow.tunnel'] !== undefined) {
      expect(fields['sourceIPv4Address'] ?? fields['sourceIPv6Address']).toBeDefined();
      expect(fields['destinationIPv4Address'] ?? fields['destinationIPv6Address']).toBeDefined();
    }
  }

  it('that are tunnels with bytes changed or cut out end, and give whole addresses', () => {
    const change = fc.tuple(fc.nat(120), fc.oneof(fc.constantFrom(0, 0x45, 0x60, 0xff), fc.nat(255)));
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(change, { maxLength: 6 }),
        fc.nat(140),
        (frame, changes, end) => {
          const bytes = Buffer.from(frame);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          expectSound(bytes);
          expectSound(bytes.subarray(0, end));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('of any bytes under any header protocol end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 18 }), (bytes, protocol) => {
        expectSound(Buffer.from(bytes), protocol);
      }),
      { numRuns: 1000 },
    );
  });
});
