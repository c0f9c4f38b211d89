// Old indices, where the server has no lifecycle management, or as far as that can't do it: deletes by age and by size, rolls over by
// size, merges what is over, and says when the disk will be full. Only indices that weir made; every action may be done by
// several workers at once, and is done once.

import type { Logger } from '../telemetry/logger.ts';
import { deleteIndex } from './delete-index.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { listOwnIndices, type OwnIndex } from './index-inventory.ts';
import type { IndexLayout } from './index-layout.ts';
import { makeIndex, nextStart, seriesIndex, startOfIndex } from './index-series.ts';
import { hasLifecycle } from './lifecycle-policy.ts';
import {
  type Disk,
  type Forecast,
  findSurplus,
  type RetentionLimits,
  type Surplus,
  toForecast,
  toForecastText,
} from './retention-rules.ts';
import { readAnswer } from './server-answer.ts';

export interface RetentionOptions extends RetentionLimits {
  readonly client: ElasticsearchClient;
  readonly layout: IndexLayout;
  readonly rollOverBytes?: number;
  readonly merge: boolean;
  /** Is there time for a merge: nothing waits, Elasticsearch takes all. */
  readonly isIdle: () => Promise<boolean>;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Retention {
  /** One look, and what it asks for. Throws WeirError when the server does not answer, or refuses. */
  tend(signal: AbortSignal): Promise<Forecast | undefined>;
}

/** By Elasticsearch's default the flood stage is at so much of a disk: it writes no more then. */
const floodStage = 0.95;
/** Late flows still come to yesterday's index for a while; a merge before that would be done for nothing. */
const mergeAfterMs = 2 * 3_600_000;

export function createRetention({
  client,
  layout,
  keepMs,
  maxBytes,
  rollOverBytes,
  merge,
  isIdle,
  logger,
  now,
}: RetentionOptions): Retention {
  async function tend(signal: AbortSignal): Promise<Forecast | undefined> {
    const [withLifecycle, indices] = await Promise.all([
      hasLifecycle(client, signal),
      listOwnIndices(client, layout, now(), signal),
    ]);
    // What the policy does is left to it (docs/decisions/0029); a series has none.
    const byAge = (withLifecycle && !layout.isRollover) || keepMs === undefined ? {} : { keepMs };
    const surplus = findSurplus(indices, { ...byAge, ...(maxBytes !== undefined && { maxBytes }) }, now());
    await deleteIndices(client, surplus, logger, signal);
    const left = indices.filter((index) => !surplus.some((gone) => gone.index === index));
    if (rollOverBytes !== undefined) await rollOver(left, rollOverBytes, signal);
    const forecast = await askForecast(
      client,
      left,
      { ...(keepMs !== undefined && { keepMs }), ...(maxBytes !== undefined && { maxBytes }) },
      now(),
      signal,
    );
    logger.info({ ...forecast, indices: left.length }, toForecastText(forecast));
    if (merge) await mergeOne(left, signal);
    return forecast;
  }

  /** Announces the next index when the last one is full; it is there, and known to all workers, before its time begins. */
  async function rollOver(indices: readonly OwnIndex[], bytes: number, signal: AbortSignal): Promise<void> {
    const last = indices.at(-1);
    const { base } = layout.naming;
    if (last === undefined || last.primaryBytes < bytes || (startOfIndex(base, last.name) ?? 0) > now()) return;
    const startMs = nextStart(now());
    const name = seriesIndex(base, startMs);
    if (await makeIndex(client, base, name, signal))
      logger.info({ from: last.name, to: name, at: new Date(startMs).toISOString() }, 'a new index begins');
  }

  /** The oldest that is over and in several pieces; one at a time, as a merge is work for the whole machine. */
  async function mergeOne(indices: readonly OwnIndex[], signal: AbortSignal): Promise<void> {
    const index = indices.find(
      ({ isWritten, endMs, segments, shards }) => !isWritten && now() - endMs >= mergeAfterMs && segments > shards,
    );
    if (index === undefined || !(await isIdle()) || (await isMerging(signal))) return;
    const { name, segments } = index;
    logger.info({ index: name, segments }, 'merging an index of a day that is over');
    const path = `/${encodeURIComponent(name)}/_forcemerge`;
    const query = { max_num_segments: '1' };
    const answer = await client.request({ method: 'POST', path, query }, signal).catch((error: unknown) => {
      // A merge takes longer than a request may: the server goes on with it.
      logger.debug({ index: name, reason: error instanceof Error ? error.message : '' }, 'the merge goes on');
      return undefined;
    });
    if (answer !== undefined && answer.status !== 404)
      readAnswer(answer, { what: `merge ${name}`, privilege: `the privilege "maintenance" on ${layout.pattern}` });
  }

  /** Another worker may have begun one. */
  async function isMerging(signal: AbortSignal): Promise<boolean> {
    const query = { actions: 'indices:admin/forcemerge*', filter_path: 'nodes.*.tasks.*.action' };
    const { status, json } = await client.request({ method: 'GET', path: '/_tasks', query }, signal);
    return status === 200 && JSON.stringify(json).includes('forcemerge');
  }

  return { tend };
}

export async function deleteIndices(
  client: ElasticsearchClient,
  surplus: readonly Surplus[],
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const { index, reason } of surplus) {
    const { name, bytes } = index;
    if (await deleteIndex(client, name, signal)) logger.info({ index: name, bytes, reason }, 'an old index is deleted');
  }
}

export async function askForecast(
  client: ElasticsearchClient,
  indices: readonly OwnIndex[],
  limits: RetentionLimits,
  nowMs: number,
  signal: AbortSignal,
): Promise<Forecast | undefined> {
  return toForecast(indices, await askDisk(client, signal), limits, nowMs);
}

async function askDisk(client: ElasticsearchClient, signal: AbortSignal): Promise<Disk> {
  const query = { format: 'json', bytes: 'b', h: 'disk.avail,disk.total' };
  const { status, json } = await client.request({ method: 'GET', path: '/_cat/allocation', query }, signal);
  const rows: readonly unknown[] = status === 200 && Array.isArray(json) ? json : [];
  let freeBytes = 0;
  for (const row of rows) {
    const { 'disk.avail': free, 'disk.total': total } = row as Readonly<Record<string, string | null>>;
    freeBytes += Math.max(0, Math.round(Number(free ?? 0) - (1 - floodStage) * Number(total ?? 0)));
  }
  return { freeBytes };
}
