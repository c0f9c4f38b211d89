// Writes the first bytes of an Ethernet frame (IEEE 802.3, 802.1Q, RFC 791, 8200, 9293, 768, 792, 4443) for a sampled packet.

import { type Packet, protocolNumbers, writeAddress } from './flow.ts';

/** What switches cut a sampled packet down to. */
const capturedBytes = 128;
/** Without its frame check sequence an Ethernet frame has at least this. */
const minFrameBytes = 60;

const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd, vlan: 0x8100 } as const;
const dontFragment = 0x4000;
const tcpWindow = 501;
const tcpHeaderWords = 5;

/** Length of the frame without its check sequence. */
export function toFrameLength({ vlan, length }: Packet): number {
  return Math.max(minFrameBytes, (vlan === 0 ? 14 : 18) + length);
}

export function frameHeaderBytes(packet: Packet): number {
  return Math.min(capturedBytes, toFrameLength(packet));
}

/** Writes `frameHeaderBytes` bytes at `start`; the payload is zeros. */
export function writeFrameHeader(buffer: Buffer, packet: Packet, start: number): void {
  const { source, destination, vlan, protocol, length } = packet;
  const isIpv4 = typeof source === 'number';
  buffer.fill(0, start, start + frameHeaderBytes(packet));
  let at = buffer.writeUIntBE(packet.destinationMac, start, 6);
  at = buffer.writeUIntBE(packet.sourceMac, at, 6);
  if (vlan !== 0) {
    at = buffer.writeUInt16BE(etherTypes.vlan, at);
    at = buffer.writeUInt16BE(vlan, at);
  }
  at = buffer.writeUInt16BE(isIpv4 ? etherTypes.ipv4 : etherTypes.ipv6, at);
  const ip = at;
  if (isIpv4) {
    at = buffer.writeUInt8(0x45, at);
    at = buffer.writeUInt8(packet.typeOfService, at);
    at = buffer.writeUInt16BE(length, at);
    at = buffer.writeUInt16BE(0, at);
    at = buffer.writeUInt16BE(dontFragment, at);
    at = buffer.writeUInt8(packet.timeToLive, at);
    at = buffer.writeUInt8(protocol, at);
    at = buffer.writeUInt16BE(0, at);
    at = writeAddress(buffer, source, at);
    at = writeAddress(buffer, destination, at);
    buffer.writeUInt16BE(toChecksum(buffer, ip, at), ip + 10);
  } else {
    at = buffer.writeUInt32BE(0x6000_0000 + packet.typeOfService * 0x10_0000, at);
    at = buffer.writeUInt16BE(length - 40, at);
    at = buffer.writeUInt8(protocol, at);
    at = buffer.writeUInt8(packet.timeToLive, at);
    at = writeAddress(buffer, source, at);
    at = writeAddress(buffer, destination, at);
  }
  if (protocol === protocolNumbers.icmp || protocol === protocolNumbers.icmpIpv6) {
    buffer.writeUInt16BE(packet.destinationPort, at); // Type and code.
    return;
  }
  at = buffer.writeUInt16BE(packet.sourcePort, at);
  at = buffer.writeUInt16BE(packet.destinationPort, at);
  if (protocol === protocolNumbers.tcp) {
    buffer.writeUInt16BE((tcpHeaderWords << 12) | packet.tcpFlags, at + 8);
    buffer.writeUInt16BE(tcpWindow, at + 10);
  } else if (protocol === protocolNumbers.udp) {
    buffer.writeUInt16BE(length - (isIpv4 ? 20 : 40), at);
  }
}

/** RFC 1071 */
function toChecksum(buffer: Buffer, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at += 2) sum += buffer.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
