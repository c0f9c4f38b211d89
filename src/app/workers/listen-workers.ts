// Several processes that decode what one process receives: datagrams go to the worker that the exporter's address says, so that what
// an exporter taught, its sequence numbers and its parked sets are in one place (docs/decisions/0043).

import { randomBytes } from 'node:crypto';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { hashText } from '../../enrich/text-hash.ts';
import type { Datagram } from '../../model/datagram.ts';
import { addCounts, type Ledger } from '../../telemetry/ledger.ts';
import type { LedgerBook } from '../../telemetry/ledger-book.ts';
import { createRateLimit, type Logger } from '../../telemetry/logger.ts';
import type { DecoderLevels, WorkerLevels } from '../../telemetry/measures.ts';
import type { FlowObserver } from '../status/flow-observer.ts';
import { createWorkerProcess, type WorkerProcess } from './worker-process.ts';

export interface ListenWorkersOptions {
  readonly count: number;
  readonly pipelineFile: PipelineFile;
  readonly program: string;
  readonly logLevel: string;
  readonly ledger: Ledger;
  readonly book: Pick<LedgerBook, 'add'>;
  /** Absent: nobody watches. */
  readonly observer?: FlowObserver;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface ListenWorkers {
  /** Resolves when all are ready. Throws WeirError when one can't be. */
  start(): Promise<void>;
  /** Never waits: a datagram whose worker has no room for it is lost, and counted. */
  take(datagram: Datagram): void;
  change(batch: PipelineFile['batch']): void;
  /** A minute is over: batches are of one. */
  closeGroups(): void;
  levels(): readonly WorkerLevels[];
  decoderLevels(): DecoderLevels;
  spooled(): { readonly records: number; readonly bytes: number };
  /** Undefined: all are ready. */
  trouble(): string | undefined;
  /** When no more datagrams come: what is in hand gets onto the queue. */
  stop(): Promise<void>;
}

/** How long datagrams may wait for others to go with. */
const flushEveryMs = 5;
const settleLimitMs = 1500;

export function createListenWorkers(options: ListenWorkersOptions): ListenWorkers {
  const { count, pipelineFile, ledger, book, logger, now } = options;
  const { receiveBufferBytes } = pipelineFile.collect;
  const { name, decode, queue, state } = pipelineFile;
  let { batch } = pipelineFile;
  const pass = createRateLimit();
  /** Exporter → worker: hashed once. Addresses may be forged, so that it is emptied when it is large. */
  const chosen = new Map<string, WorkerProcess>();
  let timer: NodeJS.Timeout | undefined;
  const workers = Array.from({ length: count }, (_, index) =>
    createWorkerProcess({
      ...options,
      number: index + 1,
      idPrefix: `${randomBytes(9).toString('base64url')}-`,
      maxBytes: Math.max(minUnsettledBytes, receiveBufferBytes),
      settings: () => ({ name, batch, decode, queue, state }),
      onCounts(counts, atMs) {
        for (const [exporter, more] of counts) {
          addCounts(ledger.exporter(exporter), more);
          book.add(atMs, exporter, 'records_queued', more.recordsQueued);
          book.add(atMs, exporter, 'records_refused_by_queue', more.recordsRefusedByQueue);
        }
      },
      onGivenUp: (datagrams) => {
        for (const [exporter, lost] of datagrams) ledger.exporter(exporter).datagramsLostByWorkers += lost;
        logger.error({ worker: index + 1 }, 'datagrams that no worker survived are given up');
      },
      onDeath(parkedSets) {
        ledger.parkedSetsLost += parkedSets;
      },
    }),
  );

  function workerOf(exporter: string): WorkerProcess {
    let worker = chosen.get(exporter);
    if (worker === undefined) {
      if (chosen.size >= maxChosen) chosen.clear();
      worker = workers[toHash(exporter) % workers.length]!;
      chosen.set(exporter, worker);
    }
    return worker;
  }

  function take(datagram: Datagram): void {
    const { groups } = workerOf(datagram.exporter);
    if (groups.add(datagram, now())) return;
    ledger.exporter(datagram.exporter).datagramsLostByWorkers += 1;
    const heldBack = pass('full', now());
    if (heldBack === undefined) return;
    logger.error({ exporter: datagram.exporter, heldBack }, 'a worker is too slow, or away: datagrams are lost');
  }

  function flush(): void {
    for (const { groups } of workers) {
      const sinceMs = groups.openSinceMs();
      const ageMs = sinceMs === undefined ? 0 : now() - sinceMs;
      if (ageMs >= batch.maxAgeMs || ageMs < 0) groups.close();
      else groups.flush();
    }
  }

  async function start(): Promise<void> {
    await Promise.all(workers.map((worker) => worker.start()));
    timer = setInterval(flush, flushEveryMs);
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    await Promise.all(workers.map((worker) => worker.stop(settleLimitMs)));
  }

  const reports = () => workers.map((worker) => worker.report());

  return {
    start,
    take,
    change(next) {
      batch = next;
      for (const worker of workers) worker.tell({ type: 'batch', batch });
    },
    closeGroups() {
      for (const { groups } of workers) groups.close();
    },
    levels: () =>
      workers.map((worker, index) => ({
        number: index + 1,
        isReady: worker.isReady(),
        restarts: worker.restarts(),
        unsettledBytes: worker.groups.unsettledBytes(),
        cpuSeconds: worker.report()?.cpuSeconds,
        residentBytes: worker.report()?.residentBytes,
      })),
    decoderLevels() {
      const levels = reports().flatMap((report, index) => (report === undefined ? [] : [{ ...report.decoder, index }]));
      // Each knows what all have learnt.
      const most = (key: 'exporters' | 'templates' | 'facts') => Math.max(0, ...levels.map((level) => level[key]));
      return {
        exporters: most('exporters'),
        templates: most('templates'),
        facts: most('facts'),
        parkedSets: levels.reduce((sum, { parkedSets }) => sum + parkedSets, 0),
        signs: levels.flatMap(({ signs, index }) =>
          signs.filter(({ exporter }) => workerOf(exporter) === workers[index]),
        ),
        statistics: levels.flatMap(({ statistics, index }) =>
          statistics.filter(({ exporter }) => workerOf(exporter) === workers[index]),
        ),
      };
    },
    spooled() {
      const sum = { records: 0, bytes: 0 };
      for (const report of reports()) {
        sum.records += report?.spool?.records ?? 0;
        sum.bytes += report?.spool?.bytes ?? 0;
      }
      return sum;
    },
    trouble() {
      const ready = workers.filter((worker) => worker.isReady()).length;
      return ready === count ? undefined : `${ready} of ${count} workers are ready`;
    },
    stop,
  };
}

const maxChosen = 50_000;
/** Two groups, and what their batches take to be settled. */
const minUnsettledBytes = 8 * 1024 * 1024;

/** The low bits of FNV are poor for addresses that differ in their last digit. */
function toHash(exporter: string): number {
  const hash = hashText(exporter);
  return (hash ^ (hash >>> 15)) >>> 0;
}
