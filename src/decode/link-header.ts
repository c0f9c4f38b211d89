// What stands before IP in a sampled packet: Ethernet and its tags, LLC/SNAP, PPP, PPPoE, MPLS, 802.11, token ring, FDDI, frame relay.
// Frames are cut anywhere: each field is read only when it lies before `end`, and the walk stops at the first that does not.

import type { SampleFields } from './sample-fields.ts';
import { slot } from './sflow-columns.ts';
import { uint16At, uint32At, uint48At } from './wire-numbers.ts';

/** Where the bytes start: header_protocol of sFlow v5 §5.3, "Packet Header Data", and sFlow 802.11 Structures. X.25 (6) and SMDS (8) are not read. */
export const headerProtocol = {
  ethernet: 1,
  tokenBus: 2,
  tokenRing: 3,
  fddi: 4,
  frameRelay: 5,
  ppp: 7,
  aal5: 9,
  aal5Ip: 10,
  ipv4: 11,
  ipv6: 12,
  mpls: 13,
  pos: 14,
  ieee80211Mac: 15,
  ieee80211Ampdu: 16,
  ieee80211AmsduSubframe: 17,
} as const;

export const etherType = {
  ipv4: 0x0800,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsUpstream: 0x8848,
  pppoeSession: 0x8864,
} as const;

/** IEEE 802.3: smaller values are a length, and an LLC header follows. */
export const minEtherType = 0x0600;

/** More labels than any network stacks; those beyond are stepped over, not kept. */
const maxLabels = 32;

/**
 * Returns the place of the IP header, or -1 where there is none. A place as a negative number below -1 is what lies below an MPLS stack
 * and is not IP (a pseudowire).
 */
export function readLinkHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  fields: SampleFields,
): number {
  switch (protocol) {
    case headerProtocol.ethernet:
    case headerProtocol.ieee80211AmsduSubframe:
      return readEthernet(bytes, at, end, fields);
    case headerProtocol.ipv4:
    case headerProtocol.ipv6:
    case headerProtocol.aal5Ip:
      return at;
    case headerProtocol.mpls:
      return readMpls(bytes, at, end, fields);
    case headerProtocol.tokenBus:
    case headerProtocol.fddi:
      // IEEE 802.4 §4, ISO 9314-2: frame control, addresses.
      return readStations(bytes, at + 1, end, fields) ? readLlc(bytes, at + 13, end, fields) : -1;
    case headerProtocol.tokenRing:
      return readTokenRing(bytes, at, end, fields);
    case headerProtocol.frameRelay:
      return readFrameRelay(bytes, at, end, fields);
    case headerProtocol.ppp:
    case headerProtocol.pos:
      return readPpp(bytes, at, end, fields);
    case headerProtocol.aal5:
      return readLlc(bytes, at, end, fields);
    case headerProtocol.ieee80211Ampdu:
      // IEEE 802.11 §9.7.1: a delimiter ends in "N".
      return readIeee80211(bytes, at + 4 < end && bytes[at + 3] === 0x4e ? at + 4 : at, end, fields);
    case headerProtocol.ieee80211Mac:
      return readIeee80211(bytes, at, end, fields);
    default:
      return -1;
  }
}

/** Destination, source; false when the latter is cut off. */
function readStations(bytes: Uint8Array, at: number, end: number, fields: SampleFields): boolean {
  if (at + 6 > end) return false;
  fields.set(slot.destinationMacAddress, uint48At(bytes, at));
  if (at + 12 > end) return false;
  fields.set(slot.sourceMacAddress, uint48At(bytes, at + 6));
  return true;
}

function readEthernet(bytes: Uint8Array, at: number, end: number, fields: SampleFields): number {
  if (!readStations(bytes, at, end, fields)) return -1;
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
  if (at + 2 > end) return -1;
  const type = uint16At(bytes, at);
  if (isVlanTag(type)) return -1;
  return type < minEtherType ? readLlc(bytes, at + 2, end, fields) : readEtherType(bytes, at + 2, end, type, fields);
}

/** 802.1Q, 802.1ad, and what was used for outer tags before 802.1ad. */
function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200 || type === 0x9300;
}

function readEtherType(bytes: Uint8Array, at: number, end: number, type: number, fields: SampleFields): number {
  fields.set(slot.ethernetType, type);
  switch (type) {
    case etherType.ipv4:
    case etherType.ipv6:
      return at;
    case etherType.mpls:
    case etherType.mplsUpstream:
      return readMpls(bytes, at, end, fields);
    case etherType.pppoeSession:
      // RFC 2516 §4: version and type (0x11), code 0 for data, session id, length.
      return at + 6 <= end && uint16At(bytes, at) === 0x1100 ? readPpp(bytes, at + 6, end, fields) : -1;
    default:
      return -1;
  }
}

/** IEEE 802 §9: LLC AA-AA-03, an OUI and an EtherType. The OUIs: RFC 1042, and IEEE 802.1H for bridges. LLC 06-06-03 is IP. */
function readLlc(bytes: Uint8Array, at: number, end: number, fields: SampleFields): number {
  if (at + 3 <= end && bytes[at] === 0x06 && bytes[at + 1] === 0x06 && bytes[at + 2] === 0x03) return at + 3;
  if (at + 8 > end || uint16At(bytes, at) !== 0xaaaa || bytes[at + 2] !== 0x03) return -1;
  const oui = (bytes[at + 3]! << 16) | uint16At(bytes, at + 4);
  if (oui !== 0 && oui !== 0x0000f8) return -1;
  return readEtherType(bytes, at + 8, end, uint16At(bytes, at + 6), fields);
}

