// The queue contract: at least once, bounded, in order of arrival. Implementations pass test/contracts/queue-contract.ts.

import type { LedgerRow } from '../model/ledger-row.ts';
import type { RecordBatch } from '../model/record-batch.ts';
import type { SequencePosition } from '../model/sequence.ts';
import type { LedgerStore } from './ledger-store.ts';

export interface Queue {
  /** Opens what the queue needs. Throws WeirError when it can't. A server that is only away is waited for afterwards. */
  start(): Promise<void>;
  /**
   * Puts a batch at the tail. True: the queue answers for it from now on. False: the queue is at its limit, or away; the batch
   * stays the caller's. Never waits for a worker, and for a server a few seconds at most. `reached`: where sequence numbers stand once
   * this batch and those before it are in safe hands; it outlives the process as the batch does (docs/decisions/0044).
   */
  add(batch: RecordBatch, reached?: readonly SequencePosition[]): Promise<boolean>;
  /** Whether the queue may have this batch, though `add` said no: its server was gone before it had answered. */
  mayHave?(batchId: string): boolean;
  /**
   * Of such a batch, where its caller can't keep it: true where the queue answers for it from now on, whether its server has it or not.
   */
  answersFor?(batchId: string): boolean;
  /** The batch at the head, waiting for one if there is none. Undefined when `signal` aborts or the queue is stopped. */
  take(signal: AbortSignal): Promise<Job | undefined>;
  /** Throws where the queue is away. */
  depth(): Promise<QueueDepth>;
  /** What waits on disk before it gets onto the queue, where there is a spool; in no number of `depth`. */
  spooled?(): SpoolDepth;
  /** Where counts of the ledger lie beside the batches. */
  readonly ledger?: LedgerStore | undefined;
  /** Jobs that were taken and not settled are given back. Safe to call twice. */
  stop(): Promise<void>;
}

/** A batch in the hands of one worker; settled exactly once, by `done`, `giveBack` or `fail`. */
export interface Job {
  readonly batch: RecordBatch;
  /** 1 at first; grows each time a worker failed with it or died with it. */
  readonly attempt: number;
  /**
   * The batch is indexed (or its losses are counted): forget it. True: this ended it; only then its fate is to be counted. `fates` go
   * to the ledger, once for the batch, whoever ends it.
   */
  done(fates?: readonly LedgerRow[]): Promise<boolean>;
  /** Not the batch's fault: back to the head of the queue, for whoever takes next. No attempt is burnt. */
  giveBack(): Promise<void>;
  /** Perhaps the batch's fault: it comes again after the others, or after `maxAttempts` never. */
  fail(reason: string): Promise<FailedFate>;
}

/** `quarantined`: kept apart with its bytes, until somebody looks at it. `lost`: this queue can't keep it. */
export type FailedFate = 'again' | 'quarantined' | 'lost';

/** A batch that fails or kills so many workers is set aside: the others must go on. */
export const maxAttempts = 3;

export interface QueueDepth {
  /** Batches waiting, those in a worker's hands not counted. */
  readonly waiting: number;
  readonly active: number;
  /** Records waiting or active. */
  readonly records: number;
  readonly bytes: number;
  /** When the batch at the head was made, ms since 1970; undefined where none waits, or the queue can't tell. */
  readonly oldestAtMs?: number | undefined;
}

export interface SpoolDepth {
  readonly batches: number;
  readonly records: number;
  /** On disk, what was read and not given back yet included. */
  readonly bytes: number;
}
