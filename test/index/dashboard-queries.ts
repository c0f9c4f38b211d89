// The searches that the panels of ElastiFlow 3.5's 19 dashboards send, one for each kind of panel and field.

export interface DashboardQuery {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Documents that make it say something. */
  readonly on?: 'threats' | 'ziften';
  /** Runs a script, which a server without Painless can't. */
  readonly isScripted?: boolean;
}

type Aggregations = Readonly<Record<string, unknown>>;

const bytes = { bytes: { sum: { field: 'flow.bytes' } } };
const packets = { packets: { sum: { field: 'flow.packets' } } };
const exists = (field: string) => ({ exists: { field } });
const notPrivate = (field: string) => ({ bool: { must_not: [{ match_phrase: { [field]: 'private' } }] } });

/** Nested terms, the largest first. */
function terms(fields: readonly (readonly [field: string, size: number])[], metrics: Aggregations): Aggregations {
  const [[field, size], ...inner] = fields as [readonly [string, number], ...(readonly [string, number])[]];
  const first = Object.keys(metrics)[0] ?? '_count';
  return {
    groups: {
      terms: { field, size, order: { [first]: 'desc' } },
      aggs: { ...metrics, ...(inner.length > 0 && terms(inner, metrics)) },
    },
  };
}

function series(field: string, metrics: Aggregations): Aggregations {
  const histogram = { times: { date_histogram: { field: '@timestamp', fixed_interval: '1m' }, aggs: metrics } };
  return { groups: { terms: { field, size: 100, order: { _count: 'desc' } }, aggs: histogram } };
}

function query(name: string, aggs: Aggregations, filter: readonly object[] = []): DashboardQuery {
  return { name, body: { size: 0, query: { bool: { filter: [exists('@timestamp'), ...filter] } }, aggs } };
}

const flow = (name: string): string => `flow.${name}`;
const hosts = ['client_hostname', 'server_hostname', 'src_hostname', 'dst_hostname'].map(flow);
const systems = ['src_autonomous_system', 'dst_autonomous_system'].map(flow);
const attributes = [
  ...['service_name', 'application', 'ip_protocol', 'vlan', 'tos', 'tcp_flags', 'traffic_locality'],
  ...['autonomous_system', 'country', 'city'],
].map(flow);
const places = ['client', 'server', 'src', 'dst'].map((side) => `flow.${side}_geo_location`);
const ziften = ['ipfix.userName', 'flow.application', 'ipfix.ziften_platform'];

