// One _bulk request: items of one or more deliveries that are sent together. Cut from the line of bulk-requests.ts, halved when it is
// refused as a whole, written into a Buffer.

import type { BackOff } from './back-off.ts';
import type { BulkItems } from './bulk-body.ts';
import type { RefusedDocument } from './sink.ts';
import type { Wait } from './trouble.ts';

export interface BulkRequest {
  readonly portions: readonly Portion[];
  readonly count: number;
  /** Upper bound of the body's size. */
  readonly byteLength: number;
  /** Part of a request that was refused as a whole: it is not put together with others. */
  readonly isSealed: boolean;
}

/** Items of one delivery. */
export interface Portion {
  readonly delivery: Delivery;
  readonly chosen: readonly number[];
  /** How often these items have waited for their index. */
  readonly waited: number;
  /** How long they wait next. */
  readonly backOff?: BackOff;
}

/** All items of one write, on their way to their fates. */
export interface Delivery {
  readonly items: BulkItems;
  /** Items that have waited so often for their index are refused. */
  readonly patience: number;
  readonly alreadyThere: number[];
  readonly refused: RefusedDocument[];
  /** Items without a fate. */
  left: number;
  /** Each item has its fate, or the writer was told to stop: its items are not read any more. */
  isOver: boolean;
  wait: Wait | undefined;
  /** Of portions that wait for their index. */
  readonly timers: Set<NodeJS.Timeout>;
  readonly settle: (error?: unknown) => void;
}

export interface RequestLimits {
  readonly bytes: number;
  readonly documents: number;
}

/** Takes from the head of `line` what one request may hold; a single item that is larger goes alone. Undefined when nothing is left. */
export function takeRequest(line: Portion[], limits: RequestLimits): BulkRequest | undefined {
  const portions: Portion[] = [];
  let byteLength = 0;
  let count = 0;
  let isFull = false;
  while (!isFull) {
    const head = line.shift();
    if (head === undefined) break;
    const { delivery, chosen } = head;
    if (delivery.isOver) continue;
    let taken = 0;
    for (const item of chosen) {
      const bytes = delivery.items.byteLength(item);
      isFull = count > 0 && (byteLength + bytes > limits.bytes || count >= limits.documents);
      if (isFull) break;
      byteLength += bytes;
      count += 1;
      taken += 1;
    }
    if (taken === chosen.length) portions.push(head);
    else {
      if (taken > 0) portions.push({ ...head, chosen: chosen.slice(0, taken) });
      line.unshift({ ...head, chosen: chosen.slice(taken) });
    }
  }
  return count === 0 ? undefined : { portions, count, byteLength, isSealed: false };
}

/** What is left of a part whose deliveries may be over by now. */
export function withoutOver(request: BulkRequest): BulkRequest | undefined {
  const portions = request.portions.filter(({ delivery }) => !delivery.isOver);
  return portions.length === request.portions.length ? request : toPart(portions);
}

/** Two parts of about as many items each. */
export function halve({ portions, count }: BulkRequest): readonly BulkRequest[] {
  const halves: Portion[][] = [[], []];
  let left = count >> 1;
  for (const portion of portions) {
    const { chosen } = portion;
    if (left > 0) halves[0]!.push({ ...portion, chosen: chosen.slice(0, left) });
    if (chosen.length > left) halves[1]!.push({ ...portion, chosen: chosen.slice(Math.max(0, left)) });
    left = Math.max(0, left - chosen.length);
  }
  return halves.map(toPart).filter((part) => part !== undefined);
}

function toPart(portions: readonly Portion[]): BulkRequest | undefined {
  let byteLength = 0;
  let count = 0;
  for (const { delivery, chosen } of portions) {
    for (const item of chosen) byteLength += delivery.items.byteLength(item);
    count += chosen.length;
  }
  return count === 0 ? undefined : { portions, count, byteLength, isSealed: true };
}

/** Writes the items one after the other. The result is a part of `slab`, which has `byteLength` bytes at least. */
export function putRequest(slab: Buffer, { portions }: BulkRequest): Buffer {
  let offset = 0;
  for (const { delivery, chosen } of portions)
    for (const item of chosen) offset = delivery.items.put(slab, offset, item);
  return slab.subarray(0, offset);
}
