// What the NDJSON sink needs of a file system, and of its errors.

import type * as nodeFileSystem from 'node:fs/promises';

export type NdjsonFileSystem = Pick<typeof nodeFileSystem, 'mkdir' | 'open' | 'readdir' | 'rename' | 'stat' | 'unlink'>;

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
