// Old rollups: an index goes when its last day is over for as long as its kind of interval is kept.

import { deleteIndex } from './delete-index.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { rollupKind, toMarker } from './index-template.ts';
import { minutes, readRollupIndex } from './rollup-interval.ts';
import { asRecord } from './server-answer.ts';

export interface RollupAges {
  readonly keepMinutesMs: number;
  readonly keepHoursMs: number;
}

export function findOldRollups(
  indices: Iterable<string>,
  { keepMinutesMs, keepHoursMs }: RollupAges,
  nowMs: number,
): readonly string[] {
  return [...indices].filter((index) => {
    const read = readRollupIndex(index);
    return read !== undefined && nowMs - read.endMs >= (read.interval === minutes ? keepMinutesMs : keepHoursMs);
  });
}

/** Those that weir made, by the marker. */
export async function onlyOwnRollups(
  client: ElasticsearchClient,
  indices: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const own: string[] = [];
  for (const index of indices) {
    const path = `/${encodeURIComponent(index)}/_mapping`;
    const found = await client.request({ method: 'GET', path, query: { filter_path: '*.mappings._meta' } }, signal);
    const mappings = asRecord(asRecord(found.json)?.[index])?.['mappings'];
    if (toMarker(mappings)?.template === rollupKind) own.push(index);
  }
  return own;
}

/** Returns those that are gone now. */
export async function deleteRollups(
  client: ElasticsearchClient,
  indices: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const own = await onlyOwnRollups(client, indices, signal);
  for (const index of own) await deleteIndex(client, index, signal);
  return own;
}
