// Documents into Elasticsearch: _bulk with `create` and ids that every attempt repeats, so that each document is there exactly
// once, whatever happens on the way (docs/architecture.md). Waits as long as it takes; what is refused becomes a dead letter.

import type { DocumentBatch } from '../model/document.ts';
import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { type BackOffOptions, createBackOff, throwIfStopped } from './back-off.ts';
import { type BulkItems, bodyByteLength, createBodySlabs, putBody, toRequests } from './bulk-body.ts';
import { type BulkOutcome, toBulkOutcome } from './bulk-result.ts';
import { toDeadLetters } from './dead-letters.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { toProduct } from './elasticsearch-product.ts';
import { toFlowItems } from './flow-items.ts';
import { createGate } from './gate.ts';
import { createIndexNaming } from './index-name.ts';
import { applyIndexTemplate, readIndexTemplates } from './index-template.ts';
import type { RefusedDocument, Sink, WriteResult } from './sink.ts';
import { createWaits, toDurationText, type Wait } from './trouble.ts';

export interface BulkWriterOptions {
  readonly client: ElasticsearchClient;
  /** `%{yyyy.MM.dd}` in it is the document's own day, UTC. */
  readonly indexName?: string;
  /** Requests under way at a time. Two keep the server busy while an answer travels; more changes nothing (measured). */
  readonly concurrency?: number;
  /** 5 MB is a second's work for a small server; proxies allow 1 MB to 10 MB. */
  readonly maxRequestBytes?: number;
  readonly maxRequestDocuments?: number;
  readonly backOff?: BackOffOptions;
  readonly logger: Logger;
  readonly now: () => number;
}

/** A server that is up answers in milliseconds. weir opens its ports after this: one that hangs must not cost flows. */
const startTimeoutMs = 1000;
/** A proxy that refuses even this is not made for _bulk. */
const minRequestBytes = 65_536;
/** Every item keeps its status, so positions still match; nothing else of the answer is read. */
const bulkQuery = { filter_path: 'took,errors,items.*.status,items.*.error' };

interface Delivery {
  readonly alreadyThere: number[];
  readonly refused: RefusedDocument[];
}

