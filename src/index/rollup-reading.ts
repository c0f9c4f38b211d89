// What the flows of one interval sum up to, read from their index: the total, and of each kind the largest parts, what has no
// value, and the rest. One search answers for a whole interval, so that its sums agree; where parts take several pages, their
// sums must add up to the total, or the interval is read again.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { bucketsOf, type Json, type Sums, searchAll, sumAggs, toRange, toSums } from './rollup-answer.ts';
import { readInterfaces, toInterfaceAggs } from './rollup-interfaces.ts';
import { type RollupKind, rollupKinds } from './rollup-kinds.ts';
import { asRecord } from './server-answer.ts';

/** Values of a kind's fields; null: the flows have none. */
export type PartKey = readonly (string | null)[];

export interface KindReading {
  readonly kind: RollupKind;
  /** The largest first. */
  readonly top: readonly { readonly key: PartKey; readonly sums: Sums }[];
  /** Flows without a value. Of paged kinds they are parts like others. */
  readonly none: Sums;
  readonly other: Sums;
}

export interface IntervalReading {
  readonly total: Sums;
  readonly kinds: readonly KindReading[];
}

export interface ReadingOptions {
  readonly client: ElasticsearchClient;
  /** Of the indices of flows. */
  readonly pattern: string;
  readonly top: number;
  /** Primary shards of an index. */
  readonly shardsOf: (index: string) => number;
}

/** Together with the largest parts of the other kinds it stays below 10,000 buckets, the limit before 7.9. */
const pageSize = 1000;
/** Of nine kinds that, too, is below it. Who is not among them on any shard is none of the largest of all, as far as can be. */
const candidatesOfShard = 1000;
/** A kind with more parts than that has the rest of them in `other`. */
const maxPages = 20;
/** Flows that come while a closed interval is read are few. */
const attempts = 3;
const noSums: Sums = { flows: 0, bytes: 0, packets: 0 };

/** Undefined: there are no flows, or they changed while they were read. Throws WeirError. */
export async function readInterval(
  { client, pattern, top, shardsOf }: ReadingOptions,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  signal: AbortSignal,
): Promise<IntervalReading | undefined> {
  const query = { bool: { filter: [toRange(fromMs, toMs)] } };
  const ask = (aggs: Json) => searchAll(client, pattern, { query, aggs }, signal);

  for (let attempt = 0; attempt < attempts; attempt += 1) {
    let answer = await ask(toAggregations(top));
    if (answer.total === 0) return undefined;
    // Each shard gives its own largest. Of several, many are named first; then their sums are asked for, of all shards.
    if (shardCount(answer.aggregations, shardsOf) > 1) {
      const candidates = await ask(toCandidates(top));
      answer = await ask(toAggregations(top, toNames(candidates.aggregations)));
    }
    const { aggregations } = answer;
    const total = toSums({ ...aggregations, doc_count: answer.total });
    const kinds: KindReading[] = [];
    let isWhole = true;
    for (const kind of rollupKinds) {
      if (kind.isPaged) {
        const { parts, isAll } = await readAll(kind, aggregations, ask);
        if (isAll) isWhole &&= sumOf(parts.map(({ sums }) => sums)).flows === total.flows;
        kinds.push(toKindReading(kind, total, parts.toSorted(bySize), noSums, top));
      } else {
        const parts = bucketsOf(aggregations[kind.name]).map((bucket) => ({
          key: [String(bucket['key'])],
          sums: toSums(bucket),
        }));
        const none = toSums(asRecord(aggregations[`${kind.name}_none`]) ?? {});
        kinds.push(toKindReading(kind, total, parts, none, top));
      }
    }
    if (isWhole) return { total, kinds };
  }
  return undefined;
}

