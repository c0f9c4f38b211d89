// Every number of every panel, as Elasticsearch answers the panel's own searches, against the sums of known flows.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHeadObject, toPanelObject } from '../../scripts/kibana/dashboard-objects.ts';
import { type Dashboard, type Panel, readDefinitions, type Source } from '../../scripts/kibana/definitions.ts';
import { panelId } from '../../scripts/kibana/identity.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';
import { createIndexNaming } from '../../src/index/index-name.ts';
import { flowKind, readIndexTemplates, rollupKind, toLegacyBody } from '../../src/index/index-template.ts';
import { ledgerIndexBase } from '../../src/index/ledger-index.ts';
import { describeWith } from '../needs.ts';
import {
  type ElasticsearchServer,
  type ElasticsearchVersion,
  startElasticsearch,
} from '../servers/elasticsearch/index.ts';
import { type Answer, type Ask, askControl, askRows, type TimeRange } from './kibana-search.ts';
import type { KnownDocument } from './known-document.ts';
import { knownFlows, rangeFromMs, rangeToMs, toKnownDocuments } from './known-flows.ts';
import { knownLedger, toKnownLedgerDocuments } from './known-ledger.ts';
import { knownRollups, makeKnownRollups } from './known-rollups.ts';
import { comparePanel } from './panel-comparison.ts';
import { groupByField, toGroups } from './panel-sums.ts';

const definitions = readDefinitions();
const range: TimeRange = { fromMs: rangeFromMs, toMs: rangeToMs };
/** The jars of 7.17 have no Painless, which rates and comparisons of fields are written in. */
const versions: readonly { readonly version: ElasticsearchVersion; readonly hasScripts: boolean }[] = [
  { version: '7.10.2', hasScripts: true },
  { version: '7.3.1', hasScripts: true },
  { version: '7.17.28', hasScripts: false },
];

