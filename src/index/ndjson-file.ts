// Documents into NDJSON files: one file at a time, per UTC day of writing and size. A batch is one write and one fsync; `write` resolves
// when the batch is on the disk. A full disk is waited for; what a failed attempt left behind is cut off before the next one.

import * as nodeFileSystem from 'node:fs/promises';
import { join } from 'node:path';
import type { DocumentBatch } from '../model/document.ts';
import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { type BackOffOptions, createBackOff, throwIfStopped } from './back-off.ts';
import { createGate } from './gate.ts';
import { isErrno, type NdjsonFileSystem, syncFolder, toFailureText, writeAll } from './ndjson-file-system.ts';
import { nextNumber, partEnding, toDay, toNdjsonName } from './ndjson-names.ts';
import { createPartRecovery, touchEveryMs } from './ndjson-recovery.ts';
import type { Sink, WriteResult } from './sink.ts';
import { createWaits, toDurationText, type Wait } from './trouble.ts';

export interface NdjsonFileOptions {
  readonly directory: string;
  /** A file is finished before the batch that would make it larger. 1 GB is a size that tools and people still handle. */
  readonly maxFileBytes?: number;
  readonly backOff?: BackOffOptions;
  readonly logger: Logger;
  readonly now: () => number;
  /** For tests: a disk with faults. */
  readonly fileSystem?: NdjsonFileSystem;
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

/** Batches that were just written, in case one comes again: a queue gives back a few, never thousands. */
const maxRememberedBatches = 1000;

export function createNdjsonFile({
  directory,
  maxFileBytes = 1_000_000_000,
  backOff = { maxMs: 5000 },
  logger,
  now,
  fileSystem = nodeFileSystem,
}: NdjsonFileOptions): Sink {
  const gate = createGate(1);
  const waits = createWaits(now);
  const pass = createRateLimit({ times: 1 });
  const recovery = createPartRecovery({ directory, fileSystem, logger, now });
  const written = new Set<string>();
  const never = new AbortController().signal;
  let file: OpenFile | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isTicking = false;

  async function start(): Promise<void> {
    await checkFolder();
    await recovery.recover();
    timer = setInterval(() => void tick(), touchEveryMs);
    timer.unref();
  }

  async function checkFolder(): Promise<void> {
    const probe = join(directory, `.weir-${process.pid}-${now()}`);
    try {
      await fileSystem.mkdir(directory, { recursive: true });
      await (await fileSystem.open(probe, 'w')).close();
      await fileSystem.unlink(probe);
    } catch (error) {
      if (isErrno(error, 'ENOSPC', 'EDQUOT')) return;
      throw new WeirError(
        'folder-unwritable',
        `the folder for flows ${directory} can't be written to: ${toFailureText(error)}`,
        {
          hint: "Let weir's user write there, or name another folder in the pipeline file (index: files: directory).",
        },
      );
    }
  }

  async function write(documents: DocumentBatch, signal: AbortSignal): Promise<WriteResult> {
    throwIfStopped(signal);
    if (documents.count === 0) return { alreadyThere: [], refused: [] };
    return gate.pass(signal, async () => {
      if (written.has(documents.batchId))
        return { alreadyThere: Array.from({ length: documents.count }, (_, index) => index), refused: [] };
      await appendInTime(documents.bytes.subarray(0, documents.ends[documents.count - 1]), signal);
      remember(documents.batchId);
      return { alreadyThere: [], refused: [] };
    });
  }

  function remember(batchId: string): void {
    written.add(batchId);
    if (written.size <= maxRememberedBatches) return;
    const [oldest] = written;
    if (oldest !== undefined) written.delete(oldest);
  }

  async function appendInTime(bytes: Buffer, signal: AbortSignal): Promise<void> {
    const { wait: waitATurn } = createBackOff(backOff);
    let wait: Wait | undefined;
    try {
      for (;;) {
        try {
          await append(bytes);
          return;
        } catch (error) {
          const reason = toFailureText(error);
          wait = waits.hold(wait, reason);
          if (pass('waits', now()) !== undefined) logger.error({ directory, reason }, 'documents wait for the disk');
        }
        await waitATurn(signal);
      }
    } finally {
      if (wait !== undefined) {
        const waited = toDurationText(waits.release(wait));
        if (!signal.aborted) logger.info({ directory, waited }, 'documents go on');
      }
    }
  }

  async function append(bytes: Buffer): Promise<void> {
    if (file !== undefined && (isDayOver(file) || (file.length > 0 && file.length + bytes.length > maxFileBytes)))
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
    await fileSystem.mkdir(directory, { recursive: true });
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
      if (!(await exists(name))) return file;
      await finish(file);
    }
  }

  /** Gives the file its final name. What fails can be done again. */
  async function finish(open: OpenFile): Promise<void> {
    await repair(open);
    if (open.part !== undefined) {
      try {
        if (open.length === 0) await fileSystem.unlink(open.part);
        else await fileSystem.rename(open.part, open.part.slice(0, -partEnding.length));
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
        await abandon(open);
        return;
      }
      open.part = undefined;
    }
    await syncFolder(fileSystem, directory);
    await close(open);
  }

  /** Somebody has removed or renamed the file while it was written: the next batch goes to a new one. */
  async function abandon(open: OpenFile): Promise<void> {
    logger.warn({ file: open.part }, 'the file being written was moved or removed; going on with a new one');
    await close(open);
  }

  async function close(open: OpenFile): Promise<void> {
    file = undefined;
    await open.handle.close().catch(() => undefined);
  }

  async function repair(open: OpenFile): Promise<void> {
    if (!open.isTorn) return;
    await open.handle.truncate(open.length);
    open.isTorn = false;
  }

  async function isInPlace({ part }: OpenFile): Promise<boolean> {
    return part !== undefined && (await exists(part));
  }

  async function exists(path: string): Promise<boolean> {
    try {
      await fileSystem.stat(path);
      return true;
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false;
      throw error;
    }
  }

  function isDayOver({ day }: OpenFile): boolean {
    return toDay(now()) !== day;
  }

  /** Tells other processes that the file has an owner, and finishes it when its day is over though no flow comes. */
  async function tick(): Promise<void> {
    if (isTicking) return;
    isTicking = true;
    try {
      const time = now() / 1000;
      await file?.handle.utimes(time, time);
      if (file !== undefined && isDayOver(file))
        await gate.pass(never, async () => {
          if (file !== undefined && isDayOver(file)) await finish(file);
        });
      await recovery.recoverLate();
    } catch (error) {
      // What matters will fail again in `write`, which waits and says so.
      logger.debug({ directory, reason: toFailureText(error) }, 'the file could not be looked after');
    } finally {
      isTicking = false;
    }
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    await gate.pass(never, async () => {
      if (file === undefined) return;
      const open = file;
      try {
        await finish(open);
      } catch (error) {
        logger.warn({ file: open.part, reason: toFailureText(error) }, 'the file keeps its temporary name');
        await close(open);
      }
    });
  }

  function trouble(): string | undefined {
    const longest = waits.longest();
    return longest && `${directory} takes no documents for ${toDurationText(longest.forMs)}: ${longest.reason}`;
  }

  return { start, write, stop, trouble };
}
