// Writes index-templates/weir-flow.json from the table of document fields, the tables below and data/ecs-aliases.tsv:
// `npx tsx scripts/generate-index-template.ts`. Each setting's reason: docs/decisions/0033.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { documentFieldNames } from '../src/enrich/document-fields.ts';
import { readTsv } from '../src/enrich/protocol-names.ts';
import { type FieldType, typeOfField } from '../src/enrich/stored-field.ts';

export const indexTemplateFile = fileURLToPath(new URL('../index-templates/weir-flow.json', import.meta.url));

/** Goes up with each change, and test/index/template-versions.json with it: a server keeps the template of the same or a newer version. */
const templateVersion = 7;

interface Mapping {
  readonly type?: string;
  readonly properties?: Record<string, Mapping>;
  readonly [parameter: string]: unknown;
}

const types: Readonly<Record<FieldType, string>> = {
  number: 'long',
  text: 'keyword',
  address: 'ip',
  boolean: 'boolean',
  time: 'date',
  place: 'geo_point',
};

/** Where ElastiFlow's index has another type than the value suggests. */
const otherTypes: Readonly<Record<string, string>> = {
  'event.host': 'keyword',
  'flow.input_snmp': 'keyword',
  'flow.output_snmp': 'keyword',
};

/** Beside the table of document fields: what every document has, ElastiFlow's list of failures, which users add to, and the bulk writer's note. */
const headTypes: Readonly<Record<string, string>> = {
  '@version': 'keyword',
  tags: 'keyword',
  'weir.dropped_fields': 'keyword',
};

/** What Cisco's AVC and ntop's probes say of the quality of a TCP connection. */
const tcpMeasurements = [
  'cisco_avc_client_retrans_packets',
  'cisco_avc_server_retrans_packets',
  'ntop_client_nw_latency_ms',
  'ntop_retrans_in_packets',
  'ntop_retrans_out_packets',
  'ntop_server_nw_latency_ms',
];

/** Of the types below, those whose values dashboards look for. */
const searched: ReadonlySet<string> = new Set([
  'ipfix.firewallEvent',
  'ipfix.forwardingStatus',
  'ipfix.natEvent',
  'netflow.forwarding_status.status',
  'netflow.fw_event',
  'netflow.natEvent',
  'sflow.output_interface_format',
]);

/** What exporters send so often, or what dashboards ask for, that it has its type from the start. */
const leftoverTypes: Readonly<Record<string, string>> = {
  ...ofType('netflow', 'long', [
    'dst_as',
    'engine_id',
    'engine_type',
    'flow_end_msec',
    'flow_records',
    'flow_seq_num',
    'flow_start_msec',
    'flowset_id',
    'forwarding_status.reason',
    'forwarding_status.status',
    'in_bytes',
    'in_pkts',
    'out_bytes',
    'out_pkts',
    'sampling_algorithm',
    'src_as',
    'version',
  ]),
  ...ofType('netflow', 'long', ['fw_event', 'natEvent', ...tcpMeasurements]),
  ...ofType('ipfix', 'long', ['firewallEvent', 'forwardingStatus', 'natEvent', ...tcpMeasurements]),
  ...ofType('netflow', 'date', ['event_time_msec', 'first_switched', 'last_switched', ...timesOf('netflow')]),
  ...ofType('ipfix', 'long', ['flowEndReason', 'flowset_id', 'octetDeltaCount', 'packetDeltaCount', 'version']),
  ...ofType('ipfix', 'date', timesOf('ipfix')),
  ...ofType('netflow', 'keyword', ['cisco_fw_event']),
  ...ofType('ipfix', 'keyword', ['userName', 'ziften_agent_guid', 'ziften_hostname', 'ziften_platform']),
  ...ofType('sflow', 'long', [
    'drops',
    'frame_length',
    'ip_ttl',
    'output_interface_format',
    'source_id_index',
    'sub_agent_id',
  ]),
  ...ofType('sflow', 'keyword', ['discard_reason', 'sflow_type', 'source_id_type']),
};

/**
 * Doc values only: dashboards count, sum and sort by them, nobody looks for one of their values. What is asked for by value (addresses,
 * ports, names, places, bytes, packets) has an index.
 */
const unsearched: ReadonlySet<string> = new Set([
  '@version',
  'flow.dst_mask_len',
  'flow.src_mask_len',
  'flow.sampling_flow_interval',
  'flow.sampling_interval',
  'flow.split_part',
  'flow.split_parts',
  ...Object.entries(leftoverTypes).flatMap(([path, type]) => (type === 'keyword' || searched.has(path) ? [] : [path])),
]);

function ofType(object: string, type: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`${object}.${name}`, type]));
}

