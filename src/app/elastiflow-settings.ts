// What ElastiFlow 3.5 (and 4.0) could be told, and what becomes of it in weir: one row each in docs/migrating.md.

export interface ElastiflowVariable {
  /** Without `ELASTIFLOW_`. */
  readonly name: string;
  readonly preset: string;
  readonly becomes: string;
}

const perInput = ['NETFLOW', 'IPFIX', 'SFLOW'] as const;

const none = 'nothing: ';

export const elastiflowVariables: readonly ElastiflowVariable[] = [
  ...(
    [
      ['NETFLOW_IPV4', '0.0.0.0', '2055', 'udp'],
      ['NETFLOW_IPV6', '[::]', '52055', 'udp'],
      ['IPFIX_TCP_IPV4', '0.0.0.0', '4739', 'tcp'],
      ['IPFIX_TCP_IPV6', '[::]', '54739', 'tcp'],
      ['IPFIX_UDP_IPV4', '0.0.0.0', '4739', 'udp'],
      ['IPFIX_UDP_IPV6', '[::]', '54739', 'udp'],
      ['SFLOW_IPV4', '0.0.0.0', '6343', 'udp'],
      ['SFLOW_IPV6', '[::]', '56343', 'udp'],
    ] as const
  ).flatMap(([input, host, port, scheme]) => {
    const only = input.endsWith('IPV6') ? ', where the input was switched on (it was off)' : '';
    return [
      { name: `${input}_HOST`, preset: host, becomes: `the address in \`listen: ${scheme}://…\`${only}` },
      { name: `${input}_PORT`, preset: port, becomes: `the port in \`listen: ${scheme}://…\`${only}` },
    ];
  }),
  ...perInput.flatMap((input) => [
    {
      name: `${input}_UDP_WORKERS`,
      preset: '4',
      becomes: `${none}one process decodes a million records a second`,
    },
    {
      name: `${input}_UDP_QUEUE_SIZE`,
      preset: '4096',
      becomes: `${none}\`queue.memory\` bounds what waits, in bytes`,
    },
    {
      name: `${input}_UDP_RCV_BUFF`,
      preset: '33554432',
      becomes: '`collect.receive_buffer`, the largest of the three',
    },
  ]),
  { name: 'DICT_PATH', preset: '/etc/logstash/elastiflow/dictionaries', becomes: `${none}each step names its file` },
  {
    name: 'DEFINITION_PATH',
    preset: '/etc/logstash/elastiflow/definitions',
    becomes: `${none}\`decode\` names the files`,
  },
  {
    name: 'TEMPLATE_PATH',
    preset: '/etc/logstash/elastiflow/templates',
    becomes: `${none}weir has its own index template`,
  },
  {
    name: 'GEOIP_DB_PATH',
    preset: '/etc/logstash/elastiflow/geoipdbs',
    becomes: `${none}\`geoip\` and \`asn\` name the files`,
  },
  {
    name: 'USER_SETTINGS_PATH',
    preset: '/etc/logstash/elastiflow/user_settings',
    becomes: `${none}each step names its file`,
  },
  { name: 'GEOIP_CACHE_SIZE', preset: '8192', becomes: `${none}addresses are kept with all that is known of them` },
  { name: 'GEOIP_LOOKUP', preset: 'true', becomes: 'the step `geoip`; `false`: left out' },
  { name: 'ASN_LOOKUP', preset: 'true', becomes: 'the step `asn`; `false`: left out' },
  { name: 'OUI_LOOKUP', preset: 'false', becomes: 'the step `oui`, where it is `true`' },
  {
    name: 'KEEP_ORIG_DATA',
    preset: 'true',
    becomes: `${none}the fields under \`netflow\`, \`ipfix\` and \`sflow\` are always stored`,
  },
  {
    name: 'DEFAULT_APPID_SRCTYPE',
    preset: '__UNKNOWN',
    becomes: '`applications: { vendor: … }`, unless it is `__UNKNOWN`',
  },
  { name: 'RESOLVE_IP2HOST', preset: 'false', becomes: '`hostname: { of: … }`: `true` is `both`; `false`: left out' },
  { name: 'NAMESERVER', preset: '127.0.0.1', becomes: '`hostname: { nameserver: … }`' },
  {
    name: 'DNS_HIT_CACHE_SIZE',
    preset: '25000',
    becomes: '`hostname: { found_entries: … }`, where it is not the default, which is the same',
  },
  {
    name: 'DNS_HIT_CACHE_TTL',
    preset: '900',
    becomes: '`hostname: { found_age: … }`, where it is not the default, which is the same',
  },
  {
    name: 'DNS_FAILED_CACHE_SIZE',
    preset: '75000',
    becomes: '`hostname: { failed_entries: … }`, where it is not the default, which is the same',
  },
  {
    name: 'DNS_FAILED_CACHE_TTL',
    preset: '3600',
    becomes: '`hostname: { failed_age: … }`, where it is not the default, which is the same',
  },
  {
    name: 'NETFLOW_LASTSW_TIMESTAMP',
    preset: 'false',
    becomes: `${none}\`@timestamp\` is the export time; \`netflow.last_switched\` has the other`,
  },
  { name: 'NETFLOW_TZ', preset: 'UTC', becomes: `${none}times are UTC, Kibana shows them in the reader’s zone` },
  { name: 'AGENT_ID', preset: 'elastiflow', becomes: `${none}\`event.host\` and \`node.ipaddr\` say who sent a flow` },
  { name: 'POPULATE_LOGS', preset: 'true', becomes: `${none}fields for Kibana’s Logs app are not written` },
  { name: 'ES_HOST', preset: '127.0.0.1:9200', becomes: '`index.elasticsearch.nodes`' },
  ...[1, 2, 3].map((number) => ({
    name: `ES_HOST_${number}`,
    preset: `127.0.0.${number}:9200`,
    becomes: '`index.elasticsearch.nodes`, where the output to several nodes was switched on',
  })),
  { name: 'ES_USER', preset: 'elastic', becomes: '`index.elasticsearch.username`, as a variable' },
  {
    name: 'ES_PASSWD',
    preset: 'changeme',
    becomes: '`index.elasticsearch.password`, as a variable: it is not copied into the file',
  },
  { name: 'ES_SSL_ENABLE', preset: 'false', becomes: '`https://` in `index.elasticsearch.nodes`' },
  {
    name: 'ES_SSL_VERIFY',
    preset: 'false',
    becomes: `${none}certificates are always checked; name your authority in \`index.elasticsearch.ca_file\``,
  },
];

