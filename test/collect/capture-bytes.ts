// Builds capture files byte by byte, as the pcap and pcapng drafts draw them, with UDP datagrams in frames of any kind.

export interface ByteOrder {
  readonly littleEndian: boolean;
}

export function numbers({ littleEndian }: ByteOrder): {
  uint16(...values: number[]): Buffer;
  uint32(...values: number[]): Buffer;
} {
  return {
    uint16: (...values) => {
      const bytes = Buffer.alloc(2 * values.length);
      values.forEach((value, i) => {
        if (littleEndian) bytes.writeUInt16LE(value, 2 * i);
        else bytes.writeUInt16BE(value, 2 * i);
      });
      return bytes;
    },
    uint32: (...values) => {
      const bytes = Buffer.alloc(4 * values.length);
      values.forEach((value, i) => {
        if (littleEndian) bytes.writeUInt32LE(value, 4 * i);
        else bytes.writeUInt32BE(value, 4 * i);
      });
      return bytes;
    },
  };
}

const network = numbers({ littleEndian: false });

export function udpPacket(payload: Buffer, port = 2055): Buffer {
  return Buffer.concat([network.uint16(port, 9995, 8 + payload.length, 0), payload]);
}

export interface Ipv4Options {
  readonly options?: Buffer;
  readonly identification?: number;
  readonly fragmentation?: number;
  readonly protocol?: number;
}

/** From 192.0.2.33. */
export function ipv4Packet(payload: Buffer, parts: Ipv4Options = {}): Buffer {
  const { options = Buffer.alloc(0), identification = 0, fragmentation = 0, protocol = 17 } = parts;
  const headerLength = 20 + options.length;
  return Buffer.concat([
    Buffer.from([0x40 | (headerLength / 4), 0]),
    network.uint16(headerLength + payload.length, identification, fragmentation),
    Buffer.from([64, protocol]),
    network.uint16(0),
    Buffer.from([192, 0, 2, 33, 198, 51, 100, 1]),
    options,
    payload,
  ]);
}

/** From 2001:db8::21, or from what is given as hex. */
export function ipv6Packet(payload: Buffer, nextHeader = 17, source = '20010db8000000000000000000000021'): Buffer {
  return Buffer.concat([
    Buffer.from([0x60, 0, 0, 0]),
    network.uint16(payload.length),
    Buffer.from([nextHeader, 64]),
    Buffer.from(source, 'hex'),
    Buffer.from('20010db80000000000000000000000fe', 'hex'),
    payload,
  ]);
}

export function ethernetFrame(type: number | readonly number[], packet: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(12, 2), network.uint16(...[type].flat()), packet]);
}

export interface PcapParts extends ByteOrder {
  readonly nanoseconds?: boolean;
  readonly linkType?: number;
}

/** Time of packet i: 1,700,000,000 s + i s + 345.678 ms. */
export function pcapFile(frames: readonly Buffer[], parts: PcapParts = { littleEndian: true }): Buffer {
  const { uint16, uint32 } = numbers(parts);
  const { nanoseconds = false, linkType = 1 } = parts;
  const header = [uint32(nanoseconds ? 0xa1b2_3c4d : 0xa1b2_c3d4), uint16(2, 4), uint32(0, 0, 262_144, linkType)];
  const fraction = nanoseconds ? 345_678_900 : 345_678;
  const records = frames.flatMap((frame, i) => [
    uint32(1_700_000_000 + i, fraction, frame.length, frame.length),
    frame,
  ]);
  return Buffer.concat([...header, ...records]);
}

export function pcapngBlock(order: ByteOrder, type: number, ...body: Buffer[]): Buffer {
  const { uint32 } = numbers(order);
  const bytes = Buffer.concat(body);
  const padding = Buffer.alloc(-bytes.length & 3);
  const total = 12 + bytes.length + padding.length;
  return Buffer.concat([uint32(type, total), bytes, padding, uint32(total)]);
}

export function sectionHeader(order: ByteOrder): Buffer {
  const { uint16, uint32 } = numbers(order);
  return pcapngBlock(order, 0x0a0d0d0a, uint32(0x1a2b_3c4d), uint16(1, 0), uint32(0xffff_ffff, 0xffff_ffff));
}

export interface InterfaceParts {
  readonly linkType?: number;
  readonly snapLength?: number;
  readonly options?: readonly (readonly [code: number, value: Buffer])[];
}

export function interfaceBlock(order: ByteOrder, parts: InterfaceParts = {}): Buffer {
  const { uint16, uint32 } = numbers(order);
  const { linkType = 1, snapLength = 0, options = [] } = parts;
  const optionBytes = options.flatMap(([code, value]) => [
    uint16(code, value.length),
    value,
    Buffer.alloc(-value.length & 3),
  ]);
  return pcapngBlock(order, 1, uint16(linkType, 0), uint32(snapLength), ...optionBytes);
}

export function enhancedPacket(order: ByteOrder, frame: Buffer, { from = 0, time = 0n } = {}): Buffer {
  const { uint32 } = numbers(order);
  const high = Number(time >> 32n);
  const low = Number(time & 0xffff_ffffn);
  return pcapngBlock(order, 6, uint32(from, high, low, frame.length, frame.length), frame);
}
