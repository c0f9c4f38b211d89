// Records written by people, for the tests of a pipeline file and the examples of steps: IANA names and readable values
// (addresses as text, times as ISO) → a batch of one row. A mistake is a WeirError that names the field.

import ipaddr from 'ipaddr.js';
import { type ElementDefinition, toElementKey } from '../model/element.ts';
import { WeirError } from '../model/errors.ts';
import {
  type Column,
  type ColumnType,
  type FieldValue,
  joinedNames,
  joinedSamplingInterval,
  type Protocol,
  type RecordHeader,
} from '../model/record.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import { readIPv4Text, readMacText } from './address-text.ts';
import { didYouMean } from './did-you-mean.ts';
import { readTsv } from './protocol-names.ts';

export interface TestRecord {
  readonly protocol: Protocol;
  readonly exporter?: string;
  /** By IANA name, or `<pen>/<id>`, `v9:<id>`, `iana:<id>`, `weir.*`, `sflow.*`. Null: the column is there, the value is not. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** 1 out of N packets, as the header tells it (v5), or options records. */
  readonly samplingInterval?: number;
  /** Address of the sFlow agent. */
  readonly agent?: string;
  /** Parts of the header that matter for the test. */
  readonly header?: Partial<RecordHeader>;
}

/** A moment long after 1970, the same in each test. */
const testTimeMs = Date.UTC(2026, 0, 1);

/** One record, of engine 0. */
const v5Header = { count: 1, engineType: 0, engineId: 0, samplingMode: 0 } as const;
const sflowHeader = { sampleType: 'flow_sample', sampleSequence: 0, sourceIdType: 0, sourceIdIndex: 0 } as const;

/** A field whose name or value is wrong. Throws, or leaves the field out. */
type TellMistake = (name: string, message: string) => void;

/** `definitions`: elements of users' files. */
export function toTestBatch(
  { protocol, exporter = '192.0.2.1', fields, samplingInterval, agent, header }: TestRecord,
  definitions: readonly ElementDefinition[] = [],
  tell: TellMistake = refuse,
): RecordBatch {
  const types = definitions.length === 0 ? elementTypes() : withDefinitions(elementTypes(), definitions);
  const columns: Column[] = [];
  const row: FieldValue[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const type = types.get(name) ?? typeOfUnlisted(name, value);
    const read = type === undefined ? undefined : readReadable(value, type);
    if (type === undefined) tell(name, noSuchElement(name, types));
    else if (read === undefined) tell(name, `expected ${expected[type]}, got ${JSON.stringify(value)}`);
    else {
      columns.push({ name, type });
      row.push(read);
    }
  }
  if (samplingInterval !== undefined && protocol !== 'netflow5') {
    columns.push({ name: joinedSamplingInterval, type: 'number' });
    row.push(samplingInterval);
  }
  const fullHeader: RecordHeader = {
    exporter,
    domain: 0,
    setId: protocol === 'netflow9' || protocol === 'ipfix' ? 256 : null,
    receivedAtMs: testTimeMs,
    exportedAtMs: testTimeMs,
    sequence: 0,
    ...(samplingInterval !== undefined && protocol === 'netflow5' && { v5: { ...v5Header, samplingInterval } }),
    ...(agent !== undefined && { sflow: { ...sflowHeader, agent } }),
    ...header,
  };
  return {
    id: 'test',
    createdAtMs: fullHeader.receivedAtMs,
    recordCount: 1,
    byteSize: 0,
    layouts: [
      {
        id: `test/${protocol}/${columns.map(({ name, type }) => `${name}:${type}`).join()}`,
        protocol,
        kind: 'flow',
        columns,
      },
    ],
    sets: [{ layout: 0, header: fullHeader, rows: [row] }],
  };
}

