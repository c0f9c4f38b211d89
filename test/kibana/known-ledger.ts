// Documents of the ledger of which everything is known: four exporters and two ports, an hour long. Each count follows from the minute and
// the number of the exporter by the arithmetic here.

import { toLedgerDocuments } from '../../src/index/ledger-documents.ts';
import type { LedgerRow } from '../../src/model/ledger-row.ts';
import { ledgerCounts } from '../../src/telemetry/ledger-fields.ts';
import type { KnownDocument } from './known-document.ts';
import { rangeFromMs } from './known-flows.ts';

const minutes = 58;
const pipeline = 'flow';
const faultFields = ledgerCounts.map(({ name }) => name).filter((name) => name.startsWith('faults.'));

const rows: readonly LedgerRow[] = Array.from({ length: minutes }, (_, minute) => [
  ...[0, 1, 2, 3].flatMap((exporter) => [listened(minute, exporter), worked(minute, exporter)]),
  ...(minute % 6 === 2 ? [ofPort(minute)] : []),
  ...[0, 1].map((listener) => ofProcess(minute, listener)),
]).flat();

export const knownLedger: readonly KnownDocument[] = rows.map(
  ({ minuteMs, exporter, listenAddress, stage, process, counts }) => ({
    atMs: minuteMs,
    stored: {
      ...counts,
      '@timestamp': new Date(minuteMs).toISOString(),
      pipeline,
      stage,
      process,
      ...(exporter !== undefined && { exporter }),
      ...(listenAddress !== undefined && { listen_address: listenAddress }),
    },
  }),
);

function decodedOf(minute: number, exporter: number): number {
  return 200 + minute * 3 + exporter * 17;
}

function listened(minute: number, exporter: number): LedgerRow {
  const decoded = decodedOf(minute, exporter);
  const lost = minute % 5 === exporter ? 2 + exporter * exporter + minute : 0;
  const fault = faultFields[minute % faultFields.length]!;
  return {
    minuteMs: rangeFromMs + minute * 60_000,
    exporter: `192.0.2.${1 + exporter}`,
    stage: 'listen',
    process: `collector-${exporter % 2}/4711`,
    counts: present({
      records_decoded: decoded,
      records_exported: decoded + lost,
      records_lost_estimated: lost,
      records_lost_in_network: exporter % 2 === 0 ? lost : 0,
      datagrams_lost_in_network: exporter % 2 === 1 ? lost : 0,
      datagrams_received: 10 + minute + exporter,
      bytes_received: 14_000 + minute * 97 + exporter,
      datagrams_reordered: minute % 9 === 1 ? 1 + exporter : 0,
      datagrams_duplicated: minute % 11 === 3 ? 2 : 0,
      // The second exporter's clock is slow, the third tells no time.
      ...(exporter !== 2 && {
        clock_skew_ms: exporter === 1 ? -7_200_000 - minute * 100 : 250 * exporter,
        clock_looks: 8,
      }),
      exporter_restarts: minute === 30 && exporter === 2 ? 1 : 0,
      sets_parked: minute === 0 ? 3 + exporter : 0,
      other_records_decoded: minute % 3,
      records_queued: decoded - (minute % 13 === 4 ? 5 : 0),
      records_refused_by_queue: minute % 13 === 4 ? 5 : 0,
      records_spooled: minute > 20 && minute < 26 ? decoded : 0,
      records_lost_by_spool: minute === 25 ? 7 + exporter : 0,
      [fault]: 1 + exporter + (minute % 3),
    }),
  };
}

function worked(minute: number, exporter: number): LedgerRow {
  const dropped = 11 + (minute % 4) * exporter;
  const dead = minute % 17 === 5 ? 3 + exporter : 0;
  const lost = minute === 40 ? 13 : 0;
  const quarantined = minute === 41 && exporter === 1 ? 50 : 0;
  const added = minute % 10 === 7 ? 6 : 0;
  const again = minute % 8 === 6 ? 20 : 0;
  const indexed = decodedOf(minute, exporter) + added - dropped - dead - lost - quarantined - again;
  return {
    minuteMs: rangeFromMs + minute * 60_000,
    exporter: `192.0.2.${1 + exporter}`,
    stage: 'work',
    process: 'workers',
    counts: present({
      documents_indexed: indexed - (minute > 50 ? 30 + exporter : 0),
      documents_already_there: again,
      documents_delay_ms: (indexed + again) * (900 + minute * 10 + exporter),
      documents_added_by_step: added,
      documents_dead_lettered: dead,
      documents_partly_indexed: minute % 19 === 2 ? 2 : 0,
      records_dropped_by_steps: dropped,
      records_lost_in_queue: lost,
      records_quarantined: quarantined,
      'dropped_by_step.drop': dropped,
    }),
  };
}

function ofPort(minute: number): LedgerRow {
  return {
    minuteMs: rangeFromMs + minute * 60_000,
    listenAddress: `udp://0.0.0.0:${minute % 12 === 2 ? 2055 : 6343}`,
    stage: 'listen',
    process: 'collector-0/4711',
    counts: { datagrams_kernel_dropped: 9 + minute },
  };
}

function ofProcess(minute: number, listener: number): LedgerRow {
  // Redis was away for a while: the queue said nothing.
  const queueLooks = minute === 33 ? 0 : 12;
  return {
    minuteMs: rangeFromMs + minute * 60_000,
    stage: 'process',
    process: `collector-${listener}/4711`,
    counts: present({
      process_looks: 12,
      cpu_ms: 6000 + minute * 31 + listener * 500,
      memory_bytes: 12 * (90_000_000 + minute * 1000 + listener),
      spool_records: minute > 20 && minute < 26 ? 12 * (400 + listener) : 0,
      queue_looks: queueLooks,
      queue_records: queueLooks * (30 + minute),
      queue_bytes: queueLooks * (3000 + minute * 7),
      queue_age_ms: queueLooks * (minute % 5) * 40,
    }),
  };
}

/** A count of 0 is left out. */
function present(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** The documents that weir makes of the rows, one JSON text each. */
export function toKnownLedgerDocuments(): string[] {
  return toLedgerDocuments({ id: 'known', rows }, pipeline).map(({ text }) => text);
}
