// Real exporters measure traffic that we made; what comes out as documents must add up to that traffic, flow by flow.

import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../needs.ts';
import { makeTraffic, type TrafficFlow, writePcap } from './traffic.ts';
import { readDocuments, type StoredDocument, startWeir, waitUntil } from './weir-process.ts';

let folder: string;
const traffic = makeTraffic({ flows: 120, startMs: Date.now() - 60_000, ipv6: true });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-exporters-'));
  writePcap(join(folder, 'traffic.pcap'), traffic.packets);
});
afterAll(() => rm(folder, { recursive: true }));

interface Totals {
  bytes: number;
  packets: number;
  tcpFlags: number;
}

function toTotals(flows: Iterable<{ readonly key: string } & Totals>): Map<string, Totals> {
  const totals = new Map<string, Totals>();
  for (const { key, bytes, packets, tcpFlags } of flows) {
    const sum = totals.get(key) ?? { bytes: 0, packets: 0, tcpFlags: 0 };
    totals.set(key, { bytes: sum.bytes + bytes, packets: sum.packets + packets, tcpFlags: sum.tcpFlags | tcpFlags });
  }
  return totals;
}

const protocolNames: Readonly<Record<number, string>> = { 6: 'TCP', 17: 'UDP' };
const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

function toSent({ src, dst, version, protocol, srcPort, dstPort, bytes, packets, tcpFlags }: TrafficFlow) {
  // RFC 5952: the one run of zero groups in these addresses is shortened.
  const short = (address: string): string => (version === 4 ? address : address.replace(':0:0:0:', '::'));
  return {
    key: [short(src), srcPort, short(dst), dstPort, protocolNames[protocol]].join(' '),
    bytes,
    packets,
    tcpFlags,
  };
}

function toReceived({ flow }: StoredDocument) {
  const flags = Array.isArray(flow['tcp_flags']) ? (flow['tcp_flags'] as string[]) : [];
  return {
    key: [flow['src_addr'], flow['src_port'], flow['dst_addr'], flow['dst_port'], flow['ip_protocol']].join(' '),
    bytes: flow['bytes'] as number,
    packets: flow['packets'] as number,
    tcpFlags: flags.reduce((bits, name) => bits | (1 << flagNames.indexOf(name)), 0),
  };
}

interface Case {
  readonly title: string;
  readonly eventType: 'netflow' | 'ipfix' | 'sflow';
  readonly command: (port: number) => Promise<readonly string[]>;
  readonly transport?: 'udp' | 'tcp';
  readonly ipv6: boolean;
  /** What the exporter counts as bytes beyond the IP packet. */
  readonly bytesPerPacket?: number;
  /** sfprobe ends without sending its last, half-full datagram: as many packets may be missing at the end. */
  readonly packetsKept?: number;
}

async function expectSameTraffic(wanted: Case): Promise<void> {
  const { title, eventType, command, transport = 'udp', ipv6, bytesPerPacket = 0, packetsKept = 0 } = wanted;
  const home = join(folder, title.replaceAll(/\W+/g, '-'));
  const weir = await startWeir({ folder: home, listen: transport === 'tcp' ? ['tcp://127.0.0.1:0'] : [] });
  const [name = '', ...rest] = await command(weir.portOf(transport));
  const exporter = spawn(name, rest, {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  });
  const exported = new Promise((resolve) => exporter.on('exit', resolve));
  const sent = traffic.packets.map(({ measured }) => measured).filter(({ version }) => ipv6 || version === 4);
  const countReceived = () => readDocuments(home).reduce((sum, { flow }) => sum + (flow['packets'] as number), 0);
  try {
    await exported;
    await waitUntil(() => countReceived() >= sent.length - packetsKept, 10_000, 'all packets in documents');
  } finally {
    exporter.kill();
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
  }
  const documents = readDocuments(home);
  const measured = sent
    .slice(0, packetsKept === 0 ? sent.length : countReceived())
    .map(toSent)
    .map((packet) => ({ ...packet, bytes: packet.bytes + bytesPerPacket }));
  expect(toTotals(documents.map(toReceived))).toEqual(toTotals(measured));
  expect(new Set(documents.map(({ event }) => event.type))).toEqual(new Set([eventType]));
}

