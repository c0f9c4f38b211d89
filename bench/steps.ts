// What each further step costs per document: the same rows without it and with it, in turns, so that other work on the machine
// costs both the same. A line as soon as a step is measured. Run: npx tsx bench/steps.ts [seconds for each step]

import { createDocumentLane, createPipeline, type Pipeline } from '../src/enrich/pipeline.ts';
import { stepCatalog } from '../src/enrich/step-catalog.ts';
import { toTestBatch } from '../src/enrich/test-record.ts';
import type { FieldValue, Row } from '../src/model/record.ts';
import type { RecordBatch } from '../src/model/record-batch.ts';
import { silentLogger } from '../src/telemetry/logger.ts';

/** By the clock on the wall: all steps within a minute, also on a machine with other work. */
const msPerStep = 1000 * Number(process.argv[2] ?? 1.5);
const minRounds = 5;
const rowsPerBatch = 990;

/** Steps with options with which they have something to do. */
const steps: readonly (readonly [name: string, options: unknown, title?: string])[] = Object.entries({
  anonymize: { key: '1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202' },
  applications: { vendor: 'fortinet', names: { 'fortinet__0..10': 'Skype' }, servers: { '8.8.8.8:53': 'dns' } },
  asn: {},
  'community-id': {},
  dedupe: {},
  direction: {},
  drop: { when: 'flow.dst_port in [53, 853] and flow.src_addr in 192.0.2.0/24 and not exists flow.vlan' },
  fields: { set: { 'labels.site': 'Boston' } },
  geoip: {},
  hostname: { dns: false, names: { '10.0.0.7': 'laptop', '192.0.2.1': 'core' } },
  interfaces: { names: { '192.0.2.1': { 1: 'uplink', 2: 'lan', 3: 'dmz' } } },
  keep: { when: 'flow.src_addr in 10.0.0.0/8' },
  locality: {},
  lookup: {
    by: 'flow.src_addr',
    table: { '10.0.0.0/8': 'Boston', '10.0.1.0/24': 'Vienna' },
    set: { 'labels.site': 'value' },
  },
  oui: {},
  reputation: { labels: { '1.0.0.0/8': 'scanner', '8.8.8.8': 'dns' } },
  sample: { one_in: 10, when: 'flow.dst_port = 1' },
  sampling: { default: { '192.0.2.0/24': 100 } },
  server: {},
  services: {},
  split: {},
  'vlan-names': { names: { 10: 'office', 11: 'guests' } },
});

/** Options that cost otherwise: what the remarks of the steps say. */
const others: typeof steps = [
  ['anonymize', { truncate: {} }, 'anonymize: { truncate: {} }'],
  ['asn', { prefer: 'exporter' }, 'asn: { prefer: exporter }'],
  ['fields', { set: { 'labels.site': 'Boston', 'labels.rack': 'r1' } }, 'fields: { set: two labels }'],
  ['sample', { one_in: 2 }, 'sample: { one_in: 2 }, per document that is stored'],
];

let state = 0x9e3779b9;
function integer(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return Math.floor(((state >>> 0) / 2 ** 32) * below);
}

const template = toTestBatch({
  protocol: 'ipfix',
  fields: {
    sourceIPv4Address: '10.0.0.1',
    destinationIPv4Address: '192.0.2.1',
    sourceTransportPort: 0,
    destinationTransportPort: 0,
    protocolIdentifier: 6,
    octetDeltaCount: 0,
    packetDeltaCount: 0,
    ingressInterface: 0,
    egressInterface: 0,
    vlanId: 0,
    sourceMacAddress: '00:00:0c:00:00:01',
    destinationMacAddress: '00:00:0c:00:00:02',
    applicationId: '0000000a',
    flowStartMilliseconds: 0,
    flowEndMilliseconds: 0,
    bgpSourceAsNumber: 0,
    bgpDestinationAsNumber: 0,
  },
});

function toRow(): Row {
  const endMs = template.sets[0]!.header.exportedAtMs - integer(30_000);
  const values: FieldValue[] = [
    0x0a000000 + integer(4000),
    0x01000000 + Math.floor(0xde000000 * (integer(30_000) / 30_000)),
    32_768 + integer(28_000),
    [443, 80, 53, 22][integer(4)]!,
    [6, 17][integer(2)]!,
    integer(100_000),
    1 + integer(100),
    1 + integer(8),
    1 + integer(8),
    10 + integer(4),
    0x00000c000000 + integer(200),
    0x38b8eb100000 + integer(200),
    ['0000000a', '0d0001c5'][integer(2)]!,
    endMs - integer(30_000),
    endMs,
    64_512 + integer(4),
    [15_169, 13_335, 3320, 16_509][integer(4)]!,
  ];
  return values;
}

function toBatch(number: number): RecordBatch {
  const header = template.sets[0]!.header;
  return {
    ...template,
    id: `bench-${number}`,
    recordCount: rowsPerBatch,
    sets: Array.from({ length: rowsPerBatch / 30 }, () => ({
      layout: 0,
      header,
      rows: Array.from({ length: 30 }, toRow),
    })),
  };
}

const batches = Array.from({ length: 3 }, (_, number) => toBatch(number));
const lane = createDocumentLane();

/** µs of CPU per document. */
function run(pipeline: Pipeline): number {
  const before = process.cpuUsage();
  for (const batch of batches) pipeline.toDocuments(batch, lane);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (batches.length * rowsPerBatch);
}

const without = createPipeline({ steps: [] });
for (let i = 0; i < 20; i++) run(without);

async function measure(title: string, pipeline: Pipeline, said?: number): Promise<void> {
  // Kept addresses and compiled code, as in a worker that has been up for a second.
  const startedMs = performance.now();
  for (let i = 0; i < 3 || performance.now() - startedMs < msPerStep / 4; i++) run(pipeline);
  const differences: number[] = [];
  while (differences.length < minRounds || performance.now() - startedMs < msPerStep)
    differences.push(-run(without) + run(pipeline));
  differences.sort((a, b) => a - b);
  const median = differences[Math.floor(differences.length / 2)]!;
  const documented = said === undefined ? '' : `, docs/steps.md says ${said}`;
  console.log(`${title}: ${median.toFixed(2)} µs per document${documented} (${differences.length} rounds)`);
  await pipeline.close();
}

// The same against itself: what is not in the file costs nothing, and how far a figure may be off on this machine.
await measure('no step', createPipeline({ steps: [] }));
for (const [name, given, title] of [...steps, ...others]) {
  const definition = stepCatalog.find((step) => step.name === name);
  if (definition === undefined) throw new Error(`no step ${name}`);
  const step = await definition.create(definition.options.parse(given), { folder: '.', logger: silentLogger });
  const said = title === undefined ? definition.cost.microseconds : undefined;
  await measure(title ?? name, createPipeline({ steps: [{ name, step }] }), said);
}
