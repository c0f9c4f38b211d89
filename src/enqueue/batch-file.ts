// Batches that were not indexed when weir stopped, kept in one file until it starts again: a line of JSON a batch.

import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { RecordBatch } from '../model/record-batch.ts';
import { fromBatchBytes } from './batch-bytes.ts';

/** Writes the file whole or, where it throws, not at all; no batches: no file. */
export async function writeBatchFile(path: string, batches: readonly RecordBatch[]): Promise<void> {
  if (batches.length === 0) {
    await rm(path, { force: true });
    return;
  }
  const temporary = `${path}.part`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      for (const batch of batches) await file.appendFile(`${JSON.stringify(batch)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

export interface BatchFileContents {
  readonly batches: readonly RecordBatch[];
  /** Lines that hold no batch. */
  readonly damaged: number;
}

/** An absent file has no batches. */
export async function readBatchFile(path: string): Promise<BatchFileContents> {
  const batches: RecordBatch[] = [];
  let damaged = 0;
  try {
    for await (const line of createInterface({
      input: createReadStream(path, 'utf8'),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      const batch = fromBatchBytes(line);
      if (batch === undefined) damaged += 1;
      else batches.push(batch);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { batches, damaged };
}
