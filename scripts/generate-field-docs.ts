// Writes docs/fields.md from the table of document fields, the index template, the field map and the steps:
// `npx tsx scripts/generate-field-docs.ts`.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { documentFieldNames } from '../src/enrich/document-fields.ts';
import { type FieldMap, loadFieldMap, type ObjectName } from '../src/enrich/field-map.ts';
import { stepCatalog } from '../src/enrich/step-catalog.ts';
import { unindexedName } from '../src/enrich/stored-columns.ts';

export const fieldDocsFile = fileURLToPath(new URL('../docs/fields.md', import.meta.url));

/** What a number counts; a field that is not here has no unit. */
const units: Readonly<Record<string, string>> = {
  '@timestamp': 'UTC',
  'flow.bytes': 'bytes',
  'flow.packets': 'packets',
  'flow.sampling_interval': '1 of so many packets',
  'flow.src_mask_len': 'bits',
  'flow.dst_mask_len': 'bits',
  'flow.tos': 'the whole octet',
  'flow.src_geo_location': 'degrees',
  'flow.dst_geo_location': 'degrees',
  'flow.client_geo_location': 'degrees',
  'flow.server_geo_location': 'degrees',
};

/** Fields that neither the field map nor a step fills. */
const otherOrigins: Readonly<Record<string, string>> = {
  '@timestamp': 'export time of the header; sFlow has none: time of reception',
  '@version': 'constant: the version of ElastiFlow whose documents these are',
  'event.host': 'source address of the datagram',
  'event.type': 'the protocol',
  'node.ipaddr': 'source address of the datagram, or the agent of sFlow, unless the record names another',
  'node.hostname': '`node.ipaddr` until a step knows a name',
  'weir.dropped_fields':
    'names of fields that Elasticsearch did not take; their values are in `weir.dropped_values`, in `_source` only',
};

/** Fields that a side has as soon as it has an address, and that follow it into its role. */
const addressOrigin = 'the address, until a step knows a name';

/** What ElastiFlow 3.5.1 could write and weir does not, or not so. The test compares the list with all of its fields. */
export const elastiflowDifferences: Readonly<Record<string, string>> = {
  tags: 'told failures of ElastiFlow’s filters; weir counts faults and logs them (docs/errors.md)',
  'netflow.mpls_label_stack_octets.label':
    'element 201 is the length of the label stack (IANA), and stored as that number; labels are stored as hex: `netflow.mpls_label_1` … `_10`',
  'netflow.mpls_label_stack_octets.experimental': 'see `netflow.mpls_label_stack_octets.label`',
  'netflow.mpls_label_stack_octets.bottom_of_stack': 'see `netflow.mpls_label_stack_octets.label`',
  'netflow.mpls_label_stack_octets.ttl': 'see `netflow.mpls_label_stack_octets.label`',
  'netflow.scope_system': 'a scope of options data, which tells of the exporter and is no flow: not indexed',
  'netflow.riverbed_cfe_tcp_port_name': 'the number is stored; the step `services` names only the ports of the flow',
  'netflow.riverbed_sfe_tcp_port_name': 'see `netflow.riverbed_cfe_tcp_port_name`',
  'netflow.riverbed_outer_tcp_port_name': 'see `netflow.riverbed_cfe_tcp_port_name`',
  'sflow.dst_mac': 'moved to `flow.dst_mac`, for all forms of samples',
  'sflow.src_mac': 'moved to `flow.src_mac`, for all forms of samples',
  'sflow.input_interface_value': 'moved to `flow.input_snmp`, for all forms of samples',
  'sflow.output_interface_value': 'moved to `flow.output_snmp`, for all forms of samples',
  'sflow.ip_flags':
    'the bits that forbid or announce fragments are not kept; the offset is: `sflow.ip_fragment_offset`',
  'sflow.ip_packet_length': 'stored as `sflow.ip_total_length` (IPv4), `sflow.ip_payload_length` (IPv6)',
  'sflow.ip_priority': 'the traffic class is `flow.tos`, and `sflow.ip_dscp` and `sflow.ip_ecn`',
  'sflow.ip_type': 'the protocol is `flow.ip_protocol`',
  'sflow.packet_length': 'the length of the sampled frame is `sflow.frame_length`',
  'sflow.protocol':
    'the kind of the sampled header; told by what was found in it (`sflow.eth_type`, `flow.ip_version`)',
  'sflow.tcp_urgent_pointer': 'of TCP’s header only ports and flags are kept',
  'sflow.tcp_window_size': 'see `sflow.tcp_urgent_pointer`',
  'sflow.vlan_cfi': 'of the VLAN tag only number and priority are kept',
  'sflow.vlan_type': 'see `sflow.vlan_cfi`',
};

