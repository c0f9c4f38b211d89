// What a field's number means: name and encoding, from the registries under data/. Asked once per template field, never per record.
// IPFIX: RFC 7012 and the IANA registry; reverse elements: RFC 5103 §6; NetFlow v9: RFC 3954 §8, whose types 1-127 IANA took over.

import { readFileSync } from 'node:fs';
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
  | 'nanoseconds';

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

const encodingOf: Readonly<Record<string, Encoding>> = {
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
  basicList: 'bytes',
  subTemplateList: 'bytes',
  subTemplateMultiList: 'bytes',
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
    default:
      return encoding;
  }
}

/** The enterprise number that turns an IANA element to the reverse direction (RFC 5103 §6.1). */
const reverseEnterprise = 29305;
/** CERT marks the reverse of its own elements by a bit of the id (RFC 5103 §6.2). */
const certEnterprise = 6871;
const certReverseBit = 0x4000;
const paddingOctets = 210;

export function createInformationElements(): InformationElements {
  const registered = new Map<number, Element>();
  for (const [id = '', name = '', type = ''] of readTable('information-elements.tsv')) {
    registered.set(Number(id), { name, encoding: encodingOf[type] ?? 'bytes' });
  }
  const others = new Map<string, Encoding>();
  for (const [key = '', type = ''] of readTable('vendor-elements.tsv')) others.set(key, encodingOf[type] ?? 'bytes');

  function underNumber(key: string, otherwise?: string): Element {
    return {
      name: key,
      encoding: others.get(key) ?? (otherwise === undefined ? undefined : others.get(otherwise)) ?? 'bytes',
    };
  }

  function ipfix(enterprise: number, id: number): Element | undefined {
    if (enterprise === 0) {
      return id === 0 || id === paddingOctets ? undefined : (registered.get(id) ?? underNumber(`iana:${id}`));
    }
    if (enterprise === reverseEnterprise) {
      if (id === 0 || id === paddingOctets) return undefined;
      const forward = registered.get(id);
      if (forward === undefined) return underNumber(`${enterprise}/${id}`);
      return { name: `reverse${forward.name[0]?.toUpperCase()}${forward.name.slice(1)}`, encoding: forward.encoding };
    }
    const key = `${enterprise}/${id}`;
    if (enterprise === certEnterprise) return underNumber(key, `${enterprise}/${id & ~certReverseBit}`);
    return underNumber(key);
  }

  function netflow9(type: number): Element | undefined {
    if (type === 0 || type === paddingOctets) return undefined;
    return registered.get(type) ?? underNumber(`v9:${type}`);
  }

  return { ipfix, netflow9 };
}

function readTable(file: string): string[][] {
  return readFileSync(new URL(`../../data/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));
}
