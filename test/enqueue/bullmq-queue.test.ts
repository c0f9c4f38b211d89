import { setTimeout as sleep } from 'node:timers/promises';
import { Queue as BullmqQueue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toBatchBytes } from '../../src/enqueue/batch-bytes.ts';
import { commitJob, fenceCommits, prepareCommits } from '../../src/enqueue/bullmq-commit.ts';
import { createQueueKeys, toJobData, toJobId } from '../../src/enqueue/bullmq-keys.ts';
import { type BullmqQueueOptions, createBullmqQueue } from '../../src/enqueue/bullmq-queue.ts';
import type { Job, Queue } from '../../src/enqueue/queue.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { batchOf, testHeader } from '../contracts/batches.ts';
import { queueContract } from '../contracts/queue-contract.ts';
import { describeWith } from '../needs.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

const storedBytes = toBatchBytes(batchOf('a')).length;

describeWith(['redis'], 'a queue on a real Redis', () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });
  let names = 0;
  const nameOf = new Map<Queue, string>();
  const opened: Queue[] = [];
  const unusable: unknown[] = [];

  async function open(name: string, options: Partial<BullmqQueueOptions> = {}): Promise<Queue> {
    const queue = createBullmqQueue({
      redis: { nodes: [{ host: '127.0.0.1', port: server.port }], mode: 'single', database: 0, tls: false },
      keyPrefix: 'weir',
      name,
      maxBytes: 1e6,
      keepMs: 60_000,
      processName: 'test',
      onUnusable: (exporters, fate) => unusable.push([exporters, fate]),
      logger: silentLogger,
      now: () => Date.now(),
      ...options,
    });
    nameOf.set(queue, name);
    opened.push(queue);
    await queue.start();
    return queue;
  }

  function openNew(options: Partial<BullmqQueueOptions> = {}): Promise<Queue> {
    names += 1;
    return open(`q${names}`, options);
  }

  afterAll(async () => {
    await Promise.all(opened.map((queue) => queue.stop()));
  });

  async function takeNow(queue: Queue): Promise<Job> {
    const job = await queue.take(AbortSignal.timeout(5000));
    if (job === undefined) throw new Error('no batch came');
    return job;
  }

  const keysOf = (queue: Queue) => createQueueKeys('weir', nameOf.get(queue)!);

  describe('keeps the queue contract', () => {
    queueContract({
      create: (limits) => openNew({ maxBytes: (limits?.batches ?? 1000) * (storedBytes + 8) }),
      reopen: (queue) => open(nameOf.get(queue)!),
    });
  });

  test('what one process adds another one takes', async () => {
    const listener = await openNew();
    const worker = await open(nameOf.get(listener)!);
    const taken = worker.take(new AbortController().signal);
    await listener.add(batchOf('over', 3));
    expect((await taken)?.batch).toEqual(batchOf('over', 3));
  });

  test('a batch that comes from two listeners, because an answer was lost, is there and counted once', async () => {
    const first = await openNew();
    const second = await open(nameOf.get(first)!);
    await first.add(batchOf('twice', 3));
    await second.add(batchOf('twice', 3));
    expect(await first.depth()).toMatchObject({
      waiting: 1,
      records: 3,
      bytes: toBatchBytes(batchOf('twice', 3)).length,
    });
    expect(await client.hget(keysOf(first).counts, 'recordsIn')).toBe('3');
    await (await takeNow(second)).done();
    expect(await client.hget(keysOf(first).counts, 'recordsOut')).toBe('3');
    // Nor does it come again once it is done.
    expect(await second.add(batchOf('twice', 3))).toBe(true);
    expect(await first.depth()).toMatchObject({ waiting: 0, records: 0, bytes: 0 });
    expect(await first.take(AbortSignal.timeout(200))).toBeUndefined();
    await expect.poll(() => client.exists(keysOf(first).payload('twice'))).toBe(0);
  });

  test('the bytes of a batch lie under a key of their own, which goes when it is done and would expire by itself', async () => {
    const queue = await openNew();
    await queue.add(batchOf('bytes', 2));
    const key = keysOf(queue).payload('bytes');
    expect(await client.getBuffer(key)).toEqual(toBatchBytes(batchOf('bytes', 2)));
    expect(await client.pttl(key)).toBeGreaterThan(50_000);
    await (await takeNow(queue)).done();
    await expect.poll(() => client.exists(key)).toBe(0);
  });

  test('a batch whose bytes are gone is a loss with the names of its exporters, and the next one comes', async () => {
    const queue = await openNew();
    await queue.add(batchOf('gone', 7));
    await queue.add(batchOf('next'));
    await client.del(keysOf(queue).payload('gone'));
    unusable.length = 0;
    expect((await takeNow(queue)).batch.id).toBe('next');
    expect(unusable).toEqual([[{ [testHeader.exporter]: 7 }, 'lost']]);
    expect(await queue.depth()).toMatchObject({ waiting: 0, active: 1, records: 1 });
  });

  test('what waits does not expire while a worker is there, however long that is', async () => {
    const queue = await openNew({ keepMs: 1200 });
    await queue.add(batchOf('first'));
    await queue.add(batchOf('second'));
    const first = await takeNow(queue);
    await sleep(3000);
    await first.done();
    expect((await takeNow(queue)).batch).toEqual(batchOf('second'));
  });

  test('what Redis forgets is put there again, once', async () => {
    const queue = await openNew();
    for (const id of ['a', 'b', 'c']) await queue.add(batchOf(id));
    await server.ask('FLUSHALL');
    await queue.add(batchOf('d'));
    const ids: string[] = [];
    while (ids.length < 4) {
      const job = await takeNow(queue);
      ids.push(job.batch.id);
      await job.done();
    }
    expect(ids.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(await queue.take(AbortSignal.timeout(1500))).toBeUndefined();
  });

  test('what was done before Redis forgot is not put there again', async () => {
    const queue = await openNew();
    await queue.add(batchOf('done'));
    await (await takeNow(queue)).done();
    // Seen at the next look.
    await sleep(1500);
    await server.ask('FLUSHALL');
    await queue.add(batchOf('next'));
    const next = await takeNow(queue);
    expect(next.batch.id).toBe('next');
    await next.done();
    expect(await queue.take(AbortSignal.timeout(1500))).toBeUndefined();
  });

  test('a listener that is gone has left how far it got, and one that lives has not', async () => {
    const told: [string, number][] = [];
    const onFormer = ({ exporter, next }: { exporter: string; next: number }) => void told.push([exporter, next]);
    const position = { protocol: 'netflow5', key: 0, uptimeMs: 1, clockMs: 1000, receivedAtMs: 1000 } as const;
    const gone = await openNew();
    const name = nameOf.get(gone)!;
    const alive = await open(name);
    await gone.add(batchOf('a'), [{ ...position, exporter: '192.0.2.1', next: 100 }]);
    await alive.add(batchOf('b'), [{ ...position, exporter: '192.0.2.2', next: 200 }]);
    await gone.stop();
    const next = await open(name, { onFormer });
    await next.add(batchOf('c'), [
      { ...position, exporter: '192.0.2.1', next: 150 },
      { ...position, exporter: '192.0.2.2', next: 250 },
    ]);
    await sleep(7000);
    expect(told).toEqual([['192.0.2.1', 100]]);
  }, 30_000);

  test('bytes that are no batch are set aside, and the next one comes', async () => {
    const queue = await openNew();
    await queue.add(batchOf('broken', 5));
    await queue.add(batchOf('next'));
    await client.set(keysOf(queue).payload('broken'), '{"id":"broken"');
    unusable.length = 0;
    expect((await takeNow(queue)).batch.id).toBe('next');
    expect(unusable).toEqual([[{ [testHeader.exporter]: 5 }, 'quarantined']]);
  });

  test('a batch that fails three times is set aside with its bytes, for good', async () => {
    const queue = await openNew();
    await queue.add(batchOf('poison'));
    await queue.add(batchOf('good'));
    const fates: unknown[] = [];
    for (let round = 0; round < 4; round += 1) {
      const job = await takeNow(queue);
      if (job.batch.id === 'good') await job.done();
      else fates.push([job.attempt, await job.fail('it is bad')]);
    }
    expect(fates).toEqual([
      [1, 'again'],
      [2, 'again'],
      [3, 'quarantined'],
    ]);
    expect(await queue.take(AbortSignal.timeout(200))).toBeUndefined();
    expect(await client.pttl(keysOf(queue).payload('poison'))).toBe(-1);
    expect(await queue.depth()).toMatchObject({ waiting: 0, active: 0, records: 0, bytes: 0 });
  });

  test('giving back burns no attempt, however often', async () => {
    const queue = await openNew();
    await queue.add(batchOf('patient'));
    for (let round = 0; round < 5; round += 1) {
      const job = await takeNow(queue);
      expect(job.attempt).toBe(1);
      await job.giveBack();
    }
  });

  test('a batch is ended and set aside on a Redis that is over its maxmemory', async () => {
    const own = await startRedis();
    const queue = await openNew({
      redis: { nodes: [{ host: '127.0.0.1', port: own.port }], mode: 'single', database: 0, tls: false },
    });
    await queue.add(batchOf('done'));
    await queue.add(batchOf('poison'));
    const first = await takeNow(queue);
    await (await takeNow(queue)).fail('why');
    await (await takeNow(queue)).fail('why');
    const poison = await takeNow(queue);
    await own.ask('CONFIG', 'SET', 'maxmemory', '1');
    expect(await first.done()).toBe(true);
    expect(await poison.fail('why')).toBe('quarantined');
    await queue.stop();
    await own.stop();
  });

  test('a batch that reaches Redis after its listener asked whether it is there is not taken twice', async () => {
    const queue = await openNew();
    const keys = keysOf(queue);
    const bullmq = new BullmqQueue(keys.name, { connection: client, prefix: keys.prefix, skipVersionCheck: true });
    prepareCommits(client);
    const commit = (id: string, ordinal: number) =>
      commitJob(bullmq, keys, toJobData(batchOf(id, 3), 100), { writer: 'listener', ordinal, reached: [] });
    expect(await commit('first', 1)).toMatchObject({ fate: 'added', ordinalBefore: 0 });
    expect(await fenceCommits(client, keys, 'listener', 3)).toBe(1);
    expect(await commit('late', 2)).toMatchObject({ fate: 'late' });
    expect(await queue.depth()).toMatchObject({ waiting: 1, records: 3 });
    expect(await client.exists(keys.bullmq(toJobId('late')))).toBe(0);
    expect(await commit('next', 4)).toMatchObject({ fate: 'added', ordinalBefore: 1 });
    await bullmq.close();
  });

  test('refuses a batch when Redis is near its maxmemory, whatever the queue itself holds', async () => {
    const own = await startRedis();
    const queue = await openNew({
      redis: { nodes: [{ host: '127.0.0.1', port: own.port }], mode: 'single', database: 0, tls: false },
    });
    await own.ask('SET', 'filler', 'x'.repeat(20 * 2 ** 20));
    // 20 MiB of 28 are more than 65 %.
    await own.ask('CONFIG', 'SET', 'maxmemory', '28mb');
    expect(await queue.add(batchOf('no'))).toBe(false);
    await own.ask('CONFIG', 'SET', 'maxmemory', '100mb');
    expect(await queue.add(batchOf('yes'))).toBe(true);
    await queue.stop();
    await own.stop();
  });

  test('says no within a second while Redis is away, and goes on when it is back', async () => {
    const own = await startRedis();
    const queue = await openNew({
      redis: { nodes: [{ host: '127.0.0.1', port: own.port }], mode: 'single', database: 0, tls: false },
    });
    expect(await queue.add(batchOf('before'))).toBe(true);
    const taken = await takeNow(queue);
    await taken.done();
    const waiting = queue.take(new AbortController().signal);
    await own.signal('SIGKILL');
    expect(await queue.add(batchOf('away'))).toBe(false);
    await own.restart();
    await expect.poll(() => queue.add(batchOf('after')), { timeout: 10_000 }).toBe(true);
    expect((await waiting)?.batch.id).toBe('after');
    await queue.stop();
    await own.stop();
  });

  test('a start with a wrong password fails with one sentence that has no password in it', async () => {
    const own = await startRedis();
    await own.ask('CONFIG', 'SET', 'requirepass', 'right');
    const error = await openNew({
      redis: {
        nodes: [{ host: '127.0.0.1', port: own.port }],
        mode: 'single',
        database: 0,
        tls: false,
        password: 'hunter2',
      },
    }).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error).toMatchObject({ code: 'queue-refused' });
    expect(error?.message).not.toContain('hunter2');
    await own.stop();
  });
});
