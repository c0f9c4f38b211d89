// How one field of a record is read, as source text for row-reader.ts: an expression over `b` (the bytes), `d` (a view of them),
// `r` (the readers below) and `lists`. It holds numbers, and names of encodings and variables, only.

import { ipv6TextAt } from '../model/address-text.ts';
import {
  readBoolean,
  readFloat,
  readHex,
  readMicroseconds,
  readMilliseconds,
  readNanoseconds,
  readRaw,
  readSigned,
  readText,
  readUnsigned,
  readValue,
} from './field-value.ts';
import type { ReaderField } from './row-reader.ts';
import { isListEncoding, readList } from './structured-data.ts';
import { uint64At } from './wire-numbers.ts';

/** What the source calls as `r`. */
export const readers = {
  readValue,
  readList,
  readUnsigned,
  readSigned,
  readFloat,
  readBoolean,
  readMilliseconds,
  readMicroseconds,
  readNanoseconds,
  readHex,
  readRaw,
  readText,
  ipv6TextAt,
  uint64At,
};

/** The field that begins `constant` bytes behind `base`, which is the name of a variable. */
export function fixedFieldSource({ encoding, length }: ReaderField, base: string, constant: number): string {
  const at = constant === 0 ? base : `${base}+${constant}`;
  // DataView's getters become single instructions and make for short sources, which compile in half the time.
  switch (encoding) {
    case 'unsigned':
      if (length === 1) return `b[${at}]`;
      if (length === 2) return `d.getUint16(${at})`;
      if (length === 3) return `b[${at}]<<16|d.getUint16(${base}+${constant + 1})`;
      if (length === 4) return `d.getUint32(${at})`;
      if (length === 8) return `r.uint64At(b,${at})`;
      return `r.readUnsigned(b,${at},${length})`;
    case 'signed':
      return `r.readSigned(b,${at},${length})`;
    case 'float':
      return `r.readFloat(b,${at},${length})`;
    case 'boolean':
      return `r.readBoolean(b,${at},${length})`;
    case 'text':
      return `r.readText(b,${at},${length})`;
    case 'bytes':
      return `r.readHex(b,${at},${length})`;
    case 'mac':
      return length === 6
        ? `d.getUint16(${at})*4294967296+d.getUint32(${base}+${constant + 2})`
        : `r.readRaw(b,${at},${length})`;
    case 'ipv4':
      return length === 4 ? `d.getUint32(${at})` : `r.readRaw(b,${at},${length})`;
    case 'ipv6':
      return length === 16 ? `r.ipv6TextAt(b,${at})` : `r.readRaw(b,${at},${length})`;
    case 'seconds':
      return length === 4 ? `d.getUint32(${at})*1000` : `r.readRaw(b,${at},${length})`;
    case 'milliseconds':
      return length === 8 ? `r.readMilliseconds(b,${at})` : `r.readRaw(b,${at},${length})`;
    case 'microseconds':
      return length === 8 ? `r.readMicroseconds(b,${at})` : `r.readRaw(b,${at},${length})`;
    case 'nanoseconds':
      return length === 8 ? `r.readNanoseconds(b,${at})` : `r.readRaw(b,${at},${length})`;
    case 'basicList':
    case 'subTemplateList':
    case 'subTemplateMultiList':
      return `r.readList("${encoding}",b,${at},${length},lists)`;
  }
}

/** A field whose place and length stand in variables. */
export function variableFieldSource({ encoding }: ReaderField, at: string, length: string): string {
  return isListEncoding(encoding)
    ? `r.readList("${encoding}",b,${at},${length},lists)`
    : `r.readValue("${encoding}",b,${at},${length})`;
}
