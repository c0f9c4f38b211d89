// Each place where weir, or its door, can lose flows, in the order of their way: for the status line, the log and the status page.

import type { ExporterCounts, Ledger } from '../telemetry/ledger.ts';

export interface LossPlace {
  /** "kernel": fit for JSON. */
  readonly key: string;
  readonly unit: 'records' | 'datagrams' | 'sets' | 'documents';
  /** Behind a number: "datagrams by the kernel". */
  readonly what: string;
  readonly count: (ledger: Ledger, totals: ExporterCounts) => number;
}

export const lossPlaces: readonly LossPlace[] = [
  {
    key: 'recordsBetweenListeners',
    unit: 'records',
    what: 'records between two listeners',
    count: (_, totals) => totals.recordsLostBetweenListeners,
  },
  {
    key: 'datagramsBetweenListeners',
    unit: 'datagrams',
    what: 'datagrams between two listeners',
    count: (_, totals) => totals.datagramsLostBetweenListeners,
  },
  {
    key: 'kernel',
    unit: 'datagrams',
    what: 'datagrams by the kernel',
    count: ({ kernelDrops }) => kernelDrops,
  },
  {
    key: 'workers',
    unit: 'datagrams',
    what: 'datagrams by workers',
    count: (_, totals) => totals.datagramsLostByWorkers,
  },
  {
    key: 'workersParked',
    unit: 'sets',
    what: 'parked sets by workers',
    count: ({ parkedSetsLost }) => parkedSetsLost,
  },
  {
    key: 'queueFull',
    unit: 'records',
    what: 'records by the full queue',
    count: (_, totals) => totals.recordsRefusedByQueue,
  },
  {
    key: 'spoolFull',
    unit: 'records',
    what: 'records by the full spool',
    count: (_, totals) => totals.recordsLostBySpool,
  },
  {
    key: 'queueLost',
    unit: 'records',
    what: 'records lost on the queue',
    count: (_, totals) => totals.recordsLostInQueue,
  },
  {
    key: 'quarantine',
    unit: 'records',
    what: 'records in quarantine',
    count: (_, totals) => totals.recordsQuarantined,
  },
  {
    key: 'deadLetters',
    unit: 'documents',
    what: 'documents refused',
    count: (_, totals) => totals.documentsDeadLettered,
  },
  {
    key: 'noTemplate',
    unit: 'sets',
    what: 'sets without template',
    count: (_, totals) => totals.faults.get('parked-expired') ?? 0,
  },
];

/** On the way from exporters, by their sequence numbers: before anything reached weir. */
export const networkLossPlaces: readonly LossPlace[] = [
  {
    key: 'networkRecords',
    unit: 'records',
    what: 'records in the network',
    count: (_, totals) => totals.recordsLostInNetwork,
  },
  {
    key: 'networkDatagrams',
    unit: 'datagrams',
    what: 'datagrams in the network',
    count: (_, totals) => totals.datagramsLostInNetwork,
  },
];
