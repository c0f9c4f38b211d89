import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createTcpListener,
  type TcpLimits,
  type TcpListener,
  type TcpListenerOptions,
} from '../../src/collect/tcp-listener.ts';
import type { Datagram } from '../../src/model/datagram.ts';
import type { Fault } from '../../src/model/fault.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { ipfix, uint } from '../decode/datagram-builder.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const wideLimits: TcpLimits = {
  connections: 100,
  connectionsPerAddress: 100,
  handshakeMs: 60_000,
  messageMs: 60_000,
  idleMs: 60_000,
};

interface Listening {
  readonly listener: TcpListener;
  readonly received: Datagram[];
  readonly faults: Fault[];
  readonly ended: number[];
  readonly refused: string[];
  readonly log: { readonly level: number; readonly msg: string }[];
}

async function listen({
  limits = {},
  ...options
}: { limits?: Partial<TcpLimits> } & Partial<Omit<TcpListenerOptions, 'limits'>> = {}): Promise<
  Listening & { port: number }
> {
  const it: Listening = {
    listener: createTcpListener({
      addresses: [{ host: '127.0.0.1', port: 0, tls: false }],
      limits: { ...wideLimits, ...limits },
      onDatagram: (datagram) => it.received.push({ ...datagram, payload: Buffer.from(datagram.payload) }),
      onSessionEnd: (session) => it.ended.push(session),
      onRefused: (exporter) => it.refused.push(exporter),
      onFault: (fault) => it.faults.push(fault),
      logger: createLogger({ write: (line) => it.log.push(JSON.parse(line) as (typeof it.log)[number]) }),
      now: () => 1_700_000_000_123,
      ...options,
    }),
    received: [],
    faults: [],
    ended: [],
    refused: [],
    log: [],
  };
  closers.push(() => it.listener.stop());
  await it.listener.start();
  return { ...it, port: it.listener.addresses()[0]!.port };
}

async function exporter(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  socket.resume();
  closers.push(() => socket.destroy());
  // A refusal may come before the connection is known to stand.
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve).once('close', () => resolve());
  });
  return socket;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turns = 0; turns < 1000 && !condition(); turns += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition(), what).toBe(true);
}

const isClosed = (socket: Socket) => () => socket.closed;

/** A message without sets, told apart by its sequence number. */
const message = (sequence: number, bodyBytes = 0) => ipfix([Buffer.alloc(bodyBytes)], { sequence });
const sequences = (received: readonly Datagram[]) => received.map(({ payload }) => payload.readUInt32BE(8));

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const isLinux = process.platform === 'linux';

