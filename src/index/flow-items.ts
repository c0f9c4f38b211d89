// Flow documents as items of a _bulk request: create, with an index from the document's time and an id that every attempt repeats.

import { type DocumentBatch, documentId } from '../model/document.ts';
import { actionEnd, type BulkItems, toActionStart } from './bulk-body.ts';
import { createDocumentRepairs, type DocumentRepairs } from './document-repairs.ts';

/** The index of a document: from its own time, or from when its batch was begun (ms since 1970). */
export type ToIndex = (timeMs: number, batchCreatedAtMs: number) => string;

/** A row position in base 36 has at most 7 digits (32 bits), the rest is the action's end. */
const idEndBytes = 7 + actionEnd.length;

export interface FlowItems extends BulkItems {
  readonly repairs: DocumentRepairs;
  indexOf(item: number): string;
}

/** `toIndex` is asked when an item is about to be sent; it must say the same every time. */
export function toFlowItems(documents: DocumentBatch, toIndex: ToIndex): FlowItems {
  const { bytes, count, createdAtMs, ends, positions, timesMs } = documents;
  const repairs = createDocumentRepairs((item) => documentText(documents, item));
  // documentId(batch, position) is the batch's part and then the position: the batch's part is written once per index.
  const idStart = documentId(documents.batchId, 0).slice(0, -1);
  const starts = new Map<string, string>();

  const indexOf = (item: number): string => toIndex(timesMs[item]!, createdAtMs);

  function startOf(item: number): string {
    const index = indexOf(item);
    const known = starts.get(index);
    if (known !== undefined) return known;
    const start = toActionStart(index, idStart);
    starts.set(index, start);
    return start;
  }

  const beginOf = (item: number): number => (item === 0 ? 0 : ends[item - 1]!);

  return {
    count,
    byteLength(item) {
      const length = repairs.line(item)?.length ?? ends[item]! - beginOf(item);
      return startOf(item).length + idEndBytes + length;
    },
    put(target, offset, item) {
      const action = startOf(item) + positions[item]!.toString(36) + actionEnd;
      const at = offset + target.write(action, offset, 'latin1');
      const repaired = repairs.line(item);
      return at + (repaired?.copy(target, at) ?? bytes.copy(target, at, beginOf(item), ends[item]!));
    },
    dropFields: repairs.dropFields,
    indexOf,
    repairs,
  };
}

/** The document's JSON text, without its newline. */
export function documentText(documents: DocumentBatch, item: number): string {
  const begin = item === 0 ? 0 : documents.ends[item - 1]!;
  return documents.bytes.toString('utf8', begin, documents.ends[item]!).trimEnd();
}
