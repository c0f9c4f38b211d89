// A file as bytes to be taken in order, in constant memory: what a capture file's reader walks over.

import { open } from 'node:fs/promises';
import { WeirError } from '../model/errors.ts';

/** Large enough that reading costs little per packet, small enough to be nothing in memory. */
const chunkBytes = 256 * 1024;

export interface ByteSource {
  /** Place of the next byte in the file. */
  readonly position: number;
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

/** Throws WeirError `file-missing` when the file cannot be opened, `file-invalid` when it is a folder. */
export async function openByteSource(path: string): Promise<ByteSource> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT'
      ? new WeirError('file-missing', `${path} does not exist`, { hint: 'Check the name of the file.', cause })
      : new WeirError('file-missing', `${path} cannot be opened: ${cause.message}`, { cause });
  });
  if ((await file.stat()).isDirectory()) {
    await file.close();
    throw new WeirError('file-invalid', `${path} is a folder`, { hint: 'Name a file in it.' });
  }
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
      return (await file.read(buffer, offset, buffer.length - offset, null)).bytesRead;
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
    take,
    peek,
    skip,
    close: () => file.close(),
  };
}
