// How a batch leaves the queue on Redis: done, set aside, taken up again, dropped. Each is one script that moves it and counts it in the
// same moment, so that whoever asks again because the answer was lost changes nothing, and hears the same (docs/decisions/0054).

import type { LedgerRow } from '../model/ledger-row.ts';
import { type JobData, type QueueKeys, toJobId } from './bullmq-keys.ts';
import { toLedgerEntries } from './ledger-store.ts';
import type { RedisClient } from './redis-connection.ts';

/** So long Redis knows of a batch that it is ended, and by whom: longer than a process that died takes to bring batches again. */
const rememberEndedMs = 10 * 60_000;

/**
 * A lock that ran out is ours while nobody else has it. Scripts are not undone: what may fail, because a key is somebody else's, is asked
 * before anything is written. What takes room comes after what makes room: a Redis at its maxmemory carries
 * it out nevertheless.
 * job, lock, active, wait, stalled, failed, counts, ledger, ended; token, id, records, bytes, ms to remember, why it is set aside (empty:
 * it is done), now, key and count of the ledger … → 1: by us.
 */
const settleScript = `
if redis.call('GET', KEYS[9]) == ARGV[1] then return 1 end
local holder = redis.call('GET', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 0 or (holder and holder ~= ARGV[1]) then return 0 end
redis.call('SCARD', KEYS[5])
redis.call('ZCARD', KEYS[6])
for _, hash in ipairs({ KEYS[7], KEYS[8] }) do redis.call('HLEN', hash) end
if redis.call('LREM', KEYS[3], -1, ARGV[2]) == 0 and redis.call('LREM', KEYS[4], -1, ARGV[2]) == 0 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[5], ARGV[2])
if ARGV[6] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'failedReason', ARGV[6], 'finishedOn', ARGV[7])
  redis.call('HINCRBY', KEYS[1], 'atm', 1)
  redis.call('ZADD', KEYS[6], ARGV[7], ARGV[2])
end
redis.call('HINCRBY', KEYS[7], 'records', -ARGV[3])
redis.call('HINCRBY', KEYS[7], 'bytes', -ARGV[4])
redis.call('HINCRBY', KEYS[7], 'recordsOut', ARGV[3])
for i = 8, #ARGV, 2 do redis.call('HINCRBY', KEYS[8], ARGV[i], ARGV[i + 1]) end
redis.call('SET', KEYS[9], ARGV[1], 'PX', ARGV[5])
return 1
`;

/**
 * job, failed, wait, marker, counts, ledger; id, records, bytes, 1: back into line (else it goes for good), key and count … → 1: it was in
 * quarantine.
 */
const takeUpScript = `
redis.call('LLEN', KEYS[3])
redis.call('ZCARD', KEYS[4])
for _, hash in ipairs({ KEYS[5], KEYS[6] }) do redis.call('HLEN', hash) end
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
if ARGV[4] == '1' then
  redis.call('HDEL', KEYS[1], 'failedReason', 'finishedOn', 'processedOn', 'atm', 'ats', 'stc')
  redis.call('LPUSH', KEYS[3], ARGV[1])
  redis.call('ZADD', KEYS[4], 0, '0')
  redis.call('HINCRBY', KEYS[5], 'records', ARGV[2])
  redis.call('HINCRBY', KEYS[5], 'bytes', ARGV[3])
  redis.call('HINCRBY', KEYS[5], 'recordsIn', ARGV[2])
else
  redis.call('DEL', KEYS[1])
end
for i = 5, #ARGV, 2 do redis.call('HINCRBY', KEYS[6], ARGV[i], ARGV[i + 1]) end
return 1
`;

/**
 * The answer that said which job is ours was lost: it has our lock, and nobody works on it. Back to the head of the line; no attempt is
 * burnt.
 * active, wait, marker, stalled; what our tokens begin with, what keys of jobs begin with, ids that we know of …
 */
const giveBackUnknownScript = `
local known = {}
for i = 3, #ARGV do known[ARGV[i]] = true end
for _, id in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local lock = ARGV[2] .. id .. ':lock'
  local holder = redis.call('GET', lock)
  if not known[id] and holder and string.sub(holder, 1, #ARGV[1]) == ARGV[1] then
    redis.call('DEL', lock)
    redis.call('SREM', KEYS[4], id)
    redis.call('LREM', KEYS[1], -1, id)
    redis.call('RPUSH', KEYS[2], id)
    redis.call('ZADD', KEYS[3], 0, '0')
  end
end
`;

export interface Settlement {
  /** Of the lock. */
  readonly token: string;
  readonly fates: readonly LedgerRow[];
  /** Absent: the batch is done. */
  readonly setAside?: { readonly reason: string; readonly nowMs: number };
}

/** False: it is somebody else's, or ended by somebody else. */
export async function settleJob(
  client: RedisClient,
  keys: QueueKeys,
  job: JobData,
  { token, fates, setAside }: Settlement,
): Promise<boolean> {
  const id = toJobId(job.id);
  const answer = await client.eval(
    settleScript,
    9,
    keys.bullmq(id),
    keys.bullmq(`${id}:lock`),
    ...['active', 'wait', 'stalled', 'failed'].map(keys.bullmq),
    keys.counts,
    keys.ledger,
    keys.ended(id),
    ...[token, id, job.records, job.bytes, rememberEndedMs],
    ...(setAside === undefined ? ['', 0] : [setAside.reason || 'unknown', setAside.nowMs]),
    ...toLedgerEntries(fates, 0).flat(),
  );
  return answer === 1;
}

/** Out of quarantine: back into line, or away for good. False: it is not there. */
export async function takeUpJob(
  client: RedisClient,
  keys: QueueKeys,
  job: JobData,
  to: 'line' | 'nowhere',
  fates: readonly LedgerRow[],
): Promise<boolean> {
  const id = toJobId(job.id);
  const answer = await client.eval(
    takeUpScript,
    6,
    keys.bullmq(id),
    ...['failed', 'wait', 'marker'].map(keys.bullmq),
    keys.counts,
    keys.ledger,
    ...[id, job.records, job.bytes, to === 'line' ? 1 : 0],
    ...toLedgerEntries(fates, 0).flat(),
  );
  return answer === 1;
}

export async function giveBackUnknown(
  client: RedisClient,
  keys: QueueKeys,
  tokenPrefix: string,
  knownIds: readonly string[],
): Promise<void> {
  const touched = ['active', 'wait', 'marker', 'stalled'].map(keys.bullmq);
  await client.eval(giveBackUnknownScript, touched.length, ...touched, tokenPrefix, keys.bullmq(''), ...knownIds);
}
