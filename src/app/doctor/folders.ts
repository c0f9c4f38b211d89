// Can weir write where it must, and is there room for what it may put there?

import { randomUUID } from 'node:crypto';
import { access, constants, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import type { Finding } from '../../model/finding.ts';
import { toFinding } from '../findings/catalog.ts';
import { toBinarySizeText } from './binary-size.ts';
import type { Check } from './check.ts';

interface Folder {
  /** "the spool" */
  readonly what: string;
  readonly directory: string;
  readonly matters: string;
  /** That it may grow to, in all. */
  readonly maxBytes: number;
}

/** Files of flows have no limit: below this there is soon none left. */
const leastFreeBytes = 2 ** 30;

export function checkFolders(file: PipelineFile): readonly Check[] {
  return toFolders(file).map((folder) => ({ what: `folder ${folder.directory}`, run: () => checkFolder(folder) }));
}

function toFolders({ state, queue, index }: PipelineFile): readonly Folder[] {
  const folders: Folder[] = [
    {
      what: 'templates, and what could not be indexed',
      directory: state.directory,
      matters: 'weir does not start.',
      maxBytes: 0,
    },
  ];
  if (queue.spool !== undefined) {
    folders.push({
      what: 'the spool',
      directory: queue.spool.directory ?? join(state.directory, 'spool'),
      matters: 'While the queue is full or away there is no place for flows: they are lost.',
      maxBytes: queue.spool.maxBytes,
    });
  }
  if (index.elasticsearch === undefined) {
    folders.push({
      what: 'files of flows',
      directory: index.files.directory,
      matters: 'weir does not start.',
      maxBytes: leastFreeBytes,
    });
  }
  return folders;
}

async function checkFolder({ what, directory, matters, maxBytes }: Folder) {
  const folder = resolve(directory);
  const values = { folder, what, matters, user: userInfo().username };
  const findings: Finding[] = [];
  const place = await findExisting(folder);
  const failure = await tryWrite(place, place === folder);
  if (failure !== undefined) findings.push(toFinding('folder-unwritable', { ...values, reason: failure }));
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const wanted = maxBytes === 0 ? 0 : maxBytes - (maxBytes === leastFreeBytes ? 0 : await sizeOf(folder));
  if (free < wanted) {
    findings.push(
      toFinding('disk-tight', { ...values, free: toBinarySizeText(free), wanted: toBinarySizeText(maxBytes) }),
    );
  }
  return { findings, said: `${toBinarySizeText(free)} free${place === folder ? '' : '; it is made at the start'}` };
}

/** The folder, or the nearest above it that is there: weir makes the rest. */
async function findExisting(folder: string): Promise<string> {
  for (let place = folder; ; place = dirname(place)) {
    if ((await stat(place).catch(() => undefined)) !== undefined || place === dirname(place)) return place;
  }
}

/** Why it can't be written to. */
async function tryWrite(place: string, isWhole: boolean): Promise<string | undefined> {
  try {
    if (!(await stat(place)).isDirectory()) return 'it is a file';
    await access(place, constants.W_OK | constants.X_OK);
    if (!isWhole) return undefined;
    const probe = join(place, `.weir-${randomUUID()}`);
    await writeFile(probe, '');
    await rm(probe);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Of the files in it, and one level below. */
async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.slice(0, 10_000).map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
