// Notices that files have changed, by asking for their size and time every now and then: that also finds files that were replaced
// under the same name, files on network drives, and files that were not there before, which a kernel's notice does not always.

import { stat } from 'node:fs/promises';

export interface FileWatchOptions {
  /** Asked each time: a file may come to name others. */
  readonly paths: () => readonly string[];
  /** What `readStamp` gave before the files were read. */
  readonly stamp: string;
  readonly everyMs: number;
  /** Called when a change has settled: the files were the same twice in a row, nobody writes them any more. Must not reject. */
  readonly onChange: () => Promise<void>;
}

export interface FileWatch {
  stop(): void;
}

/** Differs when one of the files does. A file that can't be looked at has a stamp, too. */
export async function readStamp(paths: readonly string[]): Promise<string> {
  const stamps = paths.map(async (path) => {
    try {
      const { dev, ino, size, mtimeMs } = await stat(path);
      return `${dev} ${ino} ${size} ${mtimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return [...paths, ...(await Promise.all(stamps))].join('\n');
}

/** Does not keep the process alive. */
export function createFileWatch({ paths, stamp, everyMs, onChange }: FileWatchOptions): FileWatch {
  let known = stamp;
  let unsettled: string | undefined;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const found = await readStamp(paths());
    if (isStopped || found === known) unsettled = undefined;
    else if (found !== unsettled) unsettled = found;
    else {
      unsettled = undefined;
      known = found;
      await onChange();
    }
    again();
  }

  function again(): void {
    if (isStopped) return;
    timer = setTimeout(() => void look(), everyMs);
    timer.unref();
  }

  again();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
