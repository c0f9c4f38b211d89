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
}

export async function countIndices(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<RollupInventory> {
  return { flows: await count(client, pattern, signal), rollups: await countRollups(client, signal) };
}

export async function countRollups(
  client: ElasticsearchClient,
  signal: AbortSignal,
): Promise<RollupInventory['rollups']> {
  const found = await count(client, rollupPattern, signal);
  return new Map([...found].filter(([name]) => readRollupIndex(name) !== undefined));
}

async function count(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, CountedIndex>> {
  const path = `/_cat/indices/${encodeURIComponent(pattern)}`;
  const query = { format: 'json', h: 'index,pri,docs.count,status' };
  const answer = await client.request({ method: 'GET', path, query }, signal);
  if (answer.status === 404) return new Map();
  const rows: readonly unknown[] = Array.isArray(answer.json) ? answer.json : [];
  // A refusal is an object, and has its reason.
  if (!Array.isArray(answer.json))
    readAnswer(answer, { what: `list the indices ${pattern}`, privilege: `the privilege "monitor" on ${pattern}` });
  return new Map(
    rows.flatMap((row) => {
      const { index, pri, 'docs.count': documents, status } = asRecord(row) ?? {};
      if (typeof index !== 'string' || status === 'close') return [];
      return [[index, { documents: Number(documents ?? 0), shards: Number(pri ?? 1) }] as const];
    }),
  );
}
