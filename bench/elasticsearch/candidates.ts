// Templates to compare: one like ElastiFlow's, ours, and ours with one setting changed, for the reasons in docs/decisions/0033.

import type { LoadOptions } from './bench-server.ts';
import { elastiflowTemplate } from './elastiflow-template.ts';
import { type Template, weirTemplate, withFields, withSettings } from './template.ts';

export interface Candidate {
  readonly name: string;
  readonly template: Template;
  readonly documents: 'weir' | 'elastiflow';
  readonly load: LoadOptions;
}

const documentsPerRequest = 2000;

/** Logstash's default for pipeline.batch.size, which ElastiFlow leaves as it is: the most documents that one request has. */
const logstashBatch = 125;

/** ElastiFlow's template and documents, and for the rest as kind as can be: requests as large as weir's, one shard. */
export function elastiflow(): Candidate {
  return {
    name: "ElastiFlow's",
    template: elastiflowTemplate(),
    documents: 'elastiflow',
    load: { ids: 'its own', documentsPerRequest },
  };
}

/** As it is shipped, but for the replica. */
export function elastiflowAsShipped(): Candidate {
  return {
    name: "ElastiFlow's as shipped: 3 shards, 125 documents a request",
    template: withSettings(elastiflowTemplate(), { number_of_shards: 3 }),
    documents: 'elastiflow',
    load: { ids: 'its own', documentsPerRequest: logstashBatch },
  };
}

export function weir(): Candidate {
  return { name: "weir's", template: weirTemplate(), documents: 'weir', load: { ids: 'ours', documentsPerRequest } };
}

/** The first is the one that the others are compared with. */
export function candidatesOfSettings(): readonly Candidate[] {
  const own = weirTemplate();
  const variant = (name: string, template: Template): Candidate => ({ ...weir(), name, template });
  const settings = (name: string, index: Readonly<Record<string, unknown>>): Candidate =>
    variant(name, withSettings(own, index));
  const sorted = (...fields: readonly string[]): Candidate =>
    settings(`sorted by ${fields.join(', ')}`, { 'sort.field': fields, 'sort.order': undefined });
  return [
    weir(),
    elastiflow(),
    { ...weir(), name: 'ids of the server', load: { ids: 'its own', documentsPerRequest } },
    settings('codec default', { codec: 'default' }),
    settings('not sorted', { 'sort.field': undefined, 'sort.order': undefined }),
    sorted('flow.autonomous_system', 'flow.service_name'),
    sorted('flow.server_addr', 'flow.src_addr', 'flow.service_name'),
    settings('refreshed every 30 s', { refresh_interval: '30s' }),
    settings('translog async', { 'translog.durability': 'async' }),
    settings('wider merges', { 'merge.policy.segments_per_tier': 24, 'merge.policy.max_merge_at_once': 24 }),
    variant(
      'everything searched',
      withFields(own, (_, mapping) => ({ ...mapping, ...(mapping['index'] === false && { index: true }) })),
    ),
  ];
}
