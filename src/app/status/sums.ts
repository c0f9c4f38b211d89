// What adds up in this process, as plain numbers: sampled every 10 s, rates and losses are differences.

import type { Ledger } from '../../telemetry/ledger.ts';
import { lossPlaces, networkLossPlaces } from '../losses.ts';
import type { FlowObserver } from './flow-observer.ts';

export interface Sums {
  readonly datagrams: number;
  readonly bytes: number;
  readonly records: number;
  readonly queued: number;
  readonly enriched: number;
  readonly documents: number;
  readonly decodeMs: number;
  readonly decodePieces: number;
  readonly enrichMs: number;
  readonly enrichPieces: number;
  readonly indexMs: number;
  readonly indexPieces: number;
  readonly cpuMs: number;
  /** By the key of the place (losses.ts). */
  readonly lost: ReadonlyMap<string, number>;
}

export type SumName = Exclude<keyof Sums, 'lost'>;

export function readSums(ledger: Ledger, { decode, enrich, index }: FlowObserver): Sums {
  const totals = ledger.totals();
  const { user, system } = process.cpuUsage();
  const documents = totals.documentsIndexed + totals.documentsAlreadyThere;
  let dropped = 0;
  for (const rows of totals.droppedBySteps.values()) dropped += rows;
  const places = [...networkLossPlaces, ...lossPlaces];
  return {
    datagrams: totals.datagramsReceived,
    bytes: totals.bytesReceived,
    records: totals.recordsDecoded,
    queued: totals.recordsQueued,
    enriched: documents + totals.documentsDeadLettered + dropped,
    documents,
    decodeMs: decode.sums.busyMs,
    decodePieces: decode.sums.pieces,
    enrichMs: enrich.sums.busyMs,
    enrichPieces: enrich.sums.pieces,
    indexMs: index.sums.busyMs,
    indexPieces: index.sums.pieces,
    cpuMs: (user + system) / 1000,
    lost: new Map(places.map(({ key, count }) => [key, count(ledger, totals)])),
  };
}
