// The weir that runs with this pipeline file: is it ready, does anything arrive, what did the kernel drop, and what does it find
// wrong with its exporters? Asked by HTTP, once for all checks.

import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import type { Finding } from '../../model/finding.ts';
import { type FindingId, findingCatalog, toFinding } from '../findings/catalog.ts';
import { toDurationText } from '../findings/exporter-findings.ts';
import { askWeir, toNotReadyText } from '../weir-http.ts';
import type { Check } from './check.ts';
import { readSamples, type Samples } from './metrics-text.ts';

export interface RunningWeir {
  /** Undefined: none could be asked, and `reason` says why. */
  readonly metrics?: Samples;
  readonly reason: string;
  /** Parts that are not well. */
  readonly notReady?: string;
  /** Its own list, where it tells one. */
  readonly findings?: readonly Finding[];
}

/** Who has just started has heard nobody yet. */
const minAgeMs = 2 * 60_000;

export async function askRunningWeir({ telemetry }: PipelineFile): Promise<RunningWeir> {
  const { http } = telemetry;
  if (http === undefined || http.port === 0) return { reason: 'telemetry.http names no port that could be asked' };
  const [metrics, ready, status] = await Promise.all(
    ['/metrics', '/readyz', '/api/status'].map((path) => askWeir(http, path)),
  );
  if (metrics?.answer === undefined) return { reason: `${metrics?.url}: ${metrics?.reason}` };
  if (metrics.answer.status !== 200) return { reason: `${metrics.url}: HTTP ${metrics.answer.status}` };
  const samples = readSamples(metrics.answer.text);
  if (samples.get('weir_telemetry_build_info') === undefined)
    return { reason: `${metrics.url}: another program answers` };
  const notReady =
    ready?.answer?.status === 200 ? undefined : (toNotReadyText(ready?.answer?.text ?? '') ?? 'it does not say why');
  const findings = status?.answer?.status === 200 ? readFindings(status.answer.text) : undefined;
  return { metrics: samples, reason: '', ...(notReady !== undefined && { notReady }), ...(findings && { findings }) };
}

/** Whoever has the port may say anything. */
function readFindings(text: string): readonly Finding[] | undefined {
  try {
    const { warnings } = JSON.parse(text) as { warnings?: unknown };
    return Array.isArray(warnings) ? warnings.filter(isFinding).slice(0, 500) : undefined;
  } catch {
    return undefined;
  }
}

function isFinding(value: unknown): value is Finding {
  const { id, severity, title, why, fix, exporter } = (value ?? {}) as Partial<Record<keyof Finding, unknown>>;
  return (
    [id, title, why].every((text) => typeof text === 'string') &&
    (severity === 'error' || severity === 'warning') &&
    (exporter === undefined || typeof exporter === 'string') &&
    Array.isArray(fix) &&
    fix.every((line) => typeof line === 'string')
  );
}

export function checkRunningWeir(file: PipelineFile, asked: Promise<RunningWeir>, nowMs: number): Check {
  return {
    what: 'running weir',
    async run() {
      const { metrics, reason, notReady } = await asked;
      if (metrics === undefined) {
        const values = { reason, file: file.path };
        return { findings: [toFinding('weir-not-running', values)], said: `none answers (${reason})` };
      }
      const findings: Finding[] = [];
      if (notReady !== undefined) findings.push(toFinding('weir-not-ready', { reasons: notReady }));
      const ageMs = nowMs - 1000 * metrics.sum('process_start_time_seconds');
      const datagrams = metrics.sum('weir_collect_datagrams_received_total');
      const refused = metrics.sum('weir_collect_datagrams_refused_total');
      const drops = metrics.sum('weir_collect_kernel_datagrams_dropped_total');
      if (drops > 0) {
        const percent = Math.max(0.1, Math.round((1000 * drops) / (drops + datagrams)) / 10);
        const bytes = 2 * file.collect.receiveBufferBytes;
        findings.push(toFinding('kernel-drops', { drops, percent, bytes }));
      }
      if (refused > 0) findings.push(toFinding('exporters-refused', { datagrams: refused }));
      if (hasNothing(metrics, nowMs)) {
        const ports = file.listen.map(({ port }) => `port ${port}`).join(' or ');
        findings.push(toFinding('nothing-arrives', { age: toDurationText(ageMs), ports }));
      }
      const version = metrics.get('weir_telemetry_build_info')?.[0]?.labels['version'] ?? '';
      return { findings, said: `weir ${version}, for ${toDurationText(ageMs)}; ${datagrams} datagrams` };
    },
  };
}

/** A listener that was not heard from anybody, for some time. */
export function hasNothing(metrics: Samples, nowMs: number): boolean {
  const ageMs = nowMs - 1000 * metrics.sum('process_start_time_seconds');
  const listens = metrics.get('weir_decode_templates_known') !== undefined;
  const came =
    metrics.sum('weir_collect_datagrams_received_total') + metrics.sum('weir_collect_datagrams_refused_total');
  return listens && ageMs >= minAgeMs && came === 0;
}

export function checkExporters(asked: Promise<RunningWeir>): Check {
  return {
    what: 'exporters',
    async run() {
      const { metrics, findings } = await asked;
      if (metrics === undefined) return { findings: [], said: 'unknown: no weir could be asked' };
      const heard = metrics.get('weir_collect_datagrams_received_total')?.length ?? 0;
      return { findings: findings ?? fromMetrics(metrics), said: `${heard} heard since it started` };
    },
  };
}

/** The numbers are in weir's log. */
function fromMetrics(metrics: Samples): readonly Finding[] {
  return (metrics.get('weir_decode_findings_open') ?? []).flatMap(({ labels }) => {
    const { finding = '', exporter = '' } = labels;
    return Object.hasOwn(findingCatalog, finding) ? [toFinding(finding as FindingId, {}, { exporter })] : [];
  });
}
