// The IP and transport headers of a sampled packet → columns of the sample.
// Packets are cut anywhere: each field is read only when it lies before `end`, and the walk stops at the first that does not.

import { ipv6TextAt } from '../model/address-text.ts';
import type { SampleFields } from './sample-fields.ts';
import { slot } from './sflow-columns.ts';
import { uint16At, uint32At } from './wire-numbers.ts';

export const ipProtocol = {
  hopByHop: 0,
  icmp: 1,
  ipv4InIp: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6InIp: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  authentication: 51,
  icmpv6: 58,
  destinationOptions: 60,
  etherIp: 97,
  sctp: 132,
  mobility: 135,
  udpLite: 136,
  mplsInIp: 137,
  hostIdentity: 139,
  shim6: 140,
  ethernet: 143,
} as const;

/** What an IP packet carries, for whoever looks further. */
export interface IpPayload {
  /** -1: nothing that could be read further. */
  protocol: number;
  at: number;
  end: number;
}

/** `payload` is told what lies behind the IP header, where the header is whole and it is not a later fragment. */
export function readIp(bytes: Uint8Array, at: number, end: number, fields: SampleFields, payload?: IpPayload): void {
  if (payload !== undefined) payload.protocol = -1;
  if (at >= end) return;
  const version = bytes[at]! >>> 4;
  if (version === 4) readIpv4(bytes, at, end, fields, payload);
  else if (version === 6) readIpv6(bytes, at, end, fields, payload);
}

/** RFC 791 §3.1. */
function readIpv4(bytes: Uint8Array, at: number, end: number, fields: SampleFields, payload?: IpPayload): void {
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
  setPayload(payload, protocol, at + headerLength, end);
  readTransport(bytes, at + headerLength, end, protocol, 4, fields);
}

/** RFC 8200 §3, §4. */
function readIpv6(bytes: Uint8Array, at: number, end: number, fields: SampleFields, payload?: IpPayload): void {
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
  setPayload(payload, next, at, end);
  readTransport(bytes, at, end, next, 6, fields);
}

function setPayload(payload: IpPayload | undefined, protocol: number, at: number, end: number): void {
  if (payload === undefined) return;
  payload.protocol = protocol;
  payload.at = at;
  payload.end = end;
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
