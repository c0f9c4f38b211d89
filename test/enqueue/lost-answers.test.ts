// The connection to Redis ends before a command gets there, or before its answer comes back: whichever it is, in the life of some
// batches from the listener to the end, nothing is lost, nothing comes twice, no attempt is burnt, and every count is right.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createQueue } from '../../src/app/queues.ts';
import { createQueueInspection } from '../../src/enqueue/bullmq-inspection.ts';
import { createQueueKeys } from '../../src/enqueue/bullmq-keys.ts';
import { createBullmqQueue } from '../../src/enqueue/bullmq-queue.ts';
import type { LedgerStore } from '../../src/enqueue/ledger-store.ts';
import type { Job, Queue } from '../../src/enqueue/queue.ts';
import type { RedisSettings } from '../../src/enqueue/redis-connection.ts';
import { createSpool, type Spool } from '../../src/enqueue/spool.ts';
import { createSpoolingQueue } from '../../src/enqueue/spooling-queue.ts';
import type { RedisTarget } from '../../src/enrich/queue-section.ts';
import { WeirError } from '../../src/model/errors.ts';
import type { LedgerRow } from '../../src/model/ledger-row.ts';
import { createLedger } from '../../src/telemetry/ledger.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { batchOf, testHeader } from '../contracts/batches.ts';
import { describeWith } from '../needs.ts';
import { type Loot, startAnswerThief } from '../servers/answer-thief.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

const records = { done: 3, failing: 5, poison: 7, given: 11, slow: 13 } as const;
type Name = keyof typeof records;
const allRecords = Object.values(records).reduce((sum, count) => sum + count, 0);
/** Its lock is asked for again meanwhile. */
const slowMs = 2300;
const atATime = 16;

