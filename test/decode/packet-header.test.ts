// Sampled frames, laid out as the RFCs draw them, and cut anywhere.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerProtocol } from '../../src/decode/link-header.ts';
import { readPacketHeader } from '../../src/decode/packet-header.ts';
import { createSampleLayouts, SampleFields } from '../../src/decode/sample-fields.ts';
import { ethernet, hex, ipv4, ipv6, tcp, udp, uint16s, uint32s } from './sflow-datagram.ts';

function read(frame: Buffer, protocol: number = headerProtocol.ethernet): Record<string, unknown> {
  const fields = new SampleFields();
  readPacketHeader(frame, 0, frame.length, protocol, fields);
  const { layout, row } = fields.toRow(createSampleLayouts('flow'));
  return Object.fromEntries(layout.columns.map(({ name }, i) => [name, row[i]]));
}

const ipv4Type = uint16s(0x0800);
const ipv6Type = uint16s(0x86dd);

const macs = { destinationMacAddress: 0x02_00_00_00_0b_02, sourceMacAddress: 0x02_00_00_00_0a_01 };
const ipv4Fields = {
  ipVersion: 4,
  ipClassOfService: 184,
  fragmentIdentification: 4660,
  ipTTL: 61,
  sourceIPv4Address: 0x0a010203,
  destinationIPv4Address: 0xc00002c8,
};
const ipv6Fields = {
  ipVersion: 6,
  ipClassOfService: 184,
  flowLabelIPv6: 0xabcde,
  ipTTL: 62,
  sourceIPv6Address: '2001:db8::1',
  destinationIPv6Address: '2001:db8:1::2',
};
const tcpFields = { sourceTransportPort: 49_152, destinationTransportPort: 443, tcpControlBits: 0x182 };
const udpFields = { sourceTransportPort: 53, destinationTransportPort: 33_000 };

