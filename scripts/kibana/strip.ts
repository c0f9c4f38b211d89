// Numbers in one line, the first of them a share that is coloured by how near it is to the whole. It shows all of its source in the time
// that is looked at, whatever else is chosen: what a dashboard of flows is filtered by, documents of the ledger do not have.

import type { Panel } from './definitions.ts';
import { toListData } from './list-data.ts';
import type { Json, JsonObject } from './saved-object.ts';
import {
  textColor,
  toBuckets,
  toTimeRange,
  toVegaUrl,
  toVegaValue,
  toVegaVisualization,
  vegaSchema,
} from './vega-data.ts';

/** Below the first, people should look; below the second, they should act. */
const shares = { good: 0.999, fair: 0.99 } as const;
const shareColors = { good: '#209280', fair: '#d6892b', poor: '#cc5642' } as const;

export function toStrip(panel: Panel): JsonObject {
  const { measures, source } = panel;
  const data = toListData(measures, { timeField: source.time, interval: '1m', at: 'datum.all' });
  const url = toVegaUrl(
    panel,
    { all: { filters: { filters: [{ match_all: {} }] }, aggs: data.aggs } },
    { ignoresContext: true, times: [toTimeRange(source.time)] },
  );
  return toVegaVisualization({
    $schema: vegaSchema,
    padding: { left: 4, right: 4, top: 2, bottom: 2 },
    data: [
      {
        name: 'rows',
        url,
        transform: [
          ...toBuckets('all', 'all'),
          ...data.values.map((expr, index) => ({ type: 'formula', as: `value${index}`, expr })),
        ],
      },
    ],
    marks: measures.flatMap((measure, index): Json[] => {
      const value = `datum.value${index}`;
      const x = { signal: `width * ${(index + 0.5) / measures.length}` };
      const isShare = index === 0 && measure.format === 'percent';
      return [
        {
          type: 'text',
          from: { data: 'rows' },
          encode: {
            update: {
              x,
              y: { signal: 'height / 2 - 1' },
              align: { value: 'center' },
              baseline: { value: 'bottom' },
              fontSize: { value: isShare ? 20 : 16 },
              fontWeight: { value: 'bold' },
              fill: isShare ? { signal: toShareColor(value) } : { value: textColor },
              text: { signal: toVegaValue(value, measure) },
            },
          },
        },
        {
          type: 'text',
          interactive: false,
          encode: {
            update: {
              x,
              y: { signal: 'height / 2 + 3' },
              align: { value: 'center' },
              baseline: { value: 'top' },
              fontSize: { value: 11 },
              fill: { value: textColor },
              limit: { signal: `width / ${measures.length} - 6` },
              text: { value: measure.label },
            },
          },
        },
      ];
    }),
  });
}

function toShareColor(value: string): string {
  const { good, fair, poor } = shareColors;
  return `!isValid(${value}) ? '${textColor}' : ${value} >= ${shares.good} ? '${good}' : ${value} >= ${shares.fair} ? '${fair}' : '${poor}'`;
}
