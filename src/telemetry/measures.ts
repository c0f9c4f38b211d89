// What weir shows of itself, in the order in which a flow meets it: names, meanings, and where the numbers are read.
// docs/operations.md has the same table; metrics.ts writes it for Prometheus.

import type { ExporterSign } from '../model/exporter-sign.ts';
import type { Finding } from '../model/finding.ts';
import type { ExporterCounts, Ledger, PlainCount } from './ledger.ts';

/** Series of what exporters say of themselves: forged ones could say it of any number of domains. */
const maxStatistics = 5000;

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Measure {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  /** One sentence. */
  readonly help: string;
  readonly labels: readonly string[];
  read(source: MeasureSource): readonly Sample[];
}

export interface MeasureSource {
  readonly ledger: Ledger;
  /** Exporters with series of their own, and `others`: see `toShownExporters`. */
  readonly exporters: ReadonlyMap<string, ExporterCounts>;
  readonly levels: Levels;
  readonly process: ProcessUsage;
}

/** Where things stand now. What a process has not, or can't tell now, is undefined: its series are absent then. */
export interface Levels {
  readonly decoder?: DecoderLevels | undefined;
  /** Of a listener that has some. */
  readonly workers?: readonly WorkerLevels[] | undefined;
  /** Other collectors that get copies. */
  readonly forwarded?: readonly ForwardedLevels[] | undefined;
  readonly queue?: QueueLevels | undefined;
  readonly spool?: { readonly records: number; readonly bytes: number } | undefined;
  readonly sink?: SinkLevels | undefined;
  /** What is wrong with exporters, 500 at most. */
  readonly findings?: readonly Finding[] | undefined;
  /** What retention found at its last look. */
  readonly disk?: DiskLevels | undefined;
  /** Undefined where none are made. */
  readonly rollups?: RollupLevels | undefined;
  readonly dataFiles: readonly DataFileLevels[];
}

export interface RollupLevels {
  /** Interval → those that this process has made. */
  readonly made: ReadonlyMap<string, number>;
  readonly waiting: number;
}

export interface DiskLevels {
  /** Of our indices, replicas included. */
  readonly bytes: number;
  readonly bytesPerDay: number;
  readonly freeBytes: number;
  /** Undefined: never, as old indices go before. */
  readonly fullInDays: number | undefined;
}

/** Datagrams, since the start or the last change of `collect.tee`. */
export interface ForwardedLevels {
  readonly target: string;
  readonly sent: number;
  readonly failed: number;
  readonly dropped: number;
}

export interface WorkerLevels {
  readonly number: number;
  readonly isReady: boolean;
  readonly restarts: number;
  /** Memory with datagrams that it has not settled. */
  readonly unsettledBytes: number;
  /** Undefined until it has said so. */
  readonly cpuSeconds: number | undefined;
  readonly residentBytes: number | undefined;
}

export interface DecoderLevels {
  readonly exporters: number;
  readonly templates: number;
  /** Entries that options records taught: sampling intervals, names. */
  readonly facts: number;
  readonly parkedSets: number;
  /** What is probably wrong with exporters. */
  readonly signs: readonly ExporterSign[];
  /** Counters that exporters send of themselves; beyond 2^53 as decimal text. */
  readonly statistics: readonly {
    readonly exporter: string;
    readonly domain: number;
    readonly process: number;
    readonly name: string;
    readonly value: number | string;
  }[];
}

export interface QueueLevels {
  readonly waiting: number;
  readonly active: number;
  readonly records: number;
  readonly bytes: number;
  /** When the batch that has waited longest was made, ms since 1970. */
  readonly oldestAtMs?: number | undefined;
}

export interface SinkLevels {
  readonly holdsDocuments: boolean;
  readonly concurrency?: number | undefined;
  readonly requestBytes?: number | undefined;
  readonly lastLatencyMs?: number | undefined;
  /** Bounded by the sink. */
  readonly droppedFields?: ReadonlyMap<string, number> | undefined;
  readonly deadLettersInFile?: number | undefined;
  readonly deadLettersLost?: number | undefined;
}

export interface DataFileLevels {
  readonly step: string;
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
  /** Changes that were taken over. */
  readonly version: number;
  readonly refusals: number;
  /** Was the newest change refused? */
  readonly isRefused: boolean;
}

export interface ProcessUsage {
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly version: string;
}

