// Puts batches on a queue of Redis: the bytes under their own key first, then a small job (claim check, docs/decisions/0041).
// Says no, quickly, when Redis is away, or when what waits there is at its limit. What Redis loses is put there again.

import { randomUUID } from 'node:crypto';
import { Queue as BullmqQueue } from 'bullmq';
import type { RecordBatch } from '../model/record-batch.ts';
import type { SequencePosition } from '../model/sequence.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { toBatchBytes } from './batch-bytes.ts';
import { commitJob, fenceCommits, prepareCommits } from './bullmq-commit.ts';
import { readCounts } from './bullmq-counts.ts';
import { type JobData, type QueueKeys, toJobData } from './bullmq-keys.ts';
import { readPresent, sayGone, sayPresent } from './bullmq-presence.ts';
import { toKeyReason } from './foreign-keys.ts';
import { createHandedOver, type HandedOver } from './handed-over.ts';
import type { FormerPosition } from './reached.ts';
import type { RedisClient } from './redis-connection.ts';
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
  /** Told of batches that Redis had and lost, and that are gone here, too. */
  readonly onUnusable: (exporters: JobData['exporters'], fate: 'lost') => void;
  /** Told, once a counter, how far a listener that is gone had got with what comes to this one now. */
  readonly onFormer: (position: SequencePosition) => void;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface BullmqProducer {
  add(batch: RecordBatch, reached: readonly SequencePosition[]): Promise<boolean>;
  mayHave(batchId: string): boolean;
  answersFor(batchId: string): boolean;
  stop(): Promise<void>;
}

const lookEveryMs = 500;
const presentEveryMs = 3000;
/** Whoever has died is no longer present after 10 s. */
const looksUntilAlive = 6;
/** Some seconds of a large network: what is put on Redis and not indexed yet. Older ones are named, where Redis loses them. */
const handedOverLimits = { maxBytes: 32 * 2 ** 20, maxBatches: 20_000 } as const;
/** Looked at at a time, whether they are done. */
const batchesPerLook = 200;

/** `begin`: all batches that came before were sent, or are not. `end`: this one was. */
interface Turn {
  readonly begin: Promise<void>;
  readonly end: () => void;
}

