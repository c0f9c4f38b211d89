// What every sink must do. An implementation's test calls this with a way to make one.

import { expect, test } from 'vitest';
import type { Sink, WriteResult } from '../../src/index/sink.ts';
import { flowBatch } from '../index/document-batches.ts';

export interface SinkUnderTest {
  /** A sink of its own with an empty target, started. Waits between attempts are short. */
  create(): Promise<{
    readonly sink: Sink;
    /** From now on the target takes nothing. */
    hold(): void;
    release(): void;
    /** All documents that are in the target for good; called after `stop`. */
    read(): Promise<readonly unknown[]>;
  }>;
}

const allIndexed: WriteResult = { alreadyThere: [], refused: [] };

export function sinkContract({ create }: SinkUnderTest): void {
  const never = new AbortController().signal;

  test('every document of every batch arrives exactly once, also when batches are written at the same time', async () => {
    const { sink, read } = await create();
    const sizes = [1, 500, 37, 1200, 2];
    const results = await Promise.all(sizes.map((size, index) => sink.write(flowBatch(`b${index}`, size), never)));
    expect(results).toEqual(sizes.map(() => allIndexed));
    await sink.stop();
    expect(tally(await read())).toEqual(expectedTally(sizes.map((size, index) => [`b${index}`, size])));
  });

  test('a batch without documents is written at once', async () => {
    const { sink, hold, read } = await create();
    hold();
    expect(await sink.write(flowBatch('empty', 0), never)).toEqual(allIndexed);
    await sink.stop();
    expect(await read()).toEqual([]);
  });

  test('a batch that comes too late, when weir is stopping, is not written', async () => {
    const { sink, read } = await create();
    await expect(sink.write(flowBatch('late', 3), AbortSignal.abort())).rejects.toMatchObject({ code: 'stopped' });
    await sink.stop();
    expect(await read()).toEqual([]);
  });

  test('waits while the target takes nothing, says so, and goes on by itself', async () => {
    const { sink, hold, release, read } = await create();
    await sink.write(flowBatch('before', 10), never);
    expect(sink.trouble()).toBeUndefined();
    hold();
    let isDone = false;
    const writing = sink.write(flowBatch('during', 20), never).then((result) => {
      isDone = true;
      return result;
    });
    await expect.poll(() => sink.trouble()).toMatch(/ \d+ s: /);
    expect(isDone).toBe(false);
    release();
    expect(await writing).toEqual(allIndexed);
    expect(sink.trouble()).toBeUndefined();
    await sink.stop();
    expect(tally(await read())).toEqual(
      expectedTally([
        ['before', 10],
        ['during', 20],
      ]),
    );
  });

  test('gives up when told to stop, and the same batch written again later arrives once', async () => {
    const { sink, hold, release, read } = await create();
    hold();
    const stopping = new AbortController();
    const writing = sink.write(flowBatch('again', 50), stopping.signal);
    await expect.poll(() => sink.trouble()).toBeDefined();
    stopping.abort();
    await expect(writing).rejects.toMatchObject({ code: 'stopped', retryable: true });
    expect(sink.trouble()).toBeUndefined();
    release();
    // A request that was under way may have arrived, though nobody waited for its answer.
    expect((await sink.write(flowBatch('again', 50), never)).refused).toEqual([]);
    await sink.stop();
    expect(tally(await read())).toEqual(expectedTally([['again', 50]]));
  });

  test('one that is told to stop does not disturb another that goes on', async () => {
    const { sink, hold, release, read } = await create();
    hold();
    const stopping = new AbortController();
    const given = sink.write(flowBatch('given up', 5), stopping.signal);
    const kept = sink.write(flowBatch('kept', 5), never);
    await expect.poll(() => sink.trouble()).toBeDefined();
    stopping.abort();
    await expect(given).rejects.toMatchObject({ code: 'stopped' });
    release();
    expect(await kept).toEqual(allIndexed);
    await sink.write(flowBatch('given up', 5), never);
    await sink.stop();
    expect(tally(await read())).toEqual(
      expectedTally([
        ['given up', 5],
        ['kept', 5],
      ]),
    );
  });

  test('a batch that was written and comes again doubles nothing', async () => {
    const { sink, read } = await create();
    expect(await sink.write(flowBatch('twice', 30), never)).toEqual(allIndexed);
    const again = await sink.write(flowBatch('twice', 30), never);
    expect([...again.alreadyThere].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(again.refused).toEqual([]);
    await sink.stop();
    expect(tally(await read())).toEqual(expectedTally([['twice', 30]]));
  });
}

/** How often each document is there, by batch and number (see flowBatch). */
export function tally(documents: readonly unknown[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const document of documents) {
    const { flow } = document as { flow: { application: string; src_port: number } };
    const key = `${flow.application}/${flow.src_port}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return new Map([...counts].sort());
}

export function expectedTally(batches: readonly (readonly [string, number])[]): Map<string, number> {
  return tally(
    batches.flatMap(([application, size]) =>
      Array.from({ length: size }, (_, index) => ({ flow: { application, src_port: index } })),
    ),
  );
}
