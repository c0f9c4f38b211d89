// A template's fields to a function that reads rows. A template in use is compiled once, into straight-line code with fixed offsets
// (running offsets behind a field of variable length); the interpreted reader does the same where code generation is forbidden,
// and is what the compiled one is tested against. The source holds numbers only: nothing of a template's content reaches it.

import { compileFunction } from 'node:vm';
import type { FieldValue, Row } from '../model/record.ts';
import { fixedFieldSource, readers, variableFieldSource } from './field-source.ts';
import type { Encoding } from './information-elements.ts';
import type { JoinedColumn } from './joined-columns.ts';
import type { DomainFacts } from './options-store.ts';
import { isListEncoding, type ListScope, readAnyValue } from './structured-data.ts';

/** The length of a template field that says: the record tells (RFC 7011 §7). */
export const variableLength = 0xffff;

export interface ReaderField {
  readonly encoding: Encoding;
  /** Bytes, or `variableLength`. */
  readonly length: number;
}

export interface ReaderPlan {
  /** All fields of the template in order, also those that no column shows. */
  readonly fields: readonly ReaderField[];
  /** Per column the fields that it shows: one, or several where an element is repeated. */
  readonly columns: readonly (readonly number[])[];
  /** What options records add behind the columns of each row. */
  readonly joins?: readonly JoinedColumn[];
}

/** What rows need beside their bytes. */
export interface RowSurroundings {
  /** Needed by plans with `joins` only. */
  readonly facts: DomainFacts | undefined;
  /** Without it, lists (RFC 6313) stay bytes. */
  readonly lists: ListScope | undefined;
}

/**
 * Appends a row per record between `start` and `end` to `rows`, and returns where it stopped: at the first byte that belongs to
 * no whole record.
 */
export type RowReader = (
  bytes: Buffer,
  start: number,
  end: number,
  rows: Row[],
  around: RowSurroundings | undefined,
) => number;

/** Bytes of the shortest record: a field of variable length takes one byte at least. */
export function toShortestRecord(fields: readonly ReaderField[]): number {
  let bytes = 0;
  for (const field of fields) bytes += field.length === variableLength ? 1 : field.length;
  return bytes;
}

/** Compiling costs as much as interpreting so many records: what a hostile sender never sends of each of its templates. */
const recordsBeforeCompiling = 50;

/** Interprets the first records, then compiles, once. `plan` must have a shortest record of at least one byte. */
export function createRowReader(plan: ReaderPlan): RowReader {
  let read = interpretRows(plan);
  let isCompiled = false;
  let records = 0;
  return (bytes, start, end, rows, around) => {
    if (!isCompiled && records >= recordsBeforeCompiling) {
      read = compileRowReader(plan);
      isCompiled = true;
    }
    const before = rows.length;
    const stopped = read(bytes, start, end, rows, around);
    records += rows.length - before;
    return stopped;
  };
}

export function compileRowReader(plan: ReaderPlan): RowReader {
  if (!mayGenerateCode()) return interpretRows(plan);
  // One function without another in it: V8 then compiles it at once and once. `new Function` takes half as long again.
  const read = compileFunction(toSource(plan), ['b', 'o', 'end', 'rows', 'around', 'r', 'd']) as CompiledReader;
  return (bytes, start, end, rows, around) => {
    // Made here: the source is shorter by a line that takes V8 a tenth of its time.
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return read(bytes, start, end, rows, around, readers, view);
  };
}

let isGenerationAllowed: boolean | undefined;

/** Asked once: `--disallow-code-generation-from-strings` holds for the life of a process, and node:vm does not heed it by itself. */
function mayGenerateCode(): boolean {
  isGenerationAllowed ??= canMakeFunction();
  return isGenerationAllowed;
}

function canMakeFunction(): boolean {
  try {
    return typeof new Function('') === 'function';
  } catch {
    return false;
  }
}

type CompiledReader = (...args: [...Parameters<RowReader>, typeof readers, DataView]) => number;

