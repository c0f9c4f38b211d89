import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BulkPace, createBulkPace } from '../../src/index/bulk-pace.ts';

const maxRequestBytes = 4_000_000;

function paceOf(maxConcurrency = 8): BulkPace {
  return createBulkPace({ maxConcurrency, maxRequestBytes });
}

/** Answers after `latencyMs` to requests that others waited for. */
function answer(pace: BulkPace, times: number, latencyMs: number, isFull = true): void {
  for (let time = 0; time < times; time += 1) pace.onAnswer({ bytes: pace.requestBytes(), latencyMs, isFull });
}

describe('the pace of bulk requests', () => {
  test('begins with two, or with one where no more are allowed', () => {
    expect(paceOf().concurrency()).toBe(2);
    expect(paceOf(1).concurrency()).toBe(1);
    expect(paceOf().requestBytes()).toBe(maxRequestBytes);
  });

  test('grows to its limit while answers come as quickly as before', () => {
    const pace = paceOf();
    answer(pace, 200, 100);
    expect(pace.concurrency()).toBe(8);
  });

  test('does not grow where nothing waits', () => {
    const pace = paceOf();
    answer(pace, 200, 100, false);
    expect(pace.concurrency()).toBe(2);
  });

  test('stays where more requests only take longer', () => {
    const pace = paceOf();
    // A server that does two at a time: each further one waits for its turn.
    for (let time = 0; time < 300; time += 1) answer(pace, 1, 100 * Math.max(1, pace.concurrency() / 2));
    expect(pace.concurrency()).toBeGreaterThanOrEqual(2);
    expect(pace.concurrency()).toBeLessThanOrEqual(4);
  });

  test('is halved when the server is busy, once for what was under way, and recovers', () => {
    const pace = paceOf();
    answer(pace, 200, 100);
    for (let request = 0; request < 8; request += 1) pace.onBusy(1000, 1001);
    expect(pace.concurrency()).toBe(4);
    expect(pace.requestBytes()).toBe(maxRequestBytes / 2);
    pace.onBusy(1001, 1002);
    pace.onBusy(1002, 1003);
    pace.onBusy(1003, 1004);
    expect(pace.concurrency()).toBe(1);
    answer(pace, 300, 100);
    expect(pace.concurrency()).toBe(8);
    expect(pace.requestBytes()).toBe(maxRequestBytes);
  });

  test('makes requests smaller while answers take many seconds', () => {
    const pace = paceOf();
    answer(pace, 3, 15_000);
    expect(pace.requestBytes()).toBeCloseTo(maxRequestBytes * 0.75 ** 3);
  });

  test('never asks for as much again as was too large', () => {
    const pace = paceOf();
    pace.onTooLarge(3_000_000);
    answer(pace, 300, 100);
    expect(pace.requestBytes()).toBe(1_500_000);
  });

  test('stays between its limits, whatever comes', () => {
    const event = fc.oneof(
      fc.record({ latencyMs: fc.integer({ min: 0, max: 100_000 }), isFull: fc.boolean() }),
      fc.record({ busyAtMs: fc.nat() }),
      fc.record({ tooLarge: fc.integer({ min: 1, max: 100_000_000 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(event), (maxConcurrency, events) => {
        const pace = paceOf(maxConcurrency);
        for (const happened of events) {
          if ('busyAtMs' in happened) pace.onBusy(happened.busyAtMs, happened.busyAtMs + 1);
          else if ('tooLarge' in happened) pace.onTooLarge(happened.tooLarge);
          else pace.onAnswer({ bytes: pace.requestBytes(), ...happened });
          expect(pace.concurrency()).toBeGreaterThanOrEqual(1);
          expect(pace.concurrency()).toBeLessThanOrEqual(maxConcurrency);
          expect(Number.isInteger(pace.concurrency())).toBe(true);
          expect(pace.requestBytes()).toBeGreaterThanOrEqual(65_536);
          expect(pace.requestBytes()).toBeLessThanOrEqual(maxRequestBytes);
        }
      }),
    );
  });
});
