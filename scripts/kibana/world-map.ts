// A measure by place: circles on a map of the world that is part of the drawing, so that nothing is asked of a map server.

import { readFileSync } from 'node:fs';
import type { Panel } from './definitions.ts';
import type { Json, JsonObject } from './saved-object.ts';
import {
  landColor,
  toBuckets,
  toEmptyText,
  toVegaMeasure,
  toVegaText,
  toVegaUrl,
  toVegaVisualization,
  vegaSchema,
} from './vega-data.ts';

/** Outlines of the continents, from Natural Earth (scripts/make-land.mjs). */
const land = JSON.parse(
  readFileSync(new URL('../../kibana-saved-objects/land.json', import.meta.url), 'utf8'),
) as JsonObject;

export function toWorldMap(panel: Panel): JsonObject {
  const { measures, splits, sizes } = panel;
  const measure = measures[0]!;
  const { aggs, path } = toVegaMeasure(measure);
  const field = splits[0]!.field;
  const url = toVegaUrl(panel, {
    places: {
      // Cells of 1.4 degrees: a region.
      geohash_grid: { field, precision: 3, size: sizes[0]! },
      aggs: { ...aggs, centre: { geo_centroid: { field } } },
    },
  });
  const spec: Json = {
    $schema: vegaSchema,
    padding: 0,
    projections: [
      {
        name: 'world',
        type: 'equirectangular',
        scale: { signal: 'min(width / 6.3, height / 2.45)' },
        center: [0, 15],
        translate: [{ signal: 'width / 2' }, { signal: 'height / 2' }],
      },
    ],
    data: [
      {
        name: 'land',
        values: land,
        format: { type: 'topojson', feature: 'land' },
        transform: [{ type: 'geopath', projection: 'world' }],
      },
      {
        name: 'places',
        url,
        transform: [
          ...toBuckets('places', 'place'),
          { type: 'formula', as: 'size', expr: `datum.place.${path}` },
          { type: 'filter', expr: 'datum.size > 0' },
          { type: 'geopoint', projection: 'world', fields: ['place.centre.location.lon', 'place.centre.location.lat'] },
          // The small ones are drawn last, over the large ones.
          { type: 'collect', sort: { field: 'size', order: 'descending' } },
        ],
      },
    ],
    // Of no places Vega can't tell the largest, and Kibana shows its complaint.
    signals: [{ name: 'largest', update: "length(data('places')) > 0 ? data('places')[0].size : 1" }],
    scales: [{ name: 'area', type: 'linear', domain: [0, { signal: 'largest' }], range: [12, 1400] }],
    marks: [
      {
        type: 'path',
        from: { data: 'land' },
        interactive: false,
        encode: { update: { path: { field: 'path' }, fill: { value: landColor }, fillOpacity: { value: 0.35 } } },
      },
      {
        type: 'symbol',
        from: { data: 'places' },
        encode: {
          update: {
            x: { field: 'x' },
            y: { field: 'y' },
            size: { scale: 'area', field: 'size' },
            fill: { value: '#0079a5' },
            fillOpacity: { value: 0.55 },
            stroke: { value: '#0079a5' },
            tooltip: {
              signal: `format(datum.place.centre.location.lat, '.1f') + '°, ' + format(datum.place.centre.location.lon, '.1f') + '°: ' + ${toVegaText('datum.size', measure)}`,
            },
          },
          hover: { fillOpacity: { value: 0.9 } },
        },
      },
      toEmptyText(
        "length(data('places')) == 0",
        'No places: they come from a city database (step geoip)',
        // Below the continents.
        'height - 8',
      ),
    ],
  };
  return toVegaVisualization(spec);
}
