// `weir listen --workers`: several processes behind one port, with a real Redis; whichever dies, every flow is there exactly once.

import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createNetflow9Exporter } from '../../src/app/demo/build-netflow9.ts';
import { describeWith } from '../needs.ts';
import { type ElasticsearchDouble, startElasticsearchDouble } from '../servers/elasticsearch-double.ts';
import { freePort } from '../servers/free-port.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { numberedFlow, numberOf } from './numbered-flows.ts';
import { startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

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

  async function start(verb: readonly string[], http = 'off', settings = ''): Promise<WeirProcess> {
    const weir = await startWeir({
      folder: join(folder, `${round}-${processes.length}`),
      verb,
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
    async function pass(index: number, datagram: Buffer): Promise<void> {
      turn += 1;
      const socket = parts[index]!.sockets[turn % 2]!;
      await new Promise<void>((resolve, reject) => {
        socket.send(datagram, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
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

  test('a listener killed with -9: its workers put on the queue what they had got, and end', async () => {
    const listener = await start(['listen', '--workers', '2']);
    const workers = workersOf(listener);
    await listener.stop('SIGKILL');
    await waitUntil(() => workers.every((pid) => !isAlive(pid)), 10_000, 'the end of all workers');
  }, 120_000);
});

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
