// Reads data/field-map.yml and the names of elements: which field of a record becomes which field of a document.
// The files ship with weir, so a mistake in them is a mistake in weir; it is named with its place all the same.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type ElementDefinition, readRows, toElementKey, toReverseName } from '../model/element.ts';
import { WeirError } from '../model/errors.ts';
import type { Protocol } from '../model/record.ts';
import { readTsv } from './protocol-names.ts';

/** A way to a value: the sum of `add`, or a constant, divided by a further field. */
export interface FieldSource {
  readonly add: readonly string[];
  readonly constant?: number;
  readonly per?: string;
}

export interface SameTraffic {
  readonly bytes: readonly [string, string];
  readonly packets: readonly [string, string];
}

/** Fields of exporters that name client and server instead of source and destination. */
export interface ClientServerFields {
  /** 2: the record is of the server's direction (IANA: reverseInitiator). */
  readonly direction: string;
  readonly clientAddress: readonly string[];
  readonly serverAddress: readonly string[];
  readonly clientPort: readonly string[];
  readonly serverPort: readonly string[];
}

export interface ProtocolMap {
  /** Stored path → sources in order. */
  readonly fields: ReadonlyMap<string, readonly FieldSource[]>;
  /** Stored paths whose record fields are stored on their own, too. */
  readonly keep: ReadonlySet<string>;
  /** Two pairs of counters: when both are equal, the second of each counts the same packets once more. */
  readonly sameTraffic: SameTraffic | undefined;
  readonly clientServer: ClientServerFields | undefined;
}

export type ObjectName = 'netflow' | 'ipfix' | 'sflow';

export function objectOf(protocol: Protocol): ObjectName {
  return protocol === 'ipfix' ? 'ipfix' : protocol === 'sflow5' ? 'sflow' : 'netflow';
}

export interface FieldMap {
  readonly protocols: Readonly<Record<Protocol, ProtocolMap>>;
  /** Per object: record field → stored name, where they differ. */
  readonly storedNames: Readonly<Record<ObjectName, ReadonlyMap<string, string>>>;
}

/** IANA's elements in the other direction (RFC 5103). */
const reverseEnterprise = 29_305;

const protocols: readonly Protocol[] = ['netflow5', 'netflow9', 'ipfix', 'sflow5'];

/** `definitions`: elements of users' files, which give names, too. */
export function loadFieldMap(definitions: readonly ElementDefinition[] = []): FieldMap {
  return readFieldMap(readFileSync(new URL('../../data/field-map.yml', import.meta.url), 'utf8'), definitions);
}

export function readFieldMap(yaml: string, definitions: readonly ElementDefinition[] = []): FieldMap {
  const root = readMap(parse(yaml), 'the file', ['fields', 'keep', 'clientServer', ...protocols]);
  const fields = readFields(root['fields'], 'fields');
  const keep = readTexts(root['keep'] ?? [], 'keep');
  const maps = protocols.map((protocol) => {
    const section = readMap(root[protocol] ?? {}, protocol, ['fields', 'keep', 'clientServer', 'sameTraffic']);
    const own = readFields(section['fields'] ?? {}, `${protocol}.fields`);
    const map: ProtocolMap = {
      fields: new Map([...fields, ...own]),
      keep: new Set(section['keep'] === undefined ? keep : readTexts(section['keep'], `${protocol}.keep`)),
      clientServer: readClientServer(section['clientServer'] ?? root['clientServer'], `${protocol}.clientServer`),
      sameTraffic: readSameTraffic(section['sameTraffic'], `${protocol}.sameTraffic`),
    };
    return [protocol, map] as const;
  });
  return {
    protocols: Object.fromEntries(maps) as Record<Protocol, ProtocolMap>,
    storedNames: loadStoredNames(definitions),
  };
}

function loadStoredNames(definitions: readonly ElementDefinition[]): FieldMap['storedNames'] {
  const names = {
    netflow: new Map<string, string>(),
    ipfix: new Map<string, string>(),
    sflow: new Map<string, string>(),
  };
  readRows(readFileSync(new URL('../../data/vendor-elements.tsv', import.meta.url), 'utf8'), (enterprise, id, name) => {
    names[enterprise === 'v9' ? 'netflow' : 'ipfix'].set(toElementKey(enterprise, id), name);
  });
  for (const [object, field, name] of readTsv('stored-names.tsv')) {
    const map = names[object as ObjectName];
    if (map === undefined || field === undefined || name === undefined || !/^\w+$/.test(name)) {
      throw mistake(`stored-names.tsv: ${object} ${field} ${name}`, 'is not: object, field, name');
    }
    map.set(field, name);
  }
  if (definitions.length > 0) addNames(definitions, names);
  return names;
}

