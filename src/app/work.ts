// The second half of the way: batches from the queue become documents and get their fate. Wires enqueue, enrich and index.

import { setMaxListeners } from 'node:events';
import type { Job, Queue } from '../enqueue/queue.ts';
import { createDocumentLane, type DocumentLane, type Pipeline } from '../enrich/pipeline.ts';
import { waitOrAbort } from '../index/back-off.ts';
import type { Sink, WriteResult } from '../index/sink.ts';
import type { DocumentBatch } from '../model/document.ts';
import { WeirError } from '../model/errors.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import { countDropped, type Ledger } from '../telemetry/ledger.ts';
import { createExporterNames } from '../telemetry/ledger-book.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { toFateRows } from './ledger-fates.ts';
import type { FlowObserver } from './status/flow-observer.ts';

const retryAfterMs = 1000;

export interface WorkOptions {
  readonly queue: Queue;
  readonly ledger: Ledger;
  /** Absent: nobody watches. */
  readonly observer?: FlowObserver;
  /** Called once, before the first batch is looked at. */
  readonly onFirst?: () => void;
  readonly logger: Logger;
  readonly now: () => number;
}

/** What a batch goes through. */
export interface Way {
  readonly pipeline: Pipeline;
  readonly sink: Sink;
  /** Batches in hand at a time. */
  readonly lanes: number;
}

export interface Work {
  start(way: Way): void;
  /** Takes no more; resolves when what is in hand is done, or was given back after `limitMs`. `start` goes on, maybe another way. */
  pause(limitMs: number): Promise<void>;
  /** Gives back what is in hand and ends; batches that are not done stay on the queue. */
  stop(): Promise<void>;
}

/** Of a process that only listens. */
export const noWork: Work = {
  start: () => undefined,
  pause: async () => undefined,
  stop: async () => undefined,
};

export function createWork({ queue, ledger, observer, onFirst, logger, now }: WorkOptions): Work {
  let taking = new AbortController();
  let writing = new AbortController();
  const pass = createRateLimit();
  const toLedgerName = createExporterNames();
  let running: Promise<void>[] = [];
  let isAwake = false;

  async function runLane(way: Way): Promise<void> {
    const lane = createDocumentLane();
    const { signal } = taking;
    while (!signal.aborted) {
      const job = await queue.take(signal);
      if (job === undefined) return;
      if (!isAwake) {
        isAwake = true;
        onFirst?.();
      }
      try {
        await settle(job, lane, way);
      } catch (error) {
        // The queue could not be told: it gives the batch again, to us or to somebody else.
        const reason = error instanceof Error ? error.message : String(error);
        if (pass('queue', now()) !== undefined) logger.warn({ batch: job.batch.id, reason }, 'the queue is away');
      }
    }
  }

  async function settle(job: Job, lane: DocumentLane, { pipeline, sink }: Way): Promise<void> {
    let documents: DocumentBatch;
    let result: WriteResult;
    try {
      await pipeline.prepare(job.batch);
      documents = observer === undefined ? pipeline.toDocuments(job.batch, lane) : observe(job.batch, lane, pipeline);
      const begun = observer?.index.begin() ?? -1;
      result = await sink.write(documents, writing.signal);
      observer?.index.end(begun);
    } catch (error) {
      await settleFailed(job, error);
      return;
    }
    // Counted once, in the attempt that ends the job (design: the ledger).
    if (await job.done(toFateRows(job.batch, documents, result, toLedgerName, now()))) count(documents, result);
  }

  function observe(batch: RecordBatch, lane: DocumentLane, pipeline: Pipeline): DocumentBatch {
    const begun = observer?.enrich.begin() ?? -1;
    const documents = pipeline.toDocuments(batch, lane);
    observer?.enrich.end(begun);
    observer?.onDocuments(batch, documents);
    return documents;
  }

  async function settleFailed(job: Job, error: unknown): Promise<void> {
    if (writing.signal.aborted) {
      await job.giveBack();
      return;
    }
    const retryable = error instanceof WeirError && error.retryable;
    const reason = error instanceof Error ? error.message : String(error);
    if (pass('failed', now()) !== undefined) {
      logger.error(
        { batch: job.batch.id, attempt: job.attempt, reason, stack: retryable ? undefined : stackOf(error) },
        'a batch failed',
      );
    }
    if (retryable) await job.giveBack();
    else {
      const fate = await job.fail(reason);
      if (fate !== 'again') countSetAside(job.batch, fate);
    }
    await waitOrAbort(retryAfterMs * (0.5 + Math.random()), taking.signal);
  }

  function count(documents: DocumentBatch, { alreadyThere, refused }: WriteResult): void {
    const counts = documents.exporters.map((exporter) => ledger.exporter(exporter));
    for (let index = 0; index < documents.count; index += 1)
      counts[documents.exporterOf[index]!]!.documentsIndexed += 1;
    for (const index of alreadyThere) {
      const of = counts[documents.exporterOf[index]!]!;
      of.documentsIndexed -= 1;
      of.documentsAlreadyThere += 1;
    }
    for (const { index, reason } of refused) {
      const of = counts[documents.exporterOf[index]!]!;
      of.documentsIndexed -= 1;
      of.documentsDeadLettered += 1;
      if (pass('refused', now()) !== undefined)
        logger.warn({ batch: documents.batchId, reason }, 'a document was refused');
    }
    for (const { exporter, step, rows } of documents.dropped) countDropped(ledger.exporter(exporter), step, rows);
    for (const { exporter, documents: more } of documents.added) ledger.exporter(exporter).documentsAddedByStep += more;
    for (const { exporter, documents: count } of documents.partlyIndexed) {
      ledger.exporter(exporter).documentsPartlyIndexed += count;
      if (pass('partly indexed', now()) !== undefined)
        logger.warn(
          { exporter, documents: count },
          'too many kinds of fields: those of some templates are kept in the documents, but not indexed',
        );
    }
  }

  function countSetAside(batch: RecordBatch, fate: 'quarantined' | 'lost'): void {
    for (const { header, rows } of batch.sets) {
      const counts = ledger.exporter(header.exporter);
      if (fate === 'quarantined') counts.recordsQuarantined += rows.length;
      else counts.recordsLostInQueue += rows.length;
    }
    logger.error(
      { batch: batch.id, records: batch.recordCount },
      fate === 'quarantined'
        ? 'a batch failed too often and is in quarantine (weir queue list)'
        : 'gave up a batch: its flows are lost',
    );
  }

  function start(way: Way): void {
    taking = new AbortController();
    writing = new AbortController();
    // Every lane waits on them, and so does every request of a lane: many listeners are no leak here.
    setMaxListeners(0, taking.signal, writing.signal);
    running = Array.from({ length: way.lanes }, () => runLane(way));
  }

  async function pause(limitMs: number): Promise<void> {
    taking.abort();
    const timer = setTimeout(() => writing.abort(), limitMs);
    await Promise.all(running);
    clearTimeout(timer);
  }

  async function stop(): Promise<void> {
    taking.abort();
    writing.abort();
    await Promise.all(running);
  }

  return { start, pause, stop };
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