describeWith(['redis'], 'an answer of Redis that is lost', () => {
  let server: RedisServer;
  let client: Redis;
  let folder: string;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
    folder = await mkdtemp(join(tmpdir(), 'weir-lost-answers-'));
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  /** What the processes say in the end; `stolen`: the number of what is lost. */
  async function live(loot: Loot, stolen: number) {
    const name = `life-${loot}-${stolen}`;
    const thief = await startAnswerThief(server.port, loot, stolen);
    const redis: RedisSettings = {
      nodes: [{ host: '127.0.0.1', port: thief.port }],
      mode: 'single',
      database: 0,
      tls: false,
    };
    const common = { redis, keyPrefix: 'weir', name, keepMs: 60_000, logger: silentLogger, now: () => Date.now() };
    const unusable: unknown[] = [];
    const open = (): Queue =>
      createBullmqQueue({
        ...common,
        maxBytes: 1e6,
        processName: 'test',
        onUnusable: (exporters, fate) => unusable.push([exporters, fate]),
      });
    const spool = createSpool({
      ...{ directory: join(folder, name), maxBytes: 1e7, segmentBytes: 1e6, sync: 'never' },
      ...{ logger: silentLogger, now: common.now, onLost: (loss) => unusable.push(loss) },
    });
    const listener = createSpoolingQueue({
      ...{ queue: open(), spool, logger: silentLogger, now: common.now },
      ...{ onSpooled: () => undefined, onUnreadable: (lost) => unusable.push(lost) },
    });
    const worker = open();
    await listener.start();
    await worker.start();

    const refused: Name[] = [];
    for (const id of Object.keys(records) as Name[])
      if (!(await listener.add(batchOf(id, records[id])))) refused.push(id);
    await addToLedger(listener.ledger, 'records_queued');

    const ended: string[] = [];
    const attempts: string[] = [];
    const quarantined: string[] = [];
    let hasGivenBack = false;
    async function settle(job: Job): Promise<void> {
      const { id } = job.batch;
      if (id !== 'given') attempts.push(`${id} ${job.attempt}`);
      if ((id === 'failing' && job.attempt === 1) || (id === 'poison' && quarantined.length === 0)) {
        if ((await job.fail('it is bad')) === 'quarantined') quarantined.push(id);
      } else if (id === 'given' && !hasGivenBack) {
        hasGivenBack = true;
        await job.giveBack();
      } else {
        if (id === 'slow') await sleep(slowMs);
        const counts = { documents_indexed: job.batch.recordCount };
        if (await job.done([{ ...ledgerRow, process: 'workers', stage: 'work', counts }])) ended.push(id);
      }
    }
    async function settleUntil(isOver: () => boolean): Promise<void> {
      for (const endMs = Date.now() + 30_000; !isOver() && Date.now() < endMs; ) {
        const job = await worker.take(AbortSignal.timeout(500));
        if (job !== undefined) await settle(job);
      }
    }
    await settleUntil(() => ended.length === 4 && quarantined.length === 1);
    await retryQuarantined(common);
    await settleUntil(() => ended.length === 5);
    // Whatever comes twice has its time to come.
    const tooMany = await worker.take(AbortSignal.timeout(1200));
    const rows = await waitForRows(worker);
    const keys = createQueueKeys('weir', name);
    const counts = await client.hgetall(keys.counts);
    const left = await client.keys(`weir:${name}:batch:*`);
    const jobs = (await client.keys(`${keys.bullmq('b-')}*`)).length;
    await listener.stop();
    await worker.stop();
    await thief.stop();
    return {
      ...{ seen: thief.seen(), refused, ended: ended.toSorted(), attempts: attempts.toSorted(), quarantined },
      ...{
        unusable,
        tooMany: tooMany?.batch.id,
        left: [...left, jobs],
        counts: { records: '0', bytes: '0', ...counts },
        ledger: sumUp(rows),
      },
    };
  }

  /** Batches that nothing keeps but Redis: each comes once, or is refused. */
  async function addUnkept(loot: Loot, spool: 'a full' | 'no', stolen: number) {
    const name = `unkept-${loot}-${spool.replace(' ', '-')}-${stolen}`;
    const thief = await startAnswerThief(server.port, loot, stolen);
    const at = (port: number, onUnusable: (exporters: object, fate: string) => void): Queue =>
      createBullmqQueue({
        redis: { nodes: [{ host: '127.0.0.1', port }], mode: 'single', database: 0, tls: false },
        ...{ keyPrefix: 'weir', name, keepMs: 60_000, maxBytes: 1e6, processName: 'test', onUnusable },
        ...{ logger: silentLogger, now: () => Date.now() },
      });
    const unusable: unknown[] = [];
    const ledger = createLedger();
    const redis: RedisTarget = {
      ...{ nodes: [{ host: '127.0.0.1', port: thief.port }], mode: 'single', database: 0, tls: false },
      ...{ keyPrefix: 'weir', maxBytes: 1e6, keepMs: 60_000 },
    };
    const listener =
      spool === 'no'
        ? await createQueue(
            { name, queue: { redis, maxBytes: 1e6 }, state: { directory: join(folder, name) } },
            { adds: true, ledger, logger: silentLogger, now: () => Date.now() },
          )
        : createSpoolingQueue({
            queue: at(thief.port, (exporters, fate) => unusable.push([exporters, fate])),
            spool: fullSpool,
            ...{ logger: silentLogger, now: () => Date.now() },
            ...{ onSpooled: () => undefined, onUnreadable: () => undefined },
          });
    const worker = at(server.port, (exporters, fate) => unusable.push([exporters, fate]));
    await listener.start();
    await worker.start();
    const taken: string[] = [];
    for (const id of ['a', 'b', 'c', 'd']) if (await listener.add(batchOf(id))) taken.push(id);
    const came: string[] = [];
    for (const endMs = Date.now() + 10_000; came.length < taken.length && Date.now() < endMs; ) {
      const job = await worker.take(AbortSignal.timeout(500));
      if (job !== undefined && (await job.done())) came.push(job.batch.id);
    }
    const tooMany = await worker.take(AbortSignal.timeout(1200));
    await listener.stop();
    await worker.stop();
    await thief.stop();
    const ofListener = ledger.exporter(testHeader.exporter);
    if (ofListener.recordsLostInQueue > 0) unusable.push(ofListener);
    const differences = taken.filter((id) => !came.includes(id));
    const outcome = { came: came.toSorted(), tooMany: tooMany?.batch.id, differences, unusable };
    return {
      seen: thief.seen(),
      outcome,
      expected: { came: taken, tooMany: undefined, differences: [], unusable: [] },
    };
  }

  /** What times it takes decides how often the clients ask: some more than there were. */
  async function forEachUpTo(seen: number, act: (stolen: number) => Promise<void>): Promise<void> {
    let next = 1;
    await Promise.all(
      Array.from({ length: atATime }, async () => {
        for (let stolen = next++; stolen <= seen + 10; stolen = next++) await act(stolen);
      }),
    );
  }

  test.each(['answer', 'command'] as const)(
    'whichever %s it is, in the life of some batches: nothing is lost, doubled, or miscounted',
    async (loot) => {
      const { seen, ...whole } = await live(loot, 0);
      expect(whole).toEqual(expectedLife);
      await forEachUpTo(seen, async (stolen) => {
        const { seen: _, ...outcome } = await live(loot, stolen);
        expect({ stolen, ...outcome }).toEqual({ stolen, ...expectedLife });
      });
    },
    300_000,
  );

  test.each([
    ['answer', 'a full'],
    ['command', 'a full'],
    ['answer', 'no'],
  ] as const)(
    'whichever %s it is, with %s spool: each batch comes once, or is named as lost',
    async (loot, spool) => {
      const { seen, outcome } = await addUnkept(loot, spool, 0);
      expect(outcome.came).toEqual(['a', 'b', 'c', 'd']);
      await forEachUpTo(seen, async (stolen) => {
        const { outcome: found, expected } = await addUnkept(loot, spool, stolen);
        expect({ stolen, ...found }).toEqual({ stolen, ...expected });
      });
    },
    300_000,
  );
});

