// Up to where a spool was read, in a file beside its segments: by the name of the segment. Older than the truth after a crash.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './replace-file.ts';

const fileName = 'position.json';

export type Positions = Readonly<Record<string, number>>;

export async function savePositions(folder: string, positions: Positions): Promise<void> {
  await replaceFile(join(folder, fileName), JSON.stringify(positions));
}

export async function removePositions(folder: string): Promise<void> {
  await rm(join(folder, fileName), { force: true });
}

/** Nothing when the file is absent or damaged: batches then come twice, under the same ids. */
export async function readPositions(folder: string): Promise<Positions> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, fileName), 'utf8'));
    const entries = Object.entries(value ?? {}).filter(([, at]) => Number.isSafeInteger(at));
    return Object.fromEntries(entries) as Positions;
  } catch {
    return {};
  }
}
