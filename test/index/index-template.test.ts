import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documentFieldNames } from '../../src/enrich/document-fields.ts';
import { createIndexNaming } from '../../src/index/index-name.ts';
import { readIndexTemplates } from '../../src/index/index-template.ts';

interface Mapping {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Mapping>>;
}

const [flows, deadLetters] = await readIndexTemplates(createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => 0));
const mappings = flows?.body['mappings'] as Mapping;

function typeOf(path: string): string | undefined {
  return path.split('.').reduce<Mapping | undefined>((mapping, name) => mapping?.properties?.[name], mappings)?.type;
}

test('every field that enrich writes has a type in the template', () => {
  expect(documentFieldNames().length).toBeGreaterThan(60);
  expect(documentFieldNames().filter((path) => typeOf(path) === undefined)).toEqual([]);
});

test('the index is sorted by fields that have doc values', () => {
  const { index } = flows!.body['settings'] as { index: { 'sort.field': string[] } };
  expect(index['sort.field'].map(typeOf)).toEqual(['keyword', 'keyword']);
});

test('the files say what is applied', () => {
  for (const template of [flows, deadLetters]) {
    const file = new URL(`../../index-templates/${template?.name}.json`, import.meta.url);
    expect(template?.body).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  }
});
