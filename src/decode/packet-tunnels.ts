// What a packet carries as a tunnel → the place and kind of the packet inside: IP in IP, GRE, ERSPAN, VXLAN, Geneve, GTP-U, Teredo,
// MPLS over UDP, pseudowires. Every length is compared with the bytes left; what follows is tried by the caller before it is believed.

import { type IpPayload, ipProtocol } from './ip-header.ts';
import { etherType, headerProtocol } from './link-header.ts';
import { SampleFields } from './sample-fields.ts';
import { uint16At, uint32At } from './wire-numbers.ts';

/** Scratch of one decoder: what has been found last. */
export interface InnerPacket {
  at: number;
  end: number;
  /** header_protocol at `at`. */
  link: number;
  /** `gre`, `vxlan`, …: what `sflow.tunnel` says. */
  tunnel: string;
  /** VXLAN, Geneve and NVGRE network id, GRE key, GTP tunnel endpoint id, ERSPAN session id; -1: none. */
  id: number;
  readonly payload: IpPayload;
  /** For reading what may turn out to be nothing. */
  readonly trial: SampleFields;
}

export function createInnerPacket(): InnerPacket {
  const payload = { protocol: -1, at: 0, end: 0 };
  return { at: 0, end: 0, link: 0, tunnel: '', id: -1, payload, trial: new SampleFields() };
}

/** UDP destination ports, IANA's but for 8472 (VXLAN in Linux before it had a number). */
const udpPort = {
  gtpU: 2152,
  teredo: 3544,
  greInUdp: 4754,
  vxlan: 4789,
  vxlanGpe: 4790,
  geneve: 6081,
  mplsInUdp: 6635,
  linuxVxlan: 8472,
} as const;

/** EtherTypes of payloads that only tunnels have. */
const payloadType = { ethernet: 0x6558, ppp: 0x880b, erspan: 0x88be, erspan3: 0x22eb } as const;

/** Looks into `inner.payload`; true when there may be a packet, then described by `inner`. */
export function findTunnelled(bytes: Uint8Array, inner: InnerPacket): boolean {
  const { protocol, at, end } = inner.payload;
  inner.end = end;
  inner.id = -1;
  switch (protocol) {
    case ipProtocol.ipv4InIp:
    case ipProtocol.ipv6InIp:
      return set(inner, at, headerProtocol.ipv4, protocol === ipProtocol.ipv4InIp ? 'ipip' : 'ipv6');
    case ipProtocol.mplsInIp:
      return set(inner, at, headerProtocol.mpls, 'mpls');
    case ipProtocol.ethernet:
      return set(inner, at, headerProtocol.ethernet, 'ethernet');
    case ipProtocol.etherIp:
      // RFC 3378 §3: version 3, reserved bits.
      return at + 2 <= end && bytes[at] === 0x30 && set(inner, at + 2, headerProtocol.ethernet, 'etherip');
    case ipProtocol.gre:
      return findInGre(bytes, at, end, inner);
    case ipProtocol.udp:
      return at + 8 <= end && findInUdp(bytes, at, end, inner);
    default:
      return false;
  }
}

/** RFC 4448 §4: a frame at `at`, below an MPLS stack. */
export function setPseudowire(inner: InnerPacket, at: number, end: number): void {
  inner.end = end;
  set(inner, at, headerProtocol.ethernet, 'pseudowire');
}

function set(inner: InnerPacket, at: number, link: number, tunnel: string, id = -1): boolean {
  inner.at = at;
  inner.link = link;
  inner.tunnel = tunnel;
  inner.id = id;
  return at < inner.end;
}

/** The header_protocol of an EtherType or of what only tunnels carry; -1: not read. */
function linkOfType(type: number): number {
  switch (type) {
    case etherType.ipv4:
    case etherType.ipv6:
      return headerProtocol.ipv4;
    case etherType.mpls:
    case etherType.mplsUpstream:
      return headerProtocol.mpls;
    case payloadType.ethernet:
      return headerProtocol.ethernet;
    case payloadType.ppp:
      return headerProtocol.ppp;
    default:
      return -1;
  }
}

