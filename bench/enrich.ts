// Documents per second of the enrich stage alone: rows of records → NDJSON bytes, without and with the steps of pipelines/flow.yml.
// Outer addresses: 30,000, the popular ones more often (Zipf). Run: npx tsx bench/enrich.ts [seconds]

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openPipeline } from '../src/app/steps.ts';
import { createDocumentLane } from '../src/enrich/pipeline.ts';
import { readPipelineFile } from '../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../src/enrich/step-catalog.ts';
import { toTestBatch } from '../src/enrich/test-record.ts';
import type { FieldValue, Protocol, Row } from '../src/model/record.ts';
import type { RecordBatch } from '../src/model/record-batch.ts';
import { silentLogger } from '../src/telemetry/logger.ts';

const outerAddresses = 30_000;
const rowsPerBatch = 990;
/** Datagrams of NetFlow hold about 30 records; a sample of sFlow is a set of its own. */
const rowsPerSet = (protocol: Protocol): number => (protocol === 'sflow5' ? 1 : 30);
const batches = 40;
const seconds = Number(process.argv[2] ?? 5);

/** The same numbers in each run (xorshift). */
function createRandom(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const random = createRandom();
const integer = (below: number): number => Math.floor(random() * below);
const outer = Array.from({ length: outerAddresses }, () => 0x01000000 + integer(0xde000000));

/** Rank r comes about 1/r as often as the first. */
function popular(): number {
  return outer[Math.floor(outerAddresses ** random()) - 1] ?? outer[0]!;
}

const ports = [443, 443, 443, 80, 53, 22, 3478, 8443];
const common = {
  sourceIPv4Address: '10.0.0.1',
  destinationIPv4Address: '192.0.2.1',
  ingressInterface: 0,
  egressInterface: 0,
  packetDeltaCount: 0,
  octetDeltaCount: 0,
  sourceTransportPort: 0,
  destinationTransportPort: 0,
  tcpControlBits: 0,
  protocolIdentifier: 0,
  ipClassOfService: 0,
  ipNextHopIPv4Address: '0.0.0.0',
  bgpSourceAsNumber: 0,
  bgpDestinationAsNumber: 0,
  sourceIPv4PrefixLength: 0,
  destinationIPv4PrefixLength: 0,
};
const uptimes = { flowStartSysUpTime: 0, flowEndSysUpTime: 0 };
const times = { flowStartMilliseconds: 0, flowEndMilliseconds: 0 };

function toBatch(protocol: Protocol, number: number): RecordBatch {
  const exportedAtMs = Date.UTC(2026, 0, 1) + number * 50;
  const uptime = 500_000_000;
  const batch = toTestBatch({
    protocol,
    fields: { ...common, ...(protocol === 'sflow5' ? {} : protocol === 'ipfix' ? times : uptimes) },
    header: {
      exportedAtMs,
      sysUptimeMs: uptime,
      ...(protocol === 'netflow5' && {
        v5: { count: 30, engineType: 0, engineId: 0, samplingMode: 0, samplingInterval: 0 },
      }),
      ...(protocol === 'sflow5' && {
        sflow: { agent: '10.0.0.1', sampleType: 'flow_sample', sampleSequence: 0, sourceIdType: 0, sourceIdIndex: 1 },
      }),
    },
  });
  const header = batch.sets[0]!.header;
  const toRow = (): Row => {
    const packets = 1 + integer(200);
    const isOutward = random() < 0.5;
    const inner = 0x0a000000 + integer(4000);
    const there = popular();
    const high = 32_768 + integer(28_000);
    const low = ports[integer(ports.length)]!;
    const protocolNumber = low === 53 || low === 3478 ? 17 : 6;
    const row: FieldValue[] = [
      isOutward ? inner : there,
      isOutward ? there : inner,
      1 + integer(8),
      1 + integer(8),
      packets,
      packets * (60 + integer(1400)),
      isOutward ? high : low,
      isOutward ? low : high,
      protocolNumber === 6 ? 16 + integer(16) : 0,
      protocolNumber,
      0,
      0x0a000001,
      0,
      0,
      16,
      0,
    ];
    const last = integer(60_000);
    const first = last + integer(60_000);
    if (protocol !== 'sflow5')
      row.push(
        ...(protocol === 'ipfix' ? [exportedAtMs - first, exportedAtMs - last] : [uptime - first, uptime - last]),
      );
    return row;
  };
  return {
    ...batch,
    id: `bench-${number}`,
    recordCount: rowsPerBatch,
    sets: Array.from({ length: rowsPerBatch / rowsPerSet(protocol) }, (_, sequence) => ({
      layout: 0,
      header: { ...header, sequence },
      rows: Array.from({ length: rowsPerSet(protocol) }, toRow),
    })),
  };
}

const path = fileURLToPath(new URL('../pipelines/flow.yml', import.meta.url));
/** The file that weir runs when it is given no other. */
const shipped = readPipelineFile(readFileSync(path, 'utf8'), { path, environment: {}, stepDefinitions: stepCatalog });

const netflow: readonly Protocol[] = ['netflow5', 'netflow9', 'ipfix'];
const µs = (value: number): string => `${value.toFixed(2)} µs (${Math.round(1e6 / value).toLocaleString('en')}/s)`;
for (const [title, steps, protocols] of [
  ['NetFlow without steps', [], netflow],
  ['NetFlow with the shipped steps', shipped.steps, netflow],
  ['sFlow with the shipped steps', shipped.steps, ['sflow5']],
] as const) {
  const input = Array.from({ length: batches }, (_, i) => toBatch(protocols[i % protocols.length]!, i));
  const pipeline = await openPipeline({ ...shipped, steps }, { logger: silentLogger });
  const lane = createDocumentLane();
  let documents = 0;
  let bytes = 0;
  for (const batch of input) pipeline.toDocuments(batch, lane);
  // The averages are those of the whole run, with all that the compiler and the garbage collector do, on the main thread and
  // beside it. On a machine with other work they tell of that, too; the fastest tenth of the batches says what the code costs.
  const costs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; performance.now() - start < seconds * 1000; i++) {
    const before = performance.now();
    const made = pipeline.toDocuments(input[i % input.length]!, lane);
    costs.push(((performance.now() - before) * 1000) / made.count);
    documents += made.count;
    bytes += made.bytes.length;
  }
  const wall = ((performance.now() - start) * 1000) / documents;
  const { user, system } = process.cpuUsage(cpuBefore);
  costs.sort((a, b) => a - b);
  console.log(
    `${title}, per document: average of the run ${µs((user + system) / documents)} CPU, ${µs(wall)} wall; ` +
      `median batch ${µs(costs[Math.floor(costs.length / 2)]!)}, fastest tenth ${µs(costs[Math.floor(costs.length / 10)]!)}; ` +
      `${documents.toLocaleString('en')} documents of ${Math.round(bytes / documents)} bytes, ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MB resident`,
  );
  await pipeline.close();
}
