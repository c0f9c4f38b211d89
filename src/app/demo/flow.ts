// What simulated exporters measure: flows for NetFlow and IPFIX, single packets for sFlow.

/** IPv4: an unsigned 32-bit number; IPv6: its 16 bytes. Both addresses of a flow are of one kind. */
export type Address = number | Uint8Array;

export interface Flow {
  readonly source: Address;
  readonly destination: Address;
  readonly nextHop: Address;
  readonly sourcePort: number;
  /** ICMP: type * 256 + code, as routers do. */
  readonly destinationPort: number;
  readonly protocol: number;
  readonly tcpFlags: number;
  readonly typeOfService: number;
  readonly packets: number;
  /** Of IP, below 2^53. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly inputInterface: number;
  readonly outputInterface: number;
  readonly sourcePrefixLength: number;
  readonly destinationPrefixLength: number;
}

/** One sampled packet, as much of it as its headers say. */
export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  /** 48-bit numbers. */
  readonly sourceMac: number;
  readonly destinationMac: number;
  /** 0: no 802.1Q tag. */
  readonly vlan: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  readonly tcpFlags: number;
  readonly typeOfService: number;
  readonly timeToLive: number;
  /** Of the IP packet. */
  readonly length: number;
  readonly inputInterface: number;
  readonly outputInterface: number;
}

export const protocolNumbers = { icmp: 1, tcp: 6, udp: 17, icmpIpv6: 58 } as const;

export const tcp = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;

/** A router that booted then tells times as milliseconds since; the counter wraps after 49.7 days. */
export function toUptime(timeMs: number, bootedAtMs: number): number {
  return Math.round(timeMs - bootedAtMs) >>> 0;
}

/** Writes an address and returns the offset after it. */
export function writeAddress(buffer: Buffer, address: Address, at: number): number {
  if (typeof address === 'number') return buffer.writeUInt32BE(address, at);
  buffer.set(address, at);
  return at + 16;
}

/** A counter of 8 bytes. */
export function writeUint64(buffer: Buffer, value: number, at: number): number {
  buffer.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
  return buffer.writeUInt32BE(value >>> 0, at + 4);
}
