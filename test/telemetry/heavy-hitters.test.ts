import { describe, expect, it } from 'vitest';
import { createHeavyHitters } from '../../src/telemetry/heavy-hitters.ts';

const create = () => createHeavyHitters<string>({ keys: 10, overMs: 300_000, parts: 10 });

describe('heavy hitters', () => {
  it('are summed over the parts of the time, the heaviest first', () => {
    const table = create();
    for (const [atMs, key, weight] of [
      [0, 'a', 5],
      [40_000, 'a', 6],
      [50_000, 'b', 10],
    ] as const)
      table.add(atMs, key, weight, 1, () => key.toUpperCase());
    expect(table.top(60_000, 10)).toEqual([
      { key: 'a', weight: 11, count: 2, about: 'A' },
      { key: 'b', weight: 10, count: 1, about: 'B' },
    ]);
    expect(table.top(60_000, 1)).toHaveLength(1);
  });

  it('are forgotten when their time is over, and when the clock is set back', () => {
    const table = create();
    table.add(1_000_000, 'a', 1, 1, () => '');
    expect(table.top(1_290_000, 5)).toHaveLength(1);
    expect(table.top(1_340_000, 5)).toEqual([]);
    table.add(2_000_000, 'a', 1, 1, () => '');
    table.add(500_000, 'b', 1, 1, () => '');
    expect(table.top(500_000, 5).map(({ key }) => key)).toEqual(['b']);
  });

  it('stay, with all their weight, however many light keys come by', () => {
    const table = create();
    for (let number = 0; number < 10_000; number += 1) {
      table.add(0, 'heavy', 3, 1, () => '');
      table.add(0, `light ${number}`, 1, 1, () => '');
    }
    const [heaviest, ...others] = table.top(0, 1000);
    expect(heaviest).toMatchObject({ key: 'heavy', weight: 30_000 });
    expect(others.length).toBeLessThan(41);
  });
});