function addNames(
  definitions: readonly ElementDefinition[],
  names: Readonly<Record<'netflow' | 'ipfix', Map<string, string>>>,
): void {
  const ianaNames = new Map(readTsv('information-elements.tsv').map(([id, name]) => [Number(id), name]));
  for (const { protocol, enterprise, id, name, replaces } of definitions) {
    if (name === undefined) continue;
    // Columns of IANA's elements have IANA's names.
    const ianaName = replaces || (enterprise !== 0 && enterprise !== reverseEnterprise) ? undefined : ianaNames.get(id);
    const key = toElementKey(protocol === 'netflow9' ? 'v9' : enterprise, id);
    const field = ianaName === undefined ? key : enterprise === 0 ? ianaName : toReverseName(ianaName);
    names[protocol === 'netflow9' ? 'netflow' : 'ipfix'].set(field, name);
  }
}

function readFields(value: unknown, place: string): Map<string, readonly FieldSource[]> {
  return new Map(
    Object.entries(readMap(value, place)).map(([path, sources]) => [
      path,
      (Array.isArray(sources) ? sources : [sources]).map((source) => readSource(source, `${place}: ${path}`)),
    ]),
  );
}

/** `a`, `a + b`, `a / b`, `(a + b) / c`, or a constant instead of the sum. */
function readSource(value: unknown, place: string): FieldSource {
  if (typeof value === 'number') return { add: [], constant: value };
  const match =
    typeof value === 'string' ? /^\(?([\w:/.]+(?: \+ [\w:/.]+)*)\)?(?: \/ ([\w:/.]+))?$/.exec(value.trim()) : null;
  if (match?.[1] === undefined)
    throw mistake(place, `${JSON.stringify(value)} is not a field, "a + b", "a / b" or a number`);
  const constant = /^\d+$/.test(match[1]) ? Number(match[1]) : undefined;
  return {
    add: constant === undefined ? match[1].split(' + ') : [],
    ...(constant === undefined ? {} : { constant }),
    ...(match[2] === undefined ? {} : { per: match[2] }),
  };
}

function readSameTraffic(value: unknown, place: string): SameTraffic | undefined {
  if (value === undefined) return undefined;
  const map = readMap(value, place, ['bytes', 'packets']);
  return { bytes: readPair(map['bytes'], `${place}.bytes`), packets: readPair(map['packets'], `${place}.packets`) };
}

function readClientServer(value: unknown, place: string): ClientServerFields | undefined {
  if (value === undefined) return undefined;
  const lists = ['clientAddress', 'serverAddress', 'clientPort', 'serverPort'] as const;
  const map = readMap(value, place, ['direction', ...lists]);
  const direction = map['direction'];
  if (typeof direction !== 'string') throw mistake(`${place}.direction`, 'must be a name');
  const [clientAddress, serverAddress, clientPort, serverPort] = lists.map((key) =>
    readTexts(map[key], `${place}.${key}`),
  ) as [readonly string[], readonly string[], readonly string[], readonly string[]];
  return { direction, clientAddress, serverAddress, clientPort, serverPort };
}

function readPair(value: unknown, place: string): readonly [string, string] {
  const [first, second, ...more] = readTexts(value, place);
  if (first === undefined || second === undefined || more.length > 0) throw mistake(place, 'must be two fields');
  return [first, second];
}

function readTexts(value: unknown, place: string): readonly string[] {
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    throw mistake(place, 'must be a list of names');
  return value as readonly string[];
}

function readMap(value: unknown, place: string, keys?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mistake(place, 'must be a map');
  const unknownKey = Object.keys(value).find((key) => keys !== undefined && !keys.includes(key));
  if (unknownKey !== undefined) throw mistake(place, `has an unknown key ${JSON.stringify(unknownKey)}`);
  return value as Record<string, unknown>;
}

function mistake(place: string, message: string): WeirError {
  return new WeirError('internal', `data/field-map.yml: ${place}: ${message}`);
}
