// Many deliveries at a time against a model of a server that answers anything, in any order, and loses answers.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BulkItems } from '../../src/index/bulk-body.ts';
import { createBulkPace } from '../../src/index/bulk-pace.ts';
import { type BulkRequest, putRequest } from '../../src/index/bulk-request.ts';
import { type BulkRequests, createBulkRequests } from '../../src/index/bulk-requests.ts';
import type { BulkOutcome, ItemFate } from '../../src/index/bulk-result.ts';
import { WeirError } from '../../src/model/errors.ts';

type Mood = 'good' | 'waits once' | 'waits twice' | 'bad field' | 'bad for ever' | 'refused' | 'spoils the request';
type Happening = 'fine' | 'no answer' | 'answer lost' | 'busy' | 'garbage';

const moods: readonly Mood[] = [
  'good',
  'good',
  'good',
  'waits once',
  'waits twice',
  'bad field',
  'bad for ever',
  'refused',
  'spoils the request',
];
const happenings: readonly Happening[] = ['fine', 'fine', 'fine', 'no answer', 'answer lost', 'busy', 'garbage'];
const isRefused = (mood: Mood): boolean =>
  mood === 'refused' || mood === 'bad for ever' || mood === 'spoils the request';

/** Takes documents as Elasticsearch does: what is there is there. */
interface Model {
  readonly documents: Map<string, string>;
  /** Bodies are lines of `id mood text`. */
  readonly send: (request: BulkRequest, signal: AbortSignal) => Promise<BulkOutcome>;
  mostUnderWay: number;
}

interface Scene {
  readonly happenings: readonly Happening[];
  /** How many turns of the event loop each answer takes. */
  readonly delays: readonly number[];
  readonly maxDocuments: number;
}

function modelOf({ happenings: left, delays, maxDocuments }: Scene): Model {
  const asked = new Map<string, number>();
  let requests = 0;
  let underWay = 0;

  function toFate(line: string): ItemFate {
    const [id = '', mood, text = ''] = line.split('|');
    const times = asked.get(id) ?? 0;
    asked.set(id, times + 1);
    if (mood === 'refused') return { kind: 'refused', reason: 'no' };
    if (mood === 'bad for ever' || (mood === 'bad field' && text.includes('bad')))
      return { kind: 'fields', reason: 'bad', fields: ['bad'] };
    if ((mood === 'waits once' && times < 1) || (mood === 'waits twice' && times < 2))
      return { kind: 'wait', reason: 'blocked', isBusy: times === 0 };
    if (model.documents.has(id)) return { kind: 'already there' };
    model.documents.set(id, text);
    return { kind: 'indexed' };
  }

  const model: Model = {
    documents: new Map(),
    mostUnderWay: 0,
    async send(request) {
      const body = putRequest(Buffer.alloc(request.byteLength), request).toString();
      const happening = left[requests] ?? 'fine';
      const delay = delays[requests % delays.length] ?? 0;
      requests += 1;
      underWay += 1;
      model.mostUnderWay = Math.max(model.mostUnderWay, underWay);
      for (let turn = 0; turn < delay; turn += 1) await new Promise(setImmediate);
      underWay -= 1;
      const lines = body.split('\n').slice(0, -1);
      expect(lines).toHaveLength(request.count);
      if (happening === 'no answer') throw new WeirError('sink-unavailable', 'cut', { retryable: true });
      if (happening === 'busy') return { kind: 'wait', reason: '429', isBusy: true };
      if (happening === 'garbage') return { kind: 'wait', reason: '<html>', isBusy: false };
      if (lines.length > maxDocuments) return { kind: 'split', reason: '413', tooLarge: true };
      if (lines.some((line) => line.includes('|spoils'))) return { kind: 'split', reason: '400', tooLarge: false };
      const fates = lines.map(toFate);
      if (happening === 'answer lost') throw new WeirError('sink-unavailable', 'cut', { retryable: true });
      return { kind: 'items', fates };
    },
  };
  return model;
}

function requestsOf(model: Model, maxConcurrency: number, maxRequestDocuments: number): BulkRequests {
  return createBulkRequests({
    pace: createBulkPace({ maxConcurrency, maxRequestBytes: 1_000_000 }),
    maxRequestDocuments,
    backOff: { firstMs: 0, maxMs: 1 },
    prepare: () => Promise.resolve(),
    send: model.send,
    onWait: () => undefined,
    onGoOn: () => undefined,
    now: Date.now,
  });
}

/** `isOver`: whose bytes belong to somebody else now. */
function itemsOf(name: string, of: readonly Mood[]): { readonly items: BulkItems; isOver: boolean } {
  const repaired = new Set<number>();
  const lineOf = (item: number): Buffer =>
    Buffer.from(`${name}-${item}|${of[item]}|${repaired.has(item) ? 'mended' : 'bad'}\n`);
  const result = {
    isOver: false,
    items: {
      count: of.length,
      byteLength: (item: number) => lineOf(item).length,
      put(target: Buffer, offset: number, item: number) {
        if (result.isOver) throw new Error('read after its end');
        return offset + lineOf(item).copy(target, offset);
      },
      dropFields(item: number) {
        if (repaired.has(item)) return false;
        repaired.add(item);
        return true;
      },
    },
  };
  return result;
}

