// The pcap file, or files, of `weir capture`: only whole packets in each write, so that a reader finds a valid file at any time. When the
// disk refuses, the file ends behind its last whole packet.

import { type FileHandle, lstat, open, rm } from 'node:fs/promises';
import { toPcapHeader } from '../../collect/pcap-writer.ts';
import { WeirError } from '../../model/errors.ts';

export interface CaptureFilesOptions {
  /** capture.pcap; with several files capture-0001.pcap, … */
  readonly path: string;
  readonly isForced: boolean;
  /** A file is full when the next packet would make it larger. */
  readonly maxBytes: number;
  /** So many are kept, the newest; 1: the capture is over when it is full. */
  readonly maxFiles: number;
  /** Tests give a disk that is full. */
  readonly openFile?: typeof open;
}

export interface CaptureFiles {
  /** Throws WeirError when the file can't be made, or is there already. */
  start(): Promise<void>;
  /** `record`: of pcap-writer.ts; kept until `flush`. False: there is no room for it, and never will be. */
  add(record: Buffer): boolean | Promise<boolean>;
  /** Throws WeirError `disk-full`, or whatever else the disk says. */
  flush(): Promise<void>;
  /** Those that are there, with their bytes. */
  written(): readonly { readonly path: string; readonly bytes: number }[];
  stop(): Promise<void>;
}

/** Traffic is nobody's business but its owner's. */
const fileMode = 0o600;
/** Written at once when there is more; a write of less is not cut by a signal in practice. */
const flushBytes = 64 * 1024;

interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  bytes: number;
}

export function createCaptureFiles({
  path,
  isForced,
  maxBytes,
  maxFiles,
  openFile = open,
}: CaptureFilesOptions): CaptureFiles {
  const files: { path: string; bytes: number }[] = [];
  let current: OpenFile | undefined;
  let number = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let last: Promise<void> = Promise.resolve();

  async function start(): Promise<void> {
    await openNext();
  }

  async function openNext(): Promise<void> {
    number += 1;
    const name = maxFiles === 1 ? path : numbered(path, number);
    try {
      // A new file in any case: not the one that a link leads to, nor with the mode that one has.
      if (isForced && (await isReplaceable(name))) await rm(name, { force: true });
      current = { path: name, handle: await openFile(name, 'wx', fileMode), bytes: 0 };
    } catch (cause) {
      throw toOpenError(name, cause as NodeJS.ErrnoException);
    }
    files.push(current);
    await append(toPcapHeader());
    const [oldest] = files;
    if (files.length > maxFiles && oldest !== undefined) {
      files.shift();
      await rm(oldest.path, { force: true });
    }
  }

  function add(record: Buffer): boolean | Promise<boolean> {
    const bytes = (current?.bytes ?? 0) + waitingBytes + record.length;
    if (bytes > maxBytes) return addToNext(record);
    waiting.push(record);
    waitingBytes += record.length;
    return waitingBytes < flushBytes ? true : flush().then(() => true);
  }

  async function addToNext(record: Buffer): Promise<boolean> {
    if (maxFiles === 1 || toPcapHeader().length + record.length > maxBytes) return false;
    await flush();
    await current?.handle.close();
    current = undefined;
    await openNext();
    return add(record);
  }

  function flush(): Promise<void> {
    last = last.then(write);
    return last;
  }

  async function write(): Promise<void> {
    if (waiting.length === 0) return;
    const bytes = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    await append(bytes);
  }

  async function append(bytes: Buffer): Promise<void> {
    if (current === undefined) return;
    try {
      await current.handle.writeFile(bytes);
      current.bytes += bytes.length;
    } catch (cause) {
      await current.handle.truncate(current.bytes).catch(() => undefined);
      const { code = String(cause) } = cause as NodeJS.ErrnoException;
      const isFull = code === 'ENOSPC' || code === 'EDQUOT';
      throw new WeirError(
        isFull ? 'disk-full' : 'folder-unwritable',
        `${current.path} can't be written on: ${isFull ? 'the disk is full' : code}`,
        { hint: 'What was written before is a whole file.', cause },
      );
    }
  }

  return {
    start,
    add,
    flush,
    written: () => files.map(({ path: name, bytes }) => ({ path: name, bytes })),
    async stop() {
      try {
        await flush();
      } finally {
        await current?.handle.close();
        current = undefined;
      }
    },
  };
}

/** Devices and folders stay. */
async function isReplaceable(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && (found.isFile() || found.isSymbolicLink());
}

function numbered(path: string, number: number): string {
  const at = /\.[^./\\]+$/.exec(path)?.index ?? path.length;
  return `${path.slice(0, at)}-${String(number).padStart(4, '0')}${path.slice(at)}`;
}

function toOpenError(path: string, cause: NodeJS.ErrnoException): WeirError {
  if (cause.code === 'EEXIST')
    return new WeirError('usage', `${path} is there already`, { hint: 'Name another file, or --force.', cause });
  return new WeirError('folder-unwritable', `${path} can't be made: ${cause.code}`, { cause });
}
