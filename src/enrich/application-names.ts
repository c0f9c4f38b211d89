// Names of applications: by the ids that devices send (NBAR, Fortinet and others, RFC 6759), and by address and port.
// File formats: ElastiFlow's app_id.yml, app_id.srctype.yml and applications.yml.

import { ipv6TextAt } from '../model/address-text.ts';
import { type DataRead, noteMistake, shown } from './data-file.ts';
import { type FlatEntry, readFlatEntries } from './flat-entries.ts';
import type { FlowDocument } from './flow-document.ts';
import { readPrefix } from './prefix-table.ts';
import { itemsAtOnce, type Slices } from './slices.ts';
import { nameMistake } from './table-files.ts';

export interface ApplicationId {
  /** Table of a vendor: `fortinet`, `cisco_nbar2`; empty: of all exporters. */
  readonly type: string;
  /** `13..453`, `20..9..7`. */
  readonly id: string;
  readonly name: string;
}

export interface ApplicationServer {
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
  readonly name: string;
}

export interface ApplicationType {
  readonly exporter: string;
  readonly type: string;
}

/** `fortinet__0..10` or `13..453`; `13:453`, as older exporters' ids are written, too. Undefined for anything else. */
export function readApplicationKey(key: string): { readonly type: string; readonly id: string } | undefined {
  const match = /^(?:([A-Za-z]\w*?)__)?(\d{1,3})(?:\.\.|:)(\d{1,20})(?:(?:\.\.|:)(\d{1,20}))?$/.exec(key);
  if (match === null) return undefined;
  const [, type = '', engine = '', middle = '', last] = match;
  return { type, id: last === undefined ? `${engine}..${middle}` : `${engine}..${middle}..${last}` };
}

/** `192.0.2.2:9092`, `[2001:db8::1]:443`, `2001:db8::1:443` (the port is behind the last colon). */
export function readServerKey(key: string): { readonly address: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|(.+)):(\d{1,5})$/.exec(key);
  const written = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  const address = written === undefined ? undefined : canonicalAddress(written);
  return address === undefined || !(port <= 65_535) ? undefined : { address, port };
}

function canonicalAddress(text: string): string | undefined {
  const prefix = readPrefix(text);
  if (prefix === undefined || prefix.length !== prefix.bits || text.includes('/')) return undefined;
  return prefix.bits === 32 ? toIPv4(prefix.address) : toIPv6(prefix.address);
}

const toIPv4 = (address: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join('.');

function toIPv6(address: bigint): string {
  const bytes = Buffer.from(address.toString(16).padStart(32, '0'), 'hex');
  return ipv6TextAt(bytes, 0);
}

function* readWith<Entry>(text: string, toEntry: (entry: FlatEntry) => Entry | string): Slices<DataRead<Entry>> {
  const { entries, mistakes } = yield* readFlatEntries(text);
  const found: Entry[] = [];
  const wrong = [...mistakes];
  for (const entry of entries) {
    if (entry.line % itemsAtOnce === 0) yield;
    const made = toEntry(entry);
    if (typeof made === 'string') noteMistake(wrong, entry.line, made);
    else found.push(made);
  }
  return { entries: found, mistakes: wrong };
}

/** Vendors may stand above their ids, too: `fortinet:` and `0..10: Skype` below it. */
export function readApplicationIds(text: string): Slices<DataRead<ApplicationId>> {
  return readWith(text, ({ group, key, value }) => {
    const read = readApplicationKey(key);
    if (read === undefined) return `expected an id such as "fortinet__0..10" or "13..453", got ${shown(key)}`;
    return nameMistake(value) ?? { type: group ?? read.type, id: read.id, name: value };
  });
}

export function readApplicationServers(text: string): Slices<DataRead<ApplicationServer>> {
  return readWith(text, ({ group, key, value }) => {
    const written = group === undefined ? key : group.includes(':') ? `[${group}]:${key}` : `${group}:${key}`;
    const read = readServerKey(written);
    if (read === undefined) return `expected an address and a port such as "192.0.2.2:9092", got ${shown(written)}`;
    return nameMistake(value) ?? { ...read, name: value };
  });
}

export function readApplicationTypes(text: string): Slices<DataRead<ApplicationType>> {
  return readWith(text, ({ key, value }) => {
    if (readPrefix(key) === undefined) return `expected the address of an exporter, or a subnet, got ${shown(key)}`;
    return /^\w{1,64}$/.test(value)
      ? { exporter: key, type: value }
      : `expected the name of a vendor, got ${shown(value)}`;
  });
}

export interface ApplicationNames {
  /** The name of an id; undefined: it has none. */
  nameOf(type: string | undefined, id: string): string | undefined;
}

export function* createApplicationNames(entries: readonly ApplicationId[]): Slices<ApplicationNames> {
  const byType = new Map<string, Map<string, string>>();
  for (const [index, { type, id, name }] of entries.entries()) {
    if (index % itemsAtOnce === 0) yield;
    let names = byType.get(type);
    if (names === undefined) {
      names = new Map();
      byType.set(type, names);
    }
    names.set(id, name);
  }
  const common = byType.get('');
  return {
    nameOf: (type, id) => (type === undefined ? undefined : byType.get(type)?.get(id)) ?? common?.get(id),
  };
}

export interface ApplicationServers {
  readonly size: number;
  /** The name of the server side, or of the side that is listed, the destination first. */
  nameOf(flow: FlowDocument): string | undefined;
}

export function* createApplicationServers(entries: readonly ApplicationServer[]): Slices<ApplicationServers> {
  // By port first: most flows have none that is listed, and need no second look-up.
  const byPort = new Map<number, Map<string, string>>();
  for (const [index, { address, port, name }] of entries.entries()) {
    if (index % itemsAtOnce === 0) yield;
    let names = byPort.get(port);
    if (names === undefined) {
      names = new Map();
      byPort.set(port, names);
    }
    names.set(address, name);
  }

  function nameAt(port: number | undefined, address: string | undefined): string | undefined {
    return port === undefined || address === undefined ? undefined : byPort.get(port)?.get(address);
  }

  return {
    size: entries.length,
    nameOf: ({ server, src, dst, srcPort, dstPort }) => {
      const ofDst = nameAt(dstPort, dst?.text);
      return server === 'src' ? (nameAt(srcPort, src?.text) ?? ofDst) : (ofDst ?? nameAt(srcPort, src?.text));
    },
  };
}