/** RFC 3032 §2.1: label (20 bits), traffic class (3), bottom of stack (1), time to live (8). */
function readMpls(bytes: Uint8Array, at: number, end: number, fields: SampleFields): number {
  const labels: number[] = [];
  let bottom = false;
  while (!bottom && at + 4 <= end) {
    const entry = uint32At(bytes, at);
    if (labels.length < maxLabels) labels.push(entry >>> 12);
    bottom = (entry & 0x100) !== 0;
    at += 4;
  }
  if (labels.length > 0) fields.set(slot.mplsLabels, labels);
  if (!bottom || at >= end) return -1;
  // RFC 4928 §3: below the stack, the first nibble is 4 or 6 for IP; a pseudowire's control word starts with 0.
  const version = bytes[at]! >>> 4;
  return version === 4 || version === 6 ? at : -at;
}

/** RFC 1662 §3.1: address and control (ff 03) may be left out, and the first byte of the protocol where it is 0. */
function readPpp(bytes: Uint8Array, at: number, end: number, fields: SampleFields): number {
  if (at + 2 > end) return -1;
  const start = uint16At(bytes, at);
  // Cisco HDLC, also on POS links: unicast or multicast, then an EtherType.
  if (start === 0x0f00 || start === 0x8f00) {
    return at + 4 > end ? -1 : readEtherType(bytes, at + 4, end, uint16At(bytes, at + 2), fields);
  }
  if (start === 0xff03) at += 2;
  if (at + 2 > end) return -1;
  const isCompressed = (bytes[at]! & 1) === 1;
  const protocol = isCompressed ? bytes[at]! : uint16At(bytes, at);
  at += isCompressed ? 1 : 2;
  switch (protocol) {
    case 0x0021: // IPv4, RFC 1332
    case 0x0057: // IPv6, RFC 5072
      return at;
    case 0x0281: // MPLS, RFC 3032 §4
    case 0x0283:
      return readMpls(bytes, at, end, fields);
    default:
      return -1;
  }
}

/** IEEE 802.5 §3: access and frame control, addresses; the source's first bit says that a route of 2 to 30 bytes follows. */
function readTokenRing(bytes: Uint8Array, at: number, end: number, fields: SampleFields): number {
  if (!readStations(bytes, at + 2, end, fields)) return -1;
  const hasRoute = (bytes[at + 8]! & 0x80) !== 0;
  at += 14;
  if (!hasRoute) return readLlc(bytes, at, end, fields);
  return at < end ? readLlc(bytes, at + (bytes[at]! & 0x1f), end, fields) : -1;
}

/** Q.922 §3.3: address bytes up to the one with bit 1. RFC 2427 §4: control 3, padding, NLPID; Cisco: an EtherType at once. */
function readFrameRelay(bytes: Uint8Array, at: number, end: number, fields: SampleFields): number {
  const addressEnd = Math.min(end, at + 4);
  while (at < addressEnd && (bytes[at]! & 1) === 0) at++;
  at++;
  if (at + 2 > end) return -1;
  if (bytes[at] !== 0x03) return readEtherType(bytes, at + 2, end, uint16At(bytes, at), fields);
  at++;
  if (bytes[at] === 0) at++;
  if (at >= end) return -1;
  const nlpid = bytes[at]!;
  if (nlpid === 0xcc || nlpid === 0x8e) return at + 1;
  // SNAP: OUI and EtherType.
  if (nlpid !== 0x80 || at + 6 > end || uint16At(bytes, at + 1) !== 0 || bytes[at + 3] !== 0) return -1;
  return readEtherType(bytes, at + 6, end, uint16At(bytes, at + 4), fields);
}

/** IEEE 802.11 §9.2, §9.3.2: data frames. Which address is whose depends on the direction; encrypted bodies are not read. */
function readIeee80211(bytes: Uint8Array, at: number, end: number, fields: SampleFields): number {
  if (at + 24 > end || (bytes[at]! & 0x0c) !== 0x08) return -1;
  const subtype = bytes[at]! >>> 4;
  const flags = bytes[at + 1]!;
  const toDs = (flags & 1) !== 0;
  const fromDs = (flags & 2) !== 0;
  let body = at + 24;
  if (toDs && fromDs) body += 6;
  if (body > end) return -1;
  const isQos = (subtype & 8) !== 0;
  if (isQos && body >= end) return -1;
  const isAmsdu = isQos && (bytes[body]! & 0x80) !== 0;
  if (isQos) body += (flags & 0x80) !== 0 ? 6 : 2;
  const isEncrypted = (flags & 0x40) !== 0;
  // The stations of an A-MSDU stand in its subframes, the first of which is read.
  if (!isAmsdu || isEncrypted) {
    fields.set(slot.destinationMacAddress, uint48At(bytes, toDs ? at + 16 : at + 4));
    fields.set(slot.sourceMacAddress, uint48At(bytes, fromDs ? (toDs ? at + 24 : at + 16) : at + 10));
  }
  const hasNoBody = (subtype & 4) !== 0;
  if (hasNoBody || isEncrypted || body >= end) return -1;
  return isAmsdu ? readEthernet(bytes, body, end, fields) : readLlc(bytes, body, end, fields);
}
