// The built program from the wire to NDJSON files: CPU a flow, memory, loss, and the time from process start to the first document;
// then into a real Elasticsearch, where there is a Java to run it (`--ceiling`: only that).

import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { measureCeiling } from './ceiling.ts';
import { cpuSeconds, memoryMb } from './processes.ts';
import { freeUdpPort, sendFlows, startWeir } from './weir-process.ts';

const port = await freeUdpPort();
const rates = [20_000, 40_000, 80_000];
const secondsPerRate = 15;

const toFiles = (folder: string): string => `{ files: { directory: ${join(folder, 'flows')} } }`;

function countLines(folder: string): number {
  const buffer = Buffer.alloc(1 << 20);
  let lines = 0;
  for (const name of readdirSync(folder).filter((entry) => entry.includes('.ndjson'))) {
    const file = openSync(join(folder, name), 'r');
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
      for (let at = buffer.indexOf(10); at >= 0 && at < length; at = buffer.indexOf(10, at + 1)) lines += 1;
    }
    closeSync(file);
  }
  return lines;
}

function hasDocument(folder: string): boolean {
  return (
    existsSync(folder) &&
    readdirSync(folder).some((name) => name.includes('.ndjson') && statSync(join(folder, name)).size > 0)
  );
}

async function measureStart(folder: string): Promise<number> {
  const sent = sendFlows(port, 3000, 6);
  await sleep(2500);
  const weir = startWeir(folder, port, toFiles(folder));
  while (!hasDocument(join(folder, 'flows'))) await sleep(2);
  const ms = performance.timeOrigin + performance.now() - weir.startedAtMs;
  await sent;
  await weir.stop();
  return ms;
}

async function measureRate(root: string, rate: number): Promise<string> {
  const folder = join(root, `rate-${rate}`);
  const flowsFolder = join(folder, 'flows');
  const weir = startWeir(folder, port, toFiles(folder));
  const { pid } = weir;
  await sleep(1500);
  // Databases, caches and compiled code first: what is measured is the long run.
  await sendFlows(port, rate, 5);
  await sleep(1000);
  const before = { cpu: cpuSeconds(pid), atMs: performance.now(), documents: countLines(flowsFolder) };
  const flows = await sendFlows(port, rate, secondsPerRate);
  await sleep(1000);
  const cpu = cpuSeconds(pid) - before.cpu;
  const rss = memoryMb(pid, 'VmRSS');
  const peak = memoryMb(pid, 'VmHWM');
  await weir.stop();
  const documents = countLines(flowsFolder) - before.documents;
  rmSync(folder, { recursive: true });
  const perFlow = ((cpu / documents) * 1e6).toFixed(1);
  const actual = Math.round(flows / secondsPerRate);
  return `| ${actual.toLocaleString('en-US')} | ${documents.toLocaleString('en-US')} of ${flows.toLocaleString('en-US')} | ${perFlow} | ${rss} | ${peak} |`;
}

async function measureFiles(root: string): Promise<void> {
  const starts: number[] = [];
  for (let round = 0; round < 3; round += 1) starts.push(await measureStart(join(root, `${round}`)));
  console.log(
    `process start to the first document of a waiting exporter: ${starts.map((ms) => `${Math.round(ms)} ms`).join(', ')}\n`,
  );
  console.log('| flows/s sent | documents written | CPU µs/flow | RSS MB | peak RSS MB |');
  console.log('|---|---|---|---|---|');
  for (const rate of rates) console.log(await measureRate(root, rate));
}

const root = mkdtempSync(join(tmpdir(), 'weir-bench-'));
try {
  if (!process.argv.includes('--ceiling')) await measureFiles(root);
  if (spawnSync('java', ['-version']).status === 0) await measureCeiling(root);
  else console.log('\nno java: not measured against Elasticsearch');
} finally {
  rmSync(root, { recursive: true, force: true });
}
