// A template with the settings, explicit fields and one dynamic rule per path of ElastiFlow 3.5.1's: what the index is compared with.

import { readFileSync } from 'node:fs';
import type { Mapping, Template } from './template.ts';

/** One shard without replica, as the index that it is compared with. */
export function elastiflowTemplate(): Template {
  const rows = readFileSync(new URL('elastiflow-fields.tsv', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t') as [path: string, type: string, how: string]);
  const properties: Record<string, Mapping> = {};
  for (const [path, type, how] of rows) {
    if (how !== 'explicit') continue;
    const [object = '', name] = path.split('.');
    if (name === undefined) properties[object] = { type };
    else {
      properties[object] ??= { properties: {} };
      properties[object] = { properties: { ...properties[object].properties, [name]: { type } } };
    }
  }
  return {
    settings: {
      index: {
        number_of_shards: 1,
        number_of_replicas: 0,
        refresh_interval: '10s',
        codec: 'best_compression',
        'mapping.total_fields.limit': 5000,
      },
    },
    mappings: {
      numeric_detection: true,
      dynamic_templates: [
        ...rows
          .filter(([, , how]) => how === 'rule')
          .map(([path, type]) => ({ [path]: { path_match: path, mapping: { type } } })),
        { string_fields: { match_mapping_type: 'string', match: '*', mapping: { type: 'keyword' } } },
      ],
      properties,
    },
  };
}
