// A worker of `weir listen --workers`: datagrams come by standard input, in groups; decoded, batched, put on the queue. A group is
// settled when the queue has all its batches, and Redis what it taught. The ids of these batches follow from the group, so that a group that is given again to
// the next worker, because this one died, makes the same batches, and the index takes each record once (docs/decisions/0043).

import { createHash, randomBytes } from 'node:crypto';
import { createFrameReader } from '../../collect/datagram-frames.ts';
import type { Queue } from '../../enqueue/queue.ts';
import { WeirError } from '../../model/errors.ts';
import type { RecordBatch } from '../../model/record-batch.ts';
import { createLedger, type Ledger } from '../../telemetry/ledger.ts';
import { createLogger, type Logger } from '../../telemetry/logger.ts';
import { type BatchLane, createBatchLane, createSayLost } from '../batch-lane.ts';
import { createCountingDecoder } from '../counting-decoder.ts';
import { createFormerListeners } from '../former-listeners.ts';
import { createQueue } from '../queues.ts';
import { createStateRedis } from '../state-redis.ts';
import { toStateKey } from '../state-store.ts';
import { createExporterWatch } from '../status/exporter-watch.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';

const reportEveryMs = 1000;
/** A thousand of them are a few milliseconds. */
const tellExportersEveryMs = 10_000;
const maxExporters = 1000;
/** What another listener taught us to read belongs to no group. */
const lateTickMs = 25;

/** Runs until the listener says so, or is gone. */
export async function runWorker(): Promise<void> {
  if (process.send === undefined) throw new WeirError('usage', 'weir listen --workers starts workers by itself');
  // Signals of a terminal or a service manager go to all processes: the listener ends us in order.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.on('SIGHUP', () => undefined);
  const tell = (message: FromWorker): void => {
    if (process.connected) process.send?.(message);
  };
  let heard = (_: ToWorker): void => undefined;
  const started = new Promise<Extract<ToWorker, { type: 'start' }>>((resolve) => {
    process.on('message', (message: ToWorker) => {
      if (message.type === 'start') resolve(message);
      else heard(message);
    });
  });
  const gone = new Promise<void>((resolve) => process.once('disconnect', resolve));
  const start = await Promise.race([started, gone]);
  if (start === undefined) return;
  const logger = createLogger({ level: start.logLevel, write: (line) => process.stdout.write(line) });
  const worker = createWorker({
    settings: start.settings,
    isWatched: start.isWatched,
    logger,
    now: () => Date.now(),
    tell,
  });
  try {
    await worker.start();
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    tell({ type: 'failed', message: error.message, hint: error.hint });
    process.disconnect?.();
    return;
  }
  const asked = new Promise<void>((resolve) => {
    heard = (message) => {
      if (message.type === 'batch') worker.change(message.batch);
      else resolve();
    };
  });
  const ended = new Promise<void>((resolve) => {
    process.stdin.on('data', worker.read);
    process.stdin.on('end', resolve);
    process.stdin.on('error', () => resolve());
  });
  tell({ type: 'ready' });
  // A listener that died has closed the stream: what it had written is read first.
  await Promise.race([asked, ended]);
  await worker.stop();
  if (process.connected) process.disconnect();
}

interface WorkerOptions {
  readonly settings: WorkerSettings;
  readonly isWatched: boolean;
  readonly logger: Logger;
  readonly now: () => number;
  readonly tell: (message: FromWorker) => void;
}

