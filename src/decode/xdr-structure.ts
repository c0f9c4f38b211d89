// An sFlow structure, written down as its members' names and types, and its bytes → one value per column.
// XDR (RFC 4506): everything big-endian in units of 4 bytes; opaque data and lists have their length before them.

import { ipv6TextAt } from '../model/address-text.ts';
import type { Column, ColumnType, FieldValue } from '../model/record.ts';
import { readFloat, readHex, readSigned, readText } from './field-value.ts';
import { uint32At, uint48At, uint64At } from './wire-numbers.ts';
import { addressLengthOf, addressType, paddedEnd } from './xdr-data.ts';

/**
 * `address`: a type and 0, 4 or 16 bytes (sFlow v5 §5.1), two columns of which one has the value. `labels`: a list of MPLS label
 * stack entries (RFC 3032 §2.1), of which the labels are kept. `macs`: a list, of which the first is kept.
 */
type Wire =
  | 'uint32'
  | 'int32'
  | 'uint64'
  | 'float'
  | 'mac'
  | 'ipv4'
  | 'ipv6'
  | 'address'
  | 'text'
  | 'hex4'
  | 'hex16'
  | 'uint32s'
  | 'labels'
  | 'macs'
  | 'list';

interface Member {
  readonly wire: Wire;
  readonly columns: readonly Column[];
  /** Of a `list`: the members of its items. Each of its columns holds an array, one value per item. */
  readonly items: readonly Member[];
}

export interface Structure {
  /** data_format: enterprise in the upper 20 bits. */
  readonly format: number;
  readonly members: readonly Member[];
  /** So many members must be there; agents of older versions leave out the later ones. */
  readonly required: number;
  readonly columns: readonly Column[];
}

const columnTypes: Partial<Record<Wire, ColumnType>> = {
  mac: 'mac',
  macs: 'mac',
  ipv4: 'ipv4',
  ipv6: 'ipv6',
  text: 'text',
  hex4: 'bytes',
  hex16: 'bytes',
};

/** Bytes that must be there before anything of the member is read. */
const minLength: Readonly<Record<Wire, number>> = {
  uint32: 4,
  int32: 4,
  uint64: 8,
  float: 4,
  mac: 8,
  ipv4: 4,
  ipv6: 16,
  address: 4,
  text: 4,
  hex4: 4,
  hex16: 16,
  uint32s: 4,
  labels: 4,
  macs: 4,
  list: 4,
};

/**
 * `format`: a number, or enterprise and format as `4413:1`. `text`: members in order, `name/wire`, `uint32` where no wire is named; `[` and `]`
 * enclose the members of a list's items; what comes after `?` may be missing. The column of a member is `sflow.<prefix>.<name>`, its bare name
 * where the prefix is empty (MIB objects), or what comes after `=`. Addresses end in IPv4Address or IPv6Address, as IANA's do.
 */
export function toStructure(format: number | string, prefix: string, text: string): Structure {
  const words = text.split(' ');
  const optionalAt = words.indexOf('?');
  const members = readMembers(
    words.filter((word) => word !== '?'),
    prefix,
  );
  const optionalCount = optionalAt < 0 ? 0 : words.length - 1 - optionalAt;
  const [enterprise = 0, number = 0] = typeof format === 'number' ? [0, format] : format.split(':').map(Number);
  return {
    format: enterprise * 4096 + number,
    members,
    required: members.length - optionalCount,
    columns: members.flatMap(({ columns }) => columns),
  };
}

function readMembers(words: string[], prefix: string): Member[] {
  const members: Member[] = [];
  for (let word = words.shift(); word !== undefined && word !== ']'; word = words.shift()) {
    if (word === '[') {
      const items = readMembers(words, prefix);
      members.push({ wire: 'list', columns: items.flatMap(({ columns }) => columns), items });
      continue;
    }
    const [member = '', ownName] = word.split('=');
    const [name = '', wire = 'uint32'] = member.split('/') as [string, Wire?];
    const base = ownName ?? (prefix === '' ? name : `sflow.${prefix}.${name}`);
    members.push({ wire, columns: toColumns(base, wire), items: [] });
  }
  return members;
}

