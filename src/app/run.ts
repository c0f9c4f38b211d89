// `weir run` and `weir demo`: every stage in one process; `weir listen` and `weir work`: the stages before and behind the queue.
// Started downstream first, stopped upstream first.

import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import type { Queue } from '../enqueue/queue.ts';
import { attributions } from '../enrich/attributions.ts';
import { withElasticsearchAccess } from '../enrich/kibana-section.ts';
import type { Pipeline } from '../enrich/pipeline.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import { createLedger, type Ledger } from '../telemetry/ledger.ts';
import { createLedgerBook } from '../telemetry/ledger-book.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { createFindings } from './findings/findings.ts';
import { makeFolder } from './folder.ts';
import { createFormerListeners } from './former-listeners.ts';
import { beginOptimizing, createHeapRest, keepHeapBounded, keepHeapSmall } from './heap.ts';
import { createKibanaStart, type KibanaStart } from './kibana-start.ts';
import { createLedgerKeeping } from './ledger-keeping.ts';
import { within } from './lifecycle.ts';
import { createListen, type Listen, noListen } from './listen.ts';
import { toAddressText } from './ports.ts';
import { createProcessWatch, readOwnUsage } from './process-watch.ts';
import { createQueue } from './queues.ts';
import { createReload, type Reload } from './reload.ts';
import { createRetentionSchedule } from './retention.ts';
import { createRollupSchedule } from './rollups.ts';
import { type ChosenSink, createSink } from './sinks.ts';
import { readProgress, toStatusLine } from './status-line.ts';
import { openPipeline } from './steps.ts';
import { createTelemetry } from './telemetry.ts';
import { createWork, noWork } from './work.ts';
import type { ListenWorkersOptions } from './workers/listen-workers.ts';

/** An orderly stop must end within 5 s (orchestrators kill then): the waits below add up to less. */
const drainLimitMs = 2500;
const stopLimitMs = 4500;
const statusEveryMs = 1000;
/** Without a terminal the counts go to the log, seldom. */
const logCountsEveryMs = 60_000;

/** `listen`: up to the queue; `work`: from there on. */
export type Part = 'all' | 'listen' | 'work';

export interface RunOptions {
  readonly part: Part;
  readonly pipelineFile: PipelineFile;
  readonly quiet: boolean;
  readonly logLevel: string;
  /** Simulated exporters, for `weir demo`. */
  readonly demo?: { readonly rate: number };
  /** Resolves when weir is to stop; may be before it has started. */
  readonly stopSignal: Promise<NodeJS.Signals>;
  /** For a change of the file while weir runs: reads it again when `onRequest` calls back, and with `watch` whenever it changes. */
  readonly reload: {
    readonly load: () => Promise<PipelineFile>;
    readonly watch: boolean;
    readonly onRequest: (listener: () => void) => void;
  };
  /** When the process started, ms since 1970: the log says how long the start took. */
  readonly startedAtMs: number;
}

