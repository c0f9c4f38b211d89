// Tells Elasticsearch the types of our fields before the first document: index-templates/*.json, as legacy templates, which every
// 7.x knows. A template of the same or a newer version stays as it is.

import { readFile } from 'node:fs/promises';
import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { deadLetterIndex } from './dead-letters.ts';
import { type ElasticsearchAnswer, type ElasticsearchClient, toShortText } from './elasticsearch-client.ts';
import { asRecord, authenticationFailed } from './elasticsearch-product.ts';
import { toErrorReason } from './server-answer.ts';
import { createIndexNaming, type IndexNaming } from './index-name.ts';

export interface IndexTemplate {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The templates for flows and dead letters, their patterns matching the index name of the pipeline file. */
export async function readIndexTemplates(naming: IndexNaming): Promise<readonly IndexTemplate[]> {
  const flow = await readTemplate('weir-flow');
  const deadLetters = await readTemplate('weir-dead-letters');
  return [
    { name: naming.base, body: { ...flow, index_patterns: [naming.wildcard] } },
    { name: deadLetterIndex, body: deadLetters },
  ];
}

/** Throws WeirError: `sink-refused` when Elasticsearch will not have it, `sink-unavailable` when it may later. */
export async function applyIndexTemplate(
  { name, body }: IndexTemplate,
  client: ElasticsearchClient,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const path = `/_template/${encodeURIComponent(name)}`;
  const found = await client.request({ method: 'GET', path, query: { filter_path: '*.version' } }, signal);
  if (found.status !== 404) checkAnswer(found, name);
  const version = Number(body['version']);
  const foundVersion = asRecord(asRecord(found.json)?.[name])?.['version'];
  if (found.status === 200 && typeof foundVersion === 'number' && foundVersion >= version) return;
  checkAnswer(await client.request({ method: 'PUT', path, body }, signal), name);
  logger.info({ template: name, version }, 'index template applied');
}

/** May we read our templates, and are they there? A sentence; throws as `applyIndexTemplate`. Changes nothing. */
export async function tryTemplates(name: string, client: ElasticsearchClient, signal: AbortSignal): Promise<string> {
  const missing: string[] = [];
  for (const template of await readIndexTemplates(createIndexNaming(name, () => 0))) {
    const path = `/_template/${encodeURIComponent(template.name)}`;
    const found = await client.request({ method: 'GET', path, query: { filter_path: '*.version' } }, signal);
    if (found.status === 404) missing.push(template.name);
    else checkAnswer(found, template.name);
  }
  return missing.length === 0 ? 'index templates are there' : 'index templates will be applied by weir run';
}

function checkAnswer({ status, json, text }: ElasticsearchAnswer, name: string): void {
  if (status === 200) return;
  if (status === 401) throw authenticationFailed();
  if (status === 403)
    throw new WeirError('sink-refused', `the user has no right to read and write the index template ${name}`, {
      hint: 'Give its role the cluster privileges "monitor" and "manage_index_templates".',
    });
  const reason = toErrorReason(json) ?? text;
  if (status === 429 || status >= 500 || status < 400)
    throw new WeirError('sink-unavailable', `HTTP ${status}: ${reason}`, { retryable: true });
  throw new WeirError('sink-refused', `Elasticsearch refuses the index template ${name} (HTTP ${status}): ${reason}`, {
    hint: 'weir needs Elasticsearch 7.',
  });
}

async function readTemplate(name: string): Promise<Readonly<Record<string, unknown>>> {
  // Two folders up from src/index as well as from dist/index.
  const text = await readFile(new URL(`../../index-templates/${name}.json`, import.meta.url), 'utf8');
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

export { toErrorReason } from './server-answer.ts';
