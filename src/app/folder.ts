// Folders that weir writes to: made at start, or refused with one clear line.

import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '../model/errors.ts';

/** Makes the folder and tries to write in it. `setting` is the key of the pipeline file that names it. */
export async function makeFolder(directory: string, setting: string): Promise<void> {
  const probe = join(directory, `.weir-${randomUUID()}`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(probe, '');
    await rm(probe);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new WeirError('folder-unwritable', `the folder ${directory} can't be written to (${reason})`, {
      hint: `Let weir's user write there, or name another folder in the pipeline file (${setting}).`,
      cause,
    });
  }
}