const expectedLife = {
  refused: [],
  ended: ['done', 'failing', 'given', 'poison', 'slow'],
  attempts: ['done 1', 'failing 1', 'failing 2', 'poison 1', 'poison 1', 'poison 2', 'poison 3', 'slow 1'],
  quarantined: ['poison'],
  unusable: [],
  tooMany: undefined,
  left: [0],
  counts: {
    records: '0',
    bytes: '0',
    recordsIn: `${allRecords + records.poison}`,
    recordsOut: `${allRecords + records.poison}`,
  },
  ledger: { records_queued: allRecords, documents_indexed: allRecords },
};

const fullSpool: Spool = {
  start: async () => undefined,
  append: async () => false,
  head: async () => undefined,
  depth: () => ({ batches: 0, records: 0, bytes: 0 }),
  stop: async () => undefined,
};

const ledgerRow = { minuteMs: 0, exporter: testHeader.exporter } as const;

/** As weir does: the same again until it is there. */
async function addToLedger(ledger: LedgerStore | undefined, field: string): Promise<void> {
  const rows: LedgerRow[] = [{ ...ledgerRow, process: 'listener', stage: 'listen', counts: { [field]: allRecords } }];
  while (!(await ledger?.add('listener', 0, rows).catch(() => false))) await sleep(50);
}

/** As a user does: once more where it failed; not in quarantine any more: then it was done. */
async function retryQuarantined(options: Parameters<typeof createQueueInspection>[0]): Promise<void> {
  for (;;) {
    const inspection = createQueueInspection(options);
    try {
      await inspection.start();
      await inspection.retry('poison');
      return;
    } catch (error) {
      if (error instanceof WeirError && error.code === 'usage') return;
      await sleep(50);
    } finally {
      await inspection.stop().catch(() => undefined);
    }
  }
}

async function waitForRows({ ledger }: Queue): Promise<readonly LedgerRow[]> {
  for (;;) {
    const pages = (await ledger?.pages(true).catch(() => [])) ?? [];
    if (pages.length > 0) return pages.flatMap(({ rows }) => rows);
    await sleep(50);
  }
}

function sumUp(rows: readonly LedgerRow[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { counts } of rows)
    for (const [field, count] of Object.entries(counts)) sums[field] = (sums[field] ?? 0) + count;
  return Object.fromEntries(Object.entries(sums).filter(([, count]) => count !== 0));
}
