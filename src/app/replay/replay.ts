// `weir replay FILE…`: the datagrams of capture files again, through a pipeline of this process or over UDP.

import { setTimeout as pause } from 'node:timers/promises';
import { waitOrAbort } from '../../index/back-off.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { toCountText, toThousands } from '../count-text.ts';
import { createExporterFilter } from '../exporter-gate.ts';
import type { StopSignal } from '../lifecycle.ts';
import { createPace, type Rate } from './pace.ts';
import { createReplayFiles } from './replay-files.ts';
import { createReplayProgress } from './replay-progress.ts';
import type { ReplayTarget } from './replay-target.ts';

export interface ReplayOptions {
  readonly paths: readonly string[];
  readonly input: AsyncIterable<Uint8Array>;
  /** Pipeline file; undefined: the shipped one. Not with `to`. */
  readonly pipeline: string | undefined;
  /** A collector, in place of a pipeline. */
  readonly to: { readonly host: string; readonly port: number } | undefined;
  readonly times: 'original' | 'now';
  readonly rate: Rate;
  readonly loops: number;
  /** Subnets; undefined: all. */
  readonly exporters: readonly string[] | undefined;
  readonly isOffline: boolean;
  readonly quiet: boolean;
  readonly logLevel: string;
  /** For progress, warnings and the log. */
  readonly writeAside: (text: string) => void;
  readonly isTerminal: boolean;
  readonly stopSignal: Promise<StopSignal>;
}

export interface ReplayResult {
  /** For the user. */
  readonly lines: readonly string[];
  /** What ended it before its end. */
  readonly stoppedBy: StopSignal | undefined;
}

/** So often others get their turn while a file is read as fast as it goes. */
const datagramsPerTurn = 256;

/** Throws WeirError. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { paths, times, loops, quiet, logLevel, writeAside, isTerminal, stopSignal } = options;
  const counts = { datagrams: 0, flows: 0 };
  const exporters = new Set<string>();
  const stopping = new AbortController();
  const { signal } = stopping;
  let stoppedBy: StopSignal | undefined;
  void stopSignal.then((name) => {
    stoppedBy = name;
    stopping.abort();
  });

  const files = createReplayFiles({
    paths,
    loops,
    input: options.input,
    isWanted: createExporterFilter(options.exporters),
    onWarning: (text) => logger.warn(text),
  });
  const progress = createReplayProgress({
    write: writeAside,
    isTerminal,
    loops,
    now: () => performance.now(),
    read() {
      const note = target.trouble() ?? waitNote();
      return { counts, position: files.position(), ...(note !== undefined && { note }) };
    },
  });
  const { createPrettyLine } = await import('../../telemetry/pretty-line.ts');
  const logger = createLogger({
    level: quiet && logLevel === 'info' ? 'warn' : logLevel,
    toLine: createPrettyLine(isTerminal),
    write(line) {
      progress.clear();
      writeAside(line);
    },
  });
  const target = await createTarget({ ...options, signal, logger });
  const pace = createPace(options.rate, () => performance.now());
  let waitsUntilMs = 0;
  function waitNote(): string | undefined {
    const seconds = Math.round((waitsUntilMs - performance.now()) / 1000);
    return seconds > 1 ? `next datagram in ${toThousands(seconds)} s` : undefined;
  }

  await target.start();
  const startedAtMs = performance.now();
  if (!quiet) progress.start();
  let lines: readonly string[] = [];
  try {
    for await (const { datagram, loop } of files.datagrams()) {
      const waitMs = pace.waitMs(datagram.receivedAtMs, loop);
      if (waitMs >= 1) {
        waitsUntilMs = performance.now() + waitMs;
        await waitAtLeast(waitMs, signal);
      }
      if (signal.aborted) break;
      const flows = await target.take(datagram, times === 'now' ? Date.now() - datagram.receivedAtMs : 0);
      pace.count(flows);
      counts.datagrams += 1;
      counts.flows += flows;
      if (exporters.size < maxExportersCounted) exporters.add(datagram.exporter);
      if (counts.datagrams % datagramsPerTurn === 0) await pause(0);
    }
  } finally {
    // What was read before a file turned out to be none gets its fate, too.
    lines = await target.finish().finally(progress.stop);
  }
  const seconds = Math.max(0.001, (performance.now() - startedAtMs) / 1000);
  const ofHowMany = `${exporters.size === maxExportersCounted ? 'at least ' : ''}${toCountText(exporters.size, 'exporter')}`;
  return {
    stoppedBy,
    lines: [
      `${toThousands(counts.datagrams)} datagrams of ${ofHowMany}, ${toThousands(counts.flows)} flows, ` +
        `in ${seconds.toFixed(1)} s (${toThousands(Math.round(counts.flows / seconds))} flows/s)`,
      ...lines,
    ],
  };
}

const maxExportersCounted = 10_000;

/** A timer of Node's holds 24.8 days at most. */
const maxTimerMs = 2 ** 31 - 1;

async function waitAtLeast(ms: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await waitOrAbort(Math.min(ms, maxTimerMs), signal);
}

interface TargetOptions extends ReplayOptions {
  readonly signal: AbortSignal;
  readonly logger: ReturnType<typeof createLogger>;
}

/** Loads only what is wanted. */
async function createTarget(options: TargetOptions): Promise<ReplayTarget> {
  const { to, pipeline, times, isOffline, signal, logger } = options;
  if (to !== undefined) {
    const { createOverUdp } = await import('./over-udp.ts');
    return createOverUdp({ ...to });
  }
  const { loadPipelineFile } = await import('../pipeline-source.ts');
  const { createIntoPipeline } = await import('./into-pipeline.ts');
  return createIntoPipeline({
    pipelineFile: await loadPipelineFile(pipeline),
    isOffline,
    repeatsIds: times === 'original',
    signal,
    logger,
    now: () => Date.now(),
  });
}