/** Resolves when a signal came and everything is stopped. Throws WeirError when it can't start. */
export async function run(options: RunOptions): Promise<void> {
  const { part, pipelineFile, quiet, logLevel, demo, stopSignal, startedAtMs, reload: again } = options;
  if (part !== 'all' && pipelineFile.queue.redis === undefined) throw needsRedis(pipelineFile, part);
  if (demo !== undefined && !pipelineFile.listen.some(({ protocol }) => protocol === 'udp')) {
    throw new WeirError(
      'pipeline-invalid',
      `${pipelineFile.path}: weir demo sends by UDP, but "listen" has no udp://…`,
    );
  }
  const now = (): number => Date.now();
  const onTerminal = process.stdout.isTTY === true;
  const write = (text: string): void => {
    process.stdout.write(text);
  };
  const logger = createLogger({
    level: quiet && logLevel === 'info' ? 'warn' : logLevel,
    write,
    ...(onTerminal && { toLine: (await import('../telemetry/pretty-line.ts')).createPrettyLine() }),
  });
  const ledger = createLedger();

  if (part === 'listen') keepHeapBounded();
  else keepHeapSmall();
  await makeFolder(pipelineFile.state.directory, 'state');
  const telemetry = createTelemetry({
    part: part === 'all' ? 'run' : part,
    pipelineFile,
    ledger,
    logger,
    now,
    startedAtMs,
  });
  await telemetry.start();
  const observer = telemetry.observer();
  const observed = observer !== undefined && { observer };
  const way = part === 'listen' ? undefined : await openWay(pipelineFile, { ledger, logger, now });
  const formers = createFormerListeners({ ledger, logger, now });
  const queue = await createQueue(pipelineFile, { adds: part !== 'work', formers, ledger, logger, now });
  const work =
    way === undefined ? noWork : createWork({ queue, ledger, ...observed, onFirst: beginOptimizing, logger, now });
  const book = createLedgerBook({ ledger, process: `${hostname()}/${process.pid}`, nowMs: now() });
  const workers =
    part === 'work'
      ? undefined
      : await createWorkers({ pipelineFile, logLevel, ledger, book, ...observed, logger, now });
  const listen =
    part === 'work'
      ? noListen
      : createListen({
          pipelineFile,
          queue,
          formers,
          ...(workers && { workers }),
          ledger,
          book,
          ...observed,
          onFirst: beginOptimizing,
          logger,
          now,
        });

  // A server that does not answer takes seconds: whoever asks weir to stop need not wait for it.
  const early = await Promise.race([way?.chosen.sink.start(), stopSignal]);
  if (early !== undefined) {
    await within(stopLimitMs, Promise.all([way?.chosen.sink.stop(), way?.pipeline.close(), telemetry.stop()]));
    logger.info({ signal: early }, 'weir has stopped before it was ready');
    return;
  }
  await queue.start();
  // Before the first batch is taken: a start that is refused for a port must not have written what the last run left.
  await listen.start().catch(async (error: unknown) => {
    await queue.stop();
    throw error;
  });
  if (way !== undefined) work.start({ pipeline: way.pipeline, ...way.chosen });
  logger.info(
    {
      ...(part !== 'work' && { listening: listen.addresses().map(toAddressText) }),
      ...(way !== undefined && { documentsTo: way.chosen.target }),
      startedInMs: now() - startedAtMs,
    },
    'weir is ready',
  );
  if (way !== undefined) for (const attribution of attributions) logger.info(attribution);

  const reload = await createReload({
    started: { file: pipelineFile, ...(way !== undefined && { way }) },
    ...again,
    listen,
    work,
    ledger,
    logger,
    now,
  });
  const keeping =
    queue.ledger &&
    createLedgerKeeping({
      store: queue.ledger,
      book,
      writer: () => reload.inEffect().way?.chosen.ledger,
      file: join(pipelineFile.state.directory, 'ledger-unsent.json'),
      logger,
      now,
    });
  await keeping?.start();
  const processWatch = createProcessWatch({
    book,
    queue,
    usage: () => [
      readOwnUsage(),
      ...(workers?.levels() ?? []).map(({ cpuSeconds, residentBytes }) =>
        cpuSeconds === undefined ? undefined : { cpuMs: cpuSeconds * 1000, memoryBytes: residentBytes ?? 0 },
      ),
    ],
    spooledRecords: () => (queue.spooled?.().records ?? 0) + listen.spooled().records,
    now,
  });
  processWatch.start();
  again.onRequest(reload.request);
  const simulation = demo === undefined ? undefined : await startSimulation(demo.rate, listen, now);
  const retention = createRetentionSchedule({
    file: () => reload.inEffect().file,
    isIdle: async () =>
      reload.inEffect().way?.chosen.sink.trouble() === undefined && (await queue.depth()).waiting === 0,
    logger,
    now,
  });
  const kibanaStart = part === 'listen' ? undefined : startKibana(pipelineFile, logger);
  const findings = createFindings({
    ledger,
    levels: listen.levels,
    steps: () => reload.inEffect().file.steps,
    logger,
    now,
  });
  if (part !== 'work') findings.start();
  const rollups = createRollupSchedule({
    file: () => reload.inEffect().file,
    isFree: () => reload.inEffect().way?.chosen.sink.trouble() === undefined,
    logger,
    now,
  });
  if (way !== undefined) {
    retention.start();
    rollups.start();
  }
  telemetry.watch({
    queue,
    listen,
    inEffect: reload.inEffect,
    forecast: retention.forecast,
    findings: findings.current,
    rollups: rollups.levels,
  });
  const heapRest = createHeapRest({
    progress() {
      const { datagramsReceived, documentsIndexed, documentsAlreadyThere } = ledger.totals();
      return datagramsReceived + documentsIndexed + documentsAlreadyThere;
    },
  });
  heapRest.start();
  const status = startStatus({ ledger, queue, listen, reload, logger, now, onTerminal, quiet, write });

  const signal = await stopSignal;
  logger.info({ signal }, 'stopping: a second signal ends at once');
  telemetry.unwatch();
  findings.stop();
  processWatch.stop();
  heapRest.stop();
  const stopped = await within(
    stopLimitMs,
    (async () => {
      await simulation?.stop();
      await Promise.all([retention.stop(), rollups.stop()]);
      await kibanaStart?.stop();
      await reload.stop();
      await listen.stop();
      await keeping?.stopReceiving();
      // What waits on Redis others take, or the next start; what is in hand is ended.
      if (pipelineFile.queue.redis === undefined) await drain(queue, drainLimitMs);
      else await work.pause(drainLimitMs);
      await work.stop();
      await keeping?.stop();
      await reload.inEffect().way?.chosen.sink.stop();
      await queue.stop();
      await reload.inEffect().way?.pipeline.close();
      await telemetry.stop();
      return true;
    })(),
  );
  await status.stop();
  const { received, indexed, dropped, refused, lostInNetwork, lost, losses } = readProgress(ledger, now());
  logger.info(
    {
      received,
      indexed,
      droppedBySteps: dropped,
      ...(refused > 0 && { refused }),
      lostInNetwork,
      lost,
      ...(lost > 0 && { losses }),
    },
    'weir has stopped',
  );
  if (stopped === undefined) logger.error('not everything could be closed in time');
}

