// The queue that the pipeline file names: on a Redis, or in weir's own process.

import { hostname } from 'node:os';
import { join } from 'node:path';
import { createMemoryLedger } from '../enqueue/memory-ledger.ts';
import { createMemoryQueue } from '../enqueue/memory-queue.ts';
import type { Queue } from '../enqueue/queue.ts';
import { createSpool } from '../enqueue/spool.ts';
import { createSpoolingQueue } from '../enqueue/spooling-queue.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface QueueParts {
  /** False for whoever only takes: no spool is opened. */
  readonly adds: boolean;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Larger files mean fewer of them; smaller ones, less to drop at a time. */
const segmentsPerSpool = 64;
const smallestSegmentBytes = 2 ** 20;

/** What a queue needs of the pipeline file. */
export type QueueFile = Pick<PipelineFile, 'name' | 'queue' | 'state'>;

/** With its spool before it, unless the pipeline file wants none. */
export async function createQueue(file: QueueFile, parts: QueueParts): Promise<Queue> {
  const queue = await createBareQueue(file, parts);
  const { spool } = file.queue;
  if (spool === undefined || !parts.adds) return queue;
  const { ledger, logger, now } = parts;
  const count = (what: 'recordsSpooled' | 'recordsLostBySpool') => (records: Readonly<Record<string, number>>) => {
    for (const [exporter, more] of Object.entries(records)) ledger.exporter(exporter)[what] += more;
  };
  const countLost = count('recordsLostBySpool');
  return createSpoolingQueue({
    queue,
    spool: createSpool({
      directory: spool.directory ?? join(file.state.directory, 'spool'),
      maxBytes: spool.maxBytes,
      segmentBytes: Math.max(smallestSegmentBytes, spool.maxBytes / segmentsPerSpool),
      sync: spool.sync,
      onLost: ({ records }) => countLost(records),
      logger,
      now,
    }),
    onSpooled: count('recordsSpooled'),
    onUnreadable: countLost,
    logger,
    now,
  });
}

async function createBareQueue(
  { name, queue: { maxBytes, redis }, state }: QueueFile,
  { ledger, logger, now }: Omit<QueueParts, 'adds'>,
): Promise<Queue> {
  if (redis === undefined) {
    const ledgerFile = toLedgerStateFile(state.directory);
    return createMemoryQueue({
      maxBytes,
      file: join(state.directory, 'unfinished-batches.ndjson'),
      ledger: createMemoryLedger({ file: ledgerFile, logger, now }),
      logger,
    });
  }
  // Loaded only where it is wanted: start-up counts.
  const { createBullmqQueue } = await import('../enqueue/bullmq-queue.ts');
  return createBullmqQueue({
    redis,
    name,
    keyPrefix: redis.keyPrefix,
    maxBytes: redis.maxBytes,
    keepMs: redis.keepMs,
    processName: `${hostname()}/${process.pid}`,
    onUnusable(exporters, fate) {
      for (const [exporter, records] of Object.entries(exporters)) {
        const counts = ledger.exporter(exporter);
        if (fate === 'lost') counts.recordsLostInQueue += records;
        else counts.recordsQuarantined += records;
      }
    },
    logger,
    now,
  });
}

/** Counts of the ledger that are not written yet, where there is no Redis. */
export function toLedgerStateFile(stateDirectory: string): string {
  return join(stateDirectory, 'ledger.json');
}
