// A verb that needs the Elasticsearch of the pipeline file, and nothing else of it.

import type { ElasticsearchTarget, PipelineFile } from '../enrich/pipeline-file.ts';
import type { ElasticsearchClient } from '../index/elasticsearch-client.ts';
import { WeirError } from '../model/errors.ts';

export interface OpenElasticsearch {
  readonly client: ElasticsearchClient;
  readonly target: ElasticsearchTarget;
  readonly indexName: string;
}

/** Errors say which server they came from. Throws WeirError `pipeline-invalid` where the file names none. */
export async function withElasticsearch<Result>(
  { index, path }: PipelineFile,
  work: (open: OpenElasticsearch) => Promise<Result>,
): Promise<Result> {
  const { elasticsearch: target, name: indexName } = index;
  if (target === undefined)
    throw new WeirError('pipeline-invalid', `${path}: index.elasticsearch.nodes names no Elasticsearch`, {
      hint: 'In the shipped pipeline it is ELASTICSEARCH_URL=http://localhost:9200.',
    });
  const { createElasticsearchClient } = await import('../index/elasticsearch-client.ts');
  const { placed } = await import('../index/server-answer.ts');
  const client = createElasticsearchClient(target);
  try {
    return await work({ client, target, indexName });
  } catch (error) {
    throw error instanceof WeirError ? placed(error, client.address) : error;
  } finally {
    await client.close();
  }
}
