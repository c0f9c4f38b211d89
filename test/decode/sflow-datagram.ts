// Builds sFlow v5 datagrams and sampled frames byte by byte, as the specifications draw them.

import type { Datagram } from '../../src/model/datagram.ts';

export function uint32s(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, i) => {
    bytes.writeUInt32BE(number, 4 * i);
  });
  return bytes;
}

export function uint16s(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(2 * numbers.length);
  numbers.forEach((number, i) => {
    bytes.writeUInt16BE(number, 2 * i);
  });
  return bytes;
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

/** XDR: format, length, bytes, zeros up to a multiple of 4. A sample and a record look alike. */
export function opaque(format: number, ...body: Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  return Buffer.concat([uint32s(format, bytes.length), bytes, Buffer.alloc(-bytes.length & 3)]);
}

export interface FlowSampleParts {
  readonly sequence?: number;
  readonly source?: number;
  readonly rate?: number;
  readonly drops?: number;
  readonly input?: number;
  readonly output?: number;
  readonly recordCount?: number;
}

export function flowSample(records: readonly Buffer[], parts: FlowSampleParts = {}): Buffer {
  const { sequence = 9, source = 3, rate = 512, drops = 0, input = 3, output = 4 } = parts;
  const count = parts.recordCount ?? records.length;
  return opaque(1, uint32s(sequence, source, rate, 1000, drops, input, output, count), ...records);
}

export function rawHeader(frame: Buffer, { protocol = 1, frameLength = 1518 } = {}): Buffer {
  return opaque(1, uint32s(protocol, frameLength, 4, frame.length), frame, Buffer.alloc(-frame.length & 3));
}

export interface DatagramParts {
  /** Type and bytes of the agent address. */
  readonly agent?: Buffer;
  readonly subAgent?: number;
  readonly sampleCount?: number;
}

export function sflowPayload(samples: readonly Buffer[], parts: DatagramParts = {}): Buffer {
  const { agent = hex('00000001 c0000207'), subAgent = 0, sampleCount = samples.length } = parts;
  return Buffer.concat([uint32s(5), agent, uint32s(subAgent, 77, 123_456, sampleCount), ...samples]);
}

export function toDatagram(payload: Buffer): Datagram {
  return { payload, exporter: '198.51.100.9', exporterPort: 50_000, receivedAtMs: 1_700_000_000_123 };
}

/** 02:…:0b:02 ← 02:…:0a:01, then the given type and what follows. */
export function ethernet(...rest: Buffer[]): Buffer {
  return Buffer.concat([hex('02000000 0b02 02000000 0a01'), ...rest]);
}

export interface Ipv4Parts {
  readonly protocol: number;
  readonly payload: Buffer;
  readonly options?: Buffer;
  /** Flags and offset in units of 8 bytes. */
  readonly fragmentation?: number;
}

/** 10.1.2.3 → 192.0.2.200, identification 4660, time to live 61, type of service 184. */
export function ipv4({ protocol, payload, options = Buffer.alloc(0), fragmentation = 0 }: Ipv4Parts): Buffer {
  const headerLength = 20 + options.length;
  return Buffer.concat([
    Buffer.from([0x40 | (headerLength / 4), 184]),
    uint16s(headerLength + payload.length, 4660, fragmentation),
    Buffer.from([61, protocol]),
    uint16s(0),
    hex('0a010203 c00002c8'),
    options,
    payload,
  ]);
}

/** 2001:db8::1 → 2001:db8:1::2, traffic class 184, flow label 0xabcde, hop limit 62. */
export function ipv6(nextHeader: number, payload: Buffer): Buffer {
  return Buffer.concat([
    hex('6b8abcde'),
    uint16s(payload.length),
    Buffer.from([nextHeader, 62]),
    hex('20010db8 00000000 00000000 00000001'),
    hex('20010db8 00010000 00000000 00000002'),
    payload,
  ]);
}

/** Ports 49152 → 443, flags SYN and CWR and the AE bit. */
export const tcp = hex('c000 01bb 00000001 00000000 5182 ffff 0000 0000');
/** Ports 53 → 33000. */
export const udp = hex('0035 80e8 0010 0000 0102030405060708');