/** ElastiFlow 3.5.1's fields that documents have under the same name in another form, or moved. The test sends each over the wire. */
export const elastiflowForms: Readonly<Record<string, string>> = Object.fromEntries(
  (
    [
      [
        'a time, as text in UTC; ElastiFlow stored the number',
        [
          'netflow.collectionTimeMilliseconds',
          'netflow.maxExportSeconds',
          'netflow.maxFlowEndMicroseconds',
          'netflow.maxFlowEndMilliseconds',
          'netflow.maxFlowEndNanoseconds',
          'netflow.maxFlowEndSeconds',
          'netflow.minExportSeconds',
          'netflow.minFlowStartMicroseconds',
          'netflow.minFlowStartMilliseconds',
          'netflow.minFlowStartNanoseconds',
          'netflow.minFlowStartSeconds',
          'netflow.monitoringIntervalEndMilliSeconds',
          'netflow.monitoringIntervalStartMilliSeconds',
          'netflow.observationTimeMicroseconds',
          'netflow.observationTimeNanoseconds',
          'netflow.observationTimeSeconds',
          'netflow.systemInitTimeMilliseconds',
          'ipfix.collectionTimeMilliseconds',
          'ipfix.maxExportSeconds',
          'ipfix.maxFlowEndMicroseconds',
          'ipfix.maxFlowEndMilliseconds',
          'ipfix.maxFlowEndNanoseconds',
          'ipfix.maxFlowEndSeconds',
          'ipfix.minExportSeconds',
          'ipfix.minFlowStartMicroseconds',
          'ipfix.minFlowStartMilliseconds',
          'ipfix.minFlowStartNanoseconds',
          'ipfix.minFlowStartSeconds',
          'ipfix.monitoringIntervalEndMilliSeconds',
          'ipfix.monitoringIntervalStartMilliSeconds',
          'ipfix.observationTimeMicroseconds',
          'ipfix.observationTimeMilliseconds',
          'ipfix.observationTimeNanoseconds',
          'ipfix.observationTimeSeconds',
          'ipfix.reverseCollectionTimeMilliseconds',
          'ipfix.reverseFlowEndMicroseconds',
          'ipfix.reverseFlowEndMilliseconds',
          'ipfix.reverseFlowEndNanoseconds',
          'ipfix.reverseFlowEndSeconds',
          'ipfix.reverseFlowStartMicroseconds',
          'ipfix.reverseFlowStartMilliseconds',
          'ipfix.reverseFlowStartNanoseconds',
          'ipfix.reverseFlowStartSeconds',
          'ipfix.reverseMaxExportSeconds',
          'ipfix.reverseMaxFlowEndMicroseconds',
          'ipfix.reverseMaxFlowEndMilliseconds',
          'ipfix.reverseMaxFlowEndNanoseconds',
          'ipfix.reverseMaxFlowEndSeconds',
          'ipfix.reverseMinExportSeconds',
          'ipfix.reverseMinFlowStartMicroseconds',
          'ipfix.reverseMinFlowStartMilliseconds',
          'ipfix.reverseMinFlowStartNanoseconds',
          'ipfix.reverseMinFlowStartSeconds',
          'ipfix.reverseMonitoringIntervalEndMilliSeconds',
          'ipfix.reverseMonitoringIntervalStartMilliSeconds',
          'ipfix.reverseObservationTimeMicroseconds',
          'ipfix.reverseObservationTimeMilliseconds',
          'ipfix.reverseObservationTimeNanoseconds',
          'ipfix.reverseObservationTimeSeconds',
          'ipfix.reverseSystemInitTimeMilliseconds',
          'ipfix.systemInitTimeMilliseconds',
        ],
      ],
      [
        'a truth value, stored as true or false; ElastiFlow stored the number that was sent, 1 or 2 (RFC 7011)',
        [
          'netflow.dataRecordsReliability',
          'netflow.dot1qCustomerDEI',
          'netflow.dot1qDEI',
          'netflow.hashDigestOutput',
          'ipfix.dataRecordsReliability',
          'ipfix.dot1qCustomerDEI',
          'ipfix.dot1qDEI',
          'ipfix.hashDigestOutput',
          'ipfix.reverseDataRecordsReliability',
          'ipfix.reverseDot1qCustomerDEI',
          'ipfix.reverseDot1qDEI',
          'ipfix.reverseHashDigestOutput',
        ],
      ],
      [
        'the number that was sent; ElastiFlow put its word there, by a dictionary',
        ['netflow.riverbed_fe_type', 'netflow.riverbed_passthru_reason', 'netflow.riverbed_wan_visibility'],
      ],
      [
        'the number that was sent, as in ElastiFlow’s documents; its index took it for a word (`keyword`)',
        [
          'netflow.cisco_fw_event',
          'netflow.cisco_fw_ext_event',
          'ipfix.cert_ndpi_l7_sub_proto',
          'ipfix.cisco_fw_event',
          'ipfix.cisco_fw_ext_event',
        ],
      ],
      [
        'text, as in ElastiFlow’s documents; its index expected a number',
        [
          'ipfix.cert_rtsp_jitter',
          'ipfix.cert_rtsp_packets_rcv',
          'ipfix.cert_sip_content_len',
          'ipfix.cert_sip_max_forwards',
          'ipfix.cert_smtp_size',
          'ipfix.netscaler_unk_319',
          'ipfix.netscaler_unk_475',
          'ipfix.netscaler_unk_479',
        ],
      ],
      [
        'octets without a fixed length, stored as hex; ElastiFlow stored them as they came, and its index expected a number',
        [
          'netflow.cisco_eta_idp_old',
          'netflow.cisco_eta_slpt_old',
          'ipfix.cisco_eta_idp_old',
          'ipfix.cisco_eta_slpt_old',
          'ipfix.reverseVirtualStationInterfaceId',
        ],
      ],
      [
        '`flow.vlan` has it; where another element fills that, both are stored, and this one under its own name',
        ['netflow.dot1qVlanId', 'ipfix.dot1qVlanId', 'ipfix.postVlanId'],
      ],
      [
        '`flow.tos` has it; where another element fills that, both are stored, and this one under its own name',
        ['netflow.ipPrecedence', 'netflow.ip_dscp', 'ipfix.postIpClassOfService'],
      ],
      [
        '`flow.input_snmp` has it; where another element fills that, both are stored, and this one under its own name',
        ['netflow.ingressPhysicalInterface'],
      ],
      [
        '`flow.output_snmp` has it; where another element fills that, both are stored, and this one under its own name',
        ['netflow.egressPhysicalInterface'],
      ],
      [
        '`flow.src_mac` has it; where another element fills that, both are stored, and this one under its own name',
        ['ipfix.postSourceMacAddress'],
      ],
      [
        '`flow.dst_mac` has it; where another element fills that, both are stored, and this one under its own name',
        ['ipfix.postDestinationMacAddress'],
      ],
      [
        '`flow.sampling_interval` has it; where another element fills that, both are stored, and this one under its own name',
        [
          'netflow.flow_sampler_random_interval',
          'netflow.samplingFlowInterval',
          'ipfix.samplerRandomInterval',
          'ipfix.samplingInterval',
        ],
      ],
      [
        'an end point of the flow: `flow.client_addr` or `flow.server_addr`, and `flow.src_addr` or `flow.dst_addr`',
        [
          'ipfix.cisco_avc_client_ipv4_addr',
          'ipfix.cisco_avc_client_ipv6_addr',
          'ipfix.cisco_avc_server_ipv4_addr',
          'ipfix.cisco_avc_server_ipv6_addr',
        ],
      ],
      ['sent as text, stored so; ElastiFlow read an address', ['netflow.ntop_sip_c_ip']],
      [
        'the number of the community, as in ElastiFlow’s documents; its index expected an address',
        ['netflow.cisco_avc_bgp_community', 'ipfix.cisco_avc_bgp_community'],
      ],
      [
        'a fraction, as in ElastiFlow’s documents; its index made a whole number of it',
        ['ipfix.reverseSamplingProbability'],
      ],
      ['a MAC address, as in ElastiFlow’s documents; its index expected a number', ['ipfix.sonic_if_stat_mac']],
    ] as const
  ).flatMap(([why, paths]) => paths.map((path) => [path, why])),
);

