// The ways to a Redis, on real servers: TLS with user, password and certificates, a Unix socket, a Cluster (which refuses keys of different
// slots in one script), and a Sentinel that knows where the master is; and servers that change, or refuse, while we use them.

import { type ChildProcess, spawn } from 'node:child_process';
import { on } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStateRedis } from '../../src/app/state-redis.ts';
import { createQueueInspection } from '../../src/enqueue/bullmq-inspection.ts';
import { createBullmqQueue } from '../../src/enqueue/bullmq-queue.ts';
import type { Queue } from '../../src/enqueue/queue.ts';
import type { RedisSettings } from '../../src/enqueue/redis-connection.ts';
import { createLogger, type Logger, silentLogger } from '../../src/telemetry/logger.ts';
import { createCertificates } from '../collect/tls-certificates.ts';
import { batchOf } from '../contracts/batches.ts';
import { knowsTemplate, templateDatagram } from '../contracts/state-store-contract.ts';
import { createFeed } from '../decode/feed.ts';
import { describeWith } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { startTcpProxy } from '../servers/tcp-proxy.ts';

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

/** What is lost is in `unusable`. */
async function openQueue(redis: RedisSettings, logger: Logger = silentLogger) {
  const unusable: unknown[] = [];
  const queue = createBullmqQueue({
    ...{ redis, keyPrefix: 'weir', name: 'flow', keepMs: 60_000, maxBytes: 1e6, processName: 'test', logger, now },
    onUnusable: (exporters, fate) => void unusable.push([exporters, fate]),
  });
  await queue.start();
  return { queue, unusable };
}

/** Until it is taken; in between it is in nobody's hands but ours. */
async function addPatiently(queue: Queue, id: string): Promise<void> {
  await expect.poll(() => queue.add(batchOf(id)), { timeout: 30_000, interval: 100 }).toBe(true);
}

