// The importable file: that it is what the definitions say, and what Kibana 7.3 to 7.17 take.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dashboardDocsFile, savedObjectsFile, toSavedObjects } from '../../scripts/generate-kibana-objects.ts';
import { maxBuckets } from '../../scripts/kibana/bucket-bound.ts';
import { toDashboardDocs } from '../../scripts/kibana/dashboard-docs.ts';
import { readDefinitions } from '../../scripts/kibana/definitions.ts';
import { gridColumns } from '../../scripts/kibana/layout.ts';
import { toNdjson } from '../../scripts/kibana/saved-object.ts';
import { readSpec } from './kibana-search.ts';

interface ReadObject {
  readonly id: string;
  readonly type: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly { readonly id: string; readonly name: string; readonly type: string }[];
  readonly migrationVersion: Readonly<Record<string, string>>;
}

interface GridData {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly i: string;
}

interface PanelEntry {
  readonly gridData: GridData;
  readonly panelIndex: string;
  readonly panelRefName: string;
  readonly version: string;
}

const kibanaNumbers = new Set(['byte', 'short', 'integer', 'long', 'unsigned_long']);
const definitions = readDefinitions();
const text = readFileSync(savedObjectsFile, 'utf8');
const objects = text
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as ReadObject);
const byId = new Map(objects.map((object) => [`${object.type}/${object.id}`, object]));
const ofType = (type: string) => objects.filter((object) => object.type === type);
const dashboards = ofType('dashboard').map((object) => ({
  ...object,
  panels: JSON.parse(String(object.attributes['panelsJSON'])) as PanelEntry[],
}));
const visualizations = ofType('visualization').map((object) => ({
  ...object,
  visState: JSON.parse(String(object.attributes['visState'])) as {
    type: string;
    title: string;
    params: Readonly<Record<string, unknown>>;
  },
}));

test('kibana-saved-objects/weir.ndjson is what scripts/generate-kibana-objects.ts makes: run it after a change of definitions or fields', () => {
  expect(text).toBe(toNdjson(toSavedObjects(definitions)));
});

test('docs/dashboards.md is what the same script makes', () => {
  expect(readFileSync(dashboardDocsFile, 'utf8')).toBe(toDashboardDocs(definitions));
});

test('the file has one object a line, sorted, no line about the export, and passes proxies that take a megabyte', () => {
  const keys = objects.map(({ type, id }) => `${type}/${id}`);
  expect(keys).toEqual(keys.toSorted());
  expect(new Set(keys).size).toBe(keys.length);
  expect(text).not.toContain('exportedCount');
  // nginx takes 2^20 bytes unless it is told otherwise, others 10^6; the form around the file has some hundred.
  expect(Buffer.byteLength(text)).toBeLessThan(10 ** 6 - 4096);
});

test('each object has the version of Kibana 7.3, which newer ones migrate and no older one refuses', () => {
  const versions = {
    dashboard: '7.3.0',
    'index-pattern': '6.5.0',
    search: '7.0.0',
    visualization: '7.3.0',
  } as Readonly<Record<string, string>>;
  for (const { type, migrationVersion } of objects) expect(migrationVersion).toEqual({ [type]: versions[type] });
});

