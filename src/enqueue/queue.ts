// The queue contract: at least once, bounded, in order of arrival. Implementations pass test/contracts/queue-contract.ts.

import type { RecordBatch } from '../model/record-batch.ts';

export interface Queue {
  /** Opens what the queue needs. Throws WeirError when it can't. */
  start(): Promise<void>;
  /**
   * Puts a batch at the tail. True: the queue answers for it from now on. False: the queue is at its limit, the batch
   * stays the caller's. Never waits for a worker.
   */
  add(batch: RecordBatch): Promise<boolean>;
  /** The batch at the head, waiting for one if there is none. Undefined when `signal` aborts or the queue is stopped. */
  take(signal: AbortSignal): Promise<Job | undefined>;
  depth(): Promise<QueueDepth>;
  /** Jobs that were taken and not settled are given back. Safe to call twice. */
  stop(): Promise<void>;
}

/** A batch in the hands of one worker; settled exactly once, by `done` or `giveBack`. */
export interface Job {
  readonly batch: RecordBatch;
  /** 1 at first; grows each time the batch was given back. */
  readonly attempt: number;
  /** The batch is indexed (or its losses are counted): forget it. */
  done(): Promise<void>;
  /** Back to the head of the queue, for whoever takes next. */
  giveBack(): Promise<void>;
}

export interface QueueDepth {
  /** Batches waiting, those in a worker's hands not counted. */
  readonly waiting: number;
  readonly active: number;
  /** Records waiting or active. */
  readonly records: number;
  readonly bytes: number;
}