function setByType(inner: InnerPacket, at: number, type: number, tunnel: string, id: number): boolean {
  const link = linkOfType(type);
  return link >= 0 && set(inner, at, link, tunnel, id);
}

/**
 *     0 1 2 3 4 5 … 8 9 …   13  15 16                31
 *    +-+-+-+-+-+-----+-+-----+---+-------------------+
 *    |C|R|K|S|s|     |A|     |Ver|   Protocol Type   |   then checksum, key, sequence number, 4 bytes each
 *    +-+-+-+-+-+-----+-+-----+---+-------------------+
 * RFC 2784 §2.1, RFC 2890 §2, RFC 2637 §4.1 (version 1: key always there, A for an acknowledgment). NVGRE: RFC 7637 §3.2.
 */
function findInGre(bytes: Uint8Array, at: number, end: number, inner: InnerPacket): boolean {
  if (at + 4 > end) return false;
  const flags = uint16At(bytes, at);
  const type = uint16At(bytes, at + 2);
  const version = flags & 7;
  const hasKey = (flags & 0x2000) !== 0;
  const hasSequence = (flags & 0x1000) !== 0;
  // Routing of RFC 1701 has been withdrawn; what follows it can't be told.
  if ((flags & 0x4000) !== 0 || version > 1) return false;
  let next = at + 4;
  if ((flags & 0x8000) !== 0) next += 4;
  let id = -1;
  if (hasKey) {
    if (next + 4 > end) return false;
    id = uint32At(bytes, next);
    // RFC 2637: payload length and call id.
    if (version === 1) id &= 0xffff;
    next += 4;
  }
  if (hasSequence) next += 4;
  if (version === 1) {
    if ((flags & 0x80) !== 0) next += 4;
    return type === payloadType.ppp && set(inner, next, headerProtocol.ppp, 'pptp', id);
  }
  if (type === payloadType.erspan || type === payloadType.erspan3) {
    return findInErspan(bytes, next, end, type, hasSequence, inner);
  }
  // RFC 7637 §3.2: 24 bits of virtual subnet id, 8 of flow id; frames with a key are otherwise told the same way.
  if (type === payloadType.ethernet && hasKey && !hasSequence && (flags & 0x8000) === 0) {
    return set(inner, next, headerProtocol.ethernet, 'nvgre', id >>> 8);
  }
  return setByType(inner, next, type, 'gre', id);
}

/** draft-foschiano-erspan §4: type I has no header and no GRE sequence; II has 8 bytes; III has 12, and 8 more where its last bit says so. */
function findInErspan(
  bytes: Uint8Array,
  at: number,
  end: number,
  type: number,
  hasSequence: boolean,
  inner: InnerPacket,
): boolean {
  if (type === payloadType.erspan && !hasSequence) return set(inner, at, headerProtocol.ethernet, 'erspan');
  if (at + 12 > end) return false;
  const session = uint16At(bytes, at + 2) & 0x3ff;
  if (type === payloadType.erspan) return set(inner, at + 8, headerProtocol.ethernet, 'erspan', session);
  const last = uint16At(bytes, at + 10);
  // Frame type: 0 Ethernet, 2 IP.
  const frameType = (last >>> 10) & 0x1f;
  const link = frameType === 2 ? headerProtocol.ipv4 : headerProtocol.ethernet;
  return set(inner, at + ((last & 1) === 1 ? 20 : 12), link, 'erspan', session);
}

