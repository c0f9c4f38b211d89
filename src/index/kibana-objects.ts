// The saved objects that weir brings, and how it knows its own again: docs/decisions/0055.

import { createHash } from 'node:crypto';
import { WeirError } from '../model/errors.ts';
import { asRecord } from './server-answer.ts';

export interface SavedObject {
  readonly type: string;
  readonly id: string;
  readonly title: string;
  /** Its line of the file. */
  readonly line: string;
  /** Hash of the line. */
  readonly source: string;
  /** Keys of what it shows, or reads. */
  readonly references: readonly string[];
}

/** Of an object as Kibana has it. */
export interface FoundObject {
  readonly updatedAt: string;
  readonly made: string;
  /** Keys. */
  readonly references: readonly string[];
}

/** What was imported when; `updatedAt` and `made` are absent from before the import to after it. */
export interface ImportEntry {
  readonly source: string;
  readonly updatedAt?: string;
  readonly made?: string;
}

export type ImportRecord = ReadonlyMap<string, ImportEntry>;

export type ObjectState = 'new' | 'changed by weir' | 'changed by user' | 'deleted by user' | 'unchanged';

export function keyOf({ type, id }: { readonly type: string; readonly id: string }): string {
  return `${type}/${id}`;
}

export function readSavedObjects(ndjson: string): readonly SavedObject[] {
  return ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { type, id, attributes, references } = JSON.parse(line) as {
        type: string;
        id: string;
        attributes: { title: string };
        references: unknown;
      };
      return { type, id, title: attributes.title, line, source: hash(line), references: toKeys(references) };
    });
}

/**
 * Kibana migrates what it imports, so ours can't be compared with what is there: what Kibana made of it is. A Kibana that is upgraded
 * migrates again, but keeps the time of the last change: either will do. Objects without an entry were not made by `weir setup`.
 */
export function toState(
  object: SavedObject,
  found: FoundObject | undefined,
  entry: ImportEntry | undefined,
): ObjectState {
  if (found === undefined) return entry?.updatedAt === undefined ? 'new' : 'deleted by user';
  if (entry === undefined) return 'changed by user';
  const isOurs = entry.updatedAt === undefined || entry.updatedAt === found.updatedAt || entry.made === found.made;
  if (!isOurs) return 'changed by user';
  return entry.updatedAt !== undefined && entry.source === object.source ? 'unchanged' : 'changed by weir';
}

/** An object of a `_bulk_get`; undefined where there is none. */
export function toFound(value: unknown): FoundObject | undefined {
  const object = asRecord(value);
  const attributes = asRecord(object?.['attributes']);
  if (object === undefined || attributes === undefined || object['error'] !== undefined) return undefined;
  return {
    updatedAt: String(object['updated_at']),
    made: hash(toStable([toCompared(object['type'], attributes), object['references']])),
    references: toKeys(object['references']),
  };
}

function toKeys(references: unknown): readonly string[] {
  return Array.isArray(references)
    ? references.map((value) => `${asRecord(value)?.['type']}/${asRecord(value)?.['id']}`)
    : [];
}

/** Kibana itself counts in an index pattern how often a field is used, and refreshes its list of fields. */
function toCompared(type: unknown, attributes: Readonly<Record<string, unknown>>): unknown {
  if (type !== 'index-pattern') return attributes;
  const { title, timeFieldName, sourceFilters, fieldFormatMap } = attributes;
  return { title, timeFieldName, sourceFilters, fieldFormatMap };
}

function toStable(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    const record = asRecord(part);
    return record === undefined
      ? part
      : Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export const recordId = { type: 'visualization', id: 'weir-import' } as const;

const fence = '```';

/** A page of text for people, with the record in it: an object of a kind that every Kibana 7 has and keeps. */
export function toRecordObject(record: ImportRecord): Readonly<Record<string, unknown>> {
  const entries = [...record].map(([key, { source, updatedAt, made }]) => [key, source, updatedAt, made]);
  const markdown = `weir setup keeps here what it imported, so that it never overwrites what was changed since. Without it, all is taken for changed.\n\n${fence}\n${JSON.stringify(entries)}\n${fence}`;
  const title = 'weir: what weir setup imported';
  return {
    attributes: {
      title,
      description: 'Kept by weir setup.',
      uiStateJSON: '{}',
      version: 1,
      visState: JSON.stringify({
        title,
        type: 'markdown',
        aggs: [],
        params: { fontSize: 12, openLinksInNewTab: false, markdown },
      }),
      kibanaSavedObjectMeta: { searchSourceJSON: '{"query":{"language":"kuery","query":""},"filter":[]}' },
    },
    migrationVersion: { visualization: '7.3.0' },
    references: [],
  };
}

/** Empty where there is none. Throws WeirError where somebody rewrote it. */
export function readRecordObject(value: unknown, address: string): ImportRecord {
  const visState = asRecord(asRecord(value)?.['attributes'])?.['visState'];
  if (visState === undefined) return new Map();
  try {
    const { params } = JSON.parse(String(visState)) as { params: { markdown: string } };
    const rows = JSON.parse(params.markdown.split(fence)[1] ?? '') as string[][];
    return new Map(
      rows.map(([key = '', source = '', updatedAt, made]) => [
        key,
        { source, ...(updatedAt != null && { updatedAt }), ...(made != null && { made }) },
      ]),
    );
  } catch {
    throw new WeirError(
      'kibana-refused',
      `Kibana at ${address}: the visualization ${recordId.id} was changed by hand`,
      {
        hint: 'Delete it, and run weir setup --force: it imports all anew.',
      },
    );
  }
}
