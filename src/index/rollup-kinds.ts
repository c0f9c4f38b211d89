// What rollups are made by: of each kind the largest parts of an interval, the rest as one part, and what has no value.

export interface RollupKind {
  /** `rollup.kind` of its documents. */
  readonly name: string;
  /** By what flows are told apart; fields with one value in a document, so that the parts sum up to the whole. */
  readonly fields: readonly [string] | readonly [string, string];
  /** Parts kept of an interval, as a multiple of `rollups.top`. */
  readonly topFactor: number;
  /** All parts are read page by page, then the largest are kept: for two fields, and where a part counts more than its size. */
  readonly isPaged: boolean;
}

export const rollupKinds: readonly RollupKind[] = [
  { name: 'exporters', fields: ['node.hostname'], topFactor: 20, isPaged: true },
  { name: 'input_interfaces', fields: ['node.hostname', 'flow.input_ifname'], topFactor: 10, isPaged: true },
  { name: 'output_interfaces', fields: ['node.hostname', 'flow.output_ifname'], topFactor: 10, isPaged: true },
  largest('clients', 'flow.client_hostname'),
  largest('servers', 'flow.server_hostname'),
  largest('services', 'flow.service_name'),
  largest('applications', 'flow.application'),
  largest('protocols', 'flow.ip_protocol'),
  largest('source_as', 'flow.src_autonomous_system'),
  largest('destination_as', 'flow.dst_autonomous_system'),
  largest('client_countries', 'flow.client_country'),
  largest('server_countries', 'flow.server_country'),
];

function largest(name: string, field: string): RollupKind {
  return { name, fields: [field], topFactor: 1, isPaged: false };
}

/** The one document of an interval that has all flows: written last, it says that the others are there. */
export const totalKind = 'total';

/** The value of the last field of a kind in the document that has the rest. */
export const otherValue = '(other)';
