// Counts what went into and out of each stage, per exporter, so that the sums can be compared (docs/operations.md walks them).
// Stages add to plain numbers here; whoever shows them (status line, metrics) reads them.

import type { FaultCode } from '../model/fault.ts';

/** In the order a flow meets them. */
export interface ExporterCounts {
  datagramsReceived: number;
  bytesReceived: number;
  /** Flow records decoded. */
  recordsDecoded: number;
  /** Options records, counter samples and discards decoded: read, but no flows. */
  otherRecordsDecoded: number;
  /** Flow records lost because the queue was at its limit. */
  recordsRefusedByQueue: number;
  documentsDroppedByStep: number;
  documentsIndexed: number;
  documentsAlreadyThere: number;
  documentsDeadLettered: number;
  readonly faults: Map<FaultCode, number>;
}

export interface Ledger {
  /** Datagrams that the kernel dropped because our receive buffers were full; the kernel does not say whose. */
  kernelDrops: number;
  /** Datagrams, and TCP connections, from addresses that may not send; whose they are means little, for sources are forged. */
  datagramsRefused: number;
  connectionsRefused: number;
  /** The counts of one exporter; beyond `maxExporters` addresses, those of `others`. */
  exporter(address: string): ExporterCounts;
  exporters(): ReadonlyMap<string, ExporterCounts>;
  totals(): ExporterCounts;
}

/** Name under which exporters beyond the limit are counted. */
export const otherExporters = 'others';

export interface LedgerOptions {
  /** Spoofed sources must not grow the map without bound: 10,000 exporters are 3 MB. */
  readonly maxExporters?: number;
}

export function createLedger({ maxExporters = 10_000 }: LedgerOptions = {}): Ledger {
  const exporters = new Map<string, ExporterCounts>();

  function exporter(address: string): ExporterCounts {
    const known = exporters.get(address);
    if (known !== undefined) return known;
    if (exporters.size >= maxExporters && address !== otherExporters) return exporter(otherExporters);
    const counts = zeroCounts();
    exporters.set(address, counts);
    return counts;
  }

  function totals(): ExporterCounts {
    const sum = zeroCounts();
    for (const counts of exporters.values()) addCounts(sum, counts);
    return sum;
  }

  return { kernelDrops: 0, datagramsRefused: 0, connectionsRefused: 0, exporter, exporters: () => exporters, totals };
}

export function countFault(counts: ExporterCounts, code: FaultCode): void {
  counts.faults.set(code, (counts.faults.get(code) ?? 0) + 1);
}

function zeroCounts(): ExporterCounts {
  return {
    datagramsReceived: 0,
    bytesReceived: 0,
    recordsDecoded: 0,
    otherRecordsDecoded: 0,
    recordsRefusedByQueue: 0,
    documentsDroppedByStep: 0,
    documentsIndexed: 0,
    documentsAlreadyThere: 0,
    documentsDeadLettered: 0,
    faults: new Map(),
  };
}

function addCounts(sum: ExporterCounts, more: ExporterCounts): void {
  sum.datagramsReceived += more.datagramsReceived;
  sum.bytesReceived += more.bytesReceived;
  sum.recordsDecoded += more.recordsDecoded;
  sum.otherRecordsDecoded += more.otherRecordsDecoded;
  sum.recordsRefusedByQueue += more.recordsRefusedByQueue;
  sum.documentsDroppedByStep += more.documentsDroppedByStep;
  sum.documentsIndexed += more.documentsIndexed;
  sum.documentsAlreadyThere += more.documentsAlreadyThere;
  sum.documentsDeadLettered += more.documentsDeadLettered;
  for (const [code, count] of more.faults) sum.faults.set(code, (sum.faults.get(code) ?? 0) + count);
}
