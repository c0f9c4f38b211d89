// Rows of a split with several measures beside it, of kinds that Kibana's table can't have: shares, statistics of rates over time, and
// counts with filters. Behind each row lies a bar, as long as its first measure.

import { toIntervalTarget, toListShardSize } from './bucket-bound.ts';
import type { Panel } from './definitions.ts';
import { toListData } from './list-data.ts';
import type { Json, JsonObject } from './saved-object.ts';
import {
  emptyWord,
  textColor,
  toBuckets,
  toEmptyText,
  toTimeRange,
  toVegaUrl,
  toVegaValue,
  toVegaVisualization,
  type VegaUrlOptions,
  vegaSchema,
} from './vega-data.ts';

const rowHeight = 20;
const barColor = '#0079a5';
/** Can be read on white and on black. */
const emptyColor = '#d36086';
/** A month of 5-minute intervals, and not so many that Elasticsearch refuses: 34 days are 9,792. */
const fineIntervalDays = 34;

export function toList(panel: Panel): JsonObject {
  const { config, splits, measures, source } = panel;
  if (config.kind !== 'list') throw new Error('not a list');
  const isAscending = config.order === 'ascending';
  const { newSinceDays } = config;
  const bucket = splits.length > 1 ? 'datum.inner' : 'datum.part';
  const data = toListData(measures, {
    timeField: source.time,
    interval: config.interval ?? { '%autointerval%': toIntervalTarget(panel.sizes) },
    every: source.every,
    at: newSinceDays === undefined ? bucket : `${bucket}.now`,
  });
  const since = (aggs: JsonObject) => (newSinceDays === undefined ? aggs : toSinceAggs(source.time, aggs));
  const inner = since(data.aggs);
  // Without a split the measures themselves are the rows.
  const isOfMeasures = splits.length === 0;
  const aggs = isOfMeasures
    ? { parts: { filters: { filters: [{ match_all: {} }] }, aggs: inner } }
    : splits.reduceRight<JsonObject>((below, { field }, level) => {
        const isDeepest = level === splits.length - 1;
        const all = isDeepest ? below : Object.assign({}, since(data.orderAggs), below);
        return toTerms(field, panel.sizes[level]!, toOrder(data.order, newSinceDays), all);
      }, inner);
  const columns = isOfMeasures ? [measures[0]!] : measures;
  const transform: Json[] = [
    ...(splits.length > 1 ? [{ type: 'flatten', fields: ['part.parts.buckets'], as: ['inner'] }] : []),
    ...splits.map((_, level) => ({
      type: 'formula',
      as: `part${level}`,
      expr: level === 0 ? 'datum.part.key' : 'datum.inner.key',
    })),
    ...(newSinceDays === undefined
      ? []
      : [{ type: 'filter', expr: `${bucket}.earlier.doc_count == 0 && ${bucket}.now.doc_count > 0` }]),
    ...data.values.map((expr, index) => ({ type: 'formula', as: `${isOfMeasures ? 'of' : 'value'}${index}`, expr })),
    ...(isOfMeasures
      ? [
          { type: 'fold', fields: measures.map((_, index) => `of${index}`), as: ['part0', 'value0'] },
          { type: 'formula', as: 'part0', expr: `${toVegaNames(measures)}[datum.part0]` },
          { type: 'filter', expr: 'datum.value0 > 0' },
        ]
      : []),
  ];
  return toVegaVisualization({
    $schema: vegaSchema,
    padding: { left: 4, right: 4, top: 22, bottom: 2 },
    data: [
      {
        name: 'rows',
        url: toVegaUrl(panel, aggs, toUrlOptions(panel)),
        transform: [...toBuckets('parts', 'part'), ...transform],
      },
      {
        name: 'shown',
        source: 'rows',
        transform: [
          { type: 'filter', expr: 'isValid(datum.value0)' },
          { type: 'formula', as: 'name', expr: toName(splits.length) },
          { type: 'collect', sort: { field: 'value0', order: isAscending ? 'ascending' : 'descending' } },
          {
            type: 'window',
            ops: ['row_number', 'max'],
            fields: [null, 'value0'],
            as: ['row', 'longest'],
            frame: [null, null],
          },
          { type: 'filter', expr: `datum.row * ${rowHeight} <= height` },
          ...columns.map((measure, index) => ({
            type: 'formula',
            as: `text${index}`,
            expr: toVegaValue(`datum.value${index}`, measure),
          })),
        ],
      },
      {
        name: 'cells',
        source: 'shown',
        transform: [
          { type: 'fold', fields: columns.map((_, index) => `text${index}`), as: ['key', 'text'] },
          { type: 'formula', as: 'column', expr: "+replace(datum.key, 'text', '')" },
        ],
      },
      {
        name: 'heads',
        values: isOfMeasures ? [] : columns.map(({ label }) => label),
        transform: [
          { type: 'window', ops: ['row_number'], as: ['number'] },
          { type: 'formula', as: 'column', expr: 'datum.number - 1' },
        ],
      },
    ],
    signals: [
      {
        name: 'columnWidth',
        update: `min(120, width * ${Math.min(0.85, 0.5 + 0.03 * columns.length).toFixed(2)} / ${columns.length})`,
      },
      { name: 'nameWidth', update: `width - columnWidth * ${columns.length}` },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'shown' },
        interactive: false,
        encode: {
          update: {
            x: { value: 0 },
            x2: {
              signal: `clamp(width * datum.value0 / ${measures[0]!.format === 'percent' ? '1' : 'datum.longest'}, 1, width)`,
            },
            y: { signal: `(datum.row - 1) * ${rowHeight} + 1` },
            height: { value: rowHeight - 2 },
            fill: { value: barColor },
            fillOpacity: { value: 0.16 },
          },
        },
      },
      toText('shown', { text: { field: 'name' }, x: { value: 4 }, limit: { signal: 'nameWidth - 8' } }),
      toText('cells', {
        text: { field: 'text' },
        x: columnX,
        align: { value: 'right' },
        ...(columns.some(({ format }) => format === 'fill') && {
          fill: { signal: `datum.text == '${emptyWord}' ? '${emptyColor}' : '${textColor}'` },
        }),
      }),
      toHeadline({
        text: { value: splits.map(({ label }) => label).join(' · ') },
        x: { value: 4 },
        limit: { signal: 'nameWidth - 8' },
      }),
      {
        ...toHeadline({
          text: { field: 'data' },
          x: columnX,
          align: { value: 'right' },
          limit: { signal: 'columnWidth - 8' },
        }),
        from: { data: 'heads' },
      },
      toEmptyText("length(data('shown')) == 0", 'Nothing in this time range'),
    ],
  });
}

