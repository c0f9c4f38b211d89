// The index templates on the server, legacy or composable: the same questions to both APIs.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { type IndexTemplate, type Marker, toComposableBody, toLegacyBody, toMarker } from './index-template.ts';
import { asRecord, readAnswer } from './server-answer.ts';

type Json = Readonly<Record<string, unknown>>;

export interface FoundTemplate {
  readonly name: string;
  readonly patterns: readonly string[];
  /** `order` or `priority`: of two that match, the higher one counts. */
  readonly precedence: number;
  /** Undefined: somebody else's. */
  readonly marker: Marker | undefined;
  /** As the server gives it. */
  readonly settings: Json;
  readonly mappings: Json;
}

export interface TemplateStore {
  readonly kind: 'legacy' | 'composable';
  /** Of all templates what says whose they are and what they match; their settings and mappings are left out, the lifecycle apart. */
  list(signal: AbortSignal): Promise<readonly FoundTemplate[]>;
  /** Whole. */
  read(name: string, signal: AbortSignal): Promise<FoundTemplate | undefined>;
  put(template: IndexTemplate, signal: AbortSignal): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<void>;
}

const privilege = 'the cluster privileges "monitor" and "manage_index_templates"';

export function createTemplateStore(client: ElasticsearchClient, kind: TemplateStore['kind']): TemplateStore {
  const isLegacy = kind === 'legacy';
  const path = isLegacy ? '/_template' : '/_index_template';
  const pathOf = (name: string) => `${path}/${encodeURIComponent(name)}`;
  const digest = isLegacy
    ? '*.index_patterns,*.order,*.mappings._meta,*.settings.index.lifecycle'
    : ['index_patterns', 'priority', 'template.mappings._meta', 'template.settings.index.lifecycle']
        .map((field) => `index_templates.index_template.${field}`)
        .concat('index_templates.name')
        .join(',');

  async function get(where: string, query: Readonly<Record<string, string>>, signal: AbortSignal) {
    const answer = await client.request({ method: 'GET', path: where, query }, signal);
    // No template at all, or none of this name.
    if (answer.status === 404 && answer.json !== undefined) return [];
    const json = readAnswer(answer, { what: 'read index templates', privilege });
    return isLegacy ? Object.entries(json).map(toLegacy) : toList(json['index_templates']).map(toComposable);
  }

  return {
    kind,
    list: (signal) => get(path, { filter_path: digest }, signal),
    async read(name, signal) {
      return (await get(pathOf(name), {}, signal))[0];
    },
    async put(template, signal) {
      const body = isLegacy ? toLegacyBody(template) : toComposableBody(template);
      const answer = await client.request({ method: 'PUT', path: pathOf(template.name), body }, signal);
      readAnswer(answer, { what: `put the index template ${template.name}`, privilege });
    },
    async remove(name, signal) {
      const answer = await client.request({ method: 'DELETE', path: pathOf(name) }, signal);
      if (answer.status !== 404) readAnswer(answer, { what: `delete the index template ${name}`, privilege });
    },
  };
}

function toLegacy([name, value]: readonly [string, unknown]): FoundTemplate {
  const template = asRecord(value) ?? {};
  return toFound(name, template, template['order'], template);
}

function toComposable(value: unknown): FoundTemplate {
  const { name, index_template } = asRecord(value) ?? {};
  const template = asRecord(index_template) ?? {};
  return toFound(String(name), template, template['priority'], asRecord(template['template']) ?? {});
}

function toFound(name: string, template: Json, precedence: unknown, content: Json): FoundTemplate {
  const patterns = template['index_patterns'];
  return {
    name,
    patterns: toList(patterns).map(String),
    precedence: typeof precedence === 'number' ? precedence : 0,
    marker: toMarker(content['mappings']),
    settings: asRecord(content['settings']) ?? {},
    mappings: asRecord(content['mappings']) ?? {},
  };
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : typeof value === 'string' ? [value] : [];
}