/** Undefined: this process decodes by itself. */
async function createWorkers(options: Omit<ListenWorkersOptions, 'count' | 'program'>) {
  const { collect, queue } = options.pipelineFile;
  const count = collect.workers === 'auto' ? availableParallelism() - 1 : collect.workers;
  if (count <= 1 || queue.redis === undefined) return undefined;
  const program = process.argv[1];
  if (program === undefined) throw new Error('weir does not know its own first file');
  // Loaded only where it is wanted: start-up counts.
  const { createListenWorkers } = await import('./workers/listen-workers.ts');
  return createListenWorkers({ ...options, count, program });
}

function needsRedis({ path }: PipelineFile, part: Part): WeirError {
  return new WeirError('pipeline-invalid', `${path}: weir ${part} needs a Redis that batches wait on: "queue.redis"`, {
    hint: 'Without Redis, weir run does everything in one process.',
  });
}

export interface OpenWay {
  readonly pipeline: Pipeline;
  readonly chosen: ChosenSink;
}

async function openWay(
  file: PipelineFile,
  { ledger, logger, now }: { readonly ledger: Ledger; readonly logger: Logger; readonly now: () => number },
): Promise<OpenWay> {
  const pipeline = await openPipeline(file, { logger, ledger });
  return { pipeline, chosen: await createSink(file, { logger, now }) };
}

/** Waits until every batch has its documents' fate, or `limitMs` is over: what is left then stays on the queue. */
async function drain(queue: Queue, limitMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += 10) {
    const { waiting, active } = await queue.depth();
    if (waiting + active === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function startSimulation(rate: number, listen: Listen, now: () => number) {
  const { createSimulation } = await import('./demo/simulation.ts');
  const addresses = listen.addresses().filter(({ protocol }) => protocol === 'udp');
  const host = addresses[0]?.host ?? '127.0.0.1';
  const simulation = createSimulation({
    rate,
    targetHost: host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host,
    targetPorts: addresses.filter((address) => address.host === host).map(({ port }) => port),
    seed: now(),
    now,
  });
  await simulation.start();
  return simulation;
}

/** Where the file names a Kibana, and does not leave it to `weir setup`. */
function startKibana({ kibana, index }: PipelineFile, logger: Logger): KibanaStart | undefined {
  if (kibana?.setup !== true) return undefined;
  const started = createKibanaStart({ target: withElasticsearchAccess(kibana, index.elasticsearch), logger });
  started.start();
  return started;
}

interface StatusOptions {
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly listen: Listen;
  readonly reload: Reload;
  readonly logger: Logger;
  readonly now: () => number;
  readonly onTerminal: boolean;
  readonly quiet: boolean;
  readonly write: (text: string) => void;
}

/** Says how it goes: a line a second on a terminal, a log record a minute elsewhere, nothing when quiet. */
function startStatus({ ledger, queue, listen, reload, logger, now, onTerminal, quiet, write }: StatusOptions) {
  let before = readProgress(ledger, now());

  async function report(): Promise<void> {
    const after = readProgress(ledger, now());
    const depth = await queue.depth().catch(() => undefined);
    const onDisk = (queue.spooled?.().records ?? 0) + listen.spooled().records;
    const trouble = reload.inEffect().way?.chosen.sink.trouble() ?? (depth === undefined ? 'Redis is away' : undefined);
    if (onTerminal) write(`${toStatusLine(before, after, depth, onDisk, trouble)}\n`);
    else {
      const { received, indexed, dropped, refused, lostInNetwork, lost, losses, exporters } = after;
      logger.info(
        {
          exporters,
          received,
          indexed,
          dropped,
          refused,
          lostInNetwork,
          lost,
          losses,
          waiting: depth?.records,
          ...(onDisk > 0 && { onDisk }),
          trouble,
        },
        'counts',
      );
    }
    before = after;
  }

  const timer = quiet ? undefined : setInterval(() => void report(), onTerminal ? statusEveryMs : logCountsEveryMs);
  return {
    async stop(): Promise<void> {
      clearInterval(timer);
      if (!quiet && onTerminal) await report();
    },
  };
}
