// One field's bytes to the value that stands in a row (model/record.ts), and a row's value to the text form that people read.
// Encodings: RFC 7011 §6.1 (abstract data types), §6.2 (reduced sizes); the same serve NetFlow v9 (RFC 3954).

import { isUtf8 } from 'node:buffer';
import { ipv6TextAt } from '../model/address-text.ts';
import type { ColumnType, FieldValue, RawBytes, StructuredList } from '../model/record.ts';
import type { Encoding, ListEncoding } from './information-elements.ts';
import { uint16At, uint32At, uint48At, uint64At } from './wire-numbers.ts';

/** Seconds from 1900 (NTP era 0, RFC 7011 §6.1.9: until February 2036) to 1970. */
const ntpEpochSeconds = 2_208_988_800;
/** The last instant that a Date can show. A number of milliseconds beyond it is no time. */
const maxTimeMs = 8.64e15;
const notPrintable = /[\p{C}\p{Zl}\p{Zp}]/u;

/** All but lists, whose bytes mean nothing without the templates around them (structured-data.ts). */
export type PlainEncoding = Exclude<Encoding, ListEncoding>;

/** The value of `length` bytes, which the caller has checked to be there. */
export function readValue(encoding: PlainEncoding, bytes: Buffer, at: number, length: number): FieldValue {
  switch (encoding) {
    case 'unsigned':
      return readUnsigned(bytes, at, length);
    case 'signed':
      return readSigned(bytes, at, length);
    case 'float':
      return readFloat(bytes, at, length);
    case 'boolean':
      return readBoolean(bytes, at, length);
    case 'mac':
      return length === 6 ? uint48At(bytes, at) : readRaw(bytes, at, length);
    case 'text':
      return readText(bytes, at, length);
    case 'bytes':
      return readHex(bytes, at, length);
    case 'ipv4':
      return length === 4 ? uint32At(bytes, at) : readRaw(bytes, at, length);
    case 'ipv6':
      return length === 16 ? ipv6TextAt(bytes, at) : readRaw(bytes, at, length);
    case 'seconds':
      return length === 4 ? uint32At(bytes, at) * 1000 : readRaw(bytes, at, length);
    case 'milliseconds':
      return length === 8 ? readMilliseconds(bytes, at) : readRaw(bytes, at, length);
    case 'microseconds':
      return length === 8 ? readMicroseconds(bytes, at) : readRaw(bytes, at, length);
    case 'nanoseconds':
      return length === 8 ? readNanoseconds(bytes, at) : readRaw(bytes, at, length);
  }
}

export function readUnsigned(bytes: Buffer, at: number, length: number): FieldValue {
  switch (length) {
    case 1:
      return bytes[at]!;
    case 2:
      return uint16At(bytes, at);
    case 3:
      return (bytes[at]! << 16) | uint16At(bytes, at + 1);
    case 4:
      return uint32At(bytes, at);
    case 5:
      return bytes[at]! * 0x1_0000_0000 + uint32At(bytes, at + 1);
    case 6:
      return uint48At(bytes, at);
    case 7: {
      const high = (bytes[at]! << 16) | uint16At(bytes, at + 1);
      if (high < 0x20_0000) return high * 0x1_0000_0000 + uint32At(bytes, at + 3);
      return ((BigInt(high) << 32n) | BigInt(uint32At(bytes, at + 3))).toString();
    }
    case 8:
      return uint64At(bytes, at);
    default:
      return readRaw(bytes, at, length);
  }
}

export function readSigned(bytes: Buffer, at: number, length: number): FieldValue {
  if (length < 1 || length > 8) return readRaw(bytes, at, length);
  if (length <= 6) return bytes.readIntBE(at, length);
  let value = 0n;
  for (let i = 0; i < length; i++) value = (value << 8n) | BigInt(bytes[at + i]!);
  value = BigInt.asIntN(8 * length, value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** float64 may come as float32 (RFC 7011 §6.2). JSON has no NaN and no infinity. */
export function readFloat(bytes: Buffer, at: number, length: number): FieldValue {
  const value = length === 4 ? bytes.readFloatBE(at) : length === 8 ? bytes.readDoubleBE(at) : Number.NaN;
  return Number.isFinite(value) ? value : readRaw(bytes, at, length);
}

/** 1 is true, 2 is false (RFC 7011 §6.1.5). */
export function readBoolean(bytes: Buffer, at: number, length: number): FieldValue {
  const octet = length === 1 ? bytes[at] : undefined;
  return octet === 1 ? true : octet === 2 ? false : readRaw(bytes, at, length);
}

export function readMilliseconds(bytes: Buffer, at: number): FieldValue {
  const time = uint32At(bytes, at) * 0x1_0000_0000 + uint32At(bytes, at + 4);
  return time <= maxTimeMs ? time : readRaw(bytes, at, 8);
}

/** The low 11 bits of the fraction are finer than a microsecond and must be ignored (RFC 7011 §6.1.9). */
export function readMicroseconds(bytes: Buffer, at: number): number {
  const fraction = (uint32At(bytes, at + 4) & ~0x7ff) >>> 0;
  return (uint32At(bytes, at) - ntpEpochSeconds) * 1000 + Math.round((fraction * 1e6) / 0x1_0000_0000) / 1000;
}

export function readNanoseconds(bytes: Buffer, at: number): number {
  return (uint32At(bytes, at) - ntpEpochSeconds) * 1000 + (uint32At(bytes, at + 4) * 1000) / 0x1_0000_0000;
}

export function readHex(bytes: Buffer, at: number, length: number): string {
  return bytes.toString('hex', at, at + length);
}

export function readRaw(bytes: Buffer, at: number, length: number): RawBytes {
  return { hex: readHex(bytes, at, length) };
}

export function readText(bytes: Buffer, at: number, length: number): string | RawBytes {
  let end = at + length;
  while (end > at && bytes[end - 1] === 0) end--;
  let i = at;
  while (i < end && bytes[i]! >= 0x20 && bytes[i]! < 0x7f) i++;
  if (i === end) return bytes.toString('latin1', at, end);
  if (isUtf8(bytes.subarray(at, end))) {
    const text = bytes.toString('utf8', at, end);
    if (!notPrintable.test(text)) return text;
  }
  return readRaw(bytes, at, length);
}

/**
 * The form of `weir decode`: addresses and times as text (times cut to the millisecond), raw bytes as hex;
 * text that is not printable stays `{hex}`, and lists are what they are.
 */
export function toReadableValue(value: FieldValue, type: ColumnType): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((one: FieldValue) => toReadableValue(one, type));
  if (typeof value === 'object' && 'hex' in value) return type === 'text' || isList(value) ? value : value.hex;
  if (typeof value !== 'number') return value;
  if (type === 'ipv4') return toIpv4Text(value);
  if (type === 'mac') return toMacText(value);
  if (type === 'time') return new Date(Math.floor(value)).toISOString();
  return value;
}

export function isList(value: RawBytes): value is StructuredList {
  return 'items' in value;
}

function toIpv4Text(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

function toMacText(address: number): string {
  return address
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
}
