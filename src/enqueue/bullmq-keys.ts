// The keys of one queue on Redis. What scripts touch together shares a hash tag, so that a Redis Cluster keeps it on one node; the
// bytes of batches have none, so that it spreads them over all.

import type { RecordBatch } from '../model/record-batch.ts';
import { type ExporterRecords, toExporterRecords } from './exporter-records.ts';

/** `writers`: listener processes, by an id that no other process ever had. */
export type Presence = 'listeners' | 'workers' | 'writers';

export interface QueueKeys {
  /** BullMQ's prefix and name. */
  readonly prefix: string;
  readonly name: string;
  /** A key of BullMQ's own: `wait`, `active`, `stalled`, or a job's id. */
  bullmq(suffix: string): string;
  /** Hash: records and bytes that wait or are in hands; recordsIn and recordsOut since ever. */
  readonly counts: string;
  /** Sorted set of names by when they were last heard. */
  presence(of: Presence): string;
  /** Of one listener process: the number of the last batch that it put here. */
  mark(writer: string): string;
  /** Of one listener process: what it sent with this number or a lower one, and comes later, is not taken any more. */
  fence(writer: string): string;
  /** Of a job that was ended a while ago: by whom. */
  ended(jobId: string): string;
  /** Hash: how far each exporter's records are in safe hands (reached.ts). */
  readonly reached: string;
  /** Hash: counts of the ledger that no page has yet; list: the ids of its pages. */
  readonly ledger: string;
  readonly ledgerPages: string;
  /** The bytes of a batch. */
  payload(batchId: string): string;
}

export function createQueueKeys(keyPrefix: string, name: string): QueueKeys {
  const prefix = `{${keyPrefix}:${name}}`;
  return {
    prefix,
    name,
    bullmq: (suffix) => `${prefix}:${name}:${suffix}`,
    counts: `${prefix}:counts`,
    presence: (of) => `${prefix}:${of}`,
    mark: (writer) => `${prefix}:mark:${writer}`,
    fence: (writer) => `${prefix}:fence:${writer}`,
    ended: (jobId) => `${prefix}:ended:${jobId}`,
    reached: `${prefix}:reached`,
    ledger: `${prefix}:ledger`,
    ledgerPages: `${prefix}:ledger:pages`,
    payload: (batchId) => `${keyPrefix}:${name}:batch:${batchId}`,
  };
}

/** What the job says of its batch: enough to name a loss when the bytes are gone. */
export interface JobData {
  readonly id: string;
  readonly createdAtMs: number;
  readonly records: number;
  readonly bytes: number;
  readonly exporters: ExporterRecords;
}

export function toJobData(batch: RecordBatch, bytes: number): JobData {
  const { id, createdAtMs, recordCount: records } = batch;
  return { id, createdAtMs, records, bytes, exporters: toExporterRecords(batch) };
}

/** BullMQ refuses ids that are whole numbers, or have a colon. */
export function toJobId(batchId: string): string {
  return `b-${batchId}`;
}

export function toBatchId(jobId: string): string {
  return jobId.slice('b-'.length);
}
