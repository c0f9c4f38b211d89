// Datagrams → bytes of a pcap file (draft-ietf-opsawg-pcap §4, §5; LINKTYPE_RAW: each packet begins with its IP header). The headers
// are made anew from what is known of the datagram: RFC 791, 8200, 768. It stays whole, however long: there are no fragments.

import type { Datagram } from '../model/datagram.ts';
import { toIpBytes } from './ip-bytes.ts';

const linkTypeRaw = 101;
const recordHeadBytes = 16;
const udp = 17;
const hopLimit = 64;
const maxSixteenBits = 0xffff;

/** Longest record: a payload of 16 bits of length, and its headers. */
export const maxPcapRecordBytes = recordHeadBytes + 40 + 8 + maxSixteenBits;

/** What the file begins with. Times are whole microseconds. */
export function toPcapHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(linkTypeRaw, 20);
  return header;
}

/** `timeUs`: whole microseconds since 1970. An unknown destination is 0.0.0.0 or ::, port 0. */
export function toPcapRecord({ payload, exporter, exporterPort, receivedOn }: Datagram, timeUs: number): Buffer {
  const source = Buffer.from(toIpBytes(exporter));
  const known = receivedOn === undefined ? undefined : Buffer.from(toIpBytes(receivedOn.host));
  const destination = known?.length === source.length ? known : Buffer.alloc(source.length);
  const headerBytes = source.length === 4 ? 20 : 40;
  const length = headerBytes + 8 + payload.length;
  const record = Buffer.alloc(recordHeadBytes + length);
  record.writeUInt32LE(Math.floor(timeUs / 1e6), 0);
  record.writeUInt32LE(timeUs % 1e6, 4);
  record.writeUInt32LE(length, 8);
  record.writeUInt32LE(length, 12);

  const packet = record.subarray(recordHeadBytes);
  const udpLength = 8 + payload.length;
  if (source.length === 4) writeIpv4(packet, length, source, destination);
  else writeIpv6(packet, udpLength, source, destination);
  const datagram = packet.subarray(headerBytes);
  datagram.writeUInt16BE(exporterPort, 0);
  datagram.writeUInt16BE(receivedOn?.port ?? 0, 2);
  // A message of TCP may be longer than 16 bits tell: 0 says that the packet's own length counts, in IP and in UDP.
  datagram.writeUInt16BE(udpLength > maxSixteenBits ? 0 : udpLength, 4);
  payload.copy(datagram, 8);
  const pseudoHeader = sumOf(source) + sumOf(destination) + udp + udpLength;
  // RFC 768: a sum of 0 is sent as all ones.
  datagram.writeUInt16BE(toChecksum(pseudoHeader + sumOf(datagram)) || maxSixteenBits, 6);
  return record;
}

function writeIpv4(packet: Buffer, length: number, source: Buffer, destination: Buffer): void {
  packet.writeUInt8(0x45, 0);
  packet.writeUInt16BE(length > maxSixteenBits ? 0 : length, 2);
  packet.writeUInt8(hopLimit, 8);
  packet.writeUInt8(udp, 9);
  source.copy(packet, 12);
  destination.copy(packet, 16);
  packet.writeUInt16BE(toChecksum(sumOf(packet.subarray(0, 20))), 10);
}

function writeIpv6(packet: Buffer, payloadLength: number, source: Buffer, destination: Buffer): void {
  packet.writeUInt8(0x60, 0);
  packet.writeUInt16BE(payloadLength > maxSixteenBits ? 0 : payloadLength, 4);
  packet.writeUInt8(udp, 6);
  packet.writeUInt8(hopLimit, 7);
  source.copy(packet, 8);
  destination.copy(packet, 24);
}

function sumOf(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  return bytes.length % 2 === 0 ? sum : sum + bytes[bytes.length - 1]! * 256;
}

/** RFC 1071. */
function toChecksum(sum: number): number {
  let folded = sum;
  while (folded > maxSixteenBits) folded = (folded & maxSixteenBits) + Math.floor(folded / 65_536);
  return ~folded & maxSixteenBits;
}
