// A batch in a spool segment: a header that proves itself, the records it holds by exporter, its bytes.
//
//   0        4              8               12            16             20              24
//   | magic  | counts length | payload length | counts CRC | payload CRC  | CRC of 0–19   | counts (JSON) | payload |
//
// Each part has its own CRC-32, so that a damaged payload still says whose records it held, and a damaged header costs
// its own batch only: the next header is found by its magic and proved by its CRC. All numbers are big-endian.

import { crc32 } from 'node:zlib';
import type { ExporterRecords } from './exporter-records.ts';

export const frameHeaderBytes = 24;
/** Larger than any batch (batch.bytes allows 64 MiB) and its counts; a header that says more is damaged. */
const maxPayloadBytes = 256 * 1024 * 1024;
const maxCountsBytes = 4 * 1024 * 1024;

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
  const frame = Buffer.allocUnsafe(frameHeaderBytes + countsText.length + payload.length);
  frame.writeUInt32BE(frameMagic, 0);
  frame.writeUInt32BE(countsText.length, 4);
  frame.writeUInt32BE(payload.length, 8);
  frame.writeUInt32BE(crc32(countsText), 12);
  frame.writeUInt32BE(crc32(payload), 16);
  frame.writeUInt32BE(crc32(frame.subarray(0, 20)), 20);
  countsText.copy(frame, frameHeaderBytes);
  payload.copy(frame, frameHeaderBytes + countsText.length);
  return frame;
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

export function isWhole(payload: Buffer, { payloadBytes, payloadCrc }: FrameHeader): boolean {
  return payload.length === payloadBytes && crc32(payload) === payloadCrc;
}