const softflowd =
  (version: string, transport = 'udp') =>
  async (port: number) => [
    'softflowd',
    '-P',
    transport,
    '-d',
    '-c',
    'none',
    '-p',
    join(folder, `softflowd-${version}-${transport}.pid`),
    '-r',
    join(folder, 'traffic.pcap'),
    '-n',
    `127.0.0.1:${port}`,
    '-v',
    version,
  ];

/** pmacctd ends, and so exports what it holds, when it is told to; `timeout` does. */
const pmacctd = (plugin: string, settings: (port: number) => readonly string[]) => async (port: number) => {
  const file = join(folder, `${plugin}-${port}.conf`);
  const lines = [
    'daemonize: false',
    `pcap_savefile: ${join(folder, 'traffic.pcap')}`,
    `plugins: ${plugin}`,
    ...settings(port),
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return ['timeout', '--signal=INT', '6', 'pmacctd', '-f', file];
};

const nfprobe = (version: number) =>
  pmacctd('nfprobe', (port) => [
    `nfprobe_receiver: 127.0.0.1:${port}`,
    `nfprobe_version: ${version}`,
    'aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags',
  ]);

const sfprobe = pmacctd('sfprobe', (port) => [
  `sfprobe_receiver: 127.0.0.1:${port}`,
  'sfprobe_agentip: 127.0.0.1',
  'sampling_rate: 1',
]);

describeWith(['softflowd'], 'softflowd, as in pfSense and Untangle', () => {
  test('NetFlow v5 becomes documents with the traffic that was made', () =>
    expectSameTraffic({ title: 'softflowd-5', eventType: 'netflow', command: softflowd('5'), ipv6: false }));
  test('NetFlow v9 becomes documents with the traffic that was made', () =>
    expectSameTraffic({ title: 'softflowd-9', eventType: 'netflow', command: softflowd('9'), ipv6: true }));
  test('IPFIX becomes documents with the traffic that was made', () =>
    expectSameTraffic({ title: 'softflowd-10', eventType: 'ipfix', command: softflowd('10'), ipv6: true }));
  test('IPFIX over TCP becomes documents with the traffic that was made', () =>
    expectSameTraffic({
      title: 'softflowd-10-tcp',
      eventType: 'ipfix',
      command: softflowd('10', 'tcp'),
      transport: 'tcp',
      ipv6: true,
    }));
});

describeWith(['pmacctd'], 'pmacctd, as in VyOS', () => {
  test('NetFlow v5 of nfprobe becomes documents with the traffic that was made', () =>
    expectSameTraffic({ title: 'nfprobe-5', eventType: 'netflow', command: nfprobe(5), ipv6: false }));
  test('NetFlow v9 of nfprobe becomes documents with the traffic that was made', () =>
    expectSameTraffic({ title: 'nfprobe-9', eventType: 'netflow', command: nfprobe(9), ipv6: true }));
  test('IPFIX of nfprobe becomes documents with the traffic that was made', () =>
    expectSameTraffic({ title: 'nfprobe-10', eventType: 'ipfix', command: nfprobe(10), ipv6: true }));
  test('sFlow of sfprobe becomes documents with the traffic that was made', () =>
    // sFlow counts frames: 14 bytes of Ethernet header, and the 4 bytes of the frame check sequence that sfprobe adds.
    expectSameTraffic({
      title: 'sfprobe',
      eventType: 'sflow',
      command: sfprobe,
      ipv6: true,
      bytesPerPacket: 18,
      packetsKept: 20,
    }));
});

describe('the traffic itself', () => {
  test('has both directions of every conversation and no two flows alike', () => {
    expect(traffic.flows).toHaveLength(240);
    expect(toTotals(traffic.flows.map(toSent)).size).toBe(240);
  });
});
