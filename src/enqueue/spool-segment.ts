// One file of a spool: frames (spool-frame.ts) one behind the other, written at its end, read from its begin, removed whole.

import { open, rm } from 'node:fs/promises';
import type { ExporterRecords } from './exporter-records.ts';
import {
  type FrameHeader,
  frameHeaderBytes,
  frameLength,
  frameMagic,
  isWhole,
  maxFrameBytes,
  readCounts,
  readFrameHeader,
  readUnproven,
  toFrame,
} from './spool-frame.ts';

/** Read at a time to find the next header behind damage. */
const searchBytes = 256 * 1024;
const magicBytes = Buffer.from([
  frameMagic >>> 24,
  (frameMagic >>> 16) & 0xff,
  (frameMagic >>> 8) & 0xff,
  frameMagic & 0xff,
]);

/** What lies at a place of the file, and how many bytes it takes. */
export type Piece =
  | {
      readonly kind: 'batch';
      readonly length: number;
      /** Undefined: damaged, and the payload is not. */
      readonly counts: ExporterRecords | undefined;
      readonly payload: Buffer;
    }
  /** Its records by exporter where they could still be read. */
  | { readonly kind: 'damaged'; readonly length: number; readonly counts: ExporterRecords | undefined };

/** A batch that is there or should be, without its payload. */
export interface Outline {
  readonly length: number;
  readonly counts: ExporterRecords | undefined;
}

export interface SpoolSegment {
  readonly path: () => string;
  /** Its file was renamed. */
  moveTo(path: string): void;
  /** Of the whole file. */
  readonly bytes: () => number;
  /** Adds a batch; what a disk that is full took of it is cut off again before this throws. Returns the bytes it takes. */
  append(payload: Buffer, counts: ExporterRecords): Promise<number>;
  /** Undefined at the end of what is written. */
  read(at: number): Promise<Piece | undefined>;
  /** As `read`, for whoever only counts. */
  outline(at: number): Promise<Outline | undefined>;
  /** Nobody has its file any more, but for this process. */
  isUnlinked(): Promise<boolean>;
  /** Forgets what lies behind. */
  cut(at: number): Promise<void>;
  /** Makes what was written durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
  remove(): Promise<void>;
}

export function createSegment(path: string): Promise<SpoolSegment> {
  // Appends at the end whatever was cut off it, and never to a file that is there.
  return openWith(path, 'ax+');
}

export function openSegment(path: string): Promise<SpoolSegment> {
  return openWith(path, 'r+');
}

async function openWith(firstPath: string, flags: string): Promise<SpoolSegment> {
  let path = firstPath;
  const file = await open(path, flags, 0o600);
  let { size } = await file.stat();
  let isDirty = false;

  async function append(payload: Buffer, counts: ExporterRecords): Promise<number> {
    const frame = toFrame(payload, counts);
    try {
      await file.appendFile(frame);
    } catch (error) {
      await file.truncate(size).catch(() => undefined);
      throw error;
    }
    size += frame.length;
    isDirty = true;
    return frame.length;
  }

  async function read(at: number): Promise<Piece | undefined> {
    if (at >= size) return undefined;
    const header = await headerAt(at);
    if (header === undefined) return readUnprovenAt(at);
    const body = await readAt(at + frameHeaderBytes, header.countsBytes + header.payloadBytes);
    const counts = countsOf(body, header);
    const payload = body.subarray(header.countsBytes);
    const length = Math.min(frameLength(header), size - at);
    if (!isWhole(payload, header)) return { kind: 'damaged', length, counts };
    return { kind: 'batch', length, counts, payload };
  }

  async function readUnprovenAt(at: number): Promise<Piece> {
    const length = (await nextHeader(at + 1)) - at;
    // More than a batch and its counts: damage that nobody has to look at.
    if (length > maxFrameBytes) return { kind: 'damaged', length, counts: undefined };
    const { counts, payload } = readUnproven(await readAt(at, length));
    return payload === undefined ? { kind: 'damaged', length, counts } : { kind: 'batch', length, counts, payload };
  }

  async function outline(at: number): Promise<Outline | undefined> {
    if (at >= size) return undefined;
    const header = await headerAt(at);
    if (header === undefined) return readUnprovenAt(at);
    const counts = countsOf(await readAt(at + frameHeaderBytes, header.countsBytes), header);
    return { length: Math.min(frameLength(header), size - at), counts };
  }

  async function headerAt(at: number): Promise<FrameHeader | undefined> {
    return readFrameHeader(await readAt(at, frameHeaderBytes));
  }

  /** Where the next proven header begins, or the end of the file. */
  async function nextHeader(from: number): Promise<number> {
    for (let at = from; at < size; at += searchBytes) {
      const window = await readAt(at, searchBytes + frameHeaderBytes);
      for (let found = window.indexOf(magicBytes); found !== -1; found = window.indexOf(magicBytes, found + 1))
        if (readFrameHeader(window, found) !== undefined) return at + found;
    }
    return size;
  }

  /** Fewer bytes at the end of the file. */
  async function readAt(at: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - at)));
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, at + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }

  return {
    path: () => path,
    moveTo(to) {
      path = to;
    },
    bytes: () => size,
    append,
    read,
    outline,
    isUnlinked: async () => (await file.stat()).nlink === 0,
    async cut(at) {
      await file.truncate(at);
      size = at;
    },
    async sync() {
      if (!isDirty) return;
      isDirty = false;
      await file.datasync();
    },
    close: () => file.close(),
    async remove() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

function countsOf(body: Buffer, { countsBytes, countsCrc }: FrameHeader): ExporterRecords | undefined {
  return body.length < countsBytes ? undefined : readCounts(body.subarray(0, countsBytes), countsCrc);
}
