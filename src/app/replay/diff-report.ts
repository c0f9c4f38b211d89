// `weir replay FILE… --diff OTHER`: runs it, and tells the difference as text or JSON.

import { toThousands } from '../count-text.ts';
import type { StopSignal } from '../lifecycle.ts';
import { loadPipelineFile } from '../pipeline-source.ts';
import { toPlainText } from '../progress.ts';
import { toTableLines } from '../text-table.ts';
import { createDiff, type Diff, type DiffResult } from './diff.ts';
import type { DocumentExample } from './document-differences.ts';
import { type ReplayRunOptions, runReplay } from './replay-run.ts';

export interface DiffReportOptions extends ReplayRunOptions {
  /** Undefined: the shipped one. */
  readonly pipeline: string | undefined;
  readonly other: string;
  readonly maxExamples: number;
  readonly json: boolean;
}

export interface DiffReport {
  readonly text: string;
  readonly isDifferent: boolean;
  readonly stoppedBy: StopSignal | undefined;
}

/** Fields in the table; the JSON has all of them. */
const maxFieldsShown = 100;
const maxValueChars = 120;

/** Throws WeirError. */
export async function reportDiff(options: DiffReportOptions): Promise<DiffReport> {
  const before = await loadPipelineFile(options.pipeline);
  const after = await loadPipelineFile(options.other);
  let diff: Diff | undefined;
  const { datagrams, flows, exporters, stoppedBy } = await runReplay(options, async (_signal, logger) => {
    diff = createDiff({ before, after, maxExamples: options.maxExamples, logger });
    return diff;
  });
  const result = diff!.result();
  const isDifferent = result.changed + result.added + result.dropped > 0;
  const about = { before: before.path, after: after.path, files: options.paths, datagrams, exporters, flows };
  const text = options.json ? JSON.stringify({ ...about, ...result }) : toText(about, result);
  return { text: `${text}\n`, isDifferent, stoppedBy };
}

interface About {
  readonly before: string;
  readonly after: string;
  readonly files: readonly string[];
  readonly flows: number;
}

function toText({ before, after, files, flows }: About, result: DiffResult): string {
  const lines = [
    `${before} → ${after}: ${toThousands(flows)} flows of ${files.join(', ')}`,
    `  ${toThousands(result.same)} documents the same`,
    `  ${toThousands(result.changed)} changed`,
    `  ${toThousands(result.dropped)} only with ${before}`,
    `  ${toThousands(result.added)} only with ${after}`,
  ];
  for (const [path, dropped] of [
    [before, result.droppedByStepsBefore],
    [after, result.droppedByStepsAfter],
  ] as const) {
    const steps = Object.entries(dropped).map(([step, rows]) => `${step} ${toThousands(rows)}`);
    if (steps.length > 0) lines.push(`  flows dropped by steps of ${path}: ${steps.join(', ')}`);
  }
  if (result.fields.length > 0) {
    const rows = result.fields
      .slice(0, maxFieldsShown)
      .map(({ field, changed, onlyBefore, onlyAfter }) => [
        `  ${toPlainText(field)}`,
        toThousands(changed),
        toThousands(onlyBefore),
        toThousands(onlyAfter),
      ]);
    lines.push('', ...toTableLines(['  field', 'changed', `only with ${before}`, `only with ${after}`], rows));
    if (result.fields.length > maxFieldsShown) lines.push(`  … and ${result.fields.length - maxFieldsShown} more`);
  }
  if (result.examples.length > 0) lines.push('', ...result.examples.flatMap((example) => toExampleLines(example)));
  return lines.join('\n');
}

function toExampleLines({ file, datagram, exporter, time, what, fields }: DocumentExample): readonly string[] {
  return [
    `${what}: ${toPlainText(file)} datagram ${datagram}, exporter ${exporter}, ${time}`,
    ...Object.entries(fields).map(([field, { before, after }]) => {
      const values = what === 'changed' ? `${toValue(before)} → ${toValue(after)}` : toValue(before ?? after);
      return `  ${toPlainText(field)}: ${values}`;
    }),
  ];
}

function toValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = toPlainText(JSON.stringify(value));
  return text.length > maxValueChars ? `${text.slice(0, maxValueChars)}…` : text;
}
