// Many writes, few requests. The items of all writes stand in one line; whenever the pace allows another request, it is cut from the
// head of the line: a large batch becomes several, small ones share one. What waits comes back to the line under the same ids.

import { WeirError } from '../model/errors.ts';
import { type BackOff, type BackOffOptions, createBackOff, throwIfStopped, toEndError } from './back-off.ts';
import type { BulkItems } from './bulk-body.ts';
import type { BulkPace } from './bulk-pace.ts';
import { type BulkRequest, type Delivery, halve, type Portion, takeRequest, withoutOver } from './bulk-request.ts';
import type { BulkOutcome } from './bulk-result.ts';
import type { WriteResult } from './sink.ts';
import { createWaits, type Waits } from './trouble.ts';

export interface BulkRequestsOptions {
  readonly pace: BulkPace;
  readonly maxRequestDocuments: number;
  readonly backOff: BackOffOptions;
  /** Asked before each request. Rejects with WeirError while nothing can be sent. */
  readonly prepare: () => Promise<void>;
  /** Reads the items of `request` before it waits for anything. Rejects with WeirError when there is no answer. */
  readonly send: (request: BulkRequest, signal: AbortSignal) => Promise<BulkOutcome>;
  readonly onWait: (reason: string, documents: number) => void;
  /** Nothing waits any more. */
  readonly onGoOn: (waitedMs: number) => void;
  readonly now: () => number;
}

export interface BulkRequests {
  /**
   * Resolves when each item has its fate. `patience`: an item that has waited so often for its index is refused.
   * Rejects with WeirError `stopped` as soon as `signal` aborts; the items are not read any more then.
   */
  deliver(items: BulkItems, signal: AbortSignal, patience?: number): Promise<WriteResult>;
  /** Of the deliveries that wait, the one that began to first. */
  longestWait: Waits['longest'];
  /** Time of the last answer from its request; undefined before the first one. */
  lastLatencyMs(): number | undefined;
}