function createWorker({ settings, isWatched, logger, now, tell }: WorkerOptions) {
  const { name, decode, state } = settings;
  let { batch } = settings;
  const redis = settings.queue.redis;
  if (redis === undefined) throw new Error('workers need a Redis');
  const sayLost = createSayLost(logger, now);
  /** Of what belongs to no group. */
  let aside = createLedger();
  /** What the queue counts by itself: it lives longer than a report. */
  const ofQueue: Ledger = { ...aside, exporter: (address) => aside.exporter(address) };
  let group: { readonly id: string; readonly ledger: Ledger; readonly lane: BatchLane } | undefined;
  const { decoder } = createCountingDecoder({ decode, ledger: () => group?.ledger ?? aside, logger, now });
  const formers = createFormerListeners({ ledger: ofQueue, logger, now });
  const settling = new Set<Promise<void>>();
  const watch = isWatched ? createExporterWatch() : undefined;
  let exportersToldMs = 0;
  const timers: NodeJS.Timeout[] = [];
  let queue: Queue;
  let late: BatchLane;
  const store = createStateRedis({
    redis,
    key: toStateKey(redis, name),
    decoder,
    onSets: (sets) => late.add(sets, now()),
    logger,
    now,
  });

  async function start(): Promise<void> {
    queue = await createQueue(
      { name, queue: settings.queue, state },
      { adds: true, formers, ledger: ofQueue, logger, now },
    );
    const idPrefix = randomBytes(9).toString('base64url');
    late = createBatchLane({ batch, idPrefix, queue, ledger: ofQueue, sayLost });
    await queue.start();
    await store.load();
    timers.push(
      setInterval(() => {
        decoder.expire(now());
        formers.settle(decoder);
      }, 1000),
      setInterval(() => void store.save(), store.saveEveryMs),
      setInterval(() => late.tick(now()), lateTickMs),
      setInterval(report, reportEveryMs),
      setInterval(tellExporters, tellExportersEveryMs),
    );
  }

  const { takeReached } = decoder;
  const { read } = createFrameReader({
    onBegin(id) {
      const ledger = createLedger();
      const ofGroup: Queue = { ...queue, add: (closed, reached) => queue.add(withFingerprint(closed), reached) };
      group = {
        id,
        ledger,
        lane: createBatchLane({ batch, idPrefix: id, queue: ofGroup, ledger, sayLost, takeReached }),
      };
    },
    onDatagram(datagram) {
      const sets = decoder.decode(datagram);
      if (watch !== undefined) for (const { header, layout, rows } of sets) watch.see(header, layout, rows);
      group?.lane.add(sets, datagram.receivedAtMs);
      decoder.markReached();
    },
    onEnd: settle,
  });

  function settle(): void {
    if (group === undefined) return;
    const { id, lane, ledger } = group;
    group = undefined;
    const settled = Promise.all([lane.close(), store.save()]).then(() =>
      tell({ type: 'settled', group: id, counts: ledger.exporters() }),
    );
    settling.add(settled);
    void settled.finally(() => settling.delete(settled));
  }

  function report(): void {
    const counts = aside.exporters();
    aside = createLedger();
    const { user, system } = process.cpuUsage();
    const usage = { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
    tell({ type: 'report', report: { decoder: decoder.levels(), spool: queue.spooled?.(), ...usage }, counts });
  }

  function tellExporters(): void {
    if (watch === undefined) return;
    const templates = decoder.templateCounts(maxExporters);
    const facts = watch.all(exportersToldMs).map((each) => {
      const counts = templates.get(each.address);
      return counts === undefined ? each : { ...each, templates: counts };
    });
    exportersToldMs = now();
    tell({ type: 'exporters', facts });
  }

  async function stop(): Promise<void> {
    for (const timer of timers.splice(0)) clearInterval(timer);
    settle();
    await Promise.all([...settling, late.close()]);
    await store.stop();
    await queue.stop();
    report();
  }

  return {
    start,
    read,
    change(next: WorkerSettings['batch']) {
      batch = next;
    },
    stop,
  };
}

/**
 * The id says what is in the batch, too: a group that is decoded again and comes out otherwise, because its templates are known by
 * now, must not give other records the ids of those that are indexed.
 */
function withFingerprint(batch: RecordBatch): RecordBatch {
  const hash = createHash('sha1');
  for (const { header, rows } of batch.sets) {
    hash.update(`${header.exporter} ${header.domain} ${header.setId} ${header.sequence} ${rows.length}\n`);
  }
  return { ...batch, id: `${batch.id}-${hash.digest('base64url').slice(0, 12)}` };
}
