// A listener, a Redis and a worker as processes of their own, on this machine: CPU a flow of each, loss, and the time from a flow's
// arrival to its document. The worker has no server to index (bench/queue-worker.ts): that is measured by "index".

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { createQueueKeys } from '../src/enqueue/bullmq-keys.ts';
import { freePort } from '../test/servers/free-port.ts';

const program = fileURLToPath(new URL('../dist/app/main.js', import.meta.url));
const workerFile = fileURLToPath(new URL('queue-worker.ts', import.meta.url));
const senderFile = fileURLToPath(new URL('flow-sender.ts', import.meta.url));
const rates = [5_000, 40_000, 100_000];
const secondsPerRate = 15;
const ticksPerSecond = 100;

interface Started {
  readonly process: ChildProcess;
  output(): string;
  readonly ended: Promise<unknown>;
}

function start(command: string, args: readonly string[]): Started {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  return { process: child, output: () => output, ended: new Promise((resolve) => child.on('exit', resolve)) };
}

const startScript = (file: string, ...args: string[]): Started =>
  start(process.execPath, ['--import', 'tsx', file, ...args]);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function waitFor(started: Started, words: RegExp): Promise<RegExpExecArray> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    const found = words.exec(started.output());
    if (found !== null) return found;
    await sleep(20);
  }
  throw new Error(`it did not start: ${started.output()}`);
}

/** User and system time of a process in seconds (proc(5), fields 14 and 15). */
function cpuSeconds({ process: { pid } }: Started): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** What the worker has not got to yet is not lost. */
async function waitUntilEmpty(redisPort: number, name: string): Promise<void> {
  const client = new Redis(redisPort);
  const keys = createQueueKeys('weir', name);
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 100) {
    const [waiting, active] = await Promise.all([client.llen(keys.bullmq('wait')), client.llen(keys.bullmq('active'))]);
    if (waiting + active === 0) break;
    await sleep(100);
  }
  client.disconnect();
}

async function send(port: string, rate: number, seconds: number): Promise<number> {
  const sender = startScript(senderFile, '--port', port, '--rate', `${rate}`, '--seconds', `${seconds}`);
  await sender.ended;
  return Number(/"flows":\s*(\d+)/.exec(sender.output())?.[1]);
}

async function measure(root: string, redisPort: number, rate: number): Promise<string> {
  const pipeline = join(root, `${rate}.yml`);
  writeFileSync(
    pipeline,
    `name: bench-${rate}
listen: [ "udp://127.0.0.1:0" ]
state: ${join(root, `state-${rate}`)}
queue: { redis: "redis://127.0.0.1:${redisPort}" }
steps: [ sampling, server, services, geoip, asn, locality ]
`,
  );
  const listener = start(program, ['listen', '--log-level', 'info', pipeline]);
  const worker = startScript(workerFile, '--pipeline', pipeline);
  const [, port = ''] = await waitFor(listener, /udp:\/\/127\.0\.0\.1:(\d+)/);
  await waitFor(worker, /ready/);
  // Compiled code, caches and connections first: what is measured is the long run.
  const warmUp = await send(port, rate, 5);
  await sleep(1000);
  const parts = [listener, worker, redis];
  const before = parts.map(cpuSeconds);
  const flows = await send(port, rate, secondsPerRate);
  await sleep(2000);
  const perFlow = parts.map((part, index) => (((cpuSeconds(part) - before[index]!) / flows) * 1e6).toFixed(2));
  listener.process.kill('SIGTERM');
  await listener.ended;
  await waitUntilEmpty(redisPort, `bench-${rate}`);
  worker.process.kill('SIGTERM');
  await worker.ended;
  const [, result = '{}'] = /^(\{.*\})$/m.exec(worker.output()) ?? [];
  const { flows: came, medianMs, p99Ms } = JSON.parse(result) as Record<'flows' | 'medianMs' | 'p99Ms', number>;
  const lost = flows + warmUp - came;
  const load = loadavg()[0]?.toFixed(1);
  return `| ${Math.round(flows / secondsPerRate)} | ${lost} of ${flows + warmUp} | ${perFlow.join(' | ')} | ${medianMs} | ${p99Ms} | ${load} |`;
}

const root = mkdtempSync(join(tmpdir(), 'weir-bench-queue-'));
const redisPort = await freePort();
const redis = start('redis-server', [
  '--port',
  `${redisPort}`,
  '--bind',
  '127.0.0.1',
  '--save',
  '',
  '--appendonly',
  'no',
]);
try {
  await waitFor(redis, /Ready to accept/);
  console.log(
    '| flows/s sent | lost | listener µs/flow | worker µs/flow | Redis µs/flow | median ms | p99 ms | load average |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  for (const rate of rates) console.log(await measure(root, redisPort, rate));
} finally {
  redis.process.kill('SIGTERM');
  await redis.ended;
  rmSync(root, { recursive: true, force: true });
}
