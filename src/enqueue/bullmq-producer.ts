// Puts batches on a queue of Redis: the bytes under their own key first, then a small job (claim check, docs/decisions/0041).
// Says no, quickly, when Redis is away, or when what waits there is at its limit.

import { Queue as BullmqQueue } from 'bullmq';
import type { RecordBatch } from '../model/record-batch.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { toBatchBytes } from './batch-bytes.ts';
import { countBatch, readCounts } from './bullmq-counts.ts';
import { type QueueKeys, toJobData, toJobId } from './bullmq-keys.ts';
import { sayGone, sayPresent } from './bullmq-presence.ts';
import { type RedisClient, toReason } from './redis-connection.ts';
import { createEvictionWarning, isTight, readMemoryUse } from './redis-memory.ts';

export interface BullmqProducerOptions {
  /** A prompt connection. */
  readonly client: RedisClient;
  readonly keys: QueueKeys;
  /** Of all batches on the queue, as they lie in Redis. */
  readonly maxBytes: number;
  readonly keepMs: number;
  /** For `weir queue`: machine and process. */
  readonly processName: string;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface BullmqProducer {
  add(batch: RecordBatch): Promise<boolean>;
  stop(): Promise<void>;
}

const lookEveryMs = 500;
const presentEveryMs = 3000;
/** Jobs leave Redis when they are done; failures are settled by the consumer, which sets no limit of BullMQ's own. */
const jobOptions = { removeOnComplete: true, removeOnFail: false, attempts: 1_000_000, stackTraceLimit: 0 } as const;

export function createBullmqProducer({
  client,
  keys,
  maxBytes,
  keepMs,
  processName,
  logger,
  now,
}: BullmqProducerOptions): BullmqProducer {
  const pass = createRateLimit();
  const warnOfEviction = createEvictionWarning(logger, now);
  let queue: BullmqQueue | undefined;
  let timer: NodeJS.Timeout | undefined;
  let presenceTimer: NodeJS.Timeout | undefined;
  /** As last read, and what was added here since. */
  let knownBytes: number | undefined;
  let comingBytes = 0;
  let isMemoryTight = false;

  function open(): BullmqQueue {
    if (queue !== undefined) return queue;
    queue = new BullmqQueue(keys.name, {
      connection: client,
      prefix: keys.prefix,
      skipVersionCheck: true,
      // Nobody reads BullMQ's events.
      streams: { events: { maxLen: 100 } },
    });
    queue.on('error', () => undefined);
    timer = setInterval(() => void look(), lookEveryMs);
    timer.unref();
    presenceTimer = setInterval(() => void sayHere(), presentEveryMs);
    presenceTimer.unref();
    void sayHere();
    return queue;
  }

  async function sayHere(): Promise<void> {
    if (client.status === 'ready') await sayPresent(client, keys, 'listeners', processName).catch(() => undefined);
  }

  /** Keeps what it knew when Redis is away: `add` finds that out by itself. */
  async function look(): Promise<void> {
    if (client.status !== 'ready') return;
    try {
      const [{ bytes }, uses] = await Promise.all([readCounts(client, keys), readMemoryUse(client)]);
      knownBytes = bytes;
      isMemoryTight = isTight(uses);
      warnOfEviction(uses);
    } catch (error) {
      warn('look', { reason: toReason(error) }, 'Redis does not tell how full it is');
    }
  }

  function warn(kind: string, about: object, message: string): void {
    if (pass(kind, now()) !== undefined) logger.warn(about, message);
  }

  async function add(batch: RecordBatch): Promise<boolean> {
    if (client.status !== 'ready') return false;
    const bullmq = open();
    if (knownBytes === undefined) await look();
    const bytes = toBatchBytes(batch);
    if (!(await hasRoom(bytes.length))) {
      warn('full', { waitingBytes: knownBytes, maxBytes, isMemoryTight }, 'the queue on Redis is at its limit');
      return false;
    }
    comingBytes += bytes.length;
    try {
      await put(bullmq, batch, bytes);
      if (knownBytes !== undefined) knownBytes += bytes.length;
      return true;
    } catch (error) {
      warn('add', { reason: toReason(error) }, 'Redis does not take a batch');
      return false;
    } finally {
      comingBytes -= bytes.length;
    }
  }

  async function hasRoom(bytes: number): Promise<boolean> {
    const isFull = (): boolean => isMemoryTight || (knownBytes ?? 0) + comingBytes + bytes > maxBytes;
    if (!isFull()) return true;
    // Workers may have made room since.
    await look();
    return !isFull();
  }

  async function put(bullmq: BullmqQueue, batch: RecordBatch, bytes: Buffer): Promise<void> {
    // Awaited: a worker may have the job before this connection has sent the next command.
    await client.set(keys.payload(batch.id), bytes, 'PX', keepMs);
    const job = toJobData(batch, bytes.length);
    await Promise.all([
      bullmq.add('batch', job, { ...jobOptions, jobId: toJobId(batch.id) }),
      countBatch(client, keys, job, 1),
    ]);
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    clearInterval(presenceTimer);
    if (queue === undefined) return;
    if (client.status === 'ready') await sayGone(client, keys, 'listeners', processName).catch(() => undefined);
    await queue.close();
  }

  return { add, stop };
}
