// What every queue must do. An implementation's test calls this with a way to make one.

import { expect, test } from 'vitest';
import type { Job, Queue } from '../../src/enqueue/queue.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { batchOf } from './batches.ts';

export interface QueueUnderTest {
  /** A queue of its own, started; `batches` of size 1 (see batchOf) fit, one more does not. */
  create(limits?: { readonly batches: number }): Promise<Queue>;
  /** Another start of the same queue after `stop`, as a new process would do it. */
  reopen(queue: Queue): Promise<Queue>;
}

export function queueContract({ create, reopen }: QueueUnderTest): void {
  const never = new AbortController().signal;
  const soon = (): AbortSignal => AbortSignal.timeout(200);

  async function takeNow(queue: Queue): Promise<Job> {
    const job = await queue.take(AbortSignal.timeout(5000));
    if (job === undefined) throw new Error('no batch came');
    return job;
  }

  async function takeAll(queue: Queue): Promise<RecordBatch[]> {
    const batches: RecordBatch[] = [];
    for (let job = await queue.take(soon()); job !== undefined; job = await queue.take(soon())) {
      batches.push(job.batch);
      await job.done();
    }
    return batches;
  }

  test('gives batches in the order they came, each once, unchanged', async () => {
    const queue = await create();
    const batches = Array.from({ length: 50 }, (_, index) => batchOf(`b${index}`));
    for (const batch of batches) expect(await queue.add(batch)).toBe(true);
    expect(await takeAll(queue)).toEqual(batches);
    await queue.stop();
  });

  test('wakes a worker that waits', async () => {
    const queue = await create();
    const taken = queue.take(never);
    await queue.add(batchOf('late'));
    expect((await taken)?.batch.id).toBe('late');
    await queue.stop();
  });

  test('gives each batch to one of many workers that wait', async () => {
    const queue = await create();
    const jobs = Array.from({ length: 5 }, () => queue.take(never));
    for (let index = 0; index < 5; index += 1) await queue.add(batchOf(`b${index}`));
    const ids = (await Promise.all(jobs)).map((job) => job?.batch.id);
    expect(new Set(ids)).toEqual(new Set(['b0', 'b1', 'b2', 'b3', 'b4']));
    await queue.stop();
  });

  test('take ends with nothing when its signal aborts, and the next batch goes to somebody else', async () => {
    const queue = await create();
    const aborted = new AbortController();
    const first = queue.take(aborted.signal);
    const second = queue.take(never);
    aborted.abort();
    expect(await first).toBeUndefined();
    await queue.add(batchOf('one'));
    expect((await second)?.batch.id).toBe('one');
    await queue.stop();
  });

  test('a batch that is given back comes again, before younger ones, and no attempt is burnt', async () => {
    const queue = await create();
    for (const id of ['a', 'b', 'c']) await queue.add(batchOf(id));
    const a = await takeNow(queue);
    const b = await takeNow(queue);
    expect([a.attempt, b.attempt]).toEqual([1, 1]);
    await b.giveBack();
    await a.giveBack();
    const again = await takeNow(queue);
    expect([again.batch.id, again.attempt]).toEqual(['a', 1]);
    await again.done();
    expect((await takeAll(queue)).map(({ id }) => id)).toEqual(['b', 'c']);
    await queue.stop();
  });

  test('a batch that failed comes again behind the others, with a higher attempt, and after the third time no more', async () => {
    const queue = await create();
    for (const id of ['bad', 'good']) await queue.add(batchOf(id));
    expect(await (await takeNow(queue)).fail('why')).toBe('again');
    const good = await takeNow(queue);
    expect([good.batch.id, good.attempt]).toEqual(['good', 1]);
    await good.done();
    const second = await takeNow(queue);
    expect([second.batch.id, second.attempt]).toEqual(['bad', 2]);
    expect(await second.fail('why')).toBe('again');
    const third = await takeNow(queue);
    expect(third.attempt).toBe(3);
    expect(await third.fail('why')).not.toBe('again');
    expect(await queue.take(soon())).toBeUndefined();
    expect(await queue.depth()).toMatchObject({ waiting: 0, active: 0, records: 0 });
    await queue.stop();
  });

  test('settling a job a second time changes nothing', async () => {
    const queue = await create();
    await queue.add(batchOf('a'));
    const job = await takeNow(queue);
    expect(await job.done()).toBe(true);
    expect(await job.done()).toBe(false);
    await job.giveBack();
    await job.fail('too late');
    expect(await queue.take(soon())).toBeUndefined();
    expect(await queue.depth()).toMatchObject({ waiting: 0, active: 0, records: 0, bytes: 0 });
    await queue.stop();
  });

  test('counts what waits and what is in hands', async () => {
    const queue = await create();
    for (const id of ['a', 'b', 'c']) await queue.add(batchOf(id, 4));
    const job = await takeNow(queue);
    expect(await queue.depth()).toMatchObject({ waiting: 2, active: 1, records: 12 });
    await job.done();
    expect(await queue.depth()).toMatchObject({ waiting: 2, active: 0, records: 8 });
    await queue.stop();
  });

  test('says since when the batch at its head waits', async () => {
    const queue = await create();
    expect((await queue.depth()).oldestAtMs).toBeUndefined();
    await queue.add({ ...batchOf('a'), createdAtMs: 1000 });
    await queue.add({ ...batchOf('b'), createdAtMs: 2000 });
    expect((await queue.depth()).oldestAtMs).toBe(1000);
    await (await takeNow(queue)).done();
    expect((await queue.depth()).oldestAtMs).toBe(2000);
    await (await takeNow(queue)).done();
    expect((await queue.depth()).oldestAtMs).toBeUndefined();
    await queue.stop();
  });

  test('refuses a batch beyond its limit at once, keeps the others, and takes more when there is room', async () => {
    const queue = await create({ batches: 2 });
    expect(await queue.add(batchOf('a'))).toBe(true);
    expect(await queue.add(batchOf('b'))).toBe(true);
    expect(await queue.add(batchOf('c'))).toBe(false);
    const job = await takeNow(queue);
    // A batch in a worker's hands may come back: its room is not free yet.
    expect(await queue.add(batchOf('c'))).toBe(false);
    await job.done();
    expect(await queue.add(batchOf('c'))).toBe(true);
    expect((await takeAll(queue)).map(({ id }) => id)).toEqual(['b', 'c']);
    await queue.stop();
  });

  test('stop ends those who wait and can be called twice', async () => {
    const queue = await create();
    const taken = queue.take(never);
    await queue.stop();
    await queue.stop();
    expect(await taken).toBeUndefined();
    expect(await queue.take(never)).toBeUndefined();
  });

  test('what was not done before stop comes again after the next start, in order', async () => {
    const queue = await create();
    for (const id of ['a', 'b', 'c']) await queue.add(batchOf(id, 3));
    await (await takeNow(queue)).done();
    await takeNow(queue);
    await queue.stop();
    const next = await reopen(queue);
    expect(await takeAll(next)).toEqual([batchOf('b', 3), batchOf('c', 3)]);
    await next.stop();
    const last = await reopen(next);
    expect(await last.take(soon())).toBeUndefined();
    await last.stop();
  });
}
