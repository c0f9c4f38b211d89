import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { toExporter } from '../../src/collect/listen-addresses.ts';
import { createUdpListener, type UdpListener, type UdpListenerOptions } from '../../src/collect/udp-listener.ts';
import type { Datagram } from '../../src/model/datagram.ts';
import { WeirError } from '../../src/model/errors.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface LogLine {
  readonly level: number;
  readonly msg: string;
}

function listen(options: Partial<UdpListenerOptions> & Pick<UdpListenerOptions, 'addresses'>): {
  listener: UdpListener;
  received: Datagram[];
  log: LogLine[];
} {
  const received: Datagram[] = [];
  const log: LogLine[] = [];
  const listener = createUdpListener({
    receiveBufferBytes: 65_536,
    onDatagram: (datagram) => received.push(datagram),
    logger: createLogger({ write: (line) => log.push(JSON.parse(line) as LogLine) }),
    now: () => 1_700_000_000_123,
    ...options,
  });
  closers.push(() => listener.stop());
  return { listener, received, log };
}

async function sender(host: string, port: number, from?: string): Promise<Socket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  closers.push(() => socket.close());
  if (from !== undefined) {
    socket.bind(0, from);
    await once(socket, 'listening');
  }
  socket.connect(port, host);
  await once(socket, 'connect');
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 500 && !condition(); turns += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

