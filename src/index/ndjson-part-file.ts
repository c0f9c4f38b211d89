// The one file that is being written: opened under a temporary name, appended to batch by batch, given its final name when its day
// or size is over. A batch is whole on the disk or not there: what a failed attempt left is cut off before anything else is done.

import type * as nodeFileSystem from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.ts';
import {
  exists,
  giveFinalName,
  isErrno,
  makeFolder,
  type NdjsonFileSystem,
  syncFolder,
  toFailureText,
  writeAll,
} from './ndjson-file-system.ts';
import { nextNumber, partEnding, toDay, toNdjsonName } from './ndjson-names.ts';

export interface PartFileOptions {
  readonly directory: string;
  readonly maxFileBytes: number;
  readonly fileSystem: NdjsonFileSystem;
  readonly logger: Logger;
  readonly now: () => number;
}

/** One call at a time, `touch` and `isDayOver` apart. What throws can be called again. */
export interface PartFile {
  /** Resolves when the bytes are on the disk, in the file of today. */
  append(bytes: Buffer): Promise<void>;
  isDayOver(): boolean;
  finishDay(): Promise<void>;
  /** Tells other processes that the file has an owner. */
  touch(): Promise<void>;
  /** Finishes the file. Where that fails it keeps its temporary name, for the next start. */
  close(): Promise<void>;
}

interface OpenFile {
  readonly handle: nodeFileSystem.FileHandle;
  readonly day: string;
  readonly number: number;
  /** The name that ends with `.part`; undefined once the file has its final name. */
  part: string | undefined;
  /** Bytes of whole batches on the disk; behind them may be what a failed attempt left. */
  length: number;
  isTorn: boolean;
  isNamedOnDisk: boolean;
}

export function createPartFile({ directory, maxFileBytes, fileSystem, logger, now }: PartFileOptions): PartFile {
  let file: OpenFile | undefined;

  async function append(bytes: Buffer): Promise<void> {
    if (file !== undefined && (isDayOver() || (file.length > 0 && file.length + bytes.length > maxFileBytes)))
      await finish(file);
    if (file !== undefined && !(await isInPlace(file))) await abandon(file);
    const open = file ?? (await openNext());
    if (!open.isNamedOnDisk) {
      await syncFolder(fileSystem, directory);
      open.isNamedOnDisk = true;
    }
    await repair(open);
    open.isTorn = true;
    try {
      await writeAll(open.handle, bytes, open.length);
      await open.handle.datasync();
    } catch (error) {
      await repair(open).catch(() => undefined);
      throw error;
    }
    open.isTorn = false;
    open.length += bytes.length;
  }

  async function openNext(): Promise<OpenFile> {
    await makeFolder(fileSystem, directory);
    const day = toDay(now());
    let number = nextNumber(await fileSystem.readdir(directory), day);
    for (; ; number += 1) {
      const name = join(directory, toNdjsonName({ day, number }));
      const part = name + partEnding;
      try {
        // Exclusive: whoever makes the .part owns the number.
        const handle = await fileSystem.open(part, 'wx', 0o644);
        file = { handle, day, number, part, length: 0, isTorn: false, isNamedOnDisk: false };
      } catch (error) {
        if (isErrno(error, 'EEXIST')) continue;
        throw error;
      }
      // Another process may have finished a file of this number since the folder was read.
      if (!(await exists(fileSystem, name))) return file;
      await finish(file);
    }
  }

  /** Gives the file its final name. What fails can be done again. */
  async function finish(open: OpenFile): Promise<void> {
    await repair(open);
    if (open.part !== undefined) {
      try {
        if (open.length === 0) await fileSystem.unlink(open.part);
        else await giveFinalName(fileSystem, directory, open.part, open);
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
        await abandon(open);
        return;
      }
      open.part = undefined;
    }
    await syncFolder(fileSystem, directory);
    await forget(open);
  }

  /** Somebody has removed or renamed the file while it was written: the next batch goes to a new one. */
  async function abandon(open: OpenFile): Promise<void> {
    logger.warn({ file: open.part }, 'the file being written was moved or removed; going on with a new one');
    await forget(open);
  }

  async function forget(open: OpenFile): Promise<void> {
    file = undefined;
    await open.handle.close().catch(() => undefined);
  }

  async function repair(open: OpenFile): Promise<void> {
    if (!open.isTorn) return;
    await open.handle.truncate(open.length);
    open.isTorn = false;
  }

  async function isInPlace({ part }: OpenFile): Promise<boolean> {
    return part !== undefined && (await exists(fileSystem, part));
  }

  function isDayOver(): boolean {
    return file !== undefined && toDay(now()) !== file.day;
  }

  async function finishDay(): Promise<void> {
    if (file !== undefined && isDayOver()) await finish(file);
  }

  async function touch(): Promise<void> {
    const time = now() / 1000;
    await file?.handle.utimes(time, time).catch(() => undefined);
  }

  async function close(): Promise<void> {
    if (file === undefined) return;
    const open = file;
    try {
      await finish(open);
    } catch (error) {
      logger.warn({ file: open.part, reason: toFailureText(error) }, 'the file keeps its temporary name');
      await forget(open);
    }
  }

  return { append, isDayOver, finishDay, touch, close };
}
