// Measures over time as TSVB's time series.

import { aggregationTypes, capitalized } from './agg-configs.ts';
import type { Panel } from './definitions.ts';
import { toLucene } from './filters.ts';
import type { Measure, Sums, ValueFormat } from './measures.ts';
import type { JsonObject } from './saved-object.ts';

/** TSVB has another name for one of them. */
const types: typeof aggregationTypes = { ...aggregationTypes, percentile: 'percentile' };

/** Patterns of Kibana's number format; "bd" counts in thousands, "b" in 1,024s. */
const formatters: Readonly<Record<ValueFormat, string>> = {
  number: '0,0.[0]a',
  bytes: '0.[0]bd',
  bits: '0.[0]bd',
  percent: 'percent',
  fill: 'percent',
  time: 'number',
};

/** "1.2MB" and "it/s": Kibana 7.3 has no format for bits. */
function toTemplate({ format, isPerSecond }: Measure): string {
  // Seconds of something a second are a share.
  const second = isPerSecond && format !== 'percent' ? '/s' : '';
  return format === 'bits' ? `{{value}}it${second}` : `{{value}}${second}`;
}

const colors = ['#54b399', '#6092c0', '#d36086', '#9170b8', '#ca8eae', '#d6bf57'];

export function toTimeSeries(panel: Panel, id: string): JsonObject {
  const { config, measures, splits, sizes, filters, source } = panel;
  const style = config.kind === 'series' ? config.style : 'area';
  const [split] = splits;
  const series = measures.map((measure, index) => {
    const drawn = drawing(style, measures.length === 1);
    if (split === undefined)
      return {
        ...toSeries(measure, `s${index + 1}`, { ...drawn, color: colors[index % colors.length]! }),
        ...(measure.filter !== undefined && {
          split_mode: 'filter',
          filter: { language: 'lucene', query: toLucene([measure.filter]) },
        }),
      };
    return {
      ...toSeries(measure, `s${index + 1}`, drawn),
      split_mode: 'terms',
      terms_field: split.field,
      terms_size: `${sizes[0]}`,
      // By the measure itself: Kibana's default is the number of documents, which says little about bytes.
      terms_order_by: toOrder(measure, `s${index + 1}`),
      terms_direction: 'desc',
    };
  });
  // What all make together, so that the parts that are not drawn can be seen.
  const all =
    split !== undefined && !split.multiple && measures.length === 1 && style === 'area' && isAdditive(measures[0]!)
      ? [{ ...toSeries(measures[0]!, 'all', { ...drawing('line', false), color: '#98a2b3' }), label: 'All' }]
      : [];
  return {
    type: 'metrics',
    aggs: [],
    params: {
      id,
      type: 'timeseries',
      series: [...series, ...all],
      index_pattern: source.pattern,
      default_index_pattern: source.pattern,
      time_field: source.time,
      default_timefield: source.time,
      interval: `>=${source.every ?? '1m'}`,
      axis_position: 'left',
      axis_formatter: 'number',
      axis_scale: 'normal',
      axis_min: '0',
      drop_last_bucket: 1,
      show_legend: split === undefined && measures.length === 1 ? 0 : 1,
      show_grid: 1,
      tooltip_mode: 'show_all',
      legend_position: config.kind === 'series' ? config.legend : 'right',
      ignore_global_filter: 0,
      background_color_rules: [{ id: 'background' }],
      isModelInvalid: false,
      filter: { language: 'lucene', query: toLucene(filters.map((filter) => filter.config)) },
    },
  };
}

function isAdditive({ aggregation, derived }: Measure): boolean {
  return derived === undefined && (aggregation === 'sum' || aggregation === 'count');
}

/** The metric by which the largest parts are taken: of a share, the whole. */
function toOrder({ aggregation, derived }: Measure, id: string): string {
  if (derived !== undefined) return derived.over.length > 0 ? `${id}-over0` : `${id}-add0`;
  return aggregation === 'count' ? '_count' : `${id}-value`;
}

function drawing(style: 'area' | 'line' | 'bar', isAlone: boolean): JsonObject {
  return {
    color: colors[0]!,
    chart_type: style === 'bar' ? 'bar' : 'line',
    stacked: style !== 'line' && isAlone ? 'stacked' : 'none',
    fill: style === 'line' ? 0 : style === 'bar' ? 0.8 : 0.6,
    line_width: style === 'bar' ? 0 : 1,
    point_size: 0,
  };
}

function toSeries(measure: Measure, id: string, drawn: JsonObject): JsonObject {
  return {
    id,
    label: capitalized(measure.label),
    type: 'timeseries',
    split_mode: 'everything',
    split_color_mode: 'rainbow',
    metrics: toMetrics(measure, id),
    formatter: formatters[measure.format],
    value_template: toTemplate(measure),
    separate_axis: 0,
    axis_position: 'right',
    seperate_axis: 0,
    ...drawn,
  };
}

function toMetrics(measure: Measure, id: string): JsonObject[] {
  const { field, times, isPerSecond, derived } = measure;
  if (derived !== undefined) return toDerived(derived, id);
  const value = `${id}-value`;
  const metric = toMetric(measure, value);
  if (times === 1 && !isPerSecond) return [metric];
  const name = field?.split('.').at(-1) ?? 'documents';
  const scaled = times === 1 ? `params.${name}` : `params.${name}*${times}`;
  return [
    metric,
    {
      id: `${id}-rate`,
      type: 'calculation',
      variables: [{ id: `${id}-variable`, name, field: value }],
      script: isPerSecond ? `${scaled}/(params._interval/1000)` : scaled,
    },
  ];
}

function toMetric({ aggregation, field, percent }: Measure, id: string): JsonObject {
  return {
    id,
    type: types[aggregation],
    ...(field !== undefined && { field }),
    ...(percent !== undefined && {
      percentiles: [{ id: `${id}-percent`, mode: 'line', value: `${percent}`, shade: 0.2 }],
    }),
  };
}

function toDerived({ add, less, over, isRest }: Sums, id: string): JsonObject[] {
  const sides = { add, less, over };
  const parts = Object.entries(sides).flatMap(([side, measures]) =>
    measures.map((measure, index) => ({ name: `${side}${index}`, measure })),
  );
  const sum = (side: keyof typeof sides) =>
    `(${sides[side].map(({ times }, index) => `params.${side}${index}${times === 1 ? '' : `*${times}`}`).join('+')})`;
  const added = less.length === 0 ? sum('add') : `(${sum('add')}-${sum('less')})`;
  const whole = sum('over');
  const share = `${added}/${whole}`;
  const clamped = `Math.max(0,Math.min(1,1-${share}))`;
  return [
    ...parts.map(({ name, measure }) => toMetric(measure, `${id}-${name}`)),
    {
      id: `${id}-sum`,
      type: 'calculation',
      variables: parts.map(({ name }) => ({ id: `${id}-${name}-variable`, name, field: `${id}-${name}` })),
      // Not by ? and :, which Painless makes no number or nothing of.
      script: over.length === 0 ? added : `if (${whole} <= 0) return null; return ${isRest ? clamped : share};`,
    },
  ];
}
