// Mistakes in definitions are told with their place, all at once.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toDashboardObjects } from '../../scripts/kibana/dashboard-objects.ts';
import { definitionsFolder, readDefinitions } from '../../scripts/kibana/definitions.ts';
import { toWidths } from '../../scripts/kibana/layout.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-definitions-'));
  cpSync(join(definitionsFolder, 'shared.yml'), join(folder, 'shared.yml'));
  cpSync(join(definitionsFolder, 'dashboards'), join(folder, 'dashboards'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const head = 'title: T\nquestion: Q?\nneeds: N.\n';

function mistakesOf(dashboard: string): string[] {
  writeFileSync(join(folder, 'dashboards', 'x.yml'), dashboard);
  try {
    readDefinitions(folder);
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace(/^\S*x\.yml/, 'x.yml'));
  }
  return [];
}

test('three lines add a panel', () => {
  const before = `${head}rows:\n  - - kind: donut\n      measure: bytes\n      split: clients\n`;
  expect(mistakesOf(before)).toEqual([]);
  expect(mistakesOf(`${before}    - kind: donut\n      measure: packets\n      split: clients\n`)).toEqual([]);
  const dashboard = readDefinitions(folder).dashboards.find(({ name }) => name === 'x')!;
  const ids = toDashboardObjects(dashboard, readDefinitions(folder)).map(({ id }) => id);
  expect(ids).toEqual(['weir-x-navigation', 'weir-x-clients-bytes', 'weir-x-clients-packets', 'weir-x']);
});

test.each([
  [
    'an unknown measure',
    '{ kind: donut, measure: byte, split: clients }',
    'x.yml:5:31 unknown measure "byte"; did you mean "bytes"?',
  ],
  [
    'an unknown split in a list',
    '{ kind: donut, measure: bytes, split: [clients, server] }',
    'x.yml:5:55 unknown split "server"; did you mean "servers"?',
  ],
  [
    'an unknown filter',
    '{ kind: metric, measure: bytes, filter: threat }',
    'x.yml:5:47 unknown filter "threat"; did you mean "threats"?',
  ],
  [
    'an unknown key',
    '{ kind: metric, mesure: bytes, measure: bytes }',
    'x.yml:5:23 unknown key "mesure" in rows; did you mean "measure"?',
  ],
  [
    'a rate without time',
    '{ kind: donut, measure: bits_per_second, split: clients }',
    'x.yml:5:7 a measure per second needs a series: only there is an interval',
  ],
  [
    'a map without places',
    '{ kind: map, measure: bytes, split: clients }',
    'x.yml:5:7 split clients: a map needs a geo_point, flow.client_hostname is of type keyword',
  ],
  [
    'terms of places',
    '{ kind: donut, measure: bytes, split: client_places }',
    'x.yml:5:7 split client_places: flow.client_geo_location is of type geo_point, which has no terms',
  ],
  [
    'too many parts',
    '{ kind: table, measure: bytes, split: [clients, servers], size: [100, 100] }',
    'x.yml:5:7 its parts may need 25760 buckets in one search, of 10000 at most: take smaller sizes',
  ],
  [
    'a field that is not there',
    '{ kind: records, columns: [flow.nothing] }',
    'x.yml:5:7 weir-flow-* has no field flow.nothing',
  ],
  [
    'a series that compares fields',
    '{ kind: series, measure: bytes, filter: towards_server }',
    'x.yml:5:7 a series can’t compare fields: Kibana takes only a query there',
  ],
])('%s is told with its place', (_, panel, expected) => {
  expect(mistakesOf(`${head}rows:\n  - - ${panel}\n`)).toEqual([expected]);
});

test('two panels of one dashboard can’t have the same title, of which ids are made', () => {
  const panel = '{ kind: donut, measure: bytes, split: clients }';
  expect(mistakesOf(`${head}rows:\n  - - ${panel}\n    - ${panel}\n`)).toEqual([
    'x.yml:6:7 two panels are called "Clients (bytes)": give one a title',
  ]);
});

test.each([
  [
    'an unknown kind',
    'rows:\n  - - { kind: pie, measure: bytes }\n',
    'x.yml:5:15 rows.kind: expected one of donut, series, table, cloud, sankey, heatmap, map, list, strip, metric, text, records, got "pie"',
  ],
  [
    'a sankey to nowhere',
    'rows:\n  - - { kind: sankey, measure: bytes, split: clients }\n',
    'x.yml:5:46 rows.split: expected two splits: [from, to], got "clients"',
  ],
  [
    'titles of which the same id is made',
    'rows:\n  - - { kind: metric, measure: bytes, title: A b }\n    - { kind: metric, measure: packets, title: A-b }\n',
    'x.yml:6:7 its title "A-b" makes the id weir-x-a-b, which is that of "A b" of x.yml: give it another',
  ],
  [
    'a title of which the id of the navigation is made',
    'rows:\n  - - { kind: metric, measure: bytes, title: Navigation }\n',
    'x.yml:5:7 its title "Navigation" makes the id weir-x-navigation, which is that of the navigation of x.yml: give it another',
  ],
  [
    'lists to choose from, of two index patterns',
    'controls: [clients, ledger_exporters]\nrows:\n  - - { kind: metric, measure: bytes }\n',
    'x.yml:4:21 it is of ledger, the first one of flows: all are of one source',
  ],
  [
    'a row that is too wide',
    'rows:\n  - - { kind: metric, measure: bytes, width: 40 }\n    - { kind: metric, measure: packets, width: 20 }\n',
    'x.yml:5:5 its panels are 60 columns wide, of 48 at most',
  ],
  [
    'more sizes than splits',
    'rows:\n  - - { kind: donut, measure: bytes, split: clients, size: [3, 4] }\n',
    'x.yml:5:60 2 sizes, of 1 splits',
  ],
  ['a slip of indentation', 'rows:\n\t- - kind: donut\n', 'x.yml:5:1 not YAML: Tabs are not allowed as indentation'],
])('%s is told with its place', (_, rest, expected) => {
  expect(mistakesOf(head + rest)).toEqual([expected]);
});

test('two dashboards can’t have one title', () => {
  expect(
    mistakesOf('title: Overview\nquestion: Q?\nneeds: N.\nrows:\n  - - { kind: metric, measure: bytes }\n'),
  ).toEqual(['x.yml:1:8 overview.yml has this title, too']);
});

test('a field that a measure has not is told once, where the measure is defined', () => {
  const path = join(folder, 'shared.yml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('sum: flow.packets }', 'sum: flow.packet }'));
  expect(() => readDefinitions(folder)).toThrow(
    /^\S*shared\.yml:\d+:\d+ measure packets: weir-flow-\* has no field flow\.packet$/,
  );
});

test('mistakes of all files are told together', () => {
  const [first = ''] = readdirSync(join(folder, 'dashboards'));
  writeFileSync(join(folder, 'dashboards', first), 'title: [\n');
  expect(mistakesOf('title: T\n')).toEqual([
    expect.stringContaining(`${first}:`),
    ...['question', 'needs', 'rows'].map((key) => expect.stringContaining(`x.yml:1:1 ${key} is missing`)),
  ]);
});

test('panels without a width share what is left of 48 columns', () => {
  expect(toWidths([undefined, undefined])).toEqual([24, 24]);
  expect(toWidths([12, undefined, undefined])).toEqual([12, 18, 18]);
  expect(toWidths([undefined, undefined, undefined, undefined, undefined])).toEqual([9, 9, 10, 10, 10]);
});
