// The built program and the sender of bench/flow-sender.ts as processes, as users start them.

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/app/main.js', import.meta.url));
const senderFile = fileURLToPath(new URL('flow-sender.ts', import.meta.url));

export interface Weir {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly startedAtMs: number;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
}

/** `index`: that section of the pipeline file; `geoip`: the options of that step, the installed database without them. */
export function startWeir(folder: string, port: number, index: string, geoip = '{}'): Weir {
  mkdirSync(folder, { recursive: true });
  const pipeline = join(folder, 'pipeline.yml');
  writeFileSync(
    pipeline,
    `name: bench
listen: [ "udp://127.0.0.1:${port}" ]
state: ${join(folder, 'state')}
steps: [ sampling, server, services, geoip: ${geoip}, asn, locality ]
index: ${index}
`,
  );
  const startedAtMs = performance.timeOrigin + performance.now();
  // As a user starts it: by its first line, which has V8's options.
  const child = spawn(program, ['run', '--quiet', '--log-level', 'error', pipeline], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  return {
    process: child,
    pid: child.pid ?? 0,
    startedAtMs,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Resolves with the flows that were sent. */
export function sendFlows(port: number, rate: number, seconds: number): Promise<number> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', senderFile, '--port', `${port}`, '--rate', `${rate}`, '--seconds', `${seconds}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString();
  });
  return new Promise<number>((resolve, reject) => {
    child.on('exit', () => {
      const found = /"flows":\s*(\d+)/.exec(output);
      if (found === null) reject(new Error(`the sender said: ${output}`));
      else resolve(Number(found[1]));
    });
  });
}

/** A UDP port of 127.0.0.1 that nobody has. */
export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
