// Traffic that exporters are given to measure: known flows, written as a pcap file of Ethernet frames.

import { writeFileSync } from 'node:fs';

/** One direction of a conversation and what was sent in it. */
export interface TrafficFlow {
  readonly src: string;
  readonly dst: string;
  readonly version: 4 | 6;
  /** IP protocol number: 6, 17 or 1 (58 for IPv6). */
  readonly protocol: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly packets: number;
  /** IP header and payload, as routers count. */
  readonly bytes: number;
  /** TCP flags of all packets together. */
  readonly tcpFlags: number;
}

interface Packet {
  readonly atMs: number;
  readonly frame: Buffer;
  /** The packet as a flow of its own. */
  readonly measured: TrafficFlow;
}

export interface TrafficOptions {
  readonly flows: number;
  readonly startMs: number;
  readonly ipv6: boolean;
}

const protocols = { tcp: 6, udp: 17 } as const;

/** Conversations between inner hosts and outer servers; packets of all flows are mixed over ten seconds. */
export function makeTraffic({ flows, startMs, ipv6 }: TrafficOptions): {
  readonly flows: TrafficFlow[];
  readonly packets: Packet[];
} {
  const all: TrafficFlow[] = [];
  const packets: Packet[] = [];
  for (let index = 0; index < flows; index += 1) {
    const version = ipv6 && index % 4 === 3 ? 6 : 4;
    const protocol = index % 3 === 2 ? protocols.udp : protocols.tcp;
    const client =
      version === 4 ? `10.1.${index >> 8}.${index & 255}` : `2001:db8:0:1:0:0:0:${(index + 1).toString(16)}`;
    const server =
      version === 4 ? `198.51.100.${1 + (index % 200)}` : `2001:db8:0:2:0:0:0:${(1 + (index % 200)).toString(16)}`;
    const clientPort = 40_000 + index;
    const serverPort = protocol === protocols.udp ? 53 : index % 2 === 0 ? 443 : 22;
    const ends = { version, protocol, startMs: startMs + ((index * 7) % 1000) } as const;
    for (const [src, dst, srcPort, dstPort, count, size] of [
      [client, server, clientPort, serverPort, 1 + (index % 5), 40 + (index % 300)],
      [server, client, serverPort, clientPort, 1 + (index % 3), 100 + ((index * 13) % 1200)],
    ] as const) {
      let bytes = 0;
      let tcpFlags = 0;
      for (let packet = 0; packet < count; packet += 1) {
        const flags = protocol !== protocols.tcp ? 0 : packet === 0 ? 0x02 : packet === count - 1 ? 0x11 : 0x18;
        const ip = toIpPacket({ version, protocol, src, dst, srcPort, dstPort, flags, payload: size });
        packets.push({
          atMs: ends.startMs + packet * 1000,
          frame: toEthernet(version, ip),
          measured: { src, dst, version, protocol, srcPort, dstPort, packets: 1, bytes: ip.length, tcpFlags: flags },
        });
        bytes += ip.length;
        tcpFlags |= flags;
      }
      all.push({ src, dst, version, protocol, srcPort, dstPort, packets: count, bytes, tcpFlags });
    }
  }
  packets.sort((a, b) => a.atMs - b.atMs);
  return { flows: all, packets };
}

/** Classic pcap, microseconds, Ethernet. */
export function writePcap(path: string, packets: readonly Packet[]): void {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(1, 20);
  const parts: Buffer[] = [head];
  for (const { atMs, frame } of packets) {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(Math.floor(atMs / 1000), 0);
    record.writeUInt32LE((atMs % 1000) * 1000, 4);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    parts.push(record, frame);
  }
  writeFileSync(path, Buffer.concat(parts));
}

function toEthernet(version: 4 | 6, ip: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('020000000002020000000001', 'hex'),
    Buffer.from(version === 4 ? '0800' : '86dd', 'hex'),
    ip,
  ]);
}

interface IpPacket {
  readonly version: 4 | 6;
  readonly protocol: number;
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly flags: number;
  readonly payload: number;
}

function toIpPacket({ version, protocol, src, dst, srcPort, dstPort, flags, payload }: IpPacket): Buffer {
  const transport = Buffer.alloc((protocol === protocols.tcp ? 20 : 8) + payload);
  transport.writeUInt16BE(srcPort, 0);
  transport.writeUInt16BE(dstPort, 2);
  if (protocol === protocols.tcp) {
    transport.writeUInt8(0x50, 12);
    transport.writeUInt8(flags, 13);
    transport.writeUInt16BE(65_535, 14);
  } else transport.writeUInt16BE(transport.length, 4);
  const source = toAddressBytes(version, src);
  const destination = toAddressBytes(version, dst);
  if (version === 6) {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(0x60000000, 0);
    head.writeUInt16BE(transport.length, 4);
    head.writeUInt8(protocol, 6);
    head.writeUInt8(64, 7);
    return Buffer.concat([head, source, destination, transport]);
  }
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0x4500, 0);
  head.writeUInt16BE(20 + transport.length, 2);
  head.writeUInt8(64, 8);
  head.writeUInt8(protocol, 9);
  const ip = Buffer.concat([head, source, destination, transport]);
  ip.writeUInt16BE(checksumOf(ip.subarray(0, 20)), 10);
  return ip;
}

function toAddressBytes(version: 4 | 6, text: string): Buffer {
  if (version === 4) return Buffer.from(text.split('.').map(Number));
  return Buffer.concat(text.split(':').map((group) => Buffer.from(group.padStart(4, '0'), 'hex')));
}

function checksumOf(bytes: Buffer): number {
  let sum = 0;
  for (let offset = 0; offset < bytes.length; offset += 2) sum += bytes.readUInt16BE(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
