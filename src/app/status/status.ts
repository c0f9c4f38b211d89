// The numbers of the status page: samples sums every 10 s, and makes a report of them when somebody asks.

import { hostname } from 'node:os';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { createCounterRing, type RingEntry } from '../../telemetry/counter-ring.ts';
import { type ExporterCounts, type Ledger, otherExporters } from '../../telemetry/ledger.ts';
import type { Levels } from '../../telemetry/measures.ts';
import { bySeverity, type Findings } from '../findings/findings.ts';
import type { Listen } from '../listen.ts';
import { lossPlaces, networkLossPlaces } from '../losses.ts';
import { toAddressText } from '../ports.ts';
import type { InEffect } from '../reload.ts';
import { createExporterSeries, maxShownExporters, rateOverMs, sampleEveryMs } from './exporter-series.ts';
import type { Observations } from './flow-observer.ts';
import { toStages } from './stages.ts';
import type { ExporterStatus, HistoryPoint, Loss, Rates, StatusHistory, StatusReport } from './status-report.ts';
import { readSums, type SumName, type Sums } from './sums.ts';
import { toWarnings } from './warnings.ts';

export interface StatusOptions {
  readonly part: StatusReport['weir']['part'];
  readonly version: string;
  readonly startedAtMs: number;
  readonly ledger: Ledger;
  readonly observations: Observations;
  /** Where things stand; must not reject, and answer within a second. */
  readonly readLevels: () => Promise<Levels>;
  /** Undefined: weir starts, or stops. */
  readonly parts: () => StatusParts | undefined;
  readonly pipelineFile: PipelineFile;
  readonly now: () => number;
}

export interface StatusParts {
  readonly listen: Listen;
  readonly inEffect: () => InEffect;
  /** Of exporters, looked for in the background. */
  readonly findings: Findings['current'];
}

export interface Status {
  start(): void;
  report(): Promise<StatusReport>;
  history(): StatusHistory;
  stop(): void;
}

const hourMs = 3_600_000;

/** `waiting`: records on the queue and on disk. */
type Sample = Sums & { readonly waiting: number };

export function createStatus(options: StatusOptions): Status {
  const { ledger, observations, readLevels, parts, pipelineFile, startedAtMs, now } = options;
  const ring = createCounterRing<Sample>(hourMs / sampleEveryMs + 1);
  const series = createExporterSeries(ledger, startedAtMs);
  let timer: NodeJS.Timeout | undefined;

  async function sample(): Promise<void> {
    const { queue, spool } = await readLevels();
    const nowMs = now();
    const waiting = (queue?.records ?? 0) + (spool?.records ?? 0);
    ring.add(nowMs, { ...readSums(ledger, observations), waiting });
    series.sample(nowMs);
  }

  async function report(): Promise<StatusReport> {
    const levels = await readLevels();
    const nowMs = now();
    const watched = parts();
    const { file = pipelineFile, way } = watched?.inEffect() ?? {};
    const sums = readSums(ledger, observations);
    const change = toChange(ring.before(nowMs, rateOverMs), sums, nowMs, startedAtMs);
    const { queue, spool } = levels;
    const maxBytes = file.queue.redis?.maxBytes ?? file.queue.maxBytes;
    const receiveBuffers = watched?.listen.receiveBuffers();
    const known = ledger.exporters();
    const numbers: Omit<StatusReport, 'warnings'> = {
      format: 1,
      atMs: nowMs,
      weir: {
        version: options.version,
        pipeline: file.name,
        pipelineFile: file.path,
        part: options.part,
        host: hostname(),
        processId: process.pid,
        startedAtMs,
        node: process.version,
        residentBytes: process.memoryUsage.rss(),
        cpuShare: change('cpuMs') / 1000,
      },
      listening: watched?.listen.addresses().map(toAddressText) ?? [],
      rates: toRates(change),
      losses: toLosses(sums, ring.before(nowMs, hourMs)?.values),
      exporters: toExporters(nowMs, watched),
      exportersKnown: known.size - (known.has(otherExporters) ? 1 : 0),
      stages: toStages({
        part: options.part,
        change,
        levels,
        lanes: way?.chosen.lanes ?? 1,
        maxBytes,
        ...(receiveBuffers !== undefined && { receiveBuffers }),
        nowMs,
      }),
      ...(levels.workers !== undefined && levels.workers.length > 0 && { workers: levels.workers }),
      ...(queue !== undefined && { queue: { ...queue, maxBytes } }),
      ...(queue === undefined && watched !== undefined && { queueIsAway: true }),
      ...(spool !== undefined && { spool: { ...spool, maxBytes: file.queue.spool?.maxBytes ?? 0 } }),
      ...(way !== undefined && {
        index: {
          target: way.chosen.target,
          trouble: way.chosen.sink.trouble(),
          // Of one that takes nothing the trouble says more.
          health: way.chosen.sink.trouble() === undefined ? way.chosen.health?.() : undefined,
          lastLatencyMs: levels.sink?.lastLatencyMs,
          concurrency: levels.sink?.concurrency,
          requestBytes: levels.sink?.requestBytes,
          deadLettersInFile: levels.sink?.deadLettersInFile,
          deadLettersLost: levels.sink?.deadLettersLost,
        },
        talkers: observations.talkers.report(nowMs),
      }),
      ...(levels.disk !== undefined && { disk: levels.disk }),
      dataFiles: levels.dataFiles,
    };
    const found = [...toWarnings(numbers), ...(watched?.findings() ?? [])];
    return { ...numbers, warnings: found.toSorted(bySeverity) };
  }

  function toExporters(nowMs: number, watched: StatusParts | undefined): ExporterStatus[] {
    const templates = watched?.listen.templateCounts(maxShownExporters) ?? new Map();
    return series.shown(nowMs).flatMap((address) => {
      const rates = series.of(address, nowMs);
      const counts = ledger.exporters().get(address);
      if (rates === undefined || counts === undefined) return [];
      const facts = observations.watch.facts(address);
      const known = templates.get(address) ?? facts?.templates;
      return [
        {
          address,
          protocols: toProtocols(counts),
          lastSeenAtMs: facts?.lastSeenAtMs || rates.lastChangeAtMs,
          rates: rates.rates,
          recordsByMinute: rates.recordsByMinute,
          sinceStart: {
            datagrams: counts.datagramsReceived,
            records: counts.recordsDecoded,
            documents: counts.documentsIndexed + counts.documentsAlreadyThere,
          },
          loss: {
            unit: rates.unit,
            lastHour: rates.lostInLastHour,
            sinceStart: rates.unit === 'records' ? counts.recordsLostInNetwork : counts.datagramsLostInNetwork,
            shareOfLastHour: toShare(rates.lostInLastHour, rates.receivedInLastHour),
            isKnown: counts.sequencesUnusable === 0,
          },
          ...withDefined('sampling', facts?.sampling),
          ...withDefined('templates', known),
          ...withDefined('domains', facts?.domains),
          ...withDefined('clockSkewMs', facts?.clockSkewMs),
          faults: Object.fromEntries(counts.faults),
        },
      ];
    });
  }

  return {
    start() {
      void sample();
      timer = setInterval(() => void sample(), sampleEveryMs);
      timer.unref();
    },
    report,
    history: () => ({ points: toPoints(ring.entries()) }),
    stop: () => clearInterval(timer),
  };
}

