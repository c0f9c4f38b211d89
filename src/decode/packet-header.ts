// The first bytes of a sampled packet → its outermost headers, as columns of the sample.
// Frames are cut anywhere: each field is read only when it lies before `end`, and the walk stops at the first that does not.

import { ipv6TextAt } from '../model/address-text.ts';
import { type SampleFields, slot } from './sflow-columns.ts';
import { uint16At, uint32At, uint48At } from './wire-numbers.ts';

/** Where the bytes start: header_protocol of sFlow v5 §5.3, "Packet Header Data". */
export const headerProtocol = { ethernet: 1, ipv4: 11, ipv6: 12, mpls: 13 } as const;

const etherType = { ipv4: 0x0800, ipv6: 0x86dd, mpls: 0x8847, mplsUpstream: 0x8848 } as const;
/** IEEE 802.3: smaller values are a length, and an LLC header follows. */
export const minEtherType = 0x0600;

const ipProtocol = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  routing: 43,
  fragment: 44,
  authentication: 51,
  icmpv6: 58,
  destinationOptions: 60,
  sctp: 132,
  mobility: 135,
  udpLite: 136,
  hostIdentity: 139,
  shim6: 140,
} as const;

/** Reads `bytes[at..end)`; unknown protocols and headers end the walk. */
export function readPacketHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  fields: SampleFields,
): void {
  if (protocol === headerProtocol.ethernet) readEthernet(bytes, at, end, fields);
  else if (protocol === headerProtocol.mpls) readMpls(bytes, at, end, fields);
  else if (protocol === headerProtocol.ipv4 || protocol === headerProtocol.ipv6) readIp(bytes, at, end, fields);
}

function readEthernet(bytes: Uint8Array, at: number, end: number, fields: SampleFields): void {
  if (at + 6 > end) return;
  fields.set(slot.destinationMacAddress, uint48At(bytes, at));
  if (at + 12 > end) return;
  fields.set(slot.sourceMacAddress, uint48At(bytes, at + 6));
  at += 12;

  for (let tag = 0; at + 4 <= end && isVlanTag(uint16At(bytes, at)); tag++, at += 4) {
    const control = uint16At(bytes, at + 2);
    if (tag === 0) {
      fields.set(slot.dot1qVlanId, control & 0xfff);
      fields.set(slot.dot1qPriority, control >>> 13);
    } else if (tag === 1) {
      fields.set(slot.dot1qCustomerVlanId, control & 0xfff);
      fields.set(slot.dot1qCustomerPriority, control >>> 13);
    }
  }

  if (at + 2 > end) return;
  let type = uint16At(bytes, at);
  if (isVlanTag(type)) return;
  at += 2;
  if (type < minEtherType) {
    // IEEE 802 §9: LLC AA-AA-03 and OUI 00-00-00 come before an EtherType.
    if (at + 8 > end || uint32At(bytes, at) !== 0xaaaa0300 || uint16At(bytes, at + 4) !== 0) return;
    type = uint16At(bytes, at + 6);
    at += 8;
  }
  fields.set(slot.ethernetType, type);
  if (type === etherType.ipv4 || type === etherType.ipv6) readIp(bytes, at, end, fields);
  else if (type === etherType.mpls || type === etherType.mplsUpstream) readMpls(bytes, at, end, fields);
}

/** 802.1Q, 802.1ad, and what was used for outer tags before 802.1ad. */
function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200 || type === 0x9300;
}

/** RFC 3032 §2.1: label (20 bits), traffic class (3), bottom of stack (1), time to live (8). */
function readMpls(bytes: Uint8Array, at: number, end: number, fields: SampleFields): void {
  const labels: number[] = [];
  let bottom = false;
  while (!bottom && at + 4 <= end) {
    const entry = uint32At(bytes, at);
    labels.push(entry >>> 12);
    bottom = (entry & 0x100) !== 0;
    at += 4;
  }
  if (labels.length > 0) fields.set(slot.mplsLabels, labels);
  // RFC 4928 §3: below the stack, the first nibble is 4 or 6 for IP; a pseudowire's control word starts with 0.
  if (bottom) readIp(bytes, at, end, fields);
}

function readIp(bytes: Uint8Array, at: number, end: number, fields: SampleFields): void {
  if (at >= end) return;
  const version = bytes[at]! >>> 4;
  if (version === 4) readIpv4(bytes, at, end, fields);
  else if (version === 6) readIpv6(bytes, at, end, fields);
}

