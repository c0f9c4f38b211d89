// index-templates/*.json: the types of our fields, one file each, as the legacy templates that every 7.x knows. From the same file
// come composable ones, for 7.8 and later. Each carries a marker, which its indices inherit: by it weir knows what it has made.

import { readdir, readFile } from 'node:fs/promises';
import type { IndexNaming } from './index-name.ts';
import { asRecord } from './server-answer.ts';

type Json = Readonly<Record<string, unknown>>;

export interface IndexTemplate {
  /** Its file: `weir-flow`. The marker says it, whatever the template is called on the server. */
  readonly kind: string;
  /** On the server. */
  readonly name: string;
  /** Grows with every change of the file; a test holds that. */
  readonly version: number;
  readonly patterns: readonly string[];
  readonly settings: Json;
  readonly mappings: Json;
}

export interface Marker {
  readonly template: string;
  readonly version: number;
}

export interface TemplateLayout {
  readonly naming: IndexNaming;
  /** What its indices are called; `weir-flow-*`. */
  readonly flowPattern: string;
  /** Settings that the index of flows gets besides those of the file: its lifecycle. */
  readonly flowSettings?: Json;
}

export const flowKind = 'weir-flow';
export const deadLetterKind = 'weir-dead-letters';
export const rollupKind = 'weir-rollup';
/**
 * Above what a catch-all template has: `*` for replicas is often at 0 or 1; Elastic's own stay below 200. Of two pipelines on one
 * cluster, `weir-flow-*` and `weir-flow-eu-*`, the longer name must win.
 */
export function precedenceOf({ name }: Pick<IndexTemplate, 'name'>): number {
  return 500 + name.length;
}

// Two folders up from src/index as well as from dist/index.
const folder = new URL('../../index-templates/', import.meta.url);

/** All of them; that of the flows under the name, and for the indices, that the pipeline file says. */
export async function readIndexTemplates({
  naming,
  flowPattern,
  flowSettings = {},
}: TemplateLayout): Promise<readonly IndexTemplate[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
  return Promise.all(
    names.map(async (file) => {
      const kind = file.replace(/\.json$/, '');
      const text = await readFile(new URL(file, folder), 'utf8');
      const { version, index_patterns, settings, mappings } = JSON.parse(text) as {
        version: number;
        index_patterns: readonly string[];
        settings: Json;
        mappings: Json;
      };
      const isFlow = kind === flowKind;
      return {
        kind,
        name: isFlow ? naming.base : kind,
        version,
        patterns: isFlow ? [flowPattern] : index_patterns,
        settings: isFlow ? { ...settings, ...flowSettings } : settings,
        mappings: { _meta: { weir: { template: kind, version } satisfies Marker }, ...mappings },
      };
    }),
  );
}

export function toLegacyBody(template: IndexTemplate): Json {
  const { version, patterns, settings, mappings } = template;
  return { order: precedenceOf(template), version, index_patterns: patterns, settings, mappings };
}

export function toComposableBody(template: IndexTemplate): Json {
  const { version, patterns, settings, mappings } = template;
  return { priority: precedenceOf(template), version, index_patterns: patterns, template: { settings, mappings } };
}

/** What weir has left in a mapping; undefined when the mapping is not of weir's making. */
export function toMarker(mappings: unknown): Marker | undefined {
  const marker = asRecord(asRecord(asRecord(mappings)?.['_meta'])?.['weir']);
  const { template, version } = marker ?? {};
  return typeof template === 'string' && typeof version === 'number' ? { template, version } : undefined;
}
