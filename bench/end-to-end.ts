// The built program from the wire to NDJSON files: CPU a flow, memory, loss, and the time from process start to the first document.

import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/app/main.js', import.meta.url));
const senderFile = fileURLToPath(new URL('flow-sender.ts', import.meta.url));
const port = 29_055;
const rates = [20_000, 40_000, 80_000];
const secondsPerRate = 15;

interface Weir {
  readonly process: ChildProcess;
  readonly flows: string;
  readonly startedAtMs: number;
  readonly ended: Promise<unknown>;
}

function startWeir(folder: string): Weir {
  mkdirSync(folder, { recursive: true });
  const pipeline = join(folder, 'pipeline.yml');
  writeFileSync(
    pipeline,
    `name: bench
listen: [ "udp://127.0.0.1:${port}" ]
state: ${join(folder, 'state')}
steps: [ sampling, server, services, geoip, asn, locality ]
index: { files: { directory: ${join(folder, 'flows')} } }
`,
  );
  const startedAtMs = performance.timeOrigin + performance.now();
  // As a user starts it: by its first line, which has V8's options.
  const child = spawn(program, ['run', '--quiet', '--log-level', 'error', pipeline], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return { process: child, flows: join(folder, 'flows'), startedAtMs, ended };
}

function startSender(
  rate: number,
  seconds: number,
): { readonly sent: Promise<number>; readonly process: ChildProcess } {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', senderFile, '--port', `${port}`, '--rate', `${rate}`, '--seconds', `${seconds}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const sent = new Promise<number>((resolve, reject) => {
    child.on('exit', () => {
      const found = /"flows":\s*(\d+)/.exec(output);
      if (found === null) reject(new Error(`the sender said: ${output}`));
      else resolve(Number(found[1]));
    });
  });
  return { sent, process: child };
}

const ticksPerSecond = 100;

/** User and system time of a process in seconds (proc(5), fields 14 and 15). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function memoryMb(pid: number, key: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`${key}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function countLines(folder: string): number {
  const buffer = Buffer.alloc(1 << 20);
  let lines = 0;
  for (const name of readdirSync(folder)) {
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

async function measureStart(root: string): Promise<number> {
  const sender = startSender(3000, 6);
  await sleep(2500);
  const weir = startWeir(join(root, 'start'));
  while (!hasDocument(weir.flows)) await sleep(2);
  const ms = performance.timeOrigin + performance.now() - weir.startedAtMs;
  await sender.sent;
  weir.process.kill('SIGTERM');
  await weir.ended;
  return ms;
}

async function measureRate(root: string, rate: number): Promise<string> {
  const weir = startWeir(join(root, `rate-${rate}`));
  const pid = weir.process.pid ?? 0;
  await sleep(1500);
  // Databases, caches and compiled code first: what is measured is the long run.
  await startSender(rate, 5).sent;
  await sleep(1000);
  const before = { cpu: cpuSeconds(pid), atMs: performance.now(), documents: countLines(weir.flows) };
  const { sent } = startSender(rate, secondsPerRate);
  const flows = await sent;
  await sleep(1000);
  const cpu = cpuSeconds(pid) - before.cpu;
  const rss = memoryMb(pid, 'VmRSS');
  const peak = memoryMb(pid, 'VmHWM');
  weir.process.kill('SIGTERM');
  await weir.ended;
  const documents = countLines(weir.flows) - before.documents;
  rmSync(join(root, `rate-${rate}`), { recursive: true });
  const perFlow = ((cpu / documents) * 1e6).toFixed(1);
  const actual = Math.round(flows / secondsPerRate);
  return `| ${actual.toLocaleString('en-US')} | ${documents.toLocaleString('en-US')} of ${flows.toLocaleString('en-US')} | ${perFlow} | ${rss} | ${peak} |`;
}

const root = mkdtempSync(join(tmpdir(), 'weir-bench-'));
try {
  const starts: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    starts.push(await measureStart(join(root, `${round}`)));
  }
  console.log(
    `process start to the first document of a waiting exporter: ${starts.map((ms) => `${Math.round(ms)} ms`).join(', ')}\n`,
  );
  console.log('| flows/s sent | documents written | CPU µs/flow | RSS MB | peak RSS MB |');
  console.log('|---|---|---|---|---|');
  for (const rate of rates) console.log(await measureRate(root, rate));
} finally {
  rmSync(root, { recursive: true, force: true });
}
