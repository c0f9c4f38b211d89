// `weir queue` and its verbs, on a real Redis.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPipelineFile } from '../../src/app/pipeline-source.ts';
import {
  describeQueue,
  dropQuarantined,
  listQuarantine,
  retryQuarantined,
  showQuarantined,
} from '../../src/app/queue-report.ts';
import { createQueue } from '../../src/app/queues.ts';
import type { Queue } from '../../src/enqueue/queue.ts';
import { createLedger } from '../../src/telemetry/ledger.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { batchOf, testHeader } from '../contracts/batches.ts';
import { describeWith } from '../needs.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

describeWith(['redis'], 'weir queue', () => {
  let folder: string;
  let pipeline: string;
  let server: RedisServer;
  let queue: Queue;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-queue-report-'));
    server = await startRedis();
    pipeline = join(folder, 'pipeline.yml');
    await writeFile(pipeline, `name: flow\nsteps: []\nqueue: { redis: "${server.url}" }\n`);
    const file = await loadPipelineFile(pipeline);
    queue = await createQueue(file, {
      adds: false,
      ledger: createLedger(),
      logger: silentLogger,
      now: () => Date.now(),
    });
    await queue.start();
  });
  afterAll(async () => {
    await queue.stop();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function poison(id: string): Promise<void> {
    await queue.add(batchOf(id, 4));
    for (let round = 0; round < 3; round += 1) {
      const job = await queue.take(AbortSignal.timeout(5000));
      await job?.fail('cannot be read');
    }
  }

  test('shows what waits, since when, and who is there', async () => {
    await queue.add(batchOf('a', 4));
    const job = await queue.take(AbortSignal.timeout(5000));
    await queue.add(batchOf('b', 3));
    const report = JSON.parse(await describeQueue(pipeline, { json: true })) as Record<string, unknown>;
    expect(report).toMatchObject({
      queue: 'flow',
      waiting: 1,
      active: 1,
      records: 7,
      quarantined: 0,
      recordsInPerSecond: 0,
      listeners: [expect.stringContaining(`/${process.pid}`)],
      workers: [expect.stringContaining(`/${process.pid}`)],
    });
    // batchOf says when it was made: in November 2023.
    expect(report['oldestAgeMs']).toBeGreaterThan(365 * 86_400_000);
    expect(await describeQueue(pipeline, { json: false })).toMatch(/^waiting +1 batches$/m);
    await job?.done();
    await (await queue.take(AbortSignal.timeout(5000)))?.done();
  });

  test('lists, shows, retries and drops batches in quarantine', async () => {
    expect(await listQuarantine(pipeline, { json: false })).toBe('the quarantine is empty\n');
    await poison('one');
    await poison('two');
    const listed = JSON.parse(await listQuarantine(pipeline, { json: true })) as { id: string }[];
    expect(listed.map(({ id }) => id).sort()).toEqual(['one', 'two']);
    expect(await listQuarantine(pipeline, { json: false })).toMatch(/^one +4 .* 192\.0\.2\.1 +cannot be read$/m);
    expect(JSON.parse(await showQuarantined('one', pipeline))).toMatchObject({
      id: 'one',
      exporters: { [testHeader.exporter]: 4 },
      reason: 'cannot be read',
      batch: batchOf('one', 4),
    });

    expect(await retryQuarantined('one', pipeline)).toBe(
      `one: back on the queue, 4 records (${testHeader.exporter} 4)\n`,
    );
    const again = await queue.take(AbortSignal.timeout(5000));
    expect([again?.batch.id, again?.attempt]).toEqual(['one', 1]);
    await again?.done();
    expect(await queue.depth()).toMatchObject({ waiting: 0, active: 0, records: 0 });

    expect(await dropQuarantined('all', pipeline)).toContain('two: dropped, 4 records');
    expect(await listQuarantine(pipeline, { json: false })).toBe('the quarantine is empty\n');
    await expect(showQuarantined('two', pipeline)).rejects.toMatchObject({ code: 'usage' });
  });

  test('takes up all of a quarantine that is longer than its list', async () => {
    // Put there as they would be after three failures each: that takes a while.
    const script = `
for i = 1, 1200 do
  local data = '{"id":"q' .. i .. '","createdAtMs":1,"records":1,"bytes":1,"exporters":{"192.0.2.9":1}}'
  redis.call('HSET', KEYS[1] .. ':b-q' .. i, 'name', 'batch', 'data', data, 'opts', '{}', 'timestamp', 1, 'failedReason', 'why')
  redis.call('ZADD', KEYS[1] .. ':failed', i, 'b-q' .. i)
end`;
    await server.ask('EVAL', script, '1', '{weir:flow}:flow');
    const text = await dropQuarantined('all', pipeline);
    expect(text.split('\n').filter((line) => line.includes(': dropped, 1 records'))).toHaveLength(1200);
    expect(await listQuarantine(pipeline, { json: false })).toBe('the quarantine is empty\n');
  }, 30_000);

  test('a Redis that goes away in between is told in one sentence', async () => {
    const asked = describeQueue(pipeline, { json: false });
    const outcome = asked.catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.signal('SIGSTOP');
    try {
      expect(await outcome).toMatchObject({
        code: 'queue-unavailable',
        message: expect.stringMatching(/^Redis at redis:\/\/127\.0\.0\.1:\d+: no answer$/),
      });
    } finally {
      await server.signal('SIGCONT');
    }
  }, 30_000);
});