/** All that comes, until nothing comes. */
async function takeIds(queue: Queue): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const job = await queue.take(AbortSignal.timeout(ids.length === 0 ? 20_000 : 2500));
    if (job === undefined) return ids.toSorted();
    if (await job.done()) ids.push(job.batch.id);
  }
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
      if (/ready to accept|Sentinel ID is/i.test(text as string)) return;
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

  test('TLS with a certificate of our own; without it, or with another key, a sentence', async () => {
    const { authority, certificate, file } = createCertificates(folder);
    for (const name of ['ca', 'redis', 'own', 'other']) {
      if (name === 'ca') authority(name);
      else certificate(name, 'ca');
    }
    const port = await freePort();
    const files = ['--tls-cert-file', file('redis.pem'), '--tls-key-file', file('redis.key')];
    await openServer([
      ...['--port', '0', '--tls-port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--tls-auth-clients', 'yes'],
      ...[...files, '--tls-ca-cert-file', file('ca.pem')],
    ]);
    const settings: RedisSettings = {
      ...{ nodes: [here(port)], mode: 'single', database: 0, tls: true, caFile: file('ca.pem') },
      ...{ certificateFile: file('own.pem'), keyFile: file('own.key') },
    };
    await useEverything(settings);
    await expect(openQueue({ ...settings, keyFile: file('other.key') })).rejects.toMatchObject({
      code: 'file-invalid',
      message: expect.stringMatching(/own\.pem.*other\.key can't be used for TLS/),
    });
    await expect(openQueue({ ...settings, keyFile: file('none.key') })).rejects.toMatchObject({ code: 'file-missing' });
    const { certificateFile: _, keyFile: __, ...without } = settings;
    const lines: string[] = [];
    const logger = createLogger({ level: 'warn', write: (line: string) => void lines.push(line) });
    const opened = await openQueue(without, logger).catch((error: unknown) => void lines.push(String(error)));
    await expect.poll(() => lines.join('')).toMatch(/certificate/);
    await opened?.queue.stop();
  }, 20_000);

  test('a Unix socket', async () => {
    const socket = join(folder, 'redis.sock');
    await openServer(['--port', '0', '--unixsocket', socket, '--save', '']);
    await useEverything({ nodes: [], socket, mode: 'single', database: 0, tls: false });
  }, 20_000);

  test('a user with the rights that the documentation names, and no others; with fewer, a sentence', async () => {
    const server = await startRedis();
    const page = await readFile(fileURLToPath(new URL('../../docs/security.md', import.meta.url)), 'utf8');
    const rights = /^ACL SETUSER weir on >SECRET (.*)$/m.exec(page)?.[1]?.split(' ') ?? [];
    await server.ask('ACL', 'SETUSER', 'weir', 'on', '>p%@:/ ?#', ...rights);
    await server.ask('ACL', 'SETUSER', 'poor', 'on', '>secret', '~other:*', '+@all');
    const settings: RedisSettings = {
      ...{ nodes: [here(server.port)], mode: 'single', database: 0, tls: false },
      ...{ username: 'weir', password: 'p%@:/ ?#' },
    };
    await useEverything(settings);
    const { queue } = await openQueue(settings);
    await queue.ledger?.add('w', 0, [
      { minuteMs: 0, exporter: 'e', stage: 'listen', process: 'p', counts: { records_queued: 1 } },
    ]);
    const [page1] = (await queue.ledger?.pages(true)) ?? [];
    expect(page1?.rows).toHaveLength(1);
    await queue.ledger?.remove(page1?.id ?? '');
    await queue.stop();
    expect(await server.ask('ACL', 'LOG')).toBe('*0\r\n');
    await expect(openQueue({ ...settings, username: 'poor', password: 'secret' })).rejects.toMatchObject({
      code: 'queue-refused',
      message: expect.stringMatching(/refuses weir: NOPERM/),
    });
    await server.stop();
  }, 20_000);

  test('somebody else’s key at one of our names is told at the start', async () => {
    const server = await startRedis();
    const settings: RedisSettings = { nodes: [here(server.port)], mode: 'single', database: 0, tls: false };
    await server.ask('SET', '{weir:flow}:counts', 'mine');
    await expect(openQueue(settings)).rejects.toMatchObject({
      code: 'queue-refused',
      message: expect.stringContaining('the key {weir:flow}:counts is a string, and not weir’s hash'),
    });
    // Away at the start: it is told as soon as it is there.
    const lines: string[] = [];
    const logger = createLogger({ level: 'warn', write: (line: string) => void lines.push(line) });
    const way = await startTcpProxy(server.port);
    way.refuse();
    const { queue } = await openQueue({ ...settings, nodes: [here(way.port)] }, logger);
    way.mend();
    await expect.poll(() => lines.join(''), { timeout: 10_000 }).toContain('{weir:flow}:counts is a string');
    await queue.stop();
    await way.stop();
    await server.ask('DEL', '{weir:flow}:counts');
    await server.ask('LPUSH', 'weir:flow:templates', 'mine');
    const store = createStateRedis({
      ...{ redis: settings, key: 'weir:flow:templates', decoder: createFeed().decoder, logger: silentLogger, now },
      onSets: () => undefined,
    });
    await expect(store.load()).rejects.toMatchObject({ code: 'queue-refused' });
    await store.stop();
    await server.stop();
  }, 20_000);

  test('a Redis that throws keys away when it is full is warned of', async () => {
    const server = await startRedis({ maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' });
    const lines: string[] = [];
    const logger = createLogger({ level: 'warn', write: (line: string) => void lines.push(line) });
    const { queue } = await openQueue({ nodes: [here(server.port)], mode: 'single', database: 0, tls: false }, logger);
    await addPatiently(queue, 'a');
    await expect.poll(() => lines.join('')).toMatch(/allkeys-lru.*set its maxmemory-policy to noeviction/);
    await queue.stop();
    await server.stop();
  });

  test('a Redis that still loads its data is waited for', async () => {
    const server = await startRedis({ ...{ appendonly: 'yes', appendfsync: 'always' } });
    const settings: RedisSettings = { nodes: [here(server.port)], mode: 'single', database: 0, tls: false };
    const before = await openQueue(settings);
    await addPatiently(before.queue, 'before');
    await server.ask('EVAL', "for i = 1, 4000 do redis.call('SET', 'filler' .. i, i) end", '0');
    await before.queue.stop();
    await server.signal('SIGKILL');
    const restarting = server.restart({ 'key-load-delay': '1000' });
    const { queue, unusable } = await openQueue(settings);
    expect(await queue.add(batchOf('too early'))).toBe(false);
    await restarting;
    await addPatiently(queue, 'after');
    expect(await takeIds(queue)).toEqual(['after', 'before']);
    expect(unusable).toEqual([]);
    await queue.stop();
    await server.stop();
  }, 60_000);

  test('a master that became a replica takes nothing, and all of it comes once when it is master again', async () => {
    const [server, other] = [await startRedis(), await startRedis()];
    await other.ask('REPLICAOF', '127.0.0.1', `${server.port}`);
    await expect.poll(() => other.ask('INFO', 'replication')).toContain('master_link_status:up');
    const { queue, unusable } = await openQueue({
      nodes: [here(server.port)],
      mode: 'single',
      database: 0,
      tls: false,
    });
    await addPatiently(queue, 'before');
    const job = await queue.take(AbortSignal.timeout(5000));
    await expect.poll(() => other.ask('EXISTS', '{weir:flow}:counts')).toContain(':1');
    await other.ask('REPLICAOF', 'NO', 'ONE');
    await server.ask('REPLICAOF', '127.0.0.1', `${other.port}`);
    await expect.poll(() => server.ask('INFO', 'replication')).toContain('master_link_status:up');
    expect(await queue.add(batchOf('meanwhile'))).toBe(false);
    const done = job?.done();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await server.ask('REPLICAOF', 'NO', 'ONE');
    expect(await done).toBe(true);
    for (const id of ['meanwhile', 'after']) await addPatiently(queue, id);
    expect(await takeIds(queue)).toEqual(['after', 'meanwhile']);
    expect(unusable).toEqual([]);
    await queue.stop();
    for (const each of [server, other]) await each.stop();
  }, 60_000);

  test('a node of a Redis Cluster dies, and its replica takes over: every batch comes once', async () => {
    const nodes = await Promise.all(
      Array.from({ length: 4 }, () =>
        startRedis({ 'cluster-enabled': 'yes', 'cluster-node-timeout': '1000', 'cluster-announce-ip': '127.0.0.1' }),
      ),
    );
    const [first, second, third, replica] = nodes as [RedisServer, RedisServer, RedisServer, RedisServer];
    for (const [node, from, to] of [
      [first, 0, 5460],
      [second, 5461, 10_922],
      [third, 10_923, 16_383],
    ] as const)
      await node.ask('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`);
    for (const { port } of [second, third, replica]) await first.ask('CLUSTER', 'MEET', '127.0.0.1', `${port}`);
    for (const node of nodes)
      await expect
        .poll(() => node.ask('CLUSTER', 'INFO'), { timeout: 20_000 })
        .toMatch(/cluster_state:ok[\s\S]*known_nodes:4/);
    // The node that has the queue.
    const slot = Number((await first.ask('CLUSTER', 'KEYSLOT', '{weir:flow}:counts')).slice(1));
    const owner = slot <= 5460 ? first : slot <= 10_922 ? second : third;
    const id = (await owner.ask('CLUSTER', 'MYID')).split('\r\n')[1] ?? '';
    await expect.poll(() => replica.ask('CLUSTER', 'REPLICATE', id), { timeout: 10_000 }).toContain('+OK');
    await expect.poll(() => replica.ask('INFO', 'replication'), { timeout: 20_000 }).toContain('master_link_status:up');
    const others = nodes.filter((node) => node !== owner && node !== replica);
    const { queue, unusable } = await openQueue({
      ...{ nodes: others.map(({ port }) => here(port)), mode: 'cluster', database: 0, tls: false },
    });
    for (let index = 0; index < 10; index += 1) await addPatiently(queue, `before ${index}`);
    const inHand = await queue.take(AbortSignal.timeout(5000));
    await owner.signal('SIGKILL');
    for (let index = 0; index < 10; index += 1) await addPatiently(queue, `while ${index}`);
    expect(await inHand?.done()).toBe(true);
    const expected = ['before', 'while'].flatMap((word) =>
      Array.from({ length: 10 }, (_, index) => `${word} ${index}`),
    );
    expect(unusable).toEqual([]);
    expect([...(await takeIds(queue)), inHand?.batch.id].toSorted()).toEqual(expected);
    await queue.stop();
    for (const node of nodes) await node.stop();
  }, 120_000);

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

  test('a master dies, and the Sentinel makes its replica the master: every batch comes once', async () => {
    const [master, replica] = [await startRedis(), await startRedis()];
    await replica.ask('REPLICAOF', '127.0.0.1', `${master.port}`);
    await expect.poll(() => replica.ask('INFO', 'replication')).toContain('master_link_status:up');
    const port = await freePort();
    const config = join(folder, 'failover.conf');
    await writeFile(
      config,
      `port ${port}
bind 127.0.0.1
sentinel monitor flows 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds flows 1000
sentinel failover-timeout flows 5000
`,
    );
    await openServer([config, '--sentinel']);
    const { queue, unusable } = await openQueue({
      ...{ nodes: [here(port)], mode: 'sentinel', master: 'flows', database: 0, tls: false },
    });
    for (let index = 0; index < 10; index += 1) await addPatiently(queue, `before ${index}`);
    const inHand = await queue.take(AbortSignal.timeout(5000));
    // The Sentinel hears of replicas every ten seconds.
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    await master.signal('SIGKILL');
    const done = inHand?.done();
    for (let index = 0; index < 10; index += 1) await addPatiently(queue, `while ${index}`);
    expect(await done).toBe(true);
    const expected = ['before', 'while'].flatMap((word) =>
      Array.from({ length: 10 }, (_, index) => `${word} ${index}`),
    );
    expect([...(await takeIds(queue)), inHand?.batch.id].toSorted()).toEqual(expected);
    expect(unusable).toEqual([]);
    await queue.stop();
    for (const each of [master, replica]) await each.stop();
  }, 120_000);
});