function timesOf(object: 'netflow' | 'ipfix'): string[] {
  return ['flowStart', 'flowEnd'].flatMap((end) =>
    ['Seconds', 'Milliseconds', 'Microseconds', 'Nanoseconds']
      // NetFlow's times in milliseconds are numbers in ElastiFlow's index, under other names.
      .filter((unit) => object === 'ipfix' || unit !== 'Milliseconds')
      .map((unit) => end + unit),
  );
}

function mappingOf(path: string, type: string): Mapping {
  return {
    type,
    ...(type === 'keyword' && { ignore_above: 256 }),
    ...(unsearched.has(path) && { index: false }),
  };
}

/** Stored path → mapping, aliases included. */
export function toFieldMappings(): ReadonlyMap<string, Mapping> {
  const fields = new Map<string, Mapping>();
  for (const [path, type] of Object.entries({ ...headTypes, ...leftoverTypes }))
    fields.set(path, mappingOf(path, type));
  for (const path of documentFieldNames())
    fields.set(path, mappingOf(path, otherTypes[path] ?? types[typeOfField(path)]));
  for (const [alias = '', path = ''] of readTsv('ecs-aliases.tsv')) {
    if (!fields.has(path)) throw new Error(`data/ecs-aliases.tsv: ${alias} stands for ${path}, which is no field`);
    fields.set(alias, { type: 'alias', path });
  }
  return fields;
}

/** Objects with fields that nobody could list before: labels of users, and what exporters send beside what is known. */
const openObjects: Readonly<Record<string, Record<string, Mapping>>> = {
  labels: {},
  ...Object.fromEntries(
    // src/enrich/field-budget.ts writes what is beyond its budget there: kept, not indexed.
    ['netflow', 'ipfix', 'sflow'].map((object) => [object, { unindexed: { type: 'object', enabled: false } }]),
  ),
};

function toProperties(): Record<string, Mapping> {
  const root: Record<string, Mapping> = {};
  for (const [name, properties] of Object.entries(openObjects)) root[name] = { dynamic: true, properties };
  for (const [path, mapping] of [...toFieldMappings()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const names = path.split('.');
    let properties = root;
    for (const name of names.slice(0, -1)) {
      properties[name] ??= { properties: {} };
      properties = properties[name].properties!;
    }
    properties[names.at(-1)!] = mapping;
  }
  return root;
}

const keyword = { type: 'keyword', ignore_above: 256 };

/** For what is in no table. None of them can make Elasticsearch refuse a document: what a type does not take is ignored. */
const leftoverRules = [
  { labels: { path_match: 'labels.*', mapping: keyword } },
  // A name that is an object in one document and a text in another would cost documents; objects have no fields that dashboards know.
  { objects: { match_mapping_type: 'object', mapping: { type: 'object', enabled: false } } },
  { ipv4: { match: '*IPv4Address', match_mapping_type: 'string', mapping: { type: 'ip' } } },
  { ipv6: { match: '*IPv6Address', match_mapping_type: 'string', mapping: { type: 'ip' } } },
  {
    times: {
      match: '^.*[Ss]econds$',
      match_pattern: 'regex',
      match_mapping_type: 'string',
      mapping: { type: 'date' },
    },
  },
  { text: { match_mapping_type: 'string', mapping: keyword } },
  // A boolean field refuses what is neither true nor false, and knows no ignore_malformed.
  { flags: { match_mapping_type: 'boolean', mapping: keyword } },
  { fractions: { match_mapping_type: 'double', mapping: { type: 'double' } } },
];

export function toIndexTemplate(): string {
  const template = {
    version: templateVersion,
    index_patterns: ['weir-flow-*'],
    settings: {
      index: {
        number_of_shards: 1,
        auto_expand_replicas: '0-1',
        refresh_interval: '10s',
        codec: 'best_compression',
        'sort.field': ['flow.server_addr', 'flow.service_name'],
        'mapping.ignore_malformed': true,
        'mapping.total_fields.limit': 5000,
      },
    },
    mappings: {
      dynamic: false,
      date_detection: false,
      numeric_detection: false,
      dynamic_templates: leftoverRules,
      properties: toProperties(),
    },
  };
  return `${toTemplateText(template)}\n`;
}

/** Two spaces a level; what has no object inside and fits, on one line. */
export function toTemplateText(value: unknown, indent = ''): string {
  const line = JSON.stringify(value)
    ?.replaceAll('":', '": ')
    .replaceAll(',"', ', "')
    .replace(/^\{(.+)\}$/, '{ $1 }');
  const isFlat = typeof value !== 'object' || !Object.values(value ?? {}).some((child) => typeof child === 'object');
  if (isFlat || (Array.isArray(value) && value.every((item) => typeof item !== 'object'))) return line;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const members = Array.isArray(value)
    ? value.map((item) => inner + toTemplateText(item, inner))
    : Object.entries(value as object).map(
        ([name, child]) => `${inner}${JSON.stringify(name)}: ${toTemplateText(child, inner)}`,
      );
  return `${open}\n${members.join(',\n')}\n${indent}${close}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(indexTemplateFile, toIndexTemplate());
