// `weir queue [FILE]` and its verbs list, show, retry, drop: what waits on Redis, and what is in quarantine there.

import { setTimeout as sleep } from 'node:timers/promises';
import type { QuarantinedBatch, QueueInspection, QueueState } from '../enqueue/bullmq-inspection.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { loadPipelineFile } from './pipeline-source.ts';
import { toTableLines } from './text-table.ts';

export interface QueueReportOptions {
  readonly json: boolean;
}

/** Stands for every batch in quarantine. */
const all = 'all';
/** Rates are what changes within this. */
const rateMs = 1000;

/** Text that ends with a newline; so do those below. Throws WeirError where Redis does not answer, or none is named. */
export function describeQueue(pipeline: string | undefined, { json }: QueueReportOptions): Promise<string> {
  return inspect(pipeline, async (inspection, { name }) => {
    const before = await inspection.state();
    const fromMs = performance.now();
    await sleep(rateMs);
    const state = await inspection.state();
    const seconds = (performance.now() - fromMs) / 1000;
    const report = {
      queue: name,
      waiting: state.waiting,
      active: state.active,
      records: state.records,
      bytes: state.bytes,
      oldestAgeMs: state.oldestAtMs === undefined ? null : Math.max(0, Date.now() - state.oldestAtMs),
      recordsInPerSecond: toRate(before, state, 'recordsIn', seconds),
      recordsOutPerSecond: toRate(before, state, 'recordsOut', seconds),
      quarantined: state.quarantined,
      listeners: state.listeners,
      workers: state.workers,
      redis: state.memory,
    };
    return json ? toJson(report) : toText(report);
  });
}

function toRate(before: QueueState, after: QueueState, key: 'recordsIn' | 'recordsOut', seconds: number): number {
  return Math.round(Math.max(0, after[key] - before[key]) / seconds);
}

type Report = Readonly<Record<'waiting' | 'active' | 'records' | 'bytes' | 'quarantined', number>> & {
  readonly queue: string;
  readonly oldestAgeMs: number | null;
  readonly recordsInPerSecond: number;
  readonly recordsOutPerSecond: number;
  readonly listeners: readonly string[];
  readonly workers: readonly string[];
  readonly redis: QueueState['memory'];
};

function toText(report: Report): string {
  const { oldestAgeMs, redis } = report;
  const memory = redis.map(({ usedBytes, maxBytes, policy }) =>
    maxBytes === 0
      ? `${toMebibytes(usedBytes)} used`
      : `${toMebibytes(usedBytes)} of ${toMebibytes(maxBytes)} (${policy})`,
  );
  return toTable([
    ['queue', report.queue],
    ['waiting', `${report.waiting} batches`],
    ['in hand', `${report.active} batches`],
    ['together', `${report.records} records, ${toMebibytes(report.bytes)}`],
    ['oldest', oldestAgeMs === null ? '-' : `${(oldestAgeMs / 1000).toFixed(1)} s`],
    ['in', `${report.recordsInPerSecond} records/s`],
    ['out', `${report.recordsOutPerSecond} records/s`],
    ['quarantine', `${report.quarantined} batches`],
    ['listeners', toNames(report.listeners)],
    ['workers', toNames(report.workers)],
    ['Redis memory', memory.join(', ')],
  ]);
}

function toNames(names: readonly string[]): string {
  return names.length === 0 ? 'none' : `${names.length}: ${names.join(', ')}`;
}

function toMebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

export function listQuarantine(pipeline: string | undefined, { json }: QueueReportOptions): Promise<string> {
  return inspect(pipeline, async (inspection) => {
    const batches = await inspection.quarantine();
    if (json) return toJson(batches);
    if (batches.length === 0) return 'the quarantine is empty\n';
    return toTable([['BATCH', 'RECORDS', 'SINCE', 'EXPORTERS', 'REASON'], ...batches.map(toRow)]);
  });
}

function toRow({ id, records, quarantinedAtMs, exporters, reason }: QuarantinedBatch): readonly string[] {
  const [first = '', ...others] = Object.keys(exporters);
  const names = others.length === 0 ? first : `${first} and ${others.length} more`;
  return [id, `${records}`, new Date(quarantinedAtMs).toISOString(), names, reason];
}

/** JSON in any case: what is known of the batch, and its records as they were decoded. */
export function showQuarantined(batch: string, pipeline: string | undefined): Promise<string> {
  return inspect(pipeline, async (inspection) => {
    const { about, batch: whole } = await inspection.batch(batch);
    return toJson({ ...about, batch: whole ?? null });
  });
}

export function retryQuarantined(batch: string, pipeline: string | undefined): Promise<string> {
  return settle(batch, pipeline, 'retry', 'back on the queue');
}

export function dropQuarantined(batch: string, pipeline: string | undefined): Promise<string> {
  return settle(batch, pipeline, 'drop', 'dropped');
}

function settle(batch: string, pipeline: string | undefined, verb: 'retry' | 'drop', done: string): Promise<string> {
  return inspect(pipeline, async (inspection) => {
    const lines: string[] = [];
    const settleOne = async (id: string): Promise<void> => {
      const { records, exporters } = await inspection[verb](id);
      const names = Object.entries(exporters).map(([exporter, count]) => `${exporter} ${count}`);
      lines.push(`${id}: ${done}, ${records} records (${names.join(', ')})\n`);
    };
    if (batch !== all) await settleOne(batch);
    // Listed some at a time; one that comes back meanwhile is not tried again.
    const seen = new Set<string>();
    const next = async () => (await inspection.quarantine()).filter(({ id }) => !seen.has(id));
    for (let found = batch === all ? await next() : []; found.length > 0; found = await next()) {
      for (const { id } of found) {
        seen.add(id);
        await settleOne(id).catch((error: unknown) => {
          // Somebody else was quicker.
          if (!(error instanceof WeirError && error.code === 'usage')) throw error;
        });
      }
    }
    return lines.length === 0 ? 'the quarantine is empty\n' : lines.join('');
  });
}

async function inspect(
  pipeline: string | undefined,
  work: (inspection: QueueInspection, file: PipelineFile) => Promise<string>,
): Promise<string> {
  const file = await loadPipelineFile(pipeline);
  const { redis } = file.queue;
  if (redis === undefined) {
    throw new WeirError(
      'pipeline-invalid',
      `${file.path}: weir queue looks at the queue on Redis, and "queue.redis" names none`,
    );
  }
  const { createQueueInspection } = await import('../enqueue/bullmq-inspection.ts');
  const { toReason, toWhere } = await import('../enqueue/redis-connection.ts');
  const inspection = createQueueInspection({
    redis,
    keyPrefix: redis.keyPrefix,
    name: file.name,
    keepMs: redis.keepMs,
    logger: silentLogger,
    now: () => Date.now(),
  });
  await inspection.start();
  try {
    return await work(inspection, file);
  } catch (error) {
    if (error instanceof WeirError || error instanceof TypeError) throw error;
    throw new WeirError('queue-unavailable', `Redis at ${toWhere(redis)}: ${toReason(error)}`, { cause: error });
  } finally {
    await inspection.stop();
  }
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function toTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  return toTableLines(head, rows)
    .map((line) => `${line}\n`)
    .join('');
}
