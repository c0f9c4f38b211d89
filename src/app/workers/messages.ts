// What a listener and its workers say to each other beside the datagrams (IPC, structured clones).

import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import type { ExporterCounts } from '../../telemetry/ledger.ts';
import type { DecoderLevels } from '../../telemetry/measures.ts';
import type { ExporterFacts } from '../status/exporter-watch.ts';

/** What a worker needs of the pipeline file. */
export type WorkerSettings = Pick<PipelineFile, 'name' | 'batch' | 'decode' | 'queue' | 'state'>;

export type ToWorker =
  | {
      readonly type: 'start';
      readonly settings: WorkerSettings;
      readonly logLevel: string;
      /** Somebody may look at the status page: exporters are watched. */
      readonly isWatched: boolean;
    }
  /** From the next group on. */
  | { readonly type: 'batch'; readonly batch: PipelineFile['batch'] }
  | { readonly type: 'stop' };

/** Counts since the last message that had some, by exporter. */
export type Counts = ReadonlyMap<string, ExporterCounts>;

export type FromWorker =
  | { readonly type: 'ready' }
  /** Can't start: Redis refuses us, say. */
  | { readonly type: 'failed'; readonly message: string; readonly hint: string | undefined }
  /** The queue has said of every batch of the group whether it takes it. */
  | { readonly type: 'settled'; readonly group: string; readonly counts: Counts }
  | { readonly type: 'report'; readonly report: WorkerReport; readonly counts: Counts }
  /** Of those that were heard since the last one. */
  | { readonly type: 'exporters'; readonly facts: readonly ExporterFacts[] };

export interface WorkerReport {
  readonly decoder: DecoderLevels;
  readonly spool: { readonly records: number; readonly bytes: number } | undefined;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}
