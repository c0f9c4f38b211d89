// Lists inside of a field (RFC 6313): basicList, subTemplateList, subTemplateMultiList, to StructuredList (model/record.ts).
// What is broken or too deep stays bytes in hex, at the innermost place: a list never costs its record.

import type { Layout, RawBytes, Row, StructuredList } from '../model/record.ts';
import { type PlainEncoding, readHex, readRaw, readValue, toReadableValue } from './field-value.ts';
import { type Element, type Encoding, type ListEncoding, toColumnType } from './information-elements.ts';
import type { RowReader } from './row-reader.ts';
import { uint16At, uint32At } from './wire-numbers.ts';

/** What the records of a template are read by. */
export interface ListPlan {
  readonly layout: Layout;
  readonly read: RowReader;
}

/** What lists are read with: the elements and templates that their exporter's observation domain knows. One per set. */
export interface ListScope {
  elementOf(enterprise: number, id: number): Element | undefined;
  planOf(templateId: number): ListPlan | undefined;
  /** Lists around the one that is read now. */
  depth: number;
  /** Values that the outermost list may still have. */
  room: number;
}

/** YAF, the deepest that we know of, nests three. Each level reads its bytes once more, so this bounds the work per byte, too. */
const maxDepth = 8;
/** A full datagram of lists stays below some megabytes of JSON, though the names in it are longer than its values. */
const maxValues = 4096;

const enterpriseBit = 0x8000;
const variableLength = 0xffff;
/** RFC 6313 §4.4, §11.1. */
const semantics: Readonly<Record<number, string>> = {
  0: 'noneOf',
  1: 'exactlyOneOf',
  2: 'oneOrMoreOf',
  3: 'allOf',
  4: 'ordered',
  255: 'undefined',
};

export function isListEncoding(encoding: Encoding): encoding is ListEncoding {
  return encoding === 'basicList' || encoding === 'subTemplateList' || encoding === 'subTemplateMultiList';
}

/** The value of `length` bytes, which the caller has checked to be there. Without `scope` lists stay bytes. */
export function readAnyValue(
  encoding: Encoding,
  bytes: Buffer,
  at: number,
  length: number,
  scope: ListScope | undefined,
) {
  return isListEncoding(encoding)
    ? readList(encoding, bytes, at, length, scope)
    : readValue(encoding, bytes, at, length);
}

export function readList(
  encoding: ListEncoding,
  bytes: Buffer,
  at: number,
  length: number,
  scope: ListScope | undefined,
): StructuredList | RawBytes {
  if (scope === undefined) return readRaw(bytes, at, length);
  const list = readItems(encoding, bytes, at, at + length, scope);
  return list === undefined ? readRaw(bytes, at, length) : { hex: readHex(bytes, at, length), ...list };
}

type Items = Omit<StructuredList, 'hex'>;

function readItems(
  encoding: ListEncoding,
  bytes: Buffer,
  at: number,
  end: number,
  scope: ListScope,
): Items | undefined {
  if (scope.depth >= maxDepth || end <= at) return undefined;
  if (scope.depth === 0) scope.room = maxValues;
  scope.depth++;
  const semantic = semantics[bytes[at]!] ?? `${bytes[at]}`;
  const list =
    encoding === 'basicList'
      ? readBasicList(semantic, bytes, at + 1, end, scope)
      : encoding === 'subTemplateList'
        ? readSubTemplateList(semantic, bytes, at + 1, end, scope)
        : readMultiList(semantic, bytes, at + 1, end, scope);
  scope.depth--;
  return scope.room < 0 ? undefined : list;
}

/** RFC 6313 §4.5.1: a field specifier, then values of this one element. */
function readBasicList(
  semantic: string,
  bytes: Buffer,
  start: number,
  end: number,
  scope: ListScope,
): Items | undefined {
  let at = start + 4;
  if (at > end) return undefined;
  const idWithBit = uint16At(bytes, start);
  const fixedLength = uint16At(bytes, start + 2);
  const isEnterprise = (idWithBit & enterpriseBit) !== 0;
  if (isEnterprise && end - at < 4) return undefined;
  const enterprise = isEnterprise ? uint32At(bytes, at) : 0;
  if (isEnterprise) at += 4;
  const element = scope.elementOf(enterprise, idWithBit & ~enterpriseBit);
  // Values without bytes would never end.
  if (element === undefined || (fixedLength === 0 && at < end)) return undefined;
  const items: unknown[] = [];
  while (at < end) {
    let length = fixedLength;
    if (length === variableLength) {
      length = bytes[at++]!;
      if (length === 255) {
        if (end - at < 2) return undefined;
        length = uint16At(bytes, at);
        at += 2;
      }
    }
    if (length > end - at || --scope.room < 0) return undefined;
    items.push(readItem(element, bytes, at, length, scope));
    at += length;
  }
  return { semantic, element: element.name, items };
}

function readItem({ encoding }: Element, bytes: Buffer, at: number, length: number, scope: ListScope): unknown {
  // Inner lists come without their bytes, which are in those of the outermost.
  if (isListEncoding(encoding)) {
    return readItems(encoding, bytes, at, at + length, scope) ?? readHex(bytes, at, length);
  }
  return toReadableValue(readValue(encoding satisfies PlainEncoding, bytes, at, length), toColumnType(encoding));
}

/** RFC 6313 §4.5.2: a template id, then records of this template. */
function readSubTemplateList(
  semantic: string,
  bytes: Buffer,
  at: number,
  end: number,
  scope: ListScope,
): Items | undefined {
  if (end - at < 2) return undefined;
  const items = readRecords(uint16At(bytes, at), bytes, at + 2, end, scope);
  return items === undefined ? undefined : { semantic, items };
}

/** RFC 6313 §4.5.3: any number of: template id, length with this header, records. */
function readMultiList(
  semantic: string,
  bytes: Buffer,
  start: number,
  end: number,
  scope: ListScope,
): Items | undefined {
  const items: unknown[] = [];
  for (let at = start; at < end; ) {
    const length = end - at < 4 ? 0 : uint16At(bytes, at + 2);
    if (length < 4 || length > end - at || --scope.room < 0) return undefined;
    const records = readRecords(uint16At(bytes, at), bytes, at + 4, at + length, scope);
    if (records === undefined) items.push(readHex(bytes, at + 4, length - 4));
    else for (const record of records) items.push(record);
    at += length;
  }
  return { semantic, items };
}

/** undefined: the template is not known, or the bytes are no whole records of it. */
function readRecords(
  templateId: number,
  bytes: Buffer,
  at: number,
  end: number,
  scope: ListScope,
): readonly unknown[] | undefined {
  const plan = scope.planOf(templateId);
  if (plan === undefined) return undefined;
  const rows: Row[] = [];
  const stopped = plan.read(bytes, at, end, rows, { facts: undefined, lists: scope });
  const { columns } = plan.layout;
  scope.room -= rows.length * columns.length;
  if (stopped !== end || scope.room < 0) return undefined;
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ name, type }, i) => [name, toReadableItem(toReadableValue(row[i]!, type))])),
  );
}

/** As in `readItem`: without the bytes. */
function toReadableItem(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toReadableItem);
  if (typeof value !== 'object' || value === null || !('items' in value)) return value;
  const { hex: _hex, ...list } = value as StructuredList;
  return list;
}
