// What stands before IP in a sampled packet: frames of every header_protocol that is read, as their specifications draw them.

import { describe, expect, it } from 'vitest';
import { headerProtocol, readLinkHeader } from '../../src/decode/link-header.ts';
import { createSampleLayouts, SampleFields } from '../../src/decode/sample-fields.ts';
import { ethernet, hex, ipv4, tcp, uint16s, uint32s } from './sflow-datagram.ts';

interface Link {
  /** What follows the place that was returned. */
  readonly rest: string;
  readonly fields: Record<string, unknown>;
}

function read(frame: Buffer, protocol: number): Link {
  const fields = new SampleFields();
  const at = readLinkHeader(frame, 0, frame.length, protocol, fields);
  const { layout, row } = fields.toRow(createSampleLayouts('flow'));
  return {
    rest: at < 0 ? '' : frame.toString('hex', at),
    fields: Object.fromEntries(layout.columns.map(({ name }, i) => [name, row[i]])),
  };
}

const packet = ipv4({ protocol: 6, payload: tcp });
const snap = (type = 0x0800) => Buffer.concat([hex('aaaa03 000000'), uint16s(type)]);
const stations = hex('020000000b02 020000000a01');
const macs = { destinationMacAddress: 0x02_00_00_00_0b_02, sourceMacAddress: 0x02_00_00_00_0a_01 };
const ip = { ...macs, ethernetType: 0x0800 };
const label = uint32s((77 << 12) | 0x140);

/** Frame control, duration, addresses 1 to 3, sequence control, and what follows. */
function ieee80211(control: string, addresses: string, ...rest: Buffer[]): Buffer {
  return Buffer.concat([hex(control), hex('0000'), hex(addresses), hex('1230'), ...rest]);
}
const destination = '020000000b02';
const source = '020000000a01';
const bssid = '0200000000ff';

const found: readonly [string, number, Buffer, Record<string, unknown>][] = [
  ['Ethernet', headerProtocol.ethernet, ethernet(uint16s(0x0800), packet), ip],
  ['Ethernet with SNAP', headerProtocol.ethernet, ethernet(uint16s(60), snap(), packet), ip],
  [
    'Ethernet with SNAP of bridges (802.1H)',
    headerProtocol.ethernet,
    ethernet(uint16s(60), hex('aaaa03 0000f8 0800'), packet),
    ip,
  ],
  ['Ethernet with IP in LLC', headerProtocol.ethernet, ethernet(uint16s(60), hex('060603'), packet), macs],
  [
    'PPPoE',
    headerProtocol.ethernet,
    ethernet(uint16s(0x8864), hex('1100 0001 002a 0021'), packet),
    { ...macs, ethernetType: 0x8864 },
  ],
  [
    'PPPoE in two tags',
    headerProtocol.ethernet,
    ethernet(uint16s(0x88a8, 5, 0x8100, 6, 0x8864), hex('1100 0001 002a 0021'), packet),
    {
      ...macs,
      ethernetType: 0x8864,
      dot1qVlanId: 5,
      dot1qPriority: 0,
      dot1qCustomerVlanId: 6,
      dot1qCustomerPriority: 0,
    },
  ],
  ['PPP', headerProtocol.ppp, Buffer.concat([hex('ff03 0021'), packet]), {}],
  ['PPP without address and control', headerProtocol.ppp, Buffer.concat([hex('0057'), packet]), {}],
  ['PPP with a short protocol', headerProtocol.ppp, Buffer.concat([hex('21'), packet]), {}],
  ['PPP with MPLS', headerProtocol.ppp, Buffer.concat([hex('ff03 0281'), label, packet]), { mplsLabels: [77] }],
  ['packet over SONET', headerProtocol.pos, Buffer.concat([hex('ff03 0021'), packet]), {}],
  ['Cisco HDLC', headerProtocol.pos, Buffer.concat([hex('0f00 0800'), packet]), { ethernetType: 0x0800 }],
  ['MPLS', headerProtocol.mpls, Buffer.concat([label, packet]), { mplsLabels: [77] }],
  ['FDDI', headerProtocol.fddi, Buffer.concat([hex('50'), stations, snap(), packet]), ip],
  ['token bus', headerProtocol.tokenBus, Buffer.concat([hex('40'), stations, snap(), packet]), ip],
  ['token ring', headerProtocol.tokenRing, Buffer.concat([hex('1840'), stations, snap(), packet]), ip],
  [
    'token ring with a route',
    headerProtocol.tokenRing,
    Buffer.concat([hex('1840 020000000b02 820000000a01'), hex('0630 00120023'), snap(), packet]),
    { ...ip, sourceMacAddress: 0x82_00_00_00_0a_01 },
  ],
  ['frame relay with IP', headerProtocol.frameRelay, Buffer.concat([hex('1841 03cc'), packet]), {}],
  [
    'frame relay with SNAP',
    headerProtocol.frameRelay,
    Buffer.concat([hex('1841 0300 80 000000 0800'), packet]),
    { ethernetType: 0x0800 },
  ],
  [
    'frame relay of Cisco',
    headerProtocol.frameRelay,
    Buffer.concat([hex('1841 0800'), packet]),
    { ethernetType: 0x0800 },
  ],
  ['frame relay with a long address', headerProtocol.frameRelay, Buffer.concat([hex('18400041 03cc'), packet]), {}],
  ['AAL5 with LLC', headerProtocol.aal5, Buffer.concat([snap(), packet]), { ethernetType: 0x0800 }],
  ['AAL5 of IP alone', headerProtocol.aal5Ip, packet, {}],
  [
    '802.11 within a cell',
    headerProtocol.ieee80211Mac,
    ieee80211('0800', destination + source + bssid, snap(), packet),
    ip,
  ],
  [
    '802.11 to the network',
    headerProtocol.ieee80211Mac,
    ieee80211('0801', bssid + source + destination, snap(), packet),
    ip,
  ],
  [
    '802.11 from the network',
    headerProtocol.ieee80211Mac,
    ieee80211('0802', destination + bssid + source, snap(), packet),
    ip,
  ],
  [
    '802.11 between access points',
    headerProtocol.ieee80211Mac,
    ieee80211('0803', bssid + bssid + destination, hex(source), snap(), packet),
    ip,
  ],
  [
    '802.11 with QoS',
    headerProtocol.ieee80211Mac,
    ieee80211('8802', destination + bssid + source, hex('0500'), snap(), packet),
    ip,
  ],
  [
    '802.11 with QoS and HT control',
    headerProtocol.ieee80211Mac,
    ieee80211('8882', destination + bssid + source, hex('0500 11223344'), snap(), packet),
    ip,
  ],
  [
    '802.11 with an A-MSDU',
    headerProtocol.ieee80211Mac,
    ieee80211('8802', bssid + bssid + bssid, hex('8000'), stations, uint16s(60), snap(), packet),
    ip,
  ],
  [
    'an A-MPDU with its delimiter',
    headerProtocol.ieee80211Ampdu,
    Buffer.concat([hex('0500 1a 4e'), ieee80211('0801', bssid + source + destination, snap(), packet)]),
    ip,
  ],
  [
    'an A-MPDU without delimiter',
    headerProtocol.ieee80211Ampdu,
    ieee80211('0801', bssid + source + destination, snap(), packet),
    ip,
  ],
  [
    'a subframe of an A-MSDU',
    headerProtocol.ieee80211AmsduSubframe,
    Buffer.concat([stations, uint16s(60), snap(), packet]),
    ip,
  ],
];

