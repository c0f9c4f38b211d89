// The path that `weir decode` was given → the files to read: itself, or what lies in the folder, in name order.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '../model/errors.ts';

/** A path that leads nowhere is returned as it is: opening it says what is wrong. Folders in a folder are not entered. */
export async function listCaptures(path: string): Promise<readonly string[]> {
  if (!(await isFolder(path))) return [path];
  const found = await readdir(path).catch((cause: Error) => {
    throw new WeirError('file-missing', `the folder ${path} cannot be read: ${cause.message}`, { cause });
  });
  const names = found.filter((name) => !name.startsWith('.')).sort();
  const files: string[] = [];
  for (const name of names) if (!(await isFolder(join(path, name)))) files.push(join(path, name));
  return files;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