/** `flow.bytes` of a nested document; undefined: it is not there. */
export function valueAtPath(document: unknown, path: string): unknown {
  let value = document;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

const columnTypes: Readonly<Record<string, ColumnType>> = {
  octetArray: 'bytes',
  basicList: 'bytes',
  subTemplateList: 'bytes',
  subTemplateMultiList: 'bytes',
  macAddress: 'mac',
  boolean: 'boolean',
  string: 'text',
  ipv4Address: 'ipv4',
  ipv6Address: 'ipv6',
  dateTimeSeconds: 'time',
  dateTimeMilliseconds: 'time',
  dateTimeMicroseconds: 'time',
  dateTimeNanoseconds: 'time',
};

let loadedTypes: ReadonlyMap<string, ColumnType> | undefined;

/** Element name or key → column type; the files are read when the first record is. */
function elementTypes(): ReadonlyMap<string, ColumnType> {
  loadedTypes ??= loadElementTypes();
  return loadedTypes;
}

function loadElementTypes(): ReadonlyMap<string, ColumnType> {
  const types = new Map<string, ColumnType>();
  for (const [, name, type] of readTsv('information-elements.tsv')) {
    const column = columnTypes[type ?? ''] ?? 'number';
    if (name === undefined) continue;
    types.set(name, column);
    // RFC 5103: the same element, seen in the other direction.
    types.set(`reverse${name.charAt(0).toUpperCase()}${name.slice(1)}`, column);
  }
  for (const [enterprise = '', id = '', , type] of readTsv('vendor-elements.tsv')) {
    types.set(toElementKey(enterprise, id), columnTypes[type ?? ''] ?? 'number');
  }
  return types;
}

function withDefinitions(
  known: ReadonlyMap<string, ColumnType>,
  definitions: readonly ElementDefinition[],
): ReadonlyMap<string, ColumnType> {
  const types = new Map(known);
  for (const { protocol, enterprise, id, type, replaces } of definitions) {
    const key = toElementKey(protocol === 'netflow9' ? 'v9' : enterprise, id);
    if (replaces || !known.has(key)) types.set(key, columnTypes[type] ?? 'number');
  }
  return types;
}

const joinedTexts: readonly string[] = Object.values(joinedNames);

/** Lists of sFlow are numbers, too. */
const sflowLists = ['asPath', 'communities', 'mplsLabels'];

/** Undefined: there is no such element. */
function typeOfUnlisted(name: string, value: unknown): ColumnType | undefined {
  if (name === joinedSamplingInterval) return 'number';
  if (joinedTexts.includes(name)) return 'text';
  if (/^sflow(?:\.\w+)+$/.test(name)) return typeof value === 'string' ? 'text' : 'number';
  if (sflowLists.includes(name)) return 'number';
  if (/^(?:\d+\/\d+|v9:\d+|iana:\d+)$/.test(name)) return typeof value === 'number' ? 'number' : 'text';
  return undefined;
}

function noSuchElement(name: string, types: ReadonlyMap<string, ColumnType>): string {
  const known = [...[...types.keys()].filter((key) => !key.includes(':') && !key.includes('/')), ...joinedTexts];
  return `no information element has this name${didYouMean(name, known, 'see data/information-elements.tsv')}`;
}

const expected: Readonly<Record<ColumnType, string>> = {
  number: 'a number, or an integer beyond 2^53 as text',
  text: 'text',
  bytes: 'bytes as hex digits',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  mac: 'a MAC address such as 00:00:5e:00:53:01',
  time: 'a time such as 2026-01-01T00:00:00Z',
  boolean: 'true or false',
  list: 'the bytes of a list as hex digits',
};

/** Undefined: it is no value of the type, or one of its items is none. */
function readReadable(value: unknown, type: ColumnType): FieldValue | undefined {
  if (value === null) return null;
  if (!Array.isArray(value)) return readScalar(value, type);
  const items = value.map((item) => readReadable(item, type));
  return items.every((item) => item !== undefined) ? items : undefined;
}

function readScalar(value: unknown, type: ColumnType): FieldValue | undefined {
  if (type === 'boolean') return typeof value === 'boolean' ? value : undefined;
  if (type === 'number') {
    return typeof value === 'number' || (typeof value === 'string' && /^-?\d+$/.test(value)) ? value : undefined;
  }
  if (type === 'time') return readTime(value);
  if (typeof value !== 'string') return type === 'text' && typeof value === 'number' ? String(value) : undefined;
  switch (type) {
    case 'ipv4':
      return readIPv4Text(value);
    case 'ipv6':
      return canonicalIPv6(value);
    case 'mac':
      return readMacText(value);
    case 'list':
      return /^(?:[0-9a-f]{2})*$/i.test(value) ? { hex: value.toLowerCase() } : undefined;
    case 'bytes':
      return /^(?:[0-9a-f]{2})*$/i.test(value) ? value.toLowerCase() : undefined;
    default:
      return value;
  }
}

function canonicalIPv6(text: string): string | undefined {
  return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text).toRFC5952String() : undefined;
}

function readTime(value: unknown): number | undefined {
  const ms = typeof value === 'number' ? value : value instanceof Date ? value.getTime() : Date.parse(String(value));
  return Number.isFinite(ms) ? ms : undefined;
}

function refuse(name: string, message: string): never {
  throw new WeirError('pipeline-invalid', `field ${JSON.stringify(name)}: ${message}`);
}
