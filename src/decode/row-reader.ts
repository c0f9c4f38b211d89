// A template's fields to a function that reads rows. Each template is compiled once, into straight-line code with fixed offsets
// (running offsets behind a field of variable length); the interpreted reader does the same where code generation is forbidden,
// and is what the compiled one is tested against. The source holds numbers only: nothing of a template's content reaches it.

import { ipv6TextAt } from '../model/address-text.ts';
import type { FieldValue, Row } from '../model/record.ts';
import * as readers from './field-value.ts';
import type { Encoding } from './information-elements.ts';
import { uint48At, uint64At } from './wire-numbers.ts';

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
  /** Columns whose values find the sampling interval that ends each row (options-store.ts); none: rows end with their columns. */
  readonly join?: JoinKeys;
}

/** Column numbers, or undefined where a template has no such column. */
export interface JoinKeys {
  readonly selector: number | undefined;
  readonly ingressInterface: number | undefined;
}

export type SamplingLookup = (selector: FieldValue, ingressInterface: FieldValue) => number | null;

/**
 * Appends a row per record between `start` and `end` to `rows`, and returns where it stopped: at the first byte that belongs to
 * no whole record. `lookup` is needed by plans with `join` only.
 */
export type RowReader = (
  bytes: Buffer,
  start: number,
  end: number,
  rows: Row[],
  lookup: SamplingLookup | undefined,
) => number;

/** Bytes of the shortest record: a field of variable length takes one byte at least. */
export function toShortestRecord(fields: readonly ReaderField[]): number {
  let bytes = 0;
  for (const field of fields) bytes += field.length === variableLength ? 1 : field.length;
  return bytes;
}

/** `plan` must have a shortest record of at least one byte. */
export function compileRowReader(plan: ReaderPlan): RowReader {
  const source = toSource(plan);
  try {
    const make = new Function('readers', source) as (readers: object) => RowReader;
    return make({ ...readers, ipv6TextAt, uint48At, uint64At });
  } catch (error) {
    // `--disallow-code-generation-from-strings`
    if (error instanceof EvalError) return interpretRows(plan);
    throw error;
  }
}

export function interpretRows(plan: ReaderPlan): RowReader {
  const { fields, columns, join } = plan;
  const shortest = toShortestRecord(fields);
  return (bytes, start, end, rows, lookup) => {
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
        values.push(readers.readValue(field.encoding, bytes, at, length));
        at += length;
      }
      const row: FieldValue[] = columns.map((shown) =>
        shown.length === 1 ? values[shown[0]!]! : shown.map((field) => values[field]!),
      );
      if (join !== undefined && lookup !== undefined) {
        row.push(lookup(row[join.selector ?? -1] ?? null, row[join.ingressInterface ?? -1] ?? null));
      }
      rows.push(row);
      record = at;
    }
    return record;
  };
}

function toSource({ fields, columns, join }: ReaderPlan): string {
  const shown = new Set(columns.flat());
  const lines: string[] = [];
  // Fields stand at `at` + a constant; `at` moves only behind a field of variable length.
  let at = 'o';
  let constant = 0;
  let variables = 0;
  fields.forEach((field, index) => {
    if (field.length === variableLength) {
      const p = `p${variables}`;
      const n = `n${variables}`;
      variables++;
      lines.push(
        `let ${p}=${at}+${constant};`,
        `if(${p}>=end)return o;`,
        `let ${n}=b[${p}++];`,
        `if(${n}===255){if(end-${p}<2)return o;${n}=b[${p}]<<8|b[${p}+1];${p}+=2;}`,
        `if(end-${p}<${n})return o;`,
      );
      if (shown.has(index)) lines.push(`const f${index}=${toVariableExpression(field.encoding, p, n)};`);
      at = `q${variables}`;
      constant = 0;
      const fixed = toFixedLengthBehind(fields, index);
      lines.push(`const ${at}=${p}+${n};`);
      if (fixed > 0) lines.push(`if(end-${at}<${fixed})return o;`);
      return;
    }
    if (shown.has(index)) lines.push(`const f${index}=${toFixedExpression(field, at, constant)};`);
    constant += field.length;
  });
  const cells = columns.map((of) => (of.length === 1 ? `f${of[0]}` : `[${of.map((field) => `f${field}`).join(',')}]`));
  if (join !== undefined) {
    const key = (column: number | undefined) => (column === undefined ? 'null' : cells[column]);
    cells.push(`lookup(${key(join.selector)},${key(join.ingressInterface)})`);
  }
  return [
    `const{${usedReaders.join(',')}}=readers;`,
    'return function(b,o,end,rows,lookup){',
    `while(end-o>=${toShortestRecord(fields)}){`,
    ...lines,
    `rows.push([${cells.join(',')}]);`,
    `o=${at}+${constant};`,
    '}return o;}',
  ].join('\n');
}

/** Bytes of the fields of fixed length between a field of variable length and the next one. */
function toFixedLengthBehind(fields: readonly ReaderField[], index: number): number {
  let bytes = 0;
  for (let i = index + 1; i < fields.length && fields[i]!.length !== variableLength; i++) bytes += fields[i]!.length;
  return bytes;
}

const usedReaders = [
  'readValue',
  'readUnsigned',
  'readSigned',
  'readFloat',
  'readBoolean',
  'readMilliseconds',
  'readMicroseconds',
  'readNanoseconds',
  'readHex',
  'readRaw',
  'readText',
  'ipv6TextAt',
  'uint48At',
  'uint64At',
];

function toVariableExpression(encoding: Encoding, at: string, length: string): string {
  return `readValue(${JSON.stringify(encoding)},b,${at},${length})`;
}

function toFixedExpression({ encoding, length }: ReaderField, base: string, constant: number): string {
  const at = `${base}+${constant}`;
  const byte = (i: number) => `b[${base}+${constant + i}]`;
  const uint32 = (i: number) => `(${byte(i)}<<24|${byte(i + 1)}<<16|${byte(i + 2)}<<8|${byte(i + 3)})>>>0`;
  switch (encoding) {
    case 'unsigned':
      if (length === 1) return byte(0);
      if (length === 2) return `${byte(0)}<<8|${byte(1)}`;
      if (length === 3) return `${byte(0)}<<16|${byte(1)}<<8|${byte(2)}`;
      if (length === 4) return uint32(0);
      if (length === 8) return `uint64At(b,${at})`;
      return `readUnsigned(b,${at},${length})`;
    case 'signed':
      return `readSigned(b,${at},${length})`;
    case 'float':
      return `readFloat(b,${at},${length})`;
    case 'boolean':
      return `readBoolean(b,${at},${length})`;
    case 'text':
      return `readText(b,${at},${length})`;
    case 'bytes':
      return `readHex(b,${at},${length})`;
    case 'mac':
      return length === 6 ? `uint48At(b,${at})` : `readRaw(b,${at},${length})`;
    case 'ipv4':
      return length === 4 ? uint32(0) : `readRaw(b,${at},${length})`;
    case 'ipv6':
      return length === 16 ? `ipv6TextAt(b,${at})` : `readRaw(b,${at},${length})`;
    case 'seconds':
      return length === 4 ? `(${uint32(0)})*1000` : `readRaw(b,${at},${length})`;
    case 'milliseconds':
      return length === 8 ? `readMilliseconds(b,${at})` : `readRaw(b,${at},${length})`;
    case 'microseconds':
      return length === 8 ? `readMicroseconds(b,${at})` : `readRaw(b,${at},${length})`;
    case 'nanoseconds':
      return length === 8 ? `readNanoseconds(b,${at})` : `readRaw(b,${at},${length})`;
  }
}