export interface ElastiflowFile {
  readonly name: string;
  readonly becomes: string;
}

/** Dictionaries, definitions and databases that are looked for, by name, in whatever folder. */
export const elastiflowFiles: readonly ElastiflowFile[] = [
  { name: 'ifName.yml', becomes: '`interfaces: { file: … }`, which reads the file as it is' },
  { name: 'sampling_interval.yml', becomes: '`sampling: { default: … }`' },
  { name: 'app_id.srctype.yml', becomes: '`applications: { vendor_file: … }`, which reads the file as it is' },
  { name: 'app_id.yml', becomes: '`applications: { file: … }`, which reads the file as it is' },
  { name: 'applications.yml', becomes: '`applications: { servers_file: … }`, which reads the file as it is' },
  { name: 'ip_rep_basic.yml', becomes: '`reputation: { lists: … }`, which reads the file as it is' },
  { name: 'ip_rep_whitelist.yml', becomes: '`reputation: { allow_file: … }`, where there is a list of labels' },
  { name: 'ipfix.yml', becomes: '`decode.ipfix_definitions`, which reads the file as it is' },
  { name: 'netflow.yml', becomes: '`decode.netflow_definitions`, which reads the file as it is' },
  { name: 'netflow_riverbed.yml', becomes: '`decode.netflow_definitions`, where there is no `netflow.yml`' },
  { name: 'GeoLite2-City.mmdb', becomes: '`geoip: { database: … }`' },
  { name: 'GeoLite2-ASN.mmdb', becomes: '`asn: { database: … }`' },
  {
    name: 'iana_service_names_tcp.yml',
    becomes: `${none}weir has IANA’s registry; names of your own: \`services: { names: … }\``,
  },
  { name: 'iana_service_names_udp.yml', becomes: `${none}see \`iana_service_names_tcp.yml\`` },
  { name: 'iana_service_names_sctp.yml', becomes: `${none}see \`iana_service_names_tcp.yml\`` },
  { name: 'iana_service_names_dccp.yml', becomes: `${none}see \`iana_service_names_tcp.yml\`` },
  {
    name: 'sonicwall_app_id.yml',
    becomes: `${none}\`flow.application\` has the number, unless the exporter sends the name`,
  },
  { name: 'sophos_app_id.yml', becomes: `${none}see \`sonicwall_app_id.yml\`` },
  { name: 'sflow_header_protocol.yml', becomes: `${none}\`sflow.protocol\` is not written (docs/fields.md)` },
  { name: 'sflow_source_id_type.yml', becomes: `${none}the names are built in` },
  { name: 'riverbed_fe_type.yml', becomes: `${none}the number is stored` },
  { name: 'riverbed_passthru_reason.yml', becomes: `${none}the number is stored` },
  { name: 'riverbed_wan_visibility.yml', becomes: `${none}the number is stored` },
  ...[
    'barracuda_log_op.yml',
    'barracuda_traffic_type.yml',
    'cisco_fw_event_ext.yml',
    'cisco_fw_level.yml',
    'cisco_l4r_event.yml',
    'cisco_waas_passthru_reason.yml',
    'fw_event.yml',
    'tcp_flags.yml',
  ].map((name) => ({ name, becomes: `${none}ElastiFlow did not use it either` })),
  { name: 'ieee_oui.yml', becomes: `${none}the step \`oui\` has its own registry` },
];
