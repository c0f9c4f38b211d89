// Counts what went into and out of each stage, per exporter, so that the sums can be compared (docs/operations.md walks them).
// Stages add to plain numbers here; whoever shows them (status line, metrics) reads them.

import type { FaultCode } from '../model/fault.ts';
import type { Protocol } from '../model/record.ts';
import type { SequenceChange } from '../model/sequence.ts';

/** In the order a flow meets them. */
export interface ExporterCounts {
  /** Sent and never received, by sequence numbers: NetFlow v5 and IPFIX count records. What comes late is taken back. */
  recordsLostInNetwork: number;
  /** What was taken back of it, so that both together only grow. */
  recordsFoundAgain: number;
  /** The same of NetFlow v9 and sFlow, which count datagrams. */
  datagramsLostInNetwork: number;
  datagramsFoundAgain: number;
  /** The same of NetFlow v5 and IPFIX, then of NetFlow v9 and sFlow: sent while no listener was there, or in the hands of one that died. */
  recordsLostBetweenListeners: number;
  datagramsLostBetweenListeners: number;
  datagramsReceived: number;
  bytesReceived: number;
  /** Datagrams that a worker of this listener had no room for, or did not survive. */
  datagramsLostByWorkers: number;
  /** Came after one that was sent later. */
  datagramsReordered: number;
  /** Came more than once; each is decoded. */
  datagramsDuplicated: number;
  exporterRestarts: number;
  /** How far the exporter's clock is from ours, in ms, added up over `clockLooks` sets. Of sFlow nothing is known: it tells no time. */
  clockSkewMs: number;
  clockLooks: number;
  /** Observation domains whose sequence numbers make no sense: of these no loss is known. Goes up and down. */
  sequencesUnusable: number;
  /** Sets that no template was there for, what became of them is in `faults`: `parked-expired`, or they were decoded later. */
  setsParked: number;
  /** Flow records decoded. */
  recordsDecoded: number;
  /** The same, by protocol. */
  readonly recordsByProtocol: Record<Protocol, number>;
  /** Options records and counter samples decoded: read, but no flows. */
  otherRecordsDecoded: number;
  /** Flow records that the queue, or its spool on disk, answers for. */
  recordsQueued: number;
  /** Flow records lost because the queue was at its limit. */
  recordsRefusedByQueue: number;
  /** Those of them that went by way of the disk, because the queue had no room or was away. */
  recordsSpooled: number;
  /** Flow records lost because the spool was at its limit, or damaged. */
  recordsLostBySpool: number;
  /** Flow records whose batch was given up, or whose bytes the queue no longer had. What an earlier attempt wrote is there. */
  recordsLostInQueue: number;
  /** Flow records whose batch failed too often: kept apart, and neither indexed nor lost. */
  recordsQuarantined: number;
  /** Flow records that became no document, by the name of the step. */
  readonly droppedBySteps: Map<string, number>;
  /** Documents beyond one for each flow record: flows stored in parts. */
  documentsAddedByStep: number;
  /** Documents with fields that are kept and not indexed, because the exporter's names are too many. */
  documentsPartlyIndexed: number;
  documentsIndexed: number;
  documentsAlreadyThere: number;
  documentsDeadLettered: number;
  readonly faults: Map<FaultCode, number>;
}

export interface Ledger {
  /** Datagrams that the kernel dropped because our receive buffers were full; the kernel does not say whose. */
  kernelDrops: number;
  /** Sets that waited for their template in a worker of this listener when it died, by its last report. */
  parkedSetsLost: number;
  /** Datagrams, and TCP connections, from addresses that may not send; whose they are means little, for sources are forged. */
  datagramsRefused: number;
  connectionsRefused: number;
  /** What steps count beside dropped flows: step → outcome → times. Both are words of ours. */
  readonly stepOutcomes: Map<string, Map<string, number>>;
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

  return {
    kernelDrops: 0,
    parkedSetsLost: 0,
    datagramsRefused: 0,
    connectionsRefused: 0,
    stepOutcomes: new Map(),
    exporter,
    exporters: () => exporters,
    totals,
  };
}

