// Templates and options facts as JSON and back, so that a restart loses no flow: exporters repeat their templates every few minutes only.
// What comes back is checked like anything from outside: a file may be cut, edited, or another program's.

import { WeirError } from '../model/errors.ts';
import type { Element, Encoding } from './information-elements.ts';
import {
  createDomainFacts,
  type DomainFacts,
  maxSelectorsOfSequence,
  type NameTables,
  put,
  putName,
  setDomainWide,
} from './options-store.ts';
import { findProblem, type TemplateContent, type TemplateProtocol } from './template-record.ts';
import type { TemplateStore } from './template-store.ts';
import { isTaughtElement, type TaughtField } from './type-information.ts';

/** Opaque to everyone but this file. */
export interface DecoderState {
  /** 1 had samplers only; it is still read. */
  readonly weirDecoderState: 2;
  /** Each content once, for most exporters say the same. Specifiers in hex. */
  readonly contents: readonly TemplateContent[];
  /** Least recently useful first. */
  readonly exporters: readonly ExporterState[];
}

interface ExporterState {
  readonly address: string;
  readonly isUseful: boolean;
  /** Key, name, encoding. */
  readonly taught?: readonly (readonly [string, string, string])[];
  readonly domains: readonly DomainState[];
}

interface DomainState {
  readonly id: number;
  /** Template id and index into `contents`. */
  readonly templates: readonly (readonly [number, number])[];
  readonly selectors?: readonly (readonly [number, number])[];
  readonly interfaces?: readonly (readonly [number, number])[];
  readonly templateWide?: readonly (readonly [number, number])[];
  readonly sequences?: readonly (readonly [number, readonly number[]])[];
  readonly domainWide?: number;
  readonly systemInitMs?: number;
  readonly names?: Readonly<Record<keyof NameTables, readonly (readonly [number | string, string])[]>>;
}

const readableVersions: readonly unknown[] = [1, 2];
const nameTables = ['interfaceNames', 'interfaceDescriptions', 'applicationNames', 'vrfNames'] as const;

/** Of all exporters, or of those with these addresses. */
export function saveTemplates(store: TemplateStore, addresses?: readonly string[]): DecoderState {
  const contents: TemplateContent[] = [];
  const indexOf = new Map<string, number>();
  const exporters: ExporterState[] = [];
  const chosen = addresses?.map((address) => store.find(address)).filter((exporter) => exporter !== undefined);
  for (const exporter of chosen ?? store.exporters()) {
    const domains: DomainState[] = [];
    for (const domain of exporter.domains.values()) {
      const templates: [number, number][] = [];
      for (const { id, shared } of domain.templates.values()) {
        let index = indexOf.get(shared.key);
        if (index === undefined) {
          index = contents.length;
          indexOf.set(shared.key, index);
          const specifiers = Buffer.from(shared.content.specifiers, 'latin1').toString('hex');
          contents.push({ ...shared.content, specifiers });
        }
        templates.push([id, index]);
      }
      domains.push({ id: domain.id, templates, ...saveFacts(domain.facts) });
    }
    const taught = [...exporter.taught].map(([key, { name, encoding }]) => [key, name, encoding] as const);
    const { address, isUseful } = exporter;
    exporters.push({ address, isUseful, ...(taught.length === 0 ? {} : { taught }), domains });
  }
  return { weirDecoderState: 2, contents, exporters };
}

function saveFacts(facts: DomainFacts | undefined): Partial<DomainState> {
  if (facts === undefined) return {};
  return {
    selectors: [...facts.selectors],
    interfaces: [...facts.interfaces],
    templateWide: [...facts.templates],
    sequences: [...facts.sequences],
    names: {
      interfaceNames: [...facts.names.interfaceNames.entries()],
      interfaceDescriptions: [...facts.names.interfaceDescriptions.entries()],
      applicationNames: [...facts.names.applicationNames.entries()],
      vrfNames: [...facts.names.vrfNames.entries()],
    },
    ...(facts.domainWide === undefined ? {} : { domainWide: facts.domainWide }),
    ...(facts.systemInitMs === undefined ? {} : { systemInitMs: facts.systemInitMs }),
  };
}

export interface RestoreLimits {
  readonly maxFields: number;
  readonly maxFactsPerExporter: number;
}