describe('the UDP listener', () => {
  it('hands on payload, source address, source port and time of each datagram, in order', async () => {
    const { listener, received } = listen({ addresses: [{ host: '127.0.0.1', port: 0 }] });
    await listener.start();
    const socket = await sender('127.0.0.1', listener.addresses()[0]!.port);
    for (const text of ['one', '', 'three']) socket.send(text);
    await until(() => received.length === 3);
    expect(received.map(({ payload }) => payload.toString())).toEqual(['one', '', 'three']);
    expect(received[0]).toMatchObject({
      exporter: '127.0.0.1',
      exporterPort: socket.address().port,
      receivedAtMs: 1_700_000_000_123,
    });
  });

  it('listens on several ports and tells the real ones', async () => {
    const { listener, received } = listen({
      addresses: [
        { host: '127.0.0.1', port: 0 },
        { host: '127.0.0.1', port: 0 },
      ],
    });
    await listener.start();
    const ports = listener.addresses().map(({ port }) => port);
    expect(new Set(ports).size).toBe(2);
    for (const port of ports) (await sender('127.0.0.1', port)).send(String(port));
    await until(() => received.length === 2);
    expect(received.map(({ payload }) => Number(payload.toString())).sort()).toEqual([...ports].sort());
  });

  it.runIf(hasIpv6)('takes IPv4 and IPv6 on one socket of [::], and names IPv4 exporters as IPv4', async () => {
    const { listener, received } = listen({ addresses: [{ host: '::', port: 0 }] });
    await listener.start();
    expect(listener.addresses()).toHaveLength(1);
    const { port } = listener.addresses()[0]!;
    (await sender('127.0.0.1', port)).send('four');
    await until(() => received.length === 1);
    (await sender('::1', port)).send('six');
    await until(() => received.length === 2);
    expect(received.map(({ exporter }) => exporter)).toEqual(['127.0.0.1', '::1']);
  });

  it.runIf(hasIpv6)('opens 0.0.0.0 and [::] on the same port, each datagram coming once', async () => {
    const { port } = await freePort();
    const { listener, received } = listen({
      addresses: [
        { host: '::', port },
        { host: '0.0.0.0', port },
        { host: '::', port },
      ],
    });
    await listener.start();
    expect(listener.addresses()).toEqual([
      { host: '::', port },
      { host: '0.0.0.0', port },
    ]);
    (await sender('127.0.0.1', port)).send('four');
    (await sender('::1', port)).send('six');
    await until(() => received.length === 2);
    expect(received.map(({ exporter }) => exporter).sort()).toEqual(['127.0.0.1', '::1']);
  });

  it('listens on 0.0.0.0 with one log line where the machine has no IPv6', async () => {
    const { listener, received, log } = listen({
      addresses: [{ host: '::', port: 0 }],
      openSocket: ((options: { type: 'udp4' | 'udp6' }) => {
        const socket = createSocket(options);
        if (options.type === 'udp6')
          socket.bind = () => {
            queueMicrotask(() => socket.emit('error', Object.assign(new Error('x'), { code: 'EAFNOSUPPORT' })));
            return socket;
          };
        return socket;
      }) as typeof createSocket,
    });
    await listener.start();
    expect(listener.addresses()).toEqual([{ host: '0.0.0.0', port: expect.any(Number) }]);
    expect(log.filter(({ msg }) => msg.includes('no IPv6'))).toHaveLength(1);
    (await sender('127.0.0.1', listener.addresses()[0]!.port)).send('four');
    await until(() => received.length === 1);
  });

  it('closes every port when one cannot be opened, and says which and what to do', async () => {
    const busy = createSocket('udp4');
    closers.push(() => busy.close());
    busy.bind(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = await freePort();
    const { listener } = listen({
      addresses: [
        { host: '127.0.0.1', port },
        { host: '127.0.0.1', port: busy.address().port },
      ],
    });
    const error = await listener.start().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WeirError);
    expect(error).toMatchObject({
      code: 'listen-failed',
      message: `cannot listen on 127.0.0.1:${busy.address().port}/udp: the port is in use`,
      hint: expect.stringContaining(`${busy.address().port}`),
      context: { host: '127.0.0.1', port: busy.address().port, reason: 'EADDRINUSE' },
    });
    const again = createSocket('udp4');
    closers.push(() => again.close());
    again.bind(port, '127.0.0.1');
    await once(again, 'listening');
  });

  it.each([
    ['192.0.2.123', 40_000, 'EADDRNOTAVAIL', 'no interface of this machine has that address'],
    ['127.0.0.1', 70_000, 'ERANGE', 'a port is a number from 0 to 65535'],
  ])('refuses %s:%i with a reason and a hint', async (host, port, reason, text) => {
    const { listener } = listen({ addresses: [{ host, port }] });
    await expect(listener.start()).rejects.toMatchObject({
      code: 'listen-failed',
      message: `cannot listen on ${host}:${port}/udp: ${text}`,
      hint: expect.any(String),
      context: { reason },
    });
  });

  it('can be started again after a port became free', async () => {
    const busy = createSocket('udp4');
    busy.bind(0, '127.0.0.1');
    await once(busy, 'listening');
    const { listener, received } = listen({ addresses: [{ host: '127.0.0.1', port: busy.address().port }] });
    await expect(listener.start()).rejects.toThrow('in use');
    const { port } = busy.address();
    await new Promise<void>((resolve) => busy.close(() => resolve()));
    await listener.start();
    (await sender('127.0.0.1', port)).send('x');
    await until(() => received.length === 1);
  });

  it('goes on when the receiver of a datagram throws: logged a few times, counted each time', async () => {
    const { listener, log } = listen({
      addresses: [{ host: '127.0.0.1', port: 0 }],
      onDatagram: () => {
        throw new Error('a mistake');
      },
    });
    await listener.start();
    const socket = await sender('127.0.0.1', listener.addresses()[0]!.port);
    for (let at = 0; at < 20; at += 1) socket.send('x');
    await until(() => listener.failedDatagrams() === 20);
    expect(log.filter(({ msg }) => msg.includes('mistake in weir'))).toHaveLength(3);
  });

  it('logs what a socket complains about after the start, and goes on', async () => {
    let opened: Socket | undefined;
    const { listener, received, log } = listen({
      addresses: [{ host: '127.0.0.1', port: 0 }],
      openSocket: ((options: { type: 'udp4' }) => {
        opened = createSocket(options);
        return opened;
      }) as typeof createSocket,
    });
    await listener.start();
    opened?.emit('error', Object.assign(new Error('no memory'), { code: 'ENOMEM' }));
    expect(log.filter(({ level }) => level === 50)).toEqual([expect.objectContaining({ code: 'ENOMEM' })]);
    (await sender('127.0.0.1', listener.addresses()[0]!.port)).send('x');
    await until(() => received.length === 1);
  });

  it('stops twice, before and after a start, and frees the port', async () => {
    const { listener } = listen({ addresses: [{ host: '127.0.0.1', port: 0 }] });
    await listener.stop();
    await listener.start();
    const { port } = listener.addresses()[0]!;
    await Promise.all([listener.stop(), listener.stop()]);
    await listener.stop();
    const again = createSocket('udp4');
    closers.push(() => again.close());
    again.bind(port, '127.0.0.1');
    await once(again, 'listening');
  });

  describe.runIf(process.platform === 'linux')('on Linux', () => {
    it('prints the sysctl line once when the kernel gives less than was asked', async () => {
      const asked = 2_000_000_000;
      const { listener, log } = listen({
        addresses: [
          { host: '127.0.0.1', port: 0 },
          { host: '127.0.0.1', port: 0 },
        ],
        receiveBufferBytes: asked,
      });
      await listener.start();
      const warnings = log.filter(({ level }) => level === 40);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.msg).toContain(`sysctl -w net.core.rmem_max=${asked}`);
    });

    it('is silent when the kernel gives what was asked', async () => {
      const { listener, log } = listen({ addresses: [{ host: '127.0.0.1', port: 0 }], receiveBufferBytes: 65_536 });
      await listener.start();
      expect(log).toEqual([]);
    });

    it('takes what waits in the kernel before it closes', async () => {
      const { listener, received } = listen({
        addresses: [{ host: '127.0.0.1', port: 0 }],
        receiveBufferBytes: 212_992,
      });
      await listener.start();
      const socket = await sender('127.0.0.1', listener.addresses()[0]!.port);
      for (let at = 0; at < 200; at += 1) socket.send('x');
      await listener.stop();
      expect(received).toHaveLength(200);
    });

    it('counts exactly what the kernel dropped: received + dropped = sent', async () => {
      const { listener, received } = listen({
        addresses: [
          { host: '127.0.0.1', port: 0 },
          { host: '127.0.0.1', port: 0 },
        ],
        receiveBufferBytes: 16_384,
      });
      await listener.start();
      const sockets = [];
      for (const { port } of listener.addresses()) sockets.push(await sender('127.0.0.1', port));
      expect(await listener.kernelDrops()).toBe(0);
      const payload = Buffer.alloc(1464);
      // Sending to a connected socket happens at once, and nobody reads before this loop is done.
      for (let at = 0; at < 1000; at += 1) for (const socket of sockets) socket.send(payload);
      let drops = 0;
      for (let turns = 0; turns < 100 && received.length + drops < 2000; turns += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        drops = await listener.kernelDrops();
      }
      expect(drops).toBeGreaterThan(1000);
      expect(received.length).toBeGreaterThan(0);
      expect(received.length + drops).toBe(2000);
      await listener.stop();
      expect(await listener.kernelDrops()).toBe(drops);
    });
  });
});

