// What an index of flows costs: the same documents through a template like ElastiFlow's and through weir's, on a real Elasticsearch
// with the optimizing compiler. npm run bench -- elasticsearch; npx tsx bench/elasticsearch.ts [--documents 400000] [--rounds 3]
// [--warm 300000] [--settings: each setting on its own, for docs/decisions/0033] [--version 7.17.28: bytes of each field, too]

import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ElasticsearchVersion } from '../test/servers/elasticsearch/index.ts';
import { type BenchServer, startBenchServer } from './elasticsearch/bench-server.ts';
import {
  type Candidate,
  candidatesOfSettings,
  elastiflow,
  elastiflowAsShipped,
  weir,
} from './elasticsearch/candidates.ts';
import { type BenchDocuments, makeDocuments } from './elasticsearch/documents.ts';
import { printFieldBytes } from './elasticsearch/field-bytes.ts';
import { printLatencies } from './elasticsearch/latencies.ts';

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '400000' },
    rounds: { type: 'string', default: '3' },
    warm: { type: 'string', default: '300000' },
    version: { type: 'string', default: '7.10.2' },
    settings: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);

interface Cost {
  readonly perSecond: number[];
  readonly cpuMicros: number[];
  bytes: number;
}

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
try {
  const documents = await makeDocuments(folder, Number(values.documents));
  const server = await startBenchServer(values.version as ElasticsearchVersion);
  try {
    const candidates = values.settings ? candidatesOfSettings() : [elastiflow(), elastiflowAsShipped(), weir()];
    console.log(
      `Elasticsearch ${values.version}, ${documents.weir.count.toLocaleString('en-US')} documents a round ` +
        `(ElastiFlow's: ${Math.round(documents.elastiflow.bytesPerDocument)} bytes, weir's: ${Math.round(documents.weir.bytesPerDocument)}), ` +
        `no replica, 2 connections, load average ${loadavg()[0]?.toFixed(1)}\n`,
    );
    await warmUp(server, documents, candidates);
    printCosts(candidates, await measure(server, documents, candidates));
    if (!values.settings) {
      const compared = [candidates[0]!, candidates.at(-1)!].map(indexOf);
      await printLatencies(server, compared);
      await printFieldBytes(server, compared);
    }
  } finally {
    await server.stop();
  }
  documents.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** What remains of a candidate after the last round. */
function indexOf({ name }: Candidate): string {
  return `bench-${name.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase()}`;
}

/** A server that has just started is 2 to 4 times slower for its first 300,000 documents. */
async function warmUp(server: BenchServer, files: BenchDocuments, candidates: readonly Candidate[]): Promise<void> {
  const first = [candidates[0]!, candidates.at(-1)!];
  const documents = Math.min(files.weir.count, Math.ceil(Number(values.warm) / 4));
  for (const candidate of [...first, ...first]) {
    await server.create('bench-warm', candidate.template);
    await server.load('bench-warm', files[candidate.documents], { ...candidate.load, documents });
    await server.ask('DELETE', '/bench-warm');
  }
}

/** Round by round, so that what else the machine does falls on all of them. */
async function measure(
  server: BenchServer,
  files: BenchDocuments,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<Candidate, Cost>> {
  const costs = new Map(candidates.map((candidate) => [candidate, { perSecond: [], cpuMicros: [], bytes: 0 } as Cost]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const [candidate, cost] of costs) {
      const index = indexOf(candidate);
      if (round > 1) await server.ask('DELETE', `/${index}`);
      await server.create(index, candidate.template);
      const file = files[candidate.documents];
      const { documents, seconds, cpuSeconds } = await server.load(index, file, candidate.load);
      cost.perSecond.push(documents / seconds);
      cost.cpuMicros.push((cpuSeconds / documents) * 1e6);
      if (round === rounds) cost.bytes = await server.merge(index);
    }
  }
  return costs;
}

function printCosts(candidates: readonly Candidate[], costs: ReadonlyMap<Candidate, Cost>): void {
  const list = (numbers: readonly number[]): string =>
    numbers.map((n) => Math.round(n).toLocaleString('en-US')).join(' ');
  const [baseline] = candidates;
  const base = costs.get(baseline!)!;
  console.log(
    '| template | documents/s | Elasticsearch CPU µs/document | × of the first | bytes/document merged | × of the first |',
  );
  console.log('|---|---|---|---|---|---|');
  for (const [{ name }, { perSecond, cpuMicros, bytes }] of costs) {
    // Of the rounds, each against the first template's in the same round.
    const ratios = cpuMicros.map((micros, round) => micros / base.cpuMicros[round]!);
    console.log(
      `| ${name} | ${list(perSecond)} | ${list(cpuMicros)} | ${median(ratios).toFixed(2)} | ${Math.round(bytes)} | ${(bytes / base.bytes).toFixed(2)} |`,
    );
  }
  console.log('');
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}
