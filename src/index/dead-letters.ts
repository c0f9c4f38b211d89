// Documents that Elasticsearch refused, as documents that it takes: the reason and the original text, under the same id. Where its
// index refuses them, too, they go to a file in the state folder. index-templates/weir-dead-letters.json has their types.

import { type DocumentBatch, documentId } from '../model/document.ts';
import { actionEnd, type BulkItems, toActionStart } from './bulk-body.ts';
import { documentText } from './flow-items.ts';
import type { RefusedDocument } from './sink.ts';

export const deadLetterIndex = 'weir-dead-letters';

export interface DeadLetter {
  /** When it was refused. */
  readonly '@timestamp': string;
  readonly reason: string;
  /** Where the original was to go, and under which `_id`. */
  readonly index: string;
  readonly id: string;
  readonly batch_id: string;
  readonly position: number;
  readonly exporter: string;
  readonly weir_version: string;
  /** The document as it was first sent, as text: whatever is in it, the letter can be indexed. */
  readonly original: string;
}

export function toDeadLetters(
  documents: DocumentBatch,
  refused: readonly RefusedDocument[],
  {
    indexOf,
    version,
    nowMs,
  }: { readonly indexOf: (index: number) => string; readonly version: string; readonly nowMs: number },
): readonly DeadLetter[] {
  return refused.map(({ index, reason }) => ({
    '@timestamp': new Date(nowMs).toISOString(),
    reason,
    index: indexOf(index),
    id: documentId(documents.batchId, documents.positions[index]!),
    batch_id: documents.batchId,
    position: documents.positions[index]!,
    exporter: documents.exporters[documents.exporterOf[index]!] ?? '',
    weir_version: version,
    original: documentText(documents, index),
  }));
}

export function toDeadLetterItems(letters: readonly DeadLetter[]): BulkItems {
  const lines = letters.map((letter) =>
    Buffer.from(`${toActionStart(deadLetterIndex, letter.id)}${actionEnd}${JSON.stringify(letter)}\n`),
  );
  return {
    count: lines.length,
    byteLength: (item) => lines[item]!.length,
    put: (target, offset, item) => offset + lines[item]!.copy(target, offset),
    dropFields: () => false,
  };
}
