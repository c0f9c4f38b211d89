// Documents into NDJSON files: one file at a time, per UTC day of writing and size. A batch is one write and one fsync; `write` resolves
// when the batch is on the disk. A full disk is waited for; what a failed attempt left behind is cut off before the next one.

import { randomUUID } from 'node:crypto';
import * as nodeFileSystem from 'node:fs/promises';
import { join } from 'node:path';
import type { DocumentBatch } from '../model/document.ts';
import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { type BackOffOptions, createBackOff, throwIfStopped } from './back-off.ts';
import { createGate } from './gate.ts';
import { isErrno, makeFolder, type NdjsonFileSystem, toFailureText } from './ndjson-file-system.ts';
import { createPartFile } from './ndjson-part-file.ts';
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
  const part = createPartFile({ directory, maxFileBytes, fileSystem, logger, now });
  const recovery = createPartRecovery({ directory, fileSystem, logger, now });
  const written = new Set<string>();
  const never = new AbortController().signal;
  let timer: NodeJS.Timeout | undefined;
  let isTidying = false;

  async function start(): Promise<void> {
    await recovery.recover(await prepareFolder());
    timer = setInterval(() => {
      void part.touch();
      void tidy();
    }, touchEveryMs);
    timer.unref();
  }

  /** Returns the names of the files in it. */
  async function prepareFolder(): Promise<readonly string[]> {
    const probe = join(directory, `.weir-${randomUUID()}`);
    try {
      await makeFolder(fileSystem, directory);
      const names = await fileSystem.readdir(directory);
      await (await fileSystem.open(probe, 'w')).close();
      await fileSystem.unlink(probe);
      return names;
    } catch (error) {
      // A full disk is no mistake of the pipeline file: `write` waits for it.
      if (isErrno(error, 'ENOSPC', 'EDQUOT')) return [];
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
          await part.append(bytes);
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

  /** Finishes the file when its day is over though no flow comes, and what an earlier process left. */
  async function tidy(): Promise<void> {
    if (isTidying) return;
    isTidying = true;
    try {
      if (part.isDayOver()) await gate.pass(never, () => part.finishDay());
      await recovery.recoverLate();
    } catch (error) {
      // What matters will fail again in `write`, which waits and says so.
      logger.debug({ directory, reason: toFailureText(error) }, 'files could not be tidied');
    } finally {
      isTidying = false;
    }
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    await gate.pass(never, () => part.close());
  }

  function trouble(): string | undefined {
    const longest = waits.longest();
    return longest && `${directory} takes no documents for ${toDurationText(longest.forMs)}: ${longest.reason}`;
  }

  return { start, write, ready: async () => undefined, stop, trouble };
}
