// How full a Redis is: at maxmemory BullMQ's workers could take nothing any more, so whoever adds stops well before
// (docs/decisions/0041). Of a Cluster the fullest node counts.

import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { mastersOf, type RedisClient } from './redis-connection.ts';

/** A third is left for what workers need, for copies while Redis saves, and for batches of listeners that have not looked yet. */
export const memoryLimit = 0.65;

export interface MemoryUse {
  readonly usedBytes: number;
  /** 0: no limit is set. */
  readonly maxBytes: number;
  readonly policy: string;
}

export async function readMemoryUse(client: RedisClient): Promise<readonly MemoryUse[]> {
  return Promise.all(mastersOf(client).map(async (node) => toMemoryUse(await node.info('memory'))));
}

export function toMemoryUse(info: string): MemoryUse {
  const read = (name: string): string => readInfo(info, name);
  return {
    usedBytes: Number(read('used_memory')) || 0,
    maxBytes: Number(read('maxmemory')) || 0,
    policy: read('maxmemory_policy') || 'noeviction',
  };
}

/** A value in the answer to INFO; empty: it has none. */
export function readInfo(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}

export function isTight(uses: readonly MemoryUse[]): boolean {
  return uses.some(({ usedBytes, maxBytes }) => maxBytes > 0 && usedBytes >= memoryLimit * maxBytes);
}

/** A Redis that throws keys away to make room throws flows away. */
export function createEvictionWarning(logger: Logger, now: () => number): (uses: readonly MemoryUse[]) => void {
  const pass = createRateLimit({ times: 1, intervalMs: 3_600_000 });
  return (uses) => {
    const evicting = uses.find(({ policy, maxBytes }) => policy !== 'noeviction' && maxBytes > 0);
    if (evicting === undefined || pass('eviction', now()) === undefined) return;
    logger.warn(
      { policy: evicting.policy },
      'Redis throws batches away when it is full: set its maxmemory-policy to noeviction',
    );
  };
}
