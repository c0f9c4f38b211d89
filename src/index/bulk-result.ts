// What a _bulk answer says, item by item. In: the answer (perhaps none of Elasticsearch's); out: one fate for each item sent.

import type { ElasticsearchAnswer } from './elasticsearch-client.ts';
import { type ItemFault, toErrorText, toItemFault } from './item-fault.ts';
import { asRecord, authenticationFailed, toShown, toTarget } from './server-answer.ts';

/** `filter_path`: every item keeps its status, so positions still match; nothing else of an answer is read. */
export const bulkAnswerFilter = 'took,errors,items.*.status,items.*.error';

/** What to do about a whole request, or `items`: each item has its own fate. */
export type BulkOutcome =
  | { readonly kind: 'items'; readonly fates: readonly ItemFate[] }
  /** Waiting may mend it: send the same ids again. `isBusy`: and less at a time. */
  | { readonly kind: 'wait'; readonly reason: string; readonly isBusy: boolean; readonly retryAfterMs?: number }
  /** Too large, or one item spoils the whole: send smaller parts. A single item is refused. */
  | { readonly kind: 'split'; readonly reason: string; readonly tooLarge: boolean };

export type ItemFate = { readonly kind: 'indexed' } | { readonly kind: 'already there' } | ItemFault;

const indexed: ItemFate = { kind: 'indexed' };
const alreadyThere: ItemFate = { kind: 'already there' };

/** The outcome of a request with `count` items. `nowMs` for a Retry-After that is a date. */
export function toBulkOutcome(answer: ElasticsearchAnswer, count: number, nowMs: number): BulkOutcome {
  const { status, json, text, location, retryAfter } = answer;
  if (status === 200) {
    const fates = toItemFates(json, count);
    if (fates !== undefined) return { kind: 'items', fates };
    const shown = json === undefined ? toShown(text) : 'JSON of another kind';
    const reason = `an answer that is not Elasticsearch's (HTTP 200): ${shown}`;
    return { kind: 'wait', reason, isBusy: false };
  }
  const error = asRecord(json)?.['error'];
  // Security proxies say 401 in many ways, and all of them mean this.
  if (status === 401) return { kind: 'wait', reason: toSentences(authenticationFailed()), isBusy: false };
  if (status === 413) return { kind: 'split', reason: `HTTP 413${toDetail(text)}`, tooLarge: true };
  const errorText = toErrorText(error);
  if (errorText === '') {
    const detail = location === undefined ? text : `a redirect${toTarget(location)}`;
    return { kind: 'wait', reason: `HTTP ${status}${toDetail(detail)}`, ...toWait(status, retryAfter, nowMs) };
  }
  const fault = toItemFault(status, error);
  if (fault.kind === 'wait')
    return { kind: 'wait', reason: `HTTP ${status} (${fault.reason})`, ...toWait(status, retryAfter, nowMs) };
  return { kind: 'split', reason: `HTTP ${status} (${fault.reason})`, tooLarge: false };
}

function toWait(status: number, retryAfter: string | undefined, nowMs: number) {
  const retryAfterMs = retryAfter === undefined ? undefined : toRetryAfterMs(retryAfter, nowMs);
  return { isBusy: status === 429 || status >= 500, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** A maintenance may last; but whoever mends it sooner need not wait longer than this. */
const maxRetryAfterMs = 300_000;

/** Seconds or a date (RFC 9110 §10.2.3); undefined for anything else. */
export function toRetryAfterMs(text: string, nowMs: number): number | undefined {
  const isDate = /^[A-Z][a-z]+, /.test(text);
  const ms = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) * 1000 : isDate ? Date.parse(text) - nowMs : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), maxRetryAfterMs);
}

function toSentences({ message, hint }: { readonly message: string; readonly hint: string | undefined }): string {
  return hint === undefined ? message : `${message}. ${hint}`;
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
  return toItemFault(status, error);
}
