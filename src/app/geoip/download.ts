// Loads one database: over HTTP, unpacked on the way, checked, tried, and only then renamed into place. A running weir that uses the
// file reads it again by itself (enrich/reloading-file.ts).

import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type MmdbFile, openMmdbFile } from '../../enrich/mmdb-file.ts';
import { WeirError } from '../../model/errors.ts';
import type { Progress } from '../progress.ts';
import type { DatabaseKind, Download } from './sources.ts';
import { DatabaseOfTar } from './tar-entry.ts';

export interface DownloadOptions {
  /** Where the database goes. */
  readonly path: string;
  readonly progress?: Progress;
  /** So long the server may say nothing, or next to nothing. */
  readonly silenceMs: number;
  /** So long a download may take. */
  readonly limitMs: number;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

export type Outcome = 'not there' | 'unchanged' | { readonly builtAtMs: number; readonly bytes: number };

/** The paid city databases have 0.5 GB; weir reads none of 2 GiB. */
const maxBytes = 2 ** 31 - 1;

/** In `silenceMs` (30 s) so much must come: at 2 kB/s a city database takes a day. */
const leastBytes = 65_536;

const typeOf: Readonly<Record<DatabaseKind, RegExp>> = { city: /city/i, country: /country/i, asn: /asn/i };

/** `not there`: the server has no such file. Throws WeirError for everything else that goes wrong; `path` is as before then. */
export async function downloadDatabase(download: Download, options: DownloadOptions): Promise<Outcome> {
  const { path } = options;
  const part = `${path}.${randomUUID()}.part`;
  try {
    if (!(await fetchTo(part, download, options))) return 'not there';
    const file = await tryDatabase(part, download);
    const before = await openMmdbFile(path, download.kind).catch(() => undefined);
    if (before?.builtAtMs === file.builtAtMs && before.databaseType === file.databaseType) return 'unchanged';
    await rename(part, path).catch((cause: unknown) => {
      throw toWeirError(download, cause, undefined);
    });
    return { builtAtMs: file.builtAtMs, bytes: file.bytes };
  } finally {
    await rm(part, { force: true });
    options.progress?.clear();
  }
}

/** False: 404. */
async function fetchTo(
  part: string,
  download: Download,
  { progress, silenceMs, limitMs, signal }: DownloadOptions,
): Promise<boolean> {
  const deadline = createDeadline(silenceMs, limitMs, signal);
  const hash = createHash('sha256');
  try {
    const response = await request(download, download.url, deadline.signal);
    if (response === undefined) return false;
    const size = Number(response.headers.get('content-length')) || undefined;
    let position = 0;
    const watch = new Transform({
      transform(chunk: Buffer, _, done) {
        deadline.count(chunk.length);
        position += chunk.length;
        hash.update(chunk);
        progress?.show(download.title, position, size);
        done(null, chunk);
      },
    });
    let unpacked = 0;
    const bound = new Transform({
      transform(chunk: Buffer, _, done) {
        unpacked += chunk.length;
        if (unpacked > maxBytes) done(new Error('it is larger than 2 GiB'));
        else done(null, chunk);
      },
    });
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    const target = createWriteStream(part, { flags: 'wx', mode: 0o644 });
    if (download.packing === 'gz') await pipeline(body, watch, createGunzip(), bound, target);
    else await pipeline(body, watch, createGunzip(), bound, new DatabaseOfTar(), target);
    await sync(part);
    await checkSum(download, hash.digest('hex'), deadline.signal);
    return true;
  } catch (cause) {
    if (signal?.aborted === true)
      throw new WeirError('stopped', `${download.title}: not loaded, for weir was told to stop`, {
        hint: 'What was there before is still there.',
      });
    throw toWeirError(download, cause, deadline.reason());
  } finally {
    deadline.end();
  }
}

async function request(
  { title, url: own, checksumUrl }: Download,
  url: string,
  signal: AbortSignal,
): Promise<Response | undefined> {
  const response = await fetch(url, { signal, headers: { 'user-agent': 'weir' } });
  if (response.ok && response.body !== null) return response;
  await response.body?.cancel();
  if (response.status === 404) return undefined;
  const hasKey = checksumUrl !== undefined || own.includes('license_key=');
  if (hasKey && (response.status === 401 || response.status === 403)) {
    throw new WeirError('download-failed', `${title}: the server refuses the licence key (HTTP ${response.status})`, {
      hint: 'Check the key, and that the account may download GeoLite2 databases.',
    });
  }
  throw new WeirError('download-failed', `${title}: the server answers HTTP ${response.status}`, {
    hint: 'Try again later.',
    retryable: true,
  });
}

async function checkSum(download: Download, actual: string, signal: AbortSignal): Promise<void> {
  if (download.checksumUrl === undefined) return;
  const response = await request(download, download.checksumUrl, signal);
  const expected = /^[0-9a-f]{64}\b/i.exec(response === undefined ? '' : await beginOf(response))?.[0];
  if (expected === undefined) throw new WeirError('download-failed', `${download.title}: the server tells no checksum`);
  if (expected.toLowerCase() !== actual) {
    throw new WeirError('file-invalid', `${download.title}: the download is damaged (its SHA-256 is another)`, {
      hint: 'Try again.',
    });
  }
}

/** A server may go on for ever. */
async function beginOf(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= 1000) break;
  }
  return text.slice(0, 1000);
}