describe('the TCP listener', () => {
  it('hands on each message with the address, the time and the number of its connection', async () => {
    const { port, received, ended } = await listen();
    const one = await exporter(port);
    one.write(Buffer.concat([message(1), message(2, 100)]));
    await until(() => received.length === 2, 'two messages');
    const other = await exporter(port);
    other.write(message(3));
    await until(() => received.length === 3, 'three messages');
    expect(sequences(received)).toEqual([1, 2, 3]);
    expect(received[0]).toMatchObject({
      exporter: '127.0.0.1',
      exporterPort: one.localPort,
      receivedAtMs: 1_700_000_000_123,
    });
    const [first, second, third] = received.map(({ session }) => session);
    expect(first).toBe(second);
    expect(third).not.toBe(first);
    one.end();
    await until(() => ended.length === 1, 'the end of a connection');
    expect(ended).toEqual([first]);
  });

  it('takes megabytes from several exporters, each in order, losing nothing', async () => {
    const { port, received, faults } = await listen();
    const count = 3000;
    const sockets = await Promise.all([1, 2, 3].map(() => exporter(port)));
    for (const [index, socket] of sockets.entries()) {
      const first = index * count;
      socket.end(Buffer.concat(Array.from({ length: count }, (_, at) => message(first + at, 400))));
    }
    await until(() => received.length === 3 * count, 'all messages');
    for (const index of sockets.keys()) {
      const own = sequences(received).filter((sequence) => Math.floor(sequence / count) === index);
      expect(own).toEqual(Array.from({ length: count }, (_, at) => index * count + at));
    }
    expect(faults).toEqual([]);
  });

  it.runIf(hasIpv6)('takes IPv4 and IPv6 on [::], and names IPv4 exporters as IPv4', async () => {
    const { port, received } = await listen({ addresses: [{ host: '::', port: 0, tls: false }] });
    (await exporter(port)).write(message(4));
    const six = connect({ host: '::1', port });
    closers.push(() => six.destroy());
    six.write(message(6));
    await until(() => received.length === 2, 'two messages');
    expect(new Set(received.map((each) => each.exporter))).toEqual(new Set(['127.0.0.1', '::1']));
  });

  it('says which port can’t be opened and what to do, and closes the others', async () => {
    const busy = createServer();
    closers.push(() => busy.close());
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as { port: number };
    const free = await listen();
    await free.listener.stop();
    const addresses = [free.port, port].map((each) => ({ host: '127.0.0.1', port: each, tls: false }));
    await expect(listen({ addresses })).rejects.toMatchObject({
      code: 'listen-failed',
      message: `cannot listen on 127.0.0.1:${port}/tcp: the port is in use`,
      hint: expect.stringContaining(`${port}`),
    });
    await listen({ addresses: addresses.slice(0, 1) });
  });

  it('goes on when the receiver of a message throws: logged a few times, counted each time', async () => {
    const { port, listener, log } = await listen({
      onDatagram: () => {
        throw new Error('a mistake');
      },
    });
    (await exporter(port)).write(Buffer.concat(Array.from({ length: 20 }, (_, at) => message(at))));
    await until(() => listener.failedDatagrams() === 20, '20 failures');
    expect(log.filter(({ msg }) => msg.includes('mistake in weir'))).toHaveLength(3);
  });
});

describe('what is no IPFIX', () => {
  it.each([
    ['garbage', Buffer.alloc(1000, 0xff), 'version 65535'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'version 18245'],
    ['TLS', Buffer.from('1603010200010001fc0303', 'hex'), 'tls://'],
    ['a length below the header', uint(0x000a_0003, 4), '3 bytes'],
  ])('closes the connection, with a fault: %s', async (_title, bytes, detail) => {
    const { port, received, faults, listener } = await listen();
    const socket = await exporter(port);
    socket.write(Buffer.concat([message(1), bytes, message(2)]));
    await until(isClosed(socket), 'closed');
    await until(() => listener.openConnections() === 0, 'no connection');
    expect(sequences(received)).toEqual([1]);
    expect(faults).toEqual([
      { code: 'stream-malformed', exporter: '127.0.0.1', detail: expect.stringContaining(detail) },
    ]);
  });

  it('is a message that ends early, by an end or by a reset', async () => {
    const { port, received, faults } = await listen();
    const ending = await exporter(port);
    ending.end(Buffer.concat([message(1), message(2, 50).subarray(0, 20)]));
    await until(() => faults.length === 1, 'the first fault');
    const resetting = await exporter(port);
    resetting.write(message(3, 50).subarray(0, 30));
    await new Promise((resolve) => setTimeout(resolve, 50));
    resetting.resetAndDestroy();
    await until(() => faults.length === 2, 'the second fault');
    expect(sequences(received)).toEqual([1]);
    expect(faults.map(({ code, detail }) => `${code}: ${detail}`)).toEqual([
      'stream-malformed: the connection ended 20 bytes into a message',
      'stream-malformed: the connection ended 30 bytes into a message',
    ]);
  });

  it('is not a connection that comes and goes: a health check is no fault', async () => {
    const { port, faults, ended } = await listen();
    (await exporter(port)).end();
    (await exporter(port)).resetAndDestroy();
    await until(() => ended.length === 2, 'both ended');
    expect(faults).toEqual([]);
  });
});

