// One line a second on a terminal: what came, what was indexed, what was lost.

import type { QueueDepth } from '../enqueue/queue.ts';
import { droppedIn, type Ledger } from '../telemetry/ledger.ts';
import { toThousands } from './count-text.ts';
import { lossPlaces } from './losses.ts';

/** Where the counts of an interval stand. */
export interface Progress {
  readonly atMs: number;
  readonly exporters: number;
  readonly received: number;
  readonly indexed: number;
  readonly dropped: number;
  /** Datagrams and connections of exporters that may not send. */
  readonly refused: number;
  /** By sequence numbers, before anything reached weir. */
  readonly lostInNetwork: { readonly records: number; readonly datagrams: number };
  /** By weir, or at its door. */
  readonly lost: number;
  readonly losses: string;
}

export function readProgress(ledger: Ledger, nowMs: number): Progress {
  const totals = ledger.totals();
  const named = lossPlaces.map(({ what, count }) => [what, count(ledger, totals)] as const);
  return {
    atMs: nowMs,
    exporters: ledger.exporters().size,
    received: totals.recordsDecoded,
    indexed: totals.documentsIndexed + totals.documentsAlreadyThere,
    dropped: droppedIn(totals),
    refused: ledger.datagramsRefused + ledger.connectionsRefused,
    lostInNetwork: { records: totals.recordsLostInNetwork, datagrams: totals.datagramsLostInNetwork },
    lost: named.reduce((sum, [, count]) => sum + count, 0),
    losses: toList(named),
  };
}

function toList(counts: readonly (readonly [string, number])[]): string {
  return counts
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${toThousands(count)} ${name}`)
    .join(', ');
}

/** The line for the time between two readings. */
export function toStatusLine(
  before: Progress,
  after: Progress,
  /** Undefined: the queue does not answer. */
  depth: QueueDepth | undefined,
  /** Records in the spool. */
  onDisk: number,
  trouble: string | undefined,
): string {
  const seconds = Math.max(0.001, (after.atMs - before.atMs) / 1000);
  const rate = (key: 'received' | 'indexed'): string => toThousands(Math.round((after[key] - before[key]) / seconds));
  const parts = [
    `${new Date(after.atMs).toISOString().slice(11, 19)}Z`,
    `in ${rate('received').padStart(7)} flows/s from ${after.exporters} exporter${after.exporters === 1 ? '' : 's'}`,
    `indexed ${rate('indexed').padStart(7)}/s`,
    `total ${toThousands(after.indexed)}`,
    `waiting ${depth === undefined ? '?' : toThousands(depth.records)}`,
    ...(onDisk > 0 ? [`on disk ${toThousands(onDisk)}`] : []),
    after.lost === 0 ? 'lost 0' : `lost ${after.losses}`,
  ];
  const lostInNetwork = toList(Object.entries(after.lostInNetwork));
  if (lostInNetwork !== '') parts.push(`lost in the network ${lostInNetwork}`);
  if (after.dropped > 0) parts.push(`dropped by steps ${toThousands(after.dropped)}`);
  if (after.refused > 0) parts.push(`refused ${toThousands(after.refused)} not allowed`);
  if (trouble !== undefined) parts.push(trouble);
  return parts.join(' │ ');
}
