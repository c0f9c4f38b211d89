// Batches on disk while the queue can't take them: appended at one end, read in order at the other, bounded in bytes.
// A full spool drops its oldest segment, a damaged place costs its own batches; both are told, by exporter. What is read
// is forgotten by a position that is saved now and then, so a crash can bring batches twice, under the same ids.

import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { createRateLimit } from '../telemetry/logger.ts';
import type { ExporterRecords } from './exporter-records.ts';
import type { SpoolDepth } from './queue.ts';
import { beatEveryMs, createSpoolFolders } from './spool-folders.ts';
import { frameHeaderBytes } from './spool-frame.ts';
import { readPositions, removePositions, savePositions } from './spool-position.ts';
import { createSegment, type Outline, openSegment } from './spool-segment.ts';
import { exclude, type Held, include, lossOf, type SpoolLoss, takeStock, toHeld } from './spool-stock.ts';

const savePositionEveryMs = 1000;

/** When written batches are made durable: after each, after at most so many milliseconds, or when the kernel likes. */
export type SpoolSync = 'always' | 'never' | { readonly everyMs: number };

export interface SpoolOptions {
  /** Made when absent; other processes may use the same. */
  readonly directory: string;
  readonly maxBytes: number;
  /** A file is closed at this size: what is dropped when the spool is full, and the grain in which disk is given back. */
  readonly segmentBytes: number;
  readonly sync: SpoolSync;
  readonly logger: Logger;
  readonly now: () => number;
  readonly onLost: (loss: SpoolLoss) => void;
  /** Of a batch that was `doubtful` when it came: whether somebody else answers for it, so that it is not lost with the spool. */
  readonly answersFor?: (batchId: string) => boolean;
}

export interface SpooledBatch {
  readonly payload: Buffer;
  readonly records: ExporterRecords;
  /** It is in good hands: forget it. */
  remove(): void;
}

export interface Spool {
  /** Takes over what earlier processes left. Throws WeirError `file-invalid` when the folder can't be used. */
  start(): Promise<void>;
  /**
   * False: it is not kept, because the disk does not take it even after everything older was dropped. `doubtful`: its id, where somebody
   * else may have it, too.
   */
  append(payload: Buffer, records: ExporterRecords, doubtful?: string): Promise<boolean>;
  /** The oldest batch; the same one until it is removed. */
  head(): Promise<SpooledBatch | undefined>;
  depth(): SpoolDepth;
  stop(): Promise<void>;
}

