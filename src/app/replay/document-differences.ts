// Documents that two pipelines make of the same flow, compared: how many are the same, which fields differ how often, and a few examples.
// What is kept is bounded, however many documents there are.

import { isDeepStrictEqual } from 'node:util';

/** Of a field in documents that both pipelines made. */
export interface FieldDifference {
  readonly field: string;
  readonly changed: number;
  readonly onlyBefore: number;
  readonly onlyAfter: number;
}

export interface DocumentExample {
  /** Where the flow stands: file, datagram in it, exporter, time. */
  readonly file: string;
  readonly datagram: number;
  readonly exporter: string;
  readonly time: string;
  /** `added`: only the second pipeline makes it; `dropped`: only the first. */
  readonly what: 'changed' | 'added' | 'dropped';
  /** Field → values; absent: the document has no such field. Of added and dropped documents a few that tell the flow. */
  readonly fields: Readonly<Record<string, { readonly before?: unknown; readonly after?: unknown }>>;
}

export interface DocumentDifferences {
  same(count: number): void;
  /** JSON texts; undefined: the pipeline makes no document of this flow. */
  compare(before: string | undefined, after: string | undefined, place: () => Place): void;
  result(): DifferencesResult;
}

export type Place = Pick<DocumentExample, 'file' | 'datagram' | 'exporter'>;

export interface DifferencesResult {
  readonly same: number;
  readonly changed: number;
  readonly added: number;
  readonly dropped: number;
  /** Those that differ most often come first. */
  readonly fields: readonly FieldDifference[];
  readonly examples: readonly DocumentExample[];
}

/** Exporters may send names without end; those beyond are counted together. */
const maxFields = 2000;
const otherFields = '(other fields)';
/** Of one example. */
const maxExampleFields = 50;
const tellingFields = [
  'flow.src_addr',
  'flow.src_port',
  'flow.dst_addr',
  'flow.dst_port',
  'flow.ip_protocol',
  'flow.bytes',
];

export function createDocumentDifferences({ maxExamples }: { readonly maxExamples: number }): DocumentDifferences {
  const counts = { same: 0, changed: 0, added: 0, dropped: 0 };
  const fields = new Map<string, { changed: number; onlyBefore: number; onlyAfter: number }>();
  const examples: DocumentExample[] = [];

  function countsOf(field: string) {
    const name = fields.has(field) || fields.size < maxFields ? field : otherFields;
    const known = fields.get(name) ?? { changed: 0, onlyBefore: 0, onlyAfter: 0 };
    fields.set(name, known);
    return known;
  }

  function compare(before: string | undefined, after: string | undefined, place: () => Place): void {
    if (before === after) {
      if (before !== undefined) counts.same += 1;
      return;
    }
    const old = before === undefined ? undefined : toFields(before);
    const fresh = after === undefined ? undefined : toFields(after);
    if (old === undefined || fresh === undefined) {
      const what = old === undefined ? 'added' : 'dropped';
      counts[what] += 1;
      if (examples.length < maxExamples) examples.push(toExample(what, place(), old, fresh, tellingFields));
      return;
    }
    const different: string[] = [];
    for (const [field, value] of old) {
      if (!fresh.has(field)) countsOf(field).onlyBefore += 1;
      else if (isDeepStrictEqual(value, fresh.get(field))) continue;
      else countsOf(field).changed += 1;
      different.push(field);
    }
    for (const field of fresh.keys()) {
      if (old.has(field)) continue;
      countsOf(field).onlyAfter += 1;
      different.push(field);
    }
    // The same fields in another order.
    if (different.length === 0) counts.same += 1;
    else {
      counts.changed += 1;
      if (examples.length < maxExamples) examples.push(toExample('changed', place(), old, fresh, different));
    }
  }

  return {
    same(count) {
      counts.same += count;
    },
    compare,
    result() {
      const total = ({ changed, onlyBefore, onlyAfter }: FieldDifference): number => changed + onlyBefore + onlyAfter;
      const sorted = [...fields].map(([field, count]) => ({ field, ...count })).sort((a, b) => total(b) - total(a));
      return { ...counts, fields: sorted, examples };
    },
  };
}

type Fields = ReadonlyMap<string, unknown>;

function toExample(
  what: DocumentExample['what'],
  place: Place,
  before: Fields | undefined,
  after: Fields | undefined,
  different: readonly string[],
): DocumentExample {
  const shown = different.slice(0, maxExampleFields).flatMap((field) => {
    const values = {
      ...(before?.has(field) && { before: before.get(field) }),
      ...(after?.has(field) && { after: after.get(field) }),
    };
    return Object.keys(values).length === 0 ? [] : [[field, values] as const];
  });
  const time = String((before ?? after)?.get('@timestamp'));
  return { ...place, time, what, fields: Object.fromEntries(shown) };
}

/** Path → value, objects opened, lists as they are. */
function toFields(text: string): Fields {
  const fields = new Map<string, unknown>();
  function open(value: unknown, path: string): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) fields.set(path, value);
    else for (const [name, inner] of Object.entries(value)) open(inner, path === '' ? name : `${path}.${name}`);
  }
  open(JSON.parse(text), '');
  return fields;
}
