// Documents of one batch that an index takes only without some of their fields: the fields are cut out of the text, and noted in it
// (`weir.dropped_fields`, `weir.dropped_values`). Kept here between attempts, because the batch's own bytes are the queue's.

import { cutMember } from './json-member.ts';
import { toShortText } from './short-text.ts';

export interface DroppedField {
  /** Full name, dots between the levels. */
  readonly name: string;
  /** JSON text of its value, as one short line. */
  readonly value: string;
}

export interface DocumentRepairs {
  /** The document's line as it is to be sent; undefined: as it came. */
  line(item: number): Buffer | undefined;
  /** False: none of the fields is there, or the document has lost so many that it is better kept as a dead letter. */
  dropFields(item: number, fields: readonly string[]): boolean;
  /** What the documents have lost so far, by item. */
  dropped(): ReadonlyMap<number, { readonly dropped: readonly DroppedField[] }>;
}

interface Repair {
  /** Without the fields, and without the note. */
  readonly text: string;
  readonly dropped: readonly DroppedField[];
  /** False where the index does not take the note either. */
  readonly hasNote: boolean;
}

/** Each one costs a request. */
const maxDroppedFields = 8;
/** Without its time a document is in no search: it is better kept as a dead letter. */
const needed = '@timestamp';
const note = 'weir';

export function createDocumentRepairs(textOf: (item: number) => string): DocumentRepairs {
  const repairs = new Map<number, Repair & { readonly line: Buffer }>();

  function dropFields(item: number, fields: readonly string[]): boolean {
    const before = repairs.get(item) ?? { text: textOf(item), dropped: [], hasNote: true };
    const after = withoutFields(before, fields);
    if (after === undefined) return false;
    repairs.set(item, { ...after, line: Buffer.from(`${toNoted(after)}\n`) });
    return true;
  }

  return {
    line: (item) => (repairs.size === 0 ? undefined : repairs.get(item)?.line),
    dropFields,
    dropped: () => repairs,
  };
}

function withoutFields(before: Repair, fields: readonly string[]): Repair | undefined {
  if (before.dropped.length >= maxDroppedFields) return undefined;
  const isNote = fields.some((field) => field === note || field.startsWith(`${note}.`));
  if (isNote && before.hasNote && before.dropped.length > 0) return { ...before, hasNote: false };
  let { text } = before;
  const dropped: DroppedField[] = [];
  for (const field of fields) {
    const name = field === needed ? undefined : nameIn(text, field);
    const cut = name === undefined ? undefined : cutMember(text, name);
    if (name === undefined || cut === undefined) continue;
    text = cut.text;
    dropped.push({ name, value: toShortText(cut.value, 1000) });
  }
  if (dropped.length === 0) return undefined;
  return { text, dropped: [...before.dropped, ...dropped], hasNote: before.hasNote };
}

/** The field, or the one that it is a multi-field of (`flow.application.raw`). */
function nameIn(text: string, field: string): string | undefined {
  if (cutMember(text, field) !== undefined) return field;
  const parent = field.slice(0, Math.max(0, field.lastIndexOf('.')));
  const cut = parent === '' ? undefined : cutMember(text, parent);
  return cut === undefined || cut.value.startsWith('{') || parent === needed ? undefined : parent;
}

function toNoted({ text, dropped, hasNote }: Repair): string {
  if (!hasNote) return text;
  const member = JSON.stringify({
    dropped_fields: dropped.map(({ name }) => name),
    dropped_values: dropped.map(({ value }) => value),
  });
  const end = text.lastIndexOf('}');
  const isEmpty = /^\s*\{\s*$/.test(text.slice(0, end));
  return `${text.slice(0, end)}${isEmpty ? '' : ','}"${note}":${member}${text.slice(end)}`;
}
