// What a _bulk answer says, item by item. In: the answer (perhaps none of Elasticsearch's); out: one fate for each item sent.

import { type ElasticsearchAnswer, toShortText } from './elasticsearch-client.ts';
import { asRecord } from './elasticsearch-product.ts';
import { toErrorReason } from './index-template.ts';

/** What to do about a whole request, or `items`: each item has its own fate. */
export type BulkOutcome =
  | { readonly kind: 'items'; readonly fates: readonly ItemFate[] }
  /** Waiting may mend it: send the same ids again. */
  | { readonly kind: 'wait'; readonly reason: string }
  /** Too large, or one item spoils the whole: send smaller parts. A single item is refused. */
  | { readonly kind: 'split'; readonly reason: string; readonly tooLarge: boolean };

export type ItemFate =
  | { readonly kind: 'indexed' | 'already there' }
  /** Waiting may mend it: `busy` or `blocked` indices, missing rights. */
  | { readonly kind: 'wait'; readonly reason: string }
  /** Elasticsearch will never take this document. */
  | { readonly kind: 'refused'; readonly reason: string };

const indexed: ItemFate = { kind: 'indexed' };
const alreadyThere: ItemFate = { kind: 'already there' };

/** Errors with a 4xx status that speak of the index, the cluster or the user, not of the document. */
const waitingTypes: ReadonlySet<string> = new Set([
  'authorization_exception',
  'circuit_breaking_exception',
  'cluster_block_exception',
  'es_rejected_execution_exception',
  'index_closed_exception',
  'index_not_found_exception',
  'process_cluster_event_timeout_exception',
  'security_exception',
  'unavailable_shards_exception',
  // "this action would add [1] total shards, but this cluster currently has [1000]/[1000] maximum shards open"
  'validation_exception',
]);
const waitingReasons = /maximum (normal )?shards open|no write index|not the write index|not_writable/;

/** The outcome of a request with `count` items. */
export function toBulkOutcome(answer: ElasticsearchAnswer, count: number): BulkOutcome {
  const { status, json, text, location } = answer;
  if (status === 200) {
    const fates = toItemFates(json, count);
    if (fates !== undefined) return { kind: 'items', fates };
    return { kind: 'wait', reason: `an answer that is not Elasticsearch's${text === '' ? '' : `: ${text}`}` };
  }
  const reason = `HTTP ${status}${toDetail(toErrorReason(json) ?? (location === undefined ? text : 'a redirect'))}`;
  if (status === 413) return { kind: 'split', reason, tooLarge: true };
  // Other 400s come from proxies and wrong paths: only Elasticsearch's own names a fault of the request.
  if (status === 400 && toErrorReason(json) !== undefined) return { kind: 'split', reason, tooLarge: false };
  return { kind: 'wait', reason };
}

function toDetail(text: string): string {
  return text === '' ? '' : ` (${text})`;
}

/** Undefined when the answer does not have exactly one valid item for each item sent. */
function toItemFates(json: unknown, count: number): readonly ItemFate[] | undefined {
  const items = asRecord(json)?.['items'];
  if (!Array.isArray(items) || items.length !== count) return undefined;
  const fates: ItemFate[] = [];
  for (const item of items as readonly unknown[]) {
    const result = asRecord(asRecord(item)?.['create']);
    const status = result?.['status'];
    if (typeof status !== 'number') return undefined;
    fates.push(toItemFate(status, result?.['error']));
  }
  return fates;
}

function toItemFate(status: number, error: unknown): ItemFate {
  if (status >= 200 && status < 300) return indexed;
  if (status === 409) return alreadyThere;
  const type = asRecord(error)?.['type'];
  const text = asRecord(error)?.['reason'];
  const cause = asRecord(asRecord(error)?.['caused_by'])?.['reason'];
  const parts = [type, text, cause].filter((part) => typeof part === 'string');
  const reason = parts.length === 0 ? `status ${status}` : toShortText(parts.join(': '), 500);
  if (status < 400 || status >= 500 || status === 401 || status === 408 || status === 429)
    return { kind: 'wait', reason };
  if (waitingTypes.has(String(type)) || waitingReasons.test(String(text))) return { kind: 'wait', reason };
  return { kind: 'refused', reason };
}
