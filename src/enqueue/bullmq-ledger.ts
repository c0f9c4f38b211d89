// Counts of the ledger on the queue's Redis: one hash that everybody adds to, and pages that it was renamed to (docs/decisions/0046).

import { randomBytes } from 'node:crypto';
import type { QueueKeys } from './bullmq-keys.ts';
import { type LedgerEntry, type LedgerStore, newPageEveryMs, toLedgerEntries, toLedgerRows } from './ledger-store.ts';
import type { RedisClient } from './redis-connection.ts';

/** writer, open; sequence, days in ms, key, count, key, count … → counts that wait. */
const addScript = `
if tonumber(redis.call('GET', KEYS[1]) or '-1') < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return redis.call('HLEN', KEYS[2])
`;

/** lock, open, pages, new page; its id, urgent, ms, most pages → ids of pages. */
const pageScript = `
if (ARGV[2] == '1' or redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[3]))
  and redis.call('EXISTS', KEYS[2]) == 1 and redis.call('LLEN', KEYS[3]) < tonumber(ARGV[4]) then
  redis.call('RENAME', KEYS[2], KEYS[4])
  redis.call('RPUSH', KEYS[3], ARGV[1])
end
return redis.call('LRANGE', KEYS[3], 0, -1)
`;

/** Longer than any listener asks again. */
const rememberWriterMs = 7 * 86_400_000;
const maxPages = 100;

export function createBullmqLedger(client: () => RedisClient | undefined, keys: QueueKeys): LedgerStore {
  const { ledger: open, ledgerPages: pages } = keys;
  const lock = `${open}:lock`;
  const page = (id: string): string => `${open}:page:${id}`;
  const writerKey = (name: string): string => `${open}:writer:${name}`;
  let waitingCounts = 0;

  function ready(): RedisClient | undefined {
    const opened = client();
    return opened?.status === 'ready' ? opened : undefined;
  }

  async function readHash(redis: RedisClient, key: string): Promise<LedgerEntry[]> {
    return Object.entries(await redis.hgetall(key)).map(([name, count]) => [name, Number(count)]);
  }

  return {
    async add(writer, sequence, rows) {
      const redis = ready();
      if (redis === undefined) return false;
      const entries = toLedgerEntries(rows, waitingCounts).flat();
      const answer = await redis.eval(addScript, 2, writerKey(writer), open, sequence, rememberWriterMs, ...entries);
      waitingCounts = Number(answer);
      return true;
    },
    async pages(isUrgent) {
      const redis = ready();
      if (redis === undefined) return [];
      const id = randomBytes(12).toString('base64url');
      const urgent = isUrgent ? '1' : '0';
      const ids = await redis.eval(pageScript, 4, lock, open, pages, page(id), id, urgent, newPageEveryMs, maxPages);
      return Promise.all(
        (ids as unknown[])
          .map(String)
          .map(async (found) => ({ id: found, rows: toLedgerRows(await readHash(redis, page(found))) })),
      );
    },
    async remove(id) {
      // The name last: while it is there, whoever comes next removes the rest.
      await ready()?.pipeline().del(page(id)).lrem(pages, 0, id).exec();
    },
    async rows() {
      const redis = ready();
      if (redis === undefined) return [];
      const ids = await redis.lrange(pages, 0, -1);
      const hashes = await Promise.all([open, ...ids.map(page)].map((key) => readHash(redis, key)));
      return toLedgerRows(hashes.flat());
    },
  };
}
