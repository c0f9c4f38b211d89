// What a cluster tells about itself that decides whether documents are taken: health, disks, shards, blocks, fields that disagree.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { asRecord, readAnswer } from './server-answer.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ClusterFacts {
  readonly status: string;
  readonly unassignedShards: number;
  readonly shards: number;
  /** 0: no limit. */
  readonly maxShards: number;
  readonly disks: readonly DiskFacts[];
  /** Its clock less ours; undefined: it does not tell. */
  readonly skewMs: number | undefined;
}

export interface DiskFacts {
  readonly node: string;
  readonly usedPercent: number;
  readonly freeBytes: number;
  /** The highest stage that it has reached. */
  readonly stage: 'high' | 'flood' | undefined;
  readonly limitPercent: number;
}

const privilege = 'the cluster privilege "monitor"';

export async function readClusterFacts(
  client: ElasticsearchClient,
  now: () => number,
  signal: AbortSignal,
): Promise<ClusterFacts> {
  const get = async (path: string, query: Readonly<Record<string, string>>) =>
    client.request({ method: 'GET', path, query }, signal);
  const beforeMs = now();
  const clock = await get('/_cat/health', { format: 'json', h: 'epoch' });
  const halfwayMs = (beforeMs + now()) / 2;
  const [health, settings, allocation] = await Promise.all([
    get('/_cluster/health', {}),
    get('/_cluster/settings', { include_defaults: 'true', filter_path: '**.disk,**.max_shards_per_node' }),
    get('/_cat/allocation', { format: 'json', bytes: 'b', h: 'node,disk.used,disk.avail,disk.total' }),
  ]);
  const state = readAnswer(health, { what: 'tell the health of the cluster', privilege });
  const limits = readAnswer(settings, { what: 'show its settings', privilege });
  const epoch = Number(asRecord(toList(clock.json)[0])?.['epoch']);
  const perNode = Number(find(limits, 'cluster', 'max_shards_per_node') ?? 0);
  return {
    status: String(state['status']),
    unassignedShards: Number(state['unassigned_shards'] ?? 0),
    shards: Number(state['active_shards'] ?? 0) + Number(state['unassigned_shards'] ?? 0),
    maxShards: perNode * Number(state['number_of_data_nodes'] ?? 1),
    disks: toList(allocation.json).flatMap((row) => toDisk(asRecord(row) ?? {}, limits)),
    // Whole seconds.
    skewMs: Number.isFinite(epoch) ? epoch * 1000 + 500 - halfwayMs : undefined,
  };
}

function toDisk(row: Json, limits: Json): DiskFacts[] {
  const total = Number(row['disk.total']);
  const free = Number(row['disk.avail']);
  const name = row['node'];
  if (!(total > 0) || typeof name !== 'string') return [];
  const path = ['cluster', 'routing', 'allocation', 'disk'] as const;
  const isWatched = String(find(limits, ...path, 'threshold_enabled') ?? 'true') === 'true';
  const flood = toFreeBytes(find(limits, ...path, 'watermark', 'flood_stage'), total, 0.95);
  const high = toFreeBytes(find(limits, ...path, 'watermark', 'high'), total, 0.9);
  const stage = !isWatched ? undefined : free <= flood ? 'flood' : free <= high ? 'high' : undefined;
  const limit = stage === 'flood' ? flood : high;
  return [
    {
      node: name,
      usedPercent: toPercent(total - free, total),
      freeBytes: free,
      stage,
      limitPercent: toPercent(total - limit, total),
    },
  ];
}

/** `85%`, `0.85`: used; `50gb`: free. */
function toFreeBytes(setting: unknown, total: number, usual: number): number {
  const [, number, unit = ''] = /^([\d.]+)\s*([a-z%]*)$/i.exec(String(setting ?? '')) ?? [];
  if (number === undefined) return total * (1 - usual);
  if (unit === '%') return total * (1 - Number(number) / 100);
  if (unit === '') return total * (1 - Number(number));
  return Number(number) * 1024 ** Math.max(0, ['b', 'k', 'm', 'g', 't', 'p'].indexOf(unit.toLowerCase()[0] ?? 'b'));
}

function toPercent(part: number, whole: number): number {
  return Math.round((1000 * part) / whole) / 10;
}

/** What was set goes before the defaults. */
function find(settings: Json, ...path: readonly string[]): unknown {
  for (const kind of ['transient', 'persistent', 'defaults']) {
    let at: unknown = settings[kind];
    for (const name of path) at = asRecord(at)?.[name];
    if (at !== undefined) return at;
  }
  return undefined;
}

export interface BlockedIndex {
  readonly name: string;
  /** `read_only_allow_delete` */
  readonly blocks: readonly string[];
}

export async function readBlockedIndices(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<readonly BlockedIndex[]> {
  const path = `/${encodeURIComponent(pattern)}/_settings`;
  const query = { filter_path: '*.settings.index.blocks', ignore_unavailable: 'true' };
  const answer = await client.request({ method: 'GET', path, query }, signal);
  if (answer.status === 404) return [];
  const found = readAnswer(answer, {
    what: `read the settings of ${pattern}`,
    privilege: `"view_index_metadata" on ${pattern}`,
  });
  return Object.entries(found).flatMap(([name, value]) => {
    const index = asRecord(asRecord(asRecord(value)?.['settings'])?.['index']);
    const blocks = Object.entries(asRecord(index?.['blocks']) ?? {})
      .filter(([block, isOn]) => /^(?:read_only(?:_allow_delete)?|write)$/.test(block) && String(isOn) === 'true')
      .map(([block]) => block);
    return blocks.length === 0 ? [] : [{ name, blocks }];
  });
}

export interface FieldConflict {
  readonly field: string;
  /** Type → some of the indices where it has that. */
  readonly types: Readonly<Record<string, readonly string[]>>;
}

/** Fields of ours that have one type here and another one there. */
export async function readFieldConflicts(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<readonly FieldConflict[]> {
  const path = `/${encodeURIComponent(pattern)}/_field_caps`;
  const query = { fields: '@timestamp,event.*,node.*,flow.*', ignore_unavailable: 'true' };
  const answer = await client.request({ method: 'GET', path, query }, signal);
  if (answer.status === 404) return [];
  const { fields } = readAnswer(answer, {
    what: `tell the fields of ${pattern}`,
    privilege: `"view_index_metadata" on ${pattern}`,
  });
  return Object.entries(asRecord(fields) ?? {}).flatMap(([field, value]) => {
    const types = Object.entries(asRecord(value) ?? {}).filter(([type]) => type !== 'unmapped');
    if (types.length < 2) return [];
    const shown = types.map(
      ([type, caps]) => [type, toList(asRecord(caps)?.['indices']).map(String).slice(0, 3)] as const,
    );
    return [{ field, types: Object.fromEntries(shown) }];
  });
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
