// The sink contract: where documents of a batch end up. Two implementations: NDJSON files and Elasticsearch.

import type { DocumentBatch } from '../model/document.ts';

export interface Sink {
  /**
   * Opens, checks and prepares (folder, template). Throws WeirError when waiting would not mend it. A server that is only away is
   * no error: `write` waits for it, and prepares it then.
   */
  start(): Promise<void>;
  /**
   * Gives each document of the batch exactly one fate. While the target is away, full or busy it waits and tries again by itself.
   * Rejects with WeirError `stopped` when `signal` aborts before each document has its fate; the same batch written again
   * later doubles nothing.
   */
  write(documents: DocumentBatch, signal: AbortSignal): Promise<WriteResult>;
  /** Resolves when the target is there and prepared, rejects with WeirError when it is not: for readiness. Changes no documents. */
  ready(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  /** One short phrase for the status line when documents are held, e.g. "Elasticsearch away for 12 s"; undefined when all is well. */
  trouble(): string | undefined;
  /** For metrics; a sink that sends no requests has none. */
  measures?(): SinkMeasures;
}

/** The fate of each document of the batch: indexed, unless one of the lists names it. */
export interface WriteResult {
  /** Written by an earlier attempt: indexes in the document batch. Empty for most batches. */
  readonly alreadyThere: readonly number[];
  /** Documents that the target will never take, with the reason. */
  readonly refused: readonly RefusedDocument[];
}

export interface RefusedDocument {
  /** Index in the document batch. */
  readonly index: number;
  readonly reason: string;
}

/** How documents are sent now, and what became of some of them since the start. */
export interface SinkMeasures {
  /** Requests that may be under way at a time, and how large they may be: both follow the answers. */
  readonly concurrency: number;
  readonly requestBytes: number;
  /** Time of the last answer; undefined before the first one. */
  readonly lastLatencyMs: number | undefined;
  /** Fields that the index did not take, by name: their documents were indexed without them. Names beyond 200 are `others`. */
  readonly droppedFields: ReadonlyMap<string, number>;
  /** Refused documents that are in the file of dead letters, because the index for them refused them, too. */
  readonly deadLettersInFile: number;
  /** Refused documents that could be kept nowhere. */
  readonly deadLettersLost: number;
}
