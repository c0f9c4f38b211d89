// Elasticsearch behind TLS, users and privileges (test/servers/tls-proxy.ts), as `weir setup` meets it: each mistake is one line that names
// the server, the cause and the key of the pipeline file that mends it; and no secret is in any of them.

import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { toFailure } from '../../src/app/cli/failure.ts';
import { setup } from '../../src/app/setup.ts';
import { createBulkWriter } from '../../src/index/bulk-writer.ts';
import { createElasticsearchClient, type ElasticsearchClientOptions } from '../../src/index/elasticsearch-client.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createCertificates } from '../collect/tls-certificates.ts';
import { describeWith } from '../needs.ts';
import {
  type ElasticsearchServer,
  type ElasticsearchVersion,
  startElasticsearch,
} from '../servers/elasticsearch/index.ts';
import { freePort } from '../servers/free-port.ts';
import { startForwardProxy, startTlsProxy, type TlsProxy } from '../servers/tls-proxy.ts';
import { flowBatch } from './document-batches.ts';

const never = new AbortController().signal;
const patience = { timeout: 30_000 };
/** None of them may ever be seen. */
const secrets = {
  password: 'hunter2-päss',
  apiKey: 'c2VjcmV0LWFwaS1rZXk6MQ==',
  passphrase: 'open-sesame',
  proxy: 'pr0xy-secret',
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const basic = base64(`weir:${secrets.password}`);
const printed: string[] = [];

describeWith(['java', 'maven', 'openssl'], 'a secured Elasticsearch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-secured-'));
  const certificates = createCertificates(folder);
  const { file, openssl } = certificates;
  const text = (name: string): string => readFileSync(file(name), 'utf8');
  const closers: (() => unknown)[] = [];

  beforeAll(() => {
    for (const name of ['ca', 'other']) certificates.authority(name);
    for (const name of ['server', 'weir']) certificates.certificate(name, 'ca');
    certificates.certificate('stranger', 'other');
    sign('cloud', 'DNS:deployment.localhost', ['-days', '2']);
    sign('elsewhere', 'DNS:elsewhere.example', ['-days', '2']);
    sign('expired', 'IP:127.0.0.1', ['-days', '-1']);
    openssl('pkcs8', '-topk8', '-in', 'weir.key', '-out', 'locked.key', '-passout', `pass:${secrets.passphrase}`);
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
    const all = printed.join('\n');
    for (const secret of [...Object.values(secrets), basic, encodeURIComponent(secrets.password)])
      expect(all).not.toContain(secret);
  });

  function sign(name: string, alternatives: string, days: readonly string[]): void {
    writeFileSync(file(`${name}.ext`), `subjectAltName=${alternatives}\n`);
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=x');
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signer, ...days);
  }

  /** Certificate and key of a server; as Elasticsearch does, it sends its authority, too. */
  const tlsOf = (name: string): ServerOptions => ({
    cert: text(`${name}.pem`) + text('ca.pem'),
    key: text(`${name}.key`),
  });

  function pipelineFile(settings: Readonly<Record<string, unknown>>): string {
    const path = file('pipeline.yml');
    const lines = Object.entries(settings).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}\n`);
    writeFileSync(path, `name: a\nsteps: []\nindex:\n  elasticsearch:\n${lines.join('')}`);
    return path;
  }

  /** What `weir setup` prints. */
  async function setupWith(settings: Readonly<Record<string, unknown>>): Promise<string> {
    let said: string;
    try {
      said = (await setup(pipelineFile(settings))).join('\n');
    } catch (error) {
      for (const debug of [true, false]) printed.push(toFailure(error, { debug, help: 'weir setup --help' }).text);
      said = printed.at(-1)!;
      expect(said.trimEnd()).not.toContain('\n');
    }
    printed.push(said);
    return said;
  }

  describe.each<ElasticsearchVersion>(['7.10.2', '7.3.1', '7.17.28'])('%s', (version) => {
    let server: ElasticsearchServer;
    beforeAll(async () => {
      server = await startElasticsearch({ version });
    });
    afterAll(() => server?.stop());

    async function proxied(options: { readonly tls?: ServerOptions; readonly open?: boolean } = {}): Promise<TlsProxy> {
      const proxy = await startTlsProxy({
        target: server.url,
        tls: options.tls ?? tlsOf('server'),
        ...(options.open !== true && { credentials: { basic, apiKey: secrets.apiKey } }),
      });
      closers.push(proxy.stop);
      return proxy;
    }

    test('is set up and written to by user and password, API key, fingerprint and client certificate', async () => {
      const { url, seen } = await proxied();
      const signIn = { username: 'weir', password: secrets.password };
      const nodes = url;
      const ca = { ca_file: file('ca.pem') };
      const fingerprint = new X509Certificate(text('ca.pem')).fingerprint256;
      for (const settings of [
        { ...ca, ...signIn },
        { ...ca, api_key: secrets.apiKey },
        { ca_fingerprint: fingerprint, ...signIn },
        { nodes: url.replace('//', `//weir:${encodeURIComponent(secrets.password)}@`), ...ca },
      ])
        expect(await setupWith({ nodes, ...settings })).toMatch(
          /^Elasticsearch 7.*\n(.*\n)*(created|kept) +template weir-flow/,
        );
      expect(seen).toContain(`PUT /${version === '7.3.1' ? '_template' : '_index_template'}/weir-flow`);

      const wantsCertificate = { requestCert: true, rejectUnauthorized: true, ca: text('ca.pem') };
      const strict = await proxied({ tls: { ...tlsOf('server'), ...wantsCertificate } });
      const certificate = {
        certificate: file('weir.pem'),
        key: file('locked.key'),
        key_passphrase: secrets.passphrase,
      };
      const all = { nodes: strict.url, ...ca, ...signIn, ...certificate };
      expect(await setupWith(all)).toContain('kept      template weir-flow');
    });

    if (version !== '7.10.2') return;

    test('answers behind a forward proxy, and under a cloud id', async () => {
      const cloud = await proxied({ tls: tlsOf('cloud') });
      const way = await startForwardProxy({ basic: base64(`weir:${secrets.proxy}`), resolve: () => cloud.port });
      closers.push(way.stop);
      const cloud_id = `name:${base64(`localhost:${cloud.port}$deployment$kibana`)}`;
      const settings = { cloud_id, ca_file: file('ca.pem'), username: 'weir', password: secrets.password };
      const proxy = `http://weir:${secrets.proxy}@127.0.0.1:${way.port}`;
      expect(await setupWith({ ...settings, proxy })).toContain(
        `Elasticsearch 7.10.2 at https://deployment.localhost:${cloud.port}`,
      );
      expect(new Set(way.connected)).toEqual(new Set([`deployment.localhost:${cloud.port}`]));
      const wrong = await setupWith({ ...settings, proxy: `http://weir:${secrets.proxy}x@127.0.0.1:${way.port}` });
      expect(wrong).toMatch(
        /^weir: Elasticsearch at https:\/\/deployment\.localhost:\d+: .*HTTP 407.*index: elasticsearch: proxy/,
      );
      const away = await freePort();
      expect(await setupWith({ ...settings, proxy: `http://127.0.0.1:${away}` })).toMatch(
        /^weir: Elasticsearch at https:\/\/deployment\.localhost:\d+: ECONNREFUSED, through the proxy http.*index: elasticsearch: proxy/,
      );
    });

    /** What is wrong → the settings, and what must stand in the one line behind the server's address. */
    const mistakes: Readonly<
      Record<string, readonly [ServerOptions | string, (nodes: string) => Readonly<Record<string, unknown>>, RegExp]>
    > = {
      'a wrong password': [
        'server',
        (nodes) => ({ nodes, password: `${secrets.password}!` }),
        /HTTP 401.*password.*index: elasticsearch/,
      ],
      'a wrong API key': [
        'server',
        (nodes) => ({ nodes, username: undefined, password: undefined, api_key: `${secrets.apiKey}x` }),
        /HTTP 401.*api_key.*index: elasticsearch/,
      ],
      'no user at all': [
        'server',
        (nodes) => ({ nodes, username: undefined, password: undefined }),
        /HTTP 401.*username and password, or api_key, in index: elasticsearch/,
      ],
      'an expired certificate': ['expired', (nodes) => ({ nodes }), /has expired.*Renew the certificate/],
      'an unknown authority': [
        'server',
        (nodes) => ({ nodes, ca_file: file('other.pem') }),
        /authority that weir does not know.*index: elasticsearch: ca_file/,
      ],
      'no authority named': [
        'server',
        (nodes) => ({ nodes, ca_file: undefined }),
        /authority that weir does not know.*index: elasticsearch: ca_file/,
      ],
      'another host name': ['elsewhere', (nodes) => ({ nodes }), /another host name.*index: elasticsearch: nodes/],
      'a wrong fingerprint': [
        'server',
        (nodes) => ({ nodes, ca_file: undefined, ca_fingerprint: 'ab'.repeat(32) }),
        /fingerprint.*index: elasticsearch: ca_fingerprint/,
      ],
      'a fingerprint, and an expired certificate': [
        'expired',
        (nodes) => ({ nodes, ca_file: undefined, ca_fingerprint: new X509Certificate(text('ca.pem')).fingerprint256 }),
        /has expired/,
      ],
      'http in place of https': [
        'server',
        (nodes) => ({ nodes: nodes.replace('https', 'http') }),
        /TLS|https.*index: elasticsearch: nodes/,
      ],
      'a client certificate that is missing': [
        'wants',
        (nodes) => ({ nodes }),
        /wants one.*index: elasticsearch: certificate and key/,
      ],
      'a client certificate of a stranger': [
        'wants',
        (nodes) => ({ nodes, certificate: file('stranger.pem'), key: file('stranger.key') }),
        /connection was cut.*index: elasticsearch: certificate and key/,
      ],
      'a wrong passphrase': [
        'wants',
        (nodes) => ({
          nodes,
          certificate: file('weir.pem'),
          key: file('locked.key'),
          key_passphrase: `${secrets.passphrase}!`,
        }),
        /passphrase.*index: elasticsearch: .*key_passphrase/,
      ],
      'a passphrase that is missing': [
        'wants',
        (nodes) => ({ nodes, certificate: file('weir.pem'), key: file('locked.key') }),
        /passphrase.*index: elasticsearch: .*key_passphrase/,
      ],
      'a key of another certificate': [
        'wants',
        (nodes) => ({ nodes, certificate: file('weir.pem'), key: file('stranger.key') }),
        /does not belong.*index: elasticsearch: certificate, key/,
      ],
    };
    test.each(Object.keys(mistakes))('%s is one line with the fix', async (title) => {
      const [tls, toSettings, line] = mistakes[title]!;
      const wants = { requestCert: true, rejectUnauthorized: true, ca: text('ca.pem') };
      const { url, seen } = await proxied({
        tls: tls === 'wants' ? { ...tlsOf('server'), ...wants } : tlsOf(tls as string),
      });
      const defaults = { ca_file: file('ca.pem'), username: 'weir', password: secrets.password };
      const settings: Readonly<Record<string, unknown>> = { ...defaults, ...toSettings(url) };
      const said = await setupWith(
        Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
      );
      expect(said).toContain(`weir: Elasticsearch at ${settings['nodes']}: `);
      expect(said).toMatch(line);
      expect(seen).toEqual([]);
    });

    test.each([
      [
        'templates',
        /PUT .*template/,
        'indices:admin/index_template/put',
        /may not put the index template.*HTTP 403.*manage_index_templates/,
      ],
      [
        'reading templates',
        /GET .*template/,
        'indices:admin/index_template/get',
        /may not read index templates.*HTTP 403.*manage_index_templates/,
      ],
      ['the version', /GET \/$/, 'cluster:monitor/main', /may not ask for the version.*HTTP 403.*"monitor"/],
      [
        'fields',
        /GET .*_mapping/,
        'indices:admin/mappings/get',
        /may not read the fields.*HTTP 403.*"view_index_metadata"/,
      ],
    ])('a missing privilege for %s is one line with its name', async (_, pattern, action, line) => {
      // Absent after a case that was refused before it put them.
      await server
        .ask('DELETE', '/_index_template/weir-*')
        .catch((error: Error) => expect(error.message).toContain('404'));
      const proxy = await proxied();
      proxy.forbidden.push({ pattern, action });
      const said = await setupWith({
        nodes: proxy.url,
        ca_file: file('ca.pem'),
        username: 'weir',
        password: secrets.password,
      });
      expect(said).toContain(`weir: Elasticsearch at ${proxy.url}: `);
      expect(said).toMatch(line);
    });

    function writerTo(nodes: readonly string[], options: Partial<ElasticsearchClientOptions> = {}, backOffMs = 50) {
      const client = createElasticsearchClient({
        nodes,
        caFile: file('ca.pem'),
        username: 'weir',
        password: secrets.password,
        ...options,
      });
      const sink = createBulkWriter({
        client,
        indexName: 'weir-flow-%{yyyy.MM.dd}',
        backOff: { firstMs: backOffMs, maxMs: backOffMs },
        logger: createLogger({ level: 'debug', write: (line) => printed.push(line) }),
        now: Date.now,
      });
      closers.push(sink.stop);
      return sink;
    }
    const allIndexed = { alreadyThere: [], refused: [] };

    test('a missing privilege for _bulk, or a password that was changed, holds documents until it is mended', async () => {
      const proxy = await proxied();
      const sink = writerTo([proxy.url]);
      proxy.forbidden.push({ pattern: /_bulk/, action: 'indices:data/write/bulk' });
      await sink.start();
      const writing = sink.write(flowBatch('barred', 3), never);
      await expect
        .poll(() => sink.trouble(), patience)
        .toMatch(/^Elasticsearch at https:\/\/127\.0\.0\.1:\d+ holds documents.*HTTP 403.*create_doc/);
      proxy.forbidden.length = 0;
      proxy.always = { status: 401, body: '{"error":{"type":"security_exception","reason":"x"},"status":401}' };
      await expect.poll(() => sink.trouble(), patience).toMatch(/HTTP 401.*index: elasticsearch/);
      proxy.always = undefined;
      expect(await writing).toEqual(allIndexed);
      printed.push(String(sink.trouble()));
    });

    async function countDocuments(): Promise<number> {
      await server.ask('POST', '/weir-flow-*/_refresh');
      return (await server.ask<{ count: number }>('GET', '/weir-flow-*/_count')).count;
    }

    test('of several nodes those that are away, hang, redirect or are sick are left for the others', {
      timeout: 120_000,
    }, async () => {
      const [good, hanging, redirecting, sick] = [await proxied(), await proxied(), await proxied(), await proxied()];
      hanging.isHanging = true;
      redirecting.always = { status: 302, headers: { location: 'https://login.example/?token=abc' } };
      sick.always = {
        status: 503,
        headers: { 'content-type': 'text/html' },
        body: '<html>no server is available</html>',
      };
      const away = `https://127.0.0.1:${await freePort()}`;
      const before = await countDocuments();
      for (const bad of [away, hanging.url, redirecting.url, sick.url]) {
        const sink = writerTo([bad, good.url], { requestTimeoutMs: 500 });
        for (const batch of ['1', '2', '3']) {
          // On a slow machine an answer of the good one may be late, too: sent again, its documents are already there.
          expect(await sink.write(flowBatch(`${bad}-${batch}`, 5), never)).toMatchObject({ refused: [] });
        }
      }
      expect(await countDocuments()).toBe(before + 4 * 3 * 5);
    });

    test('a node that dies in mid-stream costs nothing', { timeout: 120_000 }, async () => {
      const [one, two] = [await proxied(), await proxied()];
      const sink = writerTo([one.url, two.url]);
      for (let batch = 0; batch < 20; batch += 1) {
        if (batch === 10) await one.stop();
        expect(await sink.write(flowBatch(`stream-${batch}`, 20), never)).toMatchObject({ refused: [] });
      }
      await server.ask('POST', '/weir-flow-*/_refresh');
      const query = { query: { prefix: { 'flow.application': 'stream-' } } };
      expect((await server.ask<{ count: number }>('POST', '/weir-flow-*/_count', query)).count).toBe(400);
    });
  });

  test.each([
    [
      'an HTML page',
      200,
      { 'content-type': 'text/html' },
      '<html><title>Welcome to nginx!</title>',
      /an HTML page \(HTTP 200\).*index: elasticsearch: nodes/,
    ],
    [
      'a redirect',
      302,
      { location: 'https://login.example/realm?token=t0ken' },
      '',
      /a redirect to login\.example \(HTTP 302\).*index: elasticsearch: nodes/,
    ],
    [
      'truncated JSON',
      200,
      { 'content-type': 'application/json' },
      '{"version":{"number":"7.1',
      /not Elasticsearch.*HTTP 200.*index: elasticsearch: nodes/,
    ],
    [
      'JSON of another kind',
      200,
      { 'content-type': 'application/json' },
      '[1,2,3]',
      /JSON of another kind \(HTTP 200\).*index: elasticsearch: nodes/,
    ],
    [
      'a gateway’s error',
      502,
      { 'content-type': 'text/html' },
      '<html>502 Bad Gateway</html>',
      /HTTP 502 with an HTML page/,
    ],
  ])('%s in the place of Elasticsearch is one line with host and status', async (_, status, headers, body, line) => {
    const server = createHttpServer((_request, response) => response.writeHead(status, headers).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => server.close());
    const nodes = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const said = await setupWith({ nodes });
    expect(said).toContain(`weir: Elasticsearch at ${nodes}: `);
    expect(said).toMatch(line);
    expect(said).not.toContain('t0ken');
  });

  test('bytes that are no HTTP, and an answer of 200 MB, are one line; memory stays', { timeout: 60_000 }, async () => {
    const garbage = createTcpServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n'));
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
    closers.push(() => garbage.close());
    const garbled = await setupWith({ nodes: `http://127.0.0.1:${(garbage.address() as AddressInfo).port}` });
    expect(garbled).toMatch(/^weir: Elasticsearch at http:\/\/127\.0\.0\.1:\d+: .*HTTP/);
    expect(garbled).toMatch(/index: elasticsearch: nodes/);

    const huge = createHttpServer(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      for (let sent = 0; sent < 200 && !response.destroyed; sent += 1) {
        const more = response.write(' '.repeat(2 ** 20));
        if (!more) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
      }
      response.end('{}');
    });
    await new Promise<void>((resolve) => huge.listen(0, '127.0.0.1', resolve));
    closers.push(
      () => huge.closeAllConnections(),
      () => huge.close(),
    );
    const before = process.memoryUsage().rss;
    const said = await setupWith({ nodes: `http://127.0.0.1:${(huge.address() as AddressInfo).port}` });
    expect(said).toMatch(/^weir: Elasticsearch at http:\/\/127\.0\.0\.1:\d+: the answer is larger than 32 MB/);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
  });
});
