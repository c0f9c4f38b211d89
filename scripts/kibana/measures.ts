// What a panel counts (a measure) and by what it is divided (a split).

import type { FilterConfig, MeasureConfig, SplitConfig, statistics, valueFormats } from './definition-schema.ts';

export type Aggregation = 'count' | 'sum' | 'max' | 'min' | 'average' | 'distinct' | 'percentile';
export type ValueFormat = (typeof valueFormats)[number];
export type Statistic = (typeof statistics)[number];

export interface Measure {
  readonly name: string;
  readonly label: string;
  readonly source: string;
  readonly aggregation: Aggregation;
  /** Absent for `count`. */
  readonly field?: string;
  /** Of `percentile`. */
  readonly percent?: number;
  readonly times: number;
  readonly isPerSecond: boolean;
  readonly format: ValueFormat;
  /** Only documents that pass are counted. */
  readonly filter?: FilterConfig;
  /** What it is made of, in place of an aggregation of its own. */
  readonly derived?: Sums;
  /** A statistic of `of`, worked out for each interval. */
  readonly intervals?: { readonly of: Measure; readonly statistic: Statistic; readonly over?: Measure };
}

/** Σ `add` − Σ `less`, divided by Σ `over` where there is any; `isRest`: 1 less that. */
export interface Sums {
  readonly add: readonly Measure[];
  readonly less: readonly Measure[];
  readonly over: readonly Measure[];
  readonly isRest: boolean;
}

export interface Split extends SplitConfig {
  readonly name: string;
}

const fieldAggregations = ['sum', 'max', 'min', 'average', 'distinct', 'percentile'] as const;

/** Without its filter, and without what it is made of. */
export function toMeasure(name: string, config: MeasureConfig): Measure {
  const { label, source, times, per, format, percent } = config;
  const aggregation: Aggregation = fieldAggregations.find((each) => config[each] !== undefined) ?? 'count';
  const field = aggregation === 'count' ? undefined : config[aggregation];
  return {
    name,
    label,
    source,
    aggregation,
    ...(field !== undefined && { field }),
    ...(percent !== undefined && { percent }),
    times,
    isPerSecond: per === 'second',
    format,
  };
}

/** The measures that Elasticsearch works out for it. */
export function partsOf(measure: Measure): readonly Measure[] {
  if (measure.derived !== undefined) {
    const { add, less, over } = measure.derived;
    return [...add, ...less, ...over];
  }
  if (measure.intervals === undefined) return [measure];
  const { of, over } = measure.intervals;
  return over === undefined ? [of] : [of, over];
}

export function toSplit(name: string, config: SplitConfig): Split {
  return { name, ...config };
}
