// The dead letters that are kept, in their index and in the file beside it: found, sent again, removed. For `weir dead-letters`.

import type { WeirError } from '../model/errors.ts';
import { toActionStart } from './bulk-body.ts';
import { type BulkOutcome, type ItemFate, toBulkOutcome } from './bulk-result.ts';
import { unavailable } from './connection-failure.ts';
import { type DeadLetterFile, readDeadLetter } from './dead-letter-file.ts';
import { type DeadLetter, deadLetterIndex } from './dead-letters.ts';
import type { ElasticsearchAnswer, ElasticsearchClient } from './elasticsearch-client.ts';
import { toErrorText } from './item-fault.ts';
import { asRecord, authenticationFailed } from './server-answer.ts';

export interface DeadLetterFilter {
  readonly id?: string;
  /** Refused at this time or later, ms since 1970. */
  readonly sinceMs?: number;
  /** Refused earlier. */
  readonly beforeMs?: number;
  /** A part of the reason, as it is written. */
  readonly reason?: string;
  readonly limit?: number;
}

export interface DeadLetterStore {
  /** The newest first. */
  list(filter: DeadLetterFilter, signal: AbortSignal): Promise<DeadLetterList>;
  /** Sends originals again, under their own ids; letters whose original is in its index now are removed. */
  retry(filter: DeadLetterFilter, signal: AbortSignal): Promise<RetryResult>;
  /** Removes letters; returns how many. */
  purge(filter: DeadLetterFilter, signal: AbortSignal): Promise<number>;
}

export interface DeadLetterList {
  readonly letters: readonly DeadLetter[];
  /** All that the filter lets through, whatever its limit. */
  readonly total: number;
}

export interface RetryResult {
  readonly indexed: number;
  readonly alreadyThere: number;
  /** Still not taken; their letters stay. */
  readonly left: readonly { readonly id: string; readonly reason: string }[];
}

export interface DeadLetterStoreOptions {
  readonly client: ElasticsearchClient;
  readonly file: DeadLetterFile;
  readonly now: () => number;
}

/** So many originals are one request; an original can have hundreds of kilobytes, and an answer 32 MB. */
const pageSize = 40;
/** Elasticsearch's own bound of one search. */
const maxListed = 10_000;

