// The four simulated devices: each makes the traffic of its site into datagrams of its protocol, with templates every now and then.

import { createIpfixExporter, ipfixFlowsPerDatagram } from './build-ipfix.ts';
import { createNetflow5Exporter, netflow5FlowsPerDatagram } from './build-netflow5.ts';
import { createNetflow9Exporter, netflow9FlowsPerDatagram } from './build-netflow9.ts';
import { createSflow5Exporter, type InterfaceCounters, sflow5SamplesPerDatagram } from './build-sflow5.ts';
import type { Packet } from './flow.ts';
import { toIpv4 } from './hosts.ts';
import { createRandom, type Random } from './random.ts';
import { createBranch, createDataCentre, createHeadOffice, createServerRoom } from './sites.ts';
import { createTraffic } from './traffic.ts';

export type Send = (datagram: Buffer, flows: number) => void;

export interface SimulatedExporter {
  readonly sourceAddress: string;
  readonly usualPort: number;
  /** Of the rate of the whole simulation. */
  readonly share: number;
  /** Makes so many more flows (fractions add up) and sends the datagrams that are full or old. */
  advance(flows: number, nowMs: number, send: Send): void;
  /** Sends what is begun. */
  flush(nowMs: number, send: Send): void;
}

/** As routers do: templates again every half minute, counters every twenty seconds, no flow kept longer than half a second. */
const templateIntervalMs = 30_000;
const counterIntervalMs = 20_000;
const maxAgeMs = 500;
const dayMs = 86_400_000;

export function createSimulatedExporters(seed: number, nowMs: number): readonly SimulatedExporter[] {
  // Each has a generator of its own, so that one more flow here changes nothing there.
  const randoms = [1, 2, 3, 4].map((offset) => createRandom(seed * 4 + offset));
  const [first, second, third, fourth] = randoms as [Random, Random, Random, Random];
  return [
    createBranchRouter(first, nowMs),
    createHeadOfficeRouter(second, nowMs),
    createServerRoomRouter(third, nowMs),
    createSwitch(fourth, nowMs),
  ];
}

/** Collects what is due until a datagram is full, or its first entry too old. */
function createPacer<T>(options: {
  readonly perDatagram: number;
  readonly make: (nowMs: number) => T;
  readonly build: (entries: readonly T[], nowMs: number) => Buffer;
  /** Sends templates or counters when it is time. */
  readonly beside?: (nowMs: number, send: Send) => void;
}): Pick<SimulatedExporter, 'advance' | 'flush'> {
  const { perDatagram, make, build, beside } = options;
  let due = 0;
  let entries: T[] = [];
  let beganMs = 0;

  function flush(nowMs: number, send: Send): void {
    if (entries.length === 0) return;
    send(build(entries, nowMs), entries.length);
    entries = [];
  }

  function advance(flows: number, nowMs: number, send: Send): void {
    beside?.(nowMs, send);
    due += flows;
    while (due >= 1) {
      due -= 1;
      if (entries.length === 0) beganMs = nowMs;
      entries.push(make(nowMs));
      if (entries.length === perDatagram) flush(nowMs, send);
    }
    if (entries.length > 0 && nowMs - beganMs >= maxAgeMs) flush(nowMs, send);
  }

  return { advance, flush };
}

function every(intervalMs: number, act: (nowMs: number, send: Send) => void): (nowMs: number, send: Send) => void {
  let lastMs: number | undefined;
  return (nowMs, send) => {
    if (lastMs !== undefined && nowMs - lastMs < intervalMs) return;
    lastMs = nowMs;
    act(nowMs, send);
  };
}

/** Like a small MikroTik: NetFlow v5, every packet counted. */
function createBranchRouter(random: Random, nowMs: number): SimulatedExporter {
  const traffic = createTraffic(createBranch(), random);
  const exporter = createNetflow5Exporter({ bootedAtMs: nowMs - 12 * dayMs });
  return {
    sourceAddress: '127.0.0.11',
    usualPort: 2055,
    share: 0.2,
    ...createPacer({ perDatagram: netflow5FlowsPerDatagram, make: traffic.flow, build: exporter.datagram }),
  };
}

