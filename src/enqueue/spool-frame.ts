// A batch in a spool segment: a header that proves itself, the records it holds by exporter, its bytes.
//
//   0        4              8               12            16             20              24
//   | magic  | counts length | payload length | counts CRC | payload CRC  | CRC of 0–19   | counts (JSON) | payload |
//
// Each part has its own CRC-32, so that a damaged payload still says whose records it held, and damaged counts or a damaged word of the
// header cost nothing: the next header is found by its magic and proved by its CRC. All numbers are big-endian.

import { crc32 } from 'node:zlib';
import type { ExporterRecords } from './exporter-records.ts';

export const frameHeaderBytes = 24;
/** Larger than any batch (batch.bytes allows 64 MiB) and its counts; a header that says more is damaged. */
const maxPayloadBytes = 256 * 1024 * 1024;
const maxCountsBytes = 4 * 1024 * 1024;
export const maxFrameBytes = frameHeaderBytes + maxCountsBytes + maxPayloadBytes;

/** "weir", with the high bit of the first byte set: it occurs in no UTF-8 text. */
export const frameMagic = 0xf7656972;

export interface FrameHeader {
  readonly countsBytes: number;
  readonly payloadBytes: number;
  readonly countsCrc: number;
  readonly payloadCrc: number;
}

export function toFrame(payload: Buffer, counts: ExporterRecords): Buffer {
  const countsText = Buffer.from(JSON.stringify(counts));
  return Buffer.concat([toHeader(countsText, payload), countsText, payload]);
}

function toHeader(countsText: Buffer, payload: Buffer): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  header.writeUInt32BE(frameMagic, 0);
  header.writeUInt32BE(countsText.length, 4);
  header.writeUInt32BE(payload.length, 8);
  header.writeUInt32BE(crc32(countsText), 12);
  header.writeUInt32BE(crc32(payload), 16);
  header.writeUInt32BE(crc32(header.subarray(0, 20)), 20);
  return header;
}

/** Undefined when the bytes at `at` are no whole and proven header. */
export function readFrameHeader(bytes: Buffer, at = 0): FrameHeader | undefined {
  if (bytes.length - at < frameHeaderBytes || bytes.readUInt32BE(at) !== frameMagic) return undefined;
  if (bytes.readUInt32BE(at + 20) !== crc32(bytes.subarray(at, at + 20))) return undefined;
  const countsBytes = bytes.readUInt32BE(at + 4);
  const payloadBytes = bytes.readUInt32BE(at + 8);
  if (countsBytes > maxCountsBytes || payloadBytes > maxPayloadBytes) return undefined;
  return { countsBytes, payloadBytes, countsCrc: bytes.readUInt32BE(at + 12), payloadCrc: bytes.readUInt32BE(at + 16) };
}

export function frameLength({ countsBytes, payloadBytes }: FrameHeader): number {
  return frameHeaderBytes + countsBytes + payloadBytes;
}

/** Undefined when they are damaged. */
export function readCounts(bytes: Buffer, crc: number): ExporterRecords | undefined {
  if (crc32(bytes) !== crc) return undefined;
  try {
    return JSON.parse(bytes.toString()) as ExporterRecords;
  } catch {
    return undefined;
  }
}

/**
 * Of a frame whose header proves nothing, up to where the next one begins: what the rest of it proves. One damaged word of the header is
 * made good by the others; of a damaged payload the counts may still be right.
 */
export function readUnproven(frame: Buffer): { readonly counts?: ExporterRecords; readonly payload?: Buffer } {
  const payloadAt = frame.indexOf('}', frameHeaderBytes) + 1;
  if (payloadAt === 0) return {};
  const counts = readCounts(
    frame.subarray(frameHeaderBytes, payloadAt),
    crc32(frame.subarray(frameHeaderBytes, payloadAt)),
  );
  if (counts === undefined) return {};
  const payload = frame.subarray(payloadAt);
  const right = toHeader(frame.subarray(frameHeaderBytes, payloadAt), payload);
  const wrongWords = [0, 4, 8, 12, 16, 20].filter((at) => right.readUInt32BE(at) !== frame.readUInt32BE(at));
  if (wrongWords.length <= 1) return { counts, payload };
  const areProven = !wrongWords.includes(4) && !wrongWords.includes(12);
  return areProven ? { counts } : {};
}

export function isWhole(payload: Buffer, { payloadBytes, payloadCrc }: FrameHeader): boolean {
  return payload.length === payloadBytes && crc32(payload) === payloadCrc;
}
