// Saved objects as Kibana 7.3 exports them, which every Kibana from 7.3 to 7.17 imports and migrates by itself.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface Reference {
  readonly id: string;
  readonly name: string;
  readonly type: SavedObjectType;
}

export type SavedObjectType = 'dashboard' | 'index-pattern' | 'search' | 'visualization';

export interface SavedObject {
  readonly type: SavedObjectType;
  readonly id: string;
  readonly attributes: JsonObject;
  readonly references: readonly Reference[];
}

/** An object without its version runs through every migration from the oldest; with one that is too new, the whole import fails. */
export const migrationVersions: Readonly<Record<SavedObjectType, string>> = {
  dashboard: '7.3.0',
  'index-pattern': '6.5.0',
  search: '7.0.0',
  visualization: '7.3.0',
};

/** One object a line, sorted; no line about the export, at which Kibana 7.4 hangs. */
export function toNdjson(objects: readonly SavedObject[]): string {
  return objects
    .toSorted((a, b) => compare(a.type, b.type) || compare(a.id, b.id))
    .map(
      ({ type, id, attributes, references }) =>
        `${JSON.stringify(
          sorted({
            attributes,
            id,
            migrationVersion: { [type]: migrationVersions[type] },
            references: references.map((reference) => ({ ...reference })),
            type,
          }),
        )}\n`,
    )
    .join('');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The same object with its keys in order. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => compare(a, b))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** Where visualizations and searches name their index pattern. */
const indexReference = 'kibanaSavedObjectMeta.searchSourceJSON.index';

export function toSearchSource(
  sourceId: string,
  query: string,
  filters: readonly JsonObject[],
): { readonly searchSourceJSON: string; readonly references: readonly Reference[] } {
  const searchSource = {
    query: { language: 'lucene', query },
    filter: filters.map((filter, index) => ({
      $state: { store: 'appState' },
      meta: {
        alias: null,
        disabled: false,
        indexRefName: filterReference(index),
        key: 'query',
        negate: false,
        type: 'custom',
        value: JSON.stringify(filter),
      },
      query: filter,
    })),
    indexRefName: indexReference,
  };
  return {
    searchSourceJSON: JSON.stringify(searchSource),
    references: [
      { id: sourceId, name: indexReference, type: 'index-pattern' },
      ...filters.map((_, index) => ({ id: sourceId, name: filterReference(index), type: 'index-pattern' as const })),
    ],
  };
}

function filterReference(index: number): string {
  return `kibanaSavedObjectMeta.searchSourceJSON.filter[${index}].meta.index`;
}