/** Like a Cisco router: NetFlow v9 with IPv6, sampled; options data tell the sampler and the interfaces. */
function createHeadOfficeRouter(random: Random, nowMs: number): SimulatedExporter {
  const site = createHeadOffice();
  const traffic = createTraffic(site, random);
  const exporter = createNetflow9Exporter({
    bootedAtMs: nowMs - 33 * dayMs,
    sourceId: 256,
    samplingInterval: site.samplingInterval,
    interfaces: [
      { index: 1, name: 'Te0/0/0', description: 'Uplink' },
      { index: 3, name: 'Gi0/1/1', description: 'First floor' },
      { index: 4, name: 'Gi0/1/2', description: 'Second floor' },
      { index: 5, name: 'Gi0/1/3', description: 'Third floor' },
      { index: 6, name: 'Gi0/1/4', description: 'Building automation' },
      { index: 7, name: 'Te0/2/0', description: 'Servers' },
    ],
  });
  return {
    sourceAddress: '127.0.0.12',
    usualPort: 2055,
    share: 0.35,
    ...createPacer({
      perDatagram: netflow9FlowsPerDatagram,
      make: traffic.flow,
      build: exporter.datagram,
      beside: every(templateIntervalMs, (atMs, send) => send(exporter.templates(atMs), 0)),
    }),
  };
}

/** Like softflowd on a VyOS router: IPFIX with IPv6, every packet counted. */
function createServerRoomRouter(random: Random, nowMs: number): SimulatedExporter {
  const traffic = createTraffic(createServerRoom(), random);
  const exporter = createIpfixExporter({ bootedAtMs: nowMs - 5 * dayMs, domain: 7 });
  return {
    sourceAddress: '127.0.0.13',
    usualPort: 4739,
    share: 0.25,
    ...createPacer({
      perDatagram: ipfixFlowsPerDatagram,
      make: traffic.flow,
      build: exporter.datagram,
      beside: every(templateIntervalMs, (atMs, send) => send(exporter.templates(atMs), 0)),
    }),
  };
}

/** Like a data centre switch: sFlow, one packet out of 512, and the counters of its interfaces. */
function createSwitch(random: Random, nowMs: number): SimulatedExporter {
  const site = createDataCentre();
  const traffic = createTraffic(site, random);
  const exporter = createSflow5Exporter({
    bootedAtMs: nowMs - 80 * dayMs,
    agent: toIpv4('10.20.255.1'),
    samplingInterval: site.samplingInterval,
  });
  const counters = new Map<number, { -readonly [K in keyof InterfaceCounters]: InterfaceCounters[K] }>();

  function countersOf(index: number) {
    const known = counters.get(index);
    if (known !== undefined) return known;
    const fresh = { index, bitsPerSecond: 10e9, inputBytes: 0, inputPackets: 0, outputBytes: 0, outputPackets: 0 };
    counters.set(index, fresh);
    return fresh;
  }

  function make(atMs: number): Packet {
    const packet = traffic.packet(atMs);
    const input = countersOf(packet.inputInterface);
    input.inputBytes += packet.length * site.samplingInterval;
    input.inputPackets += site.samplingInterval;
    const output = countersOf(packet.outputInterface);
    output.outputBytes += packet.length * site.samplingInterval;
    output.outputPackets += site.samplingInterval;
    return packet;
  }

  return {
    sourceAddress: '127.0.0.14',
    usualPort: 6343,
    share: 0.2,
    ...createPacer({
      perDatagram: sflow5SamplesPerDatagram,
      make,
      build: (packets, atMs) => exporter.datagram(packets, [], atMs),
      beside: every(counterIntervalMs, (atMs, send) => {
        if (counters.size > 0) send(exporter.datagram([], [...counters.values()], atMs), 0);
      }),
    }),
  };
}
