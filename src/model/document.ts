// Documents of one batch as bytes: what enrich hands to index.

export interface DocumentBatch {
  readonly batchId: string;
  /** Of the record batch, ms since 1970. */
  readonly createdAtMs: number;
  /** Nested JSON documents back to back, each ended by "\n". Owned by the maker: valid until the next batch is made in it. */
  readonly bytes: Buffer;
  readonly count: number;
  /** Document i is `bytes[i === 0 ? 0 : ends[i - 1] .. ends[i])`, its newline included. */
  readonly ends: Uint32Array;
  /** Position of document i in its batch (`documentPosition`); rows that a step dropped leave gaps. */
  readonly positions: Uint32Array;
  /** `@timestamp` of document i in ms since 1970: names the index. */
  readonly timesMs: Float64Array;
  /** Exporter of document i, for the ledger: index into `exporters`. */
  readonly exporterOf: Uint32Array;
  readonly exporters: readonly string[];
  /** Rows that became no document because a step dropped them. Empty for most batches. */
  readonly dropped: readonly DroppedRows[];
  /** Documents beyond one for each row, because a step stored flows in parts. Empty for most batches. */
  readonly added: readonly ExporterDocuments[];
  /** Documents with fields that are kept and not indexed: exporters sent more names than an index may learn. Empty for most batches. */
  readonly partlyIndexed: readonly ExporterDocuments[];
}

export interface ExporterDocuments {
  readonly exporter: string;
  readonly documents: number;
}

export interface DroppedRows {
  readonly exporter: string;
  /** Name of the step. */
  readonly step: string;
  readonly rows: number;
}

/** A batch has fewer rows: at most 100,000, and those of its last datagram. */
const maxRows = 2 ** 18;

/** So many parts of a row have positions of 32 bits. */
export const maxPartsOfRow = 2 ** 14;

/** Row and part (from 0) as one number: that of a row that is stored whole, and of its first part, is the row's own. */
export function documentPosition(row: number, part: number): number {
  return row + part * maxRows;
}

/** The row of a position. */
export function rowOfPosition(position: number): number {
  return position % maxRows;
}

/** The `_id` of a document: the same for every attempt at the same batch. */
export function documentId(batchId: string, position: number): string {
  return `${batchId}-${position.toString(36)}`;
}