/** Fields that stand in the header of each datagram or set. */
export const headerFields: Readonly<Record<ObjectName, readonly string[]>> = {
  netflow: ['version', 'flow_seq_num', 'flowset_id', 'engine_type', 'engine_id', 'sampling_algorithm', 'flow_records'],
  ipfix: ['version', 'flowset_id'],
  sflow: ['sflow_type', 'sub_agent_id', 'source_id_type', 'source_id_index'],
};

interface Mapping {
  readonly type?: string;
  readonly path?: string;
  readonly index?: boolean;
  readonly properties?: Readonly<Record<string, Mapping>>;
}

interface Mapped {
  readonly type: string;
  /** Aliases: the field that they stand for. */
  readonly path: string | undefined;
  /** False: counted and summed, not searched. */
  readonly isSearched: boolean;
}

/** Path → type, as the index template has them. */
export function readMappedTypes(): ReadonlyMap<string, Mapped> {
  const file = new URL('../index-templates/weir-flow.json', import.meta.url);
  const template = JSON.parse(readFileSync(file, 'utf8')) as { readonly mappings: Mapping };
  return new Map(walk(template.mappings, ''));
}

function walk({ properties = {} }: Mapping, prefix: string): [string, Mapped][] {
  return Object.entries(properties).flatMap(([name, mapping]) =>
    mapping.properties === undefined
      ? [[prefix + name, { type: mapping.type ?? '', path: mapping.path, isSearched: mapping.index !== false }]]
      : walk(mapping, `${prefix}${name}.`),
  );
}

