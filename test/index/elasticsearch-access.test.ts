// How weir makes itself known: user and password, API key, and a certificate authority of one's own.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createElasticsearchClient, type ElasticsearchClientOptions } from '../../src/index/elasticsearch-client.ts';
import { describeWith } from '../needs.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-access-'));
});
afterAll(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;
const seen: (string | undefined)[] = [];

function answer(request: IncomingMessage, response: ServerResponse): void {
  seen.push(request.headers.authorization);
  response.setHeader('content-type', 'application/json');
  response.setHeader('x-elastic-product', 'Elasticsearch');
  response.end('{"ok":true}');
}

async function authorizationOf(toOptions: (port: number) => ElasticsearchClientOptions): Promise<string | undefined> {
  const server = createHttpServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createElasticsearchClient(toOptions((server.address() as AddressInfo).port));
  await client.request({ method: 'GET', path: '/' }, never);
  await client.close();
  server.closeAllConnections();
  server.close();
  return seen.at(-1);
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('user and password of the pipeline file are sent', async () => {
  const nodes = (port: number) => [`http://127.0.0.1:${port}`];
  expect(await authorizationOf((port) => ({ nodes: nodes(port), username: 'weir', password: 'p:ä' }))).toBe(
    basic('weir:p:ä'),
  );
});

test('user and password in the URL are sent', async () => {
  expect(await authorizationOf((port) => ({ nodes: [`http://weir:s%40cret@127.0.0.1:${port}`] }))).toBe(
    basic('weir:s@cret'),
  );
});

test('an API key is sent', async () => {
  expect(await authorizationOf((port) => ({ nodes: [`http://127.0.0.1:${port}`], apiKey: 'a2V5' }))).toBe(
    'ApiKey a2V5',
  );
});

test('without any, nothing is sent', async () => {
  expect(await authorizationOf((port) => ({ nodes: [`http://127.0.0.1:${port}`] }))).toBeUndefined();
});

test.each([
  ['file-missing', 'absent.pem', undefined],
  ['file-invalid', 'other.pem', 'hello'],
] as const)('a certificate file that is wrong is said: %s', async (code, name, text) => {
  const caFile = join(folder, name);
  if (text !== undefined) await writeFile(caFile, text);
  const client = createElasticsearchClient({ nodes: ['https://127.0.0.1:1'], caFile });
  await expect(client.request({ method: 'GET', path: '/' }, never)).rejects.toMatchObject({ code, retryable: false });
});

describeWith(['openssl'], 'TLS', () => {
  async function ask(options: Partial<ElasticsearchClientOptions>): Promise<number> {
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
    spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
    ]);
    const server = createHttpsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const node = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createElasticsearchClient({ nodes: [node], ...options });
    try {
      return (await client.request({ method: 'GET', path: '/' }, never)).status;
    } finally {
      await client.close();
      server.closeAllConnections();
      server.close();
    }
  }

  test('a server whose authority is named is trusted', async () => {
    expect(await ask({ caFile: join(folder, 'certificate.pem') })).toBe(200);
  });

  test('a server whose authority is unknown is not, and the reason is told', async () => {
    await expect(ask({})).rejects.toMatchObject({
      code: 'sink-refused',
      message: expect.stringMatching(/authority that weir does not know.*(?:SELF_SIGNED|self.signed)/),
      hint: expect.stringContaining('ca_file'),
    });
  });
});
