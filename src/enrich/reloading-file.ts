// Data files that are read again when they change (databases, lists, tables). The new one is opened and tried first and takes the
// place of the old one when it is good; when it is not, that is logged and the old one stays.

import { stat } from 'node:fs/promises';
import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createFileWatch, readStamp } from './file-watch.ts';

export interface ReloadingFileOptions<T> {
  /** For the log: "geoip". */
  readonly name: string;
  /** One, or several that make one thing: they are opened together. */
  readonly paths: readonly string[];
  /** Opens and tries them; throws WeirError when they are not good. */
  readonly open: () => Promise<T>;
  readonly logger: Logger;
  /** A file that has changed is in use after twice as long at most. */
  readonly everyMs?: number;
}

/** Data that is taken over while weir runs, as metrics show it. */
export interface WatchedData {
  /** 0 at first; grows each time it becomes another. */
  readonly version: number;
  /** What it was made of. */
  readonly files: readonly DataFile[];
  /** Changes that were no good: the data before stayed in use. */
  readonly refusals: number;
  /** Was the newest change refused? */
  readonly isRefused: boolean;
}

export interface ReloadingFile<T> extends WatchedData {
  readonly current: T;
  /** `current` stays what it is from now on. */
  stop(): void;
}

export interface DataFile {
  readonly path: string;
  readonly bytes: number;
  /** Time of its last change, ms since 1970. */
  readonly modifiedAtMs: number;
}

const defaultEveryMs = 5000;

/** Throws what `open` throws. */
export async function openReloadingFile<T>({
  name,
  paths,
  open,
  logger,
  everyMs = defaultEveryMs,
}: ReloadingFileOptions<T>): Promise<ReloadingFile<T>> {
  const stamp = await readStamp(paths);
  const file = {
    current: await open(),
    files: await describeFiles(paths),
    version: 0,
    refusals: 0,
    isRefused: false,
  };

  let isStopped = false;

  async function reload(): Promise<void> {
    try {
      const opened = await open();
      if (isStopped) return;
      file.current = opened;
      file.files = await describeFiles(paths);
      file.version += 1;
      file.isRefused = false;
      logger.info({ step: name, files: paths }, 'a data file has changed: the new one is in use');
    } catch (error) {
      if (isStopped) return;
      file.refusals += 1;
      file.isRefused = true;
      const reason = error instanceof Error ? error.message : String(error);
      const hint = error instanceof WeirError ? error.hint : undefined;
      logger.error(
        { step: name, files: paths, reason, ...(hint !== undefined && { hint }) },
        'a data file has changed and is refused: the old one stays in use',
      );
    }
  }

  const watch = createFileWatch({ paths: () => paths, stamp, everyMs, onChange: reload });
  function stop(): void {
    isStopped = true;
    watch.stop();
  }

  return Object.assign(file, { stop });
}

/** For what came with weir, and changes with it only. */
export function fixedFile<T>(current: T, close: () => void = () => undefined): ReloadingFile<T> {
  return { current, version: 0, files: [], refusals: 0, isRefused: false, stop: close };
}

export async function describeFiles(paths: readonly string[]): Promise<readonly DataFile[]> {
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return paths.flatMap((path, index) => {
    const file = found[index];
    return file === undefined ? [] : [{ path, bytes: file.size, modifiedAtMs: file.mtimeMs }];
  });
}
