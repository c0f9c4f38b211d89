// pipelines/schema.json, by which editors complete and check pipeline files.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { pipelineSchemaFile, toPipelineSchemaText } from '../../scripts/generate-pipeline-schema.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const schema = JSON.parse(toPipelineSchemaText()) as { properties: Record<string, unknown> };
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);

function mistakesOf(text: string): readonly string[] {
  const value: unknown = parse(text);
  return validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

test('pipelines/schema.json is what scripts/generate-pipeline-schema.ts makes: run it after a change of keys or steps', () => {
  expect(readFileSync(pipelineSchemaFile, 'utf8')).toBe(toPipelineSchemaText());
});

test.each(readdirSync(`${root}pipelines`).filter((name) => name.endsWith('.yml')))(
  'pipelines/%s names the schema and keeps to it',
  (name) => {
    const text = readFileSync(`${root}pipelines/${name}`, 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./schema.json');
    expect(mistakesOf(text)).toEqual([]);
  },
);

describe('the pipelines shown in the documentation keep to the schema', () => {
  const shown = ['README.md', 'docs/pipelines.md', 'docs/operations.md', 'docs/geoip.md'].flatMap((file) =>
    [...readFileSync(root + file, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => [file, match[1] ?? ''] as const,
    ),
  );

  test.each(shown)('in %s: %s', (_file, text) => {
    const name = /^name:/m.test(text) ? '' : 'name: shown\n';
    const steps = /^steps:/m.test(text) ? '' : /^ *- /.test(text) ? 'steps:\n' : 'steps: []\n';
    expect(mistakesOf(name + steps + text)).toEqual([]);
  });
});

test.each([
  ['a key that does not exist', 'name: a\nsteps: []\nqueues: {}'],
  ['a step that does not exist', 'name: a\nsteps: [ geoipp ]'],
  ['an option that does not exist', 'name: a\nsteps: [ { geoip: { databse: a.mmdb } } ]'],
  ['two steps in one item', 'name: a\nsteps: [ { geoip: {}, asn: {} } ]'],
  ['a step without the options that it needs', 'name: a\nsteps: [ drop ]'],
  ['a number out of its bounds', 'name: a\nsteps: []\nbatch: { records: 0 }'],
  ['no steps', 'name: a'],
  ['a duration in a unit that there is not', 'name: a\nsteps: []\nbatch: { age: 5 parsecs }'],
  ['a duration without a number', 'name: a\nsteps: [ { hostname: { wait: long } } ]'],
  ['a size in a unit that there is not', 'name: a\nsteps: []\nqueue: { memory: 64MiX }'],
  ['a list of subnets with a word in it', 'name: a\nsteps: [ { hostname: { networks: [ router ] } } ]'],
  ['a map from a word in place of a subnet', 'name: a\nsteps: [ { sampling: { default: { router: 5 } } } ]'],
  [
    'a map from a subnet that is too long',
    'name: a\nsteps: [ { reputation: { lists: [ a.txt ], labels: { 10.0.0.0/33: bad } } } ]',
  ],
])('refuses %s', (_, text) => {
  expect(mistakesOf(text)).not.toEqual([]);
});

test('takes variables where numbers stand, and steps without options', () => {
  expect(
    mistakesOf(
      `name: a\nsteps: [ server, geoip: , sampling: { default: "\${RATE:1000}" } ]\nbatch: { records: "\${N}" }`,
    ),
  ).toEqual([]);
});

test.each(['200ms', '1.5s', '5 m', '2H', '30d', "'  1s '", `"\${AGE:1s}"`])('takes the duration %s', (age) => {
  expect(mistakesOf(`name: a\nsteps: []\nbatch: { age: ${age} }`)).toEqual([]);
});

test.each(['65536', '"65536"', '500KB', '64 MiB', '1.5gib', `"\${SIZE}"`])('takes the size %s', (bytes) => {
  expect(mistakesOf(`name: a\nsteps: []\nqueue: { memory: ${bytes} }`)).toEqual([]);
});

test.each(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::ffff:192.0.2.1', '::/0', '2001:DB8::1/128'])(
  'takes the subnet %s',
  (subnet) => {
    expect(mistakesOf(`name: a\nsteps: [ { hostname: { networks: [ "${subnet}" ] } } ]`)).toEqual([]);
  },
);

test('has a sentence for each key and each step', () => {
  const silent: string[] = [];
  function look(at: unknown, path: string): void {
    const { properties = {}, anyOf = [] } = at as { properties?: Record<string, object>; anyOf?: object[] };
    for (const [key, value] of Object.entries(properties)) {
      if (!('description' in value)) silent.push(`${path}.${key}`);
      // What is inside of an option, its own sentence says.
      if (!/^steps\.[^.]+$/.test(path)) look(value, `${path}.${key}`);
    }
    for (const branch of anyOf) look(branch, path);
  }
  look(schema, '');
  const { items } = schema.properties['steps'] as { items: { anyOf: { properties?: Record<string, object> }[] } };
  look(items, 'steps');
  expect(silent).toEqual([]);
  expect(Object.keys(items.anyOf[1]?.properties ?? {})).toEqual(stepCatalog.map(({ name }) => name));
});
