import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpServer, type HttpAccess, type HttpRoute, type HttpServer, plain } from '../../src/telemetry/http.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function open(access: HttpAccess = {}, slow: HttpRoute['answer'] = () => plain(200, '')): Promise<string> {
  const routes = new Map<string, HttpRoute>([
    ['/metrics', { answer: ({ query }) => plain(200, `numbers ${query.get('a') ?? ''}`) }],
    ['/slow', { answer: slow }],
    ['/livez', { isOpen: true, answer: ({ isTrusted }) => plain(200, isTrusted ? 'trusted' : 'stranger') }],
    [
      '/broken',
      {
        answer() {
          throw new Error('the inside');
        },
      },
    ],
  ]);
  const server = createHttpServer({ host: '127.0.0.1', port: 0, access, routes, logger: silentLogger });
  servers.push(server);
  await server.start();
  return server.address();
}

/** As the bytes say, with whatever headers. */
async function ask(address: string, request: string): Promise<string> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (data: Buffer) => {
    answer += data.toString();
  });
  socket.on('error', () => undefined);
  socket.end(request);
  await once(socket, 'close');
  return answer;
}

describe('the HTTP server', () => {
  it('answers GET and HEAD of what it has, and nothing else', async () => {
    const address = await open();
    const found = await fetch(`${address}/metrics?a=b`);
    expect([found.status, await found.text()]).toEqual([200, 'numbers b\n']);
    const head = await fetch(`${address}/metrics`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '9', '']);
    for (const path of ['/', '/metrics/', '/METRICS', '/..%2fmetrics', '/__proto__'])
      expect((await fetch(`${address}${path}`)).status, path).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const refused = await fetch(`${address}/metrics`, { method });
      expect([refused.status, refused.headers.get('allow')], method).toEqual([405, 'GET, HEAD']);
    }
  });

  it('lets no page of another site read it: no CORS, and no Host that a stranger’s DNS answers for', async () => {
    const address = await open();
    const { headers } = await fetch(`${address}/metrics`, { headers: { origin: 'http://evil.example' } });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    for (const host of ['evil.example', 'evil.example:8081', 'localhost.evil.example', '127.0.0.1.evil.example', '']) {
      const answer = await ask(address, `GET /metrics HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      expect(answer, host).toMatch(/^HTTP\/1\.1 403 /);
    }
    for (const host of ['localhost', 'localhost:8081', '127.0.0.1:1', '[::1]:8081']) {
      const answer = await ask(address, `GET /metrics HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      expect(answer, host).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  it('wants the token, or the password, where there is one; open paths are told who is a stranger', async () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    const address = await open({ token: 'a-long-token', username: 'ops', password: 'a-password' });
    const statusOf = async (authorization?: string) =>
      (await fetch(`${address}/metrics`, { headers: authorization === undefined ? {} : { authorization } })).status;
    for (const right of ['Bearer a-long-token', 'bearer a-long-token', basic('ops:a-password')])
      expect(await statusOf(right), right).toBe(200);
    for (const wrong of [undefined, '', 'Bearer', 'Bearer a-long-toke', 'Bearer a-long-token2', 'a-long-token'])
      expect(await statusOf(wrong), wrong).toBe(401);
    for (const wrong of [basic('ops:'), basic('ops:a-long-token'), basic(':a-password'), basic('Ops:a-password')])
      expect(await statusOf(wrong), wrong).toBe(401);
    expect(await (await fetch(`${address}/livez`)).text()).toBe('stranger\n');
    const trusted = await fetch(`${address}/livez`, { headers: { authorization: 'Bearer a-long-token' } });
    expect(await trusted.text()).toBe('trusted\n');
  });

  it('takes the token as a password where there is none, for browsers, and tells them so', async () => {
    const address = await open({ token: 'a-long-token' });
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    const statusOf = async (pair: string) => (await fetch(`${address}/metrics`, { headers: basic(pair) })).status;
    for (const right of ['anybody:a-long-token', ':a-long-token']) expect(await statusOf(right), right).toBe(200);
    for (const wrong of ['a-long-token:', 'anybody:', 'anybody:a-long-token2', 'anybody:b:a-long-token', ''])
      expect(await statusOf(wrong), wrong).toBe(401);
    const { headers } = await fetch(`${address}/metrics`);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="weir", Basic realm="weir", charset="UTF-8"');
  });

  it('refuses what is too long, and what is no HTTP', async () => {
    const address = await open();
    expect((await fetch(`${address}/metrics?${'a'.repeat(3000)}`)).status).toBe(414);
    const headers = `x-long: ${'a'.repeat(20_000)}\r\n`;
    expect(await ask(address, `GET /metrics HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect(await ask(address, '\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(`${address}/metrics`)).status).toBe(200);
  });

  it('answers, however many connections others hold open without asking, and ends the answers that it has begun', async () => {
    let give: () => void = () => undefined;
    const isGiven = new Promise<void>((resolve) => {
      give = resolve;
    });
    const address = await open({}, async () => {
      await isGiven;
      return plain(200, 'at last');
    });
    const slow = fetch(`${address}/slow`);
    const { hostname, port } = new URL(address);
    const held = Array.from({ length: 200 }, (_, at) => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      if (at % 2 === 0) socket.write('GET /livez HTTP/1.1\r\nhost: loc');
      return socket;
    });
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    for (let asked = 0; asked < 5; asked += 1)
      expect(await ask(address, 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    expect(held.filter(({ readyState }) => readyState === 'open').length).toBeLessThanOrEqual(64);
    give();
    expect(await (await slow).text()).toBe('at last\n');
    for (const socket of held) socket.destroy();
  });

  it('says nothing of the inside when an answer fails', async () => {
    const address = await open();
    const answer = await fetch(`${address}/broken`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('the inside');
  });

  it('names the key when its port is taken', async () => {
    const { port } = new URL(await open());
    const second = createHttpServer({
      host: '127.0.0.1',
      port: Number(port),
      access: {},
      routes: new Map(),
      logger: silentLogger,
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'listen-failed',
      message: expect.stringMatching(/^telemetry\.http: http:\/\/127\.0\.0\.1:\d+ can't be opened: another program/),
    });
  });
});
