import { describe, expect, test } from 'vitest';
import { createIndexNaming } from '../../src/index/index-name.ts';

const today = Date.UTC(2026, 10, 24, 12);
const dayMs = 86_400_000;

function namingOn(nowMs = today, pattern = 'weir-flow-%{yyyy.MM.dd}') {
  return createIndexNaming(pattern, () => nowMs);
}

describe('the index of a document', () => {
  test('is named by the UTC day of its own time, before and after midnight', () => {
    const naming = namingOn();
    expect(naming.toIndexName(Date.UTC(2026, 10, 24, 23, 59, 59, 999))).toBe('weir-flow-2026.11.24');
    expect(naming.toIndexName(Date.UTC(2026, 10, 25))).toBe('weir-flow-2026.11.25');
    expect(naming.toIndexName(Date.UTC(2019, 8, 6, 13, 42))).toBe('weir-flow-2019.09.06');
  });

  test('exists for a time that is none', () => {
    const naming = namingOn();
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300]) {
      expect(naming.toIndexName(time)).toBe('weir-flow-1970.01.01');
    }
  });

  test('is one of a bounded number, however many days a broken clock goes through, and the same at each attempt', () => {
    const naming = namingOn();
    const far = Array.from({ length: 5000 }, (_, index) => naming.toIndexName(index * dayMs));
    expect(new Set(far).size).toBe(33);
    expect(far.at(-1)).toBe('weir-flow-other');
    expect(Array.from({ length: 5000 }, (_, index) => naming.toIndexName(index * dayMs))).toEqual(far);
    // True clocks don't suffer from it.
    expect(naming.toIndexName(today - 5 * dayMs)).toBe('weir-flow-2026.11.19');
  });

  test('goes with the days', () => {
    let nowMs = today;
    const naming = createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => nowMs);
    for (let day = 0; day < 400; day += 1) {
      nowMs = today + day * dayMs;
      const expected = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '.');
      expect(naming.toIndexName(nowMs)).toBe(`weir-flow-${expected}`);
    }
  });

  test('may have a month only', () => {
    expect(namingOn(today, 'flows_%{yyyy-MM}').toIndexName(today)).toBe('flows_2026-11');
  });
});

test.each(['Weir-%{yyyy}', 'weir flow', '%{yyyy}', '-weir', 'weir-%{HH}', 'weir*'])(
  '%s is refused as an index name',
  (pattern) => {
    expect(() => namingOn(today, pattern)).toThrow(expect.objectContaining({ code: 'pipeline-invalid' }));
  },
);
