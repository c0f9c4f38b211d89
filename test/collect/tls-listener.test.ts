import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createTcpListener, type TcpLimits, type TcpListener } from '../../src/collect/tcp-listener.ts';
import { readTlsFiles, type TlsFiles } from '../../src/collect/tls-files.ts';
import type { Datagram } from '../../src/model/datagram.ts';
import type { Fault } from '../../src/model/fault.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { ipfix } from '../decode/datagram-builder.ts';
import { describeWith } from '../needs.ts';
import { type Certificates, createCertificates } from './tls-certificates.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const limits: TcpLimits = {
  connections: 100,
  connectionsPerAddress: 100,
  handshakeMs: 60_000,
  messageMs: 60_000,
  idleMs: 60_000,
};

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turns = 0; turns < 1000 && !condition(); turns += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition(), what).toBe(true);
}

const message = (sequence: number, bodyBytes = 0) => ipfix([Buffer.alloc(bodyBytes)], { sequence });

describeWith(['openssl'], 'IPFIX over TLS', () => {
  let folder: string;
  let files: Certificates;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-tls-'));
    files = createCertificates(folder);
    files.authority('ca');
    files.authority('other-ca');
    files.certificate('collector', 'ca');
    files.certificate('exporter', 'ca');
    files.certificate('stranger', 'other-ca');
    files.openssl('ec', '-in', 'collector.key', '-aes256', '-passout', 'pass:secret', '-out', 'locked.key');
    writeFileSync(files.file('words.pem'), 'no certificate');
    writeFileSync(files.file('damaged.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const server = (more: Partial<TlsFiles> = {}): TlsFiles => ({
    certificateFile: files.file('collector.pem'),
    keyFile: files.file('collector.key'),
    ...more,
  });
  const mutual = (clientCertificates: 'required' | 'optional') =>
    server({ clientCaFile: files.file('ca.pem'), clientCertificates });

  interface Listening {
    readonly listener: TcpListener;
    readonly port: number;
    readonly received: Datagram[];
    readonly faults: Fault[];
    readonly ended: number[];
  }

  async function listen(tls: TlsFiles, more: Partial<TcpLimits> = {}): Promise<Listening> {
    const received: Datagram[] = [];
    const faults: Fault[] = [];
    const ended: number[] = [];
    const listener = createTcpListener({
      addresses: [{ host: '127.0.0.1', port: 0, tls: true }],
      tls,
      limits: { ...limits, ...more },
      onDatagram: (datagram) => received.push({ ...datagram, payload: Buffer.from(datagram.payload) }),
      onSessionEnd: (session) => ended.push(session),
      onRefused: () => undefined,
      onFault: (fault) => faults.push(fault),
      logger: silentLogger,
      now: () => 1_700_000_000_123,
    });
    closers.push(() => listener.stop());
    await listener.start();
    return { listener, port: listener.addresses()[0]!.port, received, faults, ended };
  }

  function exporter(port: number, options: ConnectionOptions = {}): TLSSocket {
    const ca = readFileSync(files.file('ca.pem'));
    const socket = connect({ host: '127.0.0.1', port, ca, ...options });
    socket.on('error', () => undefined);
    socket.resume();
    closers.push(() => socket.destroy());
    return socket;
  }

  function tcp(port: number): Socket {
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    closers.push(() => socket.destroy());
    return socket;
  }

  const identity = (name: string) => ({
    cert: readFileSync(files.file(`${name}.pem`)),
    key: readFileSync(files.file(`${name}.key`)),
  });

  it('takes the messages of an exporter that checks our certificate, to the last one', async () => {
    const { port, received, ended, faults } = await listen(server());
    const socket = exporter(port);
    const count = 2000;
    socket.end(Buffer.concat(Array.from({ length: count }, (_, at) => message(at, 300))));
    await until(() => ended.length === 1, 'the end');
    expect(received.map(({ payload }) => payload.readUInt32BE(8))).toEqual(
      Array.from({ length: count }, (_, at) => at),
    );
    expect(received[0]).toMatchObject({ exporter: '127.0.0.1', exporterPort: expect.any(Number) });
    expect(faults).toEqual([]);
  });

  it('takes what another implementation of TLS sends: openssl s_client', async () => {
    const { port, received } = await listen(mutual('required'));
    const own = ['-cert', files.file('exporter.pem'), '-key', files.file('exporter.key')];
    const child: ChildProcess = spawn(
      'openssl',
      ['s_client', '-quiet', '-verify_return_error', '-CAfile', files.file('ca.pem'), ...own, `127.0.0.1:${port}`],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    closers.push(() => child.kill());
    child.stdin?.write(Buffer.concat([message(1), message(2, 4000)]));
    await until(() => received.length === 2, 'two messages');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const { port, received } = await listen(server());
    exporter(port, { minVersion: version, maxVersion: version }).write(message(1));
    await until(() => received.length === 1, 'a message');
  });

  it('refuses TLS 1.1, with a fault', async () => {
    const { port, faults, ended } = await listen(server());
    const old = exporter(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    await until(() => old.closed && ended.length === 1, 'closed');
    expect(faults).toEqual([
      { code: 'handshake-failed', exporter: '127.0.0.1', detail: expect.stringMatching(/^ERR_SSL_/) },
    ]);
  });

  it.each([
    ['required', 'exporter', []],
    ['required', undefined, ['no client certificate']],
    ['required', 'stranger', ['client certificate: ']],
    ['optional', 'exporter', []],
    ['optional', undefined, []],
    ['optional', 'stranger', ['client certificate: ']],
  ] as const)(
    'with client certificates %s, an exporter with the certificate of %s: faults %j',
    async (need, name, faulty) => {
      const { port, received, faults, listener } = await listen(mutual(need));
      const socket = exporter(port, name === undefined ? {} : identity(name));
      socket.write(message(1));
      await until(() => received.length + faults.length === 1, 'a message or a fault');
      expect(faults.map(({ code, detail }) => `${code}: ${detail}`)).toEqual(
        faulty.map((detail) => expect.stringContaining(`handshake-failed: ${detail}`)),
      );
      if (faulty.length > 0) await until(() => socket.closed && listener.openConnections() === 0, 'closed');
      expect(received).toHaveLength(1 - faulty.length);
    },
  );

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'asks for the certificate again when a session is resumed without one (%s)',
    async (version) => {
      const { port, received, faults } = await listen(mutual('required'));
      const sessions: Buffer[] = [];
      const bare = exporter(port, { minVersion: version, maxVersion: version });
      bare.on('session', (session: Buffer) => sessions.push(session));
      await until(() => bare.closed, 'closed');
      const again = exporter(port, {
        minVersion: version,
        maxVersion: version,
        ...(sessions[0] !== undefined && { session: sessions[0] }),
      });
      again.write(message(1));
      await until(() => again.closed && faults.length === 2, 'closed again');
      expect(received).toEqual([]);
    },
  );

  it.each([
    ['an IPFIX message without TLS', message(1, 100)],
    ['garbage', Buffer.alloc(500, 0x55)],
    ['a TLS record of garbage', Buffer.concat([Buffer.from('1603010100', 'hex'), Buffer.alloc(256, 0x77)])],
  ])('closes a connection that begins with %s, with a fault', async (_title, bytes) => {
    const { port, received, faults, listener } = await listen(server());
    const socket = tcp(port);
    socket.write(bytes);
    await until(() => socket.closed && listener.openConnections() === 0, 'closed');
    expect(received).toEqual([]);
    expect(faults).toEqual([
      { code: 'handshake-failed', exporter: '127.0.0.1', detail: expect.stringMatching(/^ERR_SSL_/) },
    ]);
    const good = exporter(port);
    good.write(message(2));
    await until(() => received.length === 1, 'the others go on');
  });

  it('closes garbage inside TLS, with a fault', async () => {
    const { port, faults, listener } = await listen(server());
    const socket = exporter(port);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await until(() => socket.closed && listener.openConnections() === 0, 'closed');
    expect(faults.map(({ code }) => code)).toEqual(['stream-malformed']);
  });

  it('closes who does not end the handshake in time, also when it sends byte by byte', async () => {
    const { port, faults, listener } = await listen(server(), { handshakeMs: 100 });
    const silent = tcp(port);
    const slow = tcp(port);
    const good = exporter(port);
    const hello = Buffer.from('16030100c8010000c40303', 'hex');
    for (let at = 0; at < 60 && !(slow.closed && silent.closed); at += 1) {
      if (slow.writable && at < hello.length) slow.write(hello.subarray(at, at + 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(() => silent.closed && slow.closed, 'closed');
    expect(faults).toEqual(
      [1, 2].map(() => ({
        code: 'connection-limit',
        exporter: '127.0.0.1',
        detail: 'no TLS handshake within 100 ms',
      })),
    );
    expect(listener.openConnections()).toBe(1);
    expect(good.closed).toBe(false);
  });

  it('bears resets in the middle of handshakes, leaving nothing behind', async () => {
    const { port, listener, received, faults } = await listen(server());
    for (let at = 0; at < 100; at += 1) {
      const socket = tcp(port);
      socket.on('connect', () => {
        if (at % 2 === 0) socket.write(Buffer.from('16030100c8010000c40303', 'hex'));
        setTimeout(() => socket.resetAndDestroy(), at % 7);
      });
    }
    exporter(port).write(message(1));
    await until(() => received.length === 1 && listener.openConnections() === 1, 'only the exporter is left');
    expect(faults).toEqual([]);
  });

  it('stops in time with connections in every state', async () => {
    const { port, listener, received } = await listen(server());
    const good = exporter(port);
    good.write(Buffer.concat([message(1), message(2, 50).subarray(0, 30)]));
    tcp(port);
    tcp(port).write(Buffer.from('1603010200', 'hex'));
    await until(() => received.length === 1 && listener.openConnections() === 3, 'three connections');
    const startedMs = performance.now();
    await listener.stop();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(listener.openConnections()).toBe(0);
    await until(() => good.closed, 'closed');
  });

  it.each([
    [
      'a certificate that is not there',
      { certificateFile: 'none.pem' },
      'file-missing',
      /none\.pem: there is no such file/,
    ],
    ['a key that is not there', { keyFile: 'none.key' }, 'file-missing', /none\.key: there is no such file/],
    ['a folder', { keyFile: '.' }, 'file-missing', /it is a folder/],
    ['an authority that is not there', { clientCaFile: 'none.pem' }, 'file-missing', /none\.pem/],
    [
      'a file that is no certificate',
      { certificateFile: 'words.pem' },
      'file-invalid',
      /words\.pem holds no PEM certificate/,
    ],
    [
      'a damaged certificate',
      { certificateFile: 'damaged.pem' },
      'file-invalid',
      /damaged\.pem holds a certificate that can't be read/,
    ],
    ['a damaged authority', { clientCaFile: 'damaged.pem' }, 'file-invalid', /damaged\.pem/],
    [
      'a certificate in place of the key',
      { keyFile: 'collector.pem' },
      'file-invalid',
      /collector\.pem holds no PEM private key/,
    ],
    ['a key with a passphrase', { keyFile: 'locked.key' }, 'file-invalid', /locked\.key has a passphrase/],
    [
      'the key of another certificate',
      { keyFile: 'exporter.key' },
      'file-invalid',
      /exporter\.key is not the key of the certificate in/,
    ],
  ] as const)('says what is wrong with %s', async (_title, named, code, text) => {
    const paths = Object.fromEntries(Object.entries(named).map(([key, name]) => [key, files.file(name)]));
    const error: unknown = await readTlsFiles(server(paths)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringMatching(text), hint: expect.stringContaining('tls:') });
    await expect(listen(server(paths))).rejects.toMatchObject({ code });
  });
});
