// A file or a stream as bytes to be taken in order, in constant memory: what a capture file's reader walks over.

import { type FileHandle, open } from 'node:fs/promises';
import { constants, createGunzip } from 'node:zlib';
import { WeirError } from '../model/errors.ts';

/** Large enough that reading costs little per packet, small enough to be nothing in memory. */
const chunkBytes = 256 * 1024;

export interface ByteSource {
  /** Place of the next byte in the file. */
  readonly position: number;
  /** Bytes in the file; undefined: not known (a stream). */
  readonly size: number | undefined;
  /** The next `count` bytes (at most `maxTakeBytes`), or undefined when the file ends before. They stay valid. */
  take(count: number): Promise<Buffer | undefined>;
  /** The same without going on. */
  peek(count: number): Promise<Buffer | undefined>;
  /** Goes past `count` bytes without keeping them; false when the file ends before. */
  skip(count: number): Promise<boolean>;
  close(): Promise<void>;
}

/** A captured frame is at most 256 KiB (libpcap's largest snapshot length); callers skip what is longer. */
export const maxTakeBytes = 1024 * 1024;

/** Where bytes come from: 0 at the end. */
interface ByteReader {
  readonly size: number | undefined;
  read(buffer: Buffer, offset: number): Promise<number>;
  close(): Promise<void>;
}

/** Of a gzip file: what is packed in it. Throws WeirError `file-missing` when it cannot be opened, `file-invalid` when it is a folder. */
export async function openByteSource(path: string): Promise<ByteSource> {
  return toByteSource(path, await openFile(path));
}

/** `name` stands for it in messages. */
export function openByteStream(name: string, stream: AsyncIterable<Uint8Array>): ByteSource {
  return toByteSource(name, toReader(stream));
}

function toReader(stream: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    size: undefined,
    async read(buffer, offset) {
      while (rest.length === 0) {
        const next = await chunks.next();
        if (next.done === true) return 0;
        rest = next.value;
      }
      const count = Math.min(rest.length, buffer.length - offset);
      buffer.set(rest.subarray(0, count), offset);
      rest = rest.subarray(count);
      return count;
    },
    async close() {
      await chunks.return?.();
    },
  };
}

async function openFile(path: string): Promise<ByteReader> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT'
      ? new WeirError('file-missing', `${path} does not exist`, { hint: 'Check the name of the file.', cause })
      : new WeirError('file-missing', `${path} cannot be opened: ${cause.message}`, { cause });
  });
  const stat = await file.stat();
  if (stat.isDirectory()) {
    await file.close();
    throw new WeirError('file-invalid', `${path} is a folder`, { hint: 'Name a file in it.' });
  }
  if (stat.isFile() && (await isGzip(file))) return unpack(file);
  return {
    size: stat.isFile() ? stat.size : undefined,
    read: async (buffer, offset) => (await file.read(buffer, offset, buffer.length - offset, null)).bytesRead,
    close: () => file.close(),
  };
}

/** RFC 1952 §2.3.1. */
async function isGzip(file: FileHandle): Promise<boolean> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b;
}

function unpack(file: FileHandle): ByteReader {
  const packed = file.createReadStream({ start: 0, autoClose: false });
  // A file that is cut gives what it has, as one that is not packed does.
  const unpacked = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
  packed.on('error', (error) => unpacked.destroy(error)).pipe(unpacked);
  const reader = toReader(unpacked);
  return {
    ...reader,
    async close() {
      unpacked.destroy();
      packed.destroy();
      await file.close();
    },
  };
}

function toByteSource(path: string, reader: ByteReader): ByteSource {
  /** Never written to again once filled, so that what was taken stays valid. */
  let chunk: Buffer = Buffer.alloc(0);
  let next = 0;
  let chunkPosition = 0;

  /** Makes `count` bytes available from `next` on, if the file has them. */
  async function fill(count: number): Promise<boolean> {
    if (chunk.length - next >= count) return true;
    const kept = chunk.length - next;
    const fresh = Buffer.allocUnsafeSlow(Math.max(chunkBytes, Math.min(count, maxTakeBytes)));
    chunk.copy(fresh, 0, next);
    let filled = kept;
    while (filled < count) {
      const read = await readInto(fresh, filled);
      if (read === 0) break;
      filled += read;
    }
    chunkPosition += next;
    next = 0;
    chunk = fresh.subarray(0, filled);
    return filled >= count;
  }

  async function readInto(buffer: Buffer, offset: number): Promise<number> {
    try {
      return await reader.read(buffer, offset);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new WeirError('file-invalid', `${path} cannot be read at byte ${chunkPosition}: ${reason}`, { cause });
    }
  }

  async function peek(count: number): Promise<Buffer | undefined> {
    return (await fill(count)) ? chunk.subarray(next, next + count) : undefined;
  }

  async function take(count: number): Promise<Buffer | undefined> {
    const bytes = await peek(count);
    next += bytes?.length ?? 0;
    return bytes;
  }

  async function skip(count: number): Promise<boolean> {
    for (let left = count; left > 0; ) {
      const step = Math.min(left, chunkBytes);
      if (!(await fill(step))) {
        next = chunk.length;
        return false;
      }
      next += step;
      left -= step;
    }
    return true;
  }

  return {
    get position() {
      return chunkPosition + next;
    },
    size: reader.size,
    take,
    peek,
    skip,
    close: () => reader.close(),
  };
}
