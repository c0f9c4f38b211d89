// Keeps the ledger going: what this process has counted goes to where counts are added up, every few seconds; what was added up goes, a
// page a minute, into documents, where this process writes documents. Nothing here may hold up a flow.

import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import type { LedgerStore } from '../enqueue/ledger-store.ts';
import type { LedgerWriter } from '../index/ledger-documents.ts';
import { WeirError } from '../model/errors.ts';
import type { LedgerRow } from '../model/ledger-row.ts';
import type { LedgerBook } from '../telemetry/ledger-book.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';

export interface LedgerKeepingOptions {
  readonly store: LedgerStore;
  readonly book: LedgerBook;
  /** Of a process that writes documents: the one in effect. */
  readonly writer: () => LedgerWriter | undefined;
  /** Takes, at the end, what the store could not be given. */
  readonly file: string;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface LedgerKeeping {
  /** Takes over what the last process in this state folder could not hand on. */
  start(): Promise<void>;
  /** What was received is handed on, now that nothing more comes. */
  stopReceiving(): Promise<void>;
  /** Writes what is there, and ends. */
  stop(): Promise<void>;
}

/** Of one `add`, to be repeated as it is until the store has it. */
interface Handing {
  readonly writer: string;
  readonly sequence: number;
  readonly rows: readonly LedgerRow[];
}

/** What a killed listener has counted for nobody. */
const handOnEveryMs = 5000;
const writeEveryMs = 10_000;
const writeLimitMs = 30_000;
/** At the end the process has other things to close, too. */
const lastWriteLimitMs = 1500;

export function createLedgerKeeping({ store, book, writer, file, logger, now }: LedgerKeepingOptions): LedgerKeeping {
  const name = randomBytes(9).toString('base64url');
  const pass = createRateLimit();
  const stopping = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let sequence = 0;
  let left: Handing[] = [];
  let handing: Promise<void> | undefined;
  let writing: Promise<void> | undefined;

  async function start(): Promise<void> {
    left = await readLeft(file);
    timers.push(
      setInterval(() => void handOn(), handOnEveryMs),
      setInterval(() => void writePages(false, writeLimitMs), writeEveryMs),
    );
    for (const timer of timers) timer.unref();
  }

  function handOn(): Promise<void> {
    handing ??= handOnAll().finally(() => {
      handing = undefined;
    });
    return handing;
  }

  /** While the store is away the book adds up. */
  async function handOnAll(): Promise<void> {
    if (left.length === 0) {
      const rows = book.take();
      if (rows.length === 0) return;
      left = [{ writer: name, sequence, rows }];
      sequence += 1;
    }
    for (const next of [...left]) {
      const isAdded = await store.add(next.writer, next.sequence, next.rows).catch(() => false);
      if (!isAdded) return;
      left = left.filter((other) => other !== next);
    }
  }

  function writePages(isUrgent: boolean, limitMs: number): Promise<void> {
    writing ??= writeAll(isUrgent, limitMs)
      .catch((error: unknown) => {
        if (stopping.signal.aborted || pass('writes', now()) === undefined) return;
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn(
          { reason, hint: error instanceof WeirError ? error.hint : undefined },
          'the ledger waits to be written',
        );
      })
      .finally(() => {
        writing = undefined;
      });
    return writing;
  }

  async function writeAll(isUrgent: boolean, limitMs: number): Promise<void> {
    const to = writer();
    if (to === undefined) return;
    // So that a page has both sides of its minutes: what was received, and what was indexed of it.
    await handOn();
    const signal = AbortSignal.timeout(limitMs);
    for (const page of await store.pages(isUrgent)) {
      await to.write(page, signal);
      await store.remove(page.id);
    }
  }

  async function stopReceiving(): Promise<void> {
    await handOn();
    // What was counted while the call before was under way.
    await handOn();
    const rest = book.take();
    if (rest.length > 0) left.push({ writer: name, sequence, rows: rest });
    if (left.length > 0) await writeFile(file, JSON.stringify(left), { mode: 0o600 }).catch(warnLost);
    else await rm(file, { force: true }).catch(() => undefined);
  }

  function warnLost(error: unknown): void {
    logger.error({ file, reason: String(error) }, 'counts of the ledger are lost: the file can’t be written');
  }

  async function stop(): Promise<void> {
    for (const timer of timers.splice(0)) clearInterval(timer);
    await writing;
    stopping.abort();
    await writePages(true, lastWriteLimitMs);
  }

  return { start, stopReceiving, stop };
}

async function readLeft(file: string): Promise<Handing[]> {
  try {
    const left: unknown = JSON.parse(await readFile(file, 'utf8'));
    return Array.isArray(left) ? (left as Handing[]) : [];
  } catch {
    return [];
  }
}
