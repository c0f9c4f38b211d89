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
  for (const [at, [key, type]] of types.entries()) {
    if (found[at] === type || found[at] === 'none') continue;
    throw new WeirError(
      'queue-refused',
      `Redis at ${toWhere(settings)}: the key ${key} is a ${found[at]}, and not weir’s ${type}`,
      { hint: 'Somebody else uses this name: set queue.key_prefix to a word of your own, or remove the key.' },
    );
  }
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
