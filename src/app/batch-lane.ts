// Records on their way from the decoder to the queue: counted, batched, added. A lane is one batcher and what it has not yet got rid
// of; whoever closes it hears when each of its batches has its fate.

import { createBatcher } from '../enqueue/batcher.ts';
import type { Queue } from '../enqueue/queue.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { becomesDocument, type RecordSet } from '../model/record.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import type { SequencePosition } from '../model/sequence.ts';
import { countDecoded, type ExporterCounts, type Ledger } from '../telemetry/ledger.ts';
import type { LedgerBook } from '../telemetry/ledger-book.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';

export interface BatchLaneOptions {
  readonly batch: PipelineFile['batch'];
  /** Makes the ids of this lane's batches unlike those of every other one, on any machine, at any time. */
  readonly idPrefix: string;
  readonly queue: Queue;
  /** Counts what was decoded, queued and refused. */
  readonly ledger: Ledger;
  /** Told what the queue took and refused, by minute. Absent in a worker, whose listener does it. */
  readonly book?: Pick<LedgerBook, 'add'>;
  readonly sayLost: SayLost;
  /** Asked at each batch: how far exporters' records are in safe hands with it. */
  readonly takeReached?: () => readonly SequencePosition[];
  readonly onBatch?: () => void;
}

export interface BatchLane {
  /** What one datagram brought: it stays together in a batch. */
  add(sets: readonly RecordSet[], nowMs: number): void;
  /** Closes the open batch if it is old enough. */
  tick(nowMs: number): void;
  /** Closes the open batch. */
  flush(): void;
  isOpen(): boolean;
  /** The same; resolves when the queue has said of every batch whether it takes it. Never rejects. */
  close(): Promise<void>;
}

/** Says, a few times in a while, that flows were lost between decoder and queue. */
export type SayLost = (batch: RecordBatch, message: string) => void;

export function createSayLost(logger: Logger, now: () => number): SayLost {
  const pass = createRateLimit();
  return ({ recordCount }, message) => {
    if (pass('queue', now()) !== undefined) logger.error({ records: recordCount }, message);
  };
}

export function createBatchLane({
  batch,
  idPrefix,
  queue,
  ledger,
  book,
  sayLost,
  takeReached,
  onBatch,
}: BatchLaneOptions): BatchLane {
  const adding = new Set<Promise<void>>();
  const batcher = createBatcher({ ...batch, idPrefix, onBatch: put });

  function add(sets: readonly RecordSet[], nowMs: number): void {
    let records = 0;
    for (const { layout, rows } of sets) if (becomesDocument(layout.kind)) records += rows.length;
    batcher.makeRoom(records);
    for (const set of sets) {
      const counts = ledger.exporter(set.header.exporter);
      noteClock(counts, set);
      if (!becomesDocument(set.layout.kind)) counts.otherRecordsDecoded += set.rows.length;
      else {
        countDecoded(counts, set.layout.protocol, set.rows.length);
        batcher.add(set, nowMs);
      }
    }
  }

  function put(closed: RecordBatch): void {
    const added = queue.add(closed, takeReached?.() ?? []).then(
      (accepted) => {
        if (accepted) count(closed, 'recordsQueued', 'records_queued');
        else lose(closed, 'the queue is full, or away: flows are lost');
      },
      (error: unknown) => lose(closed, `the queue failed: ${error instanceof Error ? error.message : String(error)}`),
    );
    adding.add(added);
    void added.finally(() => adding.delete(added));
    onBatch?.();
  }

  function lose(lost: RecordBatch, message: string): void {
    count(lost, 'recordsRefusedByQueue', 'records_refused_by_queue');
    sayLost(lost, message);
  }

  function count(
    { createdAtMs, sets }: RecordBatch,
    what: 'recordsQueued' | 'recordsRefusedByQueue',
    booked: 'records_queued' | 'records_refused_by_queue',
  ): void {
    for (const { header, rows } of sets) {
      ledger.exporter(header.exporter)[what] += rows.length;
      book?.add(createdAtMs, header.exporter, booked, rows.length);
    }
  }

  return {
    add,
    tick: batcher.tick,
    flush: batcher.flush,
    isOpen: batcher.isOpen,
    async close() {
      batcher.flush();
      await Promise.all(adding);
    },
  };
}

/** What samples of sFlow are stamped with is the time of reception. */
function noteClock(counts: ExporterCounts, { layout, header }: RecordSet): void {
  if (layout.protocol === 'sflow5') return;
  const skewMs = Math.round(header.exportedAtMs - header.receivedAtMs);
  if (!Number.isSafeInteger(skewMs)) return;
  counts.clockSkewMs += skewMs;
  counts.clockLooks += 1;
}
