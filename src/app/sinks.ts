// The sink that a pipeline file names: Elasticsearch where it names a node, NDJSON files elsewhere.

import { join } from 'node:path';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { ClusterHealth } from '../index/cluster-health.ts';
import type { LedgerWriter } from '../index/ledger-documents.ts';
import type { Sink } from '../index/sink.ts';
import type { Logger } from '../telemetry/logger.ts';
import { readVersion } from './version.ts';

export interface ChosenSink {
  readonly sink: Sink;
  /** Of the ledger: beside the flows. */
  readonly ledger: LedgerWriter;
  /** Batches worth having in hand at a time. */
  readonly lanes: number;
  /** For the log: where documents go. */
  readonly target: string;
  /** Of the cluster, as last told; absent: there is none. */
  readonly health?: () => ClusterHealth | undefined;
}

/** Loads only the sink that is chosen: start-up counts. */
export async function createSink(
  { name: pipeline, index, state }: PipelineFile,
  options: { readonly logger: Logger; readonly now: () => number },
): Promise<ChosenSink> {
  const { elasticsearch, files, name } = index;
  if (elasticsearch === undefined) {
    const { createNdjsonFile } = await import('../index/ndjson-file.ts');
    const { createLedgerFile } = await import('../index/ledger-file.ts');
    return {
      sink: createNdjsonFile({ ...files, ...options }),
      ledger: createLedgerFile({ directory: files.directory, pipeline }),
      // One disk: a second batch at a time would only wait for the first.
      lanes: 1,
      target: files.directory,
    };
  }
  const { createClusterHealth } = await import('../index/cluster-health.ts');
  const { createBulkWriter } = await import('../index/bulk-writer.ts');
  const { createElasticsearchClient } = await import('../index/elasticsearch-client.ts');
  const { createServerSetup } = await import('../index/server-setup.ts');
  const { createIndexSeries } = await import('../index/index-series.ts');
  const { createLedgerIndex } = await import('../index/ledger-index.ts');
  const { bulk, setup: apply, retention } = elasticsearch;
  const client = createElasticsearchClient(elasticsearch);
  const sink = createBulkWriter({
    client,
    indexName: name,
    ...bulk,
    ...(retention?.rollOverBytes !== undefined && {
      series: createIndexSeries({ client, base: name, now: options.now }),
    }),
    prepare: createServerSetup({ client, indexName: name, ...retention, apply, ...options }).prepare,
    deadLetterFile: toDeadLetterFile(state.directory),
    version: readVersion(),
    ...options,
  });
  return {
    sink,
    ledger: createLedgerIndex({ client, pipeline, ready: sink.ready, ...options }),
    // One more than requests under way: its documents are made while the others wait for their answers.
    lanes: bulk.concurrency + 1,
    target: client.address,
    health: createClusterHealth({ client, now: options.now }),
  };
}

/** Dead letters that their index refused. */
export function toDeadLetterFile(stateDirectory: string): string {
  return join(stateDirectory, 'dead-letters.ndjson');
}