export function createBulkRequests({
  pace,
  maxRequestDocuments,
  backOff,
  prepare,
  send,
  onWait,
  onGoOn,
  now,
}: BulkRequestsOptions): BulkRequests {
  const line: Portion[] = [];
  /** Of requests that were refused as a whole; they go first. */
  const parts: BulkRequest[] = [];
  const underWay = new Map<BulkRequest, AbortController>();
  const waits = createWaits(now);
  let deliveries = 0;
  /** Requests under way, and the one that is about to be. */
  let places = 0;
  /** One at a time takes items, so that what comes in the same moment goes together. */
  let isTaking = false;
  let lastLatencyMs: number | undefined;
  /** Runs while the server takes nothing at all. */
  let rest: NodeJS.Timeout | undefined;
  let restBackOff: BackOff | undefined;

  async function deliver(
    items: BulkItems,
    signal: AbortSignal,
    patience = Number.POSITIVE_INFINITY,
  ): Promise<WriteResult> {
    throwIfStopped(signal);
    if (items.count === 0) return { alreadyThere: [], refused: [] };
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        end(delivery, toEndError(signal, 'documents were'));
      };
      const delivery: Delivery = {
        items,
        patience,
        alreadyThere: [],
        refused: [],
        left: items.count,
        isOver: false,
        wait: undefined,
        timers: new Set(),
        settle(error) {
          signal.removeEventListener('abort', stop);
          if (error === undefined) resolve({ alreadyThere: delivery.alreadyThere, refused: delivery.refused });
          else reject(error);
        },
      };
      deliveries += 1;
      signal.addEventListener('abort', stop, { once: true });
      line.push({ delivery, chosen: Array.from({ length: items.count }, (_, item) => item), waited: 0 });
      pump();
    });
  }

  function pump(): void {
    // What is still in the line when all deliveries are over came back from a request that nobody waits for.
    if (deliveries === 0 || line.length + parts.length === 0) return;
    if (isTaking || rest !== undefined || places >= pace.concurrency()) return;
    isTaking = true;
    places += 1;
    void occupy().finally(() => {
      places -= 1;
      pump();
    });
  }

  /** One request, from the line to its outcome. */
  async function occupy(): Promise<void> {
    try {
      await prepare();
    } catch (error) {
      restBecause(error, [...line, ...parts.flatMap(({ portions }) => portions)]);
      return;
    } finally {
      isTaking = false;
    }
    const request = nextRequest();
    if (request === undefined) return;
    const isFull = line.length + parts.length > 0 && places >= pace.concurrency();
    pump();
    const controller = new AbortController();
    underWay.set(request, controller);
    const sentAtMs = now();
    try {
      const outcome = await send(request, controller.signal);
      if (outcome.kind === 'items') {
        lastLatencyMs = Math.max(0, now() - sentAtMs);
        pace.onAnswer({ bytes: request.byteLength, latencyMs: lastLatencyMs, isFull });
      }
      settle(request, outcome, sentAtMs);
    } catch (error) {
      takeBack(request);
      pace.onBusy(sentAtMs, now());
      restBecause(error, request.portions);
    } finally {
      underWay.delete(request);
    }
  }

  function nextRequest(): BulkRequest | undefined {
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const request = withoutOver(part);
      if (request !== undefined) return request;
    }
    return takeRequest(line, { bytes: pace.requestBytes(), documents: maxRequestDocuments });
  }

  function settle(request: BulkRequest, outcome: BulkOutcome, sentAtMs: number): void {
    if (outcome.kind === 'wait') {
      if (outcome.isBusy) pace.onBusy(sentAtMs, now());
      takeBack(request);
      restFor(outcome.reason, request.portions, outcome.retryAfterMs);
      return;
    }
    restBackOff = undefined;
    if (outcome.kind === 'items') settleItems(request, outcome.fates, sentAtMs);
    else {
      if (outcome.tooLarge) pace.onTooLarge(request.byteLength);
      if (request.count > 1) parts.unshift(...halve(request));
      else refuse(request.portions[0]!, outcome.reason);
    }
  }

  function settleItems(
    { portions }: BulkRequest,
    fates: (BulkOutcome & { kind: 'items' })['fates'],
    sentAtMs: number,
  ): void {
    let begin = 0;
    let isBusy = false;
    for (const portion of portions) {
      const { delivery, chosen, waited } = portion;
      const waiting: number[] = [];
      const again: number[] = [];
      let reason = '';
      // Fates stand in the order of the request; the answer for a delivery that is over helps nobody.
      for (let i = 0; i < chosen.length && !delivery.isOver; i += 1) {
        const index = chosen[i]!;
        const fate = fates[begin + i]!;
        if (fate.kind === 'indexed') continue;
        if (fate.kind === 'already there') delivery.alreadyThere.push(index);
        else if (fate.kind === 'fields' && delivery.items.dropFields(index, fate.fields)) again.push(index);
        else if (fate.kind === 'wait' && waited < delivery.patience) {
          waiting.push(index);
          reason = fate.reason;
          isBusy ||= fate.isBusy;
        } else delivery.refused.push({ index, reason: fate.reason });
      }
      begin += chosen.length;
      if (delivery.isOver) continue;
      if (again.length > 0) line.unshift({ delivery, chosen: again, waited });
      if (waiting.length > 0) waitForIndex(portion, waiting, reason);
      else if (delivery.timers.size === 0) release(delivery);
      count(delivery, chosen.length - waiting.length - again.length);
    }
    if (isBusy) pace.onBusy(sentAtMs, now());
  }

  function refuse({ delivery, chosen }: Portion, reason: string): void {
    if (delivery.isOver) return;
    for (const index of chosen) delivery.refused.push({ index, reason });
    count(delivery, chosen.length);
  }

  /** To where it came from: the same ids are sent again. */
  function takeBack(request: BulkRequest): void {
    if (request.isSealed) parts.unshift(request);
    else line.unshift(...request.portions);
  }

  function waitForIndex({ delivery, waited, backOff: own }: Portion, chosen: readonly number[], reason: string): void {
    const next = own ?? createBackOff(backOff);
    hold(delivery, reason, chosen.length);
    const timer = setTimeout(() => {
      delivery.timers.delete(timer);
      line.unshift({ delivery, chosen, waited: waited + 1, backOff: next });
      pump();
    }, next.nextMs());
    delivery.timers.add(timer);
  }

  function restBecause(error: unknown, portions: readonly Portion[]): void {
    if (error instanceof WeirError) {
      restFor(error.hint === undefined ? error.message : `${error.message}. ${error.hint}`, portions);
      return;
    }
    // A mistake of our own: waiting does not mend it.
    for (const { delivery } of portions) end(delivery, error);
  }

  /** Nothing is sent for a while. */
  function restFor(reason: string, portions: readonly Portion[], atLeastMs?: number): void {
    for (const { delivery, chosen } of portions) hold(delivery, reason, chosen.length);
    if (rest !== undefined || deliveries === 0) return;
    restBackOff ??= createBackOff(backOff);
    rest = setTimeout(() => {
      rest = undefined;
      pump();
    }, restBackOff.nextMs(atLeastMs));
  }

  function hold(delivery: Delivery, reason: string, documents: number): void {
    if (delivery.isOver) return;
    delivery.wait = waits.hold(delivery.wait, reason);
    onWait(reason, documents);
  }

  function release(delivery: Delivery): void {
    if (delivery.wait === undefined) return;
    const waitedMs = waits.release(delivery.wait);
    delivery.wait = undefined;
    if (!delivery.isOver && waits.longest() === undefined) onGoOn(waitedMs);
  }

  function count(delivery: Delivery, settled: number): void {
    delivery.left -= settled;
    if (delivery.left === 0) end(delivery);
  }

  function end(delivery: Delivery, error?: unknown): void {
    if (delivery.isOver) return;
    delivery.isOver = error !== undefined;
    release(delivery);
    delivery.isOver = true;
    for (const timer of delivery.timers) clearTimeout(timer);
    deliveries -= 1;
    if (deliveries === 0) {
      clearTimeout(rest);
      rest = undefined;
      line.length = 0;
      parts.length = 0;
    }
    // Nobody waits for the answer of a request whose deliveries are all over.
    for (const [request, controller] of underWay)
      if (request.portions.every((portion) => portion.delivery.isOver)) controller.abort();
    delivery.settle(error);
  }

  return { deliver, longestWait: waits.longest, lastLatencyMs: () => lastLatencyMs };
}
