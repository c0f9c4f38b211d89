// Folders that weir writes to: made at start, or refused with one clear line.

import { randomUUID } from 'node:crypto';
import * as fileSystem from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder as makeFolders, toFailureText } from '../index/ndjson-file-system.ts';
import { WeirError } from '../model/errors.ts';

/** Makes the folder and tries to write in it. `setting` is the key of the pipeline file that names it. */
export async function makeFolder(directory: string, setting: string): Promise<void> {
  const probe = join(directory, `.weir-${randomUUID()}`);
  try {
    await makeFolders(fileSystem, directory);
    await fileSystem.writeFile(probe, '');
    await fileSystem.rm(probe);
  } catch (cause) {
    throw new WeirError('folder-unwritable', `the folder ${directory} can't be written to: ${toFailureText(cause)}`, {
      hint: `Let weir's user write there, or name another folder in the pipeline file (${setting}).`,
      cause,
    });
  }
}
