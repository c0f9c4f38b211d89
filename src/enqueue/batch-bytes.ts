// A batch as bytes (JSON) and back: how it lies on disk and in Redis.

import type { RecordBatch } from '../model/record-batch.ts';

export function toBatchBytes(batch: RecordBatch): Buffer {
  return Buffer.from(JSON.stringify(batch));
}

/** Undefined when the bytes are no batch. Proves its outline only: who wrote it checksummed it. */
export function fromBatchBytes(bytes: Buffer | string): RecordBatch | undefined {
  try {
    const value = JSON.parse(bytes.toString()) as Partial<RecordBatch> | null;
    const { id, layouts, sets } = value ?? {};
    if (typeof id !== 'string' || !Array.isArray(layouts) || !Array.isArray(sets)) return undefined;
    const whole = sets.every(
      (set) => Array.isArray(set?.rows) && set.header !== undefined && layouts[set.layout] !== undefined,
    );
    return whole ? (value as RecordBatch) : undefined;
  } catch {
    return undefined;
  }
}
