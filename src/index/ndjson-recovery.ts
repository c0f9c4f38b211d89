// Files that a crash left with their temporary name: cut to the last whole line and given their final name. A file that another
// living process writes is left alone: its owner touches it often, so one that nobody touched for a while has none.

import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.ts';
import { giveFinalName, isErrno, type NdjsonFileSystem, syncFolder, toFailureText } from './ndjson-file-system.ts';
import { partsIn, readNdjsonName } from './ndjson-names.ts';

export const touchEveryMs = 10_000;
/** Six missed touches: no pause of a living process is that long, but that of a suspended one (it notices, see ndjson-file.ts). */
const abandonedAfterMs = 60_000;
const chunkBytes = 65_536;
const newline = 0x0a;

export interface PartRecoveryOptions {
  readonly directory: string;
  readonly fileSystem: NdjsonFileSystem;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface PartRecovery {
  /** At start, before this process writes: files without an owner are recovered, others are noted. */
  recover(names: readonly string[]): Promise<void>;
  /** Later: looks at the noted ones again. Those of a process that crashed just before our start are recovered here. */
  recoverLate(): Promise<void>;
}

export function createPartRecovery({ directory, fileSystem, logger, now }: PartRecoveryOptions): PartRecovery {
  let noted: readonly string[] = [];

  async function recoverAll(names: readonly string[]): Promise<readonly string[]> {
    const left: string[] = [];
    for (const name of names) {
      try {
        if (!(await recoverPart(name))) left.push(name);
      } catch (error) {
        // ENOENT: its owner has finished it, or another process was quicker.
        if (isErrno(error, 'ENOENT')) continue;
        left.push(name);
        logger.warn({ file: name, reason: toFailureText(error) }, 'an unfinished file could not be recovered yet');
      }
    }
    return left;
  }

  /** False: it has an owner. */
  async function recoverPart(name: string): Promise<boolean> {
    const part = join(directory, name);
    const numbered = readNdjsonName(name);
    if (numbered === undefined) return true;
    const { mtimeMs, size } = await fileSystem.stat(part);
    if (now() - mtimeMs < abandonedAfterMs) return false;
    const kept = await cutToLines(part, size);
    if (kept === 0) await fileSystem.unlink(part);
    else await giveFinalName(fileSystem, directory, part, numbered);
    await syncFolder(fileSystem, directory);
    logger.info({ file: part, bytes: kept, cut: size - kept }, 'recovered an unfinished file');
    return true;
  }

  /** Returns the length that is left. */
  async function cutToLines(part: string, size: number): Promise<number> {
    const handle = await fileSystem.open(part, 'r+');
    try {
      const chunk = Buffer.alloc(chunkBytes);
      for (let end = size; end > 0; ) {
        const begin = Math.max(0, end - chunkBytes);
        const { bytesRead } = await handle.read(chunk, 0, end - begin, begin);
        const last = chunk.subarray(0, bytesRead).lastIndexOf(newline);
        if (last >= 0) {
          const kept = begin + last + 1;
          if (kept < size) {
            await handle.truncate(kept);
            await handle.datasync();
          }
          return kept;
        }
        end = begin;
      }
      return 0;
    } finally {
      await handle.close();
    }
  }

  return {
    async recover(names) {
      noted = await recoverAll(partsIn(names));
    },
    async recoverLate() {
      noted = await recoverAll(noted);
    },
  };
}
