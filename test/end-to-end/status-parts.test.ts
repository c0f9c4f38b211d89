// The status of a listener with workers and of a worker: each tells what it knows, and what its parts know.

import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNetflow9Exporter } from '../../src/app/demo/build-netflow9.ts';
import type { StatusReport } from '../../src/app/status/status-report.ts';
import { describeWith } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { numberedFlow } from './numbered-flows.ts';
import { startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

describeWith(['redis'], 'the status of parts', () => {
  let folder: string;
  let redis: RedisServer;
  const processes: WeirProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-parts-'));
    redis = await startRedis();
  });
  afterAll(async () => {
    await Promise.all(processes.map((weir) => weir.stop('SIGKILL')));
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  async function start(verb: string, settings = '') {
    const address = `http://127.0.0.1:${await freePort()}`;
    const weir = await startWeir({
      folder: join(folder, verb),
      verb: [verb],
      telemetry: `{ http: "${new URL(address).host}" }`,
      settings: `queue: { redis: "redis://127.0.0.1:${redis.port}" }\n${settings}`,
    });
    processes.push(weir);
    const ask = async () => (await (await fetch(`${address}/api/status`)).json()) as StatusReport;
    return { weir, ask };
  }

  test('say what each knows', async () => {
    const listen = await start('listen', 'collect: { workers: 2 }');
    const work = await start('work');
    const nowMs = Date.now();
    const exporter = createNetflow9Exporter({ bootedAtMs: nowMs - 100_000, sourceId: 7, samplingInterval: 100 });
    const socket = createSocket('udp4');
    for (const datagram of [exporter.templates(nowMs), exporter.datagram([numberedFlow(1, nowMs)], nowMs)])
      await new Promise<void>((resolve) => socket.send(datagram, listen.weir.port, '127.0.0.1', () => resolve()));
    socket.close();

    const sampling = { interval: 100, source: 'options' };
    // Workers of the listener tell theirs every ten seconds.
    await waitUntil(
      async () => (await listen.ask()).exporters[0]?.templates !== undefined,
      30_000,
      'what workers know',
    );
    const listener = await listen.ask();
    expect(listener.weir).toMatchObject({ part: 'listen', pipeline: 'test' });
    expect(listener.stages.map(({ name }) => name)).toEqual(['collect', 'decode', 'enqueue']);
    expect(listener.exporters).toMatchObject([
      { address: '127.0.0.1', protocols: ['netflow9'], sampling, templates: { data: 2, options: 2 }, domains: 1 },
    ]);
    expect([listener.workers?.length, listener.index, listener.talkers]).toEqual([2, undefined, undefined]);

    await waitUntil(async () => (await work.ask()).talkers?.documents === 1, 20_000, 'the document');
    const worker = await work.ask();
    expect(worker.stages.map(({ name }) => name)).toEqual(['enqueue', 'enrich', 'index']);
    expect(worker.exporters).toMatchObject([{ address: '127.0.0.1', sampling, sinceStart: { documents: 1 } }]);
    expect(worker.talkers?.pairs).toMatchObject([{ source: '10.0.0.1', destination: '8.8.8.8', flows: 1 }]);
    expect([worker.listening, worker.queueIsAway]).toEqual([[], undefined]);
  }, 90_000);
});
