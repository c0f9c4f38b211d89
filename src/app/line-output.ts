// A stream (stdout) as a place for lines: waits while it is full, and knows when its reader has gone away.

import { once } from 'node:events';
import type { Writable } from 'node:stream';

export interface LineOutput {
  /** Resolves when there is room for more; false: nobody reads any longer (`weir decode FILE | head`), so stop. */
  write(lines: string): boolean | Promise<boolean>;
  /** The same of bytes. */
  writeBytes(bytes: Uint8Array): boolean | Promise<boolean>;
}

/** Takes over the stream's errors: EPIPE ends quietly, any other comes back from the next `write`. */
export function createLineOutput(stream: Writable): LineOutput {
  let failure: NodeJS.ErrnoException | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= error;
  });

  function isOpen(): boolean {
    if (failure === undefined) return !stream.destroyed;
    if (failure.code === 'EPIPE') return false;
    throw failure;
  }

  async function waitForRoom(): Promise<boolean> {
    const stop = new AbortController();
    const { signal } = stop;
    try {
      // `once` rejects on 'error', which `isOpen` then judges.
      await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(() => {});
    } finally {
      stop.abort();
    }
    return isOpen();
  }

  function write(data: string | Uint8Array): boolean | Promise<boolean> {
    if (!isOpen()) return false;
    return stream.write(data) ? true : waitForRoom();
  }

  return { write, writeBytes: write };
}
