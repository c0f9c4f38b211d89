// One captured frame → the UDP datagram in it, if there is one. Link types: tcpdump.org/linktypes.html; RFC 791, 8200, 768.
// What was cut off by the snapshot length is missing at the payload's end: decode says so.

import { ipv4TextAt, ipv6TextAt } from '../model/address-text.ts';
import type { Datagram } from '../model/datagram.ts';
import type { CapturedPacket } from './capture-packets.ts';
import type { IpFragments } from './ip-fragments.ts';

const udp = 17;

/** Where the IP header starts, -1 when the frame carries something else; undefined when the link type is not known. */
export function findIpHeader(linkType: number, bytes: Buffer): number | undefined {
  switch (linkType) {
    case 1: // LINKTYPE_ETHERNET: two addresses, type
      return findIpAfterType(bytes, 12);
    case 113: // LINKTYPE_LINUX_SLL: 14 bytes, protocol
      return findIpAfterType(bytes, 14);
    case 276: // LINKTYPE_LINUX_SLL2: protocol, 18 bytes
      return isIpType(bytes, 0) ? 20 : isVlanType(bytes, 0) ? findIpAfterType(bytes, 22) : -1;
    case 0: // LINKTYPE_NULL: address family in the byte order of the capturing machine
    case 108: // LINKTYPE_LOOP: in network order
      return 4;
    case 12: // DLT_RAW where it was not translated
    case 14:
    case 101: // LINKTYPE_RAW
    case 228: // LINKTYPE_IPV4
    case 229: // LINKTYPE_IPV6
      return 0;
    default:
      return undefined;
  }
}

function findIpAfterType(bytes: Buffer, typeAt: number): number {
  while (isVlanType(bytes, typeAt)) typeAt += 4;
  return isIpType(bytes, typeAt) ? typeAt + 2 : -1;
}

function isIpType(bytes: Buffer, at: number): boolean {
  return (bytes[at] === 0x08 && bytes[at + 1] === 0x00) || (bytes[at] === 0x86 && bytes[at + 1] === 0xdd);
}

/** 802.1Q, 802.1ad, and the older outer tag. */
function isVlanType(bytes: Buffer, at: number): boolean {
  return (
    (bytes[at] === 0x81 && bytes[at + 1] === 0x00) ||
    (bytes[at] === 0x88 && bytes[at + 1] === 0xa8) ||
    (bytes[at] === 0x91 && bytes[at + 1] === 0x00)
  );
}

/** `at`: where the IP header starts. A fragment gives a datagram when it was the last one missing. */
export function toDatagram(packet: CapturedPacket, at: number, fragments: IpFragments): Datagram | undefined {
  const { bytes } = packet;
  const version = bytes[at] === undefined ? 0 : bytes[at] >>> 4;
  if (version === 4) return ipv4ToDatagram(packet, at, fragments);
  return version === 6 ? ipv6ToDatagram(packet, at, fragments) : undefined;
}

function ipv4ToDatagram({ bytes, timeMs }: CapturedPacket, at: number, fragments: IpFragments): Datagram | undefined {
  const headerLength = (bytes[at]! & 0xf) * 4;
  if (headerLength < 20 || at + headerLength > bytes.length || bytes[at + 9] !== udp) return undefined;
  const totalLength = bytes.readUInt16BE(at + 2);
  // Length 0: left to the network card (TSO).
  const end = totalLength < headerLength ? bytes.length : Math.min(bytes.length, at + totalLength);
  const exporter = ipv4TextAt(bytes, at + 12);
  const fragmentation = bytes.readUInt16BE(at + 6);
  const offset = (fragmentation & 0x1fff) * 8;
  const moreFollow = (fragmentation & 0x2000) !== 0;
  const payload = bytes.subarray(at + headerLength, end);
  if (offset === 0 && !moreFollow) return udpToDatagram(payload, exporter, timeMs);

  const key = `${bytes.toString('latin1', at + 12, at + 20)}${bytes.toString('latin1', at + 4, at + 6)}`;
  const whole = fragments.add({ key, offset, isLast: !moreFollow, bytes: payload, timeMs });
  return whole && udpToDatagram(whole, exporter, timeMs);
}

function ipv6ToDatagram({ bytes, timeMs }: CapturedPacket, at: number, fragments: IpFragments): Datagram | undefined {
  if (at + 40 > bytes.length) return undefined;
  const payloadLength = bytes.readUInt16BE(at + 4);
  const end = payloadLength === 0 ? bytes.length : Math.min(bytes.length, at + 40 + payloadLength);
  const addressText = ipv6TextAt(bytes, at + 8);
  const exporter = addressText.startsWith('::ffff:') && addressText.includes('.') ? addressText.slice(7) : addressText;

  let next = bytes[at + 6]!;
  let headerAt = at + 40;
  // Hop-by-hop, routing, destination options; the fragment header; each step goes on by 8 bytes or more.
  while (next === 0 || next === 43 || next === 60 || next === 44) {
    if (headerAt + 8 > end) return undefined;
    if (next === 44) {
      const fragmentation = bytes.readUInt16BE(headerAt + 2);
      const offset = fragmentation & 0xfff8;
      const moreFollow = (fragmentation & 1) !== 0;
      if (offset !== 0 || moreFollow) {
        // Only what is UDP right behind the fragment header is put together.
        if (bytes[headerAt] !== udp) return undefined;
        const key = `${bytes.toString('latin1', at + 8, at + 40)}${bytes.toString('latin1', headerAt + 4, headerAt + 8)}`;
        const piece = bytes.subarray(headerAt + 8, end);
        const whole = fragments.add({ key, offset, isLast: !moreFollow, bytes: piece, timeMs });
        return whole && udpToDatagram(whole, exporter, timeMs);
      }
    }
    const length = next === 44 ? 8 : (bytes[headerAt + 1]! + 1) * 8;
    next = bytes[headerAt]!;
    headerAt += length;
  }
  if (next !== udp || headerAt > end) return undefined;
  return udpToDatagram(bytes.subarray(headerAt, end), exporter, timeMs);
}

/** Source port, destination port, length, checksum, payload. */
function udpToDatagram(bytes: Buffer, exporter: string, receivedAtMs: number): Datagram | undefined {
  if (bytes.length < 8) return undefined;
  const length = bytes.readUInt16BE(4);
  // RFC 2675 §4: length 0 says that the packet's own length counts. Less than a header is no UDP.
  if (length > 0 && length < 8) return undefined;
  const end = length === 0 ? bytes.length : Math.min(bytes.length, length);
  return { payload: bytes.subarray(8, end), exporter, exporterPort: bytes.readUInt16BE(0), receivedAtMs };
}
