// Bytes of a pcap or pcapng file → its packets. pcap: draft-ietf-opsawg-pcap §4, §5; pcapng: draft-ietf-opsawg-pcapng §3, §4.
// Lengths in the file only say how far to go on; nothing is allocated by them.

import { WeirError } from '../model/errors.ts';
import { type ByteSource, maxTakeBytes } from './byte-source.ts';

export interface CapturedPacket {
  /** LINKTYPE_… of tcpdump.org/linktypes.html. */
  readonly linkType: number;
  /** Frame from its link-layer header on, as far as it was captured. */
  readonly bytes: Buffer;
  /** Whole milliseconds since 1970. */
  readonly timeMs: number;
}

export type OnWarning = (text: string) => void;

/** Throws WeirError `file-invalid` when the file is no capture; a file that ends or breaks in the middle gives a warning. */
export async function* readPackets(
  source: ByteSource,
  path: string,
  onWarning: OnWarning,
): AsyncGenerator<CapturedPacket, void, void> {
  const magic = await source.peek(4);
  if (magic === undefined) throw notCapture(path, 'it has less than 4 bytes');
  const number = magic.readUInt32BE(0);
  if (number === sectionHeader) {
    yield* readPcapng(source, path, onWarning);
    return;
  }
  const format = pcapFormats.get(number);
  if (format === undefined) {
    const isGzip = number >>> 16 === 0x1f8b;
    throw notCapture(path, `byte 0 is ${magic.toString('hex')}`, isGzip ? 'Unpack it with gunzip first.' : undefined);
  }
  yield* readPcap(source, path, format, onWarning);
}

interface PcapFormat {
  readonly littleEndian: boolean;
  /** Units of the second half of a time stamp. */
  readonly unitsPerMs: number;
}

/** By the first four bytes, read in network order. */
const pcapFormats: ReadonlyMap<number, PcapFormat> = new Map([
  [0xa1b2c3d4, { littleEndian: false, unitsPerMs: 1e3 }],
  [0xd4c3b2a1, { littleEndian: true, unitsPerMs: 1e3 }],
  [0xa1b23c4d, { littleEndian: false, unitsPerMs: 1e6 }],
  [0x4d3cb2a1, { littleEndian: true, unitsPerMs: 1e6 }],
]);

async function* readPcap(
  source: ByteSource,
  path: string,
  { littleEndian, unitsPerMs }: PcapFormat,
  onWarning: OnWarning,
): AsyncGenerator<CapturedPacket, void, void> {
  const header = await source.take(24);
  if (header === undefined) throw notCapture(path, 'its pcap header ends before 24 bytes');
  const number = littleEndian ? uint32Le : uint32Be;
  // The upper 16 bits tell of a frame check sequence at the end of each frame; IP knows its own length.
  const linkType = number(header, 20) & 0xffff;

  for (;;) {
    const start = source.position;
    const record = await source.take(16);
    if (record === undefined) {
      if (await hasMore(source)) onWarning(cutAt(path, start));
      return;
    }
    const length = number(record, 8);
    if (length > maxTakeBytes) {
      if (!(await source.skip(length))) return onWarning(cutAt(path, start));
      onWarning(`${path}: the packet at byte ${start} has ${length} bytes and is skipped`);
      continue;
    }
    const bytes = await source.take(length);
    if (bytes === undefined) return onWarning(cutAt(path, start));
    const timeMs = Math.floor(number(record, 0) * 1000 + number(record, 4) / unitsPerMs);
    yield { linkType, bytes, timeMs };
  }
}

const sectionHeader = 0x0a0d0d0a;
const blockType = { interfaceDescription: 1, packet: 2, simplePacket: 3, enhancedPacket: 6 } as const;

interface CaptureInterface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly unitsPerMs: number;
  readonly offsetMs: number;
}

/** A section describes each interface in at least 20 bytes; real captures have a few. */
const maxInterfaces = 4096;