/** Of the panels that say something about every flow. */
const flowQueries: readonly DashboardQuery[] = [
  ...['event.type', 'node.hostname', 'flow.input_ifname', 'flow.output_ifname'].map((field) =>
    query(`choose a ${field}`, terms([[field, 50]], {})),
  ),
  query('services by bytes', terms([['flow.service_name', 50]], bytes)),
  query('autonomous systems by bytes', terms([['flow.autonomous_system', 50]], bytes)),
  query(
    'protocols of IP versions',
    terms(
      [
        ['flow.ip_version', 10],
        ['flow.ip_protocol', 50],
      ],
      bytes,
    ),
  ),
  query(
    'clients of servers',
    terms(
      [
        ['flow.server_hostname', 25],
        ['flow.client_hostname', 25],
      ],
      bytes,
    ),
  ),
  query(
    'sources of destinations',
    terms(
      [
        ['flow.dst_hostname', 50],
        ['flow.src_hostname', 50],
      ],
      {},
    ),
  ),
  query(
    'top conversations',
    terms(
      [
        ['flow.client_hostname', 50],
        ['flow.server_hostname', 25],
        ['flow.service_name', 10],
      ],
      { ...bytes, ...packets },
    ),
  ),
  query(
    'services of applications',
    terms(
      [
        ['flow.application', 499],
        ['flow.service_name', 10],
      ],
      { ...bytes, ...packets },
    ),
  ),
  ...['flow.client_hostname', 'flow.server_hostname', 'flow.service_name', 'flow.ip_protocol'].map((field) =>
    query(`table of ${field}`, terms([[field, 499]], { ...bytes, ...packets })),
  ),
  ...hosts.flatMap((field) => [
    query(`${field} by bytes`, terms([[field, 50]], bytes)),
    query(`${field} by packets`, terms([[field, 50]], packets)),
    query(`${field} by records`, terms([[field, 50]], {})),
  ]),
  ...systems.flatMap((field) => [
    query(`${field} by bytes`, terms([[field, 50]], bytes), [notPrivate(field)]),
    query(`${field} by packets`, terms([[field, 50]], packets), [notPrivate(field)]),
    query(`${field} by time`, series(field, bytes), [notPrivate(field)]),
  ]),
  ...attributes.flatMap((field) => [
    query(`${field} by records`, terms([[field, 50]], {})),
    query(`number of ${field}`, { number: { cardinality: { field } } }),
    query(`${field}, bytes by time`, series(field, bytes)),
    query(`${field}, packets by time`, series(field, packets)),
  ]),
  ...['flow.client_hostname', 'flow.server_hostname', 'flow.input_ifname', 'flow.output_ifname'].map((field) =>
    query(`${field}, bytes by time`, series(field, bytes)),
  ),
  query('ports of destinations', terms([['flow.dst_port_name', 50]], {})),
  query('kinds of records by time', series('event.type', {})),
  ...places.map((field) => query(`map of ${field}`, { map: { geohash_grid: { field, precision: 3 } } })),
  ...[
    ['flow.client_hostname', 'flow.server_hostname'],
    ['flow.src_hostname', 'flow.dst_hostname'],
    ['flow.src_autonomous_system', 'flow.dst_autonomous_system'],
  ].map((pair) => {
    const sources = pair.map((field) => ({ [field]: { terms: { field } } }));
    return query(`${pair.join(' to ')}`, { pairs: { composite: { size: 1000, sources }, aggs: bytes } });
  }),
  {
    name: 'the newest flow records',
    body: {
      size: 500,
      sort: [{ '@timestamp': 'desc' }],
      docvalue_fields: ['flow.src_port_name', 'flow.dst_port_name', 'flow.client_hostname', 'flow.service_name'],
    },
  },
];

const threatQueries: readonly DashboardQuery[] = [
  query('labels', terms([['flow.rep_tags', 30]], {}), [exists('flow.rep_tags')]),
  query('labels by time', series('flow.rep_tags', {}), [exists('flow.rep_tags')]),
  query(
    'public threats',
    terms(
      [
        ['flow.client_hostname', 99],
        ['flow.client_addr', 10],
      ],
      {},
    ),
    [exists('flow.client_rep_tags')],
  ),
  query(
    'high-risk clients',
    terms(
      [
        ['flow.client_hostname', 99],
        ['flow.client_addr', 10],
      ],
      {},
    ),
    [exists('flow.server_rep_tags')],
  ),
  query(
    'at-risk servers',
    terms(
      [
        ['flow.server_hostname', 99],
        ['flow.server_addr', 10],
      ],
      {},
    ),
    [{ query_string: { query: '_exists_: flow.client_rep_tags AND flow.server_autonomous_system: private' } }],
  ),
].map((threat) => ({ ...threat, on: 'threats' as const }));

const scriptQuery: DashboardQuery = {
  ...query('at-risk servers that were called', terms([['flow.server_hostname', 99]], {}), [
    { script: { script: { source: "doc['flow.server_addr'].value == doc['flow.dst_addr'].value" } } },
  ]),
  isScripted: true,
};

const ziftenQueries: readonly DashboardQuery[] = ziften.map((field) => ({
  ...query(`${field} of agents`, terms([[field, 49]], bytes), [exists('ipfix.ziften_agent_guid')]),
  on: 'ziften' as const,
}));

export const dashboardQueries: readonly DashboardQuery[] = [
  ...flowQueries,
  ...threatQueries,
  scriptQuery,
  ...ziftenQueries,
];