async function tryDatabase(part: string, { title, kind }: Download): Promise<MmdbFile & { readonly bytes: number }> {
  const file = await openMmdbFile(part, kind).catch((cause: unknown) => {
    throw new WeirError('file-invalid', `${title}: what was downloaded is no whole MaxMind DB file`, {
      hint: 'Try again.',
      cause,
    });
  });
  if (!typeOf[kind].test(file.databaseType)) {
    throw new WeirError('file-invalid', `${title}: expected a database of type ${kind}, got ${file.databaseType}`);
  }
  const handle = await open(part);
  const { size } = await handle.stat();
  await handle.close();
  return { ...file, bytes: size };
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

const unwritable: readonly string[] = ['EACCES', 'EPERM', 'ENOENT', 'EROFS', 'EISDIR', 'ENOTDIR', 'EIO'];

/** Undici's words for what a connection does. */
const reasons: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'the server has cut the connection',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
};

function toWeirError({ title }: Download, error: unknown, given: string | undefined): WeirError {
  if (error instanceof WeirError) return error;
  const { message, cause, ...rest } = error as Error & { code?: unknown; cause?: NodeJS.ErrnoException };
  // Of an aborted request the code is a number.
  const code = String(rest.code);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new WeirError('folder-unwritable', `${title}: the database can't be written: the disk is full`, {
      hint: 'Make room; what was there before is still there.',
      cause: error,
    });
  if (unwritable.includes(code))
    return new WeirError('folder-unwritable', `${title}: the database can't be written (${code})`, { cause: error });
  if (code.startsWith('Z_'))
    return new WeirError('file-invalid', `${title}: the download is damaged (${message})`, { hint: 'Try again.' });
  const reason = given ?? reasons[cause?.code ?? ''] ?? cause?.code ?? cause?.message ?? message;
  return new WeirError('download-failed', `${title}: ${reason}`, {
    hint: 'Check the connection to the Internet, or name another server with --from.',
    retryable: true,
  });
}

function createDeadline(silenceMs: number, limitMs: number, stopSignal: AbortSignal | undefined) {
  const controller = new AbortController();
  let came = 0;
  let isOver = false;
  const end = () => controller.abort();
  let silence = setTimeout(end, silenceMs);
  const limit = setTimeout(() => {
    isOver = true;
    end();
  }, limitMs);

  function count(bytes: number): void {
    came += bytes;
    if (came < leastBytes) return;
    came = 0;
    clearTimeout(silence);
    silence = setTimeout(end, silenceMs);
  }

  /** Undefined: it was not this. */
  function reason(): string | undefined {
    if (!controller.signal.aborted) return undefined;
    if (isOver) return `not done within ${toHours(limitMs)}`;
    return 'the server says nothing, or next to nothing';
  }

  return {
    signal: stopSignal === undefined ? controller.signal : AbortSignal.any([controller.signal, stopSignal]),
    count,
    reason,
    end() {
      clearTimeout(silence);
      clearTimeout(limit);
    },
  };
}

function toHours(ms: number): string {
  return ms < 3_600_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.floor(ms / 3_600_000)} h`;
}
