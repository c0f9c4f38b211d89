// What waits on one queue of Redis, in records and bytes: counted by the scripts that add a job (bullmq-commit.ts) and end it
// (bullmq-settle.ts). What a Redis without its data has forgotten is mended whenever the queue is empty.

import type { JobData, QueueKeys } from './bullmq-keys.ts';
import type { QueueDepth } from './queue.ts';
import type { RedisClient } from './redis-connection.ts';

/** wait, active, counts; what keys of jobs begin with → waiting, active, records, bytes, recordsIn, recordsOut, data of the job at the head. */
const readScript = `
local waiting = redis.call('LLEN', KEYS[1])
local active = redis.call('LLEN', KEYS[2])
if waiting + active == 0 then redis.call('HDEL', KEYS[3], 'records', 'bytes') end
local counts = redis.call('HMGET', KEYS[3], 'records', 'bytes', 'recordsIn', 'recordsOut')
local head = redis.call('LINDEX', KEYS[1], -1)
local job = head and redis.call('HGET', ARGV[1] .. head, 'data')
return { waiting, active, counts[1] or 0, counts[2] or 0, counts[3] or 0, counts[4] or 0, job or '' }
`;

export interface QueueCounts extends QueueDepth {
  /** Since ever, for rates. */
  readonly recordsIn: number;
  readonly recordsOut: number;
}

export async function readCounts(client: RedisClient, keys: QueueKeys): Promise<QueueCounts> {
  const answer = await client.eval(
    readScript,
    3,
    keys.bullmq('wait'),
    keys.bullmq('active'),
    keys.counts,
    keys.bullmq(''),
  );
  const [head, ...numbers] = (answer as unknown[]).toReversed();
  const [recordsOut = 0, recordsIn = 0, bytes = 0, records = 0, active = 0, waiting = 0] = numbers.map(Number);
  return {
    waiting,
    active,
    records: Math.max(0, records),
    bytes: Math.max(0, bytes),
    recordsIn,
    recordsOut,
    oldestAtMs: toCreatedAtMs(String(head)),
  };
}

/** `data`: JobData, or empty. */
function toCreatedAtMs(data: string): number | undefined {
  return data === '' ? undefined : (JSON.parse(data) as JobData).createdAtMs;
}
