// Templates to compare: one like ElastiFlow's, ours, and ours with one setting changed, for the reasons in docs/decisions/0033.

import { elastiflowTemplate } from './elastiflow-template.ts';
import { type Template, weirTemplate, withFields, withSettings } from './template.ts';

export interface Candidate {
  readonly name: string;
  readonly template: Template;
  /** weir names its documents, so that each is there once; ElastiFlow let the server do it. */
  readonly ids: 'ours' | 'its own';
}

export function elastiflow(): Candidate {
  return { name: "like ElastiFlow's", template: elastiflowTemplate(), ids: 'its own' };
}

export function weir(): Candidate {
  return { name: "weir's", template: weirTemplate(), ids: 'ours' };
}

/** The first is the one that the others are compared with. */
export function candidatesOfSettings(): readonly Candidate[] {
  const own = weirTemplate();
  const variant = (name: string, template: Template): Candidate => ({ name, template, ids: 'ours' });
  const settings = (name: string, index: Readonly<Record<string, unknown>>): Candidate =>
    variant(name, withSettings(own, index));
  return [
    weir(),
    elastiflow(),
    { name: 'ids of the server', template: own, ids: 'its own' },
    settings('codec default', { codec: 'default' }),
    settings('not sorted', { 'sort.field': undefined, 'sort.order': undefined }),
    settings('sorted by AS, server address, service', {
      'sort.field': ['flow.autonomous_system', 'flow.server_addr', 'flow.service_name'],
      'sort.order': undefined,
    }),
    settings('refreshed every 30 s', { refresh_interval: '30s' }),
    settings('translog async', { 'translog.durability': 'async' }),
    settings('wider merges', { 'merge.policy.segments_per_tier': 24, 'merge.policy.max_merge_at_once': 24 }),
    variant(
      'everything searched',
      withFields(own, (_, mapping) => ({ ...mapping, ...(mapping['index'] === false && { index: true }) })),
    ),
  ];
}
