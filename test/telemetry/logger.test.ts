import { describe, expect, test } from 'vitest';
import { createRateLimit } from '../../src/telemetry/logger.ts';

describe('the limit of log lines', () => {
  test('lets a kind through so many times per interval, and says then how many it held back', () => {
    const pass = createRateLimit({ times: 2, intervalMs: 1000 });
    expect([pass('a', 0), pass('a', 1), pass('a', 2), pass('a', 999), pass('b', 999)]).toEqual([
      0,
      0,
      undefined,
      undefined,
      0,
    ]);
    expect([pass('a', 1000), pass('a', 1001)]).toEqual([2, 0]);
  });

  test('bounds the lines of all kinds together: addresses may be made up without end', () => {
    const pass = createRateLimit({ times: 3, intervalMs: 1000, timesInAll: 50 });
    const linesAt = (nowMs: number): number => {
      let lines = 0;
      for (let index = 0; index < 30_000; index += 1) if (pass(`exporter ${index}`, nowMs) !== undefined) lines += 1;
      return lines;
    };
    expect(linesAt(0)).toBe(50);
    expect(linesAt(500)).toBe(0);
    expect(linesAt(1000)).toBe(50);
  });

  test('is not silenced by a clock that is set back', () => {
    const pass = createRateLimit({ times: 1, intervalMs: 1000 });
    expect(pass('a', 1_000_000)).toBe(0);
    expect(pass('a', 1_000_001)).toBeUndefined();
    expect(pass('a', 5000)).toBe(1);
  });
});
