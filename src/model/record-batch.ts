// Records together, as they cross the queue: one batch is one job. Layouts are named once (docs/decisions/0003).

import type { Layout, RecordHeader, Row } from './record.ts';

export interface RecordBatch {
  /** Unique for ever: with a row's position it makes the document's `_id`, so that a retry can't double it. */
  readonly id: string;
  readonly createdAtMs: number;
  /** Rows in all sets. */
  readonly recordCount: number;
  /** Estimate of the size in a queue, in bytes. */
  readonly byteSize: number;
  readonly layouts: readonly Layout[];
  readonly sets: readonly BatchSet[];
}

export interface BatchSet {
  /** Index into `layouts`. */
  readonly layout: number;
  readonly header: RecordHeader;
  readonly rows: readonly Row[];
}