/** Fills an empty store. Throws WeirError `file-invalid`; the store is then to be thrown away. */
export function restoreTemplates(store: TemplateStore, state: unknown, limits: RestoreLimits): void {
  const { weirDecoderState, contents: savedContents, exporters } = toObject(state, 'state');
  if (!readableVersions.includes(weirDecoderState)) refuse('it is no decoder state of this version');
  const contents = toArray(savedContents, 'contents').map((content, i) => toContent(content, `contents[${i}]`, limits));
  toArray(exporters, 'exporters').forEach((exporter, i) => {
    restoreExporter(store, exporter, `exporters[${i}]`, contents, limits);
  });
}

export interface AdoptedTemplate {
  readonly address: string;
  readonly protocol: TemplateProtocol;
  readonly domain: number;
  readonly id: number;
}

/**
 * Adds to `store` what `heard` knows, an own store of the same limits that was filled by `restoreTemplates`: what both know, counts as
 * `heard` says. Returns the templates that `store` has now.
 */
export function mergeTemplates(store: TemplateStore, heard: TemplateStore): AdoptedTemplate[] {
  const adopted: AdoptedTemplate[] = [];
  store.adopt(() => {
    for (const exporter of heard.exporters()) {
      for (const { protocol, id: domainId, templates, facts } of exporter.domains.values()) {
        for (const { id, shared } of templates.values()) {
          const { domain } = store.define(exporter.address, domainId, id, shared.content);
          if (exporter.taught.size > 0) store.adoptTaught(domain.exporter, exporter.taught);
          if (exporter.isUseful) store.markUseful(domain.exporter);
          adopted.push({ address: exporter.address, protocol, domain: domainId, id });
        }
        const domain = store.findDomain(exporter.address, protocol, domainId);
        if (facts !== undefined && domain !== undefined) {
          store.mergeFacts(domain, (known, limit) => addFacts(known, facts, limit));
        }
      }
    }
  });
  // Where more is known here than there, the others are to hear it.
  for (const { address, templates, factCount } of heard.exporters()) {
    const own = store.find(address);
    if (own !== undefined && (own.templates.size > templates.size || own.factCount > factCount)) {
      store.markChanged(address);
    }
  }
  return adopted;
}

function addFacts(known: DomainFacts, heard: DomainFacts, limit: number): void {
  for (const [key, value] of heard.selectors) put(known, 'selectors', key, value, limit);
  for (const [key, value] of heard.interfaces) put(known, 'interfaces', key, value, limit);
  for (const [key, value] of heard.templates) put(known, 'templates', key, value, limit);
  for (const [key, value] of heard.sequences) put(known, 'sequences', key, value, limit);
  if (heard.domainWide !== undefined) setDomainWide(known, heard.domainWide);
  if (heard.systemInitMs !== undefined && heard.systemInitMs !== known.systemInitMs) {
    known.systemInitMs = heard.systemInitMs;
    known.revision++;
  }
  for (const table of nameTables) {
    for (const [key, name] of heard.names[table].entries()) putName(known, table, key, name, limit);
  }
}

function restoreExporter(
  store: TemplateStore,
  state: unknown,
  place: string,
  contents: readonly TemplateContent[],
  limits: RestoreLimits,
): void {
  const { address, isUseful, taught: savedTaught, domains } = toObject(state, place);
  if (typeof address !== 'string' || address === '' || address.length > 100) refuse(`${place}.address`);
  const taught = toTaught(savedTaught ?? [], `${place}.taught`);
  if (taught.size > limits.maxFactsPerExporter) refuse(`${place}.taught is too long`);
  let room = limits.maxFactsPerExporter - taught.size;
  toArray(domains, `${place}.domains`).forEach((domainState, i) => {
    const at = `${place}.domains[${i}]`;
    const saved = toObject(domainState, at);
    const id = toInteger(saved['id'], 0xffff_ffff, `${at}.id`);
    const facts = toFacts(saved, at, room);
    room -= facts.entryCount;
    const adopted = new Set<unknown>();
    toArray(saved['templates'], `${at}.templates`).forEach((template, j) => {
      const [templateId, index] = toPair(template, `${at}.templates[${j}]`);
      const content = contents[toInteger(index, contents.length - 1, `${at}.templates[${j}]`)];
      const number = toInteger(templateId, 0xffff, `${at}.templates[${j}]`);
      if (content === undefined || number < 256) refuse(`${at}.templates[${j}]`);
      const { domain } = store.define(address, id, number, content);
      if (domain.exporter.taught.size === 0) store.adoptTaught(domain.exporter, taught);
      if (!adopted.has(domain)) store.adoptFacts(domain, facts);
      adopted.add(domain);
      if (isUseful === true) store.markUseful(domain.exporter);
    });
  });
}

