// weir from the wire into a real Elasticsearch, next to the same kind of documents as ready NDJSON that a bare client pumps into the
// same template: what weir leaves of the server's speed, and what it takes itself. Rounds alternate; figures are of the steady part.

import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchServer, startBenchServer } from './elasticsearch/bench-server.ts';
import { type DocumentFile, makeDocuments } from './elasticsearch/documents.ts';
import { weirTemplate } from './elasticsearch/template.ts';
import { cpuSeconds } from './processes.ts';
import { freeUdpPort, sendFlows, startWeir } from './weir-process.ts';

const rounds = 3;
const warmDocuments = 200_000;
const pumpedDocuments = 100_000;
const documentsPerRequest = 2000;
/** weir reads its databases and compiles its code before what is measured. */
const settleSeconds = 6;
const measuredSeconds = 15;
/** The sender sends a little more than the server took from the bare client, so that the server stays the limit. */
const surplus = 1.1;

interface Speed {
  readonly documentsPerSecond: number;
  readonly serverMicros: number;
  readonly ownMicros: number;
}

export interface CeilingBench {
  /** What is left out of the figures: a server that has just started is slow. */
  warmUp(): Promise<void>;
  /** The bare client, then weir; returns a line of the table. */
  round(name: string): Promise<string>;
  stop(): Promise<void>;
}

export const ceilingHead = `| round | bare client, documents/s | weir, documents/s | ratio | Elasticsearch CPU µs/document | weir CPU µs/document | ratio |
|---|---|---|---|---|---|---|`;

export async function measureCeiling(folder: string): Promise<void> {
  const bench = await startCeilingBench(folder);
  try {
    await bench.warmUp();
    console.log(`\nNext to a bare client, Elasticsearch 7.10.2, load average ${loadavg()[0]?.toFixed(1)}:\n`);
    console.log(ceilingHead);
    for (let round = 1; round <= rounds; round += 1) console.log(await bench.round(`${round}`));
  } finally {
    await bench.stop();
  }
}

export async function startCeilingBench(folder: string): Promise<CeilingBench> {
  const documents = await makeDocuments(folder, pumpedDocuments);
  const file = documents.weir;
  const server = await startBenchServer('7.10.2');
  // Without replica, and as weir itself would put it.
  await server.ask('PUT', '/_template/bench-no-replica', {
    order: 10,
    index_patterns: ['weir-flow-*'],
    settings: { 'index.auto_expand_replicas': false, 'index.number_of_replicas': 0 },
  });
  return {
    async warmUp() {
      for (let warm = 0; warm < warmDocuments; warm += pumpedDocuments) await pump(server, file);
    },
    async round(name) {
      const bare = await pump(server, file);
      const rate = bare.documentsPerSecond * surplus;
      const weir = await measureWeir(server, join(folder, `round-${name}`), documents.cities, rate);
      const whole = (n: number): string => Math.round(n).toLocaleString('en-US');
      return (
        `| ${name} | ${whole(bare.documentsPerSecond)} | ${whole(weir.documentsPerSecond)} | ` +
        `${(weir.documentsPerSecond / bare.documentsPerSecond).toFixed(2)} | ${weir.serverMicros.toFixed(1)} | ` +
        `${weir.ownMicros.toFixed(1)} | ${(weir.ownMicros / weir.serverMicros).toFixed(3)} |`
      );
    },
    async stop() {
      await server.stop();
      documents.close();
    },
  };
}

async function pump(server: BenchServer, file: DocumentFile): Promise<Speed> {
  await server.create('bench-bare', weirTemplate());
  const {
    documents,
    seconds,
    cpuSeconds: cpu,
  } = await server.load('bench-bare', file, {
    ids: 'ours',
    documentsPerRequest,
  });
  await server.ask('DELETE', '/bench-bare');
  return { documentsPerSecond: documents / seconds, serverMicros: (cpu / documents) * 1e6, ownMicros: 0 };
}

async function measureWeir(server: BenchServer, folder: string, cities: string, rate: number): Promise<Speed> {
  const port = await freeUdpPort();
  const weir = startWeir(folder, port, `{ elasticsearch: { nodes: [ "${server.url}" ] } }`, `{ database: ${cities} }`);
  try {
    await sleep(1500);
    const sent = sendFlows(port, Math.ceil(rate), settleSeconds + measuredSeconds + 1);
    await sleep(settleSeconds * 1000);
    const before = await read(server, weir.pid);
    await sleep(measuredSeconds * 1000);
    const after = await read(server, weir.pid);
    await sent;
    const documents = after.documents - before.documents;
    return {
      documentsPerSecond: documents / ((after.atMs - before.atMs) / 1000),
      serverMicros: ((after.server - before.server) / documents) * 1e6,
      ownMicros: ((after.own - before.own) / documents) * 1e6,
    };
  } finally {
    await weir.stop();
    await server.ask('DELETE', '/weir-flow-*');
  }
}

async function read(server: BenchServer, pid: number) {
  interface Stats {
    readonly _all: { readonly primaries: { readonly indexing?: { readonly index_total: number } } };
  }
  const { _all } = await server.ask<Stats>('GET', '/weir-flow-*/_stats/indexing');
  return {
    atMs: performance.now(),
    // Without an index yet, there is nothing to count.
    documents: _all.primaries.indexing?.index_total ?? 0,
    server: cpuSeconds(server.pid),
    own: cpuSeconds(pid),
  };
}
