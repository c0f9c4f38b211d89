// `weir geoip update`: newer databases of places and autonomous systems, each under a name that stays.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '../../model/errors.ts';
import { makeFolder } from '../folder.ts';
import type { Progress } from '../progress.ts';
import { downloadDatabase } from './download.ts';
import { type DatabaseKind, type Download, toDownloads } from './sources.ts';

export interface UpdateOptions {
  /** City, in place of country. */
  readonly city: boolean;
  readonly licenseKey?: string;
  readonly directory: string;
  /** Another server with the same paths. */
  readonly from?: string;
  readonly nowMs: number;
  readonly progress?: Progress;
  readonly silenceMs?: number;
  /** Of one download. */
  readonly limitMs?: number;
  /** Ends it; what is loaded by then stays. */
  readonly signal?: AbortSignal;
}

const defaultSilenceMs = 30_000;
const defaultLimitMs = 6 * 3_600_000;

/** Lines for people. Throws WeirError; databases that were loaded before stay. */
export async function updateDatabases(options: UpdateOptions): Promise<readonly string[]> {
  const { city, licenseKey, directory, from, nowMs, progress, silenceMs = defaultSilenceMs } = options;
  const limits = { silenceMs, limitMs: options.limitMs ?? defaultLimitMs, signal: options.signal };
  const kinds: readonly DatabaseKind[] = [city ? 'city' : 'country', 'asn'];
  const choices = toDownloads({ kinds, licenseKey, base: from, nowMs });
  await makeFolder(directory, '--directory');
  await removeLeftovers(directory, nowMs - limits.limitMs);
  const lines: string[] = [];
  const attributions = new Set<string>();
  for (const choice of choices) {
    const [first] = choice;
    const path = join(directory, `${first?.kind}.mmdb`);
    const { download, outcome } = await firstThere(choice, { path, ...limits, ...(progress && { progress }) });
    attributions.add(download.attribution);
    lines.push(
      outcome === 'unchanged'
        ? `${path}: ${download.title} is the one that is there`
        : `${path}: ${download.title}, built on ${new Date(outcome.builtAtMs).toISOString().slice(0, 10)}, ${(outcome.bytes / 1e6).toFixed(1)} MB`,
    );
  }
  const place = join(directory, `${kinds[0]}.mmdb`);
  return [
    ...lines,
    ...attributions,
    `In the pipeline file:  geoip: { database: ${place} }  asn: { database: ${join(directory, 'asn.mmdb')} }  (from the folder of that file)`,
  ];
}

/** Of processes that were killed. No download takes longer than its limit, so none that is older is at work. */
async function removeLeftovers(directory: string, beforeMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!leftover.test(name)) continue;
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && found.mtimeMs < beforeMs) await rm(path, { force: true });
  }
}

const leftover = /^(?:city|country|asn)\.mmdb\.[0-9a-f-]{36}\.part$/;

async function firstThere(choice: readonly Download[], options: Parameters<typeof downloadDatabase>[1]) {
  for (const download of choice) {
    const outcome = await downloadDatabase(download, options);
    if (outcome !== 'not there') return { download, outcome };
  }
  throw new WeirError('download-failed', `the server has none of: ${choice.map(({ title }) => title).join(', ')}`, {
    hint: 'Try again in some days, or load the file by hand (docs/geoip.md).',
  });
}