describe('the exporter of a datagram', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    // RFC 2765 §2.1: IPv4-translated addresses are not IPv4-mapped ones.
    ['::ffff:0:c000:201', '::ffff:0:c000:201'],
  ])('of %s is %s', (from, exporter) => {
    expect(toExporter(from)).toBe(exporter);
  });
});

/** A port that nobody held a moment ago. */
async function freePort(): Promise<{ port: number }> {
  const socket = createSocket(hasIpv6 ? 'udp6' : 'udp4');
  socket.bind(0);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return { port };
}

describe('ports that come and go', () => {
  it('are opened and closed while the others go on', async () => {
    const { listener, received } = listen({ addresses: [{ host: '127.0.0.1', port: 0 }] });
    await listener.start();
    const [first] = listener.addresses();
    const kept = await sender('127.0.0.1', first!.port);
    await listener.add([{ host: '127.0.0.1', port: 0 }]);
    expect(listener.addresses()).toHaveLength(2);
    expect(listener.addresses()[0]).toEqual(first);
    const added = await sender('127.0.0.1', listener.addresses()[1]!.port);
    kept.send('kept');
    added.send('added');
    await until(() => received.length === 2);
    // What waits in the kernel is taken before the port closes.
    await new Promise((resolve) => added.send('last', resolve));
    await listener.remove([{ host: '127.0.0.1', port: 0 }]);
    expect(received.map(({ payload }) => payload.toString())).toContain('last');
    expect(listener.addresses()).toEqual([first]);
    kept.send('kept');
    await until(() => received.length === 4);
  });

  it('a port that is in use opens none of those that were asked for with it', async () => {
    const { listener } = listen({ addresses: [{ host: '127.0.0.1', port: 0 }] });
    const { listener: other } = listen({ addresses: [{ host: '127.0.0.1', port: 0 }] });
    await listener.start();
    await other.start();
    const { port } = other.addresses()[0]!;
    const before = listener.addresses();
    await expect(
      listener.add([
        { host: '127.0.0.1', port: 0 },
        { host: '127.0.0.1', port },
      ]),
    ).rejects.toMatchObject({ code: 'listen-failed' });
    expect(listener.addresses()).toEqual(before);
  });
});
