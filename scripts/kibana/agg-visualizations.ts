// Donuts, tables, tag clouds, heat maps and single numbers: visualizations whose `aggs` Kibana turns into one search.

import { toBucketConfigs, toMetricConfigs } from './agg-configs.ts';
import type { Panel } from './definitions.ts';
import { defaultHeights } from './layout.ts';
import type { JsonObject } from './saved-object.ts';

export function toDonut({ measures, splits, sizes }: Panel): JsonObject {
  // Of a field with several values, the rest can't be told apart from the parts; of nested ones Kibana draws it once for each part.
  const hasOther = splits.length === 1 && splits.every(({ multiple }) => !multiple);
  return {
    type: 'pie',
    params: {
      type: 'pie',
      addTooltip: true,
      addLegend: true,
      legendPosition: 'right',
      isDonut: true,
      labels: { show: false, values: true, last_level: true, truncate: 100 },
    },
    aggs: [
      ...toMetricConfigs(measures),
      ...toBucketConfigs(splits, { schemas: ['segment'], sizes, firstId: 2, hasOther }),
    ],
  };
}

export function toTable({ config, measures, splits, sizes }: Panel): JsonObject {
  return {
    type: 'table',
    params: {
      // As many as there is room for, beside title, head and foot.
      perPage: (config.height ?? defaultHeights.table) - 6,
      showPartialRows: false,
      showMetricsAtAllLevels: false,
      // Of nested splits Kibana keeps the order of the outermost: the largest row is somewhere else.
      sort:
        splits.length < 2 ? { columnIndex: null, direction: null } : { columnIndex: splits.length, direction: 'desc' },
      showTotal: false,
      totalFunc: 'sum',
      percentageCol: '',
    },
    aggs: [
      ...toMetricConfigs(measures),
      ...toBucketConfigs(splits, { schemas: ['bucket'], sizes, firstId: measures.length + 1 }),
    ],
  };
}

export function toCloud({ measures, splits, sizes }: Panel): JsonObject {
  return {
    type: 'tagcloud',
    params: { scale: 'square root', orientation: 'single', minFontSize: 14, maxFontSize: 44, showLabel: false },
    aggs: [...toMetricConfigs(measures), ...toBucketConfigs(splits, { schemas: ['segment'], sizes, firstId: 2 })],
  };
}

export function toHeatmap({ measures, splits, sizes }: Panel): JsonObject {
  return {
    type: 'heatmap',
    params: {
      type: 'heatmap',
      addTooltip: true,
      addLegend: true,
      enableHover: false,
      legendPosition: 'right',
      times: [],
      colorsNumber: 8,
      colorSchema: 'Blues',
      // Traffic is unevenly spread: equal steps would show the one largest pair, and all others alike.
      setColorRange: true,
      colorsRange: toDecades(measures[0]!.format === 'bytes' ? 100_000 : 1),
      invertColors: false,
      percentageMode: false,
      valueAxes: [
        {
          show: false,
          id: 'ValueAxis-1',
          type: 'value',
          scale: { type: 'linear', defaultYExtents: false },
          labels: { show: false, rotate: 0, overwriteColor: false, color: '#555' },
        },
      ],
    },
    aggs: [
      ...toMetricConfigs(measures),
      ...toBucketConfigs(splits, { schemas: ['segment', 'group'], sizes, firstId: 2 }),
    ],
  };
}

/** Eight steps, each up to ten times the one before. */
function toDecades(first: number): JsonObject[] {
  return Array.from({ length: 8 }, (_, step) => ({
    from: step === 0 ? 0 : first * 10 ** step,
    to: first * 10 ** (step + 1),
  }));
}

/** Of a grid of 48 columns; below that, five figures in large letters are wider than a panel is at 1280 pixels. */
const wideMetric = 8;

export function toMetric({ config, measures }: Panel): JsonObject {
  return {
    type: 'metric',
    params: {
      type: 'metric',
      addTooltip: true,
      addLegend: false,
      metric: {
        percentageMode: false,
        useRanges: false,
        colorSchema: 'Green to Red',
        metricColorMode: 'None',
        colorsRange: [{ from: 0, to: 10_000 }],
        labels: { show: true },
        invertColors: false,
        style: {
          bgFill: '#000',
          bgColor: false,
          labelColor: false,
          subText: '',
          fontSize: (config.width ?? wideMetric) < wideMetric ? 22 : 30,
        },
      },
    },
    aggs: toMetricConfigs(measures),
  };
}
