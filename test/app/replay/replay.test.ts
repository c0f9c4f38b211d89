// `weir replay` by the built program: into a pipeline, over UDP, paced, stopped, and with files that are none.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type ReplayOptions, replay as runReplay } from '../../../src/app/replay/replay.ts';
import { program, readDocuments, type StoredDocument, startWeir, waitUntil } from '../../end-to-end/weir-process.ts';
import { startElasticsearchDouble } from '../../servers/elasticsearch-double.ts';
import { capturedFromMs, captureTraffic } from './captured-traffic.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const traffic = captureTraffic();
const capture = join(folder, 'capture.pcap');
writeFileSync(capture, traffic.file);
let homes = 0;

/** A folder with a pipeline file of its own. */
function makeHome(index?: string): string {
  homes += 1;
  const home = join(folder, `home${homes}`);
  mkdirSync(home);
  writeFileSync(
    join(home, 'pipeline.yml'),
    `name: test
listen: "udp://127.0.0.1:0"
state: ${JSON.stringify(join(home, 'state'))}
steps: [ sampling, server, services, locality ]
telemetry: { http: off }
index: ${index ?? `{ files: { directory: ${JSON.stringify(join(home, 'flows'))} } }`}
`,
  );
  return home;
}

function start(home: string, args: readonly string[]) {
  const child = spawn(process.execPath, [program, 'replay', ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'] },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number | null, stdout, stderr }));
  return { child, ended, stderr: () => stderr };
}

/** By the built program. */
async function call(home: string, args: readonly string[]) {
  const { child, ended } = start(home, args);
  child.stdin.end();
  return ended;
}

/** In this process, which starts sooner. */
async function replay(home: string, options: Partial<ReplayOptions> = {}) {
  let aside = '';
  const { lines } = await runReplay({
    paths: [capture],
    input: createReadStream(capture),
    pipeline: join(home, 'pipeline.yml'),
    to: undefined,
    times: 'original',
    rate: { unit: 'max' },
    loops: 1,
    exporters: undefined,
    isOffline: true,
    quiet: true,
    logLevel: 'info',
    writeAside: (text) => {
      aside += text;
    },
    isTerminal: false,
    stopSignal: new Promise(() => undefined),
    ...options,
  });
  return { text: lines.join('\n'), aside };
}

const into = ['--pipeline', 'pipeline.yml'];

/** What makes a document apart from its times and its exporter. */
function toFlow({ flow, event }: StoredDocument): string {
  const { src_addr, dst_addr, src_port, dst_port, bytes, packets } = flow;
  return [event.type, src_addr, src_port, dst_addr, dst_port, bytes, packets].join(' ');
}

describe('weir replay', () => {
  it('puts every flow of a capture through the pipeline, at its own time, from its own exporter', async () => {
    const home = makeHome();
    const { exitCode, stdout } = await call(home, [capture, ...into]);
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`${traffic.datagrams} datagrams of 4 exporters, ${traffic.flows} flows`),
    });
    const documents = readDocuments(home);
    expect(documents.length).toBe(traffic.flows);
    expect(new Set(documents.map(({ event }) => event.host))).toEqual(
      new Set(['10.7.0.1', '10.7.0.2', '10.7.0.3', '10.7.0.4']),
    );
    for (const document of documents) {
      const time = Date.parse(document['@timestamp']);
      expect(time).toBeGreaterThanOrEqual(capturedFromMs - 1000);
      expect(time).toBeLessThanOrEqual(capturedFromMs + 4000);
    }
  });

  it('shifts all times of a flow alike with --times now', async () => {
    const [original, shifted] = [makeHome(), makeHome()];
    const beganMs = Date.now();
    await replay(original);
    await replay(shifted, { times: 'now' });
    const timesOf = (home: string) =>
      readDocuments(home)
        .map((document) => ({ flow: toFlow(document), times: readTimes(document) }))
        .toSorted((a, b) => (a.flow < b.flow ? -1 : a.flow > b.flow ? 1 : a.times.lasts - b.times.lasts));
    const before = timesOf(original);
    const after = timesOf(shifted);
    expect(after.map(({ flow }) => flow)).toEqual(before.map(({ flow }) => flow));
    expect(before.filter(({ times }) => times.lasts > 0).length).toBeGreaterThan(0);
    expect(after.map(({ times }) => [times.lasts, times.endedAgo])).toEqual(
      before.map(({ times }) => [times.lasts, times.endedAgo]),
    );
    for (const { times } of after) expect(times.at).toBeGreaterThan(beganMs - 2000);
  });

  it('doubles nothing in Elasticsearch when the same capture comes again, and says so', async () => {
    const elasticsearch = await startElasticsearchDouble();
    const home = makeHome(`{ elasticsearch: { nodes: [ "${elasticsearch.url}" ] } }`);
    const first = await replay(home);
    expect(first.text).toContain(`${traffic.flows} indexed`);
    const again = await replay(home);
    expect(again.text).toContain(`0 indexed, ${traffic.flows} already there`);
    expect(elasticsearch.documents.size).toBe(traffic.flows);
    await replay(home, { times: 'now' });
    expect(elasticsearch.documents.size).toBe(2 * traffic.flows);
    await elasticsearch.stop();
  });

  it.each([
    ['over UDP', 'original'],
    ['over UDP, shifted to now', 'now'],
  ] as const)('sends a capture %s, each exporter from an address of its own', async (title, times) => {
    const home = join(folder, title.replaceAll(/\W+/g, '-'));
    const weir = await startWeir({ folder: home, steps: '[ sampling, server, services, locality ]' });
    const beganMs = Date.now();
    const { text } = await replay(home, {
      to: { host: '127.0.0.1', port: weir.port },
      rate: { unit: 'datagrams', perSecond: 500 },
      times,
    });
    expect(text).toContain(`sent to 127.0.0.1 port ${weir.port}: ${traffic.datagrams} datagrams`);
    await waitUntil(() => readDocuments(home).length >= traffic.flows, 20_000, 'all flows');
    await weir.stop();
    const documents = readDocuments(home);
    const straight = makeHome();
    await replay(straight);
    const expected = readDocuments(straight);
    expect(documents.map(toFlow).toSorted()).toEqual(expected.map(toFlow).toSorted());
    expect(new Set(documents.map(({ event }) => event.host)).size).toBe(4);
    const lastsOf = (all: StoredDocument[]) => all.map((each) => `${toFlow(each)} ${readTimes(each).lasts}`).toSorted();
    expect(lastsOf(documents)).toEqual(lastsOf(expected));
    if (times === 'now')
      for (const document of documents) {
        const { at, endedAgo } = readTimes(document);
        // Headers hold whole seconds.
        expect(at).toBeGreaterThanOrEqual(beganMs - 2000);
        expect(endedAgo).toBeLessThan(60_000);
      }
  });

  it('keeps to a rate', async () => {
    const home = makeHome();
    const beganMs = performance.now();
    await replay(home, { rate: { unit: 'flows', perSecond: traffic.flows } });
    // All but the last datagram's flows take their part of a second.
    expect(performance.now() - beganMs).toBeGreaterThan(850);
    expect(readDocuments(home).length).toBe(traffic.flows);
  });

  it('reads what is packed, standard input, folders, and one exporter alone; loops', async () => {
    const packed = join(folder, 'capture.pcap.gz');
    writeFileSync(packed, gzipSync(traffic.file));
    const several = join(folder, 'several');
    mkdirSync(several);
    writeFileSync(join(several, '1.pcap'), traffic.file);
    writeFileSync(join(several, '2.txt'), 'no capture');
    const flowsOf = async (options: Partial<ReplayOptions>) => {
      const home = makeHome();
      await replay(home, options);
      return readDocuments(home).length;
    };
    expect(await flowsOf({ paths: [packed] })).toBe(traffic.flows);
    expect(await flowsOf({ paths: ['-'] })).toBe(traffic.flows);
    expect(await flowsOf({ paths: [several] })).toBe(traffic.flows);
    expect(await flowsOf({ paths: [capture, capture], loops: 2, times: 'now' })).toBe(4 * traffic.flows);
    const parts = await Promise.all(
      ['10.7.0.0/31', '10.7.0.2/31', '10.7.0.4'].map((subnet) => flowsOf({ exporters: [subnet] })),
    );
    expect(Math.min(...parts)).toBeGreaterThan(0);
    expect(parts.reduce((sum, part) => sum + part)).toBe(traffic.flows);
  });

  it('gives what a cut file has, packed or not, and says that it is cut', async () => {
    const whole = traffic.file.subarray(0, traffic.file.length - 5);
    for (const [name, bytes] of [
      ['cut.pcap', whole],
      ['cut.pcap.gz', gzipSync(traffic.file).subarray(0, -2000)],
    ] as const) {
      const home = makeHome();
      writeFileSync(join(home, name), bytes);
      const { aside } = await replay(home, { paths: [join(home, name)] });
      expect(aside).toContain(`${name} ends in the middle`);
      const found = readDocuments(home).length;
      expect(found).toBeGreaterThan(0);
      expect(found).toBeLessThan(traffic.flows);
    }
  });

  it.each([
    ['a file that is none', ['pipeline.yml', ...into], 'weir: pipeline.yml is no pcap or pcapng file'],
    ['a file that is not there', [capture, 'nowhere.pcap', ...into], 'weir: nowhere.pcap does not exist'],
    ['a rate that is none', [capture, '--rate', 'fast'], "weir: option '--rate <rate>' argument 'fast' is invalid"],
    ['a subnet that is none', [capture, ...into, '--exporter', '10.0.0.300'], 'weir: --exporter 10.0.0.300: expected'],
    ['two places to go', [capture, ...into, '--to', '127.0.0.1:1'], "weir: option '--to <host:port>' cannot be used"],
  ])('refuses %s, before anything is written', async (_, args, line) => {
    const home = makeHome();
    const { exitCode, stdout, stderr } = await call(home, args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr.startsWith(line), stderr).toBe(true);
    expect(readDocuments(home)).toEqual([]);
  });

  it('ends in order at SIGINT: what it has read is written', async () => {
    const home = makeHome();
    const { child, ended } = start(home, [capture, ...into, '--rate', '20', '--loop', '--times', 'now']);
    await waitUntil(() => readDocuments(home).length > 0, 20_000, 'the first documents');
    child.kill('SIGINT');
    const { exitCode, stdout } = await ended;
    expect(exitCode).toBe(130);
    const flows = Number(/, ([\d,]+) flows, in/.exec(stdout)?.[1]?.replaceAll(',', ''));
    expect(readDocuments(home).length).toBe(flows);
  });
});

/** Of a document: its time; how long the flow lasted, and how long it was over then, in ms. */
function readTimes(document: StoredDocument) {
  const at = Date.parse(document['@timestamp']);
  const { netflow, ipfix } = document as unknown as Readonly<Record<string, Record<string, string> | undefined>>;
  const start = Date.parse(netflow?.['first_switched'] ?? ipfix?.['flowStartMilliseconds'] ?? '');
  const end = Date.parse(netflow?.['last_switched'] ?? ipfix?.['flowEndMilliseconds'] ?? '');
  return Number.isNaN(start) ? { at, lasts: 0, endedAgo: 0 } : { at, lasts: end - start, endedAgo: at - end };
}