export const measures: readonly Measure[] = [
  ofExporters(
    'weir_collect_records_missed_total',
    'Records that sequence numbers say were sent and had not come (NetFlow v5, IPFIX); lost are those less the found.',
    (counts) => counts.recordsLostInNetwork + counts.recordsFoundAgain,
  ),
  ofExporters(
    'weir_collect_records_found_total',
    'Records missed that came late, or that turned out never to have been missing.',
    'recordsFoundAgain',
  ),
  ofExporters(
    'weir_collect_datagrams_missed_total',
    'Datagrams that sequence numbers say were sent and had not come (NetFlow v9, sFlow); lost are those less the found.',
    (counts) => counts.datagramsLostInNetwork + counts.datagramsFoundAgain,
  ),
  ofExporters(
    'weir_collect_datagrams_found_total',
    'Datagrams missed that came late, or that turned out never to have been missing.',
    'datagramsFoundAgain',
  ),
  ofExporters(
    'weir_collect_records_lost_between_listeners_total',
    'Records (NetFlow v5, IPFIX) sent while no listener was there, or in the hands of one that died.',
    'recordsLostBetweenListeners',
  ),
  ofExporters(
    'weir_collect_datagrams_lost_between_listeners_total',
    'Datagrams (NetFlow v9, sFlow) sent while no listener was there, or in the hands of one that died.',
    'datagramsLostBetweenListeners',
  ),
  ofLedger(
    'weir_collect_kernel_datagrams_dropped_total',
    'Datagrams that the kernel dropped because the receive buffer was full.',
    ({ kernelDrops }) => kernelDrops,
  ),
  ofLedger(
    'weir_collect_datagrams_refused_total',
    'Datagrams from addresses that are not in collect.exporters.allow.',
    ({ datagramsRefused }) => datagramsRefused,
  ),
  ofLedger(
    'weir_collect_connections_refused_total',
    'TCP connections from addresses that are not in collect.exporters.allow.',
    ({ connectionsRefused }) => connectionsRefused,
  ),
  ofExporters('weir_collect_datagrams_received_total', 'Datagrams, and messages over TCP.', 'datagramsReceived'),
  ofExporters('weir_collect_bytes_received_total', 'Bytes of their payloads.', 'bytesReceived'),
  {
    name: 'weir_collect_datagrams_forwarded_total',
    type: 'counter',
    help: 'Copies for other collectors (collect.tee), by what became of them: sent; failed (no way, or of the sent: nobody listens there); dropped (no room, no address).',
    labels: ['target', 'result'],
    read: ({ levels: { forwarded = [] } }) =>
      forwarded.flatMap(({ target, ...results }) =>
        Object.entries(results).map(([result, value]) => ({ labels: { target, result }, value })),
      ),
  },
  ofExporters(
    'weir_collect_worker_datagrams_lost_total',
    'Datagrams that a worker of the listener had no room for, or did not survive.',
    'datagramsLostByWorkers',
  ),
  ofWorkers('weir_collect_worker_ready', 'gauge', '1: the worker takes datagrams.', ({ isReady }) => Number(isReady)),
  ofWorkers('weir_collect_worker_restarts_total', 'counter', 'Deaths of a worker.', ({ restarts }) => restarts),
  ofWorkers(
    'weir_collect_worker_unsettled_bytes',
    'gauge',
    'Memory with datagrams that a worker has not yet put on the queue.',
    ({ unsettledBytes }) => unsettledBytes,
  ),
  ofWorkers('weir_collect_worker_cpu_seconds', 'gauge', 'CPU time of a worker.', ({ cpuSeconds }) => cpuSeconds),
  ofWorkers(
    'weir_collect_worker_resident_bytes',
    'gauge',
    'Resident memory of a worker.',
    ({ residentBytes }) => residentBytes,
  ),
  ofExporters(
    'weir_collect_datagrams_reordered_total',
    'Datagrams that came after one that was sent later.',
    'datagramsReordered',
  ),
  ofExporters(
    'weir_collect_datagrams_duplicated_total',
    'Datagrams that came more than once; each is decoded.',
    'datagramsDuplicated',
  ),
  ofExporters(
    'weir_collect_exporters_restarted_total',
    'Restarts of exporters, by their uptime and sequence numbers.',
    'exporterRestarts',
  ),
  {
    ...ofExporters(
      'weir_collect_sequences_unusable',
      'Observation domains whose sequence numbers make no sense: of these no loss is known.',
      'sequencesUnusable',
    ),
    type: 'gauge',
  },
  {
    name: 'weir_decode_faults_counted_total',
    type: 'counter',
    help: 'Faults in datagrams, by code (docs/errors.md).',
    labels: ['exporter', 'code'],
    read: ({ exporters }) => ofEntries(exporters, 'code', ({ faults }) => faults),
  },
  ofExporters('weir_decode_sets_parked_total', 'Data sets that came before their template.', 'setsParked'),
  ofLedger(
    'weir_decode_parked_sets_lost_total',
    'Parked sets that were in a worker of the listener when it died.',
    ({ parkedSetsLost }) => parkedSetsLost,
  ),
  level('weir_decode_sets_waiting', 'Parked sets that wait for their template.', ({ decoder }) => decoder?.parkedSets),
  level('weir_decode_templates_known', 'Templates known, of all exporters.', ({ decoder }) => decoder?.templates),
  level(
    'weir_decode_facts_known',
    'Sampling intervals and names that options records taught.',
    ({ decoder }) => decoder?.facts,
  ),
  {
    name: 'weir_decode_exporter_statistic',
    type: 'gauge',
    help: 'What exporters last said of themselves, by element (40–42, 163–168) and metering or exporting process.',
    labels: ['exporter', 'domain', 'process', 'element'],
    read: ({ exporters, levels }) =>
      (levels.decoder?.statistics ?? [])
        .filter(({ exporter }) => exporters.has(exporter))
        .slice(0, maxStatistics)
        .map(({ exporter, domain, process, name, value }) => ({
          labels: { exporter, domain: `${domain}`, process: `${process}`, element: name },
          value: Number(value),
        })),
  },
  {
    name: 'weir_decode_findings_open',
    type: 'gauge',
    help: 'Always 1: something is wrong with this exporter now (docs/doctor.md).',
    labels: ['exporter', 'finding'],
    read: ({ levels: { findings = [] } }) =>
      findings.map(({ id, exporter = '' }) => ({ labels: { exporter, finding: id }, value: 1 })),
  },
  {
    name: 'weir_decode_records_decoded_total',
    type: 'counter',
    help: 'Flow records.',
    labels: ['exporter', 'protocol'],
    read: ({ exporters }) => ofEntries(exporters, 'protocol', (counts) => Object.entries(counts.recordsByProtocol)),
  },
  ofExporters(
    'weir_decode_other_records_decoded_total',
    'Options records and counter samples: read, but no flows.',
    'otherRecordsDecoded',
  ),
  ofExporters(
    'weir_enqueue_records_queued_total',
    'Flow records that the queue, or its spool on disk, took.',
    'recordsQueued',
  ),
  ofExporters(
    'weir_enqueue_records_spooled_total',
    'Of them, those that went by way of the disk, for the queue was full or away.',
    'recordsSpooled',
  ),
  ofExporters(
    'weir_enqueue_records_refused_total',
    'Flow records that neither the queue nor the spool took: lost.',
    'recordsRefusedByQueue',
  ),
  ofExporters(
    'weir_enqueue_spooled_records_lost_total',
    'Flow records lost because the spool was full, or damaged.',
    'recordsLostBySpool',
  ),
  level('weir_enqueue_spool_records', 'Records that wait on disk now.', ({ spool }) => spool?.records),
  level('weir_enqueue_spool_bytes', 'Size of the spool on disk.', ({ spool }) => spool?.bytes),
  level('weir_enqueue_batches_waiting', 'Batches that wait on the queue.', ({ queue }) => queue?.waiting),
  level('weir_enqueue_batches_active', 'Batches in the hands of workers.', ({ queue }) => queue?.active),
  level('weir_enqueue_queue_records', 'Records waiting or in hand.', ({ queue }) => queue?.records),
  level('weir_enqueue_queue_bytes', 'Their size on the queue.', ({ queue }) => queue?.bytes),
  {
    name: 'weir_enqueue_oldest_batch_age_seconds',
    type: 'gauge',
    help: 'Age of the batch that waits longest; 0 when none waits.',
    labels: [],
    read: ({ levels: { queue }, process: { nowMs } }) =>
      queue === undefined ? [] : single(Math.max(0, nowMs - (queue.oldestAtMs ?? nowMs)) / 1000),
  },
  ofExporters(
    'weir_enqueue_queued_records_lost_total',
    'Flow records of batches that were given up, or whose bytes the queue no longer had.',
    'recordsLostInQueue',
  ),
  ofExporters(
    'weir_enqueue_records_quarantined_total',
    'Flow records of batches that failed too often and are kept apart.',
    'recordsQuarantined',
  ),
  {
    name: 'weir_enrich_records_dropped_total',
    type: 'counter',
    help: 'Flow records that a step of the pipeline file dropped.',
    labels: ['exporter', 'step'],
    read: ({ exporters }) => ofEntries(exporters, 'step', ({ droppedBySteps }) => droppedBySteps),
  },
  {
    name: 'weir_enrich_step_outcomes_counted_total',
    type: 'counter',
    help: 'What steps met on their way: values cut, look-ups that failed, answers of name servers and SNMP agents.',
    labels: ['step', 'outcome'],
    read: ({ ledger: { stepOutcomes } }) =>
      [...stepOutcomes].flatMap(([step, outcomes]) =>
        Array.from(outcomes, ([outcome, value]) => ({ labels: { step, outcome }, value })),
      ),
  },
  ofExporters(
    'weir_enrich_documents_added_total',
    'Documents beyond one for each flow record: flows stored in parts.',
    'documentsAddedByStep',
  ),
  ofExporters(
    'weir_enrich_documents_restricted_total',
    'Documents with fields that are kept in them and not indexed: exporters sent more names than an index may learn.',
    'documentsPartlyIndexed',
  ),
  ofDataFiles(
    'weir_enrich_data_file_age_seconds',
    'gauge',
    'Time since a data file was changed.',
    (file, nowMs) => Math.max(0, nowMs - file.modifiedAtMs) / 1000,
  ),
  ofDataFiles('weir_enrich_data_file_bytes', 'gauge', 'Size of a data file in use.', ({ bytes }) => bytes),
  ofDataFiles(
    'weir_enrich_data_file_refused',
    'gauge',
    '1: the data file has changed and was refused, the one before is in use.',
    ({ isRefused }) => Number(isRefused),
  ),
  ofDataFiles(
    'weir_enrich_data_file_reloads_accepted_total',
    'counter',
    'Changes of a data file that were taken over.',
    ({ version }) => version,
  ),
  ofDataFiles(
    'weir_enrich_data_file_reloads_refused_total',
    'counter',
    'Changes of a data file that were refused.',
    ({ refusals }) => refusals,
  ),
  level(
    'weir_index_documents_held',
    '1: documents wait because the target does not take them now.',
    ({ sink }) => sink && Number(sink.holdsDocuments),
  ),
  level(
    'weir_index_request_latency_seconds',
    'Time of the last answer to a bulk request.',
    ({ sink }) => sink?.lastLatencyMs && sink.lastLatencyMs / 1000,
  ),
  level(
    'weir_index_requests_allowed',
    'Bulk requests that may be under way at a time; follows the answers.',
    ({ sink }) => sink?.concurrency,
  ),
  level(
    'weir_index_request_limit_bytes',
    'Size that a bulk request may have; follows the answers.',
    ({ sink }) => sink?.requestBytes,
  ),
  level(
    'weir_index_stored_bytes',
    'Bytes of the indices of flows, replicas included, when retention looked last.',
    ({ disk }) => disk?.bytes,
  ),
  level(
    'weir_index_disk_free_bytes',
    'Bytes that are free before the flood stage, when retention looked last.',
    ({ disk }) => disk?.freeBytes,
  ),
  level(
    'weir_index_disk_full_seconds',
    'Forecast: time until the disk is full; absent where old indices go before, and in the first hour.',
    ({ disk }) => disk?.fullInDays && disk.fullInDays * 86_400,
  ),
  {
    name: 'weir_index_rollups_made_total',
    type: 'counter',
    help: 'Minutes and hours that this process has summed up, those made anew for late flows included.',
    labels: ['interval'],
    read: ({ levels: { rollups } }) =>
      Array.from(rollups?.made ?? [], ([interval, value]) => ({ labels: { interval }, value })),
  },
  level(
    'weir_index_rollups_waiting',
    'Minutes and hours of the day in hand that are still to be summed up; 0 where another worker does it.',
    ({ rollups }) => rollups?.waiting,
  ),
  ofExporters('weir_index_documents_indexed_total', 'Documents written.', 'documentsIndexed'),
  ofExporters(
    'weir_index_documents_already_there_total',
    'Documents that an earlier attempt had written.',
    'documentsAlreadyThere',
  ),
  ofExporters(
    'weir_index_documents_dead_lettered_total',
    'Documents that the target will never take.',
    'documentsDeadLettered',
  ),
  {
    name: 'weir_index_dead_letters_kept_total',
    type: 'counter',
    help: 'Of them, those that are in the file of dead letters, for the index of dead letters refused them, too.',
    labels: [],
    read: ({ levels: { sink } }) => single(sink?.deadLettersInFile),
  },
  {
    name: 'weir_index_dead_letters_lost_total',
    type: 'counter',
    help: 'Of them, those that could be kept nowhere.',
    labels: [],
    read: ({ levels: { sink } }) => single(sink?.deadLettersLost),
  },
  {
    name: 'weir_index_fields_dropped_total',
    type: 'counter',
    help: 'Documents that were indexed without a field that the index did not take.',
    labels: ['field'],
    read: ({ levels: { sink } }) =>
      Array.from(sink?.droppedFields ?? [], ([field, value]) => ({ labels: { field }, value })),
  },
  {
    name: 'weir_telemetry_exporters_known',
    type: 'gauge',
    help: 'Exporters that were heard since the start, at most 10,000.',
    labels: [],
    read: ({ ledger }) => single(ledger.exporters().size),
  },
  {
    name: 'weir_telemetry_build_info',
    type: 'gauge',
    help: 'Always 1; the version is a label.',
    labels: ['version'],
    read: ({ process: { version } }) => [{ labels: { version }, value: 1 }],
  },
  ofProcess('process_cpu_seconds_total', 'counter', 'CPU time of the process.', ({ cpuSeconds }) => cpuSeconds),
  ofProcess(
    'process_resident_memory_bytes',
    'gauge',
    'Resident memory of the process.',
    ({ residentBytes }) => residentBytes,
  ),
  ofProcess('process_heap_bytes', 'gauge', 'JavaScript heap in use.', ({ heapBytes }) => heapBytes),
  ofProcess(
    'process_start_time_seconds',
    'gauge',
    'When the process started, since 1970.',
    ({ startedAtMs }) => startedAtMs / 1000,
  ),
];

