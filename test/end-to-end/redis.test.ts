// A listener and workers as processes of their own, with a real Redis between them: whatever dies, every flow is there exactly once.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../needs.ts';
import { type ElasticsearchDouble, startElasticsearchDouble } from '../servers/elasticsearch-double.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';
import { createFlowSender, numberOf } from './numbered-flows.ts';
import { startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

describeWith(['redis'], 'weir listen and weir work', () => {
  let folder: string;
  let redis: RedisServer;
  let proxy: TcpProxy;
  let elasticsearch: ElasticsearchDouble;
  let processes: WeirProcess[] = [];
  let round = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-redis-end-to-end-'));
    redis = await startRedis();
    proxy = await startTcpProxy(redis.port);
    elasticsearch = await startElasticsearchDouble();
  });
  afterEach(async () => {
    await Promise.all(processes.map((weir) => weir.stop('SIGKILL')));
    processes = [];
    elasticsearch.documents.clear();
    elasticsearch.status = undefined;
    round += 1;
  });
  afterAll(async () => {
    await proxy.stop();
    await redis.stop();
    await elasticsearch.stop();
    await rm(folder, { recursive: true });
  });

  async function start(verb: 'listen' | 'work' | 'run', name: string, port = 0): Promise<WeirProcess> {
    const weir = await startWeir({
      folder: join(folder, `${round}-${name}`),
      verb: [verb],
      port,
      index: `{ elasticsearch: { nodes: [ "${elasticsearch.url}" ] } }`,
      settings: `queue: { redis: "redis://127.0.0.1:${proxy.port}", key_prefix: test${round} }
batch: { records: 200, bytes: 1MiB, age: 50ms }`,
    });
    processes.push(weir);
    return weir;
  }

  function documentNumbers(): number[] {
    // The index of the ledger is no index of flows.
    return [...elasticsearch.documents]
      .filter(([key]) => key.startsWith('weir-flow'))
      .map(([, { flow }]) => numberOf((flow as { src_addr: string }).src_addr))
      .sort((a, b) => a - b);
  }

  async function expectEachOnce(sent: number, limitMs = 30_000): Promise<void> {
    await waitUntil(
      () => documentNumbers().length >= sent,
      limitMs,
      () => `${documentNumbers().length} of ${sent}\n${processes.map((weir) => weir.output()).join('\n')}`,
    );
    expect(documentNumbers()).toEqual(Array.from({ length: sent }, (_, index) => index));
  }

  test('flows go from one process to the other, also those that came before there was a worker', async () => {
    const listener = await start('listen', 'listener');
    const sender = createFlowSender(listener.port);
    await sender.send(500);
    await start('work', 'worker');
    await expectEachOnce(await sender.send(500));
    sender.close();
  }, 60_000);

  test('a worker killed with batches in hand: others take them over', async () => {
    const listener = await start('listen', 'listener');
    const dying = await start('work', 'dying');
    const sender = createFlowSender(listener.port);
    elasticsearch.status = 503;
    let sent = await sender.send(1000);
    await sleep(1000);
    await dying.stop('SIGKILL');
    elasticsearch.status = undefined;
    await start('work', 'other');
    sent = await sender.send(500);
    await expectEachOnce(sent, 15_000);
    sender.close();
  }, 60_000);

  test('a worker that slept beyond its lock, and workers whose connections are cut, double nothing', async () => {
    const listener = await start('listen', 'listener');
    const sleeper = await start('work', 'sleeper');
    await start('work', 'other');
    const sender = createFlowSender(listener.port);
    elasticsearch.status = 503;
    await sender.send(2000);
    await sleep(500);
    sleeper.process.kill('SIGSTOP');
    await sleep(9000);
    elasticsearch.status = undefined;
    await sleep(500);
    sleeper.process.kill('SIGCONT');
    proxy.cut();
    await sleep(1500);
    const sent = await sender.send(1000);
    await expectEachOnce(sent);
    sender.close();
  }, 60_000);

  test('a rolling restart under load loses nothing', async () => {
    let listener = await start('listen', 'listener');
    const { port } = listener;
    let worker = await start('work', 'worker');
    const sender = createFlowSender(port);
    for (let restart = 0; restart < 2; restart += 1) {
      await sender.send(500);
      await listener.stop('SIGTERM');
      listener = await start('listen', 'listener', port);
      await sender.send(500);
      await worker.stop('SIGTERM');
      worker = await start('work', 'worker');
    }
    await expectEachOnce(await sender.send(100));
    sender.close();
  }, 60_000);

  test('a second listener on the same port ends with a sentence that says so', async () => {
    const { port } = await start('listen', 'first');
    const message = await start('listen', 'second', port).then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(message).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}/udp: the port is in use`));
  }, 60_000);

  test('without a Redis to meet at, weir listen says what is missing', async () => {
    const message = await startWeir({ folder: join(folder, 'without'), verb: ['listen'] }).then(
      () => 'it started',
      (error: Error) => error.message,
    );
    expect(message).toContain('weir listen needs a Redis that batches wait on: "queue.redis"');
  }, 60_000);
});
