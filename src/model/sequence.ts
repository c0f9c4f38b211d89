// What the sequence numbers of exporters tell: what was sent and never came. A change is a value that is added to the ledger.

import type { Protocol } from './record.ts';

/** What a protocol's sequence numbers count: v5 and IPFIX data records, v9 and sFlow datagrams. */
export type SequenceUnit = 'records' | 'datagrams';

export const sequenceUnits: Readonly<Record<Protocol, SequenceUnit>> = {
  netflow5: 'records',
  netflow9: 'datagrams',
  ipfix: 'records',
  sflow5: 'datagrams',
};

/** Why the sequence numbers of an exporter tell nothing about loss. */
export type SequenceTrouble =
  | 'they are always the same'
  | 'they count datagrams, not records'
  | 'they count records, not datagrams'
  | 'they count samples, not datagrams'
  | 'one counter serves several observation domains'
  | 'they follow no order: perhaps several exporters behind one address'
  | 'several counters take turns: several exporters behind one address';

/** What one datagram changed, beyond having come in its turn. */
export interface SequenceChange {
  readonly exporter: string;
  readonly protocol: Protocol;
  readonly domain: number;
  readonly unit: SequenceUnit;
  /** Units. Negative: what was given up came late, or was never lost. */
  readonly lost: number;
  /** Datagrams. */
  readonly reordered: number;
  readonly duplicated: number;
  readonly restarted: number;
  /** 1: the numbers turned out to be unusable, for this reason; -1: they make sense again. */
  readonly unusable: -1 | 0 | 1;
  readonly trouble: SequenceTrouble | undefined;
}

/** Where one counter of an exporter stands. */
export interface SequenceReport {
  readonly exporter: string;
  readonly protocol: Protocol;
  readonly domain: number;
  readonly unit: SequenceUnit;
  /** Units; those of sets without a template are not known and not in it. */
  readonly received: number;
  readonly lost: number;
  readonly reordered: number;
  readonly duplicated: number;
  readonly restarts: number;
  /** Undefined: the numbers make sense. */
  readonly trouble: SequenceTrouble | undefined;
}

/** Where one counter of an exporter stood in one datagram, as it outlives the process. */
export interface SequencePosition {
  readonly exporter: string;
  readonly protocol: Protocol;
  /** Of the counter among those of the exporter: its observation domain, or what stands for it. */
  readonly key: number;
  /** The number that comes next. */
  readonly next: number;
  /** -1: the protocol has none. */
  readonly uptimeMs: number;
  readonly clockMs: number;
  readonly receivedAtMs: number;
}