function toAggregations(top: number, names?: ReadonlyMap<string, readonly string[]>): Json {
  const aggregations: Record<string, unknown> = {
    ...sumAggs,
    indices: { terms: { field: '_index', size: 10 } },
    ...toInterfaceAggs(),
  };
  for (const { name, fields, isPaged } of rollupKinds) {
    if (isPaged) continue;
    const [field] = fields;
    const include = names?.get(name);
    aggregations[name] = {
      terms: {
        field,
        size: top,
        order: [{ bytes: 'desc' }, { _key: 'asc' }],
        ...(include !== undefined && include.length > 0 && { include }),
      },
      aggs: sumAggs,
    };
    aggregations[`${name}_none`] = { missing: { field }, aggs: sumAggs };
  }
  return aggregations;
}

function toCandidates(top: number): Json {
  const largest = rollupKinds.filter(({ isPaged }) => !isPaged);
  return Object.fromEntries(
    largest.map(({ name, fields: [field] }) => [
      name,
      {
        terms: {
          field,
          size: Math.min(top * 4, candidatesOfShard),
          shard_size: candidatesOfShard,
          order: [{ bytes: 'desc' }, { _key: 'asc' }],
        },
        aggs: { bytes: sumAggs.bytes },
      },
    ]),
  );
}

function toPage({ fields }: RollupKind, after?: unknown): Json {
  const sources = fields.map((field) => ({ [field]: { terms: { field, missing_bucket: true } } }));
  return { composite: { size: pageSize, sources, ...(after !== undefined && { after }) }, aggs: sumAggs };
}

/** What came with the other kinds, or page by page where it is more than that. */
async function readAll(
  kind: RollupKind,
  aggregations: Json,
  ask: (aggs: Json) => Promise<{ readonly aggregations: Json }>,
): Promise<{ readonly parts: KindReading['top']; readonly isAll: boolean }> {
  const found = readInterfaces(aggregations, kind);
  return found === undefined ? readPages(kind, ask) : { parts: found, isAll: true };
}

async function readPages(kind: RollupKind, ask: (aggs: Json) => Promise<{ readonly aggregations: Json }>) {
  const parts: { readonly key: PartKey; readonly sums: Sums }[] = [];
  let after: unknown;
  for (let pages = 1; ; pages += 1) {
    const page = (await ask({ [kind.name]: toPage(kind, after) })).aggregations[kind.name];
    const buckets = bucketsOf(page);
    for (const bucket of buckets) parts.push({ key: toKey(kind, bucket['key']), sums: toSums(bucket) });
    after = asRecord(page)?.['after_key'];
    const isAll = after === undefined || buckets.length < pageSize;
    if (isAll || pages === maxPages) return { parts, isAll };
  }
}

function toKey({ fields }: RollupKind, key: unknown): PartKey {
  const values = asRecord(key) ?? {};
  return fields.map((field) => (values[field] === null ? null : String(values[field])));
}

function toNames(aggregations: Json): ReadonlyMap<string, readonly string[]> {
  return new Map(
    rollupKinds
      .filter(({ isPaged }) => !isPaged)
      .map(({ name }) => [name, bucketsOf(aggregations[name]).map((bucket) => String(bucket['key']))]),
  );
}

function shardCount(aggregations: Json, shardsOf: (index: string) => number): number {
  const indices = bucketsOf(aggregations['indices']);
  return indices.reduce((sum, bucket) => sum + shardsOf(String(bucket['key'])), 0);
}

function toKindReading(kind: RollupKind, total: Sums, parts: KindReading['top'], none: Sums, top: number): KindReading {
  const kept = parts.slice(0, top * kind.topFactor);
  const shown = sumOf([none, ...kept.map(({ sums }) => sums)]);
  const other = {
    flows: total.flows - shown.flows,
    bytes: total.bytes - shown.bytes,
    packets: total.packets - shown.packets,
  };
  return { kind, top: kept, none, other };
}

function sumOf(list: readonly Sums[]): Sums {
  return list.reduce(
    (sum, { flows, bytes, packets }) => ({
      flows: sum.flows + flows,
      bytes: sum.bytes + bytes,
      packets: sum.packets + packets,
    }),
    noSums,
  );
}

type Part = KindReading['top'][number];

function bySize(a: Part, b: Part): number {
  return b.sums.bytes - a.sums.bytes || (a.key.join('\n') < b.key.join('\n') ? -1 : 1);
}
