// What was read from a file and is let go while nobody asks for it: the databases that come with weir take 18 MB, a quarter of what
// weir needs while no flow comes. The file stays open, so that what is read again is the same even when an upgrade puts another there.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface RestingFile<T> {
  /** Throws when the file can't be read again, and after `close`. */
  content(): T;
  close(): void;
}

export interface RestingFileOptions<T> {
  readonly path: string;
  /** False: the content is kept. */
  readonly rests: boolean;
  /** What `read` has made, or would make, of the file. */
  readonly content: T;
  readonly read: (bytes: Buffer) => T;
  /** So long nobody must have asked; up to twice as long it takes. */
  readonly restAfterMs?: number;
}

/** Reading again takes some 10 ms: too much for each of many flows, nothing for the first one after a silence. */
const defaultRestAfterMs = 15_000;

export function keepOrRest<T>({
  path,
  rests,
  content,
  read,
  restAfterMs = defaultRestAfterMs,
}: RestingFileOptions<T>): RestingFile<T> {
  // No closure below may have `content` itself: it would never be let go.
  let kept: T | undefined = content;
  if (!rests) return { content: () => kept as T, close: () => undefined };
  const file = openSync(path, 'r');
  let isAsked = true;
  let isClosed = false;
  let timer = setInterval(restUnlessAsked, restAfterMs).unref();

  function restUnlessAsked(): void {
    if (!isAsked) {
      kept = undefined;
      clearInterval(timer);
    }
    isAsked = false;
  }

  function readAgain(): T {
    if (isClosed) throw new Error('the file is closed');
    kept = read(readWhole(file));
    timer = setInterval(restUnlessAsked, restAfterMs).unref();
    return kept;
  }

  return {
    content() {
      isAsked = true;
      return kept ?? readAgain();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      kept = undefined;
      clearInterval(timer);
      closeSync(file);
    },
  };
}

function readWhole(file: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(fstatSync(file).size);
  let at = 0;
  while (at < bytes.length) {
    const count = readSync(file, bytes, at, bytes.length - at, at);
    if (count === 0) throw new Error('the file has become shorter');
    at += count;
  }
  return bytes;
}
