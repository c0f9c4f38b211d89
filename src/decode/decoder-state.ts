// Templates and options facts as JSON and back, so that a restart loses no flow: exporters repeat their templates every few minutes only.
// What comes back is checked like anything from outside: a file may be cut, edited, or another program's.

import { WeirError } from '../model/errors.ts';
import { createDomainFacts, type DomainFacts } from './options-store.ts';
import { findProblem, type TemplateContent } from './template-record.ts';
import type { TemplateStore } from './template-store.ts';

/** Opaque to everyone but this file. */
export interface DecoderState {
  readonly weirDecoderState: 1;
  /** Each content once, for most exporters say the same. Specifiers in hex. */
  readonly contents: readonly TemplateContent[];
  /** Least recently useful first. */
  readonly exporters: readonly ExporterState[];
}

interface ExporterState {
  readonly address: string;
  readonly isUseful: boolean;
  readonly domains: readonly DomainState[];
}

interface DomainState {
  readonly id: number;
  /** Template id and index into `contents`. */
  readonly templates: readonly (readonly [number, number])[];
  readonly selectors?: readonly (readonly [number, number])[];
  readonly interfaces?: readonly (readonly [number, number])[];
  readonly domainWide?: number;
  readonly systemInitMs?: number;
}

export function saveTemplates(store: TemplateStore): DecoderState {
  const contents: TemplateContent[] = [];
  const indexOf = new Map<string, number>();
  const exporters: ExporterState[] = [];
  for (const exporter of store.exporters()) {
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
    exporters.push({ address: exporter.address, isUseful: exporter.isUseful, domains });
  }
  return { weirDecoderState: 1, contents, exporters };
}

function saveFacts(facts: DomainFacts | undefined): Partial<DomainState> {
  if (facts === undefined) return {};
  return {
    selectors: [...facts.selectors],
    interfaces: [...facts.interfaces],
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
  if (weirDecoderState !== 1) refuse('it is no decoder state of this version');
  const contents = toArray(savedContents, 'contents').map((content, i) => toContent(content, `contents[${i}]`, limits));
  toArray(exporters, 'exporters').forEach((exporter, i) => {
    restoreExporter(store, exporter, `exporters[${i}]`, contents, limits);
  });
}

function restoreExporter(
  store: TemplateStore,
  state: unknown,
  place: string,
  contents: readonly TemplateContent[],
  limits: RestoreLimits,
): void {
  const { address, isUseful, domains } = toObject(state, place);
  if (typeof address !== 'string' || address === '' || address.length > 100) refuse(`${place}.address`);
  let room = limits.maxFactsPerExporter;
  toArray(domains, `${place}.domains`).forEach((domainState, i) => {
    const at = `${place}.domains[${i}]`;
    const saved = toObject(domainState, at);
    const id = toInteger(saved['id'], 0xffff_ffff, `${at}.id`);
    const facts = toFacts(saved, at, room);
    room -= facts.selectors.size + facts.interfaces.size;
    const adopted = new Set<unknown>();
    toArray(saved['templates'], `${at}.templates`).forEach((template, j) => {
      const [templateId, index] = toPair(template, `${at}.templates[${j}]`);
      const content = contents[toInteger(index, contents.length - 1, `${at}.templates[${j}]`)];
      const number = toInteger(templateId, 0xffff, `${at}.templates[${j}]`);
      if (content === undefined || number < 256) refuse(`${at}.templates[${j}]`);
      const { domain } = store.define(address, id, number, content);
      if (!adopted.has(domain)) store.adoptFacts(domain, facts);
      adopted.add(domain);
      if (isUseful === true) store.markUseful(domain.exporter);
    });
  });
}

function toContent(value: unknown, place: string, { maxFields }: RestoreLimits): TemplateContent {
  const { protocol, kind, scopeCount, specifiers } = toObject(value, place);
  if (protocol !== 'netflow9' && protocol !== 'ipfix') refuse(`${place}.protocol`);
  if (kind !== 'flow' && kind !== 'options') refuse(`${place}.kind`);
  if (typeof specifiers !== 'string' || !/^(?:[0-9a-f]{2})+$/.test(specifiers)) refuse(`${place}.specifiers`);
  const content: TemplateContent = {
    protocol,
    kind,
    scopeCount: toInteger(scopeCount, kind === 'flow' ? 0 : maxFields, `${place}.scopeCount`),
    specifiers: Buffer.from(specifiers, 'hex').toString('latin1'),
  };
  const problem = findProblem(content, maxFields);
  if (problem !== undefined) refuse(`${place} ${problem}`);
  return content;
}

function toFacts(saved: Record<string, unknown>, place: string, room: number): DomainFacts {
  const facts = createDomainFacts();
  for (const table of ['selectors', 'interfaces'] as const) {
    toArray(saved[table] ?? [], `${place}.${table}`).forEach((entry, i) => {
      const [key, interval] = toPair(entry, `${place}.${table}[${i}]`).map((value) =>
        toFinite(value, `${place}.${table}`),
      );
      if (facts.selectors.size + facts.interfaces.size < room) facts[table].set(key!, interval!);
    });
  }
  if (saved['domainWide'] !== undefined) facts.domainWide = toFinite(saved['domainWide'], `${place}.domainWide`);
  if (saved['systemInitMs'] !== undefined)
    facts.systemInitMs = toFinite(saved['systemInitMs'], `${place}.systemInitMs`);
  return facts;
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