/** RFC 791 §3.1. */
function readIpv4(bytes: Uint8Array, at: number, end: number, fields: SampleFields): void {
  fields.set(slot.ipVersion, 4);
  if (at + 2 > end) return;
  fields.set(slot.ipClassOfService, bytes[at + 1]!);
  if (at + 4 > end) return;
  const totalLength = uint16At(bytes, at + 2);
  fields.set(slot.ipTotalLength, totalLength);
  if (at + 6 > end) return;
  fields.set(slot.fragmentIdentification, uint16At(bytes, at + 4));
  if (at + 8 > end) return;
  const fragmentOffset = uint16At(bytes, at + 6) & 0x1fff;
  if (fragmentOffset !== 0) fields.set(slot.fragmentOffset, fragmentOffset);
  if (at + 9 > end) return;
  fields.set(slot.ipTTL, bytes[at + 8]!);
  if (at + 10 > end) return;
  const protocol = bytes[at + 9]!;
  fields.set(slot.protocolIdentifier, protocol);
  if (at + 16 > end) return;
  fields.set(slot.sourceIPv4Address, uint32At(bytes, at + 12));
  if (at + 20 > end) return;
  fields.set(slot.destinationIPv4Address, uint32At(bytes, at + 16));

  const headerLength = (bytes[at]! & 0xf) * 4;
  if (fragmentOffset !== 0 || headerLength < 20) return;
  // Short frames are padded: what follows the packet is not its payload. Length 0: left to the network card (TSO).
  if (totalLength >= headerLength) end = Math.min(end, at + totalLength);
  readTransport(bytes, at + headerLength, end, protocol, 4, fields);
}

/** RFC 8200 §3, §4. */
function readIpv6(bytes: Uint8Array, at: number, end: number, fields: SampleFields): void {
  fields.set(slot.ipVersion, 6);
  if (at + 4 > end) return;
  const first = uint32At(bytes, at);
  fields.set(slot.ipClassOfService, (first >>> 20) & 0xff);
  fields.set(slot.flowLabelIPv6, first & 0xf_ffff);
  if (at + 6 > end) return;
  const payloadLength = uint16At(bytes, at + 4);
  fields.set(slot.ipPayloadLength, payloadLength);
  if (at + 7 > end) return;
  let next = bytes[at + 6]!;
  fields.set(slot.nextHeaderIPv6, next);
  if (at + 8 > end) return;
  fields.set(slot.ipTTL, bytes[at + 7]!);
  if (at + 24 > end) return;
  fields.set(slot.sourceIPv6Address, ipv6TextAt(bytes, at + 8));
  if (at + 40 > end) return;
  fields.set(slot.destinationIPv6Address, ipv6TextAt(bytes, at + 24));
  at += 40;
  // Length 0: a jumbogram (RFC 2675), or left to the network card.
  if (payloadLength > 0) end = Math.min(end, at + payloadLength);

  while (isExtensionHeader(next)) {
    if (at + 8 > end) return;
    const length = extensionLength(next, bytes[at + 1]!);
    if (next === ipProtocol.fragment) {
      fields.set(slot.fragmentIdentification, uint32At(bytes, at + 4));
      const fragmentOffset = uint16At(bytes, at + 2) >>> 3;
      if (fragmentOffset !== 0) {
        fields.set(slot.fragmentOffset, fragmentOffset);
        fields.set(slot.protocolIdentifier, bytes[at]!);
        return;
      }
    }
    next = bytes[at]!;
    at += length;
  }
  fields.set(slot.protocolIdentifier, next);
  readTransport(bytes, at, end, next, 6, fields);
}

/** The headers of IANA's "IPv6 Extension Header Types" that have a length; ESP (50) hides what follows. */
function isExtensionHeader(protocol: number): boolean {
  switch (protocol) {
    case ipProtocol.hopByHop:
    case ipProtocol.routing:
    case ipProtocol.fragment:
    case ipProtocol.authentication:
    case ipProtocol.destinationOptions:
    case ipProtocol.mobility:
    case ipProtocol.hostIdentity:
    case ipProtocol.shim6:
      return true;
    default:
      return false;
  }
}

/** RFC 8200 §4.3, §4.5; RFC 4302 §2.2 counts in units of 4 bytes, minus 2. Never below 8. */
function extensionLength(header: number, length: number): number {
  if (header === ipProtocol.fragment) return 8;
  return header === ipProtocol.authentication ? Math.max(8, (length + 2) * 4) : (length + 1) * 8;
}

function readTransport(
  bytes: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  ipVersion: 4 | 6,
  fields: SampleFields,
): void {
  switch (protocol) {
    case ipProtocol.tcp:
    case ipProtocol.udp:
    case ipProtocol.sctp:
    case ipProtocol.dccp:
    case ipProtocol.udpLite:
      if (at + 2 > end) return;
      fields.set(slot.sourceTransportPort, uint16At(bytes, at));
      if (at + 4 > end) return;
      fields.set(slot.destinationTransportPort, uint16At(bytes, at + 2));
      // RFC 9293 §3.1: 4 bits data offset, 12 bits reserved and control.
      if (protocol === ipProtocol.tcp && at + 14 <= end) {
        fields.set(slot.tcpControlBits, uint16At(bytes, at + 12) & 0xfff);
      }
      return;
    case ipProtocol.icmp:
    case ipProtocol.icmpv6: {
      const isIcmpv4 = protocol === ipProtocol.icmp;
      if (isIcmpv4 !== (ipVersion === 4)) return;
      if (at + 1 > end) return;
      fields.set(isIcmpv4 ? slot.icmpTypeIPv4 : slot.icmpTypeIPv6, bytes[at]!);
      if (at + 2 > end) return;
      fields.set(isIcmpv4 ? slot.icmpCodeIPv4 : slot.icmpCodeIPv6, bytes[at + 1]!);
    }
  }
}
