// The queue on Redis, by BullMQ: listeners add on one connection, workers take on another, on any number of machines.

import type { SequencePosition } from '../model/sequence.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type BullmqConsumer, createBullmqConsumer } from './bullmq-consumer.ts';
import { readCounts } from './bullmq-counts.ts';
import { createQueueKeys, type JobData } from './bullmq-keys.ts';
import { createBullmqLedger } from './bullmq-ledger.ts';
import { type BullmqProducer, createBullmqProducer } from './bullmq-producer.ts';
import { refuseForeignKeys, typesOfKeys } from './foreign-keys.ts';
import type { Queue } from './queue.ts';
import {
  closeRedis,
  openRedis,
  type RedisClient,
  type RedisSettings,
  toReason,
  toWhere,
  waitForRedis,
} from './redis-connection.ts';

export interface BullmqQueueOptions {
  readonly redis: RedisSettings;
  readonly keyPrefix: string;
  /** Listeners and workers of the same name meet. */
  readonly name: string;
  readonly maxBytes: number;
  /** Bytes of a batch that nobody took are removed after so long. */
  readonly keepMs: number;
  readonly processName: string;
  /** Batches whose bytes are gone, or that were set aside before anybody could take them: records by exporter. */
  readonly onUnusable: (exporters: JobData['exporters'], fate: 'lost' | 'quarantined') => void;
  /** Told, once a counter, how far a listener that is gone had got with what comes to this one now. */
  readonly onFormer?: (position: SequencePosition) => void;
  readonly logger: Logger;
  readonly now: () => number;
}

export function createBullmqQueue(options: BullmqQueueOptions): Queue {
  const { redis, keyPrefix, name, logger, now } = options;
  const keys = createQueueKeys(keyPrefix, name);
  let prompt: RedisClient | undefined;
  let patient: RedisClient | undefined;
  let producer: BullmqProducer | undefined;
  let consumer: BullmqConsumer | undefined;
  let isStopped = false;

  async function start(): Promise<void> {
    isStopped = false;
    prompt = openRedis({ settings: redis, kind: 'prompt', logger, now });
    try {
      const isThere = await waitForRedis(prompt, redis);
      if (isThere) await refuseForeignKeys(prompt, redis, typesOfKeys(keys));
      else {
        logger.warn({ redis: toWhere(redis) }, 'Redis is away; weir starts nevertheless and waits for it');
        prompt.once('ready', () => void lookForForeignKeys());
      }
    } catch (error) {
      prompt.disconnect();
      throw error;
    }
    producer = createBullmqProducer({ onFormer: () => undefined, ...options, client: prompt, keys });
  }

  /** Too late to refuse the start. */
  async function lookForForeignKeys(): Promise<void> {
    if (prompt === undefined) return;
    await refuseForeignKeys(prompt, redis, typesOfKeys(keys)).catch((error: unknown) =>
      logger.error({ reason: toReason(error) }, 'the queue on Redis can’t be used'),
    );
  }

  /** Workers only: a connection that waits is opened when somebody takes. */
  function open(): BullmqConsumer {
    patient ??= openRedis({ settings: redis, kind: 'patient', logger, now });
    consumer ??= createBullmqConsumer({ ...options, client: patient, keys });
    return consumer;
  }

  async function stop(): Promise<void> {
    if (isStopped) return;
    isStopped = true;
    await consumer?.stop();
    await producer?.stop();
    await Promise.all([prompt, patient].map((client) => client && closeRedis(client)));
  }

  return {
    start,
    add: async (batch, reached = []) => !isStopped && producer !== undefined && (await producer.add(batch, reached)),
    mayHave: (batchId) => producer?.mayHave(batchId) ?? false,
    answersFor: (batchId) => producer?.answersFor(batchId) ?? false,
    take: async (signal) => (isStopped ? undefined : open().take(signal)),
    async depth() {
      if (prompt === undefined) throw new Error('the queue was not started');
      return readCounts(prompt, keys);
    },
    ledger: createBullmqLedger(() => prompt, keys),
    stop,
  };
}
