// The worker's side without a server to index: takes batches from Redis, makes documents, and forgets them. At SIGTERM one line of
// JSON says how many flows came, and how long after their arrival at the listener their fate was sealed.
// node --import tsx bench/queue-worker.ts --pipeline pipeline.yml

import { parseArgs } from 'node:util';
import { loadPipelineFile } from '../src/app/pipeline-source.ts';
import { createQueue } from '../src/app/queues.ts';
import { openPipeline } from '../src/app/steps.ts';
import { createWork } from '../src/app/work.ts';
import type { Job, Queue } from '../src/enqueue/queue.ts';
import type { Sink } from '../src/index/sink.ts';
import { createLedger } from '../src/telemetry/ledger.ts';
import { createLogger } from '../src/telemetry/logger.ts';

const { values } = parseArgs({ options: { pipeline: { type: 'string' } } });
const logger = createLogger({ level: 'warn', write: (line) => process.stderr.write(line) });
const now = (): number => Date.now();
const ledger = createLedger();
const file = await loadPipelineFile(values.pipeline);
const queue = await createQueue(file, { adds: false, ledger, logger, now });
/** Flows by how many ms they took. */
const latencies = new Map<number, number>();

const watched: Queue = {
  ...queue,
  async take(signal) {
    const job = await queue.take(signal);
    return job && watch(job);
  },
};

function watch(job: Job): Job {
  return {
    ...job,
    async done() {
      const isEnded = await job.done();
      for (const { header, rows } of job.batch.sets) {
        const ms = Math.max(0, now() - header.receivedAtMs);
        latencies.set(ms, (latencies.get(ms) ?? 0) + rows.length);
      }
      return isEnded;
    },
  };
}

const nowhere: Sink = {
  start: async () => undefined,
  write: async () => ({ alreadyThere: [], refused: [] }),
  ready: async () => undefined,
  trouble: () => undefined,
  stop: async () => undefined,
};

const work = createWork({ queue: watched, ledger, logger, now });
await queue.start();
work.start({ pipeline: await openPipeline(file, { logger }), sink: nowhere, lanes: 2 });
console.log('ready');
await new Promise((resolve) => process.once('SIGTERM', resolve));
await work.pause(2000);
await queue.stop();

const sorted = [...latencies].sort(([a], [b]) => a - b);
const flows = sorted.reduce((sum, [, count]) => sum + count, 0);

function quantile(part: number): number {
  let seen = 0;
  for (const [ms, count] of sorted) {
    seen += count;
    if (seen >= part * flows) return ms;
  }
  return 0;
}

console.log(JSON.stringify({ flows, medianMs: quantile(0.5), p99Ms: quantile(0.99), mostMs: quantile(1) }));
process.exit();
