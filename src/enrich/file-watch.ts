// Notices that files have changed, by asking for their size and time every now and then: that also finds files that were replaced
// under the same name, files on network drives, and files that were not there before, which a kernel's notice does not always.

import { stat } from 'node:fs/promises';

export interface FileWatchOptions {
  /** Asked each time: a file may come to name others. */
  readonly paths: () => readonly string[];
  /** What `readStamp` gave before the files were read. */
  readonly stamp: string;
  readonly everyMs: number;
  /**
   * Called when a change has settled: the files were the same twice in a row, nobody writes them any more. Where they never are, now and
   * then. Must not reject.
   */
  readonly onChange: () => Promise<void>;
}

export interface FileWatch {
  stop(): void;
}

/** Differs when one of the files does. A file that can't be looked at has a stamp, too. */
export async function readStamp(paths: readonly string[]): Promise<string> {
  const stamps = paths.map(async (path) => {
    try {
      // The time of the last change of any kind, too: a file may have become readable, and is the same otherwise.
      const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
      return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return [...paths, ...(await Promise.all(stamps))].join('\n');
}

/** What somebody replaces all the time is read once in so many looks. */
const maxLooks = 12;

/** Does not keep the process alive. */
export function createFileWatch({ paths, stamp, everyMs, onChange }: FileWatchOptions): FileWatch {
  let known = stamp;
  let unsettled: string | undefined;
  let looks = 0;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function look(): Promise<void> {
    const found = await readStamp(paths());
    looks = found === known ? 0 : looks + 1;
    if (isStopped || found === known) unsettled = undefined;
    else if (found !== unsettled && looks < maxLooks) unsettled = found;
    else {
      unsettled = undefined;
      looks = 0;
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
