// `weir capture` beside a running weir: what it writes must be what came, and the running weir must not lose a flow by it.

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createCaptureFiles } from '../../../src/app/capture/capture-files.ts';
import { createExporterFilter } from '../../../src/app/exporter-gate.ts';
import { createMicroseconds } from '../../../src/app/microseconds.ts';
import { readCaptureFile } from '../../../src/collect/capture-file.ts';
import { createCaptureReader } from '../../../src/collect/capture-reader.ts';
import { createCaptureSocket } from '../../../src/collect/capture-socket.ts';
import { toPcapRecord } from '../../../src/collect/pcap-writer.ts';
import type { Datagram } from '../../../src/model/datagram.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { ipfix, ipfixTemplate, set, uint } from '../../decode/datagram-builder.ts';
import { createFlowSender } from '../../end-to-end/numbered-flows.ts';
import { program, readDocuments, startWeir, waitUntil } from '../../end-to-end/weir-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-cap-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(home: string, args: readonly string[]) {
  const child = spawn(process.execPath, [program, 'capture', ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, ended, output: () => output };
}

async function readAll(path: string): Promise<Datagram[]> {
  const datagrams: Datagram[] = [];
  for await (const datagram of readCaptureFile(path))
    datagrams.push({ ...datagram, payload: Buffer.from(datagram.payload) });
  return datagrams;
}

const begun = 'a capture of datagrams has begun';
const countOf = (text: string, part: string): number => text.split(part).length - 1;

