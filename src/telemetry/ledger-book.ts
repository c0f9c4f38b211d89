// What a listener has counted, by minute of receiving. Most of it is taken as the difference of the ledger's counts, so that a datagram
// costs nothing more; what becomes of a batch later is added to the minute of the batch.

import { type LedgerRow, toMinute } from '../model/ledger-row.ts';
import { type ExporterCounts, type Ledger, otherExporters, type PlainCount } from './ledger.ts';
import { toFaultField } from './ledger-fields.ts';

export interface LedgerBookOptions {
  readonly ledger: Ledger;
  /** Who counts: machine and process id. */
  readonly process: string;
  /** With rows of their own; the further ones are `others`. */
  readonly maxExporters?: number;
  readonly nowMs: number;
}

export interface LedgerBook {
  /** Is `nowMs` of another minute than what is being counted? Then whatever is open must be closed before `turn`. */
  isOver(nowMs: number): boolean;
  turn(nowMs: number): void;
  add(atMs: number, exporter: string, field: string, count: number): void;
  /** Counts of a port. */
  addPort(listenAddress: string, field: string, count: number): void;
  /** Counts of this process itself. */
  addProcess(atMs: number, field: string, count: number): void;
  /** What was counted since the last time. */
  take(): readonly LedgerRow[];
}

/** A row and its documents for each minute: more exporters than most have, and a bound for forged ones. */
export const maxLedgerExporters = 1000;
/** Rows that could not be handed on for so long are booked to their hour, not to their minute. */
const maxRows = 20_000;
const hourMs = 3_600_000;

/** Taken as differences: what is counted when a datagram comes, and what the spool does. */
const differences: readonly (readonly [PlainCount, string])[] = [
  ['recordsLostInNetwork', 'records_lost_in_network'],
  ['datagramsLostInNetwork', 'datagrams_lost_in_network'],
  ['datagramsReceived', 'datagrams_received'],
  ['bytesReceived', 'bytes_received'],
  ['datagramsReordered', 'datagrams_reordered'],
  ['datagramsDuplicated', 'datagrams_duplicated'],
  ['exporterRestarts', 'exporter_restarts'],
  ['clockSkewMs', 'clock_skew_ms'],
  ['clockLooks', 'clock_looks'],
  ['setsParked', 'sets_parked'],
  ['recordsDecoded', 'records_decoded'],
  ['otherRecordsDecoded', 'other_records_decoded'],
  ['recordsSpooled', 'records_spooled'],
  ['recordsLostBySpool', 'records_lost_by_spool'],
];

/** Exporters with rows of their own, in the order in which they are first heard. */
export function createExporterNames(maxExporters = maxLedgerExporters) {
  const known = new Set<string>();
  return function toName(exporter: string): string {
    if (known.has(exporter)) return exporter;
    if (known.size >= maxExporters) return otherExporters;
    known.add(exporter);
    return exporter;
  };
}

export function createLedgerBook({ ledger, process, maxExporters, nowMs }: LedgerBookOptions): LedgerBook {
  const toName = createExporterNames(maxExporters);
  const seen = new Map<string, Map<string, number>>();
  let minute = toMinute(nowMs);
  let rows = new Map<string, { readonly row: Omit<LedgerRow, 'counts'>; readonly counts: Record<string, number> }>();

  function addTo(
    about: Pick<LedgerRow, 'minuteMs' | 'exporter' | 'listenAddress'>,
    field: string,
    count: number,
    stage: LedgerRow['stage'] = 'listen',
  ): void {
    if (count === 0) return;
    const atMs = rows.size < maxRows ? about.minuteMs : Math.floor(about.minuteMs / hourMs) * hourMs;
    const key = `${atMs} ${stage} ${about.exporter ?? ''} ${about.listenAddress ?? ''}`;
    let entry = rows.get(key);
    if (entry === undefined) {
      entry = { row: { ...about, minuteMs: atMs, stage, process }, counts: {} };
      rows.set(key, entry);
    }
    entry.counts[field] = (entry.counts[field] ?? 0) + count;
  }

  function collect(): void {
    for (const [exporter, counts] of ledger.exporters()) {
      const before = seen.get(exporter) ?? new Map<string, number>();
      if (before.size === 0) seen.set(exporter, before);
      const about = { minuteMs: minute, exporter: toName(exporter) };
      const changeOf = (field: string, value: number): number => {
        const change = value - (before.get(field) ?? 0);
        if (change !== 0) {
          before.set(field, value);
          addTo(about, field, change);
        }
        return change;
      };
      const changes = new Map(differences.map(([count, field]) => [count, changeOf(field, counts[count])]));
      for (const [code, count] of counts.faults) changeOf(toFaultField(code), count);
      const lost = toLostRecords(counts, changes.get('recordsLostInNetwork'), changes.get('datagramsLostInNetwork'));
      addTo(about, 'records_lost_estimated', lost);
      addTo(about, 'records_exported', lost + (changes.get('recordsDecoded') ?? 0));
    }
  }

  return {
    isOver: (atMs) => toMinute(atMs) !== minute,
    turn(atMs) {
      collect();
      minute = toMinute(atMs);
    },
    add: (atMs, exporter, field, count) =>
      addTo({ minuteMs: toMinute(atMs), exporter: toName(exporter) }, field, count),
    addPort: (listenAddress, field, count) => addTo({ minuteMs: minute, listenAddress }, field, count),
    addProcess: (atMs, field, count) => addTo({ minuteMs: toMinute(atMs) }, field, count, 'process'),
    take() {
      collect();
      const taken = Array.from(rows.values(), ({ row, counts }) => ({ ...row, counts }));
      rows = new Map();
      return taken;
    },
  };
}

/** A datagram has as many records as those of this exporter have on average. */
function toLostRecords(counts: ExporterCounts, records = 0, datagrams = 0): number {
  if (datagrams === 0 || counts.datagramsReceived === 0) return records;
  return records + Math.round((datagrams * counts.recordsDecoded) / counts.datagramsReceived);
}
