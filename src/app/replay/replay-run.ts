// Captured datagrams, one after the other and at their pace, to a target; with progress, warnings, and an end in order.

import { setTimeout as pause } from 'node:timers/promises';
import { waitOrAbort } from '../../index/back-off.ts';
import { createLogger, type Logger } from '../../telemetry/logger.ts';
import { toThousands } from '../count-text.ts';
import { createExporterFilter } from '../exporter-gate.ts';
import type { StopSignal } from '../lifecycle.ts';
import { createPace, type Rate } from './pace.ts';
import { createReplayFiles } from './replay-files.ts';
import { createReplayProgress } from './replay-progress.ts';
import type { ReplayTarget } from './replay-target.ts';

export interface ReplayRunOptions {
  readonly paths: readonly string[];
  /** What the path `-` stands for. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly times: 'original' | 'now';
  readonly rate: Rate;
  readonly loops: number;
  /** Subnets; undefined: all. */
  readonly exporters: readonly string[] | undefined;
  readonly quiet: boolean;
  readonly logLevel: string;
  /** For progress, warnings and the log. */
  readonly writeAside: (text: string) => void;
  readonly isTerminal: boolean;
  readonly stopSignal: Promise<StopSignal>;
}

export interface ReplayRun {
  readonly datagrams: number;
  readonly flows: number;
  /** At most `maxExportersCounted`. */
  readonly exporters: number;
  readonly seconds: number;
  /** What ended it before its end. */
  readonly stoppedBy: StopSignal | undefined;
}

/** So often others get their turn while a file is read as fast as it goes. */
const datagramsPerTurn = 256;

/** `createTarget`: given what aborts when the replay is to be stopped. Resolves when each datagram has its fate. Throws WeirError. */
export async function runReplay(
  options: ReplayRunOptions,
  createTarget: (signal: AbortSignal, logger: Logger) => Promise<ReplayTarget>,
): Promise<ReplayRun> {
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
  const target = await createTarget(signal, logger);
  const pace = createPace(options.rate, () => performance.now());
  let waitsUntilMs = 0;
  function waitNote(): string | undefined {
    const seconds = Math.round((waitsUntilMs - performance.now()) / 1000);
    return seconds > 1 ? `next datagram in ${toThousands(seconds)} s` : undefined;
  }

  await target.start();
  const startedAtMs = performance.now();
  if (!quiet) progress.start();
  try {
    for await (const captured of files.datagrams()) {
      const { datagram, loop } = captured;
      const waitMs = pace.waitMs(datagram.receivedAtMs, loop);
      if (waitMs >= 1) {
        waitsUntilMs = performance.now() + waitMs;
        await waitAtLeast(waitMs, signal);
      }
      if (signal.aborted) break;
      const flows = await target.take(captured, times === 'now' ? Date.now() - datagram.receivedAtMs : 0);
      pace.count(flows);
      counts.datagrams += 1;
      counts.flows += flows;
      if (exporters.size < maxExportersCounted) exporters.add(datagram.exporter);
      if (counts.datagrams % datagramsPerTurn === 0) await pause(0);
    }
  } finally {
    // What was read before a file turned out to be none gets its fate, too.
    await target.finish().finally(progress.stop);
  }
  const seconds = Math.max(0.001, (performance.now() - startedAtMs) / 1000);
  return { ...counts, exporters: exporters.size, seconds, stoppedBy };
}

export const maxExportersCounted = 10_000;

/** A timer of Node's holds 24.8 days at most. */
const maxTimerMs = 2 ** 31 - 1;

async function waitAtLeast(ms: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await waitOrAbort(Math.min(ms, maxTimerMs), signal);
}