const folder = mkdtempSync(join(tmpdir(), 'weir-panels-'));
let documents: string[];
beforeAll(async () => {
  documents = await toKnownDocuments(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('weir makes of each known flow what it is known to be', () => {
  const paths = [...new Set(knownFlows.flatMap(({ stored }) => Object.keys(stored)))];
  for (const [index, { stored }] of knownFlows.entries()) {
    const document = JSON.parse(documents[index]!) as object;
    const made = paths.flatMap((path) => {
      const value = valueAtPath(document, path);
      return value === undefined ? [] : [[path, toComparable(value)]];
    });
    const known = paths.flatMap((path) => (stored[path] === undefined ? [] : [[path, toComparable(stored[path])]]));
    expect(Object.fromEntries(made)).toEqual(Object.fromEntries(known));
  }
});

/** One value and a list of one are the same to Elasticsearch, as are a number or a place and its text; the order of a list is nothing. */
function toComparable(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'lat' in value && 'lon' in value)
    return `${value.lat},${value.lon}`;
  if (!Array.isArray(value)) return typeof value === 'number' ? `${value}` : value;
  return value.length === 1 ? value[0] : value.map(String).sort();
}

test('before there is an index of the ledger, what reads it is empty, and not in error', async () => {
  const nothing: Ask = async () => ({ hits: { total: { value: 0 }, hits: [] } });
  const { head } = definitions;
  expect(await askRows(toHeadObject(definitions), head.measures.length, range, nothing)).toEqual(new Map());
});

describe.each(versions)('Elasticsearch $version', ({ version, hasScripts }) => {
  describeWith(['java', 'maven'], 'with the known flows', () => {
    let server: ElasticsearchServer;
    const askOf =
      (pattern: string): Ask =>
      (body) =>
        server.ask<Answer>('POST', `/${pattern}/_search`, body);
    const ask = askOf('weir-flow-*');

    beforeAll(async () => {
      const naming = createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => 0);
      const templates = await readIndexTemplates({ naming, flowPattern: 'weir-flow-*' });
      server = await startElasticsearch({ version });
      const kinds = [
        { kind: flowKind, index: 'weir-flow-2026.01.01', lines: documents },
        { kind: ledgerIndexBase, index: 'weir-ledger-2026.01', lines: toKnownLedgerDocuments() },
      ];
      for (const { kind, index, lines } of kinds) {
        const template = templates.find((each) => each.kind === kind)!;
        await server.ask('PUT', `/_template/${kind}`, toLegacyBody(template));
        const response = await fetch(`${server.url}/${index}/_bulk?refresh=true`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-ndjson' },
          body: lines.map((line) => `{"index":{}}\n${line}\n`).join(''),
        });
        expect(((await response.json()) as { errors: boolean }).errors).toBe(false);
      }
      await server.ask(
        'PUT',
        `/_template/${rollupKind}`,
        toLegacyBody(templates.find(({ kind }) => kind === rollupKind)!),
      );
      await makeKnownRollups(server.url);
      await server.ask('POST', '/weir-rollup-*/_refresh');
    }, 300_000);
    afterAll(() => server?.stop());

    test.each(definitions.dashboards)(
      'dashboard $name shows what the flows say',
      async (dashboard: Dashboard) => {
        const wrong: string[] = [];
        for (const panel of dashboard.rows.flat()) {
          if (!hasScripts && needsScripts(panel)) continue;
          const object = toPanelObject(panel, dashboard.name, dashboard.config.title);
          expect(object.id).toBe(panelId(dashboard.name, panel.title));
          const { differences, compared } = await comparePanel(
            panel,
            object,
            knownOf(panel.source),
            range,
            askOf(panel.source.pattern),
          );
          wrong.push(...differences.map((difference) => `${panel.title}: ${difference}`));
          if (compared === 0)
            wrong.push(`${panel.title}: no known flow is in it; add some to test/kibana/known-flows.ts`);
        }
        expect(wrong).toEqual([]);
      },
      120_000,
    );

    test('the head of all dashboards shows what the ledger says', async () => {
      const object = toHeadObject(definitions);
      const { head } = definitions;
      const { differences, compared } = await comparePanel(
        head,
        object,
        knownLedger,
        range,
        askOf(head.source.pattern),
      );
      expect(differences).toEqual([]);
      expect(compared).toBe(head.measures.length);
    });

    test('what weir counted by the minute has the same peaks where the time range is short', async () => {
      const [dashboard, peaks] = find('weir-itself', 'Peaks, by exporter');
      const object = toPanelObject(peaks, dashboard.name, dashboard.config.title);
      const short = { fromMs: rangeFromMs, toMs: rangeFromMs + 900_000 };
      const { differences, compared } = await comparePanel(peaks, object, knownLedger, short, askOf('weir-ledger-*'));
      expect(differences).toEqual([]);
      expect(compared).toBeGreaterThan(0);
    });

    test('controls offer every value that the flows have', async () => {
      const splits = new Map(
        definitions.dashboards.flatMap(({ controls }) => controls.map((split) => [split.field, split])),
      );
      for (const [field, split] of splits) {
        const source = definitions.sources.get(split.source)!;
        const offered = await askControl(field, 1000, range, askOf(source.pattern));
        const known = [...toGroups(groupByField(field), knownOf(source)).keys()];
        expect(offered.map(String).sort(), field).toEqual(known.map(String).sort());
      }
    });

    test('a panel that adds up another field, or leaves a filter out, is caught', async () => {
      const [overview, services] = find('overview', 'Services (bytes)');
      const packets = { ...services.measures[0]!, field: 'flow.packets' };
      const wrongField = toPanelObject({ ...services, measures: [packets] }, overview.name, overview.config.title);
      expect((await comparePanel(services, wrongField, knownFlows, range, ask)).differences).not.toEqual([]);
      const [as, sources] = find('flows-as', 'Source autonomous systems (bytes)');
      const unfiltered = toPanelObject({ ...sources, filters: [] }, as.name, as.config.title);
      expect((await comparePanel(sources, unfiltered, knownFlows, range, ask)).differences).not.toEqual([]);
    });
  });
});

function find(name: string, title: string): [Dashboard, Panel] {
  const dashboard = definitions.dashboards.find((each) => each.name === name)!;
  return [dashboard, dashboard.rows.flat().find((panel) => panel.title === title)!];
}

function knownOf({ name }: Source): readonly KnownDocument[] {
  return name === 'ledger' ? knownLedger : name === 'hours' ? knownRollups : knownFlows;
}

function needsScripts({ config, measures, filters }: Panel): boolean {
  const isCalculated = measures.some(
    (measure) => measure.isPerSecond || measure.times !== 1 || measure.derived !== undefined,
  );
  return config.kind === 'series'
    ? isCalculated || measures.some(isCounted)
    : filters.some((filter) => filter.config.same !== undefined);
}

/** TSVB counts by an expression, which is a module of its own. */
function isCounted({ aggregation }: Panel['measures'][number]): boolean {
  return aggregation === 'count';
}