/** Per second, since `before`, or since the start. */
export type Change = (field: SumName) => number;

function toChange(before: RingEntry<Sample> | undefined, sums: Sums, nowMs: number, startedAtMs: number): Change {
  const seconds = Math.max(1, (nowMs - (before?.atMs ?? startedAtMs)) / 1000);
  return (field) => Math.max(0, sums[field] - (before?.values[field] ?? 0)) / seconds;
}

function toRates(change: Change): Rates {
  return {
    datagrams: change('datagrams'),
    bits: 8 * change('bytes'),
    records: change('records'),
    documents: change('documents'),
  };
}

function toLosses(sums: Sums, before: Sums | undefined): Loss[] {
  return [...networkLossPlaces, ...lossPlaces].map(({ key, what, unit }, index) => {
    const sinceStart = sums.lost.get(key) ?? 0;
    return {
      place: key,
      what,
      unit,
      isInNetwork: index < networkLossPlaces.length,
      lastHour: Math.max(0, sinceStart - (before?.lost.get(key) ?? 0)),
      sinceStart,
    };
  });
}

function toPoints(entries: readonly RingEntry<Sample>[]): HistoryPoint[] {
  return entries.slice(1).map(({ atMs, values }, index) => {
    const before = entries[index]!;
    const lostAt = (places: typeof lossPlaces): number =>
      places.reduce(
        (sum, { key }) => sum + Math.max(0, (values.lost.get(key) ?? 0) - (before.values.lost.get(key) ?? 0)),
        0,
      );
    return {
      atMs,
      rates: toRates(toChange(before, values, atMs, before.atMs)),
      lost: lostAt(lossPlaces),
      lostInNetwork: lostAt(networkLossPlaces),
      waiting: values.waiting,
    };
  });
}

function toProtocols({ recordsByProtocol }: ExporterCounts): ExporterStatus['protocols'] {
  const all = Object.keys(recordsByProtocol) as (keyof typeof recordsByProtocol)[];
  return all.filter((protocol) => recordsByProtocol[protocol] > 0);
}

function toShare(lost: number, received: number): number | undefined {
  return lost + received <= 0 ? undefined : lost / (lost + received);
}

function withDefined<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]?: Value });
}
