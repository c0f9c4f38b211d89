// The indices that weir has made on the server, with what retention must know of each. Whatever else matches the name is left out:
// the marker in an index's mapping says whose it is.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import type { IndexLayout } from './index-layout.ts';
import { indexOfTime, startOfIndex } from './index-series.ts';
import { flowKind, toMarker } from './index-template.ts';
import { asRecord, readAnswer } from './server-answer.ts';

export interface OwnIndex {
  readonly name: string;
  /** ms since 1970. */
  readonly createdMs: number;
  /**
   * From when its age counts: the end of its day, or when the next one began. Not before it was made: the days of a broken clock
   * are long ago, and what was restored or reindexed is wanted.
   */
  readonly endMs: number;
  /** On all disks, replicas included; 0 for a closed one. */
  readonly bytes: number;
  /** Without replicas. */
  readonly primaryBytes: number;
  readonly segments: number;
  readonly shards: number;
  /** Documents of now, or of a time to come, go to it. */
  readonly isWritten: boolean;
}

const privilege = (pattern: string) => `the privileges "monitor" and "view_index_metadata" on ${pattern}`;

/** Oldest day first. */
export async function listOwnIndices(
  client: ElasticsearchClient,
  layout: IndexLayout,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly OwnIndex[]> {
  const path = `/${encodeURIComponent(layout.pattern)}`;
  const get = async (what: string, query: Readonly<Record<string, string>>) => {
    const ask = { ignore_unavailable: 'true', ...query };
    const answer = await client.request({ method: 'GET', path: `${path}/${what}`, query: ask }, signal);
    if (answer.status === 404) return {};
    return readAnswer(answer, { what: `list the indices ${layout.pattern}`, privilege: privilege(layout.pattern) });
  };
  const [mappings, settings, statistics] = await Promise.all([
    get('_mapping', { filter_path: '*.mappings._meta', expand_wildcards: 'open,closed' }),
    get('_settings', { filter_path: '*.settings.index.creation_date', expand_wildcards: 'open,closed' }),
    get('_stats/store,segments', {
      filter_path:
        'indices.*.total.store,indices.*.primaries.store,indices.*.primaries.segments.count,indices.*.shards',
      level: 'shards',
    }),
  ]);
  const { base } = layout.naming;
  const target = layout.isRollover ? indexOfTime(base, Object.keys(mappings), nowMs) : layout.writeTarget();
  const found: OwnIndex[] = [];
  for (const [name, value] of Object.entries(mappings)) {
    if (toMarker(asRecord(value)?.['mappings'])?.template !== flowKind || !layout.isOwn(name)) continue;
    const createdMs = Number(at(settings, name, 'settings', 'index', 'creation_date') ?? 0);
    const of = asRecord(asRecord(statistics['indices'])?.[name]) ?? {};
    const startMs = layout.isRollover ? startOfIndex(base, name) : undefined;
    found.push({
      name,
      createdMs,
      endMs: Math.max(createdMs, layout.endOfDay(name) ?? 0),
      bytes: Number(at(of, 'total', 'store', 'size_in_bytes') ?? 0),
      primaryBytes: Number(at(of, 'primaries', 'store', 'size_in_bytes') ?? 0),
      segments: Number(at(of, 'primaries', 'segments', 'count') ?? 0),
      shards: Object.keys(asRecord(of['shards']) ?? {}).length,
      isWritten: name === target || (startMs !== undefined && startMs > nowMs),
    });
  }
  const orderOf = ({ name, createdMs }: OwnIndex) =>
    (layout.isRollover ? startOfIndex(base, name) : layout.endOfDay(name)) ?? createdMs;
  const sorted = found.toSorted((a, b) => orderOf(a) - orderOf(b) || (a.name < b.name ? -1 : 1));
  return layout.isRollover ? sorted.map((index, position) => withSuccessor(base, index, sorted[position + 1])) : sorted;
}

/** An index of a series ends where the next one begins; one of the old kind, when the next one was made. */
function withSuccessor(base: string, index: OwnIndex, next: OwnIndex | undefined): OwnIndex {
  if (next === undefined) return index;
  const startMs = Math.max(startOfIndex(base, next.name) ?? 0, next.createdMs);
  return { ...index, endMs: Math.max(index.createdMs, startMs) };
}

function at(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((inner, name) => asRecord(inner)?.[name], value);
}