function toName(levels: number): string {
  if (levels < 2) return "'' + datum.part0";
  return "datum.part0 + ' · ' + datum.part1";
}

/** Fields of the fold → labels, as an object of Vega's language. */
function toVegaNames(measures: Panel['measures']): string {
  return `({${measures.map(({ label }, index) => `of${index}: ${JSON.stringify(label)}`).join(', ')}})`;
}

function toTerms(field: string, size: number, order: string, aggs: JsonObject): JsonObject {
  return {
    parts: {
      terms: { field, size, shard_size: toListShardSize(size), order: { [order]: 'desc' } },
      aggs,
    },
  };
}

function toOrder(order: string, newSinceDays: number | undefined): string {
  if (newSinceDays === undefined) return order;
  return order === '_count' ? 'now' : `now>${order}`;
}

function toSinceAggs(time: string, aggs: JsonObject): JsonObject {
  const begin = { '%timefilter%': 'min' };
  return {
    earlier: { filter: { range: { [time]: { lt: begin } } } },
    now: { filter: { range: { [time]: { gte: begin } } }, aggs },
  };
}

function toUrlOptions({ config, source }: Panel): VegaUrlOptions {
  if (config.kind !== 'list') return {};
  const end = { '%timefilter%': 'max' };
  if (config.newSinceDays !== undefined) {
    const begin = { '%timefilter%': 'min', shift: -config.newSinceDays, unit: 'day' };
    return { times: [{ range: { [source.time]: { gte: begin, lte: end } } }] };
  }
  if (config.interval === undefined) return {};
  const begin = { '%timefilter%': 'max', shift: -fineIntervalDays, unit: 'day' };
  return { times: [toTimeRange(source.time), { range: { [source.time]: { gte: begin } } }] };
}

const columnX = { signal: 'nameWidth + columnWidth * (datum.column + 1) - 4' };

function toText(data: string, place: JsonObject): JsonObject {
  return {
    type: 'text',
    from: { data },
    interactive: false,
    encode: {
      update: {
        y: { signal: `(datum.row - 0.5) * ${rowHeight}` },
        baseline: { value: 'middle' },
        fontSize: { value: 12 },
        fill: { value: textColor },
        ...place,
      },
    },
  };
}

function toHeadline(place: JsonObject): JsonObject {
  return {
    type: 'text',
    interactive: false,
    encode: {
      update: {
        ...place,
        y: { value: -8 },
        fontSize: { value: 11 },
        fontWeight: { value: 'bold' },
        fill: { value: textColor },
      },
    },
  };
}
