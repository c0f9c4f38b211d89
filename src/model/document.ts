// Documents of one batch as bytes: what enrich hands to index.

export interface DocumentBatch {
  readonly batchId: string;
  /** Nested JSON documents back to back, each ended by "\n". Owned by the maker: valid until the next batch is made in it. */
  readonly bytes: Buffer;
  readonly count: number;
  /** Document i is `bytes[i === 0 ? 0 : ends[i - 1] .. ends[i])`, its newline included. */
  readonly ends: Uint32Array;
  /** Row position of document i in its batch; rows that a step dropped leave gaps. */
  readonly positions: Uint32Array;
  /** `@timestamp` of document i in ms since 1970: names the index. */
  readonly timesMs: Float64Array;
  /** Exporter of document i, for the ledger: index into `exporters`. */
  readonly exporterOf: Uint32Array;
  readonly exporters: readonly string[];
  /** Rows that became no document because a step dropped them. Empty for most batches. */
  readonly dropped: readonly DroppedRows[];
}

export interface DroppedRows {
  readonly exporter: string;
  /** Name of the step. */
  readonly step: string;
  readonly rows: number;
}

/** The `_id` of a document: the same for every attempt at the same batch. */
export function documentId(batchId: string, position: number): string {
  return `${batchId}-${position.toString(36)}`;
}
