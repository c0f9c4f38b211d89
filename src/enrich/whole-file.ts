// The bytes of a file as they were at one moment: what is written to while it is read would be half of one and half of the other.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** "FILE …". */
export type FileProblem = 'is no file' | 'is too large' | 'is being written to';

/** A writer that is quick is done by then; one that never ends has the next look. */
const maxTries = 3;

/** Throws what the file system says. Of a pipe or a device, which may never end, nothing is read. */
export async function readWholeFile(path: string, maxBytes: number): Promise<Buffer | FileProblem> {
  // Opening a pipe would wait for somebody to write to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    let found: Buffer | FileProblem = 'is being written to';
    for (let i = 0; i < maxTries && found === 'is being written to'; i++) found = await tryRead(file, maxBytes);
    return found;
  } finally {
    await file.close();
  }
}

async function tryRead(file: FileHandle, maxBytes: number): Promise<Buffer | FileProblem> {
  const before = await file.stat();
  if (!before.isFile()) return 'is no file';
  if (before.size > maxBytes) return 'is too large';
  const bytes = Buffer.allocUnsafeSlow(before.size);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
    if (bytesRead === 0) return 'is being written to';
    at += bytesRead;
  }
  const after = await file.stat();
  return after.size === before.size && after.mtimeMs === before.mtimeMs ? bytes : 'is being written to';
}
