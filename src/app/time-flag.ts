// A time on the command line: a duration before now (`2h`), or a time (`2026-11-24T12:00:00Z`).

import { toMs } from '../enrich/quantities.ts';
import { WeirError } from '../model/errors.ts';

/** The last time that a Date can hold. */
const maxTimeMs = 8.64e15;

/** ms since 1970. Throws WeirError `usage`. */
export function toTimeMs(flag: string, text: string, nowMs: number): number {
  const agoMs = toMs(text);
  const isTime = /^\d{4}-\d\d-\d\d/.test(text);
  const timeMs = agoMs !== undefined ? Math.max(0, nowMs - agoMs) : isTime ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs) || Math.abs(timeMs) > maxTimeMs)
    throw new WeirError('usage', `${flag} ${text} is neither a duration nor a time`, {
      hint: 'Write it as 30m, 2h, 7d, or as 2026-11-24T12:00:00Z.',
    });
  return timeMs;
}
