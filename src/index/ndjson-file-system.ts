// What the NDJSON sink needs of a file system, and of its errors.

import type * as nodeFileSystem from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type NdjsonFileName, toNdjsonName } from './ndjson-names.ts';

export type NdjsonFileSystem = Pick<typeof nodeFileSystem, 'mkdir' | 'open' | 'readdir' | 'rename' | 'stat' | 'unlink'>;

/** The folder and those above it. Not `recursive`: Node then tries for ever where a folder can't be made, as in /proc. */
export async function makeFolder(fileSystem: NdjsonFileSystem, directory: string): Promise<void> {
  try {
    await fileSystem.mkdir(directory);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return;
    const above = dirname(directory);
    if (!isErrno(error, 'ENOENT') || above === directory) throw error;
    await makeFolder(fileSystem, above);
    await fileSystem.mkdir(directory).catch((again: unknown) => {
      if (!isErrno(again, 'EEXIST')) throw again;
    });
  }
}

/** A disk that is nearly full writes less than it was given before it says so. */
export async function writeAll(handle: nodeFileSystem.FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'EIO' });
    done += bytesWritten;
  }
}

/** Makes names that were added, changed or removed in the folder durable. */
export async function syncFolder(fileSystem: NdjsonFileSystem, directory: string): Promise<void> {
  const folder = await fileSystem.open(directory, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some file systems don't know it for folders; their names are durable by themselves or not at all.
    if (!isErrno(error, 'EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM')) throw error;
  } finally {
    await folder.close();
  }
}

/** Gives a written file its final name: that of its number, or the next one that is free. Never replaces a file. */
export async function giveFinalName(
  fileSystem: NdjsonFileSystem,
  directory: string,
  part: string,
  { day, number }: NdjsonFileName,
): Promise<void> {
  let free = number;
  while (await exists(fileSystem, join(directory, toNdjsonName({ day, number: free })))) free += 1;
  await fileSystem.rename(part, join(directory, toNdjsonName({ day, number: free })));
}

export async function exists(fileSystem: NdjsonFileSystem, path: string): Promise<boolean> {
  try {
    await fileSystem.stat(path);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

const texts: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EDQUOT: 'the quota is used up',
  EIO: 'the disk fails',
  EMFILE: 'too many open files',
  ENOENT: 'the folder is missing',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'it is not a folder',
  EPERM: 'not permitted',
  EROFS: 'the disk is read-only',
};

/** "the disk is full (ENOSPC)" */
export function toFailureText(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message : `${texts[code] ?? 'failed'} (${code})`;
}