function toColumns(name: string, wire: Wire): Column[] {
  const ipv4: Column = { name: `${name}IPv4Address`, type: 'ipv4' };
  const ipv6: Column = { name: `${name}IPv6Address`, type: 'ipv6' };
  if (wire === 'address') return [ipv4, ipv6];
  if (wire === 'ipv4') return [ipv4];
  if (wire === 'ipv6') return [ipv6];
  return [{ name, type: columnTypes[wire] ?? 'number' }];
}

/** Fills `values` column by column, null for what an old agent left out; false when a required member is not whole in `bytes[at..end)`. */
export function readStructure(
  bytes: Buffer,
  at: number,
  end: number,
  { members, required, columns }: Structure,
  values: FieldValue[],
): boolean {
  let column = 0;
  for (let i = 0; i < members.length; i++) {
    const member = members[i]!;
    at = readMember(bytes, at, end, member, values, column);
    if (at < 0) {
      if (i < required) return false;
      while (column < columns.length) values[column++] = null;
      return true;
    }
    column += member.columns.length;
  }
  return true;
}

/** Returns the place behind the member, or -1. */
function readMember(
  bytes: Buffer,
  at: number,
  end: number,
  { wire, items }: Member,
  values: FieldValue[],
  column: number,
): number {
  if (minLength[wire] > end - at) return -1;
  switch (wire) {
    case 'uint32':
    case 'ipv4':
      values[column] = uint32At(bytes, at);
      return at + 4;
    case 'int32':
      values[column] = readSigned(bytes, at, 4);
      return at + 4;
    case 'uint64':
      values[column] = uint64At(bytes, at);
      return at + 8;
    case 'float':
      values[column] = readFloat(bytes, at, 4);
      return at + 4;
    case 'mac':
      // RFC 4506 §4.9: fixed opaque data is padded, too.
      values[column] = uint48At(bytes, at);
      return at + 8;
    case 'ipv6':
      values[column] = ipv6TextAt(bytes, at);
      return at + 16;
    case 'hex4':
      values[column] = readHex(bytes, at, 4);
      return at + 4;
    case 'hex16':
      values[column] = readHex(bytes, at, 16);
      return at + 16;
    case 'address': {
      const type = uint32At(bytes, at);
      const next = at + 4 + addressLengthOf(type);
      if (type > addressType.ipv6 || next > end) return -1;
      values[column] = type === addressType.ipv4 ? uint32At(bytes, at + 4) : null;
      values[column + 1] = type === addressType.ipv6 ? ipv6TextAt(bytes, at + 4) : null;
      return next;
    }
    case 'text': {
      const length = uint32At(bytes, at);
      if (length > end - at - 4) return -1;
      values[column] = readText(bytes, at + 4, length);
      return paddedEnd(at + 4 + length, at, end);
    }
    case 'uint32s':
    case 'labels':
      return readNumbers(bytes, at, end, wire === 'labels' ? 12 : 0, values, column);
    case 'macs': {
      const count = uint32At(bytes, at);
      if (count > (end - at - 4) / 8) return -1;
      values[column] = count > 0 ? uint48At(bytes, at + 4) : null;
      return at + 4 + 8 * count;
    }
    case 'list':
      return readList(bytes, at, end, items, values, column);
  }
}

function readNumbers(
  bytes: Buffer,
  at: number,
  end: number,
  shift: number,
  values: FieldValue[],
  column: number,
): number {
  const count = uint32At(bytes, at);
  if (count > (end - at - 4) / 4) return -1;
  values[column] = Array.from({ length: count }, (_, i) => uint32At(bytes, at + 4 + 4 * i) >>> shift);
  return at + 4 + 4 * count;
}

/** Each item takes at least 4 bytes, so the bytes bound the loop, whatever the count says. */
function readList(
  bytes: Buffer,
  at: number,
  end: number,
  items: readonly Member[],
  values: FieldValue[],
  column: number,
): number {
  const count = uint32At(bytes, at);
  at += 4;
  const item: FieldValue[] = [];
  const lists: FieldValue[][] = items.flatMap(({ columns }) => columns.map(() => []));
  for (let i = 0; i < count; i++) {
    let at0 = 0;
    for (const member of items) {
      at = readMember(bytes, at, end, member, item, at0);
      if (at < 0) return -1;
      at0 += member.columns.length;
    }
    lists.forEach((list, c) => {
      list.push(item[c]!);
    });
  }
  lists.forEach((list, c) => {
    values[column + c] = list;
  });
  return at;
}
