// How far a replay has got: on a terminal one line that is written over, elsewhere a line now and then.

import { toThousands } from '../count-text.ts';
import { toPlainText } from '../progress.ts';
import type { ReplayPosition } from './replay-files.ts';

export interface ReplayCounts {
  readonly datagrams: number;
  readonly flows: number;
}

export interface ReplayProgressOptions {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly loops: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  /** Asked when a line is due. */
  readonly read: () => { readonly counts: ReplayCounts; readonly position: ReplayPosition; readonly note?: string };
}

export interface ReplayProgress {
  start(): void;
  /** Before anything else is written to the terminal. */
  clear(): void;
  stop(): void;
}

const terminalEveryMs = 250;
const linesEveryMs = 10_000;
const barChars = 24;

export function createReplayProgress({ write, isTerminal, loops, now, read }: ReplayProgressOptions): ReplayProgress {
  let timer: NodeJS.Timeout | undefined;
  let isShown = false;
  let before = { atMs: 0, flows: 0 };

  function show(): void {
    const { counts, position, note } = read();
    const atMs = now();
    const perSecond = Math.round((1000 * (counts.flows - before.flows)) / Math.max(1, atMs - before.atMs));
    before = { atMs, flows: counts.flows };
    const parts = [
      `${toPlainText(position.file)}${toPart(position)}`,
      ...(loops > 1 ? [`loop ${position.loop}${Number.isFinite(loops) ? ` of ${loops}` : ''}`] : []),
      `${toThousands(counts.datagrams)} datagrams`,
      `${toThousands(counts.flows)} flows`,
      `${toThousands(perSecond)} flows/s`,
      ...(note === undefined ? [] : [toPlainText(note)]),
    ];
    write(isTerminal ? `\r\x1b[K${parts.join(' │ ')}` : `${parts.join(', ')}\n`);
    isShown = isTerminal;
  }

  function toPart({ position, size }: ReplayPosition): string {
    if (size === undefined || size === 0) return ` ${(position / 1e6).toFixed(0)} MB`;
    const part = Math.min(1, position / size);
    const percent = `${Math.floor(100 * part)} %`;
    if (!isTerminal) return ` ${percent}`;
    const full = Math.round(barChars * part);
    return ` [${'#'.repeat(full)}${'-'.repeat(barChars - full)}] ${percent}`;
  }

  function clear(): void {
    if (isShown) write('\r\x1b[K');
    isShown = false;
  }

  return {
    start() {
      before = { atMs: now(), flows: 0 };
      timer = setInterval(show, isTerminal ? terminalEveryMs : linesEveryMs);
    },
    clear,
    stop() {
      clearInterval(timer);
      clear();
    },
  };
}
