// Old ledgers and dead letters: they have ages of their own, whatever becomes of the flows. Only what weir made, by the marker.

import { deadLetterIndex } from './dead-letters.ts';
import { deleteIndex } from './delete-index.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { deadLetterKind, toMarker } from './index-template.ts';
import { ledgerIndexBase } from './ledger-index.ts';
import { asRecord, readAnswer } from './server-answer.ts';

export interface SideAges {
  /** Months of the ledger go so long after their end. */
  readonly ledgerMs: number;
  /** Dead letters go so long after they were refused. */
  readonly deadLettersMs: number;
}

export interface SideSurplus {
  /** Names of indices, the oldest first. */
  readonly ledgers: readonly string[];
  /** How many. */
  readonly deadLetters: number;
}

const monthPattern = new RegExp(`^${ledgerIndexBase}-(\\d{4})\\.(\\d\\d)$`);

/** Throws WeirError when the server does not answer, or refuses. */
export async function findSideSurplus(
  client: ElasticsearchClient,
  { ledgerMs, deadLettersMs }: SideAges,
  nowMs: number,
  signal: AbortSignal,
): Promise<SideSurplus> {
  const markers = await readMarkers(client, `${ledgerIndexBase}-*,${deadLetterIndex}`, signal);
  const ledgers = [...markers]
    .filter(([name, kind]) => kind === ledgerIndexBase && nowMs - (endOfMonth(name) ?? nowMs) >= ledgerMs)
    .map(([name]) => name)
    .toSorted();
  if (markers.get(deadLetterIndex) !== deadLetterKind) return { ledgers, deadLetters: 0 };
  const body = { query: refusedBefore(nowMs - deadLettersMs) };
  const answer = await client.request({ method: 'POST', path: `/${deadLetterIndex}/_count`, body }, signal);
  const { count } = readAnswer(answer, { what: 'count dead letters', privilege: `"read" on ${deadLetterIndex}` });
  return { ledgers, deadLetters: Number(count ?? 0) };
}

/** Several workers may do it at once. */
export async function deleteSideSurplus(
  client: ElasticsearchClient,
  { ledgers, deadLetters }: SideSurplus,
  { deadLettersMs }: SideAges,
  nowMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (const name of ledgers) await deleteIndex(client, name, signal);
  if (deadLetters === 0) return;
  const query = { conflicts: 'proceed' };
  const body = { query: refusedBefore(nowMs - deadLettersMs) };
  const path = `/${deadLetterIndex}/_delete_by_query`;
  const answer = await client.request({ method: 'POST', path, query, body }, signal);
  readAnswer(answer, { what: 'delete old dead letters', privilege: `the privilege "delete" on ${deadLetterIndex}` });
}

/** Lines for people. `verb`: "deleted". */
export function toSideLines({ ledgers, deadLetters }: SideSurplus, verb: string): readonly string[] {
  return [
    ...ledgers.map((name) => `${verb} ${name}: a ledger of that age is not kept`),
    ...(deadLetters === 0 ? [] : [`${verb} ${deadLetters} dead letters: they are not kept for so long`]),
  ];
}

/** Index → the kind of its template; without those that are not weir's. */
async function readMarkers(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const query = { ignore_unavailable: 'true', filter_path: '*.mappings._meta', expand_wildcards: 'open,closed' };
  const answer = await client.request({ method: 'GET', path: `/${pattern}/_mapping`, query }, signal);
  if (answer.status === 404) return new Map();
  const json = readAnswer(answer, {
    what: `list the indices ${pattern}`,
    privilege: `the privilege "view_index_metadata" on ${pattern}`,
  });
  return new Map(
    Object.entries(json).flatMap(([name, value]) => {
      const marker = toMarker(asRecord(value)?.['mappings']);
      return marker === undefined ? [] : [[name, marker.template] as const];
    }),
  );
}

function endOfMonth(name: string): number | undefined {
  const [, year, month] = monthPattern.exec(name) ?? [];
  return year === undefined || month === undefined ? undefined : Date.UTC(Number(year), Number(month));
}

function refusedBefore(timeMs: number): object {
  return { range: { '@timestamp': { lt: new Date(timeMs).toISOString() } } };
}
