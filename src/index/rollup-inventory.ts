// How many documents the indices of flows, and those of rollups, have: what has not changed need not be looked at again.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { readRollupIndex, rollupPattern } from './rollup-interval.ts';
import { asRecord, readAnswer } from './server-answer.ts';

export interface CountedIndex {
  readonly documents: number;
  /** Primaries. */
  readonly shards: number;
}

export interface RollupInventory {
  readonly flows: ReadonlyMap<string, CountedIndex>;
  readonly rollups: Map<string, CountedIndex>;
  /** Of rollups: somebody closed them. */
  readonly closed: ReadonlySet<string>;
}

export async function countIndices(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<RollupInventory> {
  const { open: flows } = await count(client, pattern, signal);
  const { open, closed } = await count(client, rollupPattern, signal);
  return { flows, rollups: ofRollups(open), closed: new Set(closed) };
}

export async function countRollups(
  client: ElasticsearchClient,
  signal: AbortSignal,
): Promise<RollupInventory['rollups']> {
  return ofRollups((await count(client, rollupPattern, signal)).open);
}

function ofRollups(found: ReadonlyMap<string, CountedIndex>): RollupInventory['rollups'] {
  return new Map([...found].filter(([name]) => readRollupIndex(name) !== undefined));
}

async function count(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<{ readonly open: ReadonlyMap<string, CountedIndex>; readonly closed: readonly string[] }> {
  const path = `/_cat/indices/${encodeURIComponent(pattern)}`;
  const query = { format: 'json', h: 'index,pri,docs.count,status' };
  const answer = await client.request({ method: 'GET', path, query }, signal);
  const open = new Map<string, CountedIndex>();
  const closed: string[] = [];
  if (answer.status === 404) return { open, closed };
  const rows: readonly unknown[] = Array.isArray(answer.json) ? answer.json : [];
  // A refusal is an object, and has its reason.
  if (!Array.isArray(answer.json))
    readAnswer(answer, { what: `list the indices ${pattern}`, privilege: `the privilege "monitor" on ${pattern}` });
  for (const row of rows) {
    const { index, pri, 'docs.count': documents, status } = asRecord(row) ?? {};
    if (typeof index !== 'string') continue;
    if (status === 'close') closed.push(index);
    else open.set(index, { documents: Number(documents ?? 0), shards: Number(pri ?? 1) });
  }
  return { open, closed };
}
