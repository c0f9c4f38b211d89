import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryQueue } from '../../src/enqueue/memory-queue.ts';
import type { Queue } from '../../src/enqueue/queue.ts';
import { createLogger, silentLogger } from '../../src/telemetry/logger.ts';
import { batchBytes, batchOf } from '../contracts/batches.ts';
import { queueContract } from '../contracts/queue-contract.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-queue-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the memory queue keeps the queue contract', () => {
  const files = new Map<Queue, string>();

  async function open(file: string, batches: number): Promise<Queue> {
    const queue = createMemoryQueue({ maxBytes: batches * batchBytes, file, logger: silentLogger });
    files.set(queue, file);
    await queue.start();
    return queue;
  }

  queueContract({
    create: (limits) => open(join(folder, `${files.size}.ndjson`), limits?.batches ?? 1000),
    reopen: (queue) => open(files.get(queue)!, 1000),
  });
});

describe('the file between two runs', () => {
  test('a damaged line costs its batch only', async () => {
    const file = join(folder, 'damaged.ndjson');
    const first = createMemoryQueue({ maxBytes: 1e6, file, logger: silentLogger });
    await first.start();
    for (const id of ['a', 'b', 'c']) await first.add(batchOf(id));
    await first.stop();
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(
      file,
      [lines[0], lines[1]!.slice(0, 40), lines[2], '{"id":"x","layouts":[],"sets":[{"layout":3,"rows":[]}]}', ''].join(
        '\n',
      ),
    );
    const second = createMemoryQueue({ maxBytes: 1e6, file, logger: silentLogger });
    await second.start();
    const ids = [
      (await second.take(AbortSignal.timeout(100)))?.batch.id,
      (await second.take(AbortSignal.timeout(100)))?.batch.id,
    ];
    expect(ids).toEqual(['a', 'c']);
    expect(await second.take(AbortSignal.timeout(50))).toBeUndefined();
    await second.stop();
  });

  test('is gone once its last batch is done, so that a crash later brings nothing back', async () => {
    const file = join(folder, 'gone.ndjson');
    const first = createMemoryQueue({ maxBytes: 1e6, file, logger: silentLogger });
    await first.start();
    await first.add(batchOf('a'));
    await first.stop();
    expect(existsSync(file)).toBe(true);
    const second = createMemoryQueue({ maxBytes: 1e6, file, logger: silentLogger });
    await second.start();
    expect(existsSync(file)).toBe(true);
    await (await second.take(AbortSignal.timeout(100)))?.done();
    expect(existsSync(file)).toBe(false);
    await second.stop();
  });
});

test('what no disk has room for at the stop is named, with its number of records, and the stop goes on', async () => {
  const file = join(folder, 'no-room.ndjson');
  mkdirSync(`${file}.part`);
  const lines: string[] = [];
  const queue = createMemoryQueue({ maxBytes: 1e6, file, logger: createLogger({ write: (line) => lines.push(line) }) });
  await queue.start();
  await queue.add(batchOf('a', 3));
  await queue.add(batchOf('b', 4));
  await queue.stop();
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: 50, file, batches: 2, records: 7, msg: expect.stringContaining('lost') }),
  ]);
  expect(existsSync(file)).toBe(false);
});

test('a thousand batches are taken in order while others come and go', async () => {
  const queue = createMemoryQueue({ maxBytes: 1e9, logger: silentLogger });
  await queue.start();
  const seen: string[] = [];
  for (let round = 0; round < 1000; round += 1) {
    await queue.add(batchOf(`${2 * round}`));
    await queue.add(batchOf(`${2 * round + 1}`));
    const job = await queue.take(AbortSignal.timeout(100));
    if (round % 7 === 0) await job?.giveBack();
    else {
      seen.push(job!.batch.id);
      await job?.done();
    }
  }
  for (
    let job = await queue.take(AbortSignal.timeout(20));
    job !== undefined;
    job = await queue.take(AbortSignal.timeout(20))
  ) {
    seen.push(job.batch.id);
    await job.done();
  }
  expect(seen).toEqual(Array.from({ length: 2000 }, (_, index) => `${index}`));
  await queue.stop();
});