describe('limits', () => {
  it('closes who sends a message byte by byte, and leaves who sends whole ones', async () => {
    const { port, faults, received } = await listen({ limits: { messageMs: 150 } });
    const slow = await exporter(port);
    const good = await exporter(port);
    const bytes = message(1, 1000);
    for (let at = 0; at < 100 && !slow.closed; at += 1) {
      slow.write(bytes.subarray(at, at + 1));
      if (at % 10 === 0) good.write(message(at));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(slow.closed).toBe(true);
    expect(good.closed).toBe(false);
    expect(received.length).toBeGreaterThan(1);
    expect(faults).toEqual([
      {
        code: 'connection-limit',
        exporter: '127.0.0.1',
        detail: 'no whole message within 150 ms of its first byte',
      },
    ]);
  });

  it('closes who is silent for too long, not who speaks now and then', async () => {
    const { port, faults } = await listen({ limits: { idleMs: 200 } });
    const silent = await exporter(port);
    const seldom = await exporter(port);
    for (let times = 0; times < 6; times += 1) {
      seldom.write(message(times));
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    expect([silent.closed, seldom.closed]).toEqual([true, false]);
    expect(faults).toEqual([{ code: 'connection-limit', exporter: '127.0.0.1', detail: 'no message for 200 ms' }]);
  });

  it.runIf(isLinux)('refuses more connections of an address than may be, and takes other addresses’', async () => {
    const { port, faults, listener, received } = await listen({ limits: { connectionsPerAddress: 2 } });
    const [one] = [await exporter(port), await exporter(port)];
    const third = await exporter(port);
    await until(isClosed(third), 'the third one refused');
    expect(faults).toEqual([
      { code: 'connection-limit', exporter: '127.0.0.1', detail: 'more than 2 connections of this address' },
    ]);
    (await exporter(port, '127.0.0.2')).write(message(1));
    await until(() => received.length === 1, 'the message of another address');
    one.end();
    await until(() => listener.openConnections() === 2, 'room again');
    (await exporter(port)).write(message(2));
    await until(() => received.length === 2, 'the message of the first address');
  });

  it('refuses connections beyond the limit when all others work', async () => {
    const { port, faults, received } = await listen({ limits: { connections: 2 } });
    const working = [await exporter(port), await exporter(port)];
    for (const socket of working) socket.write(message(1));
    await until(() => received.length === 2, 'both work');
    const third = await exporter(port);
    await until(isClosed(third), 'the third one refused');
    expect(faults.map(({ detail }) => detail)).toEqual(['more than 2 connections']);
    for (const socket of working) socket.write(message(2));
    await until(() => received.length === 4, 'both still work');
  });

  it('gives the place of who has sent nothing to a newcomer: a flood of connections can’t keep exporters out', async () => {
    const { port, faults, received, listener } = await listen({ limits: { connections: 10 } });
    const working = await exporter(port);
    working.write(message(1));
    await until(() => received.length === 1, 'the first works');
    const flood = await Promise.all(Array.from({ length: 100 }, () => exporter(port)));
    await until(() => flood.filter(({ closed }) => closed).length === 91, 'most of the flood is closed');
    expect(listener.openConnections()).toBe(10);
    const newcomer = await exporter(port);
    newcomer.write(message(2));
    working.write(message(3));
    await until(() => received.length === 3, 'the newcomer and the first');
    expect(faults).toHaveLength(92);
  });

  it('closes an address that is not allowed before anything is read', async () => {
    const asked: string[] = [];
    const { port, faults, received, refused, listener } = await listen({
      isAllowed: (address) => {
        asked.push(address);
        return asked.length > 1;
      },
    });
    const first = await exporter(port);
    first.write(message(1));
    await until(isClosed(first), 'refused');
    expect({ asked, refused, received, faults }).toEqual({
      asked: ['127.0.0.1'],
      refused: ['127.0.0.1'],
      received: [],
      faults: [],
    });
    expect(listener.openConnections()).toBe(0);
    (await exporter(port)).write(message(2));
    await until(() => received.length === 1, 'the second is allowed');
  });
});

describe('back-pressure', () => {
  it('reads nothing while it is held, lets exporters wait, and loses nothing', async () => {
    const { port, received, listener, faults } = await listen({ limits: { messageMs: 100 } });
    const before = await exporter(port);
    before.write(message(0));
    await until(() => received.length === 1, 'the first message');
    listener.hold();
    const during = await exporter(port);
    const count = 20_000;
    let isTaken = false;
    before.write(Buffer.concat(Array.from({ length: count }, (_, at) => message(at + 1, 984))), () => {
      isTaken = true;
    });
    during.write(message(count + 1));
    // Longer than the limit: time does not count while we are the slow one.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(received.length).toBeLessThan(200);
    expect(isTaken).toBe(false);
    listener.release();
    await until(() => received.length === count + 2, 'all messages');
    expect(new Set(sequences(received)).size).toBe(count + 2);
    expect(faults).toEqual([]);
  });

  it('lets the event loop turn after each chunk, however much a quick exporter has sent', async () => {
    const { port, received, listener } = await listen();
    const quick = await exporter(port);
    listener.hold();
    const count = 4000;
    quick.write(Buffer.concat(Array.from({ length: count }, (_, at) => message(at, 1008))));
    // As much as the kernel holds is there at once when reading begins.
    await new Promise((resolve) => setTimeout(resolve, 100));
    listener.release();
    let most = 0;
    for (let before = 0; received.length < count; before = received.length) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, received.length - before);
    }
    // A chunk has 64 messages; one more may have been read ahead.
    expect(most).toBeLessThanOrEqual(3 * 64);
  });
});

