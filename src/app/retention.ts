// The schedule of the pipeline file's `retention`: one look now and then, at a moment that differs from worker to worker.

import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { Forecast } from '../index/retention-rules.ts';
import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface RetentionScheduleOptions {
  /** The file in effect: it may change. */
  readonly file: () => PipelineFile;
  readonly isIdle: () => Promise<boolean>;
  readonly logger: Logger;
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** After the start there is other work to do. */
  readonly firstAfterMs?: number;
}

export interface RetentionSchedule {
  start(): void;
  /** Of the last look; undefined before it. */
  forecast(): Forecast | undefined;
  stop(): Promise<void>;
}

/** Without `retention` in the file it looks this often whether that has come. */
const lookEveryMs = 3_600_000;
/** A merge of a day of flows is minutes; the request is given up then, and the server goes on. */
const limitMs = 600_000;

export function createRetentionSchedule({
  file,
  isIdle,
  logger,
  now,
  random = Math.random,
  firstAfterMs = 60_000,
}: RetentionScheduleOptions): RetentionSchedule {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let active: Promise<void> | undefined;
  let last: Forecast | undefined;

  function plan(afterMs: number): void {
    if (stopping.signal.aborted) return;
    timer = setTimeout(
      () => {
        active = look().then(() => plan(file().index.elasticsearch?.retention?.everyMs ?? lookEveryMs));
      },
      afterMs * (0.75 + random() / 2),
    );
    timer.unref();
  }

  async function look(): Promise<void> {
    const { elasticsearch, name: indexName } = file().index;
    if (elasticsearch?.retention === undefined) return;
    const { retention } = elasticsearch;
    const { createElasticsearchClient } = await import('../index/elasticsearch-client.ts');
    const { createIndexLayout } = await import('../index/index-layout.ts');
    const { createRetention } = await import('../index/retention.ts');
    const { deleteSideSurplus, findSideSurplus, toSideLines } = await import('../index/side-retention.ts');
    // A client of its own: what takes minutes here must not look like an outage to bulk requests.
    const client = createElasticsearchClient({ ...elasticsearch, requestTimeoutMs: limitMs });
    const layout = createIndexLayout({ indexName, ...retention, now });
    try {
      last = await createRetention({ client, layout, ...retention, isIdle, logger, now }).tend(stopping.signal);
      const side = await findSideSurplus(client, retention, now(), stopping.signal);
      await deleteSideSurplus(client, side, retention, now(), stopping.signal);
      for (const line of toSideLines(side, 'deleted')) logger.info(line);
    } catch (error) {
      if (stopping.signal.aborted) return;
      const { message, hint } =
        error instanceof WeirError ? error : { message: error instanceof Error ? error.name : '', hint: undefined };
      logger.warn({ address: client.address, reason: message, hint }, 'old indices could not be looked after');
    } finally {
      await client.close();
    }
  }

  return {
    start: () => plan(firstAfterMs),
    forecast: () => last,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await active;
    },
  };
}
