// Flow documents as items of a _bulk request: create, with an index from the document's time and an id that every attempt repeats.

import { type DocumentBatch, documentId } from '../model/document.ts';
import { actionEnd, type BulkItems, toActionStart } from './bulk-body.ts';
import { createDocumentRepairs, type DocumentRepairs } from './document-repairs.ts';
import type { IndexNaming } from './index-name.ts';

/** A row position in base 36 has at most 7 digits (32 bits), the rest is the action's end. */
const idEndBytes = 7 + actionEnd.length;

export interface FlowItems extends BulkItems {
  readonly repairs: DocumentRepairs;
}

export function toFlowItems(documents: DocumentBatch, naming: IndexNaming): FlowItems {
  const { bytes, count, ends, positions, timesMs } = documents;
  const repairs = createDocumentRepairs((item) => documentText(documents, item));
  // documentId(batch, position) is the batch's part and then the position: the batch's part is written once per index.
  const idStart = documentId(documents.batchId, 0).slice(0, -1);
  const starts = new Map<string, string>();

  function startOf(item: number): string {
    const index = naming.toIndexName(timesMs[item]!);
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
    repairs,
  };
}

/** The document's JSON text, without its newline. */
export function documentText(documents: DocumentBatch, item: number): string {
  const begin = item === 0 ? 0 : documents.ends[item - 1]!;
  return documents.bytes.toString('utf8', begin, documents.ends[item]!).trimEnd();
}
