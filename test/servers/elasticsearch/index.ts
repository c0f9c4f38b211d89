// A real Elasticsearch on a free port of 127.0.0.1, from Maven's jars (prepare.sh). Ends with the test run at the latest.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.ts';

export type ElasticsearchVersion = '7.3.1' | '7.10.2' | '7.17.28';

export interface ElasticsearchServerOptions {
  readonly version?: ElasticsearchVersion;
  readonly port?: number;
  /** Folder of the data; a new one, removed by `stop`, when none is named. */
  readonly home?: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** What `startElasticsearch` waits for: `http` for one that is to have no master. */
  readonly ready?: 'yellow' | 'http';
  /** Of the JVM. The default starts soon and stays small; a benchmark wants the optimizing compiler and a larger heap. */
  readonly javaOptions?: readonly string[];
}

export interface ElasticsearchServer {
  readonly url: string;
  /** Process id of the server that runs now. */
  readonly pid: number;
  /** Ends it properly, and for good. */
  stop(): Promise<void>;
  /** Ends it as a power cut would: SIGKILL. `restart` may follow. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port. */
  restart(): Promise<void>;
  /** JSON in, JSON out; throws on an HTTP error. */
  ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
}

/** 10 s, as a rule; minutes where the machine has a great deal else to do. */
const readyTimeoutMs = 240_000;
const testJavaOptions = ['-Xms512m', '-Xmx512m', '-XX:TieredStopAtLevel=1'];

export async function startElasticsearch({
  version = '7.10.2',
  port,
  home,
  settings = {},
  ready = 'yellow',
  javaOptions = testJavaOptions,
}: ElasticsearchServerOptions = {}): Promise<ElasticsearchServer> {
  const jars = prepareJars(version);
  const folder = home ?? mkdtempSync(join(tmpdir(), 'weir-elasticsearch-'));
  const httpPort = port ?? (await freePort());
  const url = `http://127.0.0.1:${httpPort}`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const started = spawn(
      'java',
      [
        ...[...javaOptions, '-Dlog4j2.disable.jmx=true', '-Des.distribution.flavor=oss'],
        ...[
          '-cp',
          `${jars}/classes:${jars}/lib/*`,
          'ElasticsearchServer',
          folder,
          `${httpPort}`,
          `${await freePort()}`,
        ],
        ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      ],
      // It reads standard input and ends with it, so it can't outlive us.
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    child = started;
    let output = '';
    for (const stream of [started.stdout, started.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4000);
      });
    const deadline = Date.now() + readyTimeoutMs;
    while (!(await isReady(url, ready))) {
      if (started.exitCode !== null) throw new Error(`Elasticsearch ${version} ended: ${output}`);
      if (Date.now() > deadline) throw new Error(`Elasticsearch ${version} did not start: ${output}`);
      await sleep(200);
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    await ended;
  }

  await start();
  return {
    url,
    get pid() {
      return child?.pid ?? 0;
    },
    async stop() {
      await end('SIGTERM');
      if (home === undefined) rmSync(folder, { recursive: true, force: true });
    },
    kill: () => end('SIGKILL'),
    restart: start,
    async ask<Answer>(method: string, path: string, body?: unknown) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: HTTP ${response.status} ${text}`);
      return JSON.parse(text) as Answer;
    },
  };
}

/** The folder with `lib` and `classes`; the first call for a version downloads it. */
function prepareJars(version: ElasticsearchVersion): string {
  const script = fileURLToPath(new URL('prepare.sh', import.meta.url));
  const { status, stderr } = spawnSync(script, [version], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`prepare.sh ${version} failed: ${stderr}`);
  return fileURLToPath(new URL(`../../../.cache/elasticsearch/${version}`, import.meta.url));
}

async function isReady(url: string, ready: 'yellow' | 'http'): Promise<boolean> {
  try {
    const response = await fetch(ready === 'http' ? url : `${url}/_cluster/health?wait_for_status=yellow&timeout=1s`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
