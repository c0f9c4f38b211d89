import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { indexTemplateFile, toIndexTemplate } from '../../scripts/generate-index-template.ts';
import { documentFieldNames } from '../../src/enrich/document-fields.ts';
import { createIndexNaming } from '../../src/index/index-name.ts';
import { flowKind, readIndexTemplates, toComposableBody, toLegacyBody } from '../../src/index/index-template.ts';

interface Mapping {
  readonly type?: string;
  readonly path?: string;
  readonly index?: boolean;
  readonly dynamic?: boolean;
  readonly properties?: Readonly<Record<string, Mapping>>;
}

const naming = createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => 0);
const templates = await readIndexTemplates({ naming, flowPattern: naming.wildcard });
const flows = templates.find(({ kind }) => kind === flowKind);
const mappings = flows?.mappings as Mapping;

function fieldsOf({ properties = {} }: Mapping, prefix = ''): [string, Mapping][] {
  return Object.entries(properties).flatMap(([name, mapping]) =>
    // A label is a name of the user's own.
    prefix + name === 'labels'
      ? []
      : mapping.properties === undefined
        ? [[prefix + name, mapping]]
        : fieldsOf(mapping, `${prefix}${name}.`),
  );
}

function typeOf(path: string): string | undefined {
  return path.split('.').reduce<Mapping | undefined>((mapping, name) => mapping?.properties?.[name], mappings)?.type;
}

test('index-templates/weir-flow.json is what scripts/generate-index-template.ts makes: run it after a change of fields', () => {
  expect(readFileSync(indexTemplateFile, 'utf8')).toBe(toIndexTemplate());
});

test('every field that enrich writes has a type in the template', () => {
  expect(documentFieldNames().length).toBeGreaterThan(60);
  expect(documentFieldNames().filter((path) => typeOf(path) === undefined)).toEqual([]);
});

test('the template has the fields of docs/fields.md, and no other', () => {
  const docs = readFileSync(new URL('../../docs/fields.md', import.meta.url), 'utf8');
  const [documented = ''] = docs.split('## What ElastiFlow had');
  const rows = [...documented.matchAll(/^\| `([^`]+)` \| (\w+)/gm)].map(([, path, type]) => `${path} ${type}`);
  const own = [...fieldsOf(mappings)].filter(([path, { type }]) => type !== 'alias' && path !== 'tags');
  expect(rows.sort()).toEqual(own.map(([path, { type }]) => `${path} ${type}`).sort());
});

test('an ECS name stands for a field that can be searched', () => {
  const fields = new Map(fieldsOf(mappings));
  const aliases = [...fields.values()].filter(({ type }) => type === 'alias');
  expect(aliases.length).toBeGreaterThan(60);
  expect(aliases.filter(({ path = '' }) => fields.get(path)?.index === false || !fields.has(path))).toEqual([]);
});

test('nothing but labels and what exporters send beside known fields is learnt', () => {
  expect(mappings.dynamic).toBe(false);
  const open = Object.entries(mappings.properties ?? {}).filter(([, { dynamic }]) => dynamic === true);
  expect(open.map(([name]) => name).sort()).toEqual(['ipfix', 'labels', 'netflow', 'sflow']);
});

test('the index is sorted by fields that have doc values', () => {
  const { index } = flows!.settings as { index: { 'sort.field': string[] } };
  expect(index['sort.field'].map(typeOf)).toEqual(['ip', 'keyword']);
});

test('every file becomes a template of both kinds, with the marker that its indices inherit', () => {
  expect(templates.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['weir-flow', 'weir-dead-letters']));
  for (const template of templates) {
    const file = new URL(`../../index-templates/${template.kind}.json`, import.meta.url);
    const written = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
    const { settings, version, index_patterns } = written;
    const withMarker = { _meta: { weir: { template: template.kind, version } }, ...written['mappings'] };
    expect(toLegacyBody(template)).toMatchObject({ version, index_patterns, settings, mappings: withMarker });
    expect(toComposableBody(template)).toMatchObject({
      version,
      index_patterns,
      template: { settings, mappings: withMarker },
    });
  }
});

test('the template of flows follows the name that the pipeline file gives to indices', async () => {
  const others = createIndexNaming('traffic_%{yyyy-MM}', () => 0);
  const [renamed] = (await readIndexTemplates({ naming: others, flowPattern: others.wildcard })).filter(
    ({ kind }) => kind === flowKind,
  );
  expect(renamed).toMatchObject({ name: 'traffic', patterns: ['traffic_*'] });
});

test('a template that changed has another version', () => {
  const known = JSON.parse(readFileSync(new URL('template-versions.json', import.meta.url), 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  for (const { kind, version } of templates) {
    const file = new URL(`../../index-templates/${kind}.json`, import.meta.url);
    const { version: _, ...content } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
    // Raise "version" in the template's file, and put the hash here as a new line; older lines stay.
    expect({ kind, version, hash: known[kind]?.[version] }).toEqual({ kind, version, hash });
    expect(Object.keys(known[kind] ?? {}).map(Number)).toEqual(Array.from({ length: version }, (_, at) => at + 1));
  }
});
