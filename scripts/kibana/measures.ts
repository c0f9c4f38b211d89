// What a panel counts (a measure) and by what it is divided (a split).

import type { MeasureConfig, SplitConfig, valueFormats } from './definition-schema.ts';

export type Aggregation = 'count' | 'sum' | 'max' | 'min' | 'average' | 'distinct' | 'percentile';
export type ValueFormat = (typeof valueFormats)[number];

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
}

export interface Split extends SplitConfig {
  readonly name: string;
}

const fieldAggregations = ['sum', 'max', 'min', 'average', 'distinct', 'percentile'] as const;

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

export function toSplit(name: string, config: SplitConfig): Split {
  return { name, ...config };
}
