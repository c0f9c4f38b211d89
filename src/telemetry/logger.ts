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

/** Lets the same kind of message through `times` per interval; says how many were held back when the next one passes. */
export function createRateLimit({ times = 3, intervalMs = 30_000, maxKeys = 10_000 } = {}) {
  const seen = new Map<string, { since: number; count: number }>();
  /** Returns the number of messages held back since the last one that passed, or undefined: hold this one back, too. */
  return function pass(key: string, nowMs: number): number | undefined {
    const entry = seen.get(key);
    if (entry === undefined || nowMs - entry.since >= intervalMs) {
      if (entry === undefined && seen.size >= maxKeys) seen.clear();
      seen.set(key, { since: nowMs, count: 1 });
      return entry === undefined ? 0 : Math.max(0, entry.count - times);
    }
    entry.count += 1;
    return entry.count <= times ? 0 : undefined;
  };
}