describe('weir capture', () => {
  it('writes what comes to a running weir, by UDP and TCP, and both have all of it', async () => {
    const home = join(folder, 'beside');
    const weir = await startWeir({ folder: home, listen: ['tcp://127.0.0.1:0'] });
    const capture = start(home, ['pipeline.yml', '--output', 'got.pcap', '--duration', '1h']);
    const wrong = start(home, [
      'pipeline.yml',
      '--output',
      'none.pcap',
      '--exporter',
      '10.0.0.0/8',
      '--duration',
      '1h',
    ]);
    await waitUntil(() => countOf(weir.output(), begun) === 2, 20_000, 'two captures');

    const beganMs = Date.now();
    const sender = createFlowSender(weir.port);
    await sender.send(300);
    sender.close();
    const template = set(2, ipfixTemplate({ id: 256, fields: [{ id: 1, length: 8 }] }));
    const message = ipfix([template, set(256, uint(4711, 8))], { domain: 9, sequence: 0 });
    const connection = createConnection(weir.portOf('tcp'), '127.0.0.1');
    await once(connection, 'connect');
    const tcpPort = connection.localPort;
    connection.end(message);
    await waitUntil(() => readDocuments(home).length >= 301, 20_000, 'all documents');
    // What is captured is on the disk a moment later.
    await waitUntil(async () => (await readAll(join(home, 'got.pcap'))).length >= 11, 20_000, 'all datagrams');
    capture.child.kill('SIGINT');
    wrong.child.kill('SIGTERM');
    const [{ code, output }, none] = await Promise.all([capture.ended, wrong.ended]);
    await weir.stop();

    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/^got\.pcap: 11 datagrams of 1 exporter, /),
    });
    expect(none.output).toContain('nothing came from 10.0.0.0/8');
    const captured = await readAll(join(home, 'got.pcap'));
    expect(captured.length).toBe(11);
    for (const { exporter, receivedAtMs } of captured) {
      expect(exporter).toBe('127.0.0.1');
      expect(receivedAtMs).toBeGreaterThanOrEqual(beganMs);
      expect(receivedAtMs).toBeLessThanOrEqual(Date.now());
    }
    const byTcp = captured.find(({ payload }) => payload.equals(message));
    expect(byTcp?.exporterPort).toBe(tcpPort);
    const bytes = readFileSync(join(home, 'got.pcap'));
    // The first record: IPv4, then UDP with the port that weir listens on.
    expect(bytes.toString('hex', 24 + 16 + 16, 24 + 16 + 20)).toBe('7f000001');
    expect(bytes.readUInt16BE(24 + 16 + 20 + 2)).toBe(weir.port);
    expect(statSync(join(home, 'got.pcap')).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'state', 'capture')).mode & 0o777).toBe(0o700);
    // Stopped in order, it leaves no socket behind.
    expect(readdirSync(join(home, 'state', 'capture'))).toEqual([]);
  });

  it('leaves a file that can be read when it is killed; a killed weir’s socket is cleared away', async () => {
    const home = join(folder, 'killed');
    const weir = await startWeir({ folder: home });
    const capture = start(home, ['pipeline.yml', '--output', 'got.pcap', '--duration', '1h']);
    await waitUntil(() => weir.output().includes(begun), 20_000, 'the capture');
    const sender = createFlowSender(weir.port);
    await sender.send(300);
    await waitUntil(async () => (await readAll(join(home, 'got.pcap'))).length === 10, 20_000, 'ten datagrams');
    capture.child.kill('SIGKILL');
    await capture.ended;
    await sender.send(30);
    sender.close();
    await waitUntil(() => readDocuments(home).length >= 330, 20_000, 'flows after the kill');
    await weir.stop('SIGKILL');
    expect((await readAll(join(home, 'got.pcap'))).length).toBe(10);
    expect(readdirSync(join(home, 'state', 'capture')).length).toBe(1);
    expect((await start(home, ['pipeline.yml', '--output', 'more.pcap']).ended).output).toContain('no weir runs here');
    const next = await startWeir({ folder: home });
    expect(readdirSync(join(home, 'state', 'capture')).length).toBe(1);
    await next.stop();
  });

  it('takes the ports itself where no weir runs, when it is told to; ends at a count; replaces nothing unasked', async () => {
    const home = join(folder, 'alone');
    mkdirSync(home);
    writeFileSync(
      join(home, 'pipeline.yml'),
      `name: a\nsteps: []\nlisten: "udp://127.0.0.1:0"\nstate: ${JSON.stringify(join(home, 'state'))}\n`,
    );
    const args = ['pipeline.yml', '--listen', '--output', 'got.pcap', '--count', '2'];
    async function captureTwo(more: readonly string[]) {
      const { ended, output } = start(home, [...args, ...more]);
      const portIn = () => /udp:\/\/127\.0\.0\.1:(\d+)/.exec(output())?.[1];
      await waitUntil(() => portIn() !== undefined, 20_000, output);
      const socket = createSocket('udp4');
      for (const text of ['one', 'two', 'three'])
        await new Promise((done) => socket.send(text, Number(portIn()), '127.0.0.1', done));
      socket.close();
      return ended;
    }
    expect((await captureTwo([])).code).toBe(0);
    expect((await readAll(join(home, 'got.pcap'))).map(({ payload }) => payload.toString())).toEqual(['one', 'two']);
    const refused = await captureTwo([]);
    expect(refused).toMatchObject({ code: 2, output: expect.stringContaining('got.pcap is there already') });
    writeFileSync(join(home, 'got.pcap'), 'old', { mode: 0o644 });
    expect((await captureTwo(['--force'])).code).toBe(0);
    expect((await readAll(join(home, 'got.pcap'))).length).toBe(2);
    expect(statSync(join(home, 'got.pcap')).mode & 0o777).toBe(0o600);
  });
});

const datagram = (bytes: number): Datagram => ({
  payload: Buffer.alloc(bytes, 5),
  exporter: '10.0.0.1',
  exporterPort: 7,
  receivedAtMs: 1,
});

const createSocketIn = (directory: string) =>
  createCaptureSocket({ directory, toFilter: createExporterFilter, logger: silentLogger, nowUs: () => 1 });

