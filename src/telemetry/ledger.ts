// Counts what went into and out of each stage, per exporter, so that the sums can be compared (docs/operations.md walks them).
// Stages add to plain numbers here; whoever shows them (status line, metrics) reads them.

import type { FaultCode } from '../model/fault.ts';
import type { SequenceChange } from '../model/sequence.ts';

/** In the order a flow meets them. */
export interface ExporterCounts {
  /** Sent and never received, by sequence numbers: NetFlow v5 and IPFIX count records. What comes late is taken back. */
  recordsLostInNetwork: number;
  /** The same of NetFlow v9 and sFlow, which count datagrams. */
  datagramsLostInNetwork: number;
  datagramsReceived: number;
  bytesReceived: number;
  /** Came after one that was sent later. */
  datagramsReordered: number;
  /** Came more than once; each is decoded. */
  datagramsDuplicated: number;
  exporterRestarts: number;
  /** Observation domains whose sequence numbers make no sense: of these no loss is known. Goes up and down. */
  sequencesUnusable: number;
  /** Flow records decoded. */
  recordsDecoded: number;
  /** Options records, counter samples and discards decoded: read, but no flows. */
  otherRecordsDecoded: number;
  /** Flow records lost because the queue was at its limit. */
  recordsRefusedByQueue: number;
  /** Flow records whose batch was given up, or whose bytes the queue no longer had. */
  recordsLostInQueue: number;
  /** Flow records whose batch failed too often: kept apart, and neither indexed nor lost (`weir queue`). */
  recordsQuarantined: number;
  documentsDroppedByStep: number;
  /** Documents beyond one for each flow record: flows stored in parts. */
  documentsAddedByStep: number;
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
const otherExporters = 'others';

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

/** `change` is of the exporter that `counts` are of. */
export function countSequence(counts: ExporterCounts, change: SequenceChange): void {
  if (change.unit === 'records') counts.recordsLostInNetwork += change.lost;
  else counts.datagramsLostInNetwork += change.lost;
  counts.datagramsReordered += change.reordered;
  counts.datagramsDuplicated += change.duplicated;
  counts.exporterRestarts += change.restarted;
  counts.sequencesUnusable += change.unusable;
}

function zeroCounts(): ExporterCounts {
  return {
    recordsLostInNetwork: 0,
    datagramsLostInNetwork: 0,
    datagramsReceived: 0,
    bytesReceived: 0,
    datagramsReordered: 0,
    datagramsDuplicated: 0,
    exporterRestarts: 0,
    sequencesUnusable: 0,
    recordsDecoded: 0,
    otherRecordsDecoded: 0,
    recordsRefusedByQueue: 0,
    recordsLostInQueue: 0,
    recordsQuarantined: 0,
    documentsDroppedByStep: 0,
    documentsAddedByStep: 0,
    documentsIndexed: 0,
    documentsAlreadyThere: 0,
    documentsDeadLettered: 0,
    faults: new Map(),
  };
}

function addCounts(sum: ExporterCounts, more: ExporterCounts): void {
  sum.recordsLostInNetwork += more.recordsLostInNetwork;
  sum.datagramsLostInNetwork += more.datagramsLostInNetwork;
  sum.datagramsReceived += more.datagramsReceived;
  sum.bytesReceived += more.bytesReceived;
  sum.datagramsReordered += more.datagramsReordered;
  sum.datagramsDuplicated += more.datagramsDuplicated;
  sum.exporterRestarts += more.exporterRestarts;
  sum.sequencesUnusable += more.sequencesUnusable;
  sum.recordsDecoded += more.recordsDecoded;
  sum.otherRecordsDecoded += more.otherRecordsDecoded;
  sum.recordsRefusedByQueue += more.recordsRefusedByQueue;
  sum.recordsLostInQueue += more.recordsLostInQueue;
  sum.recordsQuarantined += more.recordsQuarantined;
  sum.documentsDroppedByStep += more.documentsDroppedByStep;
  sum.documentsAddedByStep += more.documentsAddedByStep;
  sum.documentsIndexed += more.documentsIndexed;
  sum.documentsAlreadyThere += more.documentsAlreadyThere;
  sum.documentsDeadLettered += more.documentsDeadLettered;
  for (const [code, count] of more.faults) sum.faults.set(code, (sum.faults.get(code) ?? 0) + count);
}