async function* readPcapng(
  source: ByteSource,
  path: string,
  onWarning: OnWarning,
): AsyncGenerator<CapturedPacket, void, void> {
  let littleEndian = false;
  let interfaces: CaptureInterface[] = [];
  let sections = 0;
  let timeMs = 0;

  for (;;) {
    const start = source.position;
    // Every block: type, total length, body, total length again; a section header has its byte order magic first.
    const head = await source.peek(12);
    if (head === undefined) {
      if (sections === 0) throw notCapture(path, 'its pcapng section header ends early');
      if (await hasMore(source)) onWarning(cutAt(path, start));
      return;
    }
    if (head.readUInt32BE(0) === sectionHeader) {
      const order = head.readUInt32BE(8);
      if (order !== 0x1a2b3c4d && order !== 0x4d3c2b1a) {
        if (sections === 0) throw notCapture(path, `byte 8 is ${head.toString('hex', 8, 12)}, no byte order magic`);
        return onWarning(brokenAt(path, start, 'no byte order magic'));
      }
      littleEndian = order === 0x4d3c2b1a;
      interfaces = [];
      sections++;
    }
    const number = littleEndian ? uint32Le : uint32Be;
    const type = number(head, 0);
    const total = number(head, 4);
    if (total < 12 || total % 4 !== 0) {
      if (sections === 1 && start === 0) throw notCapture(path, `the block at byte 0 has length ${total}`);
      return onWarning(brokenAt(path, start, `a block of length ${total}`));
    }
    if (!isWanted(type) || total > maxTakeBytes) {
      if (!(await source.skip(total))) return onWarning(cutAt(path, start));
      continue;
    }
    const block = await source.take(total);
    if (block === undefined) return onWarning(cutAt(path, start));
    const body = block.subarray(8, total - 4);

    if (type === blockType.interfaceDescription) {
      if (body.length >= 8 && interfaces.length < maxInterfaces) interfaces.push(readInterface(body, littleEndian));
      continue;
    }
    const packet = readPacketBlock(type, body, interfaces, littleEndian, timeMs);
    if (packet === undefined) {
      onWarning(`${path}: the packet block at byte ${start} is malformed and is skipped`);
      continue;
    }
    timeMs = packet.timeMs;
    yield packet;
  }
}

function isWanted(type: number): boolean {
  return (
    type === blockType.enhancedPacket ||
    type === blockType.simplePacket ||
    type === blockType.packet ||
    type === blockType.interfaceDescription
  );
}

function readInterface(body: Buffer, littleEndian: boolean): CaptureInterface {
  const uint16 = (at: number): number => (littleEndian ? body.readUInt16LE(at) : body.readUInt16BE(at));
  let unitsPerMs = 1e3;
  let offsetMs = 0;
  // Options: code, length, value padded to 4 bytes; code 0 ends them.
  for (let at = 8; at + 4 <= body.length; ) {
    const code = uint16(at);
    const length = uint16(at + 2);
    if (code === 0 || at + 4 + length > body.length) break;
    if (code === 9 && length >= 1) {
      const resolution = body[at + 4]!; // if_tsresol: the top bit says powers of 2 instead of 10.
      unitsPerMs = (resolution & 0x80 ? 2 ** (resolution & 0x7f) : 10 ** resolution) / 1000;
    } else if (code === 14 && length >= 8) {
      offsetMs = Number(littleEndian ? body.readBigInt64LE(at + 4) : body.readBigInt64BE(at + 4)) * 1000;
    }
    at += 4 + length + (-length & 3);
  }
  const number = littleEndian ? uint32Le : uint32Be;
  return { linkType: uint16(0), snapLength: number(body, 4), unitsPerMs, offsetMs };
}

function readPacketBlock(
  type: number,
  body: Buffer,
  interfaces: readonly CaptureInterface[],
  littleEndian: boolean,
  lastTimeMs: number,
): CapturedPacket | undefined {
  const number = littleEndian ? uint32Le : uint32Be;
  if (type === blockType.simplePacket) {
    // §4.4: interface 0, no time; cut at the interface's snapshot length.
    const from = interfaces[0];
    if (from === undefined || body.length < 4) return undefined;
    const snapLength = from.snapLength === 0 ? Number.POSITIVE_INFINITY : from.snapLength;
    const length = Math.min(number(body, 0), snapLength, body.length - 4);
    return { linkType: from.linkType, bytes: body.subarray(4, 4 + length), timeMs: lastTimeMs };
  }
  if (body.length < 20) return undefined;
  // The obsolete packet block has a 16-bit interface and a drop count where the enhanced one has 32 bits.
  const index =
    type === blockType.enhancedPacket ? number(body, 0) : littleEndian ? body.readUInt16LE(0) : body.readUInt16BE(0);
  const from = interfaces[index];
  const length = number(body, 12);
  if (from === undefined || length > body.length - 20) return undefined;
  const units = number(body, 4) * 0x1_0000_0000 + number(body, 8);
  return {
    linkType: from.linkType,
    bytes: body.subarray(20, 20 + length),
    timeMs: toTimeMs(units / from.unitsPerMs + from.offsetMs),
  };
}

/** A wild resolution or offset must not give a time that no date can hold. */
const lastTimeMs = Date.UTC(9999, 11, 31);

function toTimeMs(timeMs: number): number {
  return timeMs >= 0 && timeMs <= lastTimeMs ? Math.floor(timeMs) : 0;
}

async function hasMore(source: ByteSource): Promise<boolean> {
  return (await source.peek(1)) !== undefined;
}

function uint32Le(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at);
}

function uint32Be(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at);
}

function notCapture(path: string, reason: string, hint = 'Make one with: tcpdump -w FILE udp'): WeirError {
  return new WeirError('file-invalid', `${path} is no pcap or pcapng file: ${reason}`, { hint });
}

function cutAt(path: string, position: number): string {
  return `${path} ends in the middle of what begins at byte ${position}; what came before was read`;
}

function brokenAt(path: string, position: number, reason: string): string {
  return `${path} is broken at byte ${position} (${reason}); what came before was read`;
}
