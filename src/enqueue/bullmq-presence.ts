// Who is at a queue on Redis: each listener and worker says so every few seconds, by the clock of Redis.

import type { Presence, QueueKeys } from './bullmq-keys.ts';
import type { RedisClient } from './redis-connection.ts';

/** Three times as long as anybody is silent. */
const silentSeconds = 10;

const sayScript = `
local seconds = redis.call('TIME')[1]
redis.call('ZADD', KEYS[1], seconds, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', seconds - ARGV[2])
`;

const readScript = `return redis.call('ZRANGEBYSCORE', KEYS[1], redis.call('TIME')[1] - ARGV[1], '+inf')`;

export async function sayPresent(client: RedisClient, keys: QueueKeys, as: Presence, name: string): Promise<void> {
  await client.eval(sayScript, 1, keys.presence(as), name, silentSeconds);
}

export async function sayGone(client: RedisClient, keys: QueueKeys, as: Presence, name: string): Promise<void> {
  await client.zrem(keys.presence(as), name);
}

/** Names, in order. */
export async function readPresent(client: RedisClient, keys: QueueKeys, as: Presence): Promise<readonly string[]> {
  const names = await client.eval(readScript, 1, keys.presence(as), silentSeconds);
  return (names as unknown[]).map(String).sort();
}
