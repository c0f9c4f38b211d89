// What goes wrong, and right, on the way to a server behind TLS: one line that says it, with the fix, and without a secret.

import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createElasticsearchClient, type ElasticsearchClientOptions } from '../../src/index/elasticsearch-client.ts';
import { createCertificates } from '../collect/tls-certificates.ts';
import { describeWith } from '../needs.ts';

const never = new AbortController().signal;

describeWith(['openssl'], 'Elasticsearch behind TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-trust-'));
  const certificates = createCertificates(folder);
  const closers: (() => void)[] = [];
  beforeAll(() => {
    certificates.authority('ca');
    certificates.authority('other');
    certificates.certificate('server', 'ca');
    certificates.certificate('weir', 'ca');
  });
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const text = (name: string) => readFileSync(certificates.file(name), 'utf8');
  const fingerprint = (name: string) => new X509Certificate(text(`${name}.pem`)).fingerprint256;

  async function start(options: ServerOptions = {}) {
    const authorizations: (string | undefined)[] = [];
    // As Elasticsearch does, it sends its authority, too.
    const cert = text('server.pem') + text('ca.pem');
    const server = createServer({ cert, key: text('server.key'), ...options }, (request, response) => {
      authorizations.push(request.headers.authorization);
      response.setHeader('content-type', 'application/json');
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { authorizations, port: (server.address() as AddressInfo).port };
  }

  async function ask(options: ElasticsearchClientOptions): Promise<number> {
    const client = createElasticsearchClient(options);
    try {
      return (await client.request({ method: 'GET', path: '/' }, never)).status;
    } finally {
      await client.close();
    }
  }

  const signIn = { username: 'weir', password: 'hunter2' };

  test('an authority known by its fingerprint is trusted, and another is not, before any password is sent', async () => {
    const { port, authorizations } = await start();
    const nodes = [`https://127.0.0.1:${port}`];
    expect(await ask({ nodes, ...signIn, caFingerprint: fingerprint('ca') })).toBe(200);
    const before = authorizations.filter((sent) => sent !== undefined).length;
    await expect(ask({ nodes, ...signIn, caFingerprint: fingerprint('other') })).rejects.toMatchObject({
      code: 'sink-refused',
      message: expect.stringContaining('fingerprint'),
    });
    expect(authorizations.filter((sent) => sent !== undefined)).toHaveLength(before);
  });

  test('a wrong authority and a wrong name are told apart', async () => {
    const { port } = await start();
    const wrong = ask({ nodes: [`https://127.0.0.1:${port}`], caFile: certificates.file('other.pem'), ...signIn });
    await expect(wrong).rejects.toMatchObject({ hint: expect.stringContaining('ca_file') });
    const named = ask({ nodes: [`https://127.0.0.2:${port}`], caFile: certificates.file('ca.pem'), ...signIn });
    await expect(named).rejects.toMatchObject({ message: expect.not.stringContaining('hunter2') });
  });

  test('a server that wants a certificate gets it', async () => {
    const { port } = await start({ requestCert: true, rejectUnauthorized: true, ca: text('ca.pem') });
    const options = { nodes: [`https://127.0.0.1:${port}`], caFile: certificates.file('ca.pem') };
    const ours = { certificateFile: certificates.file('weir.pem'), keyFile: certificates.file('weir.key') };
    expect(await ask({ ...options, ...ours })).toBe(200);
    await expect(ask(options)).rejects.toThrow();
  });

  test('a node that is away is left out for the next one', async () => {
    const { port } = await start();
    const nodes = ['https://127.0.0.1:1', `https://127.0.0.1:${port}`];
    for (let round = 0; round < 3; round += 1)
      expect(await ask({ nodes, caFile: certificates.file('ca.pem') })).toBe(200);
  });
});
