// One worker of a listener, seen from the listener: a process that gets its datagrams in groups, and is started again when it dies.

import { type ChildProcess, fork } from 'node:child_process';
import { WeirError } from '../../model/errors.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { within } from '../lifecycle.ts';
import type { FlowObserver } from '../status/flow-observer.ts';
import { createDatagramGroups, type DatagramGroups, type DatagramGroupsOptions } from './datagram-groups.ts';
import type { Counts, FromWorker, ToWorker, WorkerReport, WorkerSettings } from './messages.ts';

export interface WorkerProcessOptions extends Pick<DatagramGroupsOptions, 'maxBytes' | 'idPrefix' | 'onGivenUp'> {
  /** weir's own first file. */
  readonly program: string;
  readonly number: number;
  readonly settings: () => WorkerSettings;
  readonly logLevel: string;
  /** `atMs`: when they were received. */
  readonly onCounts: (counts: Counts, atMs: number) => void;
  /** It died, with so many sets in it that waited for their template. */
  readonly onDeath: (parkedSets: number) => void;
  readonly observer?: FlowObserver;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface WorkerProcess {
  readonly groups: DatagramGroups;
  /** Resolves when it is ready for the first time. Throws WeirError when it can't be. */
  start(): Promise<void>;
  tell(message: ToWorker): void;
  isReady(): boolean;
  report(): WorkerReport | undefined;
  restarts(): number;
  /** Waits for what is not settled, for `limitMs`; then the worker ends by itself. */
  stop(limitMs: number): Promise<void>;
}

const firstBackOffMs = 100;
const maxBackOffMs = 10_000;
/** Who lived so long did not die of its start. */
const soundAfterMs = 10_000;
const endLimitMs = 1500;
/** A worker says something every second. Looks are counted, no clock is read: whoever is stopped together with it finds it well. */
const lookEveryMs = 1000;
const looksUntilHanging = 15;

export function createWorkerProcess(options: WorkerProcessOptions): WorkerProcess {
  const { program, number, settings, logLevel, onCounts, onDeath, observer, logger, now } = options;
  let child: ChildProcess | undefined;
  let isReady = false;
  let isStopping = false;
  let restarts = 0;
  let backOffMs = firstBackOffMs;
  let startedAtMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let watch: NodeJS.Timeout | undefined;
  let silentLooks = 0;
  let lastReport: WorkerReport | undefined;
  let whenSettled = (): void => undefined;
  const groups = createDatagramGroups({ ...options, send: (bytes) => child?.stdin?.write(bytes) });

  function start(): Promise<void> {
    return new Promise((resolve, reject) => open(resolve, reject));
  }

  function open(onReady?: () => void, onFailed?: (error: WeirError) => void): void {
    startedAtMs = now();
    const opened = fork(program, ['listen-worker'], {
      serialization: 'advanced',
      stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
    });
    child = opened;
    // Writes to a worker that has died fail; `exit` tells of it.
    opened.stdin?.on('error', () => undefined);
    opened.on('error', (error) => logger.error({ worker: number, reason: error.message }, 'a worker can’t be reached'));
    silentLooks = 0;
    watch = setInterval(() => look(opened), lookEveryMs);
    opened.on('message', (message: FromWorker) => {
      silentLooks = 0;
      if (message.type === 'ready') {
        isReady = true;
        groups.resume();
        onReady?.();
      } else if (message.type === 'failed') {
        const hint = message.hint === undefined ? {} : { hint: message.hint };
        onFailed?.(new WeirError('worker-failed', `worker ${number}: ${message.message}`, hint));
      } else if (message.type === 'exporters') observer?.onExporters(message.facts);
      else hear(message);
    });
    // After all that it has said.
    opened.once('close', (code, signal) => {
      onFailed?.(new WeirError('worker-failed', `worker ${number} ended while it started (${signal ?? code})`));
      end(code, signal);
    });
    send({ type: 'start', settings: settings(), logLevel, isWatched: observer !== undefined });
  }

  /** What it had goes to the next one, as with any other death. */
  function look(opened: ChildProcess): void {
    if (!isReady) return;
    silentLooks += 1;
    if (silentLooks !== looksUntilHanging) return;
    logger.error({ worker: number, silentMs: looksUntilHanging * lookEveryMs }, 'a worker hangs: it is killed');
    opened.kill('SIGKILL');
  }

  function hear(message: Extract<FromWorker, { type: 'settled' | 'report' }>): void {
    if (message.type === 'report') {
      onCounts(message.counts, now());
      lastReport = message.report;
    } else {
      const sinceMs = groups.settle(message.group);
      // Settled already: it is counted.
      if (sinceMs !== undefined) onCounts(message.counts, sinceMs);
      if (groups.count() === 0) whenSettled();
    }
  }

  function end(code: number | null, signal: NodeJS.Signals | null): void {
    child = undefined;
    isReady = false;
    clearInterval(watch);
    groups.suspend();
    if (isStopping) return;
    const parkedSets = lastReport?.decoder.parkedSets ?? 0;
    lastReport = undefined;
    onDeath(parkedSets);
    if (now() - startedAtMs > soundAfterMs) backOffMs = firstBackOffMs;
    const about = { worker: number, code, signal, unsettledGroups: groups.count(), parkedSets, againInMs: backOffMs };
    logger.error(about, 'a worker has died; the next one gets what it had not settled');
    timer = setTimeout(() => {
      restarts += 1;
      open();
    }, backOffMs);
    backOffMs = Math.min(maxBackOffMs, 2 * backOffMs);
  }

  function send(message: ToWorker): void {
    if (child?.connected === true) child.send(message, () => undefined);
  }

  async function stop(limitMs: number): Promise<void> {
    groups.close();
    if (groups.count() > 0) {
      await within(
        limitMs,
        new Promise<void>((resolve) => {
          whenSettled = resolve;
        }),
      );
    }
    isStopping = true;
    clearTimeout(timer);
    clearInterval(watch);
    const ending = child;
    if (ending === undefined) return;
    const closed = new Promise((resolve) => ending.once('close', resolve));
    send({ type: 'stop' });
    await within(endLimitMs, closed);
    // Without us it ends what it has in hand, and itself.
    if (ending.connected) ending.disconnect();
    ending.stdin?.destroy();
    ending.unref();
  }

  return {
    groups,
    start,
    tell: send,
    isReady: () => isReady,
    report: () => lastReport,
    restarts: () => restarts,
    stop,
  };
}
