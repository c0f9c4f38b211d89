// Takes batches from a queue of Redis: one job at a time for whoever waits, its lock kept while it is in hand. A process that dies
// loses its locks, and others get its batches within seconds; a batch that was in the hands of three that died is set aside.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job as BullmqJob, Worker } from 'bullmq';
import { Cluster } from 'ioredis';
import type { LedgerRow } from '../model/ledger-row.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { fromBatchBytes } from './batch-bytes.ts';
import { type JobData, type QueueKeys, toBatchId } from './bullmq-keys.ts';
import { sayGone, sayPresent } from './bullmq-presence.ts';
import { giveBackUnknown, settleJob } from './bullmq-settle.ts';
import { toKeyReason } from './foreign-keys.ts';
import { toRecordRows } from './ledger-store.ts';
import { type FailedFate, type Job, maxAttempts } from './queue.ts';
import type { RedisClient } from './redis-connection.ts';

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
 * that was counted against the batch is taken back, once: its worker lives. SREM comes first, for a Redis at its maxmemory refuses a script
 * whose first write takes room.
 * lock, stalled, active, job; token, ms, id → 1: still ours.
 */
const renewScript = `
local token = redis.call('GET', KEYS[1])
if token == ARGV[1] or (not token and redis.call('LPOS', KEYS[3], ARGV[3])) then
  redis.call('SREM', KEYS[2], ARGV[3])
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
if redis.call('EXISTS', KEYS[4]) == 1 and redis.call('HSETNX', KEYS[4], 'lives:' .. ARGV[1], '1') == 1 then
  redis.call('HINCRBY', KEYS[4], 'stc', -1)
end
return 0
`;

/** BullMQ's numbers for a job that is not ours any more: no such job, no lock, not active, somebody else's lock. */
const goneCodes: readonly unknown[] = [-1, -2, -3, -6];

interface Held {
  readonly job: BullmqJob<JobData>;
  readonly id: string;
  readonly token: string;
  readonly sequence: number;
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
  /** A connection was lost, and maybe an answer with it. */
  let mayHoldUnknown = false;
  let fetching: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let keepTimer: NodeJS.Timeout | undefined;

  async function open(): Promise<Worker<JobData>> {
    if (worker !== undefined) return worker;
    client.on(client instanceof Cluster ? '-node' : 'close', () => {
      mayHoldUnknown = true;
    });
    worker = new Worker<JobData>(keys.name, null, {
      connection: client,
      prefix: keys.prefix,
      skipVersionCheck: true,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: lookForStalledEveryMs,
      // Counted here: `toAttempt`.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: blockSeconds,
    });
    worker.on('error', warn);
    timer = setInterval(() => void renewAll(), renewEveryMs);
    keepTimer = setInterval(() => void keepWaiting().catch(warn), keepMs / keepsPerLife);
    sayPresent(client, keys, 'workers', processName).catch(warn);
    await worker.startStalledCheckTimer();
    return worker;
  }

  function warn(error: unknown): void {
    if (stopping.signal.aborted || pass('worker', now()) === undefined) return;
    void toKeyReason(client, keys, error).then((about) =>
      logger.warn(about, 'the queue on Redis has trouble; weir goes on'),
    );
  }

  async function renewAll(): Promise<void> {
    if (client.status !== 'ready') return;
    await Promise.all([sayPresent(client, keys, 'workers', processName), ...[...held].map(renew)]).catch(warn);
  }

  async function renew(entry: Held): Promise<void> {
    if (entry.isLost) return;
    const { id, token } = entry;
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
        await pause();
      }
    }
  }

  async function fetchOne(from: Worker<JobData>): Promise<void> {
    const token = `${tokenPrefix}:${sequence}`;
    const job = (await from.getNextJob(token)) as BullmqJob<JobData> | undefined;
    const entry =
      job?.id === undefined ? undefined : { job, id: job.id, token, sequence, isLost: false, isSettled: false };
    if (entry !== undefined) {
      sequence += 1;
      held.add(entry);
    }
    if (mayHoldUnknown) await giveBackWhatIsUnknown();
    if (entry === undefined) return;
    const batch = await readBatch(entry);
    if (batch === undefined) return;
    const taker = takers.shift();
    if (taker === undefined) await giveBack(entry);
    else taker(toJob(entry, batch));
  }

  /** Asked for again, because an answer was lost, Redis gives the next job: of the first one nobody knows. */
  async function giveBackWhatIsUnknown(): Promise<void> {
    mayHoldUnknown = false;
    const ids = Array.from(held, ({ id }) => id);
    await giveBackUnknown(client, keys, `${tokenPrefix}:`, ids).catch((error: unknown) => {
      mayHoldUnknown = true;
      warn(error);
    });
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

  /** Runs `work` once for each job, whoever calls first, and again until Redis has answered. */
  async function settle<T>(entry: Held, otherwise: T, work: () => Promise<T>): Promise<T> {
    if (entry.isSettled) return otherwise;
    entry.isSettled = true;
    try {
      for (;;) {
        try {
          return await work();
        } catch (error) {
          if (isGone(error)) return otherwise;
          if (stopping.signal.aborted) throw error;
          warn(error);
          await pause();
        }
      }
    } finally {
      held.delete(entry);
    }
  }

  function end(entry: Held, fates: readonly LedgerRow[] = []): Promise<boolean> {
    const { job, token } = entry;
    return settle(entry, false, async () => {
      if (!(await settleJob(client, keys, job.data, { token, fates }))) return false;
      // It is ended whatever becomes of them: they would expire by themselves.
      client.unlink(keys.payload(job.data.id)).catch(warn);
      return true;
    });
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
      await entry.job.moveToFailed(new Error(toShortReason(reason)), entry.token);
      return 'again';
    });
  }

  /** Its bytes stay until somebody decides about it. */
  function quarantine(entry: Held, reason: string): Promise<boolean> {
    const { job, token } = entry;
    return settle(entry, false, async () => {
      await client.persist(keys.payload(job.data.id));
      const fates = toRecordRows(job.data, 'records_quarantined');
      const setAside = { reason: toShortReason(reason), nowMs: now() };
      return settleJob(client, keys, job.data, { token, fates, setAside });
    });
  }

  function pause(): Promise<void> {
    return sleep(retryAfterMs * (0.5 + Math.random()), undefined, { signal: stopping.signal }).catch(() => undefined);
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
    await Promise.race([worker.close(true), limit]);
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

function toShortReason(reason: string): string {
  return reason.slice(0, 500);
}
