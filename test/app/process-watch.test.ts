import { expect, test } from 'vitest';
import { createProcessWatch, type ProcessUsage } from '../../src/app/process-watch.ts';
import type { QueueDepth } from '../../src/enqueue/queue.ts';
import { createLedger } from '../../src/telemetry/ledger.ts';
import { createLedgerBook } from '../../src/telemetry/ledger-book.ts';

const minuteMs = Date.UTC(2026, 0, 1, 12);

function watchOf(depth: () => Promise<QueueDepth>) {
  let nowMs = minuteMs + 10_000;
  let usages: (ProcessUsage | undefined)[] = [];
  const book = createLedgerBook({ ledger: createLedger(), process: 'box/1', nowMs });
  const watch = createProcessWatch({
    book,
    queue: { depth },
    usage: () => usages,
    spooledRecords: () => 7,
    now: () => nowMs,
  });
  return {
    take: () => book.take(),
    async look(atMs: number, ...next: (ProcessUsage | undefined)[]) {
      nowMs = minuteMs + atMs;
      usages = next;
      await watch.look();
    },
  };
}

const usage = (cpuMs: number, memoryBytes = 100): ProcessUsage => ({ cpuMs, memoryBytes });
const depth = (records: number, oldestAtMs?: number): QueueDepth => ({
  waiting: records,
  active: 0,
  records,
  bytes: records * 10,
  oldestAtMs,
});

test('what a process and its queue need is added up, by minute, with the number of looks', async () => {
  let waiting = depth(0);
  const { look, take } = watchOf(async () => waiting);
  await look(10_000, usage(1000));
  waiting = depth(40, minuteMs + 12_000);
  await look(15_000, usage(1200.4, 150));
  await look(65_000, usage(1300));
  expect(take()).toEqual([
    {
      minuteMs,
      stage: 'process',
      process: 'box/1',
      counts: {
        process_looks: 2,
        cpu_ms: 1200,
        memory_bytes: 250,
        spool_records: 14,
        queue_looks: 2,
        queue_records: 40,
        queue_bytes: 400,
        queue_age_ms: 3000,
      },
    },
    expect.objectContaining({
      minuteMs: minuteMs + 60_000,
      counts: expect.objectContaining({ process_looks: 1, cpu_ms: 100, queue_age_ms: 53_000 }),
    }),
  ]);
  expect(take()).toEqual([]);
});

test('CPU time is that of the workers, too, and never goes back when one is started anew', async () => {
  const { look, take } = watchOf(async () => depth(0));
  await look(1000, usage(100), usage(1000), undefined);
  await look(6000, usage(110), usage(30), usage(5));
  expect(take()[0]?.counts).toMatchObject({ cpu_ms: 100 + 1000 + 10 + 30 + 5, memory_bytes: 500 });
});

test('a queue that is away is not looked at, and not empty', async () => {
  const { look, take } = watchOf(async () => Promise.reject(new Error('away')));
  await look(1000, usage(100));
  expect(take()[0]?.counts).toEqual({ process_looks: 1, cpu_ms: 100, memory_bytes: 100, spool_records: 7 });
});

test('a clock that goes back makes no age less than 0', async () => {
  const { look, take } = watchOf(async () => depth(1, minuteMs + 9000));
  await look(1000, usage(100));
  expect(take()[0]?.counts).not.toHaveProperty('queue_age_ms');
});
