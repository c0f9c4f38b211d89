// Flows as documents, and what their rollups must be: plain sums, no Elasticsearch, nothing of the maker's.

export interface SummedFlow {
  readonly atMs: number;
  readonly exporter?: string;
  readonly client?: string;
  readonly server?: string;
  readonly service?: string;
  readonly input?: string;
  readonly sourceAs?: string;
  readonly bytes?: number;
  readonly packets?: number;
}

/** As weir stores it, of the fields that rollups are made by. */
export function toDocument(flow: SummedFlow): object {
  const { atMs, exporter, client, server, service, input, sourceAs, bytes, packets } = flow;
  return {
    '@timestamp': new Date(atMs).toISOString(),
    ...(exporter !== undefined && { node: { hostname: exporter } }),
    flow: {
      client_hostname: client,
      server_hostname: server,
      service_name: service,
      input_ifname: input,
      src_autonomous_system: sourceAs,
      bytes,
      packets,
    },
  };
}

export interface Part {
  readonly key: readonly (string | undefined)[];
  readonly flows: number;
  readonly bytes: number;
  readonly packets: number;
}

const keysOf: Readonly<Record<string, (flow: SummedFlow) => readonly (string | undefined)[]>> = {
  exporters: ({ exporter }) => [exporter],
  input_interfaces: ({ exporter, input }) => [exporter, input],
  clients: ({ client }) => [client],
  servers: ({ server }) => [server],
  services: ({ service }) => [service],
  source_as: ({ sourceAs }) => [sourceAs],
};

export const summedKinds = Object.keys(keysOf);

/** The largest `top` by bytes, of equal ones the first by name; the rest as "(other)"; flows without a value last. */
export function toParts(kind: string, flows: readonly SummedFlow[], top: number): Part[] {
  const groups = new Map<string, Part>();
  for (const flow of flows) {
    const key = keysOf[kind]!(flow);
    const name = JSON.stringify(key);
    groups.set(name, add(groups.get(name) ?? { key, ...nothing }, flow));
  }
  const isPair = kind === 'input_interfaces';
  const hasValue = ({ key }: Part) => isPair || kind === 'exporters' || key[0] !== undefined;
  const named = [...groups.values()]
    .filter(hasValue)
    .sort((a, b) => b.bytes - a.bytes || (a.key.join('\n') < b.key.join('\n') ? -1 : 1));
  const rest = named.slice(top).reduce(sum, { key: isPair ? [undefined, '(other)'] : ['(other)'], ...nothing });
  return [
    ...named.slice(0, top),
    ...(rest.flows > 0 ? [rest] : []),
    ...[...groups.values()].filter((group) => !hasValue(group)),
  ];
}

export function toTotal(flows: readonly SummedFlow[]): Part {
  return flows.reduce<Part>(add, { key: [], ...nothing });
}

const nothing = { flows: 0, bytes: 0, packets: 0 };

function add(part: Part, { bytes = 0, packets = 0 }: SummedFlow): Part {
  return { ...part, flows: part.flows + 1, bytes: part.bytes + bytes, packets: part.packets + packets };
}

function sum(a: Part, b: Part): Part {
  return { ...a, flows: a.flows + b.flows, bytes: a.bytes + b.bytes, packets: a.packets + b.packets };
}
