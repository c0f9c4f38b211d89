// Which indices are too many, and how long the disk will last. Arithmetic only; sizes in bytes, times in ms.

import type { OwnIndex } from './index-inventory.ts';

export interface RetentionLimits {
  readonly keepMs?: number;
  readonly maxBytes?: number;
}

export interface Surplus {
  readonly index: OwnIndex;
  readonly reason: string;
}

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** By age, then the oldest until the rest is small enough. Never the one that is written to. `indices`: oldest first. */
export function findSurplus(
  indices: readonly OwnIndex[],
  { keepMs, maxBytes }: RetentionLimits,
  nowMs: number,
): readonly Surplus[] {
  const surplus: Surplus[] = [];
  let bytes = indices.reduce((sum, index) => sum + index.bytes, 0);
  const whole = bytes;
  for (const index of indices) {
    if (index.isWritten) continue;
    const ageMs = nowMs - index.endMs;
    // What is of a day to come has a broken clock for its father, and no age.
    if (keepMs !== undefined && ageMs >= keepMs)
      surplus.push({ index, reason: `over for ${Math.floor(ageMs / dayMs)} days` });
    else if (maxBytes !== undefined && bytes > maxBytes)
      surplus.push({ index, reason: `all together have ${toSizeText(whole)}, more than ${toSizeText(maxBytes)}` });
    else continue;
    bytes -= index.bytes;
  }
  return surplus;
}

export interface Disk {
  /** Before Elasticsearch stops writing: its flood stage, by default 95 % of each disk. */
  readonly freeBytes: number;
}

export interface Forecast {
  /** Of our indices, replicas included. */
  readonly bytes: number;
  readonly bytesPerDay: number;
  readonly freeBytes: number;
  /** Undefined: never, as `keep` or `max_size` deletes enough before. */
  readonly fullInDays: number | undefined;
}

/** Younger than that a rate says nothing. */
const minSpanMs = hourMs;
const maxSpanMs = 7 * dayMs;

/** From what was written in the last seven days. Undefined: weir does not write for long enough. */
export function toForecast(
  indices: readonly OwnIndex[],
  { freeBytes }: Disk,
  { keepMs, maxBytes }: RetentionLimits,
  nowMs: number,
): Forecast | undefined {
  const bytes = indices.reduce((sum, index) => sum + index.bytes, 0);
  const recent = indices.filter(({ createdMs }) => nowMs - createdMs <= maxSpanMs);
  const spanMs = nowMs - Math.min(...recent.map(({ createdMs }) => createdMs));
  if (recent.length === 0 || spanMs < minSpanMs) return undefined;
  const bytesPerDay = (recent.reduce((sum, index) => sum + index.bytes, 0) / spanMs) * dayMs;
  // An index is kept whole until its last day is `keep` ago: a day more than that.
  const plateaus = [
    keepMs === undefined ? Number.POSITIVE_INFINITY : (bytesPerDay * (keepMs + dayMs)) / dayMs,
    maxBytes ?? Number.POSITIVE_INFINITY,
  ];
  const growth = Math.min(...plateaus) - bytes;
  const fullInDays = bytesPerDay <= 0 || growth <= freeBytes ? undefined : freeBytes / bytesPerDay;
  return { bytes, bytesPerDay, freeBytes, fullInDays };
}

/** "12.3 GB"; in thousands, as disks are sold. */
export function toSizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

export function toForecastText(forecast: Forecast | undefined): string {
  if (forecast === undefined) return 'disk: no forecast yet, weir has written for less than an hour';
  const { bytes, bytesPerDay, freeBytes, fullInDays } = forecast;
  const end = fullInDays === undefined ? 'does not get full' : `full in ${toDaysText(fullInDays)}`;
  return `disk: ${end} (${toSizeText(bytes)} in flows, ${toSizeText(bytesPerDay)} a day, ${toSizeText(freeBytes)} free)`;
}

function toDaysText(days: number): string {
  if (days < 2) return `${Math.round(days * 24)} hours`;
  return `${Math.floor(days)} days`;
}
