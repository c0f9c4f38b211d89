// `weir run` and `weir demo`: every stage in one process. Started downstream first, stopped upstream first.

import { join } from 'node:path';
import { createMemoryQueue } from '../enqueue/memory-queue.ts';
import type { Queue } from '../enqueue/queue.ts';
import { attributions } from '../enrich/attributions.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import { createLedger, type Ledger } from '../telemetry/ledger.ts';
import { createLogger, type Logger } from '../telemetry/logger.ts';
import { makeFolder } from './folder.ts';
import { keepHeapSmall } from './heap.ts';
import { within } from './lifecycle.ts';
import { createListen, type Listen } from './listen.ts';
import { toAddressText } from './ports.ts';
import { createReload, type Reload } from './reload.ts';
import { createSink } from './sinks.ts';
import { readProgress, toStatusLine } from './status-line.ts';
import { openPipeline } from './steps.ts';
import { createWork } from './work.ts';

/** An orderly stop must end within 5 s (orchestrators kill then): the waits below add up to less. */
const drainLimitMs = 2500;
const stopLimitMs = 4500;
const statusEveryMs = 1000;
/** Without a terminal the counts go to the log, seldom. */
const logCountsEveryMs = 60_000;

export interface RunOptions {
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
  const { pipelineFile, quiet, logLevel, demo, stopSignal, startedAtMs, reload: again } = options;
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

  keepHeapSmall();
  await makeFolder(pipelineFile.state.directory, 'state');
  const pipeline = await openPipeline(pipelineFile, logger);
  const chosen = await createSink(pipelineFile, { logger, now });
  const queue = createMemoryQueue({
    maxBytes: pipelineFile.queue.maxBytes,
    file: join(pipelineFile.state.directory, 'unfinished-batches.ndjson'),
    logger,
  });
  const work = createWork({ queue, ledger, logger, now });
  const listen = createListen({ pipelineFile, queue, ledger, logger, now });

  // A server that does not answer takes seconds: whoever asks weir to stop need not wait for it.
  const early = await Promise.race([chosen.sink.start(), stopSignal]);
  if (early !== undefined) {
    await within(stopLimitMs, Promise.all([chosen.sink.stop(), pipeline.close()]));
    logger.info({ signal: early }, 'weir has stopped before it was ready');
    return;
  }
  await queue.start();
  // Before the first batch is taken: a start that is refused for a port must not have written what the last run left.
  await listen.start();
  work.start({ pipeline, ...chosen });
  logger.info(
    { listening: listen.addresses().map(toAddressText), documentsTo: chosen.target, startedInMs: now() - startedAtMs },
    'weir is ready',
  );
  for (const attribution of attributions) logger.info(attribution);

  const reload = await createReload({
    started: { file: pipelineFile, pipeline, chosen },
    ...again,
    listen,
    work,
    logger,
    now,
  });
  again.onRequest(reload.request);
  const simulation = demo === undefined ? undefined : await startSimulation(demo.rate, listen, now);
  const status = startStatus({ ledger, queue, reload, logger, now, onTerminal, quiet, write });

  const signal = await stopSignal;
  logger.info({ signal }, 'stopping: a second signal ends at once');
  const stopped = await within(
    stopLimitMs,
    (async () => {
      await simulation?.stop();
      await reload.stop();
      await listen.stop();
      await drain(queue, drainLimitMs);
      await work.stop();
      await reload.inEffect().chosen.sink.stop();
      await queue.stop();
      await reload.inEffect().pipeline.close();
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

interface StatusOptions {
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly reload: Reload;
  readonly logger: Logger;
  readonly now: () => number;
  readonly onTerminal: boolean;
  readonly quiet: boolean;
  readonly write: (text: string) => void;
}

/** Says how it goes: a line a second on a terminal, a log record a minute elsewhere, nothing when quiet. */
function startStatus({ ledger, queue, reload, logger, now, onTerminal, quiet, write }: StatusOptions) {
  let before = readProgress(ledger, now());

  async function report(): Promise<void> {
    const after = readProgress(ledger, now());
    const depth = await queue.depth();
    const trouble = reload.inEffect().chosen.sink.trouble();
    if (onTerminal) write(`${toStatusLine(before, after, depth, trouble)}\n`);
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
          waiting: depth.records,
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
