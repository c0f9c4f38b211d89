// Up to where a spool was read, in a file beside its segments: by the name of the segment. Older than the truth after a crash.

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const fileName = 'position.json';

export type Positions = Readonly<Record<string, number>>;

/** Whole or not at all. */
export async function savePositions(folder: string, positions: Positions): Promise<void> {
  const path = join(folder, fileName);
  await writeFile(`${path}.part`, JSON.stringify(positions), { mode: 0o600 });
  await rename(`${path}.part`, path);
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
