// The ways to a Redis, on real servers: TLS with user and password, a Cluster (which refuses keys of different slots in one script),
// and a Sentinel that knows where the master is.

import { type ChildProcess, spawn } from 'node:child_process';
import { on } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStateRedis } from '../../src/app/state-redis.ts';
import { createQueueInspection } from '../../src/enqueue/bullmq-inspection.ts';
import { createBullmqQueue } from '../../src/enqueue/bullmq-queue.ts';
import type { RedisSettings } from '../../src/enqueue/redis-connection.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { createCertificates } from '../collect/tls-certificates.ts';
import { batchOf } from '../contracts/batches.ts';
import { knowsTemplate, templateDatagram } from '../contracts/state-store-contract.ts';
import { createFeed } from '../decode/feed.ts';
import { describeWith } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { startRedis } from '../servers/redis.ts';

const now = (): number => Date.now();

/** A batch there and back, one into quarantine and out again, templates told: every script and every key. */
async function useEverything(redis: RedisSettings): Promise<void> {
  const common = { redis, keyPrefix: 'weir', name: 'flow', keepMs: 60_000, logger: silentLogger, now };
  const queue = createBullmqQueue({ ...common, maxBytes: 1e6, processName: 'test', onUnusable: () => undefined });
  await queue.start();
  expect(await queue.add(batchOf('a', 3))).toBe(true);
  for (const attempt of [1, 2, 3]) {
    const job = await queue.take(AbortSignal.timeout(5000));
    expect([job?.attempt, job?.batch]).toEqual([attempt, batchOf('a', 3)]);
    await job?.fail('why');
  }
  const inspection = createQueueInspection(common);
  await inspection.start();
  expect(await inspection.state()).toMatchObject({ quarantined: 1, records: 0 });
  await inspection.retry('a');
  await inspection.stop();
  expect(await (await queue.take(AbortSignal.timeout(5000)))?.done()).toBe(true);
  expect(await queue.depth()).toMatchObject({ waiting: 0, active: 0, records: 0, bytes: 0 });
  await queue.stop();

  const [one, other] = [createFeed(), createFeed()];
  const stores = [one, other].map(({ decoder }) =>
    createStateRedis({
      redis,
      key: 'weir:flow:templates',
      decoder,
      onSets: () => undefined,
      logger: silentLogger,
      now,
    }),
  );
  for (const store of stores) await store.load();
  one.sets(templateDatagram);
  await stores[0]?.save();
  await expect.poll(() => knowsTemplate(other, '192.0.2.1')).toBe(true);
  for (const store of stores) await store.stop();
}

describeWith(['redis', 'openssl'], 'ways to a Redis', () => {
  let folder: string;
  const others: ChildProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-redis-modes-'));
  });
  afterAll(async () => {
    for (const child of others) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  async function openServer(args: readonly string[]): Promise<void> {
    const child = spawn('redis-server', [...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    others.push(child);
    child.stdout.setEncoding('utf8');
    for await (const [text] of on(child.stdout, 'data')) {
      if (/Ready to accept|Sentinel ID is/.test(text as string)) return;
    }
  }

  const here = (port: number) => ({ host: '127.0.0.1', port });

  test('TLS with a user and a password; another authority or password is refused in a sentence', async () => {
    const { authority, certificate, file } = createCertificates(folder);
    authority('ca');
    authority('stranger');
    certificate('redis', 'ca');
    const port = await freePort();
    await openServer([
      ...['--port', '0', '--tls-port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--tls-auth-clients', 'no'],
      ...[
        '--tls-cert-file',
        file('redis.pem'),
        '--tls-key-file',
        file('redis.key'),
        '--tls-ca-cert-file',
        file('ca.pem'),
      ],
      ...['--user', 'weir', 'on', '>secret', '~*', '&*', '+@all', '--user', 'default', 'off'],
    ]);
    const settings: RedisSettings = {
      nodes: [here(port)],
      mode: 'single',
      database: 2,
      tls: true,
      caFile: file('ca.pem'),
      username: 'weir',
      password: 'secret',
    };
    await useEverything(settings);
    for (const wrong of [{ password: 'hunter2' }, { caFile: file('stranger.pem') }]) {
      const queue = createBullmqQueue({
        ...{ redis: { ...settings, ...wrong }, keyPrefix: 'weir', name: 'flow', keepMs: 60_000, maxBytes: 1e6 },
        ...{ processName: 'test', onUnusable: () => undefined, logger: silentLogger, now },
      });
      await expect(queue.start()).rejects.toMatchObject({
        code: 'queue-refused',
        message: expect.not.stringContaining('hunter2'),
      });
    }
  }, 20_000);

  test('a Redis Cluster', async () => {
    const server = await startRedis({ 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' });
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await expect.poll(() => server.ask('CLUSTER', 'INFO')).toContain('cluster_state:ok');
    await useEverything({ nodes: [here(server.port)], mode: 'cluster', database: 0, tls: false });
    await server.stop();
  }, 20_000);

  test('a master that a Sentinel knows', async () => {
    const master = await startRedis();
    const port = await freePort();
    const config = join(folder, 'sentinel.conf');
    await writeFile(config, `port ${port}\nbind 127.0.0.1\nsentinel monitor flows 127.0.0.1 ${master.port} 1\n`);
    await openServer([config, '--sentinel']);
    await useEverything({ nodes: [here(port)], mode: 'sentinel', master: 'flows', database: 0, tls: false });
    await master.stop();
  }, 20_000);
});
