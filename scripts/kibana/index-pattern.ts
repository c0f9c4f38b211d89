// An index pattern: the fields of the index template, and how their values are shown.

import type { Definitions, Source } from './definitions.ts';
import type { IndexField } from './fields.ts';
import { dashboardId } from './identity.ts';
import type { Json, JsonObject, SavedObject } from './saved-object.ts';

/** Elasticsearch's type → Kibana's. */
const kibanaTypes: Readonly<Record<string, string>> = {
  keyword: 'string',
  ip: 'ip',
  date: 'date',
  boolean: 'boolean',
  geo_point: 'geo_point',
};

const metaFields: readonly (readonly [name: string, type: string, isSearched: boolean])[] = [
  ['_id', 'string', true],
  ['_index', 'string', true],
  ['_score', 'number', false],
  ['_source', '_source', false],
  ['_type', 'string', true],
];

export function toIndexPattern(source: Source, formats: Definitions['formats'][string] = {}): SavedObject {
  const fields: Json[] = metaFields.map(([name, type, isSearched]) => ({
    name,
    type,
    count: 0,
    scripted: false,
    searchable: isSearched,
    aggregatable: isSearched,
    readFromDocValues: false,
  }));
  for (const field of source.fields.values()) fields.push(toField(field));
  return {
    type: 'index-pattern',
    id: source.id,
    attributes: {
      title: source.pattern,
      timeFieldName: source.time,
      fields: JSON.stringify(fields),
      fieldFormatMap: JSON.stringify(
        Object.fromEntries(Object.entries(formats).map(([field, format]) => [field, toFormat(format)])),
      ),
    },
    references: [],
  };
}

function toField({ name, type, isSearched }: IndexField): JsonObject {
  return {
    name,
    type: kibanaTypes[type] ?? 'number',
    esTypes: [type],
    count: 0,
    scripted: false,
    searchable: isSearched,
    aggregatable: true,
    readFromDocValues: true,
  };
}

function toFormat(format: Definitions['formats'][string][string]): JsonObject {
  switch (format) {
    // "bd" counts in thousands: 1 GB is 10⁹ bytes, as 1 Gbit/s is 10⁹ bits.
    case 'bytes':
      return { id: 'number', params: { pattern: '0,0.[00]bd' } };
    case 'bits':
      return { id: 'number', params: { pattern: '0,0.[00]a' } };
    case 'number':
      return { id: 'number', params: { pattern: '0,0' } };
    case 'plain':
      return { id: 'number', params: { pattern: '0' } };
    default:
      return {
        id: 'url',
        params: { type: 'a', urlTemplate: toLink(format), labelTemplate: '{{value}}', openLinkInCurrentTab: true },
      };
  }
}

/**
 * Within the page, so that it works in any space and below any base path, and that the time range and pinned filters stay, as they do in
 * the navigation. Discover of Kibana 7.10, an application of its own, does not know where to go; a path that it knows, 7.3 does not.
 */
function toLink({ link, query }: { readonly link: string; readonly query: string }): string {
  const encoded = encodeURIComponent(query).replaceAll('%7B%7Bvalue%7D%7D', '{{value}}').replaceAll("'", '%27');
  return `#/dashboard/${dashboardId(link)}?_a=(query:(language:lucene,query:'${encoded}'))`;
}
