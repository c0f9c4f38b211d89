// Counts of the ledger inside one process, saved to a file every few seconds and before a page is given out: what is written from a page
// must have the same `_id` after a restart.

import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import type { LedgerRow } from '../model/ledger-row.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type LedgerEntry, type LedgerStore, newPageEveryMs, toLedgerEntries, toLedgerRows } from './ledger-store.ts';
import { replaceFile } from './replace-file.ts';

export interface MemoryLedgerOptions {
  /** Absent: what was not written is forgotten with the process. */
  readonly file?: string;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface MemoryLedger extends LedgerStore {
  /** Takes over what the last run left. A file that can't be read is told, and begun anew. */
  start(): Promise<void>;
  /** Fates of a batch, whose job is done in this process. */
  book(rows: readonly LedgerRow[]): void;
  save(): Promise<void>;
  stop(): Promise<void>;
}

interface SavedLedger {
  readonly open: readonly LedgerEntry[];
  readonly pages: readonly (readonly [string, readonly LedgerEntry[]])[];
}

const saveEveryMs = 5000;
/** Pages that nobody takes: further counts stay in the open one. */
const maxPages = 100;

export function createMemoryLedger({ file, logger, now }: MemoryLedgerOptions): MemoryLedger {
  let open = new Map<string, number>();
  const pages = new Map<string, readonly LedgerEntry[]>();
  const sequences = new Map<string, number>();
  let pagedAtMs = now();
  let isChanged = false;
  let timer: NodeJS.Timeout | undefined;
  let saving: Promise<void> = Promise.resolve();

  async function start(): Promise<void> {
    if (file === undefined) return;
    try {
      const saved = await readSavedLedger(file);
      for (const [key, count] of saved.open) open.set(key, (open.get(key) ?? 0) + count);
      for (const [id, entries] of saved.pages) pages.set(id, entries);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ file, reason }, 'the ledger of the last run can’t be read; a new one begins');
    }
    timer = setInterval(() => void save(), saveEveryMs);
    timer.unref();
  }

  function book(rows: readonly LedgerRow[]): void {
    for (const [key, count] of toLedgerEntries(rows, open.size)) open.set(key, (open.get(key) ?? 0) + count);
    isChanged = true;
  }

  async function add(writer: string, sequence: number, rows: readonly LedgerRow[]): Promise<boolean> {
    if ((sequences.get(writer) ?? -1) < sequence) book(rows);
    sequences.set(writer, sequence);
    return true;
  }

  async function takePages(isUrgent: boolean) {
    const isTime = isUrgent || Math.abs(now() - pagedAtMs) >= newPageEveryMs;
    if (isTime && open.size > 0 && pages.size < maxPages) {
      pages.set(randomBytes(12).toString('base64url'), [...open]);
      open = new Map();
      pagedAtMs = now();
      isChanged = true;
      await save();
    }
    return Array.from(pages, ([id, entries]) => ({ id, rows: toLedgerRows(entries) }));
  }

  /** One after the other: an older state must not follow a newer one. */
  function save(): Promise<void> {
    saving = saving.then(saveNow);
    return saving;
  }

  async function saveNow(): Promise<void> {
    if (file === undefined || !isChanged) return;
    isChanged = false;
    try {
      if (open.size === 0 && pages.size === 0) await rm(file, { force: true });
      else {
        const saved: SavedLedger = { open: [...open], pages: [...pages] };
        await replaceFile(file, JSON.stringify(saved));
      }
    } catch (error) {
      isChanged = true;
      logger.debug({ file, reason: String(error) }, 'the ledger could not be saved');
    }
  }

  return {
    start,
    book,
    add,
    pages: takePages,
    async remove(id) {
      isChanged = pages.delete(id) || isChanged;
    },
    rows: async () => toLedgerRows([...pages.values()].flat().concat([...open])),
    save,
    async stop() {
      clearInterval(timer);
      await save();
    },
  };
}

/** Rows that a process in this state folder has counted and not written yet. An absent file has none. */
export async function readLedgerFile(file: string): Promise<readonly LedgerRow[]> {
  const { open, pages } = await readSavedLedger(file);
  return toLedgerRows([...open, ...pages.flatMap(([, entries]) => entries)]);
}

async function readSavedLedger(file: string): Promise<SavedLedger> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { open: [], pages: [] };
    throw error;
  }
  const { open, pages } = JSON.parse(text) as Partial<SavedLedger>;
  if (!Array.isArray(open) || !Array.isArray(pages)) throw new Error('it is no ledger');
  return { open, pages };
}
