// What a template of ours would change on the server, as lines for people: "+ flow.new: …", "- …", "~ old → new".

import type { IndexTemplate } from './index-template.ts';
import { asRecord } from './server-answer.ts';

type Content = Pick<IndexTemplate, 'patterns' | 'settings' | 'mappings'>;

/** Empty when nothing would change. Elasticsearch gives settings back as text, with "index." before them. */
export function toDifference(found: Content | undefined, template: Content): readonly string[] {
  const before = found === undefined ? new Map<string, string>() : toLeaves(found);
  const after = toLeaves(template);
  const lines: string[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    const [old, next] = [before.get(path), after.get(path)];
    if (old === next) continue;
    if (old === undefined) lines.push(`+ ${path}: ${next}`);
    else if (next === undefined) lines.push(`- ${path}: ${old}`);
    else lines.push(`~ ${path}: ${old} → ${next}`);
  }
  return lines;
}

function toLeaves({ patterns, settings, mappings }: Content): ReadonlyMap<string, string> {
  const leaves = new Map([['index_patterns', patterns.join(', ')]]);
  addSettings(settings, '', leaves);
  const { properties, dynamic_templates: rules, _meta: _, ...rest } = mappings;
  for (const [name, value] of Object.entries(rest)) leaves.set(`mapping ${name}`, toText(value));
  for (const rule of Array.isArray(rules) ? rules : [])
    for (const [name, value] of Object.entries(asRecord(rule) ?? {})) leaves.set(`rule ${name}`, toText(value));
  addFields(properties, '', leaves);
  return leaves;
}

function addSettings(value: unknown, path: string, leaves: Map<string, string>): void {
  const inner = asRecord(value);
  if (inner !== undefined)
    for (const [name, below] of Object.entries(inner))
      addSettings(below, path === '' ? name : `${path}.${name}`, leaves);
  else leaves.set(`setting ${path.replace(/^index\./, '')}`, Array.isArray(value) ? value.join(', ') : String(value));
}

function addFields(properties: unknown, path: string, leaves: Map<string, string>): void {
  for (const [name, value] of Object.entries(asRecord(properties) ?? {})) {
    const { properties: below, ...field } = asRecord(value) ?? {};
    const full = path === '' ? name : `${path}.${name}`;
    // "object" is what stands where nothing stands.
    if (below !== undefined && field['type'] === 'object') delete (field as Record<string, unknown>)['type'];
    if (Object.keys(field).length > 0) leaves.set(`field ${full}`, toText(field));
    addFields(below, full, leaves);
  }
}

/** `keyword`, `keyword, ignore_above 256`, `{"path_match":…}` */
function toText(value: unknown): string {
  const field = asRecord(value);
  const type = field?.['type'];
  if (field === undefined || typeof type !== 'string') return JSON.stringify(sorted(value));
  const others = Object.entries(field)
    .filter(([name]) => name !== 'type')
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, inner]) => `${name} ${typeof inner === 'object' ? JSON.stringify(sorted(inner)) : String(inner)}`);
  return [type, ...others].join(', ');
}

function sorted(value: unknown): unknown {
  const inner = asRecord(value);
  if (inner === undefined) return value;
  return Object.fromEntries(
    Object.entries(inner)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, below]) => [name, sorted(below)]),
  );
}
