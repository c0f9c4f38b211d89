// Copies for other collectors: who gets them, and what becomes of those that nobody takes.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { createExporterGate } from '../../src/app/exporter-gate.ts';
import { createUdpForwarder, type ForwardTarget } from '../../src/collect/udp-forwarder.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { waitUntil } from '../end-to-end/weir-process.ts';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

async function openCollector() {
  const socket = createSocket('udp4');
  const got: string[] = [];
  socket.on('message', (payload) => got.push(payload.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  sockets.push(socket);
  return { port: socket.address().port, got };
}

const from = (exporter: string, text: string) => ({
  payload: Buffer.from(text),
  exporter,
  exporterPort: 1,
  receivedAtMs: 1,
});

const create = (...targets: ForwardTarget[]) =>
  createUdpForwarder({ targets, toFilter: createExporterGate, logger: silentLogger, now: () => 0 });

describe('the forwarder', () => {
  it('sends each collector what it wants, and counts it', async () => {
    const [all, some] = [await openCollector(), await openCollector()];
    const forwarder = create(
      { host: '127.0.0.1', port: all.port },
      { host: 'localhost', port: some.port, exporters: ['10.1.0.0/16'] },
    );
    await forwarder.start([]);
    // The name is looked up beside.
    await waitUntil(
      () => {
        forwarder.forward(from('10.1.2.3', 'ask'));
        return some.got.length > 0;
      },
      20_000,
      'a name',
    );
    forwarder.forward(from('10.2.0.1', 'other'));
    forwarder.forward(from('10.1.0.1', 'last'));
    await waitUntil(() => all.got.includes('last') && some.got.includes('last'), 20_000, 'both');
    expect(all.got).toContain('other');
    expect(some.got).not.toContain('other');
    const [first] = forwarder.levels();
    expect(first).toEqual({ target: `udp://127.0.0.1:${all.port}`, sent: all.got.length, failed: 0, dropped: 0 });
    await forwarder.stop();
  });

  it('counts what nobody takes, and goes on', async () => {
    const { port } = await openCollector();
    sockets.pop()?.close();
    const forwarder = create({ host: '127.0.0.1', port }, { host: 'nowhere.invalid', port: 2055 });
    await forwarder.start([]);
    await waitUntil(
      () => {
        forwarder.forward(from('10.0.0.1', 'x'));
        return forwarder.levels()[0]!.failed > 2;
      },
      20_000,
      'refusals',
    );
    const [, unknown] = forwarder.levels();
    expect(unknown).toMatchObject({ sent: 0, failed: 0 });
    expect(unknown!.dropped).toBeGreaterThan(2);
    await forwarder.stop();
  });

  const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.filter(({ address }) => address.startsWith('fe80:')).map(({ address }) => `${address}%${name}`),
  );
  it.each(['127.0.0.1', '127.8.9.1', '::ffff:127.0.0.1', '::ffff:7f00:1', '0.0.0.0', ...linkLocal.slice(0, 1)])(
    'refuses to send to the process itself, as %s',
    async (host) => {
      const forwarder = create({ host, port: 2055 });
      await expect(forwarder.start([4739, 2055])).rejects.toMatchObject({
        code: 'pipeline-invalid',
        message: `collect.tee: udp://${host.includes(':') ? `[${host}]` : host}:2055 is where weir itself listens`,
      });
    },
  );

  it('sends to another port of this machine', async () => {
    const elsewhere = create({ host: '127.0.0.1', port: 2056 });
    await elsewhere.start([4739, 2055]);
    await elsewhere.stop();
  });
});
