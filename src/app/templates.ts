// `weir templates [FILE]`: what weir knows of each exporter, from the state file of the pipeline: a table, or JSON.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDecoder, defaultDecoderLimits } from '../decode/decoder.ts';
import { createInformationElements, type InformationElements } from '../decode/information-elements.ts';
import { type ListedDomain, type ListedTemplate, listTemplates } from '../decode/template-listing.ts';
import type { RedisTarget } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { loadPipelineFile } from './pipeline-source.ts';
import { toStateKey } from './state-store.ts';
import { toTableLines } from './text-table.ts';

export interface TemplatesOptions {
  readonly json: boolean;
}

/** Text that ends with a newline. Throws WeirError where there is no state, or the file is no state. */
export async function describeTemplates(pipeline: string | undefined, { json }: TemplatesOptions): Promise<string> {
  const { name, queue, state, decode } = await loadPipelineFile(pipeline);
  const elements = createInformationElements(decode.elements);
  const path = join(state.directory, 'templates.json');
  const saved = queue.redis === undefined ? await readState(path) : await readFromRedis(queue.redis, name, elements);
  const domains = listTemplates(saved, elements, defaultDecoderLimits);
  const where = queue.redis === undefined ? path : 'Redis';
  return json ? `${JSON.stringify(domains, undefined, 2)}\n` : toText(where, domains);
}

async function readFromRedis(redis: RedisTarget, name: string, elements: InformationElements): Promise<unknown> {
  const { readStateRedis } = await import('./state-redis.ts');
  const decoder = createDecoder({ onFault: () => undefined, elements });
  return readStateRedis(redis, toStateKey(redis, name), decoder, silentLogger);
}

async function readState(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? 'there is no such file' : (cause as Error).message;
    throw new WeirError('file-missing', `can't read the templates in ${path}: ${reason}`, {
      hint: 'weir run writes it within 5 s of the first template; start weir templates in the same folder.',
      cause,
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new WeirError('file-invalid', `${path} is no JSON`, { cause });
  }
}

const head = ['EXPORTER', 'PROTOCOL', 'DOMAIN', 'TEMPLATE', 'KIND', 'FIELDS', 'BYTES', 'ELEMENTS'] as const;

/** Names beyond this are counted: `--json` has them all. */
const maxNamesWidth = 100;

function toText(path: string, domains: readonly ListedDomain[]): string {
  if (domains.length === 0) return `${path} knows no templates\n`;
  const rows = domains.flatMap(({ exporter, protocol, domain, templates }) =>
    templates.map((template) => [exporter, protocol, `${domain}`, ...toCells(template)]),
  );
  const table = toTableLines(head, rows);
  const taught = domains.map(toTaughtLine).filter((line) => line !== undefined);
  return [...table, ...(taught.length === 0 ? [] : ['', 'Options records taught:', ...taught]), ''].join('\n');
}

function toCells({ id, kind, fields }: ListedTemplate): string[] {
  const bytes = fields.reduce((sum, { length }) => sum + (length === 65_535 ? 0 : length), 0);
  const isVariable = fields.some(({ length }) => length === 65_535);
  let names = '';
  let shown = 0;
  for (const { name } of fields) {
    if (names.length > maxNamesWidth) break;
    names += `${shown === 0 ? '' : ' '}${name ?? '(padding)'}`;
    shown++;
  }
  const more = fields.length - shown;
  return [
    `${id}`,
    kind,
    `${fields.length}`,
    `${bytes}${isVariable ? '+' : ''}`,
    more === 0 ? names : `${names} and ${more} more`,
  ];
}

function toTaughtLine({ exporter, protocol, domain, taught }: ListedDomain): string | undefined {
  const words: readonly (readonly [number, string])[] = [
    [taught.samplingIntervals, 'sampling intervals'],
    [taught.interfaceNames, 'interface names'],
    [taught.interfaceDescriptions, 'interface descriptions'],
    [taught.applicationNames, 'application names'],
    [taught.vrfNames, 'VRF names'],
  ];
  const counts = words.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return counts.length === 0 ? undefined : `${exporter} ${protocol} domain ${domain}: ${counts.join(', ')}`;
}
