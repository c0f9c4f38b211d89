// Searches that rollups are made from: one at a time, whole or not at all.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { asRecord, readAnswer } from './server-answer.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Sums of a part. Counters of flows are whole numbers; Elasticsearch adds up in doubles. */
export interface Sums {
  readonly flows: number;
  readonly bytes: number;
  readonly packets: number;
}

export const sumAggs = { bytes: { sum: { field: 'flow.bytes' } }, packets: { sum: { field: 'flow.packets' } } };

/** Throws WeirError: `sink-unavailable` also where a shard does not answer, as part of the flows is no sum. */
export async function searchAll(
  client: ElasticsearchClient,
  pattern: string,
  body: Json,
  signal: AbortSignal,
): Promise<{ readonly total: number; readonly aggregations: Json }> {
  const answer = await client.request(
    {
      method: 'POST',
      path: `/${encodeURIComponent(pattern)}/_search`,
      query: {
        ignore_unavailable: 'true',
        allow_partial_search_results: 'false',
        request_cache: 'false',
        filter_path: 'hits.total,aggregations',
      },
      body: { size: 0, track_total_hits: true, ...body },
    },
    signal,
  );
  const json = readAnswer(answer, { what: `search ${pattern}`, privilege: `the privilege "read" on ${pattern}` });
  return {
    total: toNumber(asRecord(asRecord(json['hits'])?.['total'])?.['value']),
    aggregations: asRecord(json['aggregations']) ?? {},
  };
}

export function bucketsOf(aggregation: unknown): readonly Json[] {
  const buckets = asRecord(aggregation)?.['buckets'];
  return Array.isArray(buckets) ? buckets.map((bucket) => asRecord(bucket) ?? {}) : [];
}

export function toSums(bucket: Json): Sums {
  return {
    flows: toNumber(bucket['doc_count']),
    bytes: metricOf(bucket, 'bytes'),
    packets: metricOf(bucket, 'packets'),
  };
}

/** Of a metric aggregation, as a whole number; 0 where it has none. */
export function metricOf(bucket: Json, name: string): number {
  return Math.round(toNumber(asRecord(bucket[name])?.['value']));
}

export function toNumber(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

export function toRange(fromMs: number, toMs: number): Json {
  return { range: { '@timestamp': { gte: fromMs, lt: toMs, format: 'epoch_millis' } } };
}