export function countFault(counts: ExporterCounts, code: FaultCode): void {
  add(counts.faults, code, 1);
  if (code === 'template-missing') counts.setsParked += 1;
}

export function countDropped(counts: ExporterCounts, step: string, rows: number): void {
  add(counts.droppedBySteps, step, rows);
}

export function countStepOutcome({ stepOutcomes }: Ledger, step: string, outcome: string): void {
  let outcomes = stepOutcomes.get(step);
  if (outcomes === undefined) {
    outcomes = new Map();
    stepOutcomes.set(step, outcomes);
  }
  add(outcomes, outcome, 1);
}

/** Of all steps together. */
export function droppedIn({ droppedBySteps }: ExporterCounts): number {
  let sum = 0;
  for (const rows of droppedBySteps.values()) sum += rows;
  return sum;
}

export function countDecoded(counts: ExporterCounts, protocol: Protocol, rows: number): void {
  counts.recordsDecoded += rows;
  counts.recordsByProtocol[protocol] += rows;
}

/** `change` is of the exporter that `counts` are of. */
export function countSequence(counts: ExporterCounts, change: SequenceChange): void {
  const foundAgain = Math.max(0, -change.lost);
  if (change.unit === 'records') {
    counts.recordsLostInNetwork += change.lost;
    counts.recordsFoundAgain += foundAgain;
  } else {
    counts.datagramsLostInNetwork += change.lost;
    counts.datagramsFoundAgain += foundAgain;
  }
  counts.datagramsReordered += change.reordered;
  counts.datagramsDuplicated += change.duplicated;
  counts.exporterRestarts += change.restarted;
  counts.sequencesUnusable += change.unusable;
}

/** The counts that are one number each, in the order a flow meets them. */
export const plainCounts = [
  'recordsLostInNetwork',
  'recordsFoundAgain',
  'datagramsLostInNetwork',
  'datagramsFoundAgain',
  'recordsLostBetweenListeners',
  'datagramsLostBetweenListeners',
  'datagramsReceived',
  'bytesReceived',
  'datagramsLostByWorkers',
  'datagramsReordered',
  'datagramsDuplicated',
  'exporterRestarts',
  'clockSkewMs',
  'clockLooks',
  'sequencesUnusable',
  'setsParked',
  'recordsDecoded',
  'otherRecordsDecoded',
  'recordsQueued',
  'recordsRefusedByQueue',
  'recordsSpooled',
  'recordsLostBySpool',
  'recordsLostInQueue',
  'recordsQuarantined',
  'documentsAddedByStep',
  'documentsPartlyIndexed',
  'documentsIndexed',
  'documentsAlreadyThere',
  'documentsDeadLettered',
] as const satisfies readonly (keyof ExporterCounts)[];

export type PlainCount = (typeof plainCounts)[number];

export function zeroCounts(): ExporterCounts {
  const plain = Object.fromEntries(plainCounts.map((name) => [name, 0])) as Record<PlainCount, number>;
  return {
    ...plain,
    recordsByProtocol: { netflow5: 0, netflow9: 0, ipfix: 0, sflow5: 0 },
    droppedBySteps: new Map(),
    faults: new Map(),
  };
}

/** `sign` -1 takes away. */
export function addCounts(sum: ExporterCounts, more: ExporterCounts, sign: 1 | -1 = 1): void {
  for (const name of plainCounts) sum[name] += sign * more[name];
  for (const protocol of protocols) sum.recordsByProtocol[protocol] += sign * more.recordsByProtocol[protocol];
  for (const [step, rows] of more.droppedBySteps) add(sum.droppedBySteps, step, sign * rows);
  for (const [code, count] of more.faults) add(sum.faults, code, sign * count);
}

const protocols = ['netflow5', 'netflow9', 'ipfix', 'sflow5'] as const satisfies readonly Protocol[];

function add<Key>(counts: Map<Key, number>, key: Key, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}
