// CPU of the two sinks per document: `npx tsx bench/index.ts [documents]`. Batches of 2,000 documents of 1.7 KB; the server that the
// bulk writer talks to is a mock in a process of its own, so that its CPU is not counted.

import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { createBulkWriter } from '../src/index/bulk-writer.ts';
import { createElasticsearchClient } from '../src/index/elasticsearch-client.ts';
import { createNdjsonFile } from '../src/index/ndjson-file.ts';
import type { Sink } from '../src/index/sink.ts';
import type { DocumentBatch } from '../src/model/document.ts';
import { silentLogger } from '../src/telemetry/logger.ts';
import { flowBatch } from '../test/index/document-batches.ts';

const batchSize = 2000;
const never = new AbortController().signal;

if (process.argv[2] === 'mock') serveMock();
else await main(Number(process.argv[2] ?? 200_000));

async function main(documents: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  try {
    const files = createNdjsonFile({ directory: folder, maxFileBytes: 2e8, logger: silentLogger, now: Date.now });
    await measure('NDJSON file', files, documents);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const mock = fork(fileURLToPath(import.meta.url), ['mock']);
  try {
    const port = await new Promise<number>((resolve) => mock.once('message', (message) => resolve(Number(message))));
    const client = createElasticsearchClient({ nodes: [`http://127.0.0.1:${port}`], productCheck: 'off' });
    for (const compress of [false, true]) {
      const writer = createBulkWriter({ client, compress, logger: silentLogger, now: Date.now });
      await measure(`bulk writer${compress ? ', gzip' : ''}`, writer, documents);
    }
  } finally {
    mock.kill();
  }
}

/** Two lanes, each with its own batch, as the pipeline has them. */
async function measure(title: string, sink: Sink, documents: number): Promise<void> {
  await sink.start();
  const batches = ['a', 'b'].map((name) => flowBatch(name, batchSize));
  const bytes = batches[0]!.ends[batchSize - 1]! / batchSize;
  let number = 0;
  const lane = async (batch: DocumentBatch, rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      number += 1;
      await sink.write({ ...batch, batchId: `0198f0c4a1b2c3d4-${number}` }, never);
    }
  };
  const run = (rounds: number): Promise<unknown> => Promise.all(batches.map((batch) => lane(batch, rounds)));
  await run(10);
  const rounds = Math.ceil(documents / batchSize / batches.length);
  const started = performance.now();
  const { user, system } = process.cpuUsage();
  await run(rounds);
  const cpu = process.cpuUsage({ user, system });
  const seconds = (performance.now() - started) / 1000;
  const count = rounds * batches.length * batchSize;
  await sink.stop();
  const perDocument = (micros: number): string => (micros / count).toFixed(2);
  console.log(
    `${title}: ${perDocument(cpu.user + cpu.system)} us CPU per document (user ${perDocument(cpu.user)}, system ${perDocument(cpu.system)}), ` +
      `${Math.round(count / seconds)} documents/s, ${Math.round(bytes)} bytes each, ${count} documents`,
  );
}

/** Answers each _bulk with as many items as it has lines, halved. */
function serveMock(): void {
  const server = createServer((incoming, outgoing) => {
    let newlines = 0;
    const body = incoming.headers['content-encoding'] === 'gzip' ? incoming.pipe(createGunzip()) : incoming;
    body.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) newlines += 1;
    });
    body.on('end', () => {
      const isBulk = incoming.url?.startsWith('/_bulk') === true;
      const items = Array(newlines >> 1).fill('{"create":{"status":201}}');
      const body = isBulk ? `{"took":1,"errors":false,"items":[${items.join(',')}]}` : '{}';
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}
