// Who talks most, from documents: a sample of so many per second, each counting for those that were passed over. At most some
// hundred documents a second are read for it, whatever comes.

import type { DocumentBatch } from '../../model/document.ts';
import { createHeavyHitters } from '../../telemetry/heavy-hitters.ts';
import type { Talker, Talkers } from './status-report.ts';

export interface TalkerTable {
  add(documents: DocumentBatch, nowMs: number): void;
  report(nowMs: number): Talkers;
}

interface About {
  readonly sourceName?: string;
  readonly destinationName?: string;
  readonly service?: string;
}

/** Reading one takes 10 µs: a thousandth of a core. */
const looksPerSecond = 100;
const overMs = 300_000;
const partMs = 30_000;

export function createTalkerTable(): TalkerTable {
  const pairs = createHeavyHitters<About>({ keys: 500, overMs, parts: overMs / partMs });
  /** Documents of each part of the time: looked at, and in all. */
  const seen = new Map<number, { looked: number; documents: number }>();
  let second = 0;
  let documentsThisSecond = 0;
  let looksThisSecond = 0;
  /** Each document that is looked at counts for so many. */
  let stride = 1;
  let passOver = 0;

  function add(documents: DocumentBatch, nowMs: number): void {
    const { count } = documents;
    const thisSecond = Math.floor(nowMs / 1000);
    if (thisSecond !== second) {
      const seconds = Math.max(1, Math.abs(thisSecond - second));
      stride = Math.max(1, documentsThisSecond / seconds / looksPerSecond);
      second = thisSecond;
      documentsThisSecond = 0;
      looksThisSecond = 0;
    }
    documentsThisSecond += count;
    let looked = 0;
    let index = passOver;
    while (index < count) {
      looked += 1;
      looksThisSecond += 1;
      // More came than the second before had.
      if (looksThisSecond % (2 * looksPerSecond) === 0) stride *= 2;
      addOne(readDocument(documents, Math.floor(index))['flow'], stride, nowMs);
      // Not every 500th: batches may have an order. With a stride of 1, each one.
      index += stride === 1 ? 1 : stride * (0.5 + Math.random());
    }
    passOver = index - count;
    note(nowMs, looked, count);
  }

  function addOne(flow: unknown, countsFor: number, nowMs: number): void {
    if (typeof flow !== 'object' || flow === null) return;
    const fields = flow as Readonly<Record<string, unknown>>;
    const source = toText(fields['src_addr']);
    const destination = toText(fields['dst_addr']);
    if (source === undefined || destination === undefined) return;
    const bytes = Number(fields['bytes'] ?? 0);
    if (!Number.isFinite(bytes)) return;
    pairs.add(nowMs, `${source} ${destination}`, bytes * countsFor, countsFor, () => ({
      ...named('sourceName', fields['src_hostname'], source),
      ...named('destinationName', fields['dst_hostname'], destination),
      ...named('service', fields['service_name'], ''),
    }));
  }

  function note(nowMs: number, looked: number, documents: number): void {
    const part = Math.floor(nowMs / partMs);
    const entry = seen.get(part);
    if (entry !== undefined) {
      entry.looked += looked;
      entry.documents += documents;
      return;
    }
    for (const old of seen.keys()) if ((part - old) * partMs > overMs || old > part) seen.delete(old);
    seen.set(part, { looked, documents });
  }

  return {
    add,
    report(nowMs) {
      const part = Math.floor(nowMs / partMs);
      const sums = { looked: 0, documents: 0 };
      for (const [at, { looked, documents }] of seen) {
        if ((part - at) * partMs > overMs) continue;
        sums.looked += looked;
        sums.documents += documents;
      }
      return { overMs, ...sums, pairs: pairs.top(nowMs, 20).map(toTalker) };
    },
  };
}

function toTalker({ key, weight, count, about }: { key: string; weight: number; count: number; about: About }): Talker {
  const [source = '', destination = ''] = key.split(' ');
  return { source, destination, ...about, bytes: Math.round(weight), flows: Math.round(count) };
}

/** As it was written for the index: what steps hide is hidden here, too. */
export function readDocument({ bytes, ends }: DocumentBatch, index: number): Readonly<Record<string, unknown>> {
  const start = index === 0 ? 0 : ends[index - 1]!;
  return JSON.parse(bytes.toString('utf8', start, ends[index]!)) as Readonly<Record<string, unknown>>;
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function named<Key extends keyof About>(key: Key, value: unknown, address: string): Partial<Record<Key, string>> {
  return typeof value === 'string' && value !== address ? ({ [key]: value } as Partial<Record<Key, string>>) : {};
}
