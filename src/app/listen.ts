// The first half of the way: datagrams in, decoded, batched, put on the queue. Wires collect, decode and enqueue.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createCaptureSocket } from '../collect/capture-socket.ts';
import { createUdpForwarder, type UdpForwarder } from '../collect/udp-forwarder.ts';
import type { BufferLevels } from '../collect/udp-listener.ts';
import type { TemplateCounts } from '../decode/template-counts.ts';
import type { Queue } from '../enqueue/queue.ts';
import type { ListenAddress, PipelineFile } from '../enrich/pipeline-file.ts';
import type { Datagram } from '../model/datagram.ts';
import type { RecordSet } from '../model/record.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { LedgerBook } from '../telemetry/ledger-book.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import type { DecoderLevels, ForwardedLevels, WorkerLevels } from '../telemetry/measures.ts';
import { type BatchLane, createBatchLane, createSayLost } from './batch-lane.ts';
import { toSocketFolder } from './capture/socket-folder.ts';
import { countInheritedSockets } from './config.ts';
import { createCountingDecoder } from './counting-decoder.ts';
import { createExporterFilter, createExporterGate } from './exporter-gate.ts';
import type { FormerListeners } from './former-listeners.ts';
import { createMicroseconds } from './microseconds.ts';
import { createPorts, toAddressText } from './ports.ts';
import { createSessionDecoders } from './session-decoders.ts';
import { createStateFile } from './state-file.ts';
import { type StateStore, toStateKey } from './state-store.ts';
import type { FlowObserver } from './status/flow-observer.ts';
import type { ListenWorkers } from './workers/listen-workers.ts';

/** How often the open batch is looked at: a part of its age, so that the age is kept to an eighth. */
const ticksPerAge = 8;
const readDropsEveryMs = 1000;
/** Room that the queue must have for exporters by TCP to be read: what one chunk of theirs (64 KiB) can become, several times. */
const roomBytes = 4 * 1024 * 1024;
const readDepthEveryMs = 100;