export function createBulkWriter({
  client,
  indexName = 'weir-flow-%{yyyy.MM.dd}',
  concurrency = 2,
  maxRequestBytes = 5_000_000,
  maxRequestDocuments = 2000,
  backOff = {},
  logger,
  now,
}: BulkWriterOptions): Sink {
  const naming = createIndexNaming(indexName, now);
  const gate = createGate(concurrency);
  const slabs = createBodySlabs(concurrency);
  const waits = createWaits(now);
  const pass = createRateLimit({ times: 3 });
  /** Shrinks when a proxy says that requests are too large. */
  let requestBytes = maxRequestBytes;
  let prepared: Promise<void> | undefined;

  async function start(): Promise<void> {
    try {
      await prepare(AbortSignal.timeout(startTimeoutMs));
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      if (!error.retryable) throw placed(error);
      const reason = error.code === 'stopped' ? 'no answer in time' : error.message;
      logger.warn({ address: client.address, reason }, 'Elasticsearch is away: documents will wait for it');
    }
  }

  /** Once, before the first bulk, and again after an outage: another server, or an emptied one, may have come back. */
  function prepare(signal: AbortSignal): Promise<void> {
    prepared ??= prepareNow(signal).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  }

  async function prepareNow(signal: AbortSignal): Promise<void> {
    const { name, version, remark } = toProduct(
      await client.request({ method: 'GET', path: '/' }, signal),
      client.productCheck,
    );
    if (pass('product', now()) !== undefined)
      logger.info({ address: client.address, product: name, version, remark }, 'connected');
    for (const template of await readIndexTemplates(naming)) await applyIndexTemplate(template, client, logger, signal);
  }

  async function write(documents: DocumentBatch, signal: AbortSignal): Promise<WriteResult> {
    throwIfStopped(signal);
    if (documents.count === 0) return { alreadyThere: [], refused: [] };
    const { alreadyThere, refused } = await deliver(toFlowItems(documents, naming), signal);
    if (refused.length > 0) await deliverDeadLetters(documents, refused, signal);
    return { alreadyThere, refused };
  }

  async function deliverDeadLetters(
    documents: DocumentBatch,
    refused: readonly RefusedDocument[],
    signal: AbortSignal,
  ): Promise<void> {
    const { refused: lost } = await deliver(toDeadLetters(documents, refused, naming, now()), signal);
    if (lost.length > 0)
      logger.error(
        { batch: documents.batchId, documents: lost.length, reason: lost[0]?.reason },
        'refused documents could not be kept as dead letters either: they are lost',
      );
  }

  /** All items to their fate, in requests of bounded size. */
  async function deliver(items: BulkItems, signal: AbortSignal): Promise<Delivery> {
    const delivery: Delivery = { alreadyThere: [], refused: [] };
    const requests = toRequests(items, requestBytes, maxRequestDocuments);
    const queue = requests.values();
    const runners = Array.from({ length: Math.min(concurrency, requests.length) }, async () => {
      for (const chosen of queue) await gate.pass(signal, () => deliverRequest(items, chosen, delivery, signal));
    });
    const ends = await Promise.allSettled(runners);
    // Only when none of them reads the documents any more may the caller have them back.
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return delivery;
  }

  async function deliverRequest(
    items: BulkItems,
    chosen: readonly number[],
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<void> {
    const { wait: waitATurn } = createBackOff(backOff);
    let pending = chosen;
    let wait: Wait | undefined;
    try {
      for (;;) {
        const outcome = await attempt(items, pending, signal);
        if (outcome.kind === 'split') {
          await deliverParts(items, pending, outcome, delivery, signal);
          return;
        }
        let reason: string | undefined;
        if (outcome.kind === 'wait') reason = outcome.reason;
        else [pending, reason] = settle(outcome.fates, pending, delivery);
        if (reason === undefined) return;
        wait = waits.hold(wait, reason);
        if (pass('waits', now()) !== undefined)
          logger.warn({ address: client.address, documents: pending.length, reason }, 'documents wait');
        await waitATurn(signal);
      }
    } finally {
      if (wait !== undefined) tellEnd(waits.release(wait), signal);
    }
  }

  async function attempt(items: BulkItems, chosen: readonly number[], signal: AbortSignal): Promise<BulkOutcome> {
    throwIfStopped(signal);
    try {
      await prepare(signal);
      const slab = slabs.take(bodyByteLength(items, chosen));
      const body = putBody(slab, items, chosen);
      const answer = await client.request({ method: 'POST', path: '/_bulk', query: bulkQuery, body }, signal);
      const outcome = toBulkOutcome(answer, chosen.length);
      // After anything else than a full answer the socket may still read from the slab: it is left to it.
      if (outcome.kind === 'items') slabs.giveBack(slab);
      return outcome;
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      throwIfStopped(signal);
      prepared = undefined;
      return { kind: 'wait', reason: error.hint === undefined ? error.message : `${error.message}. ${error.hint}` };
    }
  }

  /** Notes the fates; returns the items that wait, and why. */
  function settle(
    fates: (BulkOutcome & { kind: 'items' })['fates'],
    sent: readonly number[],
    delivery: Delivery,
  ): [readonly number[], string | undefined] {
    const waiting: number[] = [];
    let reason: string | undefined;
    for (const [at, fate] of fates.entries()) {
      const index = sent[at]!;
      if (fate.kind === 'already there') delivery.alreadyThere.push(index);
      else if (fate.kind === 'refused') delivery.refused.push({ index, reason: fate.reason });
      else if (fate.kind === 'wait') {
        waiting.push(index);
        reason ??= fate.reason;
      }
    }
    return [waiting, reason];
  }

  async function deliverParts(
    items: BulkItems,
    chosen: readonly number[],
    { reason, tooLarge }: BulkOutcome & { kind: 'split' },
    delivery: Delivery,
    signal: AbortSignal,
  ): Promise<void> {
    if (chosen.length === 1) {
      delivery.refused.push({ index: chosen[0]!, reason });
      return;
    }
    if (tooLarge) requestBytes = Math.max(minRequestBytes, Math.min(requestBytes, bodyByteLength(items, chosen) / 2));
    const middle = chosen.length >> 1;
    await deliverRequest(items, chosen.slice(0, middle), delivery, signal);
    await deliverRequest(items, chosen.slice(middle), delivery, signal);
  }

  function tellEnd(waitedMs: number, signal: AbortSignal): void {
    if (signal.aborted || waits.longest() !== undefined) return;
    if (pass('goes on', now()) !== undefined)
      logger.info({ address: client.address, waited: toDurationText(waitedMs) }, 'documents go on');
  }

  function trouble(): string | undefined {
    const longest = waits.longest();
    if (longest === undefined) return undefined;
    return `Elasticsearch at ${client.address} holds documents for ${toDurationText(longest.forMs)}: ${longest.reason}`;
  }

  function placed(error: WeirError): WeirError {
    return new WeirError(error.code, `Elasticsearch at ${client.address}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      retryable: error.retryable,
    });
  }

  return { start, write, stop: () => client.close(), trouble };
}
