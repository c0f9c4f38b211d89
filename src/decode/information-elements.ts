// What a field's number means: name and encoding, from the registries under data/. Asked once per template field, never per record.
// IPFIX: RFC 7012 and the IANA registry; reverse elements: RFC 5103 §6; NetFlow v9: RFC 3954 §8, whose types 1-127 IANA took over.

import { readFileSync } from 'node:fs';
import {
  type DataType,
  type ElementDefinition,
  readRows,
  type TakeRow,
  toElementKey,
  toReverseName,
} from '../model/element.ts';
import type { ColumnType } from '../model/record.ts';

/** How a field's bytes are read. Sizes don't matter here: reduced-size encoding (RFC 7011 §6.2) is allowed for all integers. */
export type Encoding =
  | 'unsigned'
  | 'signed'
  | 'float'
  | 'boolean'
  | 'mac'
  | 'text'
  | 'bytes'
  | 'ipv4'
  | 'ipv6'
  | 'seconds'
  | 'milliseconds'
  | 'microseconds'
  | 'nanoseconds'
  | ListEncoding;

/** RFC 6313; structured-data.ts reads them. */
export type ListEncoding = 'basicList' | 'subTemplateList' | 'subTemplateMultiList';

export interface Element {
  /** Column name as model/record.ts says. */
  readonly name: string;
  readonly encoding: Encoding;
}

export interface InformationElements {
  /** undefined: bytes without meaning (padding), which no row shows. */
  ipfix(enterprise: number, id: number): Element | undefined;
  netflow9(type: number): Element | undefined;
}

/** By abstract data type (RFC 7012 §3.1). */
export const encodingOf: Readonly<Record<DataType, Encoding>> = {
  unsigned8: 'unsigned',
  unsigned16: 'unsigned',
  unsigned32: 'unsigned',
  unsigned64: 'unsigned',
  unsigned256: 'unsigned',
  signed8: 'signed',
  signed16: 'signed',
  signed32: 'signed',
  signed64: 'signed',
  float32: 'float',
  float64: 'float',
  boolean: 'boolean',
  macAddress: 'mac',
  string: 'text',
  octetArray: 'bytes',
  basicList: 'basicList',
  subTemplateList: 'subTemplateList',
  subTemplateMultiList: 'subTemplateMultiList',
  ipv4Address: 'ipv4',
  ipv6Address: 'ipv6',
  dateTimeSeconds: 'seconds',
  dateTimeMilliseconds: 'milliseconds',
  dateTimeMicroseconds: 'microseconds',
  dateTimeNanoseconds: 'nanoseconds',
};

export function toColumnType(encoding: Encoding): ColumnType {
  switch (encoding) {
    case 'unsigned':
    case 'signed':
    case 'float':
      return 'number';
    case 'seconds':
    case 'milliseconds':
    case 'microseconds':
    case 'nanoseconds':
      return 'time';
    case 'basicList':
    case 'subTemplateList':
    case 'subTemplateMultiList':
      return 'list';
    default:
      return encoding;
  }
}

/** The enterprise number that turns an IANA element to the reverse direction (RFC 5103 §6.1). */
const reverseEnterprise = 29305;
const paddingOctets = 210;

/** `definitions`: what users' files add, the last one of a number counts. */
export function createInformationElements(definitions: readonly ElementDefinition[] = []): InformationElements {
  const registered = new Map<number, Element>();
  readTable('information-elements.tsv', (id, name, type) => {
    registered.set(Number(id), { name, encoding: toEncoding(type) });
  });
  const vendors = new Map<string, Encoding>();
  readTable('vendor-elements.tsv', (enterprise, id, _name, type) => {
    vendors.set(toElementKey(enterprise, id), toEncoding(type));
  });
  /** What files say instead of the registries, and beside them; undefined: bytes without meaning. */
  const replaced = new Map<string, Encoding>();
  const added = new Map<string, Encoding | undefined>();
  for (const { protocol, enterprise, id, name, type, replaces } of definitions) {
    const key = toElementKey(protocol === 'netflow9' ? 'v9' : enterprise, id);
    if (replaces) replaced.set(key, toEncoding(type));
    else added.set(key, name === undefined ? undefined : toEncoding(type));
  }

  function underNumber(key: string): Element | undefined {
    const encoding = vendors.get(key) ?? added.get(key);
    if (encoding === undefined && added.has(key)) return undefined;
    return { name: key, encoding: encoding ?? 'bytes' };
  }

  function ipfix(enterprise: number, id: number): Element | undefined {
    const key = toElementKey(enterprise, id);
    const encoding = replaced.get(key);
    if (encoding !== undefined) return { name: key, encoding };
    if (enterprise !== 0 && enterprise !== reverseEnterprise) return underNumber(key);
    if (id === 0 || id === paddingOctets) return undefined;
    const forward = registered.get(id);
    if (forward === undefined || enterprise === 0) return forward ?? underNumber(key);
    return { name: toReverseName(forward.name), encoding: forward.encoding };
  }

  function netflow9(type: number): Element | undefined {
    const key = toElementKey('v9', type);
    const encoding = replaced.get(key);
    if (encoding !== undefined) return { name: key, encoding };
    if (type === 0 || type === paddingOctets) return undefined;
    return registered.get(type) ?? underNumber(key);
  }

  return { ipfix, netflow9 };
}

/** A type that a newer registry has is bytes to this version. */
function toEncoding(type: string): Encoding {
  return encodingOf[type as DataType] ?? 'bytes';
}

function readTable(file: string, take: TakeRow): void {
  readRows(readFileSync(new URL(`../../data/${file}`, import.meta.url), 'utf8'), take);
}
