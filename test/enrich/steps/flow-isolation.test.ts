// A flow's document depends on that flow alone: whatever came before it through the same pipeline, it is the one that a new
// pipeline makes. For each step, with options that have something to do, and all of them in a row.

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { loadFieldMap } from '../../../src/enrich/field-map.ts';
import { createPipeline, type NamedStep } from '../../../src/enrich/pipeline.ts';
import { stepCatalog } from '../../../src/enrich/step-catalog.ts';
import { toTestBatch } from '../../../src/enrich/test-record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

const optionsOf: Readonly<Record<string, unknown>> = {
  anonymize: { truncate: {} },
  applications: { vendor: 'fortinet', names: { 'fortinet__0..10': 'Skype' }, servers: { '8.8.8.8:53': 'dns' } },
  asn: { prefer: 'exporter' },
  'community-id': {},
  direction: { interfaces: { '192.0.2.1': { external: [1] } } },
  drop: { when: 'flow.dst_port = 22' },
  fields: {
    when: 'flow.dst_port = 53 or exists flow.vlan',
    copy: { 'flow.vlan': 'labels.vlan', 'flow.src_addr': 'flow.next_hop' },
    rename: { 'flow.application': 'labels.app' },
    set: { 'labels.a': `\${flow.dst_port}`, 'flow.dst_addr': '192.0.2.99', 'flow.tos': 7, 'node.hostname': 'core' },
    remove: ['flow.ip_protocol', 'flow.input_ifname', 'flow.src_geo_location'],
  },
  geoip: {},
  hostname: { dns: false, names: { '10.0.0.1': 'laptop', '192.0.2.1': 'core' } },
  interfaces: { names: { '192.0.2.1': { 1: 'uplink' } } },
  keep: { when: 'not exists flow.vlan or flow.vlan < 5' },
  locality: { networks: { '10.0.0.0/8': { name: 'hq', tags: ['a'] } } },
  lookup: {
    by: 'flow.src_addr',
    table: { '10.0.0.0/8': { site: 'Boston', vlan: 9 } },
    set: { 'labels.site': 'site', 'flow.vlan': 'vlan' },
  },
  oui: {},
  reputation: { labels: { '8.8.8.8': 'dns' } },
  sample: { one_in: 2 },
  sampling: { default: { '192.0.2.0/24': 10 } },
  // What it learns of other flows is what the default method is for.
  server: { method: 'elastiflow' },
  services: { names: { 'tcp/22': 'shell' } },
  split: { over: '1m' },
  'vlan-names': { names: { 1: 'office' } },
};

/** Compares with the flows before, and is meant to. */
const remembering = ['dedupe'];

const closers: (() => Promise<void> | undefined)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

async function open(name: string): Promise<NamedStep> {
  const definition = stepCatalog.find((step) => step.name === name);
  if (definition === undefined) throw new Error(`no step ${name}`);
  const step = await definition.create(definition.options.parse(optionsOf[name]), {
    folder: '.',
    logger: silentLogger,
  });
  closers.push(async () => step.close?.());
  return { name, step };
}

const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const record = fc
  .record({
    sourceIPv4Address: maybe(fc.constantFrom('10.0.0.1', '8.8.8.8', '127.0.0.1', '198.51.100.7')),
    destinationIPv4Address: maybe(fc.constantFrom('10.0.0.1', '8.8.8.8', '1.1.1.1')),
    sourceTransportPort: maybe(fc.constantFrom(0, 22, 53, 443, 40_001)),
    destinationTransportPort: maybe(fc.constantFrom(0, 22, 53, 443, 40_002)),
    protocolIdentifier: maybe(fc.constantFrom(1, 6, 17, 47)),
    tcpControlBits: maybe(fc.constantFrom(0, 2, 18)),
    octetDeltaCount: maybe(fc.constantFrom(0, 1500, '9007199254740993')),
    packetDeltaCount: maybe(fc.constantFrom(0, 3)),
    ingressInterface: maybe(fc.constantFrom(0, 1, 2)),
    egressInterface: maybe(fc.constantFrom(1, 7)),
    vlanId: maybe(fc.constantFrom(0, 1, 9)),
    sourceMacAddress: maybe(fc.constantFrom('00:00:0c:12:34:56', '02:42:ac:11:00:02')),
    applicationName: maybe(fc.constantFrom('ssl', 'dns')),
    applicationId: maybe(fc.constantFrom('0000000a', '0d0001c5')),
    ipNextHopIPv4Address: maybe(fc.constantFrom('192.0.2.254')),
    bgpSourceAsNumber: maybe(fc.constantFrom(0, 13335, 64_500)),
    samplingInterval: maybe(fc.constantFrom(0, 100)),
    flowDirection: maybe(fc.constantFrom(0, 1)),
    icmpTypeCodeIPv4: maybe(fc.constantFrom(0, 2048)),
    flowStartMilliseconds: maybe(fc.constantFrom(Date.UTC(2025, 11, 31, 23, 50), Date.UTC(2025, 11, 31, 23, 59, 59))),
    flowEndMilliseconds: maybe(fc.constant(Date.UTC(2026, 0, 1) - 500)),
    exporterIPv4Address: maybe(fc.constantFrom('192.0.2.1', '192.0.2.2')),
  })
  .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));

const lane = createDocumentLane();
/** Made for each flow: not as large as for a network. */
const small = { fieldMap: loadFieldMap(), maxAddresses: 16, maxLayouts: 4 };

function textOf(pipeline: ReturnType<typeof createPipeline>, fields: Readonly<Record<string, unknown>>): string {
  const batch = toTestBatch({ protocol: 'ipfix', fields, header: { exportedAtMs: Date.UTC(2026, 0, 1) } });
  const { bytes, ends, count } = pipeline.toDocuments(batch, lane);
  return bytes.toString('utf8', 0, count === 0 ? 0 : ends[count - 1]);
}

function expectAlone(together: readonly NamedStep[], alone: readonly NamedStep[]): void {
  const shared = createPipeline({ steps: together, ...small });
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 5 }), (records) => {
      for (const fields of records)
        expect(textOf(shared, fields)).toBe(textOf(createPipeline({ steps: alone, ...small }), fields));
    }),
    { numRuns: 15 },
  );
}

const names = stepCatalog.map(({ name }) => name).filter((name) => !remembering.includes(name));

describe('a document is the same, whatever flows came before it, with', () => {
  test('options for each step', () => {
    expect(Object.keys(optionsOf).toSorted()).toEqual(names.toSorted());
  });

  test.each(names)('%s', async (name) => {
    expectAlone([await open(name)], [await open(name)]);
  });

  test('all steps in a row', async () => {
    const both = async () => {
      const steps: NamedStep[] = [];
      for (const name of names) steps.push(await open(name));
      return steps;
    };
    expectAlone(await both(), await both());
  });
});