/** Where each value comes from: record fields, steps, or a sentence. Empty: nobody knows, which the test forbids. */
export function originOf(path: string, fieldMap: FieldMap): string {
  const elements = new Set<string>();
  for (const { fields } of Object.values(fieldMap.protocols)) {
    for (const { add, constant, per } of fields.get(path) ?? []) {
      for (const name of add) elements.add(`\`${name}\``);
      if (per !== undefined) elements.add(`\`${per}\``);
      if (constant !== undefined && add.length === 0 && per === undefined)
        elements.add(`${constant} where there is no field`);
    }
  }
  const steps = stepCatalog.filter(({ writes }) => writes.includes(path)).map(({ name }) => `\`${name}\``);
  const side = /^flow\.(?:src|dst)_hostname$/.test(path) ? addressOrigin : undefined;
  return [
    otherOrigins[path] ?? side ?? '',
    [...elements].join(', '),
    steps.length === 0 ? '' : `step${steps.length === 1 ? '' : 's'} ${steps.join(', ')}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

export function toFieldDocs(): string {
  const types = readMappedTypes();
  const fieldMap = loadFieldMap();
  const aliases = new Map<string, string[]>();
  for (const [alias, { type, path }] of types) {
    if (type === 'alias' && path !== undefined) aliases.set(path, [...(aliases.get(path) ?? []), alias]);
  }
  const row = (path: string, origin: string) => {
    const { type = 'by value', isSearched = true } = types.get(path) ?? {};
    const ecs = (aliases.get(path) ?? []).map((alias) => `\`${alias}\``).join(', ');
    return `| \`${path}\` | ${type}${isSearched ? '' : ', values only'} | ${units[path] ?? ''} | ${origin} | ${ecs} |`;
  };
  const head = ['| field | type | unit | origin | ECS alias |', '|---|---|---|---|---|'];
  const paths = ['@version', 'weir.dropped_fields', ...documentFieldNames()].sort();
  const objects = (['netflow', 'ipfix', 'sflow'] as const).flatMap((object) => objectPaths(object, types));
  return `# Fields of a document

Generated by \`scripts/generate-field-docs.ts\` from \`src/enrich/document-fields.ts\`, \`data/field-map.yml\`,
\`index-templates/weir-flow.json\` and the steps. Names, forms and types are ElastiFlow 3.5.1's; [what differs](#what-elastiflow-had-and-weir-has-not)
is listed. A field that has no value is absent, never null.

- **Type**: as Elasticsearch is told; \`values only\`: it can be counted, summed, sorted by and asked for existence, not searched for a value
  ([0033](decisions/0033-what-an-index-is-told.md)). **Origin**: the record fields by their IANA names, the first that has a value counts; then the
  [steps](pipelines.md#steps) that fill or change it.
- **ECS alias**: names of the Elastic Common Schema for the same value (\`data/ecs-aliases.tsv\`): searches and dashboards may use either. The
  value stays as it is: \`network.transport\` is \`TCP\`, not \`tcp\`.
- \`client_*\`, \`server_*\` and \`service_*\` repeat the fields of the side that the step \`server\` chose.

## What weir makes of every flow

${[...head, ...paths.map((path) => row(path, originOf(path, fieldMap)))].join('\n')}

## What exporters send beside it

What no row above takes is stored in the object of the protocol: \`netflow\` (v5 and v9), \`ipfix\`, \`sflow\`. Counters that are added up or
multiplied stay there as they were sent. Names: IANA's, but where ElastiFlow had others (\`data/stored-names.tsv\`, \`data/vendor-elements.tsv\`);
an element without a name is \`<enterprise>_<id>\`, \`v9_<id>\` or \`iana_<id>\`. Bytes that do not fit the element's type are \`<name>_hex\`.
Elasticsearch takes those without a row here by their value: numbers as \`long\` or \`double\`, text and truth values as \`keyword\`, of which 256
characters are searched. An index learns 256 names from each weir process; fields with names beyond that are kept below \`unindexed\` of
the object, where nothing is searched, and their documents are counted ([0034](decisions/0034-a-budget-of-field-names.md)).

${[...head, ...objects.map(({ path, origin }) => row(path, origin))].join('\n')}

## What ElastiFlow had and weir has not

Of the fields that ElastiFlow 3.5.1's index template names, these could occur there and do not occur here. All the others do, under the same name.

| field | why |
|---|---|
${Object.entries(elastiflowDifferences)
  .map(([path, reason]) => `| \`${path}\` | ${reason} |`)
  .join('\n')}

