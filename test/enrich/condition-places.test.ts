// Mistakes in conditions and templates have their line and column in the pipeline file, however the text is written there.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { documentFieldNames } from '../../src/enrich/document-fields.ts';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { typeOfField } from '../../src/enrich/stored-field.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';

function read(steps: string, environment: Record<string, string> = {}) {
  return readPipelineFile(`name: flow\nsteps:\n${steps}`, { path: 'a.yml', environment, stepDefinitions: stepCatalog });
}

function mistakeOf(steps: string, environment?: Record<string, string>): string {
  try {
    read(steps, environment);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error('the file was accepted');
}

describe('the place of a mistake', () => {
  test.each<[how: string, steps: string, start: string]>([
    ['a plain text', '  - keep: { when: flow.dst_port = x }', 'a.yml:3:35 keep.when: expected a number'],
    ['double quotes', '  - keep: { when: "flow.dst_prt = 1" }', 'a.yml:3:20 keep.when: unknown field'],
    [
      'double quotes with escapes',
      '  - keep: { when: "flow.application = \\"x\\" or 1" }',
      'a.yml:3:48 keep.when: expected a field',
    ],
    ['single quotes', "  - keep: { when: 'exists flow.x' }", 'a.yml:3:27 keep.when: unknown field'],
    [
      'a folded block',
      '  - keep:\n      when: >-\n        exists flow.vlan\n        and flow.x = 1',
      'a.yml:6:13 keep.when: unknown field',
    ],
    [
      'a literal block',
      '  - keep:\n      when: |\n        exists flow.vlan\n          and flow.x = 1\n',
      'a.yml:6:15 keep.when: unknown field',
    ],
    [
      'a text over several lines',
      '  - keep:\n      when: exists flow.vlan\n        and flow.x = 1',
      'a.yml:5:13 keep.when: unknown field',
    ],
    ['a text that ends too early', '  - keep: { when: "flow.vlan =" }', 'a.yml:3:31 keep.when: expected a number'],
    [
      'a step that takes a mapping, too',
      '  - drop: { when: "flow.vlan = 1 && flow.tos = 1" }',
      'a.yml:3:34 drop.when: "&&" is no sign',
    ],
    [
      'a mapping where a condition may stand',
      '  - drop: { when: { flow.vln: 1 } }',
      'a.yml:3:21 drop.when: unknown field',
    ],
    ['neither', '  - drop: { when: 5 }', 'a.yml:3:19 drop.when: expected a condition'],
    [
      'a template',
      `  - fields: { set: { labels.a: "x \${flow.vln}" } }`,
      'a.yml:3:37 fields.set.labels.a: unknown field "flow.vln"',
    ],
    [
      'a template behind a dollar sign',
      `  - fields: { set: { labels.a: "$$ \${flow.vln}" } }`,
      'a.yml:3:38 fields.set.labels.a: unknown',
    ],
    ['the field that is set', '  - fields: { set: { flow.vln: 1 } }', 'a.yml:3:22 fields.set: unknown field'],
    [
      'a field that is removed',
      '  - fields: { remove: [ flow.vlan, flow.vln ] }',
      'a.yml:3:36 fields.remove: unknown field',
    ],
    [
      'a field that is looked up',
      '  - lookup: { by: flow.vln, file: a.csv, set: { labels.a: b } }',
      'a.yml:3:19 lookup.by: unknown field',
    ],
  ])('in %s', (_how, steps, start) => {
    expect(mistakeOf(steps).split('\n')[0]?.slice(0, start.length)).toBe(start);
  });

  test('of what a variable holds is the value', () => {
    const mistake = mistakeOf(`  - keep: { when: "\${WHEN}" }`, { WHEN: 'flow.dst_port = x' });
    expect(mistake).toMatch(/^a\.yml:3:19 keep\.when: expected a number .* from \$\{WHEN\}$/);
  });
});

test('fields in templates are no variables, and variables serve beside them', () => {
  const { steps } = read(`  - fields: { set: { labels.a: "\${SITE} \${flow.vlan:no VLAN} \${TOWN:Boston}" } }`, {
    SITE: 'B1',
  });
  expect(steps[0]?.options).toMatchObject({ set: { 'labels.a': `B1 \${flow.vlan:no VLAN} Boston` } });
});

test('outside of steps a field is no variable', () => {
  expect(() =>
    readPipelineFile(`name: flow\nsteps: []\nstate: "\${flow.vlan}"`, {
      path: 'a.yml',
      environment: {},
      stepDefinitions: stepCatalog,
    }),
  ).toThrow(/is no variable/);
});

test('fields have the type that the index has', () => {
  const template: unknown = JSON.parse(
    readFileSync(new URL('../../index-templates/weir-flow.json', import.meta.url), 'utf8'),
  );
  const types = {
    ip: 'address',
    long: 'number',
    keyword: 'text',
    boolean: 'boolean',
    date: 'time',
    geo_point: 'place',
  } as const;
  const expected = documentFieldNames().map((path) => {
    const mapping = valueAtPath(template, `mappings.properties.${path.replaceAll('.', '.properties.')}.type`);
    // Numbers and an address, which ElastiFlow's index has as keywords.
    if (path === 'event.host') return [path, 'address'];
    if (/^flow\.(?:in|out)put_snmp$/.test(path)) return [path, 'number'];
    return [path, types[mapping as keyof typeof types] ?? `no mapping: ${String(mapping)}`];
  });
  expect(documentFieldNames().map((path) => [path, typeOfField(path)])).toEqual(expected);
});
