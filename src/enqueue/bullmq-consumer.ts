// Takes batches from a queue of Redis: one job at a time for whoever waits, its lock kept while it is in hand. A process that dies
// loses its locks, and others get its batches within seconds; a batch that was in the hands of three that died is set aside.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job as BullmqJob, Queue as BullmqQueue, UnrecoverableError, Worker } from 'bullmq';
import type { LedgerRow } from '../model/ledger-row.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { fromBatchBytes } from './batch-bytes.ts';
import { countBatch } from './bullmq-counts.ts';
import { type JobData, type QueueKeys, toBatchId } from './bullmq-keys.ts';
import { bookFates } from './bullmq-ledger.ts';
import { sayGone, sayPresent } from './bullmq-presence.ts';
import { toRecordRows } from './ledger-store.ts';
import { type FailedFate, type Job, maxAttempts } from './queue.ts';
import { type RedisClient, toReason } from './redis-connection.ts';

export interface BullmqConsumerOptions {
  /** A patient connection. */
  readonly client: RedisClient;
  readonly keys: QueueKeys;
  /** Told of batches whose bytes are gone, and of those that killed their workers: records by exporter. */
  readonly onUnusable: (exporters: JobData['exporters'], fate: 'lost' | 'quarantined') => void;
  /** Bytes of a batch live so long without a worker; where there is one, they live as long as they wait. */
  readonly keepMs: number;
  /** For `weir queue`: machine and process. */
  readonly processName: string;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface BullmqConsumer {
  take(signal: AbortSignal): Promise<Job | undefined>;
  stop(): Promise<void>;
}

/** A worker that is silent so long is taken for dead. Ten times longer than weir's event loop is ever busy with one batch. */
const lockMs = 6000;
const renewEveryMs = 2000;
/** A dead worker's batch is found by the second look after its lock ended: lockMs + 2 × this, at most 12 s after its death. */
const lookForStalledEveryMs = 3000;
const blockSeconds = 5;
/** The time to live of what waits is renewed so often within itself. */
const keepsPerLife = 4;
const jobsPerRead = 500;
const retryAfterMs = 500;
/** What is in hand is given back within this, or comes back by itself when its lock ends. */
const giveBackLimitMs = 1500;

/**
 * Keeps the lock, also one that ran out while this process slept, as long as nobody else has the job. Where somebody has, the stall
 * that was counted against the batch is taken back: its worker lives.
 * lock, stalled, active, job; token, ms, id → 1: still ours.
 */
const renewScript = `
local token = redis.call('GET', KEYS[1])
if token == ARGV[1] or (not token and redis.call('LPOS', KEYS[3], ARGV[3])) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('SREM', KEYS[2], ARGV[3])
  return 1
end
if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('HINCRBY', KEYS[4], 'stc', -1) end
return 0
`;

/** BullMQ's number for: no such job. */
const noJobCode = -1;
/** Its numbers for a job that is not ours any more: no such job, no lock, not active, somebody else's lock. */
const goneCodes: readonly unknown[] = [noJobCode, -2, -3, -6];

interface Held {
  readonly job: BullmqJob<JobData>;
  readonly id: string;
  readonly token: string;
  readonly sequence: number;
  /** When its lock was asked for last, and given. */
  lockedAtMs: number;
  isLost: boolean;
  isSettled: boolean;
}

export function createBullmqConsumer(options: BullmqConsumerOptions): BullmqConsumer {
  const { client, keys, onUnusable, keepMs, processName, logger, now } = options;
  const pass = createRateLimit();
  const held = new Set<Held>();
  const takers: ((job: Job | undefined) => void)[] = [];
  const stopping = new AbortController();
  const tokenPrefix = randomUUID();
  let sequence = 0;
  let worker: Worker<JobData> | undefined;
  let queue: BullmqQueue | undefined;
  let fetching: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let keepTimer: NodeJS.Timeout | undefined;

  async function open(): Promise<Worker<JobData>> {
    if (worker !== undefined) return worker;
    const common = { connection: client, prefix: keys.prefix, skipVersionCheck: true } as const;
    worker = new Worker<JobData>(keys.name, null, {
      ...common,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: lookForStalledEveryMs,
      // Counted here: `toAttempt`.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: blockSeconds,
    });
    // Of the same queue: what has no lock any more is removed as by anybody.
    queue = new BullmqQueue(keys.name, { ...common, skipMetasUpdate: true });
    worker.on('error', warn);
    queue.on('error', warn);
    timer = setInterval(() => void renewAll(), renewEveryMs);
    keepTimer = setInterval(() => void keepWaiting().catch(warn), keepMs / keepsPerLife);
    sayPresent(client, keys, 'workers', processName).catch(warn);
    await worker.startStalledCheckTimer();
    return worker;
  }

  function warn(error: unknown): void {
    if (stopping.signal.aborted || pass('worker', now()) === undefined) return;
    logger.warn({ reason: toReason(error) }, 'the queue on Redis has trouble; weir goes on');
  }

  async function renewAll(): Promise<void> {
    if (client.status !== 'ready') return;
    await Promise.all([sayPresent(client, keys, 'workers', processName), ...[...held].map(renew)]).catch(warn);
  }

  async function renew(entry: Held): Promise<void> {
    if (entry.isLost) return;
    const { id, token } = entry;
    const askedAtMs = now();
    const answer = await client.eval(
      renewScript,
      4,
      keys.bullmq(`${id}:lock`),
      keys.bullmq('stalled'),
      keys.bullmq('active'),
      keys.bullmq(id),
      token,
      lockMs,
      id,
    );
    if (answer === 0) entry.isLost = true;
    else entry.lockedAtMs = askedAtMs;
  }

  /** However long the target is away: what waits does not expire. */
  async function keepWaiting(): Promise<void> {
    if (client.status !== 'ready') return;
    for (const list of ['wait', 'active']) {
      for (let at = 0; ; at += jobsPerRead) {
        const ids = await client.lrange(keys.bullmq(list), at, at + jobsPerRead - 1);
        await Promise.all(ids.map((id) => client.pexpire(keys.payload(toBatchId(id)), keepMs)));
        if (ids.length < jobsPerRead) break;
      }
    }
  }

  async function take(signal: AbortSignal): Promise<Job | undefined> {
    if (signal.aborted || stopping.signal.aborted) return undefined;
    return new Promise((resolve) => {
      const taker = (job: Job | undefined): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(job);
      };
      const giveUp = (): void => {
        const at = takers.indexOf(taker);
        if (at !== -1) takers.splice(at, 1);
        resolve(undefined);
      };
      takers.push(taker);
      signal.addEventListener('abort', giveUp, { once: true });
      fetching ??= fetchAll().finally(() => {
        fetching = undefined;
      });
    });
  }

