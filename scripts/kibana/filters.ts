// A filter → a Lucene query (Elasticsearch's query_string, which every kind of visualization of Kibana 7 takes), or a query of the search API.

import type { FieldTest, FilterConfig } from './definition-schema.ts';
import type { JsonObject } from './saved-object.ts';

/** '' where there is nothing to ask. What compares two fields has no words in Lucene's language: `toScripts`. */
export function toLucene(filters: readonly FilterConfig[]): string {
  const clauses = filters.flatMap(toClauses);
  return clauses.join(' AND ');
}

function toClauses({ exists, not, either, fields }: FilterConfig): string[] {
  return [
    ...(exists === undefined ? [] : [exists].flat()).map((field) => `_exists_:${field}`),
    ...Object.entries(fields ?? {}).map(([field, test]) => `${field}:${toTest(test)}`),
    // Alone, "NOT x" finds nothing in some places: what it is taken from is said.
    ...(not === undefined ? [] : [`(*:* AND NOT (${toClauses(not).join(' AND ')}))`]),
    ...(either === undefined ? [] : [`(${either.map((each) => `(${toClauses(each).join(' AND ')})`).join(' OR ')})`]),
  ];
}

function toTest(test: FieldTest): string {
  if (Array.isArray(test)) return `(${test.map(quoted).join(' OR ')})`;
  if (typeof test !== 'object') return quoted(test);
  return `[${test.from ?? '*'} TO ${test.below ?? '*'}${test.below === undefined ? ']' : '}'}`;
}

function quoted(value: string | number | boolean): string {
  return `"${String(value).replace(/["\\]/g, '\\$&')}"`;
}

/** The parts of filters that compare two fields. */
export function toScripts(filters: readonly FilterConfig[]): JsonObject[] {
  return filters.flatMap(({ same }) => {
    if (same === undefined) return [];
    const [a, b] = same.map((field) => `doc['${field}']`);
    return [
      {
        script: {
          script: { lang: 'painless', source: `${a}.size() > 0 && ${b}.size() > 0 && ${a}.value == ${b}.value` },
        },
      },
    ];
  });
}

/** All of it as clauses of a bool query. */
export function toFilterClauses(filters: readonly FilterConfig[]): JsonObject[] {
  const query = toLucene(filters);
  return [...(query === '' ? [] : [{ query_string: { query, analyze_wildcard: true } }]), ...toScripts(filters)];
}