function ofExporters(name: string, help: string, count: PlainCount | ((counts: ExporterCounts) => number)): Measure {
  const valueIn = typeof count === 'function' ? count : (counts: ExporterCounts) => counts[count];
  return {
    name,
    type: 'counter',
    help,
    labels: ['exporter'],
    read: ({ exporters }) =>
      Array.from(exporters, ([exporter, counts]) => ({ labels: { exporter }, value: valueIn(counts) })),
  };
}

/** What did not happen has no series: codes × exporters are many. */
function ofEntries(
  exporters: ReadonlyMap<string, ExporterCounts>,
  label: string,
  entriesOf: (counts: ExporterCounts) => Iterable<readonly [string, number]>,
): readonly Sample[] {
  const samples: Sample[] = [];
  for (const [exporter, counts] of exporters) {
    for (const [key, value] of entriesOf(counts))
      if (value > 0) samples.push({ labels: { exporter, [label]: key }, value });
  }
  return samples;
}

function ofLedger(name: string, help: string, valueIn: (ledger: Ledger) => number): Measure {
  return { name, type: 'counter', help, labels: [], read: ({ ledger }) => single(valueIn(ledger)) };
}

function level(name: string, help: string, valueIn: (levels: Levels) => number | undefined): Measure {
  return { name, type: 'gauge', help, labels: [], read: ({ levels }) => single(valueIn(levels)) };
}

function ofWorkers(
  name: string,
  type: Measure['type'],
  help: string,
  valueIn: (worker: WorkerLevels) => number | undefined,
): Measure {
  return {
    name,
    type,
    help,
    labels: ['worker'],
    read: ({ levels: { workers = [] } }) =>
      workers.flatMap((worker) => {
        const value = valueIn(worker);
        return value === undefined ? [] : [{ labels: { worker: `${worker.number}` }, value }];
      }),
  };
}

function ofDataFiles(
  name: string,
  type: Measure['type'],
  help: string,
  valueIn: (file: DataFileLevels, nowMs: number) => number | undefined,
): Measure {
  return {
    name,
    type,
    help,
    labels: ['step', 'file'],
    read: ({ levels: { dataFiles }, process: { nowMs } }) =>
      dataFiles.flatMap((file) => {
        const value = valueIn(file, nowMs);
        return value === undefined ? [] : [{ labels: { step: file.step, file: file.path }, value }];
      }),
  };
}

function ofProcess(
  name: string,
  type: Measure['type'],
  help: string,
  valueIn: (usage: ProcessUsage) => number,
): Measure {
  return { name, type, help, labels: [], read: ({ process }) => single(valueIn(process)) };
}

function single(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}
