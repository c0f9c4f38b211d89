// How weir is watched: wires the HTTP server to the ledger and to the parts of this process. Metrics are loaded when somebody asks.

import type { Queue } from '../enqueue/queue.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import type { HttpServer } from '../telemetry/http.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Levels } from '../telemetry/measures.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Readiness } from '../telemetry/routes.ts';
import { within } from './lifecycle.ts';
import type { RetentionSchedule } from './retention.ts';
import type { RollupSchedule } from './rollups.ts';
import type { FlowObserver } from './status/flow-observer.ts';
import type { Status, StatusParts } from './status/status.ts';
import type { StatusReport } from './status/status-report.ts';
import { readVersion } from './version.ts';

export interface TelemetryOptions {
  readonly part: StatusReport['weir']['part'];
  readonly pipelineFile: PipelineFile;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly now: () => number;
  /** When the process started, ms since 1970. */
  readonly startedAtMs: number;
}

/** What there is to watch, once it has started. */
export interface WatchedParts extends StatusParts {
  readonly queue: Queue;
  readonly forecast: RetentionSchedule['forecast'];
  readonly rollups: RollupSchedule['levels'];
}

export interface Telemetry {
  /** Alive, and not ready. Throws WeirError when the address that the pipeline file names can't be opened. */
  start(): Promise<void>;
  /** What stages are to tell; undefined before the start, and where nobody can look. */
  observer(): FlowObserver | undefined;
  watch(parts: WatchedParts): void;
  /** From now on weir is not ready: whoever shares load must go elsewhere. */
  unwatch(): void;
  stop(): Promise<void>;
}

/** An orchestrator waits no longer for an answer (Kubernetes: 1 s by default). */
const answerLimitMs = 800;

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { pipelineFile, ledger, logger, now, startedAtMs } = options;
  const { http } = pipelineFile.telemetry;
  let watched: WatchedParts | undefined;
  let server: HttpServer | undefined;
  let observer: FlowObserver | undefined;
  let status: Status | undefined;

  async function start(): Promise<void> {
    if (http === undefined) return;
    // Loaded only where it is wanted: start-up counts.
    const { createHttpServer } = await import('../telemetry/http.ts');
    const { createTelemetryRoutes } = await import('../telemetry/routes.ts');
    const { createPageRoutes } = await import('../telemetry/page-files.ts');
    const { createFlowObserver } = await import('./status/flow-observer.ts');
    const { createStatus } = await import('./status/status.ts');
    const { createStatusRoutes } = await import('./status/status-routes.ts');
    const { host, port, isWritten, ...access } = http;
    const observations = createFlowObserver({
      decodes: options.part !== 'work',
      now,
      elapsedMs: () => performance.now(),
    });
    const started = createStatus({
      ...options,
      version: readVersion(),
      observations,
      readLevels,
      parts: () => watched,
    });
    const routes = new Map([
      ...createPageRoutes(),
      ...createStatusRoutes({
        status: started,
        tail: observations.tail,
        file: () => watched?.inEffect().file ?? pipelineFile,
        now,
      }),
      ...createTelemetryRoutes({ metrics: createLateMetrics(), readReadiness }),
    ]);
    const opened = createHttpServer({ host, port, access, routes, logger });
    try {
      await opened.start();
    } catch (error) {
      if (isWritten || !(error instanceof WeirError)) throw error;
      // Nobody asked for it: flows matter more.
      logger.warn({ hint: error.hint }, `${error.message}; weir goes on without its status page, /metrics and /readyz`);
      return;
    }
    server = opened;
    observer = observations;
    status = started;
    status.start();
    logger.info({ page: `${opened.address()}/` }, 'weir can be watched');
  }

  function createLateMetrics(): Metrics {
    let loading: Promise<Metrics> | undefined;
    async function load(): Promise<Metrics> {
      const { createMetrics } = await import('../telemetry/metrics.ts');
      return createMetrics({ ledger, readLevels, version: readVersion(), startedAtMs, now });
    }
    return {
      async toText(accept) {
        loading ??= load();
        return (await loading).toText(accept);
      },
    };
  }

  async function readLevels(): Promise<Levels> {
    if (watched === undefined) return { dataFiles: [] };
    const { queue, listen, inEffect, forecast, findings, rollups } = watched;
    const { way } = inEffect();
    return {
      decoder: listen.levels(),
      workers: listen.workers(),
      forwarded: listen.forwarded(),
      // A queue that is away has no depth that we know.
      queue: await within(
        answerLimitMs,
        queue.depth().catch(() => undefined),
      ),
      spool: toSum(queue.spooled?.(), listen.spooled()),
      sink: way && { holdsDocuments: way.chosen.sink.trouble() !== undefined, ...way.chosen.sink.measures?.() },
      disk: forecast(),
      findings: findings(),
      rollups: rollups(),
      dataFiles: way?.pipeline.dataFiles() ?? [],
    };
  }

  async function readReadiness(): Promise<Readiness> {
    if (watched === undefined) return { isReady: false, checks: { weir: 'is starting or stopping' } };
    const { queue, inEffect } = watched;
    const { sink } = inEffect().way?.chosen ?? {};
    const checks = {
      ...(watched.listen.addresses().length > 0 && { ports: watched.listen.trouble() ?? ok }),
      queue: await check(() => queue.depth()),
      ...(sink !== undefined && {
        index: sink.trouble() ?? (await check(() => sink.ready(AbortSignal.timeout(answerLimitMs)))),
      }),
    };
    return { isReady: Object.values(checks).every((result) => result === ok), checks };
  }

  return {
    start,
    observer: () => observer,
    watch(parts) {
      watched = parts;
    },
    unwatch() {
      watched = undefined;
    },
    async stop() {
      status?.stop();
      await server?.stop();
    },
  };
}

const ok = 'ok';

interface OnDisk {
  readonly records: number;
  readonly bytes: number;
}

function toSum(own: OnDisk | undefined, others: OnDisk): OnDisk | undefined {
  return own && { records: own.records + others.records, bytes: own.bytes + others.bytes };
}

async function check(work: () => Promise<unknown>): Promise<string> {
  const done = work().then(
    () => ok,
    (error: unknown) => (error instanceof WeirError ? error.message : noAnswer),
  );
  return (await within(answerLimitMs, done)) ?? noAnswer;
}

const noAnswer = 'no answer in time';
