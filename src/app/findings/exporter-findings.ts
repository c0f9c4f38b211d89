// Signs → findings: sentences and commands.

import type { PipelineStep } from '../../enrich/pipeline-steps.ts';
import { createPrefixTable } from '../../enrich/prefix-table.ts';
import type { SamplingOptions } from '../../enrich/steps/sampling.ts';
import type { ExporterSign } from '../../model/exporter-sign.ts';
import type { Finding } from '../../model/finding.ts';
import { toFinding } from './catalog.ts';
import { toVendorFix } from './vendor-fixes.ts';

/** Where a vendor's lines are not known. */
const pages = '# Lines for each vendor: docs/exporters/README.md';
const withoutPages: readonly string[] = [
  'gateway-trap',
  'agents-behind-one-address',
  'counters-impossible',
  'times-impossible',
];

export function toExporterFindings(signs: readonly ExporterSign[], steps: readonly PipelineStep[]): Finding[] {
  const isTold = createSamplingCheck(steps);
  return signs
    .filter(({ kind, exporter }) => kind !== 'sampling-unsaid' || !isTold(exporter))
    .map(({ kind, exporter, values, enterprises }) => {
      const { skewMs } = values;
      const skew = typeof skewMs === 'number' ? toSkewText(skewMs) : '';
      const found = toFinding(kind, { ...values, skew }, { exporter });
      if (withoutPages.includes(kind)) return found;
      const ofVendor = toVendorFix(kind, enterprises);
      return { ...found, fix: [...found.fix, ...(ofVendor ?? [pages])] };
    });
}

/** What the pipeline file says of an exporter's sampling need not be told by the exporter. */
function createSamplingCheck(steps: readonly PipelineStep[]): (exporter: string) => boolean {
  const tables = steps
    .filter(({ name }) => name === 'sampling')
    .flatMap(({ options }) => {
      const { default: fallback, override } = options as SamplingOptions;
      return [fallback, override].filter((setting) => setting !== undefined);
    })
    .map((setting) => (typeof setting === 'number' ? undefined : createPrefixTable(Object.entries(setting))));
  return (exporter) => tables.some((table) => table === undefined || table.lookup(exporter) !== undefined);
}

/** "2 h 0 min ahead of ours" */
export function toSkewText(skewMs: number): string {
  return `${toDurationText(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} ours`;
}

export function toDurationText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`
    : `${Math.round(hours / 24)} days`;
}
