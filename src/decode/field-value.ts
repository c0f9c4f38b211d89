// One field's bytes to the value that stands in a row (model/record.ts), and a row's value to the text form that people read.
// Encodings: RFC 7011 §6.1 (abstract data types), §6.2 (reduced sizes); the same serve NetFlow v9 (RFC 3954).

import type { ColumnType, FieldValue } from '../model/record.ts';

/**
 * The form of `weir decode`: addresses and times as text (times cut to the millisecond), raw bytes as hex;
 * text that is not printable stays `{hex}`.
 */
export function toReadableValue(value: FieldValue, type: ColumnType): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((one: FieldValue) => toReadableValue(one, type));
  if (typeof value === 'object' && 'hex' in value) return type === 'text' ? value : value.hex;
  if (typeof value !== 'number') return value;
  if (type === 'ipv4') return toIpv4Text(value);
  if (type === 'mac') return toMacText(value);
  if (type === 'time') return new Date(Math.floor(value)).toISOString();
  return value;
}

export function toIpv4Text(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

export function toMacText(address: number): string {
  return address
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
}
