// From one split to another, each band as wide as its measure: the largest, and of each the largest, whatever their names.

import type { Panel } from './definitions.ts';
import type { Json, JsonObject } from './saved-object.ts';
import {
  textColor,
  toBuckets,
  toEmptyText,
  toVegaMeasure,
  toVegaText,
  toVegaUrl,
  toVegaVisualization,
  vegaSchema,
} from './vega-data.ts';

export function toSankey(panel: Panel): JsonObject {
  const { measures, splits, sizes } = panel;
  const measure = measures[0]!;
  const [from, to] = splits;
  const { aggs, order, path } = toVegaMeasure(measure);
  const url = toVegaUrl(panel, {
    from: {
      terms: { field: from!.field, size: sizes[0]!, order: { [order]: 'desc' } },
      aggs: {
        ...aggs,
        to: {
          terms: { field: to!.field, size: sizes[1]!, order: { [order]: 'desc' } },
          ...(Object.keys(aggs).length > 0 && { aggs }),
        },
      },
    },
  });
  const text = (value: string) => toVegaText(value, measure);
  return toVegaVisualization({
    $schema: vegaSchema,
    padding: { left: 4, right: 4, top: 18, bottom: 4 },
    data: [
      {
        name: 'pairs',
        url,
        transform: [
          ...toBuckets('from', 'outer'),
          { type: 'formula', as: 'from', expr: `'' + datum.outer.key` },
          { type: 'flatten', fields: ['outer.to.buckets'], as: ['inner'] },
          { type: 'formula', as: 'to', expr: `'' + datum.inner.key` },
          { type: 'formula', as: 'size', expr: `datum.inner.${path}` },
          { type: 'filter', expr: 'datum.size > 0' },
        ],
      },
      totals('fromTotals', 'from'),
      totals('toTotals', 'to'),
      {
        name: 'edges',
        source: 'pairs',
        transform: [
          lookup('fromTotals', 'from', 'fromTotal'),
          lookup('toTotals', 'to', 'toTotal'),
          stack(['fromTotal', 'from', 'size', 'to'], ['descending', 'ascending', 'descending', 'ascending'], 'left'),
          stack(
            ['toTotal', 'to', 'fromTotal', 'from'],
            ['descending', 'ascending', 'descending', 'ascending'],
            'right',
          ),
          { type: 'formula', as: 'x0', expr: 'nodeWidth' },
          { type: 'formula', as: 'x1', expr: 'width - nodeWidth' },
          { type: 'formula', as: 'y0', expr: 'height * (datum.left0 + datum.left1) / 2' },
          { type: 'formula', as: 'y1', expr: 'height * (datum.right0 + datum.right1) / 2' },
          { type: 'formula', as: 'thickness', expr: 'max(0.5, height * (datum.left1 - datum.left0))' },
          {
            type: 'linkpath',
            orient: 'horizontal',
            shape: 'diagonal',
            sourceX: 'x0',
            sourceY: 'y0',
            targetX: 'x1',
            targetY: 'y1',
            as: 'path',
          },
          { type: 'formula', as: 'text', expr: `datum.from + ' → ' + datum.to + ': ' + ${text('datum.size')}` },
        ],
      },
      nodes('fromNodes', 'fromTotals', 'from'),
      nodes('toNodes', 'toTotals', 'to'),
    ],
    signals: [{ name: 'nodeWidth', update: 'min(14, width / 20)' }],
    scales: [
      { name: 'color', type: 'ordinal', domain: { data: 'fromTotals', field: 'from' }, range: { scheme: 'tableau20' } },
    ],
    marks: [
      {
        type: 'path',
        // Wide bands reach beyond their ends, and the drawing would shrink to hold what nobody sees.
        clip: true,
        from: { data: 'edges' },
        encode: {
          update: {
            path: { field: 'path' },
            stroke: { scale: 'color', field: 'from' },
            strokeWidth: { field: 'thickness' },
            strokeOpacity: { value: 0.25 },
            tooltip: { field: 'text' },
          },
          hover: { strokeOpacity: { value: 0.6 } },
        },
      },
      ...nodeMarks('fromNodes', 'from', { x: { value: 0 } }, 'left', text),
      ...nodeMarks('toNodes', 'to', { x: { signal: 'width - nodeWidth' } }, 'right', text),
      toEmptyText("length(data('pairs')) == 0", 'Nothing in this time range'),
      headline(from!.label, 'left', { value: 0 }),
      headline(to!.label, 'right', { signal: 'width' }),
    ],
  });
}

function totals(name: string, side: 'from' | 'to'): JsonObject {
  return {
    name,
    source: 'pairs',
    transform: [{ type: 'aggregate', groupby: [side], fields: ['size'], ops: ['sum'], as: ['total'] }],
  };
}

function lookup(data: string, side: string, as: string): JsonObject {
  return { type: 'lookup', from: data, key: side, fields: [side], values: ['total'], as: [as] };
}

function stack(fields: readonly string[], orders: readonly string[], as: string): JsonObject {
  return {
    type: 'stack',
    field: 'size',
    offset: 'normalize',
    sort: { field: fields, order: orders },
    as: [`${as}0`, `${as}1`],
  };
}

function nodes(name: string, data: string, side: string): JsonObject {
  return {
    name,
    source: data,
    transform: [
      {
        type: 'stack',
        field: 'total',
        offset: 'normalize',
        sort: { field: ['total', side], order: ['descending', 'ascending'] },
        as: ['y0', 'y1'],
      },
    ],
  };
}

function nodeMarks(
  data: string,
  side: 'from' | 'to',
  x: JsonObject,
  align: 'left' | 'right',
  text: (value: string) => string,
): Json[] {
  const isLeft = align === 'left';
  return [
    {
      type: 'rect',
      from: { data },
      encode: {
        update: {
          ...x,
          width: { signal: 'nodeWidth' },
          y: { signal: 'height * datum.y0 + 0.5' },
          y2: { signal: 'max(height * datum.y0 + 1, height * datum.y1 - 0.5)' },
          fill: isLeft ? { scale: 'color', field: side } : { value: textColor },
          tooltip: { signal: `datum.${side} + ': ' + ${text('datum.total')}` },
        },
      },
    },
    {
      type: 'text',
      from: { data },
      interactive: false,
      encode: {
        update: {
          x: { signal: isLeft ? 'nodeWidth + 5' : 'width - nodeWidth - 5' },
          y: { signal: 'height * (datum.y0 + datum.y1) / 2' },
          align: { value: align },
          baseline: { value: 'middle' },
          fontSize: { value: 11 },
          fontWeight: { value: 'bold' },
          limit: { signal: 'width / 2 - 30' },
          fill: { value: textColor },
          text: { field: side },
          // There is no room for the name of a narrow band; its tooltip has it.
          opacity: { signal: 'height * (datum.y1 - datum.y0) > 9 ? 1 : 0' },
        },
      },
    },
  ];
}

function headline(text: string, align: 'left' | 'right', x: JsonObject): JsonObject {
  return {
    type: 'text',
    interactive: false,
    encode: {
      update: {
        x,
        y: { value: -6 },
        align: { value: align },
        text: { value: text },
        fontSize: { value: 12 },
        fontWeight: { value: 'bold' },
        fill: { value: textColor },
      },
    },
  };
}
