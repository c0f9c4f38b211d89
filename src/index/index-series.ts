// Size-bounded indices of one name: each says in its own name from when on batches go to it, so that every attempt at a batch, by
// whichever worker, goes to the same index (docs/decisions/0037). The first one is numbered: it is for all that is earlier.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { readAnswer } from './server-answer.ts';

export interface IndexSeries {
  /** Reads which indices there are, unless it did a moment ago. Throws WeirError. */
  keepFresh(signal: AbortSignal): Promise<void>;
  /** The index of a batch that was begun at this time (ms since 1970). */
  indexAt(createdAtMs: number): string;
}

/** Clocks of listeners and workers may differ by this, less `freshMs`: an index is announced so long before its time. */
export const announceMs = 600_000;
/** What was read so long ago is read again before anything is sent. */
const freshMs = 60_000;
const startPattern = /^(\d{4})\.(\d\d)\.(\d\d)-(\d\d)(\d\d)$/;

export function firstIndex(base: string): string {
  return `${base}-000001`;
}

/** `weir-flow-2026.11.24-1540`, for one that batches of 15:40 UTC and later go to. */
export function seriesIndex(base: string, startMs: number): string {
  const [day = '', time = ''] = new Date(startMs).toISOString().split('T');
  return `${base}-${day.replaceAll('-', '.')}-${time.slice(0, 2)}${time.slice(3, 5)}`;
}

/** When its time begins; negative, in their order, for numbered ones; undefined: not of this series. */
export function startOfIndex(base: string, index: string): number | undefined {
  if (!index.startsWith(`${base}-`)) return undefined;
  const end = index.slice(base.length + 1);
  if (/^\d{6}$/.test(end)) return Number(end) - 1_000_000;
  const [, year, month, day, hour, minute] = startPattern.exec(end) ?? [];
  if (year === undefined) return undefined;
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
}

/** The next round time that all workers hear of before it comes. Workers that ask in the same minutes get the same one. */
export function nextStart(nowMs: number): number {
  return Math.ceil((nowMs + announceMs) / announceMs) * announceMs;
}

/** Of `indices` the one that batches of `timeMs` go to: the last that has begun. */
export function indexOfTime(base: string, indices: readonly string[], timeMs: number): string | undefined {
  const starts = indices.flatMap((name) => ({ name, startMs: startOfIndex(base, name) ?? Number.NaN }));
  const known = starts.filter(({ startMs }) => !Number.isNaN(startMs)).toSorted((a, b) => a.startMs - b.startMs);
  return (known.findLast(({ startMs }) => startMs <= timeMs) ?? known[0])?.name;
}

export interface IndexSeriesOptions {
  readonly client: ElasticsearchClient;
  readonly base: string;
  readonly now: () => number;
}

export function createIndexSeries({ client, base, now }: IndexSeriesOptions): IndexSeries {
  let indices: readonly string[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  async function read(signal: AbortSignal): Promise<void> {
    const beganAtMs = now();
    indices = await listSeries(client, base, signal);
    readAtMs = beganAtMs;
  }

  return {
    async keepFresh(signal) {
      const ageMs = now() - readAtMs;
      if (ageMs >= 0 && ageMs < freshMs) return;
      reading ??= read(signal).finally(() => {
        reading = undefined;
      });
      await reading;
    },
    indexAt: (createdAtMs) => indexOfTime(base, indices, createdAtMs) ?? firstIndex(base),
  };
}

/** Makes it, empty, as its template says. False: another worker was quicker. */
export async function makeIndex(
  client: ElasticsearchClient,
  base: string,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await client.request({ method: 'PUT', path: `/${encodeURIComponent(name)}`, body: {} }, signal);
  if (JSON.stringify(answer.json)?.includes('resource_already_exists_exception')) return false;
  readAnswer(answer, { what: `make the index ${name}`, privilege: `the privilege "create_index" on ${base}-*` });
  return true;
}

export async function listSeries(
  client: ElasticsearchClient,
  base: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `/${encodeURIComponent(`${base}-*`)}/_settings`;
  const query = { filter_path: '*.settings.index.uuid', expand_wildcards: 'open,closed', ignore_unavailable: 'true' };
  const answer = await client.request({ method: 'GET', path, query }, signal);
  if (answer.status === 404) return [];
  const privilege = `the privilege "view_index_metadata" on ${base}-*`;
  const json = readAnswer(answer, { what: `list the indices ${base}-*`, privilege });
  return Object.keys(json).filter((name) => startOfIndex(base, name) !== undefined);
}
