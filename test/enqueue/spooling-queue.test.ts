import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createMemoryQueue } from '../../src/enqueue/memory-queue.ts';
import type { Queue } from '../../src/enqueue/queue.ts';
import { createSpool } from '../../src/enqueue/spool.ts';
import { createSpoolingQueue, type SpoolingQueue } from '../../src/enqueue/spooling-queue.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { batchBytes, batchOf } from '../contracts/batches.ts';

let root: string;
let folders = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-spooling-'));
});
afterAll(() => rm(root, { recursive: true }));

type Weather = 'fine' | 'full' | 'away';

/** A real queue behind a door that can be shut. */
function behindDoor(queue: Queue): Queue & { weather: Weather } {
  return {
    ...queue,
    weather: 'fine',
    async add(batch) {
      if (this.weather === 'away') throw new Error('connection refused');
      return this.weather === 'full' ? false : queue.add(batch);
    },
  };
}

async function openQueue(directory = join(root, `${folders++}`)) {
  const door = behindDoor(createMemoryQueue({ maxBytes: 1000 * batchBytes, logger: silentLogger }));
  const unreadable: object[] = [];
  const spool = createSpool({
    directory,
    maxBytes: 1e7,
    segmentBytes: 2000,
    sync: 'never',
    logger: silentLogger,
    now: Date.now,
    onLost: () => undefined,
  });
  const queue = createSpoolingQueue({
    queue: door,
    spool,
    logger: silentLogger,
    now: Date.now,
    onSpooled: () => undefined,
    onUnreadable: (records) => unreadable.push(records),
  });
  await queue.start();
  return { queue, door, spool, directory, unreadable };
}

async function takeIds(queue: SpoolingQueue, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const job = await queue.take(AbortSignal.timeout(10_000));
    if (job === undefined) throw new Error(`only ${ids.length} of ${count} came`);
    ids.push(job.batch.id);
    await job.done();
  }
  expect(await queue.take(AbortSignal.timeout(50))).toBeUndefined();
  return ids;
}

describe('a queue with a spool', () => {
  test('writes nothing to disk while the queue takes everything', async () => {
    const { queue } = await openQueue();
    for (const id of ['a', 'b']) expect(await queue.add(batchOf(id))).toBe(true);
    expect(queue.spooled()).toEqual({ batches: 0, records: 0, bytes: 0 });
    expect(await takeIds(queue, 2)).toEqual(['a', 'b']);
    await queue.stop();
  });

  test('takes every batch while the queue is away or full, and hands them on unchanged, in order', async () => {
    const { queue, door } = await openQueue();
    await queue.add(batchOf('a', 3));
    door.weather = 'away';
    expect(await queue.add(batchOf('b', 3))).toBe(true);
    door.weather = 'full';
    expect(await queue.add(batchOf('c', 4))).toBe(true);
    expect(queue.spooled()).toMatchObject({ batches: 2, records: 7 });
    door.weather = 'fine';
    const batches = [];
    for (let index = 0; index < 3; index += 1) {
      const job = await queue.take(AbortSignal.timeout(10_000));
      batches.push(job!.batch);
      await job!.done();
    }
    expect(batches).toEqual([batchOf('a', 3), batchOf('b', 3), batchOf('c', 4)]);
    await vi.waitFor(() => expect(queue.spooled().batches).toBe(0));
    await queue.stop();
  });

  test('a batch never overtakes those on disk', async () => {
    const { queue, door } = await openQueue();
    door.weather = 'full';
    for (let index = 0; index < 20; index += 1) await queue.add(batchOf(`b${index}`));
    door.weather = 'fine';
    for (let index = 20; index < 40; index += 1) await queue.add(batchOf(`b${index}`));
    expect(await takeIds(queue, 40)).toEqual(Array.from({ length: 40 }, (_, index) => `b${index}`));
    await queue.stop();
  });

  test('what is on disk at the stop follows after the next start', async () => {
    const { queue, door, directory } = await openQueue();
    door.weather = 'away';
    for (const id of ['a', 'b', 'c']) await queue.add(batchOf(id));
    await queue.stop();
    const next = await openQueue(directory);
    expect(await takeIds(next.queue, 3)).toEqual(['a', 'b', 'c']);
    await next.queue.stop();
  });

  test('bytes that are no batch are given up, named, and the others follow', async () => {
    const { queue, door, spool, unreadable } = await openQueue();
    door.weather = 'full';
    await queue.add(batchOf('a'));
    await spool.append(Buffer.from('{"of":"another version"}'), { '192.0.2.9': 12 });
    await queue.add(batchOf('b'));
    door.weather = 'fine';
    expect(await takeIds(queue, 2)).toEqual(['a', 'b']);
    expect(unreadable).toEqual([{ '192.0.2.9': 12 }]);
    await queue.stop();
  });

  test('in any weather every batch comes once, in order', async () => {
    const weather = fc.constantFrom<Weather>('fine', 'full', 'away');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(weather, fc.nat(4)), { maxLength: 12 }), async (spells) => {
        const { queue, door } = await openQueue();
        let count = 0;
        for (const [next, batches] of spells) {
          door.weather = next;
          for (let index = 0; index < batches; index += 1) expect(await queue.add(batchOf(`b${count++}`))).toBe(true);
        }
        door.weather = 'fine';
        expect(await takeIds(queue, count)).toEqual(Array.from({ length: count }, (_, index) => `b${index}`));
        await queue.stop();
      }),
      { numRuns: 15 },
    );
  });
});