const notFound: readonly [string, number, Buffer, Record<string, unknown>][] = [
  [
    'PPPoE discovery codes',
    headerProtocol.ethernet,
    ethernet(uint16s(0x8864), hex('1109 0001 002a 0021'), packet),
    { ...macs, ethernetType: 0x8864 },
  ],
  ['LCP', headerProtocol.ppp, Buffer.concat([hex('ff03 c021'), packet]), {}],
  ['SNAP of another OUI', headerProtocol.aal5, Buffer.concat([hex('aaaa03 00000c 0800'), packet]), {}],
  ['spanning tree', headerProtocol.ethernet, ethernet(uint16s(38), hex('424203 0000'), packet), macs],
  [
    'encrypted 802.11',
    headerProtocol.ieee80211Mac,
    ieee80211('0841', bssid + source + destination, snap(), packet),
    macs,
  ],
  [
    '802.11 without data',
    headerProtocol.ieee80211Mac,
    ieee80211('4801', bssid + source + destination, snap(), packet),
    macs,
  ],
  ['802.11 beacons', headerProtocol.ieee80211Mac, ieee80211('8000', destination + source + bssid, snap(), packet), {}],
  ['X.25', 6, packet, {}],
  ['protocols that are not assigned', 99, packet, {}],
];

describe('a link header', () => {
  it.each(found)('of %s leads to IP', (_, protocol, frame, fields) => {
    expect(read(frame, protocol)).toEqual({ rest: packet.toString('hex'), fields });
  });

  it.each(notFound)('of %s leads nowhere', (_, protocol, frame, fields) => {
    expect(read(frame, protocol)).toEqual({ rest: '', fields });
  });

  it.each(found)('of %s may be cut anywhere', (_, protocol, frame, fields) => {
    for (let length = 0; length < frame.length - packet.length; length++) {
      const cut = read(frame.subarray(0, length), protocol);
      expect(cut.rest).toBe('');
      expect(fields).toMatchObject(cut.fields);
    }
  });

  it('with more MPLS labels than any network stacks keeps the outermost ones', () => {
    const entries = Array.from({ length: 50 }, (_, i) => (i << 12) | (i === 49 ? 0x140 : 64));
    const { rest, fields } = read(Buffer.concat([uint32s(...entries), packet]), headerProtocol.mpls);
    expect(rest).toBe(packet.toString('hex'));
    expect(fields['mplsLabels']).toEqual(Array.from({ length: 32 }, (_, i) => i));
  });
});
