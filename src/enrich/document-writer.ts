// A lane: where the documents of one batch are written as bytes, in one buffer that is used again for the next batch.
// A fresh buffer per batch would cost more than all the rest: its pages are new each time.

import type { DocumentBatch } from '../model/document.ts';
import type { RecordBatch } from '../model/record-batch.ts';

export interface DocumentLane {
  /** Forgets the documents written before; their bytes are no longer valid. `rows`: as many documents, as a rule. */
  begin(batch: Pick<RecordBatch, 'id' | 'createdAtMs'>, rows: number): void;
  /** Writes one document, its newline included; `text` is byte text (json-text.ts). */
  write(text: string, position: number, timeMs: number, exporter: string): void;
  end(counts: Pick<DocumentBatch, 'dropped' | 'added' | 'partlyIndexed'>): DocumentBatch;
}

/** A batch of 1,000 ordinary documents is 1.5 MB. */
const firstCapacity = 2 * 1024 * 1024;

/** Texts are put together up to this and written at once: a tenth less time than one by one. Beyond 128 kB V8 makes large objects. */
const bytesPerWrite = 32 * 1024;

/** Batches that used less than a quarter of the buffer, before it is made smaller: a burst is soon over, a lull comes back. */
const batchesBeforeShrinking = 64;

/** The buffer grows with the batch, which is bounded: a value of n bytes becomes text of at most 6n (`\u0000`), cut in json-text.ts. */
export function createDocumentLane(): DocumentLane {
  let slab = Buffer.allocUnsafeSlow(firstCapacity);
  let used = 0;
  let written = 0;
  let unwritten = '';
  let count = 0;
  let small = 0;
  let batchId = '';
  let createdAtMs = 0;
  let ends = new Uint32Array(0);
  let positions = new Uint32Array(0);
  let timesMs = new Float64Array(0);
  let exporterOf = new Uint32Array(0);
  let exporters: string[] = [];
  let lastExporter = 0;

  function begin(batch: Pick<RecordBatch, 'id' | 'createdAtMs'>, rows: number): void {
    shrink();
    batchId = batch.id;
    createdAtMs = batch.createdAtMs;
    used = 0;
    written = 0;
    unwritten = '';
    count = 0;
    exporters = [];
    lastExporter = 0;
    if (ends.length < rows || ends.length > 4 * Math.max(rows, 4096)) {
      ends = new Uint32Array(rows);
      positions = new Uint32Array(rows);
      timesMs = new Float64Array(rows);
      exporterOf = new Uint32Array(rows);
    }
  }

  /** Flows that are stored in parts are more documents than rows. */
  function growLists(): void {
    const room = Math.max(64, 2 * count);
    ends = withRoom(ends, new Uint32Array(room));
    positions = withRoom(positions, new Uint32Array(room));
    timesMs = withRoom(timesMs, new Float64Array(room));
    exporterOf = withRoom(exporterOf, new Uint32Array(room));
  }

  function shrink(): void {
    small = used < slab.length / 4 ? small + 1 : 0;
    if (small < batchesBeforeShrinking || slab.length <= firstCapacity) return;
    small = 0;
    slab = Buffer.allocUnsafeSlow(Math.max(firstCapacity, slab.length / 2));
  }

  function write(text: string, position: number, timeMs: number, exporter: string): void {
    const needed = used + text.length;
    if (needed > slab.length) grow(needed);
    if (count === ends.length) growLists();
    used += text.length;
    unwritten += text;
    if (unwritten.length >= bytesPerWrite) writeText();
    ends[count] = used;
    positions[count] = position;
    timesMs[count] = timeMs;
    exporterOf[count] = exporterIndex(exporter);
    count += 1;
  }

  function writeText(): void {
    written += slab.write(unwritten, written, 'latin1');
    unwritten = '';
  }

  function grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, slab.length * 2));
    slab.copy(larger, 0, 0, written);
    slab = larger;
  }

  function exporterIndex(exporter: string): number {
    if (exporters[lastExporter] === exporter) return lastExporter;
    const known = exporters.indexOf(exporter);
    lastExporter = known >= 0 ? known : exporters.push(exporter) - 1;
    return lastExporter;
  }

  function end(counts: Parameters<DocumentLane['end']>[0]): DocumentBatch {
    writeText();
    return {
      batchId,
      createdAtMs,
      bytes: slab.subarray(0, used),
      count,
      ends: ends.subarray(0, count),
      positions: positions.subarray(0, count),
      timesMs: timesMs.subarray(0, count),
      exporterOf: exporterOf.subarray(0, count),
      exporters,
      ...counts,
    };
  }

  return { begin, write, end };
}

function withRoom<List extends Uint32Array | Float64Array>(list: List, larger: List): List {
  larger.set(list);
  return larger;
}
