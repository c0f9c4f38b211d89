// Measures of any kind as `aggs` of a Vega drawing, and where their values stand in the answer.

import { aggregationTypes } from './agg-configs.ts';
import { toFilterClauses } from './filters.ts';
import { type Measure, partsOf, type Statistic } from './measures.ts';
import type { JsonObject } from './saved-object.ts';

export interface ListData {
  readonly aggs: JsonObject;
  /** Vega expressions of the measures' values; null where there is none. */
  readonly values: readonly string[];
  /** By what Elasticsearch takes the largest: what the first measure is made of, or a part of. */
  readonly order: string;
  /** What `order` needs, on each level of nested parts. */
  readonly orderAggs: JsonObject;
}

export interface ListDataOptions {
  readonly timeField: string;
  /** As Kibana's Vega or Elasticsearch knows it; for measures with `intervals`. */
  readonly interval: JsonObject | string;
  /** One document stands for so long a time. */
  readonly every?: '1m' | '1h' | undefined;
  /** The expression of the bucket that holds the aggregations. */
  readonly at: string;
}

export function toListData(
  measures: readonly Measure[],
  { timeField, interval, every, at }: ListDataOptions,
): ListData {
  const order = toOrder(measures[0]!);
  const orderAggs: Record<string, JsonObject> = order.aggregation === undefined ? {} : { order: order.aggregation };
  const aggs = { ...orderAggs };
  const inIntervals: Record<string, JsonObject> = {};

  /** Adds what Elasticsearch is to work out; the value's expression. */
  function addPart(key: string, part: Measure): string {
    const { field, filter, times } = part;
    if (field === undefined && filter === undefined) return scaled(`${at}.doc_count`, times);
    const aggregation = field === undefined ? undefined : toAggregation(part, field);
    const asked: JsonObject =
      filter === undefined
        ? aggregation!
        : {
            filter: { bool: { filter: toFilterClauses([filter]) } },
            ...(aggregation !== undefined && { aggs: { value: aggregation } }),
          };
    const name = addOnce(aggs, key, asked);
    const inner = filter === undefined ? `${at}.${name}` : `${at}.${name}.value`;
    if (aggregation === undefined) return scaled(`${at}.${name}.doc_count`, times);
    return scaled(part.percent === undefined ? `${inner}.value` : `${inner}.values['${toKey(part.percent)}']`, times);
  }

  function toValue(measure: Measure, key: string): string {
    if (measure.derived !== undefined) {
      const sum = (parts: readonly Measure[], side: string) =>
        parts.map((part, index) => addPart(`${key}_${side}${index}`, part)).join(' + ');
      const { add, less, over, isRest } = measure.derived;
      const added = less.length === 0 ? sum(add, 'add') : `${sum(add, 'add')} - (${sum(less, 'less')})`;
      if (over.length === 0) return `(${added})`;
      const whole = sum(over, 'over');
      const share = `(${added}) / (${whole})`;
      return `(${whole}) > 0 ? ${isRest ? `clamp(1 - ${share}, 0, 1)` : share} : null`;
    }
    if (measure.intervals === undefined) return addPart(key, measure);
    const { of, statistic, over } = measure.intervals;
    const rate = of.field === undefined ? '_count' : addOnce(inIntervals, `${key}_rate`, toAggregation(of, of.field));
    const name = addOnce(aggs, key, toStatistic(statistic, `times>${rate}`));
    if (statistic === 'variation')
      return `${at}.${name}.avg > 0 ? ${at}.${name}.std_deviation / ${at}.${name}.avg : null`;
    const value = statistic === 'percentile' ? `${at}.${name}.values['95.0']` : `${at}.${name}.value`;
    const buckets = `${at}.times.buckets`;
    const between = `(${buckets}[1].key - ${buckets}[0].key) / 1000`;
    // In shorter intervals what was counted in a minute would look like a peak of one of them, and nothing in the others.
    if (every !== undefined && statistic !== 'maximum')
      throw new Error(`${measure.name}: of documents of ${every} only the maximum can be told by interval`);
    const seconds = every === undefined ? `(${between})` : `max(${secondsOf[every]}, ${between})`;
    const perSecond = of.isPerSecond ? `${scaled(value, of.times)} / ${seconds}` : scaled(value, of.times);
    if (over === undefined) return `${buckets}.length > 1 ? ${perSecond} : null`;
    const whole = addPart(`${key}_over`, over);
    return `${buckets}.length > 1 && ${whole} > 0 ? ${perSecond} / ${whole} : null`;
  }

  const values = measures.map((measure, index) => toValue(measure, `m${index}`));
  if (measures.some(({ intervals }) => intervals !== undefined))
    aggs['times'] = {
      date_histogram: {
        field: timeField,
        // Later versions of Elasticsearch 7 prefer `fixed_interval`, in which Kibana 7.3 puts no interval.
        interval,
        min_doc_count: 0,
        // Where a part has nothing, it has 0: without it a percentile would be one of the busy times only.
        extended_bounds: { min: { '%timefilter%': 'min' }, max: { '%timefilter%': 'max' } },
      },
      ...(Object.keys(inIntervals).length > 0 && { aggs: inIntervals }),
    };
  return { aggs, values, order: order.path, orderAggs };
}

const secondsOf = { '1m': 60, '1h': 3600 } as const;

/** The name under which Elasticsearch works it out: what is there by another name is not worked out twice. */
function addOnce(aggs: Record<string, JsonObject>, name: string, asked: JsonObject): string {
  const text = JSON.stringify(asked);
  const found = Object.keys(aggs).find((key) => JSON.stringify(aggs[key]) === text);
  if (found !== undefined) return found;
  aggs[name] = asked;
  return name;
}

/** The 95th: what lines are billed by. */
const billedPercent = 95;

function toStatistic(statistic: Statistic, path: string): JsonObject {
  const params = { buckets_path: path, gap_policy: 'insert_zeros' };
  switch (statistic) {
    case 'percentile':
      return { percentiles_bucket: { ...params, percents: [billedPercent] } };
    case 'average':
      return { avg_bucket: params };
    case 'maximum':
      return { max_bucket: params };
    case 'variation':
      return { extended_stats_bucket: params };
  }
}

function toOrder(first: Measure): { readonly path: string; readonly aggregation?: JsonObject } {
  const derived = first.derived;
  const part = derived === undefined ? partsOf(first)[0]! : (derived.over[0] ?? derived.add[0]!);
  if (part.filter !== undefined) {
    const filter = { bool: { filter: toFilterClauses([part.filter]) } };
    if (part.field === undefined) return { path: 'order', aggregation: { filter } };
    return { path: 'order>value', aggregation: { filter, aggs: { value: toAggregation(part, part.field) } } };
  }
  if (part.field === undefined) return { path: '_count' };
  const path = part.percent === undefined ? 'order' : `order.${part.percent}`;
  return { path, aggregation: toAggregation(part, part.field) };
}

function toAggregation({ aggregation, percent }: Measure, field: string): JsonObject {
  return { [aggregationTypes[aggregation]]: { field, ...(percent !== undefined && { percents: [percent] }) } };
}

/** Elasticsearch's key of a percentile. */
function toKey(percent: number): string {
  return Number.isInteger(percent) ? `${percent}.0` : `${percent}`;
}

function scaled(value: string, times: number): string {
  return times === 1 ? value : `${value} * ${times}`;
}