export interface ListenOptions {
  readonly pipelineFile: PipelineFile;
  readonly queue: Queue;
  readonly formers: FormerListeners;
  /** Absent: this process decodes what comes by UDP, too. */
  readonly workers?: ListenWorkers;
  readonly ledger: Ledger;
  readonly book: LedgerBook;
  /** Absent: nobody watches. */
  readonly observer?: FlowObserver;
  /** Called once, before the first datagram is looked at. */
  readonly onFirst: () => void;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Listen {
  /** Throws WeirError when a port can't be opened. */
  start(): Promise<void>;
  /** Where datagrams are taken, with the ports that were really opened. */
  addresses(): readonly ListenAddress[];
  /**
   * Opens the ports that only `next` has; those that both have stay open. Throws WeirError when one can't be opened, and nothing
   * has changed then.
   */
  prepare(next: PipelineFile): Promise<ListenChange>;
  /** How much the decoder knows; undefined where there is none. */
  levels(): DecoderLevels | undefined;
  workers(): readonly WorkerLevels[];
  /** Copies for other collectors. */
  forwarded(): readonly ForwardedLevels[];
  /** By exporter, at most so many; empty where other processes decode. */
  templateCounts(maxExporters: number): ReadonlyMap<string, TemplateCounts>;
  /** What waits in the kernel for us, and what has room there. */
  receiveBuffers(): BufferLevels;
  /** What workers have on disk. */
  spooled(): { readonly records: number; readonly bytes: number };
  /** Why it can't take datagrams now; undefined: it can. */
  trouble(): string | undefined;
  /** Closes the ports and puts what is in hand on the queue. */
  stop(): Promise<void>;
}

export interface ListenChange {
  readonly opened: readonly ListenAddress[];
  /** Closes the ports that are no longer wanted; who may send, and batches, are as `next` says. */
  commit(): Promise<void>;
  undo(): Promise<void>;
}

/** Of a process that only works. */
export const noListen: Listen = {
  start: async () => undefined,
  addresses: () => [],
  levels: () => undefined,
  templateCounts: () => new Map(),
  receiveBuffers: () => ({ waitingBytes: 0, maxBytes: 0 }),
  workers: () => [],
  forwarded: () => [],
  spooled: () => ({ records: 0, bytes: 0 }),
  trouble: () => undefined,
  prepare: async () => ({ opened: [], commit: async () => undefined, undo: async () => undefined }),
  stop: async () => undefined,
};

export function createListen(options: ListenOptions): Listen {
  const { pipelineFile, queue, formers, workers, ledger, book, observer, onFirst, logger, now } = options;
  const { collect, state } = pipelineFile;
  const pass = createRateLimit();
  const sayLost = createSayLost(logger, now);
  const timers: NodeJS.Timeout[] = [];
  let { listen } = pipelineFile;
  let { tee } = pipelineFile.collect;
  const dropsBooked = new Map<number, number>();
  const { decoder, onFault } = createCountingDecoder({
    decode: pipelineFile.decode,
    ledger: () => ledger,
    logger,
    now,
  });
  let batch = pipelineFile.batch;
  let lane = openLane();
  /** Lanes of settings that are no longer in effect. */
  const closing = new Set<Promise<void>>();
  /** While a batch is open: an idle weir sleeps. */
  let ticking: NodeJS.Timeout | undefined;
  let easing: NodeJS.Timeout | undefined;
  let isAwake = false;
  let isAllowed = createExporterGate(collect.allowedExporters);
  const sessions = createSessionDecoders(decoder);
  const { maxBytes } = pipelineFile.queue.redis ?? pipelineFile.queue;
  const holdAboveBytes = Math.max(0, Math.min(0.75 * maxBytes, maxBytes - roomBytes));
  const ports = createPorts({
    collect,
    inheritedSockets: countInheritedSockets(),
    isAllowed: (exporter) => isAllowed(exporter),
    onDatagram,
    onSessionEnd: sessions.end,
    onRefused(exporter, what) {
      if (what === 'datagram') ledger.datagramsRefused += 1;
      else ledger.connectionsRefused += 1;
      warnRefused(exporter);
    },
    onFault,
    logger,
    now,
  });
  const capture = createCaptureSocket({
    directory: toSocketFolder(state.directory),
    toFilter: createExporterFilter,
    logger,
    nowUs: createMicroseconds({ now, monotonicMs: () => performance.now() }),
  });
  let forwarder = toForwarder(pipelineFile);
  let stateStore: StateStore | undefined;

  async function openState(): Promise<StateStore> {
    const { redis } = pipelineFile.queue;
    if (redis === undefined) return createStateFile({ path: join(state.directory, 'templates.json'), decoder, logger });
    // Loaded only where it is wanted: start-up counts.
    const { createStateRedis } = await import('./state-redis.ts');
    return createStateRedis({
      redis,
      key: toStateKey(redis, pipelineFile.name),
      decoder,
      onSets: addSets,
      logger,
      now,
    });
  }

  function toForwarder({ collect: { tee = [] } }: PipelineFile): UdpForwarder {
    return createUdpForwarder({ targets: tee, toFilter: createExporterGate, logger, now });
  }

  function udpPorts(): readonly number[] {
    return ports.addresses().flatMap(({ protocol, port }) => (protocol === 'udp' ? [port] : []));
  }

  function openLane(): BatchLane {
    const idPrefix = randomBytes(9).toString('base64url');
    const { takeReached } = decoder;
    const onBatch = (): void => void easePressure();
    return createBatchLane({ batch, idPrefix, queue, ledger, book, sayLost, takeReached, onBatch });
  }

  function addToLane(sets: readonly RecordSet[], nowMs: number): void {
    lane.add(sets, nowMs);
    ticking ??= setInterval(tick, Math.max(5, batch.maxAgeMs / ticksPerAge));
  }

  function tick(): void {
    lane.tick(now());
    if (!lane.isOpen()) stopTicking();
  }

  function stopTicking(): void {
    clearInterval(ticking);
    ticking = undefined;
  }

  function watchPressure(): void {
    if (ports.hasTcp()) easing ??= setInterval(() => void easePressure(), readDepthEveryMs);
  }

  /** A batch is of one minute: its fates are booked to it. */
  function turnMinute(nowMs: number): void {
    if (!book.isOver(nowMs)) return;
    lane.flush();
    workers?.closeGroups();
    book.turn(nowMs);
  }

  function onDatagram(datagram: Datagram): void {
    if (!isAwake) {
      isAwake = true;
      onFirst();
    }
    if (capture.isRead) capture.take(datagram);
    // Templates of a connection come once, at its beginning: to another collector its messages mean nothing.
    if (forwarder.isUsed && datagram.session === undefined) forwarder.forward(datagram);
    turnMinute(datagram.receivedAtMs);
    const counts = ledger.exporter(datagram.exporter);
    counts.datagramsReceived += 1;
    counts.bytesReceived += datagram.payload.length;
    const { session } = datagram;
    if (workers !== undefined && session === undefined) {
      workers.take(datagram);
      return;
    }
    const begun = observer?.decode.begin() ?? -1;
    const sets = session === undefined ? decoder.decode(datagram) : sessions.decode({ ...datagram, session });
    observer?.decode.end(begun);
    if (observer !== undefined) for (const set of sets) observer.onSet(set);
    addToLane(sets, datagram.receivedAtMs);
    // A connection's numbers are its own, and end with it.
    if (session === undefined) decoder.markReached();
  }

  /** What another listener taught us to read. */
  function addSets(sets: readonly RecordSet[]): void {
    turnMinute(now());
    addToLane(sets, now());
  }

  /** One kind of message for all of them: sources may be forged. */
  function warnRefused(exporter: string): void {
    const heldBack = pass('refused', now());
    if (heldBack === undefined) return;
    logger.warn({ exporter, ...(heldBack > 0 && { heldBack }) }, 'refused: not in collect.exporters.allow');
  }

  /** Over TCP nothing needs to be lost: what we don't read stays with the exporter. */
  async function easePressure(): Promise<void> {
    if (!ports.hasTcp()) return;
    // A queue that does not answer takes nothing.
    const { bytes } = await queue.depth().catch(() => ({ bytes: Number.POSITIVE_INFINITY }));
    if (bytes > holdAboveBytes) ports.hold();
    else if (bytes <= holdAboveBytes / 2) ports.release();
  }

  async function readDrops(): Promise<void> {
    const drops = await ports.kernelDrops();
    bookDrops();
    if (drops <= ledger.kernelDrops) return;
    const more = drops - ledger.kernelDrops;
    ledger.kernelDrops = drops;
    if (pass('kernel', now()) !== undefined) {
      logger.warn({ datagrams: more, sinceStart: drops }, 'the kernel dropped datagrams: the receive buffer was full');
    }
  }

  function bookDrops(): void {
    const addresses = ports.addresses().filter(({ protocol }) => protocol === 'udp');
    for (const [port, drops] of ports.droppedByPort()) {
      const address = addresses.find((each) => each.port === port);
      const more = drops - (dropsBooked.get(port) ?? 0);
      if (address === undefined || more === 0) continue;
      dropsBooked.set(port, drops);
      book.addPort(toAddressText(address), 'datagrams_kernel_dropped', more);
    }
  }

  async function start(): Promise<void> {
    stateStore = await openState();
    await stateStore.load();
    await workers?.start();
    await ports.open(listen);
    await forwarder.start(udpPorts());
    await capture.start();
    watchPressure();
    timers.push(
      setInterval(() => {
        turnMinute(now());
        decoder.expire(now());
        formers.settle(decoder);
        sessions.expire(now());
      }, 1000),
      setInterval(() => void stateStore?.save(), stateStore.saveEveryMs),
      setInterval(() => void readDrops(), readDropsEveryMs),
    );
  }

  async function stop(): Promise<void> {
    for (const timer of timers.splice(0)) clearInterval(timer);
    stopTicking();
    clearInterval(easing);
    await readDrops();
    await ports.stop();
    await Promise.all([capture.stop(), forwarder.stop()]);
    await workers?.stop();
    await Promise.all([...closing, lane.close(), stateStore?.stop()]);
  }

  async function prepare(next: PipelineFile): Promise<ListenChange> {
    const gone = without(listen, next.listen);
    const added = without(next.listen, listen);
    const before = ports.addresses();
    await ports.open(added);
    const isSameTee = added.length === 0 && isDeepStrictEqual(next.collect.tee, tee);
    const nextForwarder = isSameTee ? forwarder : toForwarder(next);
    if (!isSameTee)
      await nextForwarder.start(udpPorts()).catch(async (error: unknown) => {
        await ports.close(added);
        throw error;
      });
    return {
      opened: without(ports.addresses(), before),
      async commit() {
        listen = next.listen;
        isAllowed = createExporterGate(next.collect.allowedExporters);
        if (!isDeepStrictEqual(batch, next.batch)) {
          const closed = lane.close();
          closing.add(closed);
          void closed.finally(() => closing.delete(closed));
          batch = next.batch;
          lane = openLane();
          workers?.change(batch);
          stopTicking();
        }
        watchPressure();
        tee = next.collect.tee;
        const before = forwarder;
        forwarder = nextForwarder;
        if (!isSameTee) await before.stop();
        await ports.close(gone);
      },
      async undo() {
        if (!isSameTee) await nextForwarder.stop();
        await ports.close(added);
      },
    };
  }

  return {
    start,
    addresses: ports.addresses,
    levels: () => workers?.decoderLevels() ?? decoder.levels(),
    templateCounts: (maxExporters) => (workers === undefined ? decoder.templateCounts(maxExporters) : new Map()),
    receiveBuffers: ports.receiveBuffers,
    workers: () => workers?.levels() ?? [],
    forwarded: () => forwarder.levels(),
    spooled: () => workers?.spooled() ?? { records: 0, bytes: 0 },
    trouble: () => workers?.trouble(),
    prepare,
    stop,
  };
}

/** Those of `addresses` that `others` has not; an address that is there twice (any free port) counts twice. */
function without(addresses: readonly ListenAddress[], others: readonly ListenAddress[]): readonly ListenAddress[] {
  const left = [...others];
  return addresses.filter((address) => {
    const at = left.findIndex((other) => isDeepStrictEqual(other, address));
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}
