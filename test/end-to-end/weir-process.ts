// The built program as a process of its own, with its files in a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));
export const program = fileURLToPath(new URL('../../dist/app/main.js', import.meta.url));

export interface WeirOptions {
  /** Holds pipeline.yml, state/ and flows/. A second process in the same folder goes on where the first ended. */
  readonly folder: string;
  /** YAML of the `index` key; NDJSON files in flows/ when absent. */
  readonly index?: string;
  /** YAML of the `telemetry` key; nothing is shown when absent. */
  readonly telemetry?: string;
  /** YAML of the `steps` key. */
  readonly steps?: string;
  /** Beyond that of the tests. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Further YAML lines at the top level. */
  readonly settings?: string;
  /** 0 (the default): any free port. */
  readonly port?: number;
  /** Further addresses to listen on: "tcp://127.0.0.1:0". */
  readonly listen?: readonly string[];
  readonly verb?: readonly string[];
  /** What starts weir, the verb included, in place of Node and the built program. */
  readonly command?: readonly [string, ...string[]];
}

export interface WeirProcess {
  readonly port: number;
  /** The port of the first address of this protocol. */
  portOf(protocol: 'udp' | 'tcp' | 'tls'): number;
  readonly process: ChildProcess;
  output(): string;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

export async function startWeir({
  folder,
  index,
  settings = '',
  steps = '[ sampling, server, services, geoip, asn, locality ]',
  telemetry = '{ http: off }',
  port = 0,
  listen = [],
  verb = ['run'],
  environment,
  command,
}: WeirOptions): Promise<WeirProcess> {
  mkdirSync(folder, { recursive: true });
  const pipeline = join(folder, 'pipeline.yml');
  writeFileSync(
    pipeline,
    `name: test
listen: ${JSON.stringify([`udp://127.0.0.1:${port}`, ...listen])}
state: ${JSON.stringify(join(folder, 'state'))}
steps: ${steps}
telemetry: ${telemetry}
index: ${index ?? `{ files: { directory: ${JSON.stringify(join(folder, 'flows'))} } }`}
${settings}
`,
  );
  const [executable, ...args] = command ?? [process.execPath, program, ...verb];
  const child = spawn(executable, [...args, pipeline], {
    // npm finds its package there.
    cwd: command === undefined ? folder : repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ELASTICSEARCH_URL: '', REDIS_URL: '', ...environment },
  });
  let output = '';
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  const boundPort = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`weir did not get ready:\n${output}`)), 60_000);
    const read = (data: Buffer): void => {
      output += data.toString();
      const found = /udp:\/\/127\.0\.0\.1:(\d+)/.exec(output);
      // A worker has no port.
      const isReady = found !== null || (verb[0] === 'work' && output.includes('weir is ready'));
      if (!isReady) return;
      clearTimeout(timer);
      resolve(Number(found?.[1] ?? 0));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(({ code }) => {
      clearTimeout(timer);
      reject(new Error(`weir ended with ${code}:\n${output}`));
    });
  });
  return {
    port: boundPort,
    portOf(protocol) {
      const found = new RegExp(`${protocol}://127\\.0\\.0\\.1:(\\d+)`).exec(output);
      if (found === null) throw new Error(`weir does not listen on ${protocol}:\n${output}`);
      return Number(found[1]);
    },
    process: child,
    output: () => output,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return ended;
    },
  };
}

export interface StoredDocument {
  readonly '@timestamp': string;
  readonly event: { readonly host: string; readonly type: string };
  readonly node: { readonly ipaddr: string };
  readonly flow: Readonly<Record<string, unknown>>;
}

/** Every document in flows/, in the order of the files. */
export function readDocuments(folder: string): StoredDocument[] {
  const flows = join(folder, 'flows');
  if (!existsSync(flows)) return [];
  return readdirSync(flows)
    .filter((name) => name.includes('.ndjson'))
    .sort()
    .flatMap((name) => readFileSync(join(flows, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StoredDocument);
}

export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  /** For the message: what did not come. */
  what: string | (() => string),
): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`not within ${limitMs} ms: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