export function interpretRows(plan: ReaderPlan): RowReader {
  const { fields, columns, joins = [] } = plan;
  const shortest = toShortestRecord(fields);
  return (bytes, start, end, rows, around) => {
    let record = start;
    while (end - record >= shortest) {
      const values: FieldValue[] = [];
      let at = record;
      for (const field of fields) {
        let length = field.length;
        if (length === variableLength) {
          if (at >= end) return record;
          length = bytes[at++]!;
          if (length === 255) {
            if (end - at < 2) return record;
            length = bytes.readUInt16BE(at);
            at += 2;
          }
        }
        if (end - at < length) return record;
        values.push(readAnyValue(field.encoding, bytes, at, length, around?.lists));
        at += length;
      }
      const row: FieldValue[] = columns.map((shown) =>
        shown.length === 1 ? values[shown[0]!]! : shown.map((field) => values[field]!),
      );
      const keyOf = (column: number | undefined) => (column === undefined ? null : values[columns[column]![0]!]!);
      for (const join of joins) row.push(interpretJoin(join, around?.facts, keyOf));
      rows.push(row);
      record = at;
    }
    return record;
  };
}

function interpretJoin(
  join: JoinedColumn,
  facts: DomainFacts | undefined,
  keyOf: (column: number | undefined) => FieldValue,
): FieldValue {
  if (facts === undefined) return null;
  if (join.kind === 'name') return facts.names[join.table].get(keyOf(join.key));
  return facts.sampling(keyOf(join.selector), keyOf(join.sequence), keyOf(join.ingressInterface));
}

function toSource({ fields, columns, joins = [] }: ReaderPlan): string {
  const lines: string[] = [];
  // Fields stand at `at` + a constant; only behind a field of variable length there is a new `at`.
  let at = 'o';
  let constant = 0;
  const cellOf = fields.map((field, index) => {
    if (field.length !== variableLength) {
      const cell = fixedFieldSource(field, at, constant);
      constant += field.length;
      return cell;
    }
    const p = `p${index}`;
    const n = `n${index}`;
    lines.push(
      `let ${p}=${at}+${constant};`,
      `if(${p}>=end)return o;`,
      `let ${n}=b[${p}++];`,
      `if(${n}===255){if(end-${p}<2)return o;${n}=d.getUint16(${p});${p}+=2;}`,
      `const q${index}=${p}+${n};`,
      `if(end-q${index}<${toFixedLengthBehind(fields, index)})return o;`,
    );
    at = `q${index}`;
    constant = 0;
    return variableFieldSource(field, p, n);
  });
  // Keys are read once, for their own column and for what is joined by them.
  const keyOf = (column: number | undefined): string => {
    const field = column === undefined ? undefined : columns[column]?.[0];
    if (field === undefined) return 'null';
    const key = `k${field}`;
    if (cellOf[field] !== key) {
      lines.push(`const ${key}=${cellOf[field]};`);
      cellOf[field] = key;
    }
    return key;
  };
  const tables = new Set(joins.flatMap((join) => (join.kind === 'name' ? [join.table] : [])));
  const joined = joins.map((join) =>
    join.kind === 'name'
      ? `${join.table}.get(${keyOf(join.key)})`
      : `facts.sampling(${[join.selector, join.sequence, join.ingressInterface].map(keyOf).join(',')})`,
  );
  const cells = columns.map((shown) =>
    shown.length === 1 ? cellOf[shown[0]!] : `[${shown.map((field) => cellOf[field]).join(',')}]`,
  );
  cells.push(...joined);
  return [
    ...(joins.length > 0 ? ['const facts=around.facts;'] : []),
    ...[...tables].map((table) => `const ${table}=facts.names.${table};`),
    ...(fields.some(({ encoding }) => isListEncoding(encoding)) ? ['const lists=around?.lists;'] : []),
    `while(end-o>=${toShortestRecord(fields)}){`,
    ...lines,
    `rows.push([${cells.join(',')}]);`,
    `o=${at}+${constant};`,
    '}return o;',
  ].join('\n');
}

/** Bytes of the fields of fixed length between a field of variable length and the next one. */
function toFixedLengthBehind(fields: readonly ReaderField[], index: number): number {
  let bytes = 0;
  for (let i = index + 1; i < fields.length && fields[i]!.length !== variableLength; i++) bytes += fields[i]!.length;
  return bytes;
}
