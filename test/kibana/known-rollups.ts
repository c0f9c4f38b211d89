// The hour of the known flows as sums: what rollups of it must be, worked out by plain arithmetic, and how they are made for real.

import { createElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { createRollupLease } from '../../src/index/rollup-lease.ts';
import { createRollups } from '../../src/index/rollups.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import type { KnownDocument } from './known-document.ts';
import { knownFlows, rangeFromMs, rangeToMs } from './known-flows.ts';

const top = 50;
const dayMs = 86_400_000;

const kinds: Readonly<Record<string, { readonly fields: readonly string[]; readonly kept: number }>> = {
  total: { fields: [], kept: 1 },
  exporters: { fields: ['node.hostname'], kept: 20 * top },
  input_interfaces: { fields: ['node.hostname', 'flow.input_ifname'], kept: 10 * top },
  output_interfaces: { fields: ['node.hostname', 'flow.output_ifname'], kept: 10 * top },
  clients: { fields: ['flow.client_hostname'], kept: top },
  servers: { fields: ['flow.server_hostname'], kept: top },
  services: { fields: ['flow.service_name'], kept: top },
  applications: { fields: ['flow.application'], kept: top },
  protocols: { fields: ['flow.ip_protocol'], kept: top },
  source_as: { fields: ['flow.src_autonomous_system'], kept: top },
  destination_as: { fields: ['flow.dst_autonomous_system'], kept: top },
  client_countries: { fields: ['flow.client_country'], kept: top },
  server_countries: { fields: ['flow.server_country'], kept: top },
};

export const knownRollups: readonly KnownDocument[] = Object.keys(kinds).flatMap(toKnown);

interface Sum {
  readonly values: readonly (string | undefined)[];
  bytes: number;
  packets: number;
  flows: number;
}

function toKnown(kind: string): KnownDocument[] {
  const { fields, kept } = kinds[kind]!;
  const sums = new Map<string, Sum>();
  for (const { stored } of knownFlows.filter(({ atMs }) => atMs >= rangeFromMs && atMs < rangeToMs)) {
    const values = fields.map((field) => stored[field] as string | undefined);
    const key = JSON.stringify(values);
    const sum = sums.get(key) ?? { values, bytes: 0, packets: 0, flows: 0 };
    sums.set(key, sum);
    sum.bytes += Number(stored['flow.bytes'] ?? 0);
    sum.packets += Number(stored['flow.packets'] ?? 0);
    sum.flows += 1;
  }
  const named = [...sums.values()]
    .filter(({ values }) => values.length !== 1 || values[0] !== undefined)
    .sort((a, b) => b.bytes - a.bytes || (a.values.join('\n') < b.values.join('\n') ? -1 : 1));
  const other: Sum = {
    values: fields.map((_, at) => (at === fields.length - 1 ? '(other)' : undefined)),
    bytes: 0,
    packets: 0,
    flows: 0,
  };
  for (const { bytes, packets, flows } of named.splice(kept)) {
    other.bytes += bytes;
    other.packets += packets;
    other.flows += flows;
  }
  const none = [...sums.values()].filter(({ values }) => values.length === 1 && values[0] === undefined);
  return [...named, ...(other.flows > 0 ? [other] : []), ...none].map(({ values, bytes, packets, flows }) => ({
    atMs: rangeFromMs,
    stored: {
      'rollup.kind': kind,
      'rollup.flows': flows,
      'flow.bytes': bytes,
      'flow.packets': packets,
      ...Object.fromEntries(fields.flatMap((field, at) => (values[at] === undefined ? [] : [[field, values[at]]]))),
    },
  }));
}

/** Of the flows in `weir-flow-*`, as weir makes them an hour later. */
export async function makeKnownRollups(url: string): Promise<void> {
  const client = createElasticsearchClient({ nodes: [url] });
  const now = (): number => rangeToMs + 3_600_000;
  const rollups = createRollups({
    client,
    pattern: 'weir-flow-*',
    of: 'weir-flow',
    lease: createRollupLease({ client, of: 'weir-flow', holder: 'test', now }),
    keepMinutesMs: 30 * dayMs,
    keepHoursMs: 730 * dayMs,
    top,
    delayMs: 120_000,
    pauseFactor: 0,
    logger: silentLogger,
    now,
  });
  await rollups.tend(Number.POSITIVE_INFINITY, AbortSignal.timeout(120_000));
  await client.close();
}
