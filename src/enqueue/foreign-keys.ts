// Somebody else's keys at our names: told at the start, rather than found out with each batch.

import { WeirError } from '../model/errors.ts';
import type { QueueKeys } from './bullmq-keys.ts';
import { type RedisClient, type RedisSettings, toReason, toWhere } from './redis-connection.ts';

/** As TYPE names them. */
export type KeyType = 'hash' | 'list' | 'set' | 'stream' | 'string' | 'zset';

/** Throws WeirError `queue-refused` where one of these keys is there and is something else. */
export async function refuseForeignKeys(
  client: RedisClient,
  settings: RedisSettings,
  types: readonly (readonly [key: string, type: KeyType])[],
): Promise<void> {
  let found: readonly string[];
  try {
    found = await Promise.all(types.map(([key]) => client.type(key)));
  } catch (error) {
    const reason = toReason(error);
    // Gone again: it is waited for.
    if (!reason.startsWith('NOPERM')) return;
    throw new WeirError('queue-refused', `Redis at ${toWhere(settings)} refuses weir: ${reason}`, {
      hint: 'docs/security.md has the rights that weir’s user of Redis needs.',
    });
  }
  const problem = toProblem(types, found);
  if (problem === undefined) return;
  throw new WeirError('queue-refused', `Redis at ${toWhere(settings)}: ${problem}`, { hint: foreignKeyHint });
}

const foreignKeyHint = 'Somebody else uses this name: set queue.key_prefix to a word of your own, or remove the key.';

function toProblem(types: Parameters<typeof refuseForeignKeys>[2], found: readonly string[]): string | undefined {
  for (const [at, [key, type]] of types.entries()) {
    if (found[at] === type || found[at] === 'none') continue;
    return `the key ${key} is a ${found[at]}, and not weir’s ${type}`;
  }
  return undefined;
}

/** What goes into the log about an error. Of a key that has become somebody else's, Redis does not say which one it is. */
export async function toKeyReason(
  client: RedisClient,
  keys: QueueKeys,
  error: unknown,
): Promise<{ readonly reason: string; readonly hint?: string }> {
  const reason = toReason(error);
  if (!reason.startsWith('WRONGTYPE')) return { reason };
  const types = typesOfKeys(keys);
  const found = await Promise.all(types.map(([key]) => client.type(key))).catch(() => []);
  const problem = found.length === 0 ? undefined : toProblem(types, found);
  return problem === undefined ? { reason } : { reason: problem, hint: foreignKeyHint };
}

export function typesOfKeys(keys: QueueKeys): readonly (readonly [string, KeyType])[] {
  const ofBullmq = [
    ['wait', 'list'],
    ['active', 'list'],
    ['failed', 'zset'],
    ['stalled', 'set'],
    ['marker', 'zset'],
    ['meta', 'hash'],
    ['events', 'stream'],
  ] as const;
  return [
    ...ofBullmq.map(([name, type]) => [keys.bullmq(name), type] as const),
    [keys.counts, 'hash'],
    [keys.reached, 'hash'],
    [keys.ledger, 'hash'],
    [keys.ledgerPages, 'list'],
    [keys.presence('listeners'), 'zset'],
    [keys.presence('workers'), 'zset'],
    [keys.presence('writers'), 'zset'],
  ];
}