describe('a sampled packet header', () => {
  it('gives addresses, ports and the twelve control bits of TCP over IPv4', () => {
    expect(read(ethernet(ipv4Type, ipv4({ protocol: 6, payload: tcp })))).toEqual({
      ...macs,
      ethernetType: 0x0800,
      ...ipv4Fields,
      ipTotalLength: 40,
      protocolIdentifier: 6,
      ...tcpFields,
    });
  });

  it('finds the transport header behind IPv4 options', () => {
    const options = hex('94040000 01010101');
    expect(read(ethernet(ipv4Type, ipv4({ protocol: 17, payload: udp, options })))).toMatchObject({
      ipTotalLength: 44,
      ...udpFields,
    });
  });

  it('tells the outer tag from the inner one', () => {
    const tags = uint16s(0x88a8, 0xa064, 0x8100, 0x6fff);
    const fields = read(ethernet(tags, ipv4Type, ipv4({ protocol: 17, payload: udp })));
    expect(fields).toMatchObject({ dot1qVlanId: 100, dot1qPriority: 5, ethernetType: 0x0800, ...udpFields });
    expect(fields).toMatchObject({ dot1qCustomerVlanId: 4095, dot1qCustomerPriority: 3 });
  });

  it('goes on behind more than two tags', () => {
    const tags = uint16s(0x9100, 1, 0x8100, 2, 0x8100, 3);
    const fields = read(ethernet(tags, ipv4Type, ipv4({ protocol: 17, payload: udp })));
    expect(fields).toMatchObject({ dot1qVlanId: 1, dot1qCustomerVlanId: 2, ...udpFields });
  });

  it('reads a SNAP header, and takes a length for no type', () => {
    const snap = hex('0030 aaaa03 000000 0800');
    expect(read(ethernet(snap, ipv4({ protocol: 6, payload: tcp })))).toMatchObject({
      ethernetType: 0x0800,
      ...tcpFields,
    });
    expect(read(ethernet(hex('0026 424203 0000000000')))).toEqual(macs);
  });

  it('lists MPLS labels outermost first, and reads IP below the stack only', () => {
    const stack = uint32s((16_001 << 12) | 0xff, (18 << 12) | 0x1ff);
    const over = (below: Buffer) => read(ethernet(uint16s(0x8847), stack, below));
    const common = { ...macs, ethernetType: 0x8847, mplsLabels: [16_001, 18] };
    expect(over(ipv6(17, udp))).toMatchObject({ ...common, ...ipv6Fields, ...udpFields });
    expect(over(ipv4({ protocol: 6, payload: tcp }))).toMatchObject({ ...common, ...ipv4Fields, ...tcpFields });
    expect(over(hex('00000000 0200000000000a00'))).toEqual(common);
  });

  it('gives the offset instead of ports for all fragments but the first', () => {
    const fragment = (fragmentation: number) =>
      read(ethernet(ipv4Type, ipv4({ protocol: 17, payload: udp, fragmentation })));
    expect(fragment(0x2000)).toMatchObject(udpFields);
    expect(fragment(0x2000)).not.toHaveProperty('fragmentOffset');
    expect(fragment(0x20b9)).toMatchObject({ fragmentOffset: 185, protocolIdentifier: 17 });
    expect(fragment(0x20b9)).not.toHaveProperty('sourceTransportPort');
  });

  it('walks IPv6 extension headers to the protocol', () => {
    const hopByHop = hex('2b 00 050200000100');
    const routing = hex('33 02 0401 00000000 20010db8000000000000000000000009');
    const authentication = hex('2c 04 0000 00000001 00000002 000000000000000000000000');
    const firstFragment = hex('3c 00 0001 0badcafe');
    const destinationOptions = hex('06 00 010400000000');
    const chain = Buffer.concat([hopByHop, routing, authentication, firstFragment, destinationOptions, tcp]);
    expect(read(ethernet(ipv6Type, ipv6(0, chain)))).toEqual({
      ...macs,
      ethernetType: 0x86dd,
      ...ipv6Fields,
      ipPayloadLength: chain.length,
      nextHeaderIPv6: 0,
      fragmentIdentification: 0x0badcafe,
      protocolIdentifier: 6,
      ...tcpFields,
    });
  });

  it('stops at a later IPv6 fragment and at encrypted payload', () => {
    const laterFragment = Buffer.concat([hex('11 00 05a9 00000007'), udp]);
    const fields = read(ethernet(ipv6Type, ipv6(44, laterFragment)));
    expect(fields).toMatchObject({ fragmentOffset: 181, protocolIdentifier: 17, fragmentIdentification: 7 });
    expect(fields).not.toHaveProperty('sourceTransportPort');
    const encrypted = read(ethernet(ipv6Type, ipv6(50, Buffer.alloc(40, 0x11))));
    expect(encrypted).toMatchObject({ protocolIdentifier: 50 });
    expect(encrypted).not.toHaveProperty('sourceTransportPort');
  });

  it.each([
    ['SCTP', 132],
    ['DCCP', 33],
    ['UDP-Lite', 136],
  ])('reads the ports of %s', (_, protocol) => {
    expect(read(ethernet(ipv4Type, ipv4({ protocol, payload: udp })))).toMatchObject(udpFields);
  });

  it('names type and code of ICMP after the IP version, and nothing for the other version', () => {
    const unreachable = hex('0303 0000 00000000');
    expect(read(ethernet(ipv4Type, ipv4({ protocol: 1, payload: unreachable })))).toMatchObject({
      icmpTypeIPv4: 3,
      icmpCodeIPv4: 3,
    });
    expect(read(ethernet(ipv6Type, ipv6(58, hex('8700 0000'))))).toMatchObject({ icmpTypeIPv6: 135, icmpCodeIPv6: 0 });
    expect(read(ethernet(ipv4Type, ipv4({ protocol: 58, payload: unreachable })))).not.toHaveProperty('icmpTypeIPv6');
  });

  it('does not take the padding of a short frame for a transport header', () => {
    const empty = ipv4({ protocol: 17, payload: Buffer.alloc(0) });
    expect(read(ethernet(ipv4Type, empty, Buffer.alloc(26, 0x55)))).not.toHaveProperty('sourceTransportPort');
    expect(read(ethernet(ipv6Type, ipv6(17, hex('1234')), Buffer.alloc(26, 0x55)))).toMatchObject({
      sourceTransportPort: 0x1234,
    });
    expect(read(ethernet(ipv6Type, ipv6(17, hex('1234')), Buffer.alloc(26, 0x55)))).not.toHaveProperty(
      'destinationTransportPort',
    );
  });

  it('starts at IP or MPLS where the header protocol says so, and reads no other protocol', () => {
    const packet = ipv4({ protocol: 6, payload: tcp });
    expect(read(packet, headerProtocol.ipv4)).toMatchObject({ ...ipv4Fields, ...tcpFields });
    expect(read(ipv6(6, tcp), headerProtocol.ipv6)).toMatchObject({ ...ipv6Fields, ...tcpFields });
    expect(read(Buffer.concat([uint32s((77 << 12) | 0x140), packet]), headerProtocol.mpls)).toMatchObject({
      mplsLabels: [77],
      ...ipv4Fields,
    });
    expect(read(packet, 7)).toEqual({});
  });
});

describe('a cut packet header', () => {
  const frames = {
    'IPv4 with two tags': ethernet(uint16s(0x88a8, 100, 0x8100, 200), ipv4Type, ipv4({ protocol: 6, payload: tcp })),
    'IPv6 with extension headers': ethernet(
      ipv6Type,
      ipv6(0, Buffer.concat([hex('3c00010400000000 0600010400000000'), tcp])),
    ),
    ICMP: ethernet(ipv4Type, ipv4({ protocol: 1, payload: hex('0800 0000') })),
  };
  it.each(Object.entries(frames))(
    'of %s gives at every length what lies before the cut, and nothing else',
    (_, frame) => {
      const whole = read(frame);
      let known = 0;
      for (let length = 0; length <= frame.length; length++) {
        const fields = read(frame.subarray(0, length));
        expect(whole).toMatchObject(fields);
        expect(Object.keys(fields).length).toBeGreaterThanOrEqual(known);
        known = Object.keys(fields).length;
      }
      expect(known).toBe(Object.keys(whole).length);
    },
  );

  it('of any bytes and any protocol ends without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 14 }), (bytes, protocol) => {
        for (const value of Object.values(read(Buffer.from(bytes), protocol))) expect(value).not.toBeUndefined();
      }),
    );
  });
});
