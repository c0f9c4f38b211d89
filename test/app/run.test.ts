// The built program as a process: from start over signals to what a second start finds.

import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNetflow9Exporter } from '../../src/app/demo/build-netflow9.ts';
import { createFlowSender, numberedFlow, numberOf } from '../end-to-end/numbered-flows.ts';
import { program, readDocuments, startWeir, waitUntil } from '../end-to-end/weir-process.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-run-'));
});
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
function newFolder(): string {
  folders += 1;
  return join(root, `${folders}`);
}

function numbersIn(folder: string): number[] {
  return readDocuments(folder)
    .map(({ flow }) => numberOf(flow['src_addr']))
    .sort((a, b) => a - b);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

async function send(datagrams: readonly Buffer[], port: number): Promise<void> {
  const socket = createSocket('udp4');
  for (const datagram of datagrams) await new Promise((resolve) => socket.send(datagram, port, '127.0.0.1', resolve));
  socket.close();
}

describe('weir run', () => {
  test('writes each flow once, as soon as it comes', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder });
    const sender = createFlowSender(weir.port);
    await sender.send(1000);
    await waitUntil(() => readDocuments(folder).length >= 1000, 20_000, 'documents');
    sender.close();
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(numbersIn(folder)).toEqual(upTo(1000));
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'ends in order on %s: what is in hand is written, the file is complete, code 0, within 5 s',
    async (signal) => {
      const folder = newFolder();
      const weir = await startWeir({ folder, settings: 'batch: { records: 100000, bytes: 64MiB, age: 1m }' });
      const sender = createFlowSender(weir.port);
      await sender.send(500);
      sender.close();
      // The batch would stay open for a minute: only the stop can have closed it.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(readDocuments(folder)).toEqual([]);
      const signalledAtMs = Date.now();
      expect(await weir.stop(signal)).toEqual({ code: 0, signal: null });
      expect(Date.now() - signalledAtMs).toBeLessThan(5000);
      expect(numbersIn(folder)).toEqual(upTo(500));
      expect(
        readdirSync(join(folder, 'flows')).filter((name) => !name.endsWith('.ndjson') && name !== 'ledger'),
      ).toEqual([]);
    },
  );

  test('the last log record has the totals of the run', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder });
    const sender = createFlowSender(weir.port);
    await sender.send(90);
    sender.close();
    await waitUntil(() => readDocuments(folder).length >= 90, 20_000, 'documents');
    await weir.stop();
    const records = weir
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.at(-1)).toMatchObject({ received: 90, indexed: 90, lost: 0 });
    // On Linux the kernel's drop counter of our sockets is read.
    if (process.platform === 'linux') expect(weir.output()).not.toContain('does not tell');
  });

  test('datagrams that are no flows are counted and change nothing', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder });
    await send(
      [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(1400, 0xff), Buffer.from('0009ffff', 'hex')],
      weir.port,
    );
    const sender = createFlowSender(weir.port);
    await sender.send(30);
    sender.close();
    await waitUntil(() => readDocuments(folder).length >= 30, 20_000, 'documents');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(weir.output()).toContain('protocol-unknown');
    expect(numbersIn(folder)).toEqual(upTo(30));
  });
});

describe('a second start', () => {
  test('decodes NetFlow v9 data at once: templates survive', async () => {
    const folder = newFolder();
    const exporter = createNetflow9Exporter({ bootedAtMs: Date.now() - 60_000, sourceId: 7, samplingInterval: 100 });
    const first = await startWeir({ folder });
    await send([exporter.templates(Date.now())], first.port);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await first.stop();
    expect(readDocuments(folder)).toEqual([]);

    const second = await startWeir({ folder, port: first.port });
    const nowMs = Date.now();
    await send([exporter.datagram([numberedFlow(0, nowMs), numberedFlow(1, nowMs)], nowMs)], second.port);
    await waitUntil(() => readDocuments(folder).length >= 2, 20_000, 'documents');
    await second.stop();
    expect(numbersIn(folder)).toEqual([0, 1]);
    // The sampler came with the options data that the first process saw.
    expect(readDocuments(folder).map(({ flow }) => [flow['sampling_interval'], flow['bytes']])).toEqual([
      [100, 100_000],
      [100, 100_100],
    ]);
  });

  test('goes on without the state file when it is damaged', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'state'), { recursive: true });
    writeFileSync(join(folder, 'state', 'templates.json'), '{"half": ');
    const weir = await startWeir({ folder });
    expect(weir.output()).toContain('templates of the last run are not usable');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
  });

  test('indexes what could not be indexed before: Elasticsearch away at the stop loses nothing', async () => {
    const folder = newFolder();
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    await new Promise((resolve) => silent.close(resolve));

    const away = await startWeir({ folder, index: `{ elasticsearch: { nodes: [ "http://127.0.0.1:${port}" ] } }` });
    const sender = createFlowSender(away.port);
    await sender.send(600);
    sender.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const signalledAtMs = Date.now();
    expect(await away.stop()).toEqual({ code: 0, signal: null });
    expect(Date.now() - signalledAtMs).toBeLessThan(5000);
    expect(existsSync(join(folder, 'state', 'unfinished-batches.ndjson'))).toBe(true);

    // A start that is refused writes none of them: they would come a second time.
    const holder = createSocket('udp4');
    await new Promise<void>((resolve) => holder.bind(0, '127.0.0.1', resolve));
    await expect(startWeir({ folder, port: holder.address().port })).rejects.toThrow('in use');
    holder.close();
    expect(readDocuments(folder)).toEqual([]);

    const files = await startWeir({ folder });
    await waitUntil(() => readDocuments(folder).length >= 600, 20_000, 'documents of the first run');
    await files.stop();
    expect(numbersIn(folder)).toEqual(upTo(600));
    expect(existsSync(join(folder, 'state', 'unfinished-batches.ndjson'))).toBe(false);
  });
});

