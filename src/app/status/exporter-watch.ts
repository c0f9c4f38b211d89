// What datagrams and documents tell of their exporters beside flows: when they were last heard, how their clock goes, their domains,
// their sampling. Looked at a set at a time, and of documents one in a while: it costs nothing per flow.

import type { TemplateCounts } from '../../decode/template-counts.ts';
import { joinedSamplingInterval, type Layout, type RecordHeader, type Row } from '../../model/record.ts';
import type { SamplingStatus } from './status-report.ts';

export interface ExporterFacts {
  readonly address: string;
  readonly lastSeenAtMs: number;
  readonly domains: number;
  readonly clockSkewMs?: number;
  readonly sampling?: SamplingStatus;
  /** Where whoever saw it decodes. */
  readonly templates?: TemplateCounts;
}

export interface ExporterWatch {
  /** Of each set that was decoded, or that came in a batch. */
  see(header: RecordHeader, layout: Layout, rows: readonly Row[]): void;
  /** Is it time to look at a document of this exporter? */
  wantsDocument(address: string, nowMs: number): boolean;
  /** The document's own word on sampling goes before what sets tell: the pipeline file may say otherwise. */
  seeDocument(address: string, flow: Readonly<Record<string, unknown>>, nowMs: number): void;
  /** What another process saw. */
  adopt(facts: readonly ExporterFacts[]): void;
  facts(address: string): ExporterFacts | undefined;
  /** Of those that were heard after `sinceMs`. */
  all(sinceMs?: number): readonly ExporterFacts[];
}

interface Seen {
  lastSeenAtMs: number;
  readonly domains: Set<number>;
  /** The largest of this minute and of the one before: what is less came late. */
  skews: { minute: number; now: number | undefined; before: number | undefined };
  sampling: SamplingStatus | undefined;
  nextSamplingMs: number;
  nextDocumentMs: number;
}

const maxExporters = 1000;
const maxDomains = 256;
const lookEveryMs = 10_000;
const minuteMs = 60_000;

export function createExporterWatch(): ExporterWatch {
  const seen = new Map<string, Seen>();
  const adopted = new Map<string, ExporterFacts>();

  function seenOf(address: string): Seen | undefined {
    let entry = seen.get(address);
    if (entry === undefined && seen.size < maxExporters) {
      entry = {
        lastSeenAtMs: 0,
        domains: new Set(),
        skews: { minute: 0, now: undefined, before: undefined },
        sampling: undefined,
        nextSamplingMs: 0,
        nextDocumentMs: 0,
      };
      seen.set(address, entry);
    }
    return entry;
  }

  function see(header: RecordHeader, layout: Layout, rows: readonly Row[]): void {
    const entry = seenOf(header.exporter);
    if (entry === undefined) return;
    if (header.receivedAtMs > entry.lastSeenAtMs) entry.lastSeenAtMs = header.receivedAtMs;
    if (entry.domains.size < maxDomains) entry.domains.add(header.domain);
    if (layout.protocol !== 'sflow5')
      noteSkew(entry.skews, header.exportedAtMs - header.receivedAtMs, header.receivedAtMs);
    if (layout.kind !== 'flow' || header.receivedAtMs < entry.nextSamplingMs) return;
    entry.nextSamplingMs = header.receivedAtMs + lookEveryMs;
    entry.sampling = readSampling(header, layout, rows[0] ?? []);
  }

  function toFacts(address: string, { lastSeenAtMs, domains, skews, sampling }: Seen): ExporterFacts {
    const skew = Math.max(skews.now ?? Number.NEGATIVE_INFINITY, skews.before ?? Number.NEGATIVE_INFINITY);
    return {
      address,
      lastSeenAtMs,
      domains: domains.size,
      ...(Number.isFinite(skew) && { clockSkewMs: Math.round(skew) }),
      ...(sampling !== undefined && { sampling }),
    };
  }

  function factsOf(address: string): ExporterFacts | undefined {
    const own = seen.get(address);
    return own === undefined ? adopted.get(address) : toFacts(address, own);
  }

  return {
    see,
    wantsDocument(address, nowMs) {
      const entry = seenOf(address);
      return entry !== undefined && nowMs >= entry.nextDocumentMs;
    },
    seeDocument(address, flow, nowMs) {
      const entry = seenOf(address);
      if (entry === undefined) return;
      entry.nextDocumentMs = nowMs + lookEveryMs;
      entry.nextSamplingMs = nowMs + 2 * lookEveryMs;
      entry.sampling = toSampling(flow);
    },
    adopt(facts) {
      for (const each of facts) {
        if (adopted.size < maxExporters || adopted.has(each.address)) adopted.set(each.address, each);
      }
    },
    facts: factsOf,
    all: (sinceMs = 0) =>
      [...seen]
        .filter(([, { lastSeenAtMs }]) => lastSeenAtMs > sinceMs)
        .map(([address, entry]) => toFacts(address, entry)),
  };
}

function noteSkew(skews: Seen['skews'], skewMs: number, nowMs: number): void {
  const minute = Math.floor(nowMs / minuteMs);
  if (minute !== skews.minute) {
    skews.before = skews.now;
    skews.now = undefined;
    skews.minute = minute;
  }
  if (skews.now === undefined || skewMs > skews.now) skews.now = skewMs;
}

/** Of the first row: it is the same for all, as a rule. docs/sampling.md has all the elements; these are those that devices send. */
function readSampling(header: RecordHeader, { columns }: Layout, row: Row): SamplingStatus {
  const numberOf = (name: string): number | undefined => {
    const value = row[columns.findIndex((column) => column.name === name)];
    return typeof value === 'number' && value > 0 ? value : undefined;
  };
  const told =
    numberOf('samplingInterval') ??
    numberOf('samplerRandomInterval') ??
    ((header.v5?.samplingInterval ?? 0) > 0 ? header.v5?.samplingInterval : undefined);
  if (told !== undefined) return { interval: told, source: 'exporter' };
  const taught = numberOf(joinedSamplingInterval);
  return taught === undefined ? { interval: undefined, source: 'none' } : { interval: taught, source: 'options' };
}

function toSampling(flow: Readonly<Record<string, unknown>>): SamplingStatus {
  const { sampling_interval: interval, sampling_source: source } = flow;
  if (typeof interval !== 'number' || interval === 0 || source === 'none')
    return { interval: undefined, source: 'none' };
  const known = source === 'options' || source === 'override' || source === 'default' ? source : 'exporter';
  return { interval, source: known };
}
