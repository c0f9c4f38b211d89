// A list that is fetched from a URL in the background, now and at an interval. Until it is there, and when a fetch fails, the last
// good one serves: the one in memory, at the start the one that was kept in the state folder.

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../telemetry/logger.ts';
import { isUtf16, maxDataBytes, utf16Mistake } from './data-file.ts';
import { type DataFile, describeFiles, type WatchedData } from './reloading-file.ts';

export interface RemoteListOptions<T> {
  readonly url: string;
  readonly everyMs: number;
  /** Throws an error when the text is no list. */
  readonly read: (text: string) => Promise<T>;
  /** Until one was read. */
  readonly empty: T;
  /** Folder in which the last good one is kept; undefined: it is not kept. */
  readonly folder: string | undefined;
  readonly logger: Logger;
  readonly limits?: Partial<RemoteLimits>;
}

export interface RemoteLimits {
  /** From the request to the last byte. */
  readonly maxMs: number;
  readonly maxBytes: number;
  /** After a fetch that failed; less than the interval, more than a server minds. */
  readonly retryMs: number;
}

/** Its file is the one that is kept, under its address. */
export interface RemoteList<T> extends WatchedData {
  readonly current: T;
  stop(): Promise<void>;
}

const defaultLimits: RemoteLimits = { maxMs: 60_000, maxBytes: maxDataBytes, retryMs: 5 * 60_000 };

/** Resolves when the kept one, if there is one, was read; the first fetch goes on. */
export async function openRemoteList<T>(options: RemoteListOptions<T>): Promise<RemoteList<T>> {
  const { url, everyMs, read, empty, folder, logger } = options;
  const { maxMs, maxBytes, retryMs } = { ...defaultLimits, ...options.limits };
  const shown = new URL(url).host + new URL(url).pathname;
  const file =
    folder === undefined ? undefined : join(folder, `${createHash('sha256').update(url).digest('hex')}.list`);
  const stopping = new AbortController();
  const list = {
    current: empty,
    version: 0,
    files: [] as readonly DataFile[],
    refusals: 0,
    isRefused: false,
  };
  let entityTag: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  if (file !== undefined) {
    try {
      list.current = await read(await readFile(file, 'utf8'));
      await describe();
    } catch {
      // None was kept, or it is damaged: it is fetched now.
    }
  }

  async function load(): Promise<void> {
    let isGood = false;
    try {
      const fetched = await fetchText();
      if (fetched !== undefined) {
        const { text, tag } = fetched;
        const opened = await read(text);
        if (stopping.signal.aborted) return;
        list.current = opened;
        // Of one that was refused "the same as before" would be no good news.
        entityTag = tag;
        list.version += 1;
        await keep(text);
        await describe();
        logger.info({ list: shown }, 'a list was fetched and is in use');
      }
      isGood = true;
      list.isRefused = false;
    } catch (error) {
      if (stopping.signal.aborted) return;
      list.refusals += 1;
      list.isRefused = true;
      logger.warn(
        { list: shown, reason: reasonOf(error) },
        'a list could not be fetched: the last good one stays in use',
      );
    }
    if (stopping.signal.aborted) return;
    timer = setTimeout(again, isGood ? everyMs : Math.min(everyMs, retryMs));
    timer.unref();
  }

  /** Undefined: it is the same as before (RFC 9110 §15.4.5). */
  async function fetchText(): Promise<{ readonly text: string; readonly tag: string | undefined } | undefined> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(maxMs)]);
    const headers = { 'user-agent': 'weir', ...(entityTag !== undefined && { 'if-none-match': entityTag }) };
    const response = await fetch(url, { signal, headers });
    if (response.status === 304 && entityTag !== undefined) return undefined;
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`the server answers ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`the list is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const whole = Buffer.concat(chunks);
    if (isUtf16(whole)) throw new Error(`the list ${utf16Mistake}`);
    const text = whole.toString('utf8');
    // Either would make everybody innocent, or, by an address that stands in the page, somebody guilty.
    if (/^\uFEFF?\s*$/.test(text)) throw new Error('the server answers with nothing');
    if (/^\uFEFF?\s*</.test(text)) throw new Error('the server answers with a web page');
    const tag = response.headers.get('etag');
    return { text, tag: tag !== null && tag.length <= 256 ? tag : undefined };
  }

  async function describe(): Promise<void> {
    if (file === undefined) return;
    list.files = (await describeFiles([file])).map((kept) => ({ ...kept, path: shown }));
  }

  async function keep(text: string): Promise<void> {
    if (folder === undefined || file === undefined) return;
    try {
      await mkdir(folder, { recursive: true });
      // Another step, or another weir, may keep the same list.
      const part = `${file}.${randomUUID()}.new`;
      await writeFile(part, text)
        .then(() => rename(part, file))
        .finally(() => rm(part, { force: true }));
    } catch (error) {
      logger.warn({ list: shown, reason: reasonOf(error) }, 'a list could not be kept for the next start');
    }
  }

  let loading = load();
  function again(): void {
    loading = load();
  }

  return Object.assign(list, {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await loading;
    },
  });
}

/** fetch says "fetch failed", and why in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