function toContent(value: unknown, place: string, { maxFields }: RestoreLimits): TemplateContent {
  const { protocol, kind, scopeCount, specifiers, taught } = toObject(value, place);
  if (protocol !== 'netflow9' && protocol !== 'ipfix') refuse(`${place}.protocol`);
  if (kind !== 'flow' && kind !== 'options') refuse(`${place}.kind`);
  if (typeof specifiers !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(specifiers)) refuse(`${place}.specifiers`);
  const content: TemplateContent = {
    protocol,
    kind,
    scopeCount: toInteger(scopeCount, kind === 'flow' ? 0 : maxFields, `${place}.scopeCount`),
    specifiers: Buffer.from(specifiers, 'hex').toString('latin1'),
    ...(taught === undefined ? {} : { taught: toTaughtFields(taught, maxFields, `${place}.taught`) }),
  };
  const problem = findProblem(content, maxFields);
  if (problem !== undefined) refuse(`${place} ${problem}`);
  return content;
}

function toTaughtFields(value: unknown, maxFields: number, place: string): readonly TaughtField[] {
  return toArray(value, place).map((field) => {
    const [index, name, encoding, ...more] = toArray(field, place);
    if (!isTaughtElement(name, encoding) || more.length > 0) refuse(place);
    return [toInteger(index, maxFields, place), name as string, encoding as Encoding];
  });
}

function toTaught(value: unknown, place: string): ReadonlyMap<string, Element> {
  return new Map(
    toArray(value, place).map((entry) => {
      const [key, name, encoding] = toArray(entry, place);
      if (typeof key !== 'string' || !/^\d{1,10}\/\d{1,5}$/.test(key) || !isTaughtElement(name, encoding))
        refuse(place);
      return [key, { name: name as string, encoding: encoding as Encoding }];
    }),
  );
}

function toFacts(saved: Record<string, unknown>, place: string, room: number): DomainFacts {
  const facts = createDomainFacts();
  const each = (table: string, take: (key: unknown, value: unknown, at: string) => void): void => {
    toArray(saved[table] ?? [], `${place}.${table}`).forEach((entry, i) => {
      const [key, value] = toPair(entry, `${place}.${table}[${i}]`);
      take(key, value, `${place}.${table}[${i}]`);
    });
  };
  each('selectors', (key, value, at) => put(facts, 'selectors', toFinite(key, at), toFinite(value, at), room));
  each('interfaces', (key, value, at) => put(facts, 'interfaces', toFinite(key, at), toFinite(value, at), room));
  each('templateWide', (key, value, at) => put(facts, 'templates', toFinite(key, at), toFinite(value, at), room));
  each('sequences', (key, value, at) => {
    const selectors = toArray(value, at).map((selector) => toFinite(selector, at));
    put(facts, 'sequences', toFinite(key, at), selectors.slice(0, maxSelectorsOfSequence), room);
  });
  if (saved['domainWide'] !== undefined) setDomainWide(facts, toFinite(saved['domainWide'], `${place}.domainWide`));
  if (saved['systemInitMs'] !== undefined)
    facts.systemInitMs = toFinite(saved['systemInitMs'], `${place}.systemInitMs`);
  restoreNames(facts, saved['names'] ?? {}, `${place}.names`, room);
  return facts;
}

function restoreNames(facts: DomainFacts, saved: unknown, place: string, room: number): void {
  const tables = toObject(saved, place);
  for (const table of nameTables) {
    toArray(tables[table] ?? [], `${place}.${table}`).forEach((entry, i) => {
      const at = `${place}.${table}[${i}]`;
      const [key, name] = toPair(entry, at);
      if (typeof name !== 'string') refuse(at);
      const isApplication = table === 'applicationNames' && typeof key === 'string' && /^[0-9a-f]{0,40}$/.test(key);
      putName(facts, table, isApplication ? key : toFinite(key, at), name, room);
    });
  }
}

function toObject(value: unknown, place: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : refuse(`${place} is no object`);
}

function toArray(value: unknown, place: string): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : refuse(`${place} is no list`);
}

function toPair(value: unknown, place: string): readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2
    ? (value as unknown as [unknown, unknown])
    : refuse(`${place} is no pair`);
}

function toInteger(value: unknown, max: number, place: string): number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
    ? (value as number)
    : refuse(place);
}

function toFinite(value: unknown, place: string): number {
  return Number.isFinite(value) ? (value as number) : refuse(place);
}

function refuse(problem: string): never {
  throw new WeirError('file-invalid', `The saved templates can't be used: ${problem}`, {
    hint: 'Remove the file; exporters send their templates again within minutes.',
  });
}
