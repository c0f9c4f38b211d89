// Measures and splits as the `aggs` of a visualization (not of TSVB and Vega, which have their own form).

import { toShardSize } from './bucket-bound.ts';
import type { Measure, Split } from './measures.ts';
import type { JsonObject } from './saved-object.ts';

/** Kibana's names. */
export const aggregationTypes: Readonly<Record<Measure['aggregation'], string>> = {
  count: 'count',
  sum: 'sum',
  max: 'max',
  min: 'min',
  average: 'avg',
  distinct: 'cardinality',
  percentile: 'percentiles',
};

export function toMetricConfigs(measures: readonly Measure[]): JsonObject[] {
  return measures.map(({ aggregation, field, percent, label }, index) => ({
    id: `${index + 1}`,
    enabled: true,
    type: aggregationTypes[aggregation],
    schema: 'metric',
    params: {
      ...(field !== undefined && { field }),
      ...(percent !== undefined && { percents: [percent] }),
      customLabel: capitalized(label),
    },
  }));
}

export interface BucketConfigOptions {
  /** Each split's part in the drawing. */
  readonly schemas: readonly string[];
  readonly sizes: readonly number[];
  /** Numbers that were given away to the metrics before. */
  readonly firstId: number;
  /** The rest as a part of its own, named "Other". */
  readonly hasOther?: boolean;
}

/** Each ordered by the first metric, the largest first. */
export function toBucketConfigs(splits: readonly Split[], options: BucketConfigOptions): JsonObject[] {
  const { schemas, sizes, firstId, hasOther = false } = options;
  return splits.map(({ field, label, none }, index) => ({
    id: `${firstId + index}`,
    enabled: true,
    type: 'terms',
    schema: schemas[index] ?? schemas.at(-1)!,
    params: {
      field,
      size: sizes[index]!,
      order: 'desc',
      orderBy: '1',
      otherBucket: hasOther,
      otherBucketLabel: 'Other',
      missingBucket: none !== undefined,
      missingBucketLabel: none ?? 'Missing',
      customLabel: label,
      ...(splits.length > 2 && { json: JSON.stringify({ shard_size: toShardSize(sizes[index]!, splits.length) }) }),
    },
  }));
}

export function capitalized(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}`;
}