describe('a reader that does not keep up', () => {
  it('gets what there is room for, and is told how much was left out', async () => {
    const directory = join(folder, 's');
    const socket = createSocketIn(directory);
    await socket.start();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let records = 0;
    const reader = createCaptureReader({
      directory,
      exporters: undefined,
      async onRecord() {
        await held;
        records += 1;
      },
    });
    expect(await reader.start()).toBe(1);
    await waitUntil(() => socket.isRead, 20_000, 'a reader');
    for (let i = 0; i < 1000; i += 1) {
      socket.take(datagram(60_000));
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    release();
    // 60 MB came, 16 MB and what the kernel holds wait at most.
    await waitUntil(() => reader.leftOut() > 500, 20_000, 'what was left out');
    expect(records + reader.leftOut()).toBe(1000);
    await socket.stop();
    await reader.ended();
    expect(socket.isRead).toBe(false);
  });

  it('is refused with the reason when it asks for what is no subnet', async () => {
    const directory = join(folder, 'r');
    const socket = createSocketIn(directory);
    await socket.start();
    const reader = createCaptureReader({ directory, exporters: ['nonsense'], onRecord: () => undefined });
    await reader.start();
    await expect(reader.ended()).rejects.toMatchObject({ message: expect.stringContaining('expected an address') });
    await socket.stop();
  });
});

describe('capture files', () => {
  const record = toPcapRecord(datagram(1000), 5);

  it('go on in another one, and the newest stay', async () => {
    const path = join(folder, 'ring.pcap');
    const files = createCaptureFiles({ path, isForced: false, maxBytes: 24 + 3 * record.length, maxFiles: 2 });
    await files.start();
    for (let i = 0; i < 11; i += 1) expect(await files.add(record)).toBe(true);
    await files.stop();
    const names = readdirSync(folder).filter((name) => name.startsWith('ring'));
    expect(names.toSorted()).toEqual(['ring-0003.pcap', 'ring-0004.pcap']);
    expect((await readAll(join(folder, 'ring-0003.pcap'))).length).toBe(3);
    expect((await readAll(join(folder, 'ring-0004.pcap'))).length).toBe(2);
  });

  it('are over when a packet fits in none, and don’t go on in another one without end', async () => {
    const path = join(folder, 'small.pcap');
    const files = createCaptureFiles({ path, isForced: false, maxBytes: 24 + record.length - 1, maxFiles: 3 });
    await files.start();
    expect(await files.add(record)).toBe(false);
    await files.stop();
    expect(readdirSync(folder).filter((name) => name.startsWith('small'))).toEqual(['small-0001.pcap']);
  });

  it('end behind the last whole packet when the disk is full', async () => {
    const path = join(folder, 'full.pcap');
    let writes = 0;
    const openFile: typeof open = async (...args) => {
      const handle: FileHandle = await open(...args);
      const writeFile = handle.writeFile.bind(handle);
      handle.writeFile = async (data) => {
        writes += 1;
        if (writes < 3) return writeFile(data);
        await writeFile((data as Buffer).subarray(0, 500));
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      };
      return handle;
    };
    const files = createCaptureFiles({ path, isForced: false, maxBytes: 1e9, maxFiles: 1, openFile });
    await files.start();
    files.add(record);
    await files.flush();
    files.add(record);
    await expect(files.flush()).rejects.toMatchObject({ code: 'disk-full' });
    await expect(files.stop()).rejects.toMatchObject({ code: 'disk-full' });
    expect(statSync(path).size).toBe(24 + record.length);
  });

  it('never replace a device', async () => {
    const files = createCaptureFiles({ path: '/dev/null', isForced: true, maxBytes: 1e9, maxFiles: 1 });
    await expect(files.start()).rejects.toMatchObject({ message: '/dev/null is there already' });
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});

describe('microseconds', () => {
  it('stay in the millisecond of the wall clock, and grow within it', () => {
    let wall = 1_700_000_000_000;
    let monotonic = 10;
    const nowUs = createMicroseconds({ now: () => Math.floor(wall), monotonicMs: () => monotonic });
    let before = 0;
    for (const [wallStep, monotonicStep] of [
      [0, 0.2],
      [0.3, 0.3],
      [0.6, 0.6],
      [5, 5],
      [0.1, 0.1],
    ] as const) {
      wall += wallStep;
      monotonic += monotonicStep;
      const us = nowUs();
      expect(Math.floor(us / 1000)).toBe(Math.floor(wall));
      expect(us).toBeGreaterThanOrEqual(before);
      before = us;
    }
    wall -= 3_600_000;
    expect(Math.floor(nowUs() / 1000)).toBe(Math.floor(wall));
  });
});
