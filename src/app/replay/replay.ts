// `weir replay FILE…`: the datagrams of capture files again, through a pipeline of this process or over UDP.

import type { Logger } from '../../telemetry/logger.ts';
import { toCountText, toThousands } from '../count-text.ts';
import type { StopSignal } from '../lifecycle.ts';
import { maxExportersCounted, type ReplayRunOptions, runReplay } from './replay-run.ts';
import type { ReplayTarget } from './replay-target.ts';

export interface ReplayOptions extends ReplayRunOptions {
  /** Pipeline file; undefined: the shipped one. Not with `to`. */
  readonly pipeline: string | undefined;
  /** A collector, in place of a pipeline. */
  readonly to: { readonly host: string; readonly port: number } | undefined;
  readonly isOffline: boolean;
}

export interface ReplayResult {
  /** For the user. */
  readonly lines: readonly string[];
  /** What ended it before its end. */
  readonly stoppedBy: StopSignal | undefined;
}

/** A target that can say what became of the datagrams. */
interface SpeakingTarget extends ReplayTarget {
  report(): readonly string[];
}

/** Throws WeirError. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  let target: SpeakingTarget | undefined;
  const { datagrams, flows, exporters, seconds, stoppedBy } = await runReplay(options, async (signal, logger) => {
    target = await createTarget(options, signal, logger);
    return target;
  });
  const ofHowMany = `${exporters === maxExportersCounted ? 'at least ' : ''}${toCountText(exporters, 'exporter')}`;
  const sum =
    `${toThousands(datagrams)} datagrams of ${ofHowMany}, ${toThousands(flows)} flows, ` +
    `in ${seconds.toFixed(1)} s (${toThousands(Math.round(flows / seconds))} flows/s)`;
  return { stoppedBy, lines: [sum, ...(target?.report() ?? [])] };
}

/** Loads only what is wanted. */
async function createTarget(
  { to, pipeline, times, isOffline }: ReplayOptions,
  signal: AbortSignal,
  logger: Logger,
): Promise<SpeakingTarget> {
  if (to !== undefined) {
    const { createOverUdp } = await import('./over-udp.ts');
    return createOverUdp(to);
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
