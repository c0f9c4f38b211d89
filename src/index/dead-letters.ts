// Documents that Elasticsearch refused, as documents that it takes: the reason and the original text, under the same id.

import { type DocumentBatch, documentId } from '../model/document.ts';
import { actionEnd, type BulkItems, toActionStart } from './bulk-body.ts';
import { documentText } from './flow-items.ts';
import type { IndexNaming } from './index-name.ts';
import type { RefusedDocument } from './sink.ts';

export const deadLetterIndex = 'weir-dead-letters';

export function toDeadLetters(
  documents: DocumentBatch,
  refused: readonly RefusedDocument[],
  naming: IndexNaming,
  nowMs: number,
): BulkItems {
  const letters = refused.map(({ index, reason }) => {
    const letter = {
      '@timestamp': new Date(nowMs).toISOString(),
      reason,
      index: naming.toIndexName(documents.timesMs[index]!),
      batch_id: documents.batchId,
      position: documents.positions[index]!,
      exporter: documents.exporters[documents.exporterOf[index]!] ?? '',
      original: documentText(documents, index),
    };
    const id = documentId(documents.batchId, letter.position);
    return Buffer.from(`${toActionStart(deadLetterIndex, id)}${actionEnd}${JSON.stringify(letter)}\n`);
  });
  return {
    count: letters.length,
    byteLength: (item) => letters[item]!.length,
    put: (target, offset, item) => offset + letters[item]!.copy(target, offset),
  };
}
