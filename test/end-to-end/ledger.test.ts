// The ledger under faults, with everything real: exporters whose datagrams get lost, datagrams that are none, a step that drops, documents
// that Elasticsearch refuses, and workers killed while they write. Expected numbers are those of the senders.

import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNetflow5Exporter } from '../../src/app/demo/build-netflow5.ts';
import type { ExporterBalance } from '../../src/app/ledger-balance.ts';
import { describeWith } from '../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch/index.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { numberedFlow } from './numbered-flows.ts';
import { program, startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

const run = promisify(execFile);
const dayMs = 86_400_000;
const droppedPort = 53;

interface Report {
  readonly exporters: readonly (ExporterBalance & { readonly counts: Readonly<Record<string, number>> })[];
  readonly queued: number | null;
  readonly verdict: readonly string[];
}

async function readLedger(folder: string, ...flags: readonly string[]): Promise<string> {
  const args = [program, 'ledger', ...flags, join(folder, 'pipeline.yml')];
  return (await run(process.execPath, args, { env: { ...process.env, ELASTICSEARCH_URL: '', REDIS_URL: '' } })).stdout;
}

const readReport = async (folder: string): Promise<Report> => JSON.parse(await readLedger(folder, '--json')) as Report;

/** An exporter at an address of its own. `sent`: what its sequence numbers say; `lost` of them never leave. */
async function createExporter(address: string, port: number) {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  const exporter = createNetflow5Exporter({ bootedAtMs: Date.now() - 10 * dayMs });
  const counts = { sent: 0, lost: 0, dropped: 0, refused: 0, garbage: 0 };
  const put = (datagram: Buffer) =>
    new Promise<void>((resolve, reject) =>
      socket.send(datagram, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
    );
  let datagrams = 0;
  return {
    address,
    counts,
    async send(count: number) {
      const nowMs = Date.now();
      const flows = Array.from({ length: count }, (_, at) => ({
        ...numberedFlow(counts.sent + at, nowMs),
        ...(at === 0 && { destinationPort: droppedPort }),
      }));
      const datagram = exporter.datagram(flows, nowMs);
      datagrams += 1;
      counts.sent += count;
      if (datagrams % 10 === 5) counts.lost += count;
      else {
        counts.dropped += 1;
        if (datagrams % 10 === 8) {
          // Yesterday's index refuses every document: the seconds of the header name the index.
          datagram.writeUInt32BE(Math.floor((nowMs - dayMs) / 1000), 8);
          counts.refused += count - 1;
        }
        await put(datagram);
      }
      if (datagrams % 10 === 7) {
        counts.garbage += 1;
        await put(Buffer.from('this is no flow'));
      }
    },
    close: () => socket.close(),
  };
}

const toIndexDay = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '.');

describeWith(['redis', 'java', 'maven'], 'the ledger of weir listen and weir work', () => {
  let folder: string;
  let redis: RedisServer;
  let elasticsearch: ElasticsearchServer;
  const processes: WeirProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weir-ledger-'));
    [redis, elasticsearch] = await Promise.all([startRedis(), startElasticsearch()]);
  }, 300_000);
  afterAll(async () => {
    await Promise.all(processes.map((weir) => weir.stop('SIGKILL')));
    await redis?.stop();
    await elasticsearch?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(verb: 'listen' | 'work', name: string): Promise<WeirProcess> {
    const weir = await startWeir({
      folder: join(folder, name),
      verb: [verb],
      steps: `[ drop: { when: { flow.dst_port: ${droppedPort} } } ]`,
      index: `{ elasticsearch: { nodes: [ "${elasticsearch.url}" ] } }`,
      settings: `queue: { redis: "${redis.url}" }\nbatch: { records: 200, bytes: 1MiB, age: 50ms }`,
    });
    processes.push(weir);
    return weir;
  }

  const count = async (index: string, address: string): Promise<number> => {
    await elasticsearch.ask('POST', `/${index}/_refresh`);
    const field = index === 'weir-dead-letters' ? 'exporter' : 'node.ipaddr';
    const body = { query: { term: { [field]: address } } };
    return (await elasticsearch.ask<{ count: number }>('POST', `/${index}/_count`, body)).count;
  };

  test('exported − lost = indexed, each counted once, + dropped + dead letters, per exporter, whatever dies', async () => {
    await elasticsearch.ask('PUT', `/weir-flow-${toIndexDay(Date.now() - dayMs)}`, {
      mappings: { _routing: { required: true }, _meta: { weir: { template: 'weir-flow', version: 1 } } },
    });
    const listener = await start('listen', 'listener');
    let workers = [await start('work', 'worker-0'), await start('work', 'worker-1')];
    const exporters = [
      await createExporter('127.0.0.1', listener.port),
      await createExporter('127.0.0.2', listener.port),
    ];
    for (let round = 0; round < 120; round += 1) {
      for (const exporter of exporters) await exporter.send(25);
      await sleep(25);
      if (round % 40 === 20) {
        await Promise.all(workers.map((worker) => worker.stop('SIGKILL')));
        workers = [await start('work', 'worker-0'), await start('work', 'worker-1')];
      }
    }
    const at = join(folder, 'listener');
    let report = await readReport(at);
    await waitUntil(
      async () => {
        report = await readReport(at);
        return (
          report.exporters.length === 2 && report.exporters.every(({ rest, decoded }) => rest === 0 && decoded > 0)
        );
      },
      120_000,
      () => JSON.stringify(report, undefined, 1),
    );
    // Documents of all that is counted, not only what lies in Redis.
    await listener.stop();
    for (const worker of workers) await worker.stop();
    await elasticsearch.ask('POST', '/weir-ledger-*/_refresh');
    report = await readReport(at);

    for (const { address, counts } of exporters) {
      const { sent, lost, dropped, refused, garbage } = counts;
      const balance = report.exporters.find(({ exporter }) => exporter === address);
      expect(balance).toMatchObject({
        exported: sent,
        lostInNetwork: lost,
        decoded: sent - lost,
        droppedBySteps: dropped,
        deadLettered: refused,
        indexed: sent - lost - dropped - refused,
        quarantined: 0,
        lost: 0,
        rest: 0,
      });
      expect(balance?.counts).toMatchObject({
        'dropped_by_step.drop': dropped,
        'faults.protocol-unknown': garbage,
        records_queued: sent - lost,
      });
      expect(await count(`weir-flow-${toIndexDay(Date.now())}`, address)).toBe(balance?.indexed);
      expect(await count('weir-dead-letters', address)).toBe(balance?.deadLettered);
    }
    expect(report.verdict).toEqual([expect.stringMatching(/^It balances: /)]);

    const text = await readLedger(at, '--exporter', '127.0.0.2', '--since', '1h');
    expect(text).toMatch(/^EXPORTER +EXPORTED/);
    expect(text).toContain('dropped by steps: drop ');
    expect(text).not.toContain('127.0.0.1');
  }, 300_000);

  test('the same rows sent again are the same documents', async () => {
    const { ids } = await readLedgerIds();
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(3);
  });

  test('errors are one clear line', async () => {
    const at = join(folder, 'listener');
    const failed = (...flags: readonly string[]) =>
      readLedger(at, ...flags).then(
        () => 'it did not fail',
        (error: { readonly stderr: string }) => error.stderr,
      );
    expect(await failed('--since', 'lunch')).toMatch(/^weir: --since lunch is neither a duration nor a time[^\n]*\n$/);
    expect(await failed('--exporter', '10.9.9.9')).toMatch(
      /^weir: the ledger has nothing of the exporter 10\.9\.9\.9[^\n]*\n$/,
    );
  }, 60_000);

  async function readLedgerIds() {
    interface Answer {
      readonly hits: { readonly hits: readonly { readonly _id: string }[] };
    }
    const { hits } = await elasticsearch.ask<Answer>('POST', '/weir-ledger-*/_search', { size: 1000 });
    return { ids: hits.hits.map(({ _id }) => _id) };
  }
});

test('without Redis and Elasticsearch the ledger is a file beside the flows, and balances over a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-ledger-files-'));
  try {
    let weir = await startWeir({ folder });
    for (let round = 0; round < 2; round += 1) {
      const exporter = await createExporter('127.0.0.1', weir.port);
      for (let sent = 0; sent < 4; sent += 1) await exporter.send(30);
      await sleep(500);
      exporter.close();
      await weir.stop();
      if (round === 0) weir = await startWeir({ folder });
    }
    const month = new Date().toISOString().slice(0, 7).replace('-', '.');
    expect(
      readFileSync(join(folder, 'flows', 'ledger', `ledger-${month}.ndjson`), 'utf8')
        .trim()
        .split('\n').length,
    ).toBeGreaterThan(1);
    const { exporters, verdict } = await readReport(folder);
    expect(exporters).toMatchObject([{ exporter: '127.0.0.1', exported: 240, decoded: 240, indexed: 240, rest: 0 }]);
    expect(verdict).toEqual(['It balances: what became of each of the 240 records decoded is known.']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