These have another form, or another place:

| field | here |
|---|---|
${Object.entries(elastiflowForms)
  .map(([path, why]) => `| \`${path}\` | ${why} |`)
  .join('\n')}

Values differ where ElastiFlow's were wrong: numbers are numbers (\`flow.service_port\`, \`flow.server_asn\`, sFlow's), times of NetFlow v5 and v9 are
not a second late, a missing value is no literal \`%{…}\`, options data makes no documents, a value that both sides share is stored once.
`;
}

function objectPaths(
  object: ObjectName,
  types: ReadonlyMap<string, Mapped>,
): { readonly path: string; readonly origin: string }[] {
  const elementOf = new Map([...loadFieldMap().storedNames[object]].map(([element, name]) => [name, element]));
  const mapped = [...types.keys()].filter((path) => path.startsWith(`${object}.`));
  const header = headerFields[object].map((name) => `${object}.${name}`);
  return [...new Set([...header, ...mapped])].sort().map((path) => {
    const name = path.slice(object.length + 1);
    return {
      path,
      origin: originOfStored(object, name, elementOf),
    };
  });
}

function originOfStored(object: ObjectName, name: string, elementOf: ReadonlyMap<string, string>): string {
  if (headerFields[object].includes(name)) return 'header';
  if (name === unindexedName) return 'fields beyond the budget of names';
  // An object of two numbers, each with a field of its own.
  const [element = name] = name.split('.');
  return `\`${elementOf.get(element) ?? element}\``;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(fieldDocsFile, toFieldDocs());
