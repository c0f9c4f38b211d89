// What the benchmark knows of an index template.

import { readFileSync } from 'node:fs';

export interface Mapping {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Mapping>>;
  readonly [parameter: string]: unknown;
}

export interface Template {
  readonly settings: { readonly index: Readonly<Record<string, unknown>> };
  readonly mappings: Mapping;
}

/** The shipped one, without replica: one server has no place for it. */
export function weirTemplate(): Template {
  const file = new URL('../../index-templates/weir-flow.json', import.meta.url);
  const { settings, mappings } = JSON.parse(readFileSync(file, 'utf8')) as Template;
  const { auto_expand_replicas: _, ...index } = settings.index;
  return { settings: { index: { ...index, number_of_replicas: 0 } }, mappings };
}

/** The template with other parameters for the fields that are chosen. */
export function withFields(
  { settings, mappings }: Template,
  change: (path: string, mapping: Mapping) => Mapping,
): Template {
  return { settings, mappings: changed(mappings, '', change) };
}

export function withSettings({ settings, mappings }: Template, index: Readonly<Record<string, unknown>>): Template {
  return { settings: { index: { ...settings.index, ...index } }, mappings };
}

function changed(mapping: Mapping, prefix: string, change: (path: string, mapping: Mapping) => Mapping): Mapping {
  const { properties = {} } = mapping;
  const entries = Object.entries(properties).map(([name, child]) => {
    const path = prefix + name;
    return [name, child.properties === undefined ? change(path, child) : changed(child, `${path}.`, change)];
  });
  return { ...mapping, properties: Object.fromEntries(entries) as Record<string, Mapping> };
}