export function createBullmqProducer({
  client,
  keys,
  maxBytes,
  keepMs,
  processName,
  onUnusable,
  onFormer,
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
  const writer = randomUUID();
  const handedOver = createHandedOver(handedOverLimits);
  let ordinal = 0;
  /** The last that Redis confirmed. */
  let confirmed = 0;
  /** Sent, and the answer lost: whether Redis has them is asked before anything else is put there. */
  const uncertain = new Map<string, HandedOver>();
  let asking: Promise<void> | undefined;
  let lastTurn: Promise<void> = Promise.resolve();
  /** Of those Redis had taken: they come again by way of the spool. */
  const taken = new Set<string>();
  /** Of those that are uncertain: nobody but this has them any more. */
  const orphaned = new Set<string>();
  /** Lost by Redis, and to be put there again. */
  const returned: HandedOver[] = [];
  let returning: Promise<void> | undefined;
  let formers: readonly { readonly former: FormerPosition; readonly looks: number }[] = [];

  function open(): BullmqQueue {
    if (queue !== undefined) return queue;
    prepareCommits(client);
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
    if (client.status !== 'ready') return;
    try {
      await Promise.all([
        sayPresent(client, keys, 'listeners', processName),
        sayPresent(client, keys, 'writers', writer),
      ]);
      await lookForFormers();
    } catch {
      // The next time, in seconds.
    }
  }

  /** Whoever is there may still bring what seems to be missing: an exporter has moved from one listener to another. */
  async function lookForFormers(): Promise<void> {
    if (formers.length === 0) return;
    const present = await readPresent(client, keys, 'writers');
    const known = formers;
    formers = [];
    for (const { former, looks } of known) {
      if (!present.includes(former.writer)) onFormer(former.position);
      else if (looks < looksUntilAlive) formers = [...formers, { former, looks: looks + 1 }];
    }
  }

  /** Keeps what it knew when Redis is away: `add` finds that out by itself. */
  async function look(): Promise<void> {
    if (client.status !== 'ready') return;
    try {
      const [{ bytes }, uses] = await Promise.all([readCounts(client, keys), readMemoryUse(client)]);
      knownBytes = bytes;
      isMemoryTight = isTight(uses);
      warnOfEviction(uses);
      await lookForLosses();
    } catch (error) {
      await warnOf('look', error, 'Redis does not tell how full it is');
    }
  }

  /** A Redis that came back without its data, or with older data, knows an older number than the one it confirmed. */
  async function lookForLosses(): Promise<void> {
    if (uncertain.size > 0) await askForUncertain();
    const expected = confirmed;
    const ids = handedOver.some(batchesPerLook);
    const isThere = await Promise.all(ids.map((id) => client.exists(keys.payload(id))));
    // Read after the others: what is gone while the number is right was done with.
    const known = Number((await client.get(keys.mark(writer))) ?? 0);
    if (known < expected) takeBack(known);
    else for (const [at, id] of ids.entries()) if (isThere[at] === 0) handedOver.forget(id);
    returnAll();
  }

  function takeBack(known: number): void {
    const lost = handedOver.takeAfter(known);
    confirmed = Math.min(confirmed, known);
    if (lost.length === 0) return;
    const kept = lost.filter(({ bytes }) => bytes !== undefined);
    returned.push(...kept);
    logger.error(
      { batches: lost.length, sentAgain: kept.length, lost: lost.length - kept.length },
      'Redis has lost batches that it had confirmed',
    );
    for (const { job, bytes } of lost) if (bytes === undefined) onUnusable(job.exporters, 'lost');
  }

  function returnAll(): void {
    returning ??= (async () => {
      for (let entry = returned[0]; entry !== undefined && client.status === 'ready'; entry = returned[0]) {
        const turn = takeTurn();
        await put(open(), entry.job, entry.bytes ?? Buffer.alloc(0), [], turn).finally(turn.end);
        returned.shift();
      }
    })()
      .catch((error: unknown) => warnOf('return', error, 'Redis does not take lost batches again'))
      .finally(() => {
        returning = undefined;
      });
  }

  function warn(kind: string, about: object, message: string): void {
    if (pass(kind, now()) !== undefined) logger.warn(about, message);
  }

  async function warnOf(kind: string, error: unknown, message: string): Promise<void> {
    if (pass(kind, now()) !== undefined) logger.warn(await toKeyReason(client, keys, error), message);
  }

  async function add(batch: RecordBatch, reached: readonly SequencePosition[]): Promise<boolean> {
    const turn = takeTurn();
    try {
      return await addInTurn(batch, reached, turn);
    } finally {
      turn.end();
    }
  }

  /** What is told of sequence numbers holds for all batches up to one, so batches are sent in the order in which they came. */
  function takeTurn(): Turn {
    const begin = lastTurn;
    let end = (): void => undefined;
    lastTurn = new Promise((resolve) => {
      end = resolve;
    });
    return { begin, end };
  }

  async function addInTurn(batch: RecordBatch, reached: readonly SequencePosition[], turn: Turn): Promise<boolean> {
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
      await put(bullmq, toJobData(batch, bytes.length), bytes, reached, turn);
      if (knownBytes !== undefined) knownBytes += bytes.length;
      return true;
    } catch (error) {
      await warnOf('add', error, 'Redis does not take a batch');
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

  async function put(
    bullmq: BullmqQueue,
    job: JobData,
    bytes: Buffer,
    reached: readonly SequencePosition[],
    turn: Turn,
  ): Promise<void> {
    if (uncertain.size > 0) await askForUncertain();
    if (taken.delete(job.id)) return;
    // Awaited: a worker may have the job before this connection has sent the next command.
    await client.set(keys.payload(job.id), bytes, 'PX', keepMs);
    await turn.begin;
    ordinal += 1;
    const own = ordinal;
    const expected = confirmed;
    const about = { writer, ordinal: own, reached, onSent: turn.end };
    const committed = await commitJob(bullmq, keys, job, about).catch((error: unknown) => {
      if (!isRefused(error)) uncertain.set(job.id, { job, bytes, ordinal: own });
      throw error;
    });
    const { fate, ordinalBefore, formers: found } = committed;
    if (fate === 'late') throw new Error('it was asked for before it was there');
    if (found.length > 0) formers = [...formers, ...found.map((former) => ({ former, looks: 0 }))];
    if (ordinalBefore < expected) takeBack(ordinalBefore);
    confirmed = Math.max(confirmed, own);
    if (fate === 'added') handedOver.add({ job, bytes, ordinal: own });
    else client.unlink(keys.payload(job.id)).catch(() => undefined);
    if (returned.length > 0) returnAll();
  }

  /** The last number that Redis has says of each whether it is there; what is still under way is not taken any more. */
  function askForUncertain(): Promise<void> {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function ask(): Promise<void> {
    ordinal += 1;
    const fence = ordinal;
    const expected = confirmed;
    const known = await fenceCommits(client, keys, writer, fence);
    if (known < expected) takeBack(known);
    for (const [id, entry] of uncertain) {
      if (entry.ordinal > fence) continue;
      uncertain.delete(id);
      const isOrphaned = orphaned.delete(id);
      if (entry.ordinal <= known) {
        if (!isOrphaned) taken.add(id);
        handedOver.add(entry);
        confirmed = Math.max(confirmed, entry.ordinal);
      } else if (isOrphaned) returned.push(entry);
    }
    if (returned.length > 0) returnAll();
  }

  function answersFor(batchId: string): boolean {
    if (taken.delete(batchId)) return true;
    if (!uncertain.has(batchId)) return false;
    orphaned.add(batchId);
    return true;
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    clearInterval(presenceTimer);
    if (queue === undefined) return;
    if (orphaned.size > 0 && client.status === 'ready') await askForUncertain().catch(() => undefined);
    await returning;
    const left = [...returned.splice(0), ...Array.from(orphaned, (id) => uncertain.get(id))];
    for (const entry of left) if (entry !== undefined) onUnusable(entry.job.exporters, 'lost');
    if (client.status === 'ready') {
      await Promise.all([
        sayGone(client, keys, 'listeners', processName),
        sayGone(client, keys, 'writers', writer),
        client.del(keys.mark(writer), keys.fence(writer)),
      ]).catch(() => undefined);
    }
    await queue.close();
  }

  return { add, mayHave: (batchId) => uncertain.has(batchId), answersFor, stop };
}

/** Redis has answered that it does not take it. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}
