// What V8 is told about memory: flags are tried in a process of their own.

import { execFileSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import { createHeapRest } from '../../src/app/heap.ts';

const optimizedBit = 1 << 4;

/** Is a function that was called often optimized? `told`: the function of heap.ts that is called before. */
function isOptimizedAfter(...told: readonly string[]): boolean {
  const program = `
    const heap = await import(${JSON.stringify(new URL('../../src/app/heap.ts', import.meta.url).href)});
    function add(a, b) { return a + b; }
    let sum = 0;
    heap.waitWithOptimizing();
    for (let i = 0; i < 300_000; i++) sum = add(sum, i);
    for (const name of ${JSON.stringify(told)}) heap[name]();
    for (let i = 0; i < 3_000_000; i++) sum = add(sum, i);
    const until = Date.now() + 2000;
    while ((%GetOptimizationStatus(work) & ${optimizedBit}) === 0 && Date.now() < until) {
      for (let i = 0; i < 1000; i++) work();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    function work() { for (let i = 0; i < 100; i++) sum = add(sum, i); return sum; }
    console.log((%GetOptimizationStatus(work) & ${optimizedBit}) !== 0);
  `;
  const output = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--allow-natives-syntax', '--no-maglev', '--input-type=module', '--eval', program],
    { encoding: 'utf8' },
  );
  return output.trim() === 'true';
}

describe('optimizing', () => {
  it('waits for the first flow', () => expect(isOptimizedAfter()).toBe(false));
  it('begins when it is told to, in the functions that were called before, too', () =>
    expect(isOptimizedAfter('beginOptimizing')).toBe(true));
});

describe('the rest', () => {
  it('is once after each silence', () => {
    vi.useFakeTimers();
    try {
      let flows = 0;
      const collect = vi.fn();
      const rest = createHeapRest({ progress: () => flows, collect });
      rest.start();
      vi.advanceTimersByTime(40_000);
      expect(collect).not.toHaveBeenCalled();
      vi.advanceTimersByTime(600_000);
      expect(collect).toHaveBeenCalledTimes(1);
      for (let i = 0; i < 60; i++) {
        flows += 1;
        vi.advanceTimersByTime(10_000);
      }
      expect(collect).toHaveBeenCalledTimes(1);
      vi.advanceTimersByTime(60_000);
      expect(collect).toHaveBeenCalledTimes(2);
      rest.stop();
      flows += 1;
      vi.advanceTimersByTime(600_000);
      expect(collect).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
  });
});
