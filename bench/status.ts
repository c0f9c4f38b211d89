// What being watched costs at 50,000 flows/s, in CPU time per second, part by part: the hooks of the stages for a second's flows, a
// sample each 10 s, reports (every 5 s; of many exporters every 15 s) and the history every 10 s for one browser, live documents, a scrape every 15 s. With 5 and with
// 1,000 exporters. Run: npx tsx bench/status.ts [rounds]

import { createFlowObserver } from '../src/app/status/flow-observer.ts';
import { createStatus } from '../src/app/status/status.ts';
import { toEffectiveYaml } from '../src/enrich/effective-file.ts';
import type { PipelineFile } from '../src/enrich/pipeline-file.ts';
import { readPipelineFile } from '../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../src/enrich/step-catalog.ts';
import type { DocumentBatch } from '../src/model/document.ts';
import type { Layout, RecordHeader } from '../src/model/record.ts';
import type { RecordBatch } from '../src/model/record-batch.ts';
import { countDecoded, createLedger } from '../src/telemetry/ledger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { flowBatch } from '../test/index/document-batches.ts';

const flowsPerSecond = 50_000;
const recordsPerDatagram = 30;
const batchSize = 2000;
const rounds = Number(process.argv[2] ?? 10);

const layout: Layout = {
  id: 'bench',
  protocol: 'netflow9',
  kind: 'flow',
  columns: Array.from({ length: 20 }, (_, index) => ({ name: `column${index}`, type: 'number' as const })),
};
const row = layout.columns.map((_, index) => index);
const documents = flowBatch('bench', batchSize);
const pipelineFile: PipelineFile = readPipelineFile('name: bench\nsteps: []\n', {
  path: 'bench.yml',
  environment: {},
  stepDefinitions: stepCatalog,
});

function headerOf(exporter: number, nowMs: number): RecordHeader {
  const address = `10.0.${exporter >> 8}.${exporter & 255}`;
  return { exporter: address, domain: 0, setId: 256, receivedAtMs: nowMs, exportedAtMs: nowMs, sequence: 0 };
}

/** ms of CPU time per call. */
async function measure(calls: number, work: (call: number) => unknown): Promise<number> {
  for (let call = 0; call < calls / 2; call += 1) await work(call);
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call += 1) await work(call);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / calls;
}

async function measureAll(exporters: number): Promise<void> {
  let nowMs = 1_700_000_000_000;
  const now = () => nowMs;
  const ledger = createLedger();
  for (let number = 0; number < exporters; number += 1) {
    const counts = ledger.exporter(headerOf(number, nowMs).exporter);
    counts.datagramsReceived = 1;
    countDecoded(counts, 'netflow9', recordsPerDatagram);
  }
  const observations = createFlowObserver({ decodes: true, now, elapsedMs: () => performance.now() });
  const status = createStatus({
    part: 'run',
    version: '0',
    startedAtMs: nowMs,
    ledger,
    observations,
    readLevels: async () => ({ dataFiles: [] }),
    parts: () => undefined,
    pipelineFile,
    now,
  });
  const metrics = createMetrics({
    ledger,
    readLevels: async () => ({ dataFiles: [] }),
    version: '0',
    startedAtMs: nowMs,
    now,
  });
  status.start();
  status.stop();
  const datagrams = Math.round(flowsPerSecond / recordsPerDatagram);
  const batches = flowsPerSecond / batchSize;
  const sets = Array.from({ length: Math.ceil(batchSize / recordsPerDatagram) }, (_, index) => ({
    layout: 0,
    header: headerOf(index % exporters, nowMs),
    rows: [row],
  }));
  const addresses = sets.map(({ header }) => header.exporter).slice(0, exporters);
  const exporterOf = Uint32Array.from(documents.exporterOf, (_, index) => index % addresses.length);
  const seen: DocumentBatch = { ...documents, exporters: addresses, exporterOf };
  const batch: RecordBatch = {
    id: 'a',
    createdAtMs: nowMs,
    recordCount: batchSize,
    byteSize: 1,
    layouts: [layout],
    sets,
  };

  const onDatagrams = await measure(rounds * 10, () => {
    nowMs += 1000;
    for (let datagram = 0; datagram < datagrams; datagram += 1) {
      observations.decode.end(observations.decode.begin());
      observations.onSet({ header: headerOf(datagram % exporters, nowMs), layout, rows: [row] });
    }
  });
  const second = () => {
    nowMs += 1000;
    for (let number = 0; number < batches; number += 1) observations.onDocuments(batch, seen);
  };
  const onBatches = await measure(rounds, second);
  const withTail = await measure(rounds, () => {
    observations.tail.read('flow.dst_port:1', 0, nowMs + 1000);
    second();
  });
  const reports = await measure(rounds, async () => JSON.stringify(await status.report()));
  const histories = await measure(rounds, () => JSON.stringify(status.history()));
  const scrapes = await measure(rounds, () => metrics.toText(''));
  const yaml = await measure(rounds, () => toEffectiveYaml(pipelineFile, stepCatalog));
  const perSecond = (ms: number, everySeconds = 1) => `${(ms / everySeconds).toFixed(2)} ms/s`;
  const always = onDatagrams + onBatches;
  const reportSeconds = exporters > 200 ? 15 : 5;
  const watched = reports / reportSeconds + histories / 10;
  console.log(`\n### ${exporters} exporters\n`);
  console.log('| part | CPU |');
  console.log('|---|---|');
  console.log(`| hooks of decode: ${datagrams.toLocaleString('en-US')} datagrams | ${perSecond(onDatagrams)} |`);
  console.log(`| hooks of enrich: ${batches} batches, talkers | ${perSecond(onBatches)} |`);
  console.log(
    `| a browser: report (${reports.toFixed(1)} ms every ${reportSeconds} s), history | ${perSecond(watched)} |`,
  );
  console.log(`| live documents, a filter that nothing fits | ${perSecond(withTail - onBatches)} |`);
  console.log(`| a scrape of /metrics (${scrapes.toFixed(1)} ms every 15 s) | ${perSecond(scrapes, 15)} |`);
  console.log(`| configuration, once | ${yaml.toFixed(1)} ms |`);
  const share = (ms: number) => `${(ms / 10).toFixed(2)} % of a core`;
  console.log(`\nalways: ${share(always)}; page and metrics watched: ${share(always + watched + scrapes / 15)}`);
}

for (const exporters of [5, 1000]) await measureAll(exporters);
