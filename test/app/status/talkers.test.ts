// Documents are looked at in part where they are many: what the table says must still be near what they had.

import { describe, expect, it } from 'vitest';
import { createTalkerTable } from '../../../src/app/status/talkers.ts';
import { documentBatchOf } from '../../index/document-batches.ts';

const toBatch = (flows: readonly object[]) => documentBatchOf(flows.map((flow) => ({ flow })));

const flow = (number: number, bytes: number) => ({
  src_addr: '10.0.0.1',
  dst_addr: `10.0.1.${number}`,
  bytes,
  src_hostname: '10.0.0.1',
  dst_hostname: `host-${number}`,
  service_name: 'https (TCP/443)',
});

describe('the table of who talks most', () => {
  it('has exact sums while few documents come, and names where documents have some', () => {
    const table = createTalkerTable();
    for (let second = 0; second < 10; second += 1) table.add(toBatch([flow(1, 100), flow(2, 50)]), 1000 * second);
    expect(table.report(10_000)).toEqual({
      overMs: 300_000,
      looked: 20,
      documents: 20,
      pairs: [
        {
          source: '10.0.0.1',
          destination: '10.0.1.1',
          destinationName: 'host-1',
          service: 'https (TCP/443)',
          bytes: 1000,
          flows: 10,
        },
        {
          source: '10.0.0.1',
          destination: '10.0.1.2',
          destinationName: 'host-2',
          service: 'https (TCP/443)',
          bytes: 500,
          flows: 10,
        },
      ],
    });
  });

  it('looks at some hundred documents a second, whatever comes, and estimates the rest', () => {
    const table = createTalkerTable();
    const many = toBatch(Array.from({ length: 5000 }, (_, index) => flow(index % 4, 100 * (1 + (index % 4)))));
    for (let second = 0; second < 60; second += 1)
      for (let batch = 0; batch < 4; batch += 1) table.add(many, 1000 * second + 250 * batch);
    const { looked, documents, pairs } = table.report(60_000);
    expect(documents).toBe(60 * 20_000);
    expect(looked).toBeLessThan(60 * 500);
    expect(pairs.map(({ destination }) => destination)).toEqual(['10.0.1.3', '10.0.1.2', '10.0.1.1', '10.0.1.0']);
    // Some 1,500 of each were looked at: five standard deviations are 13 %.
    for (const [index, { bytes }] of pairs.entries()) {
      const exact = 60 * 5000 * 100 * (4 - index);
      expect(Math.abs(bytes - exact) / exact).toBeLessThan(0.15);
    }
  });

  it('takes documents without addresses or bytes for what they are', () => {
    const table = createTalkerTable();
    table.add(
      toBatch([
        { bytes: 5 },
        { src_addr: 1, dst_addr: null },
        { ...flow(1, 0), bytes: '12' },
        { ...flow(2, 0), bytes: {} },
      ]),
      0,
    );
    expect(table.report(0).pairs).toEqual([expect.objectContaining({ destination: '10.0.1.1', bytes: 12 })]);
  });
});
