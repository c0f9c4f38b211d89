// What is wrong with exporters now: looked for every five seconds, said in the log when it is new, shown by the metrics and the status page.

import type { PipelineStep } from '../../enrich/pipeline-steps.ts';
import type { Finding } from '../../model/finding.ts';
import type { Ledger } from '../../telemetry/ledger.ts';
import { createRateLimit, type Logger } from '../../telemetry/logger.ts';
import type { DecoderLevels } from '../../telemetry/measures.ts';
import { toExporterFindings } from './exporter-findings.ts';
import { createCountWatch } from './silence.ts';

export interface FindingsOptions {
  readonly ledger: Ledger;
  readonly levels: () => DecoderLevels | undefined;
  readonly steps: () => readonly PipelineStep[];
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Findings {
  start(): void;
  /** Errors first; 500 at most. */
  current(): readonly Finding[];
  stop(): void;
}

const lookEveryMs = 5_000;
const maxFindings = 500;
/** What stays is said again so often. */
const logEveryMs = 6 * 3_600_000;

export function createFindings({ ledger, levels, steps, logger, now }: FindingsOptions): Findings {
  const counts = createCountWatch();
  const pass = createRateLimit({ times: 1, intervalMs: logEveryMs, timesInAll: 50 });
  let found: readonly Finding[] = [];
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const nowMs = now();
    const all = [...toExporterFindings(levels()?.signs ?? [], steps()), ...counts.look(ledger.exporters(), nowMs)];
    // A domain each may say the same.
    const byKey = new Map(all.map((finding) => [`${finding.id} ${finding.exporter}`, finding]));
    found = [...byKey.values()].toSorted(bySeverity).slice(0, maxFindings);
    for (const { id, exporter, title, why, fix } of found) {
      if (pass(`${id} ${exporter}`, nowMs) === undefined) continue;
      logger.warn({ finding: id, exporter, why, fix }, title);
    }
  }

  return {
    start() {
      timer = setInterval(look, lookEveryMs);
      timer.unref();
    },
    current: () => found,
    stop() {
      clearInterval(timer);
    },
  };
}

export function bySeverity(one: Finding, other: Finding): number {
  return Number(other.severity === 'error') - Number(one.severity === 'error');
}