describe('the stop', () => {
  it('takes whole messages that are there, closes, and frees the port', async () => {
    const { port, received, listener, ended, faults } = await listen();
    const socket = await exporter(port);
    const count = 5000;
    socket.write(
      Buffer.concat([...Array.from({ length: count }, (_, at) => message(at, 100)), message(9, 90).subarray(0, 50)]),
    );
    await until(() => received.length > 0, 'a message');
    await listener.stop();
    expect(received).toHaveLength(count);
    expect(ended).toHaveLength(1);
    expect(faults).toEqual([]);
    await until(isClosed(socket), 'closed');
    await listen({ addresses: [{ host: '127.0.0.1', port, tls: false }] });
  });

  it('ends within a second while exporters go on sending and others say nothing', async () => {
    const { port, received, listener } = await listen();
    await exporter(port);
    const busy = await exporter(port);
    const bytes = Buffer.concat(Array.from({ length: 100 }, (_, at) => message(at, 500)));
    const more = (): void => {
      if (busy.writable) busy.write(bytes, () => setImmediate(more));
    };
    more();
    await until(() => received.length > 100, 'messages');
    const startedMs = performance.now();
    await listener.stop();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    const atTheStop = received.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(received).toHaveLength(atTheStop);
  });

  it('may come twice, before and after a start, and a start after it works', async () => {
    const { listener, received } = await listen();
    await Promise.all([listener.stop(), listener.stop()]);
    await listener.stop();
    await listener.start();
    (await exporter(listener.addresses()[0]!.port)).write(message(1));
    await until(() => received.length === 1, 'a message');
  });
});

describe('ports that come and go', () => {
  it('closes the connections of a port that goes, and none of the others', async () => {
    const { listener, received, ended, port } = await listen();
    await listener.add([{ host: '127.0.0.2', port: 0, tls: false }]);
    const [, added] = listener.addresses();
    const message = ipfix([], { exportSeconds: 0, domain: 1 });
    const kept = await exporter(port);
    const going = connect({ host: '127.0.0.2', port: added!.port });
    closers.push(() => going.destroy());
    going.on('error', () => undefined).resume();
    kept.write(message);
    going.write(message);
    await until(() => received.length === 2, 'messages');
    await listener.remove([{ host: '127.0.0.2', port: 0, tls: false }]);
    await until(() => ended.length === 1, 'the end of one connection');
    expect(listener.addresses()).toHaveLength(1);
    expect(listener.openConnections()).toBe(1);
    kept.write(message);
    await until(() => received.length === 3, 'a message more');
  });
});
