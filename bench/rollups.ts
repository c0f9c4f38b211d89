// What rollups cost: CPU of a real Elasticsearch for summing up flows by the minute and by the hour, against its CPU for indexing them.
// npm run bench -- rollups; npx tsx bench/rollups.ts [--documents 400000] [--version 7.10.2]

import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createElasticsearchClient } from '../src/index/elasticsearch-client.ts';
import { createIndexNaming } from '../src/index/index-name.ts';
import { readIndexTemplates, rollupKind, toLegacyBody } from '../src/index/index-template.ts';
import { createRollupLease } from '../src/index/rollup-lease.ts';
import { createRollups } from '../src/index/rollups.ts';
import { silentLogger } from '../src/telemetry/logger.ts';
import type { ElasticsearchVersion } from '../test/servers/elasticsearch/index.ts';
import { type BenchServer, startBenchServer } from './elasticsearch/bench-server.ts';
import { weir } from './elasticsearch/candidates.ts';
import { makeDocuments } from './elasticsearch/documents.ts';
import { cpuSeconds, threadCpuSeconds } from './processes.ts';

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '400000' },
    version: { type: 'string', default: '7.10.2' },
  },
});
const dayMs = 86_400_000;
const flowIndex = 'weir-flow-2026.11.24';
const rounds = 3;

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
try {
  const documents = await makeDocuments(folder, Number(values.documents));
  const server = await startBenchServer(values.version as ElasticsearchVersion);
  try {
    const naming = createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => 0);
    const templates = await readIndexTemplates({ naming, flowPattern: naming.wildcard });
    const template = templates.find(({ kind }) => kind === rollupKind);
    if (template === undefined) throw new Error('no template of rollups');
    await server.ask('PUT', `/_template/${rollupKind}`, toLegacyBody(template));
    const { template: flowTemplate, load } = weir();
    // A server that has just started is much slower.
    await server.create('bench-warm', flowTemplate);
    await server.load('bench-warm', documents.weir, load);
    await server.ask('DELETE', '/bench-warm');
    await server.create(flowIndex, flowTemplate);
    const indexing = await server.load(flowIndex, documents.weir, load);
    const perFlow = (seconds: number): number => (seconds / indexing.documents) * 1e6;
    console.log(
      `Elasticsearch ${values.version}, ${indexing.documents.toLocaleString('en-US')} flows of 2,000 a second, load average ${loadavg()[0]?.toFixed(1)}\n`,
    );
    console.log('| | Elasticsearch CPU, µs a flow | of indexing | documents |');
    console.log('|---|---|---|---|');
    console.log(`| indexing | ${perFlow(indexing.cpuSeconds).toFixed(1)} | | ${indexing.documents} |`);
    for (let round = 1; round <= rounds; round += 1) {
      const { cpu, written } = await sumUp(server);
      const share = ((cpu / indexing.cpuSeconds) * 100).toFixed(1);
      console.log(`| rollups, round ${round} | ${perFlow(cpu).toFixed(2)} | ${share} % | ${written} |`);
    }
  } finally {
    await server.stop();
  }
  documents.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** All minutes and hours, from nothing, until what was written is merged. */
async function sumUp(server: BenchServer): Promise<{ readonly cpu: number; readonly written: number }> {
  const client = createElasticsearchClient({ nodes: [server.url] });
  // Two hours after the last flow.
  const now = (): number => Date.UTC(2026, 10, 24, 15);
  const lease = createRollupLease({ client, of: 'weir-flow', holder: 'bench', now });
  const rollups = createRollups({
    client,
    pattern: 'weir-flow-*',
    of: 'weir-flow',
    lease,
    keepMinutesMs: 30 * dayMs,
    keepHoursMs: 730 * dayMs,
    top: 50,
    delayMs: 120_000,
    pauseFactor: 0,
    logger: silentLogger,
    now,
  });
  const usedSeconds = (): number => cpuSeconds(server.pid) - threadCpuSeconds(server.pid, /Compiler/);
  const before = usedSeconds();
  await rollups.tend(Number.POSITIVE_INFINITY, AbortSignal.timeout(600_000));
  await server.ask('POST', '/weir-rollup-*/_refresh');
  const cpu = usedSeconds() - before;
  await client.close();
  const { count } = await server.ask<{ readonly count: number }>('GET', '/weir-rollup-1*/_count');
  await server.ask('DELETE', '/weir-rollup-*');
  return { cpu, written: count };
}
