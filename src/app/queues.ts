// The queue that the pipeline file names: on a Redis, or in weir's own process.

import { hostname } from 'node:os';
import { join } from 'node:path';
import { createMemoryQueue } from '../enqueue/memory-queue.ts';
import type { Queue } from '../enqueue/queue.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface QueueParts {
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly now: () => number;
}

export async function createQueue(
  { name, queue: { maxBytes, redis }, state }: PipelineFile,
  { ledger, logger, now }: QueueParts,
): Promise<Queue> {
  if (redis === undefined) {
    return createMemoryQueue({ maxBytes, file: join(state.directory, 'unfinished-batches.ndjson'), logger });
  }
  // Loaded only where it is wanted: start-up counts.
  const { createBullmqQueue } = await import('../enqueue/bullmq-queue.ts');
  return createBullmqQueue({
    redis,
    name,
    keyPrefix: redis.keyPrefix,
    maxBytes: redis.maxBytes,
    keepMs: redis.keepMs,
    workerName: `${hostname()}/${process.pid}`,
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