describe('bulk requests of many deliveries', () => {
  test('give each item one fate, whatever is answered, in whatever order', async () => {
    const delivery = fc.array(fc.constantFrom(...moods), { minLength: 1, maxLength: 12 });
    const scene = fc.record({
      deliveries: fc.array(delivery, { minLength: 1, maxLength: 6 }),
      happenings: fc.array(fc.constantFrom(...happenings), { maxLength: 12 }),
      delays: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 8 }),
      maxDocuments: fc.integer({ min: 1, max: 20 }),
      maxRequestDocuments: fc.integer({ min: 1, max: 30 }),
      maxConcurrency: fc.integer({ min: 1, max: 5 }),
      /** Deliveries that are given up after so many turns of the event loop, and made again. */
      givenUp: fc.array(fc.option(fc.nat({ max: 12 }), { nil: undefined }), { minLength: 6, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(scene, async ({ deliveries, maxRequestDocuments, maxConcurrency, givenUp, ...rest }) => {
        const model = modelOf(rest);
        const requests = requestsOf(model, maxConcurrency, maxRequestDocuments);
        const results = await Promise.all(
          deliveries.map(async (of, n) => {
            const turns = givenUp[n];
            if (turns !== undefined) {
              const first = itemsOf(`${n}`, of);
              const stopping = new AbortController();
              const given = requests.deliver(first.items, stopping.signal).then(
                () => undefined,
                (error: unknown) => expect(error).toMatchObject({ code: 'stopped' }),
              );
              for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
              stopping.abort();
              await given;
              first.isOver = true;
            }
            return requests.deliver(itemsOf(`${n}`, of).items, new AbortController().signal);
          }),
        );
        for (const [n, { alreadyThere, refused }] of results.entries()) {
          const of = deliveries[n]!;
          expect(refused.map(({ index }) => index).sort((a, b) => a - b)).toEqual(
            of.flatMap((mood, index) => (isRefused(mood) ? [index] : [])),
          );
          expect(new Set(alreadyThere).size).toBe(alreadyThere.length);
          expect(alreadyThere.filter((index) => isRefused(of[index]!))).toEqual([]);
        }
        const expected = deliveries.flatMap((of, n) =>
          of.flatMap((mood, index): [string, string][] =>
            isRefused(mood) ? [] : [[`${n}-${index}`, mood === 'bad field' ? 'mended' : 'bad']],
          ),
        );
        expect(new Map([...model.documents].sort())).toEqual(new Map(expected.sort()));
        expect(model.mostUnderWay).toBeLessThanOrEqual(maxConcurrency);
        expect(requests.longestWait()).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  test('refuse what has waited often enough, where patience is bounded', async () => {
    const model = modelOf({ happenings: [], delays: [0], maxDocuments: 10 });
    const { items } = itemsOf('a', ['waits twice', 'good', 'waits once']);
    const { refused } = await requestsOf(model, 2, 10).deliver(items, new AbortController().signal, 1);
    expect(refused).toEqual([{ index: 0, reason: 'blocked' }]);
    expect([...model.documents.keys()].sort()).toEqual(['a-1', 'a-2']);
  });

  test('that fail for a mistake of our own fail their deliveries, and no others', async () => {
    const model = modelOf({ happenings: [], delays: [1], maxDocuments: 10 });
    const requests = requestsOf(model, 2, 10);
    const broken = itemsOf('broken', ['good']);
    broken.isOver = true;
    const failing = requests.deliver(broken.items, new AbortController().signal);
    await expect(failing).rejects.toThrow('read after its end');
    await requests.deliver(itemsOf('a', ['good']).items, new AbortController().signal);
    expect([...model.documents.keys()]).toEqual(['a-0']);
  });

  test.each(['fails with its connection', 'is too large for the server'])(
    'that were given up while a request was under way, which %s, leave nothing to ask the server for',
    async (what) => {
      const stopping = new AbortController();
      let asked = 0;
      let hasSent = (): void => undefined;
      const sent = new Promise<void>((resolve) => {
        hasSent = resolve;
      });
      const requests = createBulkRequests({
        pace: createBulkPace({ maxConcurrency: 1, maxRequestBytes: 1_000_000 }),
        maxRequestDocuments: 10,
        backOff: { firstMs: 1, maxMs: 1 },
        // The server is away as soon as the first request is. Asking for ever would keep this test from ending.
        prepare() {
          asked += 1;
          if (asked === 1) return Promise.resolve();
          return asked > 20 ? new Promise(() => undefined) : Promise.reject(new WeirError('stopped', 'stopped'));
        },
        send: (_request, signal) =>
          new Promise((resolve, reject) => {
            signal.addEventListener('abort', () => {
              if (what === 'is too large for the server')
                resolve({ kind: 'split', reason: 'too large', tooLarge: true });
              else reject(new WeirError('stopped', 'stopped'));
            });
            hasSent();
          }),
        onWait: () => undefined,
        onGoOn: () => undefined,
        now: Date.now,
      });
      const delivering = requests.deliver(itemsOf('a', ['good', 'good']).items, stopping.signal);
      await sent;
      stopping.abort();
      await expect(delivering).rejects.toMatchObject({ code: 'stopped' });
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      expect(asked).toBe(1);
    },
  );
});
