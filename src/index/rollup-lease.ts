// Which of many workers makes rollups: the one whose name stands in a document, renewed with its sequence number, so that only one can.
// A holder that has not renewed it for a while, by the clock of whoever waits, has lost it. Two holders would do no harm
// (rollup-writer.ts), only work twice.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { asRecord, readAnswer } from './server-answer.ts';

export interface RollupLeaseOptions {
  readonly client: ElasticsearchClient;
  /** Of the pipeline's indices: each pipeline has its own makers. */
  readonly of: string;
  /** Of this process, unlike any other. */
  readonly holder: string;
  readonly now: () => number;
}

export interface RollupLease {
  /** Takes or keeps it. False: another worker has it. Throws WeirError. */
  hold(signal: AbortSignal): Promise<boolean>;
  /** The next one need not wait. */
  release(signal: AbortSignal): Promise<void>;
}

/** Longer than any request of its holder, and the pause until the next one. */
export const leaseMs = 180_000;
const renewAfterMs = 30_000;
const index = 'weir-rollup-lease';
const privilege = `the privileges "create_index", "read" and "index" on ${index}`;

interface Found {
  readonly holder: string;
  readonly sequence: number;
  readonly term: number;
}

export function createRollupLease({ client, of, holder, now }: RollupLeaseOptions): RollupLease {
  const path = `/${index}/_doc/${encodeURIComponent(of)}`;
  let renewedAtMs: number | undefined;
  let seen: { readonly sequence: number; readonly sinceMs: number } | undefined;

  async function read(signal: AbortSignal): Promise<Found | undefined> {
    const answer = await client.request({ method: 'GET', path }, signal);
    if (answer.status === 404 && answer.json !== undefined) return undefined;
    const json = readAnswer(answer, { what: `read ${index}`, privilege });
    return {
      holder: String(asRecord(json['_source'])?.['holder']),
      sequence: Number(json['_seq_no']),
      term: Number(json['_primary_term']),
    };
  }

  /** False: somebody else was quicker. */
  async function put(name: string, found: Found | undefined, signal: AbortSignal): Promise<boolean> {
    const query: Record<string, string> =
      found === undefined
        ? { op_type: 'create' }
        : { if_seq_no: `${found.sequence}`, if_primary_term: `${found.term}` };
    const body = { holder: name, renewed: new Date(now()).toISOString() };
    const answer = await client.request({ method: 'PUT', path, query, body }, signal);
    if (answer.status === 409) return false;
    readAnswer(answer, { what: `write ${index}`, privilege });
    return true;
  }

  async function hold(signal: AbortSignal): Promise<boolean> {
    const atMs = now();
    if (renewedAtMs !== undefined && atMs >= renewedAtMs && atMs - renewedAtMs < renewAfterMs) return true;
    renewedAtMs = undefined;
    const found = await read(signal);
    if (found !== undefined && found.holder !== holder && found.holder !== '') {
      if (seen?.sequence !== found.sequence) seen = { sequence: found.sequence, sinceMs: atMs };
      if (atMs - seen.sinceMs < leaseMs) return false;
    }
    if (!(await put(holder, found, signal))) return false;
    renewedAtMs = atMs;
    seen = undefined;
    return true;
  }

  async function release(signal: AbortSignal): Promise<void> {
    if (renewedAtMs === undefined) return;
    renewedAtMs = undefined;
    const found = await read(signal);
    if (found?.holder === holder) await put('', found, signal);
  }

  return { hold, release };
}
