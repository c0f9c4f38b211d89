// `weir dead-letters`: the documents that Elasticsearch refused, as a table, one by one, sent again, or thrown away.

import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { createDeadLetterFile } from '../index/dead-letter-file.ts';
import { createDeadLetterStore, type DeadLetterFilter, type DeadLetterStore } from '../index/dead-letter-store.ts';
import { createElasticsearchClient } from '../index/elasticsearch-client.ts';
import { placed } from '../index/server-answer.ts';
import { toShortText } from '../index/short-text.ts';
import { WeirError } from '../model/errors.ts';
import { loadPipelineFile } from './pipeline-source.ts';
import { toDeadLetterFile } from './sinks.ts';
import { toTableLines } from './text-table.ts';
import { toTimeMs } from './time-flag.ts';

/** What the command line says of which letters are meant. */
export interface DeadLetterFlags {
  readonly id?: string;
  /** A duration before now (`2h`), or a time (`2026-11-24T12:00:00Z`). */
  readonly since?: string;
  readonly before?: string;
  readonly reason?: string;
  readonly limit?: number;
}

const never = new AbortController().signal;
const defaultListed = 50;
/** Of the reason, in the table; `show` has all of it. */
const reasonWidth = 120;

/** All functions: text that ends with a newline; throw WeirError when a flag is wrong, or Elasticsearch takes nothing. */
export async function listDeadLetters(
  pipeline: string | undefined,
  { json = false, ...flags }: DeadLetterFlags & { readonly json?: boolean },
  nowMs: number,
): Promise<string> {
  const filter = { ...toFilter(flags, nowMs), limit: flags.limit ?? defaultListed };
  const { letters, total } = await withStore(pipeline, (store) => store.list(filter, never));
  if (json) return `${JSON.stringify(letters, undefined, 2)}\n`;
  if (letters.length === 0) return 'no dead letters\n';
  const lines = toTableLines(
    ['REFUSED', 'ID', 'INDEX', 'EXPORTER', 'REASON'],
    letters.map((letter) => [
      letter['@timestamp'],
      letter.id,
      letter.index,
      letter.exporter,
      toShortText(letter.reason, reasonWidth),
    ]),
  );
  const more = total > letters.length ? ['', `${letters.length} of ${total}: --limit shows more`] : [];
  return `${[...lines, ...more].join('\n')}\n`;
}

/** The letter as JSON, its original as the document that it is. */
export async function showDeadLetter(pipeline: string | undefined, id: string): Promise<string> {
  const { letters } = await withStore(pipeline, (store) => store.list({ id, limit: 1 }, never));
  const [letter] = letters;
  if (letter === undefined)
    throw new WeirError('usage', `there is no dead letter ${id}`, { hint: 'weir dead-letters list shows their ids.' });
  return `${JSON.stringify({ ...letter, original: readOriginal(letter.original) }, undefined, 2)}\n`;
}

export async function retryDeadLetters(
  pipeline: string | undefined,
  { dryRun = false, ...flags }: DeadLetterFlags & { readonly dryRun?: boolean },
  nowMs: number,
): Promise<string> {
  const filter = toFilter(flags, nowMs);
  if (dryRun) return `${await countMeant(pipeline, filter)} would be sent again\n`;
  const { indexed, alreadyThere, left } = await withStore(pipeline, (store) => store.retry(filter, never));
  const lines = [`${indexed} indexed, ${alreadyThere} already there, ${left.length} refused again`];
  for (const [reason, { count, id }] of countReasons(left)) lines.push(`  ${count} × ${reason} (such as ${id})`);
  return `${lines.join('\n')}\n`;
}

/** All of them only with `yes`. */
export async function purgeDeadLetters(
  pipeline: string | undefined,
  { yes = false, dryRun = false, ...flags }: DeadLetterFlags & { readonly yes?: boolean; readonly dryRun?: boolean },
  nowMs: number,
): Promise<string> {
  const filter = toFilter(flags, nowMs);
  if (dryRun) return `${await countMeant(pipeline, filter)} would be thrown away\n`;
  if (!yes && Object.keys(filter).length === 0)
    throw new WeirError('usage', 'this would throw away every dead letter', {
      hint: 'Say which (--id, --since, --before, --reason, --limit), or --yes.',
    });
  const purged = await withStore(pipeline, (store) => store.purge(filter, never));
  return `${purged} thrown away\n`;
}

async function countMeant(pipeline: string | undefined, filter: DeadLetterFilter): Promise<number> {
  const { total } = await withStore(pipeline, (store) => store.list({ ...filter, limit: 1 }, never));
  return Math.min(total, filter.limit ?? total);
}

async function withStore<Result>(
  pipeline: string | undefined,
  work: (store: DeadLetterStore) => Promise<Result>,
): Promise<Result> {
  const { index, state, path }: PipelineFile = await loadPipelineFile(pipeline);
  if (index.elasticsearch === undefined)
    throw new WeirError('usage', `${path} names no Elasticsearch: files take every document`, {
      hint: 'Name the pipeline file that weir run is given, with the same environment.',
    });
  const client = createElasticsearchClient(index.elasticsearch);
  try {
    const file = createDeadLetterFile(toDeadLetterFile(state.directory));
    return await work(createDeadLetterStore({ client, file, now: Date.now }));
  } catch (error) {
    throw error instanceof WeirError ? placed(error, client.address) : error;
  } finally {
    await client.close();
  }
}

function toFilter({ id, since, before, reason, limit }: DeadLetterFlags, nowMs: number): DeadLetterFilter {
  return {
    ...(id !== undefined && { id }),
    ...(since !== undefined && { sinceMs: toTimeMs('--since', since, nowMs) }),
    ...(before !== undefined && { beforeMs: toTimeMs('--before', before, nowMs) }),
    ...(reason !== undefined && { reason }),
    ...(limit !== undefined && { limit }),
  };
}

function readOriginal(text: string): unknown {
  try {
    // Numbers that JSON.parse would round are better shown as they came.
    const read: unknown = JSON.parse(text);
    return JSON.stringify(read) === text ? read : text;
  } catch {
    return text;
  }
}

function countReasons(left: readonly { readonly id: string; readonly reason: string }[]) {
  const counts = new Map<string, { count: number; readonly id: string }>();
  for (const { id, reason } of left) {
    const known = counts.get(reason);
    if (known === undefined) counts.set(reason, { count: 1, id });
    else known.count += 1;
  }
  return [...counts].slice(0, 20);
}
