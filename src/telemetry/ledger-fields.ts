// The fields of weir-ledger-* documents, in the order in which a flow meets them. docs/ledger.md and the index template are
// generated from this table (scripts/generate-ledger-docs.ts).

import { faultCodes } from '../model/fault.ts';

export interface LedgerField {
  readonly name: string;
  readonly type: 'date' | 'keyword' | 'long';
  /** Who counts it: whoever receives, whoever indexes, or any process of itself. Undefined: in every document. */
  readonly stage?: 'listen' | 'work' | 'process';
  /** One sentence. */
  readonly meaning: string;
}

/** What a row is about. A row without an exporter is of a port: the kernel does not say whose datagrams it dropped. */
export const ledgerKeys: readonly LedgerField[] = [
  { name: '@timestamp', type: 'date', meaning: 'Begin of the minute in which the flows were received, UTC.' },
  {
    name: 'exporter',
    type: 'keyword',
    meaning:
      'Address of the exporter; `others` beyond the first 1,000. Absent where `listen_address` stands, and of a process.',
  },
  {
    name: 'listen_address',
    type: 'keyword',
    meaning: 'The port that a count of no exporter belongs to: `udp://0.0.0.0:2055`.',
  },
  { name: 'pipeline', type: 'keyword', meaning: '`name` of the pipeline file.' },
  {
    name: 'stage',
    type: 'keyword',
    meaning:
      '`listen`: counted where flows are received; `work`: where they are indexed; `process`: of a process itself.',
  },
  {
    name: 'process',
    type: 'keyword',
    meaning: 'Who counted: machine and process id; `workers` for what all workers of a queue indexed.',
  },
];

export const ledgerCounts: readonly LedgerField[] = [
  listen('records_exported', 'Flow records that the exporter sent, as far as is known: decoded, and lost (estimated).'),
  listen(
    'records_lost_in_network',
    'Sent and never received, by sequence numbers that count records (NetFlow v5, IPFIX). Less than 0: what had been missed came.',
  ),
  listen(
    'datagrams_lost_in_network',
    'The same by sequence numbers that count datagrams (NetFlow v9, sFlow). Less than 0: what had been missed came.',
  ),
  listen(
    'records_lost_estimated',
    'Both in records: a lost datagram counts as many as this exporter’s datagrams have on average.',
  ),
  listen('datagrams_kernel_dropped', 'Dropped by the kernel, because the receive buffer of the port was full.'),
  listen('datagrams_received', 'Datagrams, and messages over TCP.'),
  listen('bytes_received', 'Bytes of their payloads.'),
  listen('datagrams_reordered', 'Came after one that was sent later.'),
  listen('datagrams_duplicated', 'Came more than once; each is decoded.'),
  listen('exporter_restarts', 'Restarts of the exporter.'),
  listen(
    'clock_skew_ms',
    'Time of export less time of reception, added up: divided by `clock_looks` it is how far the exporter’s clock is ahead of ours. sFlow tells no time.',
  ),
  listen('clock_looks', 'Sets whose time was looked at.'),
  ...Object.keys(faultCodes).map((code) =>
    listen(toFaultField(code), `Faults of this kind ([errors.md](errors.md)): what could not be decoded, by reason.`),
  ),
  listen('sets_parked', 'Data sets that came before their template; given up are those in `faults.parked-expired`.'),
  listen('records_decoded', 'Flow records.'),
  listen('other_records_decoded', 'Options records and counter samples: read, but no flows.'),
  listen('records_queued', 'Flow records that the queue, or its spool on disk, took.'),
  listen('records_spooled', 'Of them, those that went by way of the disk.'),
  listen('records_refused_by_queue', 'Lost, because neither queue nor spool took them.'),
  listen(
    'records_lost_by_spool',
    'Lost, because the spool was at its limit, or damaged. Counted in the minute of the loss.',
  ),
  work('records_lost_in_queue', 'Lost with a batch that was given up, or whose bytes the queue no longer had.'),
  work('records_quarantined', 'In batches that failed too often and are kept apart (`weir queue list`).'),
  work('records_dropped_by_steps', 'Became no document, because a step of the pipeline file dropped them.'),
  work('documents_added_by_step', 'Documents beyond one for each record: flows stored in parts.'),
  work('documents_partly_indexed', 'Documents with fields that are kept and not indexed.'),
  work('documents_indexed', 'Written.'),
  work(
    'documents_already_there',
    'Written by an earlier attempt at the same batch, which ended before it could be counted.',
  ),
  work('documents_dead_lettered', 'Refused by the index, and kept as dead letters.'),
  work(
    'documents_delay_ms',
    'Time from reception to the end of writing, of each document of the three kinds above, added up: divided by their number it is the mean.',
  ),
  ofProcess(
    'process_looks',
    'How often the process looked at itself, every 5 s: what is added up, divided by it, is the mean.',
  ),
  ofProcess('cpu_ms', 'CPU time of the process, its threads, and its workers (`weir listen --workers`).'),
  ofProcess('memory_bytes', 'Their memory (RSS), added up over the looks.'),
  ofProcess('queue_looks', 'Of the looks, those at which the queue answered.'),
  ofProcess(
    'queue_records',
    'Records that waited in the queue, or were in a worker’s hands, added up over these looks.',
  ),
  ofProcess('queue_bytes', 'The same in bytes.'),
  ofProcess(
    'queue_age_ms',
    'Age of the batch that had waited longest, added up over these looks; 0 where none waited.',
  ),
  ofProcess('spool_records', 'Records that waited on this process’s disk, added up over `process_looks`.'),
];

/** `dropped_by_step.<name of the step>`: the names are those of the pipeline file. */
export const droppedByStep = 'dropped_by_step';

export function toFaultField(code: string): string {
  return `faults.${code}`;
}

function listen(name: string, meaning: string): LedgerField {
  return { name, type: 'long', stage: 'listen', meaning };
}

function work(name: string, meaning: string): LedgerField {
  return { name, type: 'long', stage: 'work', meaning };
}

function ofProcess(name: string, meaning: string): LedgerField {
  return { name, type: 'long', stage: 'process', meaning };
}
