// `weir listen --workers`: several processes behind one port, with a real Redis; whichever dies, every flow is there exactly once.

import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createNetflow9Exporter } from '../../src/app/demo/build-netflow9.ts';
import { readCaptureFile } from '../../src/collect/capture-file.ts';
import { ipfix, ipfixTemplate, set, uint } from '../decode/datagram-builder.ts';
import { describeWith } from '../needs.ts';
import { type ElasticsearchDouble, startElasticsearchDouble } from '../servers/elasticsearch-double.ts';
import { freePort } from '../servers/free-port.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { createFlowSender, numberedFlow, numberOf } from './numbered-flows.ts';
import { program, startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

const exporters = 50;
const samplingInterval = 100;
const flowsPerDatagram = 10;

describeWith(['redis'], 'weir listen --workers', () => {
  let folder: string;
  let redis: RedisServer;
  let elasticsearch: ElasticsearchDouble;
  let processes: WeirProcess[] = [];
  const senders: Sender[] = [];
  let round = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-workers-'));
    redis = await startRedis();
    elasticsearch = await startElasticsearchDouble();
  });
  afterEach(async () => {
    for (const sender of senders.splice(0)) sender.close();
    await Promise.all(processes.map((weir) => weir.stop('SIGKILL')));
    processes = [];
    elasticsearch.documents.clear();
    round += 1;
  });
  afterAll(async () => {
    await redis.stop();
    await elasticsearch.stop();
    await rm(folder, { recursive: true });
  });

  async function start(
    verb: readonly string[],
    http = 'off',
    { settings = '', port = 0, listen = [] as readonly string[], place = `${round}-${processes.length}` } = {},
  ): Promise<WeirProcess> {
    const weir = await startWeir({
      folder: join(folder, place),
      ...{ verb, port, listen },
      telemetry: `{ http: "${http}" }`,
      index: `{ elasticsearch: { nodes: [ "${elasticsearch.url}" ] } }`,
      settings: `queue: { redis: "redis://127.0.0.1:${redis.port}", key_prefix: test${round} }
batch: { records: 200, bytes: 1MiB, age: 50ms }
${settings}`,
    });
    processes.push(weir);
    return weir;
  }

  /** Fifty exporters with addresses of their own; each datagram of theirs comes from another port than the one before. */
  function createSender(port: number) {
    const parts = Array.from({ length: exporters }, (_, index) => {
      const open = (): Socket => createSocket('udp4').bind(0, `127.0.1.${index + 1}`);
      return {
        sockets: [open(), open()],
        exporter: createNetflow9Exporter({
          bootedAtMs: Date.now() - 100_000,
          sourceId: 1,
          samplingInterval,
        }),
      };
    });
    let turn = 0;
    let next = 0;
    let to = port;
    async function pass(index: number, datagram: Buffer): Promise<void> {
      turn += 1;
      const socket = parts[index]!.sockets[turn % 2]!;
      await new Promise<void>((resolve, reject) => {
        socket.send(datagram, to, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
      });
    }
    return {
      async templates(): Promise<void> {
        for (const [index, { exporter }] of parts.entries()) await pass(index, exporter.templates(Date.now()));
      },
      /** Returns how many were sent since ever. */
      async flows(datagramsEach: number): Promise<number> {
        for (let count = 0; count < datagramsEach; count += 1) {
          for (const [index, { exporter }] of parts.entries()) {
            const nowMs = Date.now();
            const flows = Array.from({ length: flowsPerDatagram }, (_, at) => numberedFlow(next + at, nowMs));
            next += flowsPerDatagram;
            await pass(index, exporter.datagram(flows, nowMs));
          }
        }
        return next;
      },
      /** To another listener from now on. */
      turnTo(other: number): void {
        to = other;
      },
      close(): void {
        for (const { sockets } of parts) for (const socket of sockets) socket.close();
      },
    };
  }
  type Sender = ReturnType<typeof createSender>;

  function open(port: number): Sender {
    const sender = createSender(port);
    senders.push(sender);
    return sender;
  }

  /** The ledger's documents are there, too. */
  function flowDocuments(): Record<string, unknown>[] {
    return [...elasticsearch.documents.values()].flatMap(({ flow }) =>
      flow === undefined ? [] : [flow as Record<string, unknown>],
    );
  }

  async function expectEachOnce(sent: number, beforeOptions = 0): Promise<void> {
    await waitUntil(
      () => flowDocuments().length >= sent,
      60_000,
      () => `${flowDocuments().length} of ${sent}\n${processes.map((weir) => weir.output()).join('\n')}`,
    );
    const flows = flowDocuments();
    const numbers = flows.map((flow) => numberOf(flow['src_addr'])).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: sent }, (_, index) => index));
    // What the exporters' options data said is known wherever their flows are decoded.
    const sampled = flows.filter((flow) => flow['sampling_interval'] === samplingInterval);
    expect(sampled).toHaveLength(sent - beforeOptions);
  }

  async function readMetric(address: string, name: string): Promise<number> {
    const text = await (await fetch(`http://${address}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  test('fifty exporters, templates and options before and after data: each flow once, one /metrics for all', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const listener = await start(['listen', '--workers', '3'], address);
    await start(['work']);
    expect((await fetch(`http://${address}/readyz`)).status).toBe(200);
    expect(workersOf(listener)).toHaveLength(3);
    const sender = open(listener.port);
    const beforeTemplates = await sender.flows(2);
    await sender.templates();
    const sent = await sender.flows(10);
    // In the exporters' first datagram the templates stand before the options data.
    await expectEachOnce(sent, beforeTemplates);
    const datagrams = exporters * 13;
    await waitUntil(
      async () => (await readMetric(address, 'weir_enqueue_records_queued_total')) === sent,
      10_000,
      'the counts of all workers',
    );
    expect(await readMetric(address, 'weir_collect_datagrams_received_total')).toBe(datagrams);
    expect(await readMetric(address, 'weir_decode_records_decoded_total')).toBe(sent);
    expect(await readMetric(address, 'weir_decode_sets_parked_total')).toBe(exporters * 2);
    // One exporter's datagrams were all in one place: nobody missed any.
    expect(await readMetric(address, 'weir_collect_datagrams_missed_total')).toBe(0);
    expect(await readMetric(address, 'weir_collect_worker_ready')).toBe(3);
  }, 120_000);

  test('workers killed under load: the next ones get what they had, and know the templates', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const listener = await start(['listen', '--workers', '2'], address);
    await start(['work']);
    const sender = open(listener.port);
    await sender.templates();
    let sent = await sender.flows(5);
    for (const index of [0, 1, 0]) {
      const [victim] = workersOf(listener).slice(index);
      const sending = sender.flows(20);
      await new Promise((resolve) => setTimeout(resolve, 100));
      process.kill(victim!, 'SIGKILL');
      sent = await sending;
      const restarts = async () => (await readMetric(address, 'weir_collect_worker_ready')) === 2;
      await waitUntil(async () => !workersOf(listener).includes(victim!) && (await restarts()), 20_000, 'a new worker');
    }
    await expectEachOnce(sent);
    expect(await readMetric(address, 'weir_collect_worker_restarts_total')).toBe(3);
    await waitUntil(
      async () => (await readMetric(address, 'weir_enqueue_records_queued_total')) === sent,
      10_000,
      'the ledger knows each flow once',
    );
  }, 180_000);

  test('a worker that hangs is killed, and the next one gets what it had', async () => {
    const listener = await start(['listen', '--workers', '2']);
    await start(['work']);
    const sender = open(listener.port);
    await sender.templates();
    await sender.flows(2);
    const [hanging] = workersOf(listener);
    process.kill(hanging!, 'SIGSTOP');
    const sent = await sender.flows(20);
    await waitUntil(() => !workersOf(listener).includes(hanging!), 60_000, 'the end of the hanging worker');
    await expectEachOnce(sent);
  }, 180_000);

  test('SIGTERM: what the kernel and the workers hold gets onto the queue, and all processes end', async () => {
    const listener = await start(['listen', '--workers', '2']);
    const sender = open(listener.port);
    await sender.templates();
    const sent = await sender.flows(20);
    const workers = workersOf(listener);
    expect((await listener.stop('SIGTERM')).code).toBe(0);
    await waitUntil(() => workers.every((pid) => !isAlive(pid)), 5000, 'the end of all workers');
    await start(['work']);
    await expectEachOnce(sent);
  }, 120_000);

  test('SIGINT to all processes at once, as a terminal sends it: nothing is lost', async () => {
    const listener = await start(['listen', '--workers', '2']);
    await start(['work']);
    const sender = open(listener.port);
    await sender.templates();
    const sent = await sender.flows(20);
    for (const pid of workersOf(listener)) process.kill(pid, 'SIGINT');
    expect((await listener.stop('SIGINT')).code).toBe(0);
    await expectEachOnce(sent);
  }, 120_000);

  test('a listener stopped for 3 s takes what the kernel has kept', async () => {
    const listener = await start(['listen', '--workers', '2']);
    await start(['work']);
    const sender = open(listener.port);
    await sender.templates();
    await sender.flows(3);
    listener.process.kill('SIGSTOP');
    // Not more than a small receive buffer has room for.
    await sender.flows(1);
    await sleep(3000);
    listener.process.kill('SIGCONT');
    await expectEachOnce(await sender.flows(3));
  }, 120_000);

  test('a listener killed with -9: its workers put on the queue what they had got, and end; the next one names the rest', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const place = `${round}-killed`;
    const listener = await start(['listen', '--workers', '2'], 'off', { place });
    await start(['work']);
    const workers = workersOf(listener);
    const sender = createFlowSender(listener.port);
    await sender.send(3000);
    await sleep(300);
    const sending = sender.send(3000);
    await listener.stop('SIGKILL');
    await sending;
    await waitUntil(() => workers.every((pid) => !isAlive(pid)), 10_000, 'the end of all workers');
    await start(['listen', '--workers', '2'], address, { place, port: listener.port });
    let sent = await sender.send(300);
    await sleep(500);
    sent = await sender.send(300);
    sender.close();
    const named = () => readMetric(address, 'weir_collect_records_lost_between_listeners_total');
    await waitUntil(
      async () => flowDocuments().length + (await named()) === sent,
      60_000,
      () => `${flowDocuments().length} of ${sent}`,
    );
    const numbers = flowDocuments().map((flow) => numberOf(flow['src_addr']));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length + (await named())).toBe(sent);
  }, 120_000);

  test('what exporters taught the workers of one listener, those of another one know', async () => {
    const first = await start(['listen', '--workers', '2']);
    const second = await start(['listen', '--workers', '3']);
    await start(['work']);
    const sender = open(first.port);
    await sender.templates();
    await sender.flows(1);
    // Written within 100 ms, and told at once.
    await sleep(1500);
    sender.turnTo(second.port);
    await expectEachOnce(await sender.flows(5));
  }, 120_000);

  test('IPFIX over TCP beside UDP, a reload under load, and weir capture: each flow once, each datagram in the capture', async () => {
    const place = `${round}-tcp`;
    const listener = await start(['listen', '--workers', '2'], 'off', { place, listen: ['tcp://127.0.0.1:0'] });
    await start(['work']);
    const home = join(folder, place);
    const capture = spawn(
      process.execPath,
      [program, 'capture', 'pipeline.yml', '--output', 'got.pcap', '--duration', '1h'],
      { cwd: home, stdio: 'ignore' },
    );
    const captured = new Promise((resolve) => capture.on('exit', resolve));
    await waitUntil(() => listener.output().includes('a capture of datagrams has begun'), 20_000, 'the capture');
    const sender = open(listener.port);
    await sender.templates();
    await sender.flows(5);
    const connection = createConnection(listener.portOf('tcp'), '127.0.0.1');
    const tcpFlows = 2000;
    for (let number = 0; number < tcpFlows; number += flowsPerDatagram)
      connection.write(toIpfix(number, number + flowsPerDatagram));
    const pipeline = join(home, 'pipeline.yml');
    writeFileSync(pipeline, readFileSync(pipeline, 'utf8').replace('age: 50ms', 'age: 90ms'));
    listener.process.kill('SIGHUP');
    for (const pid of workersOf(listener)) process.kill(pid, 'SIGHUP');
    const sent = await sender.flows(10);
    connection.end();
    await waitUntil(() => listener.output().includes('the changed pipeline file is in effect'), 20_000, 'the reload');
    await waitUntil(
      () => flowDocuments().length >= sent + tcpFlows,
      60_000,
      () => `${flowDocuments().length} of ${sent + tcpFlows}\n${listener.output()}`,
    );
    const numbers = flowDocuments().map((flow) => numberOf(flow['src_addr']));
    const expected = [
      ...Array.from({ length: sent }, (_, index) => index),
      ...Array.from({ length: tcpFlows }, (_, index) => firstTcpFlow + index),
    ];
    expect(numbers.toSorted((a, b) => a - b)).toEqual(expected);
    expect(workersOf(listener)).toHaveLength(2);
    const messages = exporters * 16 + tcpFlows / flowsPerDatagram;
    const countCaptured = async (): Promise<number> => {
      let count = 0;
      for await (const _ of readCaptureFile(join(home, 'got.pcap'))) count += 1;
      return count;
    };
    await waitUntil(async () => (await countCaptured()) >= messages, 20_000, 'the captured datagrams');
    capture.kill('SIGINT');
    await captured;
    expect(await countCaptured()).toBe(messages);
  }, 120_000);
});

const firstTcpFlow = 1_000_000;
const tcpTemplate = ipfixTemplate({
  id: 256,
  fields: [
    { id: 8, length: 4 },
    { id: 1, length: 4 },
  ],
});

/** Flows told apart as `numberedFlow` does, behind those by UDP. */
function toIpfix(from: number, to: number): Buffer {
  const records = Array.from({ length: to - from }, (_, index) =>
    Buffer.concat([uint(10 * 2 ** 24 + firstTcpFlow + from + index, 4), uint(1, 4)]),
  );
  return ipfix([...(from === 0 ? [set(2, tcpTemplate)] : []), set(256, ...records)], {
    exportSeconds: Math.floor(Date.now() / 1000),
    domain: 1,
    sequence: from,
  });
}

/** Processes that this one has started (proc(5)). */
function workersOf({ process: { pid } }: WeirProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended, too.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