test('every reference leads to an object of the file, and every name of a reference is there', () => {
  for (const object of objects) {
    for (const { id, type } of object.references) expect(byId.has(`${type}/${id}`), `${object.id} → ${id}`).toBe(true);
    const named = [...JSON.stringify(object.attributes).matchAll(/[rR]efName\\*":\s*\\*"([^"\\]+)/g)].map(
      (match) => match[1],
    );
    expect(object.references.map(({ name }) => name).toSorted(), object.id).toEqual(named.toSorted());
  }
});

test('only kinds that Kibana OSS has, and none that asks a map server', () => {
  const allowed = ['heatmap', 'input_control_vis', 'markdown', 'metric', 'metrics', 'pie', 'table', 'tagcloud', 'vega'];
  for (const { visState } of visualizations) expect(allowed).toContain(visState.type);
});

test('nothing names another host, but for the name of Vega’s language', () => {
  const hosts = [...text.matchAll(/[a-z]+:\/\/[^\s"'\\)]+/g)].map(([url]) => url);
  expect([...new Set(hosts)].filter((url) => url !== 'https://vega.github.io/schema/vega/v4.json')).toEqual([]);
});

test('Vega’s data come from Elasticsearch or stand in the drawing', () => {
  for (const { visState } of visualizations.filter((each) => each.visState.type === 'vega')) {
    const { data } = readSpec<{ data: { url?: object; values?: object; source?: string }[] }>(
      String(visState.params['spec']),
    );
    for (const { url, values, source } of data)
      expect([typeof url, typeof values, typeof source].filter((type) => type !== 'undefined')).toHaveLength(1);
    for (const { url } of data) expect(url === undefined || 'index' in url).toBe(true);
  }
});

test('Vega’s drawings bear an answer without aggregations, as before the first flow, and have no scale of data that may be none', () => {
  for (const { id, visState } of visualizations.filter((each) => each.visState.type === 'vega')) {
    interface Spec {
      readonly data: readonly {
        readonly url?: object;
        readonly format?: object;
        readonly transform?: readonly object[];
      }[];
      readonly scales?: readonly { readonly type: string; readonly domain: unknown }[];
    }
    const { data, scales = [] } = readSpec<Spec>(String(visState.params['spec']));
    for (const { url, format, transform } of data) {
      if (url === undefined) continue;
      // A path into what is not there is an error.
      expect(format, id).toBe(undefined);
      expect(transform?.[0], id).toEqual({ type: 'filter', expr: 'isValid(datum.aggregations)' });
    }
    // "Infinite extent for field" stands in yellow over the panel.
    for (const { type, domain } of scales) expect(type === 'ordinal' || Array.isArray(domain), id).toBe(true);
  }
});

describe.each(dashboards)('dashboard $id', ({ panels, attributes }) => {
  test('its panels are on the grid and do not overlap', () => {
    const taken = new Set<string>();
    for (const { gridData } of panels) {
      const { x, y, w, h } = gridData;
      expect(x).toBeGreaterThanOrEqual(0);
      expect(w).toBeGreaterThan(0);
      expect(x + w).toBeLessThanOrEqual(gridColumns);
      for (let column = x; column < x + w; column += 1)
        for (let row = y; row < y + h; row += 1) {
          expect(taken.has(`${column}/${row}`)).toBe(false);
          taken.add(`${column}/${row}`);
        }
    }
  });

  test('it leaves time range and pinned filters as they are', () => {
    expect(attributes['timeRestore']).toBe(false);
  });

  test('each panel has a number of its own', () => {
    expect(new Set(panels.map(({ panelIndex }) => panelIndex)).size).toBe(panels.length);
    for (const { panelIndex, gridData } of panels) expect(gridData.i).toBe(panelIndex);
  });
});

test('the navigation leads to dashboards of the file, and to each of them', () => {
  const links = visualizations.flatMap(({ visState }) =>
    [...String(visState.params['markdown'] ?? '').matchAll(/\]\(#\/dashboard\/([^)]+)\)/g)].map((match) => match[1]!),
  );
  expect([...new Set(links)].filter((id) => !byId.has(`dashboard/${id}`))).toEqual([]);
  expect(dashboards.map(({ id }) => id).filter((id) => !links.includes(id))).toEqual([]);
});

test('opened about no address, the dashboard of one address asks for one that nobody has', () => {
  const queries = ofType('dashboard').map(({ id, attributes }) => {
    const { searchSourceJSON } = attributes['kibanaSavedObjectMeta'] as { searchSourceJSON: string };
    return [id, (JSON.parse(searchSourceJSON) as { query: object }).query] as const;
  });
  for (const [id, query] of queries)
    expect(query, id).toEqual(
      id === 'weir-address'
        ? // RFC 5737 §3.
          { language: 'lucene', query: 'flow.src_addr:"192.0.2.1" OR flow.dst_addr:"192.0.2.1"' }
        : { language: 'kuery', query: '' },
    );
});

test('a click on an address or a name opens a dashboard of the file, with a query for fields that there are, and the value in it', () => {
  let links = 0;
  for (const { attributes } of ofType('index-pattern')) {
    const fields = new Set((JSON.parse(String(attributes['fields'])) as { name: string }[]).map(({ name }) => name));
    const formats = JSON.parse(String(attributes['fieldFormatMap'])) as Record<
      string,
      { id: string; params: { urlTemplate: string } }
    >;
    for (const [field, { id, params }] of Object.entries(formats)) {
      if (id !== 'url') continue;
      links += 1;
      // As Kibana puts the value in: encoded.
      const value = 'fd00::1"x y';
      const url = new URL(
        params.urlTemplate.replaceAll('{{value}}', encodeURIComponent(value)),
        'https://kibana.example.net/base/s/network/app/dashboards',
      );
      // The page stays, and with it the time range.
      expect(url.pathname, field).toBe('/base/s/network/app/dashboards');
      expect(params, field).toMatchObject({ openLinkInCurrentTab: true });
      const [path = '', search = ''] = url.hash.split('?');
      expect(byId.has(path.replace('#/dashboard/', 'dashboard/')), `${field} → ${path}`).toBe(true);
      const state = new URLSearchParams(search).get('_a') ?? '';
      const query = /^\(query:\(language:lucene,query:'([^'!]+)'\)\)$/.exec(state)?.[1] ?? '';
      const asked = query.split(' OR ').map((clause) => clause.slice(0, clause.indexOf(':"')));
      expect(asked, field).toContain(field.replace(/client|server/, 'src'));
      expect(asked.filter((name) => !fields.has(name))).toEqual([]);
      expect(query.split(value).length - 1, field).toBe(asked.length);
    }
  }
  expect(links).toBeGreaterThanOrEqual(9);
});

test('the index pattern has every field of the index template, and shows ports and AS numbers without commas', () => {
  for (const source of definitions.sources.values()) {
    const { attributes } = byId.get(`index-pattern/${source.id}`)!;
    const fields = JSON.parse(String(attributes['fields'])) as { name: string }[];
    const names = fields.map(({ name }) => name).filter((name) => !name.startsWith('_'));
    expect(names).toEqual([...source.fields.keys()]);
  }
  const formats = JSON.parse(String(byId.get('index-pattern/weir-flow')!.attributes['fieldFormatMap'])) as Record<
    string,
    { id: string; params: { pattern: string } }
  >;
  const flows = [...definitions.sources.get('flows')!.fields.values()];
  const whole = flows.filter(
    ({ name, type }) =>
      /(_port|\.port|_port_trans|_asn|_as|as\.number|vlan|vlan\.id|_id)$/.test(name) && kibanaNumbers.has(type),
  );
  expect(whole.length).toBeGreaterThan(20);
  for (const { name } of whole) expect(formats[name], name).toEqual({ id: 'number', params: { pattern: '0' } });
  for (const { name } of flows.filter(({ name: each }) => /bytes$/i.test(each)))
    expect(formats[name], name).toEqual({ id: 'number', params: { pattern: '0,0.[00]bd' } });
});

test('nothing is cut off by the alphabet: every part that is taken is among the largest', () => {
  for (const { visState, id } of visualizations) {
    const { aggs, type, params } = visState as typeof visState & { aggs: { schema: string; params: object }[] };
    for (const each of aggs.filter(({ schema }) => schema !== 'metric'))
      expect(each.params, id).toMatchObject({ orderBy: '1', order: 'desc' });
    if (type === 'vega') {
      const sorted = JSON.stringify(readSpec<object>(String(params['spec'])));
      // A list may have the least even first, of those with the most.
      for (const [, order] of sorted.matchAll(/"terms":\{"field":[^}]*?"order":(\{[^}]*\})/g))
        expect(Object.entries(JSON.parse(order!) as object), id).toEqual([
          [expect.not.stringMatching(/^_key$/), 'desc'],
        ]);
      const count = (pattern: RegExp) => [...sorted.matchAll(pattern)].length;
      expect(count(/"terms":\{"field"/g), id).toBe(count(/"terms":\{"field":[^}]*?"order":\{/g));
    }
    if (type === 'metrics')
      for (const series of (params as { series: { split_mode: string; terms_order_by?: string }[] }).series)
        if (series.split_mode === 'terms') {
          expect(series, id).toMatchObject({ terms_direction: 'desc' });
          expect(series.terms_order_by, id).toMatch(/^(_count|s\d+-(value|over0|add0))$/);
        }
    if (type === 'input_control_vis')
      // Kibana orders them by number of documents.
      for (const { options } of (params as { controls: { options: object }[] }).controls)
        expect(options, id).toMatchObject({ type: 'terms', order: 'desc', dynamicOptions: true });
  }
});

test('no panel can need more buckets than the smallest default of search.max_buckets', () => {
  for (const dashboard of definitions.dashboards)
    for (const panel of dashboard.rows.flat()) {
      // The product of the sizes is what a panel shows; what shards count beside it is held when definitions are read.
      const shown = panel.sizes.reduce((product, size) => product * size, 1);
      const times = panel.config.kind === 'series' ? 700 : 1;
      expect(shown * times, `${dashboard.name}: ${panel.title}`).toBeLessThanOrEqual(maxBuckets);
    }
});
