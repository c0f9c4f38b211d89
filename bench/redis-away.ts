// Memory of a listener whose Redis is away, by minute, at a rate of flows: what it can't put there lies on disk.
// Run: npx tsx bench/redis-away.ts [minutes] [flows/s]

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/servers/free-port.ts';

const minutes = Number(process.argv[2] ?? 10);
const rate = Number(process.argv[3] ?? 20_000);
const program = fileURLToPath(new URL('../dist/app/main.js', import.meta.url));
const senderFile = fileURLToPath(new URL('flow-sender.ts', import.meta.url));
const readEveryMs = 1000;

const root = mkdtempSync(join(tmpdir(), 'weir-bench-away-'));
const [port, away, metrics] = [await freePort(), await freePort(), await freePort()];
const pipeline = join(root, 'pipeline.yml');
writeFileSync(
  pipeline,
  `name: bench
listen: [ "udp://127.0.0.1:${port}" ]
state: ${join(root, 'state')}
telemetry: { http: "127.0.0.1:${metrics}" }
queue: { redis: "redis://127.0.0.1:${away}", spool: { size: 4GiB } }
steps: [ sampling, server, services, geoip, asn, locality ]
`,
);
const listener = spawn(program, ['listen', '--log-level', 'error', pipeline], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
try {
  await waitForHealth();
  const sender = spawn(
    process.execPath,
    ['--import', 'tsx', senderFile, '--port', `${port}`, '--rate', `${rate}`, '--seconds', `${minutes * 60}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let told = '';
  sender.stdout.on('data', (data: Buffer) => {
    told += data.toString();
  });
  const ended = new Promise((resolve) => sender.on('exit', resolve));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  let most = 0;
  for (let second = 1; !isOver; second += 1) {
    await sleep(readEveryMs);
    most = Math.max(most, residentMegabytes());
    if (second % 60 === 0) console.log(`minute ${second / 60}: ${residentMegabytes()} MB, most so far ${most} MB`);
  }
  await sleep(2 * readEveryMs);
  const { flows } = JSON.parse(told) as { readonly flows: number };
  const spooled = await readMetric('weir_enqueue_spool_records');
  const dropped = await readMetric('weir_collect_kernel_datagrams_dropped_total');
  console.log(
    `${minutes} minutes without Redis at ${Math.round(flows / minutes / 60)} flows/s: at most ${most} MB resident; ` +
      `${spooled} of ${flows} flows on disk, ${dropped} datagrams dropped by the kernel`,
  );
} finally {
  listener.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function waitForHealth(): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const isHere = await fetch(`http://127.0.0.1:${metrics}/livez`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHere) return sleep(readEveryMs);
    await sleep(100);
  }
  throw new Error('the listener did not start');
}

/** proc(5): VmRSS is in kB. */
function residentMegabytes(): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${listener.pid}/status`, 'utf8'))?.[1]) / 1024);
}

/** The sum over all labels. */
async function readMetric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  const values = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
