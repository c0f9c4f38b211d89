// What options records teach about the flows of the same exporter and observation domain: sampling intervals (docs/sampling.md), names
// of interfaces, applications and VRFs, the moment that IPFIX uptimes count from (element 160), and counters of the exporter itself.

import type { FieldValue, Row } from '../model/record.ts';
import { createApplicationTable, createNameTable, type NameTable, noNames } from './name-table.ts';
import type { OptionsColumns } from './options-columns.ts';
import { toFirst, toNumber, toSamplingInterval } from './sampling-interval.ts';

export type NameTables = Record<
  'interfaceNames' | 'interfaceDescriptions' | 'applicationNames' | 'vrfNames',
  NameTable
>;

/** Facts about one observation domain. Tables come to be with their first entry: most domains have one, and there may be many domains. */
export interface DomainFacts {
  /** By samplerId or selectorId. */
  selectors: ReadonlyMap<number, number>;
  /** Selectors by selectionSequenceId. */
  sequences: ReadonlyMap<number, readonly number[]>;
  /** By ingressInterface, where the scope of the options record was an interface. */
  interfaces: ReadonlyMap<number, number>;
  /** By template id, where the scope was a template. */
  templates: ReadonlyMap<number, number>;
  /** Of options records that name no sampler, no interface and no template. */
  domainWide: number | undefined;
  systemInitMs: number | undefined;
  readonly names: NameTables;
  /** Last values of counters, by process and name; not saved, for exporters repeat them. */
  statistics: ReadonlyMap<string, Statistic>;
  /** Bits of `factKinds` that have entries. */
  kinds: number;
  /** In all tables. */
  entryCount: number;
  /** Changes whenever anything but `statistics` does. */
  revision: number;
  /** Of the template whose rows are read now: set before they are. */
  templateWide: number | undefined;
  sampling(selector: FieldValue, sequence: FieldValue, ingressInterface: FieldValue): number | null;
}

export interface Statistic {
  readonly process: number;
  readonly name: string;
  readonly value: number | string;
}

/** What a layout needs columns for to be joined with. */
export const factKinds = {
  wide: 1,
  selectors: 2,
  sequences: 4,
  interfaces: 8,
  interfaceNames: 16,
  interfaceDescriptions: 32,
  applicationNames: 64,
  vrfNames: 128,
} as const;

/** Sequences of selectors are two or three long: one that filters, one that samples. */
export const maxSelectorsOfSequence = 8;

/** Stands for each table that has no entry. */
const nothing: ReadonlyMap<never, never> = new Map<never, never>();

export function createDomainFacts(): DomainFacts {
  const facts: DomainFacts = {
    selectors: nothing,
    sequences: nothing,
    interfaces: nothing,
    templates: nothing,
    domainWide: undefined,
    systemInitMs: undefined,
    names: {
      interfaceNames: noNames,
      interfaceDescriptions: noNames,
      applicationNames: noNames,
      vrfNames: noNames,
    },
    statistics: nothing,
    kinds: 0,
    entryCount: 0,
    revision: 0,
    templateWide: undefined,
    sampling(selector, sequence, ingressInterface) {
      // A flow that names its sampler has that one's interval, or none that is known: nothing is guessed.
      if (selector !== null && facts.selectors.size > 0) return facts.selectors.get(selector as number) ?? null;
      if (sequence !== null && facts.sequences.size > 0) return ofSequence(facts, sequence as number);
      return facts.interfaces.get(ingressInterface as number) ?? facts.templateWide ?? facts.domainWide ?? null;
    },
  };
  return facts;
}

/** Each selector of a sequence takes its part of what the one before left (RFC 5476). */
function ofSequence({ selectors, sequences }: DomainFacts, sequence: number): number | null {
  const members = sequences.get(sequence);
  if (members === undefined) return null;
  let interval = 1;
  for (const selector of members) {
    const one = selectors.get(selector);
    if (one === undefined) return null;
    interval *= one;
  }
  return interval;
}

