import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  elastiflowDifferences,
  fieldDocsFile,
  headerFields,
  originOf,
  readMappedTypes,
  toFieldDocs,
} from '../../scripts/generate-field-docs.ts';
import { documentFieldNames } from '../../src/enrich/document-fields.ts';
import { loadFieldMap, type ObjectName } from '../../src/enrich/field-map.ts';
import { readTsv } from '../../src/enrich/protocol-names.ts';
import { toReverseName } from '../../src/model/element.ts';
import { capturesFolder, describeWith } from '../needs.ts';

test('docs/fields.md is what scripts/generate-field-docs.ts makes: run it after a change of fields, types or steps', () => {
  expect(readFileSync(fieldDocsFile, 'utf8')).toBe(toFieldDocs());
});

const fieldMap = loadFieldMap();

test.each(documentFieldNames())('%s has a type in the index template, and an origin', (path) => {
  expect(readMappedTypes().get(path)?.type).toMatch(/^(?:date|ip|keyword|long|geo_point|boolean)$/);
  expect(originOf(path, fieldMap)).not.toBe('');
});

/** Names that documents have without a registry naming them: stored-columns.ts. */
const written = ['@version', 'netflow.forwarding_status.status', 'netflow.forwarding_status.reason', 'sflow.ip_ecn'];

/** Every name that weir can store. */
function storableNames(): ReadonlySet<string> {
  const names = new Set([...documentFieldNames(), ...written]);
  for (const object of ['netflow', 'ipfix', 'sflow'] as const) {
    for (const name of headerFields[object]) names.add(`${object}.${name}`);
    for (const name of fieldMap.storedNames[object].values()) names.add(`${object}.${name}`);
    for (const [, element = ''] of readTsv('information-elements.tsv')) {
      for (const name of [element, toReverseName(element)]) names.add(`${object}.${storedName(object, name)}`);
    }
  }
  return names;
}

function storedName(object: ObjectName, element: string): string {
  return fieldMap.storedNames[object].get(element) ?? element;
}

test('what is listed as a difference is not stored', () => {
  const names = storableNames();
  // sFlow samples have no elements of NetFlow's; the names of IANA's elements are no proof there.
  expect(Object.keys(elastiflowDifferences).filter((path) => names.has(path))).toEqual([]);
});

describeWith(['captures'], 'the fields of ElastiFlow 3.5.1', () => {
  const rows = () =>
    readFileSync(`${capturesFolder}../reference/elastiflow-3.5.1-fields.tsv`, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
      // "-": declared in the template, and never written. "*": the rule for all others.
      .filter(([path, , protocols]) => protocols !== '-' && path !== '*');

  test('are all stored under the same name, but for those that docs/fields.md lists with the reason', () => {
    expect(rows().length).toBeGreaterThan(3500);
    const names = storableNames();
    const missing = rows().flatMap(([path = '']) => (names.has(path) ? [] : [path]));
    expect(missing.sort()).toEqual(Object.keys(elastiflowDifferences).sort());
  });

  test('have the same types where the index template names them', () => {
    const types = readMappedTypes();
    const different = rows().flatMap(([path = '', type]) => {
      const own = types.get(path)?.type;
      return own === undefined || own === type ? [] : [`${path}: ${type}, here ${own}`];
    });
    expect(different).toEqual([]);
  });
});

describe('the field documentation', () => {
  test('has a row for each field', () => {
    const docs = readFileSync(fieldDocsFile, 'utf8');
    for (const path of documentFieldNames()) expect(docs).toContain(`\n| \`${path}\` | `);
  });
});
