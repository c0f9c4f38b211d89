// Reads the ledgers of all processes of a stage as an operator would, from /metrics, and says whether they add up.

import type { ChildProcess } from 'node:child_process';
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

export async function readLives({ all }: Lives): Promise<Counts> {
  const sum = new Map<string, number>();
  for (const life of all) {
    life.last = await readMetrics(life.metricsPort).catch(() => life.last);
    for (const [name, value] of life.last) sum.set(name, (sum.get(name) ?? 0) + value);
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

/** What was decoded was queued or refused; what was queued has one fate. */
export async function balance(counts: Counts, dead: Dead | undefined, redis: RedisServer): Promise<string> {
  const faults: string[] = [];
  const decoded = get(counts, 'weir_decode_records_decoded_total');
  let queued = get(counts, 'weir_enqueue_records_queued_total');
  const refused = get(counts, 'weir_enqueue_records_refused_total');
  if (dead !== 'listener' && decoded !== queued + refused)
    faults.push(`${decoded} decoded, ${queued} + ${refused} queued`);
  // What Redis counts as gone has its named losses in it.
  const lossesApart: readonly string[] = dead === 'worker' ? behindQueue.slice(0, 1) : behindQueue;
  const lost = lossesApart.reduce((sum, name): number => sum + get(counts, name), 0);
  let fated =
    get(counts, 'weir_index_documents_indexed_total') +
    get(counts, 'weir_index_documents_already_there_total') +
    get(counts, 'weir_index_documents_dead_lettered_total') +
    get(counts, 'weir_enrich_records_dropped_total') -
    get(counts, 'weir_enrich_documents_added_total');
  // Redis counts both ways, too, and outlives the processes.
  if (dead === 'listener') queued = await readRedisCount(redis, 'recordsIn');
  if (dead === 'worker') fated = await readRedisCount(redis, 'recordsOut');
  const left = get(counts, 'weir_enqueue_spool_records');
  // A Redis that forgets brings batches twice: then the second time they are already there.
  const isEven = dead === 'redis' ? queued <= fated + lost + left : queued === fated + lost + left;
  if (!isEven) faults.push(`${queued} queued, ${fated} with a fate, ${lost} lost, ${left} on disk`);
  return faults.length === 0 ? 'yes' : faults.join('; ');
}

async function readRedisCount(redis: RedisServer, field: string): Promise<number> {
  const answer = await redis.ask('HGET', '{weir:test}:counts', field);
  return Number(answer.split('\r\n')[1] ?? 0);
}