/** Takes over what one options record says. What would need more entries than `room` is not kept. */
export function learn(facts: DomainFacts, columns: OptionsColumns, row: Row, room: number): void {
  const limit = facts.entryCount + room;
  const systemInitMs = toNumber(row, columns.systemInitTime);
  if (systemInitMs !== undefined && systemInitMs !== facts.systemInitMs) {
    facts.systemInitMs = systemInitMs;
    facts.revision++;
  }
  if (columns.sampling !== undefined) {
    const interval = toSamplingInterval(columns.sampling, row);
    if (interval !== undefined) learnSampling(facts, columns, row, interval, limit);
  } else if (columns.sequence !== undefined) learnSequence(facts, columns, row, limit);

  for (const column of columns.interfaces) {
    const key = toNumber(row, column);
    putName(facts, 'interfaceNames', key, toFirst(row, columns.interfaceName), limit);
    putName(facts, 'interfaceDescriptions', key, toFirst(row, columns.interfaceDescription), limit);
  }
  const application = toFirst(row, columns.application);
  if (typeof application === 'string') {
    const name = toFirst(row, columns.applicationName) || toFirst(row, columns.applicationDescription);
    putName(facts, 'applicationNames', application, name, limit);
  }
  for (const column of columns.vrfs) {
    putName(facts, 'vrfNames', toNumber(row, column), toFirst(row, columns.vrfName), limit);
  }
  learnStatistics(facts, columns, row, limit);
}

function learnSampling(facts: DomainFacts, columns: OptionsColumns, row: Row, interval: number, limit: number): void {
  const selector = toNumber(row, columns.selector);
  const ofInterface = toNumber(row, columns.scopeInterface);
  const ofTemplate = toNumber(row, columns.scopeTemplate);
  if (selector !== undefined) put(facts, 'selectors', selector, interval, limit);
  else if (ofInterface !== undefined) put(facts, 'interfaces', ofInterface, interval, limit);
  else if (ofTemplate !== undefined && ofTemplate >= 256) put(facts, 'templates', ofTemplate, interval, limit);
  else setDomainWide(facts, interval);
}

function learnSequence(facts: DomainFacts, columns: OptionsColumns, row: Row, limit: number): void {
  const sequence = toNumber(row, columns.sequence);
  const value = columns.selector === undefined ? null : (row[columns.selector] ?? null);
  const selectors = (Array.isArray(value) ? (value as readonly FieldValue[]) : [value]).filter(
    (selector) => typeof selector === 'number',
  );
  if (sequence === undefined || selectors.length === 0 || selectors.length > maxSelectorsOfSequence) return;
  if (facts.sequences.get(sequence)?.join() === selectors.join()) return;
  put(facts, 'sequences', sequence, selectors, limit);
}

function learnStatistics(facts: DomainFacts, columns: OptionsColumns, row: Row, limit: number): void {
  const process = toNumber(row, columns.process) ?? 0;
  const { revision } = facts;
  for (const [name, column] of columns.statistics) {
    const value = toFirst(row, column);
    if (typeof value === 'number' || typeof value === 'string') {
      put(facts, 'statistics', `${process} ${name}`, { process, name, value }, limit);
    }
  }
  facts.revision = revision;
}

export function setDomainWide(facts: DomainFacts, interval: number): void {
  if (facts.domainWide === interval) return;
  facts.domainWide = interval;
  facts.kinds |= factKinds.wide;
  facts.revision++;
}

type EntryTable = 'selectors' | 'sequences' | 'interfaces' | 'templates' | 'statistics';
type KeyOf<T> = T extends ReadonlyMap<infer K, infer _> ? K : never;
type ValueOf<T> = T extends ReadonlyMap<infer _, infer V> ? V : never;

const kindOfTable: Readonly<Record<EntryTable, number>> = {
  selectors: factKinds.selectors,
  sequences: factKinds.sequences,
  interfaces: factKinds.interfaces,
  templates: factKinds.wide,
  statistics: 0,
};

/** A new entry needs room below `limit` entries in all tables. */
export function put<T extends EntryTable>(
  facts: DomainFacts,
  name: T,
  key: KeyOf<DomainFacts[T]>,
  value: ValueOf<DomainFacts[T]>,
  limit: number,
): void {
  let table = facts[name] as Map<typeof key, typeof value>;
  const known = table.get(key);
  if (known === value || (known === undefined && facts.entryCount >= limit)) return;
  if (table.size === 0) {
    table = new Map();
    facts[name] = table as DomainFacts[T];
  }
  table.set(key, value);
  if (known === undefined) facts.entryCount++;
  facts.kinds |= kindOfTable[name];
  facts.revision++;
}

/** As `put`. Without a key or a name there is nothing to tell. */
export function putName(
  facts: DomainFacts,
  name: keyof NameTables,
  key: number | string | undefined,
  text: FieldValue,
  limit: number,
): void {
  if (key === undefined || typeof text !== 'string' || text === '') return;
  let table = facts.names[name];
  if (facts.entryCount >= limit && !table.has(key)) return;
  if (table === noNames) {
    table = name === 'applicationNames' ? createApplicationTable() : createNameTable();
    facts.names[name] = table;
  }
  const outcome = table.set(key, text);
  if (outcome === 'same') return;
  if (outcome === 'new') facts.entryCount++;
  facts.kinds |= factKinds[name];
  facts.revision++;
}
