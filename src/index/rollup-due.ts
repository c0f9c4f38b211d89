// Which intervals have more flows in the index than their rollup was made of: those that have none yet, and those that flows came to
// late. Fewer flows (an index was deleted) are no reason: the rollup outlives them.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { bucketsOf, metricOf, searchAll, toNumber, toRange } from './rollup-answer.ts';
import { type RollupInterval, rollupIndices, startOf } from './rollup-interval.ts';
import { totalKind } from './rollup-kinds.ts';

export interface DueInterval {
  readonly interval: RollupInterval;
  readonly startMs: number;
  /** In the index. */
  readonly flows: number;
  /** `top` of what is there. */
  readonly formerTop?: number;
}

export interface DueOptions {
  readonly client: ElasticsearchClient;
  readonly pattern: string;
  readonly of: string;
}

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Start of an interval → its flows. */
export type FlowCounts = ReadonlyMap<number, number>;

export async function countFlows(
  { client, pattern }: Pick<DueOptions, 'client' | 'pattern'>,
  every: '1m' | '1d',
  { fromMs, toMs }: TimeRange,
  signal: AbortSignal,
): Promise<FlowCounts> {
  const body = {
    query: { bool: { filter: [toRange(fromMs, toMs)] } },
    aggs: { starts: { date_histogram: { field: '@timestamp', fixed_interval: every, min_doc_count: 1 } } },
  };
  const { aggregations } = await searchAll(client, pattern, body, signal);
  return new Map(
    bucketsOf(aggregations['starts']).map((bucket) => [toNumber(bucket['key']), toNumber(bucket['doc_count'])]),
  );
}

/** Of the intervals that lie wholly in the range, and that `flows`, by the minute, has. The newest first. */
export async function findDue(
  { client, of }: Pick<DueOptions, 'client' | 'of'>,
  interval: RollupInterval,
  flows: FlowCounts,
  range: TimeRange,
  signal: AbortSignal,
): Promise<readonly DueInterval[]> {
  const counts = new Map<number, number>();
  for (const [atMs, count] of flows) {
    const startMs = startOf(interval, atMs);
    if (startMs >= range.fromMs && startMs + interval.ms <= range.toMs)
      counts.set(startMs, (counts.get(startMs) ?? 0) + count);
  }
  if (counts.size === 0) return [];
  const body = {
    query: {
      bool: {
        filter: [
          { term: { 'rollup.of': of } },
          { term: { 'rollup.kind': totalKind } },
          toRange(range.fromMs, range.toMs),
        ],
      },
    },
    aggs: {
      starts: {
        date_histogram: { field: '@timestamp', fixed_interval: interval.name, min_doc_count: 1 },
        aggs: { flows: { sum: { field: 'rollup.flows' } }, top: { max: { field: 'rollup.top' } } },
      },
    },
  };
  const { aggregations } = await searchAll(client, rollupIndices(interval), body, signal);
  const made = new Map(bucketsOf(aggregations['starts']).map((bucket) => [toNumber(bucket['key']), bucket]));
  return [...counts]
    .flatMap(([startMs, count]): DueInterval[] => {
      const there = made.get(startMs);
      if (there === undefined) return [{ interval, startMs, flows: count }];
      if (count <= metricOf(there, 'flows')) return [];
      return [{ interval, startMs, flows: count, formerTop: metricOf(there, 'top') }];
    })
    .toSorted((a, b) => b.startMs - a.startMs);
}
