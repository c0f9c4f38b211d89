// Reads the ledgers of all processes of a stage as an operator would, from /metrics, and says whether they add up.

import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../servers/redis.ts';

/** Metrics by name, summed over exporters and processes. */
export type Counts = ReadonlyMap<string, number>;

export type Dead = 'listener' | 'worker' | 'redis';

export interface Lives {
  add(metricsPort: number, process: ChildProcess): void;
  readonly all: readonly Life[];
}

interface Life {
  readonly metricsPort: number;
  readonly process: ChildProcess;
  /** As last read: a process that ended counts with what it said last. */
  last: Counts;
}

export function startLives(): Lives {
  const all: Life[] = [];
  return {
    all,
    add: (metricsPort, process) => void all.push({ metricsPort, process, last: new Map() }),
  };
}

const spoolLevel = 'weir_enqueue_spool_records';

export async function readLives({ all }: Lives): Promise<Counts> {
  const sum = new Map<string, number>();
  for (const life of all) {
    life.last = await readMetrics(life.metricsPort).catch(() => life.last);
    const hasEnded = life.process.exitCode !== null || life.process.signalCode !== null;
    for (const [name, value] of life.last) {
      // What lay on its disk another one has taken over.
      if (!hasEnded || name !== spoolLevel) sum.set(name, (sum.get(name) ?? 0) + value);
    }
  }
  return sum;
}

/** Sums over labels. */
export async function readMetrics(port: number): Promise<Counts> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(2000) });
  const counts = new Map<string, number>();
  for (const line of (await answer.text()).split('\n')) {
    const [, name, value] = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + Number(value));
  }
  return counts;
}

const get = (counts: Counts, name: string): number => counts.get(name) ?? 0;

const behindQueue = [
  'weir_enqueue_spooled_records_lost_total',
  'weir_enqueue_queued_records_lost_total',
  'weir_enqueue_records_quarantined_total',
] as const;

/** Records that weir says are not in the index; the sender's numbers count records. */
export function namedLosses(counts: Counts): number {
  const missed = get(counts, 'weir_collect_records_missed_total') - get(counts, 'weir_collect_records_found_total');
  const own = [
    'weir_collect_records_lost_between_listeners_total',
    'weir_enqueue_records_refused_total',
    ...behindQueue,
  ];
  return missed + own.reduce((sum, name) => sum + get(counts, name), 0);
}

interface Books {
  counts(): Promise<Counts>;
  readonly redis: RedisServer;
}

/** The metrics of all processes, and what Redis counts, which outlives them. */
export async function readBooks({ counts, redis }: Books): Promise<Counts> {
  const both = new Map(await counts());
  for (const field of ['recordsIn', 'recordsOut']) {
    const answer = await redis.ask('HGET', '{weir:test}:counts', field);
    both.set(field, Number(answer.split('\r\n')[1] ?? 0));
  }
  return both;
}

const balanceLimitMs = 20_000;

/**
 * What happened after `before`, once it adds up, or as it is in the end: a document is in the index before its answer is here, so the fate
 * of what is sent again is counted some retries later.
 */
export async function settleBooks(
  from: Books,
  dead: readonly Dead[],
  before: Counts = new Map(),
): Promise<{ readonly books: Counts; readonly balanced: string }> {
  for (const endMs = Date.now() + balanceLimitMs; ; await sleep(250)) {
    const books = await readBooks(from);
    const since = new Map(Array.from(books, ([name, count]) => [name, count - get(before, name)] as const));
    const balanced = balance(since, dead);
    if (balanced === 'yes' || Date.now() > endMs) return { books, balanced };
  }
}

/** What was decoded was queued or refused; what was queued has one fate. */
function balance(books: Counts, dead: readonly Dead[]): string {
  const faults: string[] = [];
  const decoded = get(books, 'weir_decode_records_decoded_total');
  let queued = get(books, 'weir_enqueue_records_queued_total');
  const refused = get(books, 'weir_enqueue_records_refused_total');
  if (!dead.includes('listener') && decoded !== queued + refused)
    faults.push(`${decoded} decoded, ${queued} + ${refused} queued`);
  // What Redis counts as gone has its named losses in it.
  const lossesApart: readonly string[] = dead.includes('worker') ? behindQueue.slice(0, 1) : behindQueue;
  const lost = lossesApart.reduce((sum, name): number => sum + get(books, name), 0);
  let fated =
    get(books, 'weir_index_documents_indexed_total') +
    get(books, 'weir_index_documents_already_there_total') +
    get(books, 'weir_index_documents_dead_lettered_total') +
    get(books, 'weir_enrich_records_dropped_total') -
    get(books, 'weir_enrich_documents_added_total');
  if (dead.includes('listener')) queued = get(books, 'recordsIn');
  if (dead.includes('worker')) fated = get(books, 'recordsOut');
  const left = get(books, spoolLevel);
  // A Redis that forgets brings batches twice: then the second time they are already there. What it forgot of a dead worker nobody knows.
  const isKnown = !(dead.includes('redis') && dead.includes('worker'));
  const isEven = dead.includes('redis') ? queued <= fated + lost + left : queued === fated + lost + left;
  if (isKnown && !isEven) faults.push(`${queued} queued, ${fated} with a fate, ${lost} lost, ${left} on disk`);
  return faults.length === 0 ? 'yes' : faults.join('; ');
}
