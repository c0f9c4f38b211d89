// What people ask of a queue on Redis: how much waits and since when, who is there, and what to do with batches in quarantine.

import { type Job as BullmqJob, Queue as BullmqQueue } from 'bullmq';
import { WeirError } from '../model/errors.ts';
import type { LedgerRow } from '../model/ledger-row.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import type { Logger } from '../telemetry/logger.ts';
import { fromBatchBytes } from './batch-bytes.ts';
import { type QueueCounts, readCounts } from './bullmq-counts.ts';
import { createQueueKeys, type JobData, toJobId } from './bullmq-keys.ts';
import { createBullmqLedger } from './bullmq-ledger.ts';
import { readPresent } from './bullmq-presence.ts';
import { takeUpJob } from './bullmq-settle.ts';
import { refuseForeignKeys, typesOfKeys } from './foreign-keys.ts';
import { toRecordRows } from './ledger-store.ts';
import { closeRedis, openRedis, type RedisSettings, toWhere, waitForRedis } from './redis-connection.ts';
import { type MemoryUse, readMemoryUse } from './redis-memory.ts';

export interface QueueState extends QueueCounts {
  readonly quarantined: number;
  readonly listeners: readonly string[];
  readonly workers: readonly string[];
  readonly memory: readonly MemoryUse[];
}

export interface QuarantinedBatch extends JobData {
  readonly reason: string;
  readonly failures: number;
  readonly quarantinedAtMs: number;
}

export interface QueueInspection {
  /** Throws WeirError when Redis does not answer. */
  start(): Promise<void>;
  state(): Promise<QueueState>;
  /** Counts of the ledger that are not written yet. */
  ledgerRows(): Promise<readonly LedgerRow[]>;
  /** Youngest first, `maxListed` at most. */
  quarantine(): Promise<readonly QuarantinedBatch[]>;
  /** Throws WeirError `usage` where no such batch is in quarantine. Undefined: its bytes are gone, or are no batch. */
  batch(id: string): Promise<{ readonly about: QuarantinedBatch; readonly batch: RecordBatch | undefined }>;
  /** Back to the tail of the queue, its failures forgotten. Throws as `batch`. */
  retry(id: string): Promise<QuarantinedBatch>;
  /** Removes it for good. Throws as `batch`. */
  drop(id: string): Promise<QuarantinedBatch>;
  stop(): Promise<void>;
}

export interface QueueInspectionOptions {
  readonly redis: RedisSettings;
  readonly keyPrefix: string;
  readonly name: string;
  readonly keepMs: number;
  readonly logger: Logger;
  readonly now: () => number;
}

/** More than anybody looks through by hand. */
const maxListed = 1000;

export function createQueueInspection(options: QueueInspectionOptions): QueueInspection {
  const { redis, keyPrefix, name, keepMs } = options;
  const keys = createQueueKeys(keyPrefix, name);
  const client = openRedis({ ...options, settings: redis, kind: 'prompt' });
  let opened: BullmqQueue<JobData> | undefined;

  async function start(): Promise<void> {
    if (!(await waitForRedis(client, redis))) {
      client.disconnect();
      throw new WeirError('queue-unavailable', `Redis at ${toWhere(redis)} does not answer`);
    }
    await refuseForeignKeys(client, redis, typesOfKeys(keys)).catch((error: unknown) => {
      client.disconnect();
      throw error;
    });
    opened = new BullmqQueue<JobData>(keys.name, {
      connection: client,
      prefix: keys.prefix,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    opened.on('error', () => undefined);
  }

  function queue(): BullmqQueue<JobData> {
    if (opened === undefined) throw new Error('the inspection was not started');
    return opened;
  }

  async function state(): Promise<QueueState> {
    const [counts, quarantined, listeners, workers, memory] = await Promise.all([
      readCounts(client, keys),
      client.zcard(keys.bullmq('failed')),
      readPresent(client, keys, 'listeners'),
      readPresent(client, keys, 'workers'),
      readMemoryUse(client),
    ]);
    return { ...counts, quarantined, listeners, workers, memory };
  }

  async function quarantine(): Promise<readonly QuarantinedBatch[]> {
    const jobs = await queue().getFailed(0, maxListed - 1);
    return jobs.filter((job) => job !== undefined).map(toQuarantined);
  }

  async function find(id: string): Promise<BullmqJob<JobData>> {
    const job = await queue().getJob(toJobId(id));
    if (job === undefined || !(await job.isFailed())) throw notThere(id);
    return job;
  }

  async function batch(id: string) {
    const job = await find(id);
    const bytes = await client.getBuffer(keys.payload(id));
    return { about: toQuarantined(job), batch: bytes === null ? undefined : fromBatchBytes(bytes) };
  }

  async function retry(id: string): Promise<QuarantinedBatch> {
    const about = toQuarantined(await find(id));
    await client.pexpire(keys.payload(id), keepMs);
    await takeUp(about, 'line', toRecordRows(about, 'records_quarantined', -1));
    return about;
  }

  async function drop(id: string): Promise<QuarantinedBatch> {
    const about = toQuarantined(await find(id));
    await takeUp(about, 'nowhere', [
      ...toRecordRows(about, 'records_quarantined', -1),
      ...toRecordRows(about, 'records_lost_in_queue'),
    ]);
    await client.unlink(keys.payload(id));
    return about;
  }

  async function takeUp(about: QuarantinedBatch, to: 'line' | 'nowhere', fates: readonly LedgerRow[]): Promise<void> {
    if (!(await takeUpJob(client, keys, about, to, fates))) throw notThere(about.id);
  }

  async function stop(): Promise<void> {
    await opened?.close();
    await closeRedis(client);
  }

  const ledger = createBullmqLedger(() => client, keys);
  return { start, state, ledgerRows: ledger.rows, quarantine, batch, retry, drop, stop };
}

function notThere(id: string): WeirError {
  return new WeirError('usage', `no batch ${JSON.stringify(id)} is in quarantine`, {
    hint: 'weir queue list names those that are.',
  });
}

function toQuarantined(job: BullmqJob<JobData>): QuarantinedBatch {
  return {
    ...job.data,
    reason: job.failedReason ?? '',
    failures: job.attemptsMade + job.stalledCounter,
    quarantinedAtMs: job.finishedOn ?? 0,
  };
}
