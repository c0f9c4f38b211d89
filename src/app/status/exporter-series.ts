// Where each exporter's counts stood, a minute at a time for an hour and every 10 s for half a minute: rates and losses are differences.

import type { Protocol } from '../../model/record.ts';
import { type SequenceUnit, sequenceUnits } from '../../model/sequence.ts';
import { type CounterRing, createCounterRing, type RingEntry } from '../../telemetry/counter-ring.ts';
import { type ExporterCounts, type Ledger, otherExporters } from '../../telemetry/ledger.ts';

/** As many as have series in /metrics. */
export const maxShownExporters = 1000;

interface Counts {
  readonly datagrams: number;
  readonly bytes: number;
  readonly records: number;
  readonly recordsLost: number;
  readonly datagramsLost: number;
}

export interface ExporterSeries {
  /** Call every `sampleEveryMs`. */
  sample(nowMs: number): void;
  of(address: string, nowMs: number): ExporterRates | undefined;
  /** The first that were heard, up to now. */
  shown(nowMs: number): readonly string[];
}

export interface ExporterRates {
  /** Per second, over the last half minute. */
  readonly rates: { readonly datagrams: number; readonly bits: number; readonly records: number };
  readonly recordsByMinute: readonly number[];
  readonly unit: SequenceUnit;
  readonly lostInLastHour: number;
  readonly receivedInLastHour: number;
  /** By whole samples. */
  readonly lastChangeAtMs: number;
}

interface Entry {
  readonly counts: ExporterCounts;
  readonly minutes: CounterRing<Counts>;
  readonly recent: CounterRing<Counts>;
  minute: number;
  lastChangeAtMs: number;
}

const minuteMs = 60_000;
export const sampleEveryMs = 10_000;
export const rateOverMs = 30_000;

export function createExporterSeries(ledger: Ledger, startedAtMs: number): ExporterSeries {
  const entries = new Map<string, Entry>();

  /** Exporters that are heard for the first time. */
  function admit(nowMs: number): void {
    for (const [address, counts] of ledger.exporters()) {
      if (entries.size >= maxShownExporters) return;
      if (address === otherExporters || entries.has(address)) continue;
      const minute = Math.floor(nowMs / minuteMs);
      const entry: Entry = {
        counts,
        minutes: createCounterRing(61),
        recent: createCounterRing(4),
        minute,
        lastChangeAtMs: nowMs,
      };
      // It was not there at the sample before.
      entry.recent.add(Math.max(startedAtMs, nowMs - sampleEveryMs), zero);
      entry.minutes.add(minute * minuteMs, zero);
      entries.set(address, entry);
    }
  }

  function sample(nowMs: number): void {
    admit(nowMs);
    const minute = Math.floor(nowMs / minuteMs);
    for (const entry of entries.values()) {
      const values = read(entry.counts);
      if (entry.recent.entries().at(-1)?.values.datagrams !== values.datagrams) entry.lastChangeAtMs = nowMs;
      entry.recent.add(nowMs, values);
      if (minute === entry.minute) continue;
      entry.minute = minute;
      entry.minutes.add(minute * minuteMs, values);
    }
  }

  function of(address: string, nowMs: number): ExporterRates | undefined {
    const entry = entries.get(address);
    if (entry === undefined) return undefined;
    const values = read(entry.counts);
    const before = entry.recent.before(nowMs, rateOverMs);
    const perSecond = (field: keyof Counts): number =>
      before === undefined ? 0 : (values[field] - before.values[field]) / Math.max(1, (nowMs - before.atMs) / 1000);
    const unit = unitOf(entry.counts);
    const first = entry.minutes.entries()[0]?.values ?? zero;
    const lost = unit === 'records' ? 'recordsLost' : 'datagramsLost';
    return {
      rates: { datagrams: perSecond('datagrams'), bits: 8 * perSecond('bytes'), records: perSecond('records') },
      recordsByMinute: toDifferences(entry.minutes.entries(), values.records),
      unit,
      lostInLastHour: Math.max(0, values[lost] - first[lost]),
      receivedInLastHour: values[unit] - first[unit],
      lastChangeAtMs: entry.lastChangeAtMs,
    };
  }

  return {
    sample,
    of,
    shown(nowMs) {
      admit(nowMs);
      return [...entries.keys()];
    },
  };
}

const zero: Counts = { datagrams: 0, bytes: 0, records: 0, recordsLost: 0, datagramsLost: 0 };

function read(counts: ExporterCounts): Counts {
  return {
    datagrams: counts.datagramsReceived,
    bytes: counts.bytesReceived,
    // A worker decodes nothing: what it has to do with an exporter are its documents.
    records: counts.recordsDecoded || counts.documentsIndexed + counts.documentsAlreadyThere,
    recordsLost: counts.recordsLostInNetwork,
    datagramsLost: counts.datagramsLostInNetwork,
  };
}

/** Per minute; the last one is not over. Minutes without a sample (a machine that slept) are not there. */
function toDifferences(minutes: readonly RingEntry<Counts>[], now: number): number[] {
  const records = [...minutes.map(({ values }) => values.records), now];
  return records.slice(1).map((value, index) => Math.max(0, value - records[index]!));
}

/** Of the protocol that most of its records came by. */
function unitOf({ recordsByProtocol }: ExporterCounts): SequenceUnit {
  const most = (Object.keys(recordsByProtocol) as Protocol[]).reduce((a, b) =>
    recordsByProtocol[b] > recordsByProtocol[a] ? b : a,
  );
  return sequenceUnits[most];
}
