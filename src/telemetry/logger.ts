// The log: JSON lines by pino, or readable lines on a terminal. A kind of message comes a few times per interval, never per record.

import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

export interface LoggerOptions {
  readonly level?: string;
  /** Makes a line of a log record, its newline included; JSON when absent. See pretty-line.ts. */
  readonly toLine?: (record: object) => string;
  /** Where lines go. */
  readonly write: (line: string) => void;
}

export function createLogger({ level = 'info', toLine, write }: LoggerOptions): Logger {
  const destination: DestinationStream = {
    write: (json) => write(toLine === undefined ? json : toLine(JSON.parse(json) as object)),
  };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

export const silentLogger: Logger = pino({ level: 'silent' });

export interface RateLimitOptions {
  /** Of one kind, per interval. */
  readonly times?: number;
  readonly intervalMs?: number;
  /** Of all kinds, per interval: made-up source addresses are kinds without end, and the log is on a disk. */
  readonly timesInAll?: number;
  readonly maxKeys?: number;
}

/** Lets the same kind of message through `times` per interval; says how many were held back when the next one passes. */
export function createRateLimit({
  times = 3,
  intervalMs = 30_000,
  timesInAll = 300,
  maxKeys = 10_000,
}: RateLimitOptions = {}) {
  const seen = new Map<string, { since: number; passed: number; heldBack: number }>();
  let since = 0;
  let passedInAll = 0;
  /** Returns the number of messages held back since the last one that passed, or undefined: hold this one back, too. */
  return function pass(key: string, nowMs: number): number | undefined {
    let entry = seen.get(key);
    if (entry === undefined) {
      if (seen.size >= maxKeys) seen.clear();
      entry = { since: nowMs, passed: 0, heldBack: 0 };
      seen.set(key, entry);
    } else if (isOver(entry.since, nowMs)) {
      entry.since = nowMs;
      entry.passed = 0;
    }
    if (isOver(since, nowMs)) {
      since = nowMs;
      passedInAll = 0;
    }
    if (entry.passed >= times || passedInAll >= timesInAll) {
      entry.heldBack += 1;
      return undefined;
    }
    entry.passed += 1;
    passedInAll += 1;
    const { heldBack } = entry;
    entry.heldBack = 0;
    return heldBack;
  };

  /** A clock that was set back must not silence the log until it has caught up. */
  function isOver(sinceMs: number, nowMs: number): boolean {
    return nowMs - sinceMs >= intervalMs || nowMs < sinceMs;
  }
}