export function createSpool(options: SpoolOptions): Spool {
  const { maxBytes, segmentBytes, sync, logger, now, onLost, answersFor = () => false } = options;
  const folders = createSpoolFolders(options.directory);
  const pass = createRateLimit();
  const timers: NodeJS.Timeout[] = [];
  let folder = '';
  /** Oldest first; the last one is written when `isOpen`. */
  let segments: Held[] = [];
  let isOpen = false;
  let inHand: { readonly batch: SpooledBatch; readonly from: Held } | undefined;
  let savedPosition = '';
  let lastName = 0;
  let turn: Promise<unknown> = Promise.resolve();

  /** One thing at a time: what changes the list of segments waits for what reads it. */
  function inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = turn.then(act);
    turn = result.catch(() => undefined);
    return result;
  }

  async function start(): Promise<void> {
    try {
      folder = await folders.open();
      await inTurn(takeOver);
    } catch (cause) {
      throw new WeirError('file-invalid', `the spool can't be opened in ${options.directory}: ${messageOf(cause)}`, {
        hint: 'Name a folder that weir may write to as queue.spool.directory.',
        cause,
      });
    }
    const { batches, records, bytes } = depth();
    if (batches > 0) logger.info({ batches, records, bytes }, 'took over the spool of an earlier run');
    every(beatEveryMs, () => inTurn(lookAfterFolders));
    every(savePositionEveryMs, () => inTurn(savePosition));
    if (typeof sync === 'object') every(sync.everyMs, () => inTurn(syncWritten));
  }

  function every(ms: number, act: () => Promise<void>): void {
    const timer = setInterval(() => void act().catch(warn), ms);
    timer.unref();
    timers.push(timer);
  }

  async function lookAfterFolders(): Promise<void> {
    // Whoever was stopped for a minute finds its folder, and what was in it, in other hands.
    if (!(await exists(folder))) await startAnew();
    await folders.beat();
    await takeOver();
  }

  /** Brings the segments of processes that are gone into our folder and, by their age, into our order. */
  async function takeOver(): Promise<void> {
    for (let from = await folders.takeOver(); from !== undefined; from = await folders.takeOver()) {
      // One that died while it took over another's folder has that in its own.
      const inside = (await readdir(from)).filter((name) => name.startsWith('from-')).map((name) => join(from, name));
      for (const place of [...inside, from]) await takeOverSegments(place);
    }
  }

  async function takeOverSegments(place: string): Promise<void> {
    const positions = await readPositions(place);
    let isWhole = true;
    for (const name of (await readdir(place)).filter(isSegmentName)) {
      try {
        const held = await takeStock(await openSegment(join(place, name)), positions[name] ?? 0);
        await rename(join(place, name), join(folder, name));
        held.file.moveTo(join(folder, name));
        if (held.batches === 0) await held.file.remove();
        else segments.push(held);
        lastName = Math.max(lastName, Number(name.slice(0, name.indexOf('-'))));
      } catch (error) {
        // It stays where it is, for whoever can read it; the others come.
        isWhole = false;
        warn(error);
      }
    }
    if (isWhole) await rm(place, { recursive: true, force: true });
    const written = isOpen ? segments.pop() : undefined;
    segments.sort((a, b) => (basename(a.file.path()) < basename(b.file.path()) ? -1 : 1));
    if (written !== undefined) segments.push(written);
  }

  async function append(payload: Buffer, records: ExporterRecords, doubtful?: string): Promise<boolean> {
    return inTurn(async () => {
      const length = frameHeaderBytes + payload.length + Buffer.byteLength(JSON.stringify(records));
      if (length > maxBytes) return false;
      while (bytesHeld() + length > maxBytes && (await dropOldest('the spool is full')));
      for (;;) {
        try {
          await write(payload, records, length, doubtful);
          return true;
        } catch (error) {
          await closeWritten();
          const isFull =
            error instanceof Error && ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
          if (isFull && (await dropOldest('the disk is full'))) continue;
          warn(error);
          return false;
        }
      }
    });
  }

  async function write(
    payload: Buffer,
    records: ExporterRecords,
    length: number,
    doubtful: string | undefined,
  ): Promise<void> {
    const written = isOpen ? segments.at(-1)! : undefined;
    if (written === undefined || written.file.bytes() + length > segmentBytes) {
      await closeWritten();
      segments.push(toHeld(await createSegment(await newPath())));
      isOpen = true;
    }
    const target = segments.at(-1)!;
    const at = target.file.bytes();
    await target.file.append(payload, records);
    if (sync === 'always') await target.file.sync();
    // Taken over with its folder, maybe before this batch was in it.
    if (!(await exists(target.file.path()))) {
      if (await target.file.isUnlinked()) await target.file.cut(at);
      await startAnew();
      return write(payload, records, length, doubtful);
    }
    include(target, records);
    if (doubtful !== undefined) target.doubtful.set(at, { batchId: doubtful, records });
  }

  /** Named by the time, for whoever takes it over; later than the last one whatever the clock does. */
  async function newPath(): Promise<string> {
    if (!(await exists(folder))) await startAnew();
    lastName = Math.max(lastName + 1, now());
    return join(folder, `${String(lastName).padStart(15, '0')}-${randomBytes(4).toString('hex')}.spool`);
  }

  async function startAnew(): Promise<void> {
    logger.warn('the spool of this process was taken over or removed; beginning a new one');
    const removed: Held[] = [];
    for (const held of segments) {
      // Somebody else has it now; of what was removed only we know.
      if (await held.file.isUnlinked()) removed.push(held);
      else await held.file.close().catch(() => undefined);
    }
    segments = removed;
    isOpen = false;
    folder = await folders.open();
  }

  async function closeWritten(): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    const written = segments.at(-1)!;
    if (sync !== 'never') await written.file.sync().catch(warn);
    if (written.batches === 0) {
      segments.pop();
      await written.file.remove().catch(warn);
    }
  }

  async function dropOldest(why: string): Promise<boolean> {
    const oldest = segments[0];
    if (oldest === undefined) return false;
    if (segments.length === 1) isOpen = false;
    segments.shift();
    // The batch in hand is not lost with its file.
    if (inHand?.from === oldest) {
      exclude(oldest, inHand.batch.records);
      oldest.doubtful.delete(oldest.position);
    }
    if (oldest.batches > 0) {
      const loss = lossOf(oldest, 'dropped', answersFor);
      onLost(loss);
      if (pass('dropped', now()) !== undefined)
        logger.error(
          { batches: oldest.batches, bytes: loss.bytes, why },
          'the oldest batches of the spool are dropped: flows are lost',
        );
    }
    await oldest.file.remove().catch(warn);
    return true;
  }

  function head(): Promise<SpooledBatch | undefined> {
    return inTurn(async () => {
      while (inHand === undefined) {
        const oldest = segments[0];
        if (oldest === undefined) return undefined;
        const piece = await oldest.file.read(oldest.position).catch((error: unknown) => giveUp(oldest, error));
        if (piece === undefined) {
          // Read to its end: what is still written to stays.
          if (segments.length === 1 && isOpen) return undefined;
          segments.shift();
          await oldest.file.remove();
        } else if (piece.kind === 'damaged') {
          leave(oldest, piece);
          onLost({ reason: 'damaged', records: piece.counts ?? {}, bytes: piece.length });
          if (pass('damaged', now()) !== undefined)
            logger.error(
              { file: oldest.file.path, bytes: piece.length },
              'a damaged place in the spool: its flows are lost',
            );
        } else {
          const { payload, counts, length } = piece;
          const records = counts ?? {};
          inHand = { from: oldest, batch: { payload, records, remove: () => removeHead(length, records) } };
        }
      }
      return inHand.batch;
    });
  }

  /** A disk that can't read: what is behind can't be reached. */
  function giveUp(held: Held, error: unknown): undefined {
    warn(error);
    if (held.batches > 0) onLost(lossOf(held, 'damaged', answersFor));
    held.position = held.file.bytes();
    held.batches = 0;
    held.records.clear();
    held.doubtful.clear();
    if (segments.length === 1) isOpen = false;
  }

  function removeHead(length: number, counts: ExporterRecords): void {
    const from = inHand?.from;
    inHand = undefined;
    if (from !== undefined && segments.includes(from)) leave(from, { length, counts });
  }

  function leave(held: Held, outline: Outline): void {
    held.doubtful.delete(held.position);
    held.position += outline.length;
    exclude(held, outline.counts);
  }

  async function savePosition(): Promise<void> {
    const oldest = segments[0];
    const positions = oldest === undefined ? {} : { [basename(oldest.file.path())]: oldest.position };
    const text = JSON.stringify(positions);
    if (text === savedPosition || folder === '') return;
    await savePositions(folder, positions);
    savedPosition = text;
  }

  async function syncWritten(): Promise<void> {
    if (isOpen) await segments.at(-1)!.file.sync();
  }

  function depth(): SpoolDepth {
    let batches = 0;
    let records = 0;
    for (const held of segments) {
      batches += held.batches;
      for (const count of held.records.values()) records += count;
    }
    return { batches, records, bytes: bytesHeld() };
  }

  function bytesHeld(): number {
    return segments.reduce((sum, { file }) => sum + file.bytes(), 0);
  }

  async function stop(): Promise<void> {
    for (const timer of timers.splice(0)) clearInterval(timer);
    await inTurn(async () => {
      if (inHand !== undefined && !segments.includes(inHand.from))
        onLost({ reason: 'dropped', records: inHand.batch.records, bytes: inHand.batch.payload.length });
      inHand = undefined;
      await closeWritten();
      await savePosition().catch(warn);
      for (const held of segments) {
        if (held.batches > 0 && (await held.file.isUnlinked())) onLost(lossOf(held, 'dropped', answersFor));
        await held.file.close();
      }
      const isEmpty = depth().batches === 0;
      segments = [];
      await folders.close();
      if (isEmpty && folder !== '') {
        await removePositions(folder);
        await rmdir(folder).catch(() => undefined);
      }
    });
  }

  function warn(error: unknown): void {
    if (pass('failed', now()) !== undefined) logger.error({ reason: messageOf(error) }, 'the spool failed');
  }

  return { start, append, head, depth, stop };
}

function isSegmentName(name: string): boolean {
  return /^\d{15,}-[0-9a-f]{8}\.spool$/.test(name);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