export function createDeadLetterStore({ client, file, now }: DeadLetterStoreOptions): DeadLetterStore {
  async function list(filter: DeadLetterFilter, signal: AbortSignal): Promise<DeadLetterList> {
    const limit = Math.min(filter.limit ?? maxListed, maxListed);
    const query = { ignore_unavailable: 'true' };
    const body = { query: toQuery(filter), size: limit, sort: [{ '@timestamp': 'desc' }], track_total_hits: true };
    const path = `/${deadLetterIndex}/_search`;
    const { letters, total } = readHits(check(await client.request({ method: 'POST', path, query, body }, signal)));
    const filed = await lettersInFile(filter);
    const all = [...letters, ...filed].sort((a, b) => (a['@timestamp'] < b['@timestamp'] ? 1 : -1));
    return { letters: all.slice(0, limit), total: total + filed.length };
  }

  async function retry(filter: DeadLetterFilter, signal: AbortSignal): Promise<RetryResult> {
    let indexed = 0;
    let alreadyThere = 0;
    const left: { id: string; reason: string }[] = [];
    await walk(filter, signal, async (letters) => {
      const done = new Set<string>();
      const fates = await sendAgain(letters, signal);
      for (const [i, { id }] of letters.entries()) {
        const fate = fates[i]!;
        if (fate.kind === 'indexed') indexed += 1;
        else if (fate.kind === 'already there') alreadyThere += 1;
        else {
          left.push({ id, reason: fate.reason });
          continue;
        }
        done.add(id);
      }
      return done;
    });
    return { indexed, alreadyThere, left };
  }

  async function purge(filter: DeadLetterFilter, signal: AbortSignal): Promise<number> {
    let purged = 0;
    await walk(filter, signal, async (letters) => {
      purged += letters.length;
      return new Set(letters.map(({ id }) => id));
    });
    return purged;
  }

  /** Gives all letters that the filter lets through to `visit`, page by page, and removes those whose ids it returns. */
  async function walk(
    filter: DeadLetterFilter,
    signal: AbortSignal,
    visit: (letters: readonly DeadLetter[]) => Promise<ReadonlySet<string>>,
  ): Promise<void> {
    let left = filter.limit ?? Number.POSITIVE_INFINITY;
    for await (const page of pages(filter, signal)) {
      const letters = page.slice(0, left);
      left -= letters.length;
      const done = letters.length === 0 ? new Set<string>() : await visit(letters);
      if (done.size > 0) await removeFromIndex([...done], signal);
      if (left === 0) return;
    }
    const filed = (await lettersInFile(filter)).slice(0, left);
    for (let at = 0; at < filed.length; at += pageSize) {
      const done = await visit(filed.slice(at, at + pageSize));
      if (done.size > 0) await file.remove(({ id }) => done.has(id));
    }
  }

  /** A scroll sees the index as it was when it began: what is removed on the way does not shift its pages. */
  async function* pages(filter: DeadLetterFilter, signal: AbortSignal): AsyncGenerator<readonly DeadLetter[]> {
    let path = `/${deadLetterIndex}/_search`;
    let query: Record<string, string> = { ignore_unavailable: 'true', scroll: '5m' };
    let body: Record<string, unknown> = { query: toQuery(filter), size: pageSize, sort: ['_doc'] };
    let scrollId: unknown;
    try {
      for (;;) {
        const json = check(await client.request({ method: 'POST', path, query, body }, signal));
        scrollId = json['_scroll_id'];
        const { letters, hits } = readHits(json);
        if (hits === 0) return;
        yield letters;
        path = '/_search/scroll';
        query = {};
        body = { scroll: '5m', scroll_id: scrollId };
      }
    } finally {
      if (typeof scrollId === 'string')
        await client.request({ method: 'DELETE', path: '/_search/scroll', body: { scroll_id: [scrollId] } }, signal);
    }
  }

  async function lettersInFile({ id, sinceMs, beforeMs, reason }: DeadLetterFilter): Promise<readonly DeadLetter[]> {
    const seen = new Map<string, DeadLetter>();
    for (const letter of await file.read()) {
      const timeMs = Date.parse(letter['@timestamp']);
      if (id !== undefined && letter.id !== id) continue;
      if (sinceMs !== undefined && !(timeMs >= sinceMs)) continue;
      if (beforeMs !== undefined && !(timeMs < beforeMs)) continue;
      if (reason !== undefined && !letter.reason.includes(reason)) continue;
      seen.set(letter.id, letter);
    }
    return [...seen.values()];
  }

  /** One fate for each letter. Throws WeirError when the server takes nothing now. */
  async function sendAgain(letters: readonly DeadLetter[], signal: AbortSignal): Promise<readonly ItemFate[]> {
    // An original is one line of JSON; one that is not was refused for that, and is refused again.
    const lines = letters.map(
      ({ index, id, original }) => `${toActionStart(index, id)}"}}\n${original.replace(/[\r\n]+/g, ' ')}\n`,
    );
    const body = Buffer.from(lines.join(''));
    const answer = await client.request({ method: 'POST', path: '/_bulk', query: { refresh: 'true' }, body }, signal);
    const outcome: BulkOutcome = toBulkOutcome(answer, letters.length, now());
    if (outcome.kind === 'items') return outcome.fates;
    if (outcome.kind === 'wait') throw toUnavailable(answer, outcome.reason);
    if (letters.length === 1) return [{ kind: 'refused', reason: outcome.reason }];
    const middle = letters.length >> 1;
    return [
      ...(await sendAgain(letters.slice(0, middle), signal)),
      ...(await sendAgain(letters.slice(middle), signal)),
    ];
  }

  async function removeFromIndex(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const path = `/${deadLetterIndex}/_delete_by_query`;
    const query = { refresh: 'true', conflicts: 'proceed', ignore_unavailable: 'true' };
    const body = { query: { ids: { values: ids } } };
    const answer = await client.request({ method: 'POST', path, query, body }, signal);
    const { failures } = check(answer);
    if (Array.isArray(failures) && failures.length > 0)
      throw toUnavailable(answer, toErrorText(asRecord(failures[0])?.['cause']));
  }

  return { list, retry, purge };
}

function toQuery({ id, sinceMs, beforeMs, reason }: DeadLetterFilter): object {
  const filter: object[] = [];
  if (id !== undefined) filter.push({ ids: { values: [id] } });
  const range = {
    ...(sinceMs !== undefined && { gte: new Date(sinceMs).toISOString() }),
    ...(beforeMs !== undefined && { lt: new Date(beforeMs).toISOString() }),
  };
  if (Object.keys(range).length > 0) filter.push({ range: { '@timestamp': range } });
  if (reason !== undefined) filter.push({ wildcard: { reason: `*${reason.replace(/[\\*?]/g, '\\$&')}*` } });
  return { bool: { filter } };
}

function readHits(json: Readonly<Record<string, unknown>>) {
  const outer = asRecord(json['hits']);
  const hits: readonly unknown[] = Array.isArray(outer?.['hits']) ? outer['hits'] : [];
  const letters = hits.flatMap((hit) => {
    const { _id: id, _source: source } = asRecord(hit) ?? {};
    // Letters of weir 0.1 have no field of their own for the id.
    return readDeadLetter({ ...asRecord(source), id }) ?? [];
  });
  return { letters, hits: hits.length, total: Number(asRecord(outer?.['total'])?.['value'] ?? hits.length) };
}

/** The answer's JSON; throws WeirError for anything but a good one. */
function check(answer: ElasticsearchAnswer): Readonly<Record<string, unknown>> {
  const json = asRecord(answer.json);
  if (answer.status === 200 && json !== undefined) return json;
  if (answer.status === 401) throw authenticationFailed();
  throw toUnavailable(answer, toErrorText(json?.['error']) || answer.text);
}

function toUnavailable({ status }: ElasticsearchAnswer, reason: string): WeirError {
  return unavailable(`HTTP ${status}: ${reason}`);
}