function findInUdp(bytes: Uint8Array, at: number, end: number, inner: InnerPacket): boolean {
  const next = at + 8;
  switch (uint16At(bytes, at + 2)) {
    case udpPort.vxlan:
    case udpPort.linuxVxlan:
      return findInVxlan(bytes, next, end, false, inner);
    case udpPort.vxlanGpe:
      return findInVxlan(bytes, next, end, true, inner);
    case udpPort.geneve:
      return findInGeneve(bytes, next, end, inner);
    case udpPort.gtpU:
      return findInGtpU(bytes, next, end, inner);
    case udpPort.mplsInUdp:
      return set(inner, next, headerProtocol.mpls, 'mpls');
    case udpPort.greInUdp:
      return findInGre(bytes, next, end, inner);
    case udpPort.teredo:
      return findInTeredo(bytes, next, end, inner);
    default:
      return uint16At(bytes, at) === udpPort.teredo && findInTeredo(bytes, next, end, inner);
  }
}

/** RFC 7348 §5: flags (I: the network id is valid), network id in bytes 4 to 6. draft-ietf-nvo3-vxlan-gpe §3.1: P, and the next protocol. */
function findInVxlan(bytes: Uint8Array, at: number, end: number, isGpe: boolean, inner: InnerPacket): boolean {
  if (at + 8 > end) return false;
  const flags = bytes[at]!;
  if ((flags & 0x08) === 0) return false;
  const id = uint32At(bytes, at + 4) >>> 8;
  if (!isGpe) return set(inner, at + 8, headerProtocol.ethernet, 'vxlan', id);
  const hasNextProtocol = (flags & 0x04) !== 0;
  const link = hasNextProtocol ? gpeLinks[bytes[at + 3]!] : headerProtocol.ethernet;
  return link !== undefined && set(inner, at + 8, link, 'vxlan-gpe', id);
}

/** Next protocols of VXLAN-GPE. */
const gpeLinks: Readonly<Record<number, number>> = {
  1: headerProtocol.ipv4,
  2: headerProtocol.ipv6,
  3: headerProtocol.ethernet,
  5: headerProtocol.mpls,
};

/** RFC 8926 §3.4: version (2 bits) 0, options length in words (6), O for control packets, protocol type, network id. */
function findInGeneve(bytes: Uint8Array, at: number, end: number, inner: InnerPacket): boolean {
  if (at + 8 > end || bytes[at]! >>> 6 !== 0 || (bytes[at + 1]! & 0x80) !== 0) return false;
  const next = at + 8 + 4 * (bytes[at]! & 0x3f);
  return setByType(inner, next, uint16At(bytes, at + 2), 'geneve', uint32At(bytes, at + 4) >>> 8);
}

/** 3GPP TS 29.281 §5.1: version 1, G-PDU (255); with any of E, S and PN 4 more bytes; §5.2.1: extension headers in units of 4 bytes. */
function findInGtpU(bytes: Uint8Array, at: number, end: number, inner: InnerPacket): boolean {
  if (at + 8 > end || (bytes[at]! & 0xf0) !== 0x30 || bytes[at + 1] !== 255) return false;
  const flags = bytes[at]! & 7;
  const id = uint32At(bytes, at + 4);
  let next = at + 8;
  if (flags !== 0) {
    next += 4;
    let extension = (flags & 4) !== 0 && next <= end ? bytes[next - 1]! : 0;
    while (extension !== 0) {
      const length = next < end ? 4 * bytes[next]! : 0;
      next += length;
      if (length === 0 || next > end) return false;
      extension = bytes[next - 1]!;
    }
  }
  return set(inner, next, headerProtocol.ipv4, 'gtp-u', id);
}

/** RFC 4380 §5.1.1: IPv6, before it perhaps an authentication (0001) and an origin indication (0000). */
function findInTeredo(bytes: Uint8Array, at: number, end: number, inner: InnerPacket): boolean {
  if (at + 4 <= end && uint16At(bytes, at) === 1) at += 13 + bytes[at + 2]! + bytes[at + 3]!;
  if (at + 2 <= end && uint16At(bytes, at) === 0) at += 8;
  return at < end && bytes[at]! >>> 4 === 6 && set(inner, at, headerProtocol.ipv6, 'teredo');
}
