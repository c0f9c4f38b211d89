// The schedule of rollups: a round a minute, by whichever worker has the lease. It holds up nothing: while Elasticsearch is away or busy
// it waits, and what there is to do is in the indices.

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { ElasticsearchTarget, PipelineFile } from '../enrich/pipeline-file.ts';
import type { RollupLevels, Rollups } from '../index/rollups.ts';
import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';

export interface RollupScheduleOptions {
  /** The file in effect: it may change. */
  readonly file: () => PipelineFile;
  /** Do documents go to Elasticsearch now, or do they wait? */
  readonly isFree: () => boolean;
  readonly logger: Logger;
  readonly now: () => number;
  /** After the start there is other work to do. */
  readonly firstAfterMs?: number;
  readonly everyMs?: number;
}

export interface RollupSchedule {
  start(): void;
  /** Undefined where none are made. */
  levels(): RollupLevels | undefined;
  stop(): Promise<void>;
}

/** An hour of many flows takes tens of seconds to sum up; a lease is kept for longer than that. */
const requestLimitMs = 60_000;
const releaseLimitMs = 1000;
/** While the server is away or refuses, rounds come more seldom, down to this. */
const maxWaitMs = 600_000;

interface Open {
  readonly target: ElasticsearchTarget;
  readonly indexName: string;
  readonly rollups: Rollups;
  close(): Promise<void>;
}

export function createRollupSchedule({
  file,
  isFree,
  logger,
  now,
  firstAfterMs = 30_000,
  everyMs = 60_000,
}: RollupScheduleOptions): RollupSchedule {
  const stopping = new AbortController();
  const holder = `${hostname()}/${process.pid}/${randomBytes(6).toString('base64url')}`;
  const pass = createRateLimit({ times: 1 });
  let timer: NodeJS.Timeout | undefined;
  let active: Promise<void> | undefined;
  let open: Open | undefined;
  let failures = 0;

  function plan(afterMs: number): void {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      active = round().then(() => plan(Math.min(everyMs * 2 ** failures, Math.max(everyMs, maxWaitMs))));
    }, afterMs);
    timer.unref();
  }

  async function round(): Promise<void> {
    const { elasticsearch, name } = file().index;
    if (open !== undefined && (open.target !== elasticsearch || open.indexName !== name)) await close();
    if (elasticsearch?.rollups === undefined || !isFree()) return;
    try {
      open ??= await create(elasticsearch, name);
      await open.rollups.tend(now() + everyMs, stopping.signal);
      failures = 0;
    } catch (error) {
      if (stopping.signal.aborted) return;
      failures += 1;
      const { message, hint } =
        error instanceof WeirError ? error : { message: error instanceof Error ? error.name : '', hint: undefined };
      if (pass(message, now()) !== undefined) logger.warn({ reason: message, hint }, 'rollups wait to be made');
    }
  }

  async function create(target: ElasticsearchTarget, indexName: string): Promise<Open> {
    const { createElasticsearchClient } = await import('../index/elasticsearch-client.ts');
    const { createIndexLayout } = await import('../index/index-layout.ts');
    const { createRollupLease } = await import('../index/rollup-lease.ts');
    const { checkRollupTemplate } = await import('../index/rollup-template.ts');
    const { createRollups } = await import('../index/rollups.ts');
    // A client of its own: what takes long here must not look like an outage to bulk requests.
    const client = createElasticsearchClient({ ...target, requestTimeoutMs: requestLimitMs });
    try {
      await checkRollupTemplate(client, stopping.signal);
    } catch (error) {
      await client.close();
      throw error;
    }
    const layout = createIndexLayout({ indexName, ...target.retention, now });
    const of = layout.naming.base;
    const lease = createRollupLease({ client, of, holder, now });
    return {
      target,
      indexName,
      rollups: createRollups({ client, pattern: layout.pattern, of, lease, ...target.rollups!, logger, now }),
      async close() {
        await lease.release(AbortSignal.timeout(releaseLimitMs)).catch(() => undefined);
        await client.close();
      },
    };
  }

  async function close(): Promise<void> {
    const closing = open;
    open = undefined;
    await closing?.close();
  }

  return {
    start: () => plan(firstAfterMs),
    levels: () => open?.rollups.levels(),
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await active;
      await close();
    },
  };
}
