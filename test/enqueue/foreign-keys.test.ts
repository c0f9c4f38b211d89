// Somebody writes to one of our names while weir runs: it is said which, nothing is lost, nothing comes twice, and all goes on when
// that is over.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createQueue } from '../../src/app/queues.ts';
import { createQueueInspection } from '../../src/enqueue/bullmq-inspection.ts';
import { createQueueKeys } from '../../src/enqueue/bullmq-keys.ts';
import type { RedisTarget } from '../../src/enrich/queue-section.ts';
import type { LedgerRow } from '../../src/model/ledger-row.ts';
import type { SequencePosition } from '../../src/model/sequence.ts';
import { createLedger } from '../../src/telemetry/ledger.ts';
import { createLogger, silentLogger } from '../../src/telemetry/logger.ts';
import { batchOf } from '../contracts/batches.ts';
import { describeWith } from '../needs.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

describeWith(['redis'], 'a key of weir’s that becomes somebody else’s', () => {
  let server: RedisServer;
  let client: Redis;
  let folder: string;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
    folder = await mkdtemp(join(tmpdir(), 'weir-foreign-keys-'));
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const position: SequencePosition = {
    ...{ exporter: '192.0.2.1', protocol: 'netflow9', key: 0, next: 9 },
    ...{ uptimeMs: 0, clockMs: 0, receivedAtMs: 0 },
  };
  const fate: LedgerRow = {
    ...{ minuteMs: 0, exporter: '192.0.2.1', process: 'workers', stage: 'work' },
    counts: { documents_indexed: 2 },
  };

  test.each(['counts', 'reached', 'ledger', 'wait', 'active', 'stalled', 'marker', 'meta', 'events'] as const)(
    '%s',
    async (which) => {
      const lines: string[] = [];
      const logger = createLogger({ level: 'warn', write: (line) => lines.push(line) });
      const redis: RedisTarget = {
        ...{ nodes: [{ host: '127.0.0.1', port: server.port }], mode: 'single', database: 0, tls: false },
        ...{ keyPrefix: 'weir', maxBytes: 1e6, keepMs: 60_000 },
      };
      const spool = { maxBytes: 1e7, sync: 'never' } as const;
      const file = { name: which, queue: { maxBytes: 1e6, spool, redis }, state: { directory: join(folder, which) } };
      const open = async (adds: boolean) => {
        const queue = await createQueue(file, { adds, ledger: createLedger(), logger, now: () => Date.now() });
        await queue.start();
        return queue;
      };
      const listener = await open(true);
      const worker = await open(false);
      const ended: string[] = [];
      let isOver = false;
      const working = (async () => {
        while (!isOver) {
          const job = await worker.take(AbortSignal.timeout(200));
          if (job !== undefined) ended.push(`${job.batch.id} ${await job.done([fate])}`);
        }
      })();
      expect(await listener.add(batchOf('before', 2), [position])).toBe(true);
      await expect.poll(() => ended).toEqual(['before true']);

      const keys = createQueueKeys('weir', which);
      const key = which in keys ? String(keys[which as 'counts']) : keys.bullmq(which);
      await client.multi().del(key).set(key, 'mine').exec();
      for (const id of ['a', 'b', 'c']) expect(await listener.add(batchOf(id, 2), [position])).toBe(true);
      await expect
        .poll(() => lines.join(''), { timeout: 10_000 })
        .toContain(`the key ${key} is a string, and not weir’s`);
      const inspection = createQueueInspection({
        redis,
        keyPrefix: 'weir',
        name: which,
        keepMs: 60_000,
        logger: silentLogger,
        now: () => 0,
      });
      await expect(inspection.start()).rejects.toMatchObject({ message: expect.stringContaining(key) });

      await client.del(key);
      await expect
        .poll(() => ended.toSorted(), { timeout: 20_000 })
        .toEqual(['a true', 'b true', 'before true', 'c true']);
      await expect.poll(() => listener.spooled?.().batches).toBe(0);
      // Whatever comes twice has its time to come.
      await new Promise((resolve) => setTimeout(resolve, 500));
      isOver = true;
      await working;
      expect(ended).toHaveLength(4);
      expect(await listener.depth()).toMatchObject({ waiting: 0, active: 0, records: 0, bytes: 0 });
      const { recordsIn, recordsOut } = await client.hgetall(keys.counts);
      expect(recordsIn).toBe(recordsOut);
      await listener.stop();
      await worker.stop();
    },
    40_000,
  );
});