  async function fetchAll(): Promise<void> {
    while (takers.length > 0 && !stopping.signal.aborted) {
      try {
        await fetchOne(await open());
      } catch (error) {
        warn(error);
        await sleep(retryAfterMs * (0.5 + Math.random()), undefined, { signal: stopping.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  async function fetchOne(from: Worker<JobData>): Promise<void> {
    const token = `${tokenPrefix}:${sequence}`;
    const job = (await from.getNextJob(token)) as BullmqJob<JobData> | undefined;
    if (job?.id === undefined) return;
    // By this process's clock, when it asked.
    const lockedAtMs = job.processedOn ?? Number.NEGATIVE_INFINITY;
    const entry: Held = { job, id: job.id, token, sequence, lockedAtMs, isLost: false, isSettled: false };
    sequence += 1;
    held.add(entry);
    const batch = await readBatch(entry);
    if (batch === undefined) return;
    const taker = takers.shift();
    if (taker === undefined) await giveBack(entry);
    else taker(toJob(entry, batch));
  }

  /** Undefined: the job is settled, for nobody could do anything with it. */
  async function readBatch(entry: Held): Promise<RecordBatch | undefined> {
    const { job } = entry;
    if (toAttempt(entry) > maxAttempts) {
      await setAside(entry, job.failedReason ?? `${maxAttempts} workers died with it`);
      return undefined;
    }
    const bytes = await client.getBuffer(keys.payload(job.data.id));
    if (bytes === null) {
      // Somebody else may have ended it while this process slept: then nothing is lost.
      if (await end(entry, toRecordRows(job.data, 'records_lost_in_queue'))) {
        logger.error(
          { batch: job.data.id, records: job.data.records },
          'the bytes of a batch are gone from Redis: its flows are lost',
        );
        onUnusable(job.data.exporters, 'lost');
      }
      return undefined;
    }
    const batch = fromBatchBytes(bytes);
    if (batch === undefined) await setAside(entry, 'its bytes are no batch');
    return batch;
  }

  async function setAside(entry: Held, reason: string): Promise<void> {
    if (!(await quarantine(entry, reason))) return;
    logger.error(
      { batch: entry.job.data.id, records: entry.job.data.records, reason },
      'a batch is in quarantine (weir queue list)',
    );
    onUnusable(entry.job.data.exporters, 'quarantined');
  }

  function toAttempt({ job }: Held): number {
    return 1 + job.attemptsMade + Math.max(0, job.stalledCounter);
  }

  function toJob(entry: Held, batch: RecordBatch): Job {
    return {
      batch,
      attempt: toAttempt(entry),
      done: (fates) => end(entry, fates),
      giveBack: () => giveBack(entry),
      fail: (reason) => fail(entry, reason),
    };
  }

  /** Runs `work` once for each job, whoever calls first. */
  async function settle<T>(entry: Held, otherwise: T, work: () => Promise<T>): Promise<T> {
    if (entry.isSettled) return otherwise;
    entry.isSettled = true;
    try {
      return await work();
    } catch (error) {
      if (!isGone(error)) throw error;
      return otherwise;
    } finally {
      held.delete(entry);
    }
  }

  function end(entry: Held, fates: readonly LedgerRow[] = []): Promise<boolean> {
    return settle(entry, false, async () => {
      const { job, token } = entry;
      if (fates.length > 0) await bookFates(client, keys, entry.id, fates);
      try {
        await job.moveToCompleted(null, token, false);
      } catch (error) {
        if (!isGone(error)) throw error;
        if (!isEndedByUs(entry, error) && !(await removeUnlocked(entry))) throw error;
      }
      await Promise.all([client.unlink(keys.payload(job.data.id)), countBatch(client, keys, job.data, -1)]);
      return true;
    });
  }

  /** The answer was lost with the connection, and the command sent again: while the lock holds nobody else can have ended it. */
  function isEndedByUs({ isLost, lockedAtMs }: Held, error: unknown): boolean {
    const ageMs = now() - lockedAtMs;
    return (error as { readonly code?: unknown }).code === noJobCode && !isLost && ageMs >= 0 && ageMs < lockMs;
  }

  /** The lock ran out, and the job went back into line: it is done nevertheless, unless somebody has it in hand by now. */
  async function removeUnlocked({ id }: Held): Promise<boolean> {
    if ((await client.exists(keys.bullmq(id))) === 0) return false;
    return (await queue?.remove(id)) === 1;
  }

  async function giveBack(entry: Held): Promise<void> {
    await settle(entry, undefined, async () => {
      await entry.job.moveToWait(entry.token);
    });
  }

  function fail(entry: Held, reason: string): Promise<FailedFate> {
    if (toAttempt(entry) >= maxAttempts) {
      return quarantine(entry, reason).then((isAside) => (isAside ? 'quarantined' : 'again'));
    }
    return settle<FailedFate>(entry, 'again', async () => {
      await entry.job.moveToFailed(new Error(reason.slice(0, 500)), entry.token);
      return 'again';
    });
  }

  /** Its bytes stay until somebody decides about it. */
  function quarantine(entry: Held, reason: string): Promise<boolean> {
    return settle(entry, false, async () => {
      const { job, token } = entry;
      await client.persist(keys.payload(job.data.id));
      await bookFates(client, keys, entry.id, toRecordRows(job.data, 'records_quarantined'));
      await job.moveToFailed(new UnrecoverableError(reason.slice(0, 500)), token);
      await countBatch(client, keys, job.data, -1);
      return true;
    });
  }

  async function stop(): Promise<void> {
    if (stopping.signal.aborted) return;
    stopping.abort();
    for (const taker of takers.splice(0)) taker(undefined);
    if (worker === undefined) return;
    // Ends the wait for the next job; one that came in this moment is given back by fetchOne.
    (await worker.backend.blockingClient)?.disconnect();
    const limit = sleep(giveBackLimitMs, undefined, { ref: false });
    await Promise.race([fetching, limit]);
    await Promise.race([giveBackAll(), limit]);
    if (client.status === 'ready') await sayGone(client, keys, 'workers', processName).catch(() => undefined);
    clearInterval(timer);
    clearInterval(keepTimer);
    await Promise.race([Promise.all([worker.close(true), queue?.close()]), limit]);
  }

  /** Youngest first, for each goes to the head. */
  async function giveBackAll(): Promise<void> {
    for (const entry of [...held].toSorted((a, b) => b.sequence - a.sequence)) await giveBack(entry).catch(warn);
  }

  return { take, stop };
}

function isGone(error: unknown): boolean {
  return goneCodes.includes((error as { readonly code?: unknown }).code);
}
