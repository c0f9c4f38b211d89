// `weir check --connect` against servers that refuse, hang, lie and break: each is told in one clear line, all at once, within seconds.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { check } from '../../src/app/check.ts';
import { countryDatabasePath } from '../../src/enrich/geo-database.ts';
import { WeirError } from '../../src/model/errors.ts';
import { describeWith } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { startRedis } from '../servers/redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-connect-faults-'));
afterAll(() => rmSync(folder, { recursive: true }));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Lines of what failed, without those of ports. */
async function failuresOf(settings: string): Promise<readonly string[]> {
  const path = join(folder, 'pipeline.yml');
  writeFileSync(path, `name: a\nlisten: udp://127.0.0.1:0\nsteps: []\n${settings}\n`);
  const error: unknown = await check(path, { connect: true }).catch((reason: unknown) => reason);
  if (!(error instanceof WeirError)) throw new Error(`nothing failed: ${String(error)}`);
  expect(error.message).not.toContain('hunter2');
  return error.message.split('\n').filter((line) => line.startsWith('FAILED'));
}

async function listening(server: Server | HttpServer): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const answering = (answer: (response: ServerResponse) => void) =>
  listening(createHttpServer((_request, response) => answer(response)));
const redis = (port: number) => `queue: { redis: "redis://:hunter2@127.0.0.1:${port}" }`;
const elasticsearch = (port: number) =>
  `index: { elasticsearch: { nodes: "http://127.0.0.1:${port}", username: weir, password: hunter2 } }`;
const json = (status: number, body: object) => (response: ServerResponse) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

test('an Elasticsearch that is none, is too old, forbids, hangs: each in one line', async () => {
  const cases: [port: number, said: RegExp][] = [
    [await answering(json(401, {})), /does not accept the user and password/],
    [await answering(json(403, {})), /the user may not ask for the version \(HTTP 403\)/],
    [
      await answering((response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
      ),
      /what answers there is not Elasticsearch: an HTML page/,
    ],
    [
      await answering(json(200, { version: { number: '6.8.23' }, tagline: 'You Know, for Search' })),
      /Elasticsearch 6\.8\.23 is too old/,
    ],
    [await answering(json(503, {})), /HTTP 503/],
    [await listening(createServer(() => undefined)), /Request timed out/],
    [await listening(createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))), /it does not speak HTTP there/],
    [await freePort(), /ECONNREFUSED/],
  ];
  const started = performance.now();
  const nodes = cases.map(([port]) => `"http://127.0.0.1:${port}"`).join(', ');
  const lines = await failuresOf(
    `index: { elasticsearch: { nodes: [ ${nodes} ], username: weir, password: hunter2 } }`,
  );
  // Side by side: one that hangs for 5 s, and on a machine with other work.
  expect(performance.now() - started).toBeLessThan(25_000);
  expect(lines).toHaveLength(cases.length);
  for (const [index, [port, said]] of cases.entries()) {
    expect(lines[index]).toContain(`FAILED Elasticsearch http://127.0.0.1:${port}`);
    expect(lines[index]).toMatch(said);
    expect(lines[index]!.length).toBeLessThan(500);
  }
});

test.each<[title: string, open: () => Promise<number>, said: RegExp]>([
  ['refuses', () => freePort(), /ECONNREFUSED/],
  ['hangs', () => listening(createServer(() => undefined)), /no answer/],
  ['closes at once', () => listening(createServer((socket) => socket.end())), /no answer/],
  ['is a web server', () => answering(json(200, {})), /what answers there is no Redis/],
  [
    'talks of itself',
    () => listening(createServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'))),
    /what answers there is no Redis/,
  ],
])('a Redis that %s is told in one line, in time', async (_title, open, said) => {
  const port = await open();
  const started = performance.now();
  const lines = await failuresOf(redis(port));
  expect(performance.now() - started).toBeLessThan(20_000);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(new RegExp(`^FAILED Redis redis://127\\.0\\.0\\.1:${port}: `));
  expect(lines[0]).toMatch(said);
});

describeWith(['redis'], 'a real Redis', () => {
  test('with another password says so, beside all that is wrong', async () => {
    const server = await startRedis();
    closers.push(() => server.stop());
    await server.ask('CONFIG', 'SET', 'requirepass', 'right');
    const port = await freePort();
    const lines = await failuresOf(`${redis(server.port)}\n${elasticsearch(port)}`);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^FAILED Redis .*(?:WRONGPASS|invalid password)/);
    expect(lines[1]).toMatch(/^FAILED Elasticsearch .*ECONNREFUSED/);
  });
});

test('databases that are missing or cut are told before, all of them', async () => {
  const whole = readFileSync(countryDatabasePath());
  writeFileSync(join(folder, 'cut.mmdb'), whole.subarray(0, whole.length / 2));
  const path = join(folder, 'databases.yml');
  writeFileSync(
    path,
    'name: a\nsteps:\n  - geoip: { database: cut.mmdb }\n  - asn: { database: nowhere.mmdb }\n  - lookup: { by: flow.src_addr, file: nothing.csv, set: { labels.a: b } }\n',
  );
  expect(existsSync(join(folder, 'nowhere.mmdb'))).toBe(false);
  await expect(check(path, { connect: true })).rejects.toThrow(
    new RegExp(
      [
        ':3:5 geoip: database: .*cut\\.mmdb is not a whole MaxMind DB',
        ':4:5 asn: database: the file .*nowhere\\.mmdb does not exist',
        ':5:5 lookup: file: .*nothing\\.csv',
      ].join('[^\\n]*\\n[^\\n]*'),
    ),
  );
});
