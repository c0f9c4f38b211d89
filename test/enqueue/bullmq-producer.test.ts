// The order in which a listener's batches reach Redis, where the answers of Redis make one wait and not the next.

import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createQueueKeys, toJobId } from '../../src/enqueue/bullmq-keys.ts';
import { createBullmqProducer } from '../../src/enqueue/bullmq-producer.ts';
import { toReachedField } from '../../src/enqueue/reached.ts';
import type { SequencePosition } from '../../src/model/sequence.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { batchOf } from '../contracts/batches.ts';
import { describeWith } from '../needs.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

function deferred() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describeWith(['redis'], 'a producer', () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port, { maxRetriesPerRequest: null });
    await client.ping();
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  test('puts batches there in the order in which they came, though the answer to the first one’s bytes is late', async () => {
    const keys = createQueueKeys('weir', 'order');
    const producer = createBullmqProducer({
      ...{ client, keys, maxBytes: 1e6, keepMs: 60_000, processName: 'test', logger: silentLogger },
      ...{ onUnusable: () => undefined, onFormer: () => undefined, now: () => Date.now() },
    });
    const position = (next: number): SequencePosition => ({
      ...{ exporter: '192.0.2.1', protocol: 'netflow9', key: 0, next },
      ...{ uptimeMs: 0, clockMs: 0, receivedAtMs: 0 },
    });
    expect(await producer.add(batchOf('zeroth'), [position(10)])).toBe(true);

    // All answers of Redis but one come to weir at once.
    const set = client.set.bind(client) as (...words: unknown[]) => Promise<unknown>;
    const late = deferred();
    const isStored = new Map(['first', 'second'].map((id) => [keys.payload(id), deferred()]));
    const setAndTell = async (...words: unknown[]): Promise<unknown> => {
      const answer = await set(...words);
      const key = String(words[0]);
      isStored.get(key)?.resolve();
      if (key === keys.payload('first')) await late.promise;
      return answer;
    };
    client.set = setAndTell as typeof client.set;
    const adding = [producer.add(batchOf('first'), [position(20)]), producer.add(batchOf('second'), [position(30)])];
    await Promise.all(Array.from(isStored.values(), ({ promise }) => promise));
    // What the second one sends now, Redis carries out before it answers this.
    await new Promise(setImmediate);
    await client.ping();
    const waiting = () => client.lrange(keys.bullmq('wait'), 0, -1);
    const reached = async () => Number((await client.hget(keys.reached, toReachedField(position(0))))?.split(' ')[1]);
    expect([await waiting(), await reached()]).toEqual([[toJobId('zeroth')], 10]);
    late.resolve();
    expect(await Promise.all(adding)).toEqual([true, true]);
    expect([await waiting(), await reached()]).toEqual([['second', 'first', 'zeroth'].map(toJobId), 30]);
    client.set = set as typeof client.set;
    await producer.stop();
  });
});
