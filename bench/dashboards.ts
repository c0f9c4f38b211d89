// How long each dashboard's searches take together on a day of flows in a real Elasticsearch: npm run bench -- dashboards;
// npx tsx bench/dashboards.ts [--flows 5000000] [--version 7.10.2] [--rounds 3] [--only overview,security] [--merged: one segment] [--panels: each alone]
// [--url http://localhost:9200: of a server that runs, filled at the first time]

import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Dashboard, readDefinitions } from '../scripts/kibana/definitions.ts';
import { createElasticsearchClient } from '../src/index/elasticsearch-client.ts';
import { createIndexNaming } from '../src/index/index-name.ts';
import { flowKind, readIndexTemplates, rollupKind, toLegacyBody } from '../src/index/index-template.ts';
import { ledgerIndexBase } from '../src/index/ledger-index.ts';
import { createRollupLease } from '../src/index/rollup-lease.ts';
import { createRollups } from '../src/index/rollups.ts';
import { silentLogger } from '../src/telemetry/logger.ts';
import { rangeFromMs } from '../test/kibana/known-flows.ts';
import { toKnownLedgerDocuments } from '../test/kibana/known-ledger.ts';
import { type ElasticsearchVersion, startElasticsearch } from '../test/servers/elasticsearch/index.ts';
import { fillDay } from './dashboards/day-of-flows.ts';
import { openDashboard } from './dashboards/panel-times.ts';
import { sendBulk } from './elasticsearch/bench-server.ts';

const { values } = parseArgs({
  options: {
    flows: { type: 'string', default: '5000000' },
    version: { type: 'string', default: '7.10.2' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    merged: { type: 'boolean', default: false },
    panels: { type: 'boolean', default: false },
    url: { type: 'string' },
  },
});
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const fromMs = Date.UTC(2026, 10, 24);
const toMs = fromMs + dayMs;
const flowIndex = 'weir-flow-2026.11.24';

const server =
  values.url === undefined
    ? await startElasticsearch({
        version: values.version as ElasticsearchVersion,
        javaOptions: ['-Xms2g', '-Xmx2g'],
      })
    : undefined;
const url = values.url ?? server!.url;
try {
  if ((await fetch(`${url}/${flowIndex}`, { method: 'HEAD' })).status === 404) await fill();
  await sumUp();
  if (values.merged) await ask('POST', `/${flowIndex}/_forcemerge?max_num_segments=1`);
  // The default until 7.8.
  await ask('PUT', '/_cluster/settings', { transient: { 'search.max_buckets': 10_000 } });
  await measure();
} finally {
  await server?.stop();
}

async function fill(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  try {
    const naming = createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => 0);
    const templates = await readIndexTemplates({ naming, flowPattern: naming.wildcard });
    for (const kind of [flowKind, ledgerIndexBase, rollupKind])
      await ask('PUT', `/_template/${kind}`, toLegacyBody(templates.find((each) => each.kind === kind)!));
    const send = (body: Buffer): Promise<void> => sendBulk(url, flowIndex, body);
    const startedAt = performance.now();
    const documents = await fillDay({ folder, flows: Number(values.flows), fromMs, toMs, send });
    await sendBulk(url, 'weir-ledger-2026.11', toLedgerOfDay());
    console.log(`${documents} documents in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    await ask('POST', '/weir-*/_flush');
    await ask('POST', '/weir-*/_refresh');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The known hour of the ledger, again and again. */
function toLedgerOfDay(): Buffer {
  const hours = Array.from({ length: 24 }, (_, hour) =>
    toKnownLedgerDocuments().map((text) => {
      const document = JSON.parse(text) as { '@timestamp': string };
      const atMs = Date.parse(document['@timestamp']) - rangeFromMs + fromMs + hour * hourMs;
      return `{"index":{}}\n${JSON.stringify({ ...document, '@timestamp': new Date(atMs).toISOString() })}\n`;
    }),
  );
  return Buffer.from(hours.flat().join(''));
}

/** The sums of hours, which dashboards of long ranges read. */
async function sumUp(): Promise<void> {
  const client = createElasticsearchClient({ nodes: [url] });
  const now = (): number => toMs + hourMs;
  const rollups = createRollups({
    client,
    pattern: 'weir-flow-*',
    of: 'weir-flow',
    lease: createRollupLease({ client, of: 'weir-flow', holder: 'bench', now }),
    keepMinutesMs: 600_000,
    keepHoursMs: 730 * dayMs,
    top: 50,
    delayMs: 120_000,
    pauseFactor: 0,
    logger: silentLogger,
    now,
  });
  await rollups.tend(Number.POSITIVE_INFINITY, AbortSignal.timeout(1_200_000));
  await client.close();
}

async function measure(): Promise<void> {
  const definitions = readDefinitions();
  const { count } = await ask<{ readonly count: number }>('GET', `/${flowIndex}/_count`);
  const segments = (await ask<readonly unknown[]>('GET', `/_cat/segments/${flowIndex}?format=json`)).length;
  console.log(
    `Elasticsearch, ${count.toLocaleString('en-US')} flows of 24 hours, ${segments} segments, load average ${loadavg()[0]?.toFixed(1)}\n`,
  );
  const chosen = definitions.dashboards.filter(
    ({ name }) => values.only === undefined || values.only.split(',').includes(name),
  );
  // As they are after some hours of work.
  for (const dashboard of chosen) await openDashboard(dashboard, definitions, rangeOf(0), url);
  console.log(
    '| dashboard | panels | searches | cold, ms together | warm, ms together | Elasticsearch CPU, ms | slowest panel, warm |',
  );
  console.log('|---|---|---|---|---|---|---|');
  for (const dashboard of chosen) {
    await ask('POST', '/weir-*/_cache/clear');
    const cold = await openDashboard(dashboard, definitions, rangeOf(1), url);
    const warm = [];
    const cpuBefore = await cpuMs();
    for (let round = 0; round < Number(values.rounds); round += 1)
      warm.push(await openDashboard(dashboard, definitions, rangeOf(2 + round), url));
    const cpu = ((await cpuMs()) - cpuBefore) / warm.length;
    const median = warm.toSorted((a, b) => a.ms - b.ms)[warm.length >> 1]!;
    const { title, ms } = median.slowest;
    console.log(
      `| ${dashboard.config.title} | ${median.panels} | ${median.searches} | ${Math.round(cold.ms)} | ${Math.round(median.ms)} | ${Math.round(cpu)} | ${title}: ${Math.round(ms)} |`,
    );
    if (values.panels) await printPanels(dashboard);
  }

  async function printPanels(dashboard: Dashboard): Promise<void> {
    const { byPanel } = await openDashboard(dashboard, definitions, rangeOf(99), url, true);
    for (const [title, ms] of byPanel) console.log(`|   ${title} | | | | ${Math.round(ms)} | | |`);
  }
}

/** Of the server, since its start. */
async function cpuMs(): Promise<number> {
  interface Stats {
    readonly nodes: Readonly<
      Record<string, { readonly process: { readonly cpu: { readonly total_in_millis: number } } }>
    >;
  }
  const { nodes } = await ask<Stats>('GET', '/_nodes/stats/process');
  return Object.values(nodes).reduce((sum, { process }) => sum + process.cpu.total_in_millis, 0);
}

/** The last 24 hours, less some seconds: no search is the same as one before, and none has all of an index, so nothing comes from the cache of requests. */
function rangeOf(round: number): { readonly fromMs: number; readonly toMs: number } {
  return { fromMs: fromMs + 60_000 + round * 1000, toMs };
}

async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: HTTP ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as Answer;
}
