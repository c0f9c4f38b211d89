// The queue that the pipeline file names: on a Redis, or in weir's own process.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ExporterRecords } from '../enqueue/exporter-records.ts';
import { createMemoryLedger } from '../enqueue/memory-ledger.ts';
import { createMemoryQueue } from '../enqueue/memory-queue.ts';
import type { Queue } from '../enqueue/queue.ts';
import type { FormerPosition } from '../enqueue/reached.ts';
import { createReachedFile, type ReachedFile } from '../enqueue/reached-file.ts';
import { createReachedOrder, type ReachedOrder } from '../enqueue/reached-order.ts';
import { createSpool } from '../enqueue/spool.ts';
import { createSpoolingQueue } from '../enqueue/spooling-queue.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { RedisTarget } from '../enrich/queue-section.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import type { SequencePosition } from '../model/sequence.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import type { FormerListeners } from './former-listeners.ts';

export interface QueueParts {
  /** False for whoever only takes: no spool is opened. */
  readonly adds: boolean;
  /** Told what earlier listeners left. */
  readonly formers?: FormerListeners;
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
  const { redis } = file.queue;
  if (redis !== undefined && !parts.adds) return createRedisQueue(file, redis, parts);
  const writer = randomUUID();
  const reachedFile = createReachedFile({ directory: join(file.state.directory, 'reached'), writer });
  const { warn, ...keep } = createKeeping(reachedFile, parts);
  if (redis !== undefined) {
    const queue = withSpool(await createRedisQueue(file, redis, parts), file, { ...parts, writer }, (_, reached) =>
      keep.now(reached),
    );
    return {
      ...queue,
      async start() {
        // Used where Redis knows of an older place.
        for (const { position } of (await reachedFile.start().catch(warn)).values()) parts.formers?.learn(position);
        await queue.start();
      },
    };
  }
  const order = createReachedOrder((reached) => void keep.now(reached));
  const queue = withSpool(createLocalQueue(file, parts, order), file, { ...parts, writer }, ({ id }) =>
    order.settle(id),
  );
  return {
    ...queue,
    async start() {
      for (const { position } of (await reachedFile.start().catch(warn)).values()) parts.formers?.add(position);
      await queue.start();
    },
    async add(batch, reached = []) {
      order.open(batch.id, reached);
      const isTaken = await queue.add(batch);
      if (!isTaken) order.settle(batch.id);
      return isTaken;
    },
    async stop() {
      await queue.stop();
      // What was left is in the file of unfinished batches, or its loss is in the log.
      order.settleAll();
      await keep.done();
    },
  };
}

/** How far exporters' records are in safe hands, on a disk that may fail: then a later process knows less of its losses. */
function createKeeping(file: ReachedFile, { logger, now }: QueueParts) {
  const pass = createRateLimit();
  let last: Promise<void> = Promise.resolve();
  function warn(error: unknown): Map<string, FormerPosition> {
    const reason = error instanceof Error ? error.message : String(error);
    if (pass('reached', now()) !== undefined)
      logger.warn({ reason }, 'how far exporters have got can’t be kept: what a kill costs will not be named');
    return new Map();
  }
  return {
    warn,
    now(reached: readonly SequencePosition[]): Promise<void> {
      last = file.append(reached).catch((error: unknown) => void warn(error));
      return last;
    },
    done: () => last,
  };
}

function withSpool(
  queue: Queue,
  file: QueueFile,
  { writer, formers, ledger, logger, now }: QueueParts & { readonly writer: string },
  onKept: (batch: RecordBatch, reached: readonly SequencePosition[]) => Promise<void> | void,
): Queue {
  const { spool } = file.queue;
  if (spool === undefined) return withoutSpool(queue);
  const count = (what: 'recordsSpooled' | 'recordsLostBySpool', records: ExporterRecords): void => {
    for (const [exporter, more] of Object.entries(records)) ledger.exporter(exporter)[what] += more;
  };
  return createSpoolingQueue({
    queue,
    spool: createSpool({
      directory: spool.directory ?? join(file.state.directory, 'spool'),
      maxBytes: spool.maxBytes,
      segmentBytes: Math.max(smallestSegmentBytes, spool.maxBytes / segmentsPerSpool),
      sync: spool.sync,
      onLost: ({ records }) => count('recordsLostBySpool', records),
      answersFor: (batchId) => queue.answersFor?.(batchId) ?? false,
      logger,
      now,
    }),
    writer,
    onLeft(reached) {
      for (const position of reached) formers?.learn(position);
    },
    onSpooled(batch, records, reached) {
      count('recordsSpooled', records);
      return onKept(batch, reached);
    },
    onUnreadable: (records) => count('recordsLostBySpool', records),
    logger,
    now,
  });
}

/** What Redis may have, though its answer was lost, is not refused. */
function withoutSpool(queue: Queue): Queue {
  return {
    ...queue,
    add: async (batch, reached) => (await queue.add(batch, reached)) || (queue.answersFor?.(batch.id) ?? false),
  };
}

function createLocalQueue({ queue, state }: QueueFile, { logger, now }: QueueParts, order: ReachedOrder): Queue {
  return createMemoryQueue({
    maxBytes: queue.maxBytes,
    file: join(state.directory, 'unfinished-batches.ndjson'),
    ledger: createMemoryLedger({ file: toLedgerStateFile(state.directory), logger, now }),
    onEnded: order.settle,
    logger,
  });
}

async function createRedisQueue(
  { name }: QueueFile,
  redis: RedisTarget,
  { formers, ledger, logger, now }: QueueParts,
): Promise<Queue> {
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
    ...(formers !== undefined && { onFormer: formers.add }),
    logger,
    now,
  });
}

/** Counts of the ledger that are not written yet, where there is no Redis. */
export function toLedgerStateFile(stateDirectory: string): string {
  return join(stateDirectory, 'ledger.json');
}