describe('what can’t be is said in one line, with code 2', () => {
  function runOnce(pipeline: string): { status: number | null; text: string } {
    const folder = newFolder();
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'pipeline.yml');
    writeFileSync(file, pipeline);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'run', file], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 15_000,
    });
    return { status, text: stdout + stderr };
  }

  test('a port that is in use', async () => {
    const holder = createSocket('udp4');
    await new Promise<void>((resolve) => holder.bind(0, '127.0.0.1', resolve));
    const { port } = holder.address();
    const { status, text } = runOnce(`name: x\nlisten: [ "udp://127.0.0.1:${port}" ]\nsteps: []\n`);
    holder.close();
    expect(status).toBe(2);
    expect(text).toMatch(new RegExp(`${port}.*in use`));
    expect(text).not.toMatch(/^\s+at /m);
  });

  test.each(['state: /proc/weir', 'index: { files: { directory: /proc/weir } }'])(
    'a folder that can’t be written to: %s',
    (setting) => {
      const { status, text } = runOnce(`name: x\nlisten: [ "udp://127.0.0.1:0" ]\nsteps: []\n${setting}\n`);
      expect(status).toBe(2);
      expect(text).toContain('/proc/weir');
      expect(text).not.toMatch(/^\s+at /m);
    },
  );
});

test('npm start passes signals on: weir does not outlive it', async () => {
  const folder = newFolder();
  const weir = await startWeir({ folder, command: ['npm', 'start', '--ignore-scripts', '--'] });
  expect(await weir.stop()).toEqual({ code: 0, signal: null });
  expect(weir.output()).toContain('weir has stopped');
});

/** Takes connections and never answers. */
const hanging = createServer(() => undefined);

test('a signal during the start ends it in order, though Elasticsearch does not answer', async () => {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  const asked = new Promise<void>((resolve) => {
    hanging.once('connection', () => resolve());
  });
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
  const { port } = hanging.address() as AddressInfo;
  const index = `{ elasticsearch: { nodes: [ "http://127.0.0.1:${port}" ] } }`;
  writeFileSync(join(folder, 'pipeline.yml'), `name: x\nlisten: [ "udp://127.0.0.1:0" ]\nsteps: []\nindex: ${index}\n`);
  const weir = spawn(process.execPath, [program, 'run', 'pipeline.yml'], { cwd: folder, stdio: 'pipe' });
  let output = '';
  weir.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await asked;
  weir.kill('SIGTERM');
  expect(await once(weir, 'close')).toEqual([0, null]);
  expect(output).toContain('stopped before it was ready');
  hanging.close();
});

test('a second signal ends the process at once', async () => {
  const folder = newFolder();
  // It keeps the orderly stop busy.
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
  const { port } = hanging.address() as AddressInfo;
  const weir = await startWeir({ folder, index: `{ elasticsearch: { nodes: [ "http://127.0.0.1:${port}" ] } }` });
  const sender = createFlowSender(weir.port);
  await sender.send(300);
  sender.close();
  await new Promise((resolve) => setTimeout(resolve, 400));
  weir.process.kill('SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 100));
  const againAtMs = Date.now();
  expect(await weir.stop('SIGINT')).toEqual({ code: 130, signal: null });
  expect(Date.now() - againAtMs).toBeLessThan(2000);
  hanging.close();
});

test('the state file is never half written', async () => {
  const folder = newFolder();
  const weir = await startWeir({ folder });
  const exporter = createNetflow9Exporter({ bootedAtMs: Date.now() - 60_000, sourceId: 1, samplingInterval: 10 });
  await send([exporter.templates(Date.now())], weir.port);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await weir.stop();
  expect(() => JSON.parse(readFileSync(join(folder, 'state', 'templates.json'), 'utf8'))).not.toThrow();
  expect(readdirSync(join(folder, 'state'))).toEqual(['capture', 'spool', 'templates.json']);
});
