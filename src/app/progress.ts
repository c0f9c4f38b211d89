// How far a large file is read, on one line of a terminal that is written over and in the end taken away.

export interface Progress {
  show(name: string, position: number, size: number | undefined): void;
  /** Before anything else is written to the terminal, and at the end. */
  clear(): void;
}

export interface ProgressOptions {
  readonly write: (text: string) => void;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

/** What is read in a second or two needs no progress. */
const largeBytes = 10 * 1024 * 1024;
const everyMs = 250;
/** The clock is looked at so seldom that it costs nothing. */
const everyBytes = 64 * 1024;

export function createProgress({ write, now }: ProgressOptions): Progress {
  let isShown = false;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let nextPosition = 0;
  let current = '';

  return {
    show(name, position, size) {
      if (name !== current) {
        current = name;
        nextPosition = 0;
      }
      if (position < nextPosition) return;
      nextPosition = position + everyBytes;
      if ((size ?? position) <= largeBytes || now() - shownAtMs < everyMs) return;
      shownAtMs = now();
      isShown = true;
      const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
      const part = size === undefined ? '' : ` of ${megabytes(size)} (${Math.floor((100 * position) / size)} %)`;
      write(`\r\x1b[K${toPlainText(name)}: ${megabytes(position)}${part}`);
    },
    clear() {
      if (isShown) write('\r\x1b[K');
      isShown = false;
    },
  };
}

/** File names may hold anything, and a terminal obeys control characters. */
export function toPlainText(name: string): string {
  return name.replace(/\p{C}/gu, '?');
}
