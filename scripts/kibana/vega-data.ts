// What Vega's drawings have in common: where their data come from, and colours that can be read on white and on black.

import { aggregationTypes } from './agg-configs.ts';
import type { Panel } from './definitions.ts';
import { toFilterClauses } from './filters.ts';
import type { Measure } from './measures.ts';
import type { Json, JsonObject } from './saved-object.ts';

/** Kibana 7.3 brings Vega 4; a later one takes the older schema. Nothing is loaded from there. */
export const vegaSchema = 'https://vega.github.io/schema/vega/v4.json';

export const textColor = '#7b8494';
export const landColor = '#98a2b3';

export interface VegaUrlOptions {
  /** What is asked of the time; the time that is looked at, unless it is said. */
  readonly times?: readonly JsonObject[];
  /** Without the dashboard's query and filters. */
  readonly ignoresContext?: boolean;
}

/** A search with Kibana's own time range, query and filters, and those of the panel. */
export function toVegaUrl(
  { source, filters }: Panel,
  aggs: JsonObject,
  { times = [toTimeRange(source.time)], ignoresContext = false }: VegaUrlOptions = {},
): JsonObject {
  const context = (clause: string) => (ignoresContext ? [] : [`%dashboard_context-${clause}_clause%`]);
  return {
    index: source.pattern,
    body: {
      size: 0,
      query: {
        bool: {
          must: context('must'),
          filter: [...context('filter'), ...times, ...toFilterClauses(filters.map(({ config }) => config))],
          must_not: context('must_not'),
        },
      },
      aggs,
    },
  };
}

/** The time that is looked at. */
export function toTimeRange(field: string): JsonObject {
  return { range: { [field]: { '%timefilter%': true } } };
}

/** In place of what there is not. */
export function toEmptyText(isEmpty: string, text: string, y = 'height / 2'): JsonObject {
  return {
    type: 'text',
    interactive: false,
    encode: {
      update: {
        x: { signal: 'width / 2' },
        y: { signal: y },
        align: { value: 'center' },
        fill: { value: textColor },
        fontSize: { value: 13 },
        text: { signal: `${isEmpty} ? '${text}' : ''` },
      },
    },
  };
}

/** One row for each bucket, as a field of it. Where no index has been made yet, the answer has no aggregations, and there are none. */
export function toBuckets(aggregation: string, as: string): JsonObject[] {
  return [
    { type: 'filter', expr: 'isValid(datum.aggregations)' },
    { type: 'flatten', fields: [`aggregations.${aggregation}.buckets`], as: [as] },
  ];
}

/** `measure` among `aggs`, and by what to sort by it. Documents are counted by Elasticsearch itself. */
export function toVegaMeasure({ aggregation, field }: Measure): {
  readonly aggs: JsonObject;
  readonly order: string;
  readonly path: string;
} {
  if (aggregation === 'count') return { aggs: {}, order: '_count', path: 'doc_count' };
  return {
    aggs: { measure: { [aggregationTypes[aggregation]]: { field: field! } } },
    order: 'measure',
    path: 'measure.value',
  };
}

/** As it is read: "1.20GB", "310k"; d3 says G for 10⁹. */
export function toVegaText(value: string, { format }: Measure): string {
  const unit = format === 'bytes' ? ` + 'B'` : format === 'bits' ? ` + 'bit'` : '';
  return `format(${value}, '.3s')${unit}`;
}

/** A value that may be absent, small, or a share; shares never show 100 % when something is missing. */
export function toVegaValue(value: string, measure: Measure): string {
  return `!isValid(${value}) ? '–' : ${toValueText(value, measure)}`;
}

/** In place of a share of nothing. */
export const emptyWord = 'empty';

const percentOf = (value: string): string => `format(floor(${value} * 10000) / 100, '.2f') + ' %'`;

function toValueText(value: string, measure: Measure): string {
  switch (measure.format) {
    case 'percent':
      return percentOf(value);
    case 'fill':
      return `${value} > 0 ? ${percentOf(value)} : '${emptyWord}'`;
    case 'time':
      return `timeFormat(${value}, '%Y-%m-%d %H:%M')`;
    case 'number':
      return `abs(${value}) < 1000 ? '' + round(${value} * 100) / 100 : format(${value}, '.3s')`;
    default: {
      const second = measure.isPerSecond || measure.intervals?.of.isPerSecond === true ? ` + '/s'` : '';
      return `(${value} < 1 ? '0' : ${toVegaText(value, measure)})${second}`;
    }
  }
}

/**
 * In Hjson, as Kibana's editor has it: names without quotes and texts in single ones, as a file of JSON within JSON within JSON would escape
 * double ones thrice; lines are as long as fits, and the editor indents them. A proxy that takes 1 MiB takes the whole file.
 */
export function toVegaVisualization(spec: Json): JsonObject {
  return { type: 'vega', aggs: [], params: { spec: toLines(spec) } };
}

const lineLength = 200;

function toLines(value: Json): string {
  const line = toLine(value);
  if (line.length <= lineLength || typeof value !== 'object' || value === null) return line;
  if (Array.isArray(value)) return `[\n${value.map((item: Json) => toLines(item)).join(',\n')}\n]`;
  const members = Object.entries(value).map(
    ([key, member]) => `${toName(key)}:${key === 'values' ? toLine(member) : toLines(member)}`,
  );
  return `{\n${members.join(',\n')}\n}`;
}

function toLine(value: Json): string {
  if (typeof value === 'string') return toText(value);
  if (Array.isArray(value)) return `[${value.map(toLine).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, member]) => `${toName(key)}:${toLine(member)}`)
    .join(',')}}`;
}

function toText(text: string): string {
  const quoted = JSON.stringify(text);
  return text.includes("'") ? quoted : `'${quoted.slice(1, -1).replaceAll('\\"', '"')}'`;
}

function toName(key: string): string {
  return /^[a-z]\w*$/i.test(key) ? key : toText(key);
}
