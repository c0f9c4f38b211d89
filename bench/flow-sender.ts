// Sends pre-built datagrams at a rate, as a process of its own; at the end one line of JSON says what the kernel really took.
// 30 records a datagram; 30,000 outer addresses, the popular ones more often (Zipf); three exporters, 127.0.0.11 to .13.
// node --import tsx bench/flow-sender.ts --port 2055 --rate 40000 --seconds 10 [--host 127.0.0.1] [--protocols netflow5,netflow9,ipfix]

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { createIpfixExporter } from '../src/app/demo/build-ipfix.ts';
import { createNetflow5Exporter } from '../src/app/demo/build-netflow5.ts';
import { createNetflow9Exporter } from '../src/app/demo/build-netflow9.ts';
import type { Flow } from '../src/app/demo/flow.ts';
import { createBenchFlows, recordsPerDatagram } from './bench-flows.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    rate: { type: 'string' },
    seconds: { type: 'string', default: '10' },
    protocols: { type: 'string', default: 'netflow5,netflow9,ipfix' },
  },
});
const port = Number(values.port);
const rate = Number(values.rate);
const seconds = Number(values.seconds);
if (!(port > 0 && rate > 0 && seconds > 0)) throw new Error('--port, --rate and --seconds are needed');

const datagramsPerProtocol = 1_000;
const templateIntervalMs = 1_000;
/** Shorter than what fills a small receive buffer at 100,000 datagrams/s. */
const tickMs = 1;
/** What a pause of this process may make up for; more would be a burst that no router sends. */
const maxCatchUpMs = 20;

interface Stream {
  readonly socket: Socket;
  readonly datagrams: readonly Buffer[];
  readonly templates: ((nowMs: number) => Buffer) | undefined;
  /** Offset of the sequence number in the header, and what one datagram adds to it. */
  readonly sequenceAt: number;
  readonly sequenceStep: number;
  /** Offset of the seconds in the header. */
  readonly secondsAt: number;
  sequence: number;
  next: number;
}

const bootedAtMs = Date.now() - 10 * 86_400_000;

async function createStream(protocol: string): Promise<Stream> {
  const nextFlows = createBenchFlows(protocol.length);
  const build = (datagram: (flows: readonly Flow[], nowMs: number) => Buffer): Buffer[] =>
    Array.from({ length: datagramsPerProtocol }, () => datagram(nextFlows(Date.now()), Date.now()));
  const position = { sequence: 0, next: 0 };
  if (protocol === 'netflow5') {
    const { datagram } = createNetflow5Exporter({ bootedAtMs });
    const header = { sequenceAt: 16, sequenceStep: recordsPerDatagram, secondsAt: 8 };
    return {
      socket: await open('127.0.0.11'),
      datagrams: build(datagram),
      templates: undefined,
      ...header,
      ...position,
    };
  }
  if (protocol === 'netflow9') {
    const { datagram, templates } = createNetflow9Exporter({ bootedAtMs, sourceId: 1, samplingInterval: 100 });
    const header = { sequenceAt: 12, sequenceStep: 1, secondsAt: 8 };
    return { socket: await open('127.0.0.12'), datagrams: build(datagram), templates, ...header, ...position };
  }
  if (protocol === 'ipfix') {
    const { datagram, templates } = createIpfixExporter({ bootedAtMs, domain: 1 });
    const header = { sequenceAt: 8, sequenceStep: recordsPerDatagram, secondsAt: 4 };
    return { socket: await open('127.0.0.13'), datagrams: build(datagram), templates, ...header, ...position };
  }
  throw new Error(`unknown protocol ${protocol}`);
}

async function open(source: string): Promise<Socket> {
  const socket = createSocket('udp4');
  if (process.platform === 'linux' && values.host.startsWith('127.')) {
    socket.bind(0, source);
    await once(socket, 'listening');
  }
  socket.connect(port, values.host);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
}

const streams = await Promise.all(values.protocols.split(',').map(createStream));
const counts = { sent: 0, refused: 0, templates: 0 };
const count = (error: Error | null): void => {
  if (error === null) counts.sent += 1;
  else counts.refused += 1;
};
const countTemplates = (): void => {
  counts.templates += 1;
};

/** The headers go with the clock and the sequence; the records stay as they were built. */
function send(stream: Stream, secondsNow: number): void {
  const datagram = stream.datagrams[stream.next] as Buffer;
  stream.next = (stream.next + 1) % stream.datagrams.length;
  datagram.writeUInt32BE(stream.sequence, stream.sequenceAt);
  stream.sequence = (stream.sequence + stream.sequenceStep) >>> 0;
  datagram.writeUInt32BE(secondsNow, stream.secondsAt);
  stream.socket.send(datagram, count);
}

const startMs = performance.now();
const endMs = startMs + seconds * 1000;
let lastMs = startMs;
let due = 0;
let turn = 0;
let templatesMs = Number.NEGATIVE_INFINITY;
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const nowMs = performance.now();
    if (nowMs - templatesMs >= templateIntervalMs) {
      templatesMs = nowMs;
      for (const { socket, templates } of streams)
        if (templates !== undefined) socket.send(templates(Date.now()), countTemplates);
    }
    const secondsNow = Math.floor(Date.now() / 1000);
    due += (Math.min(maxCatchUpMs, Math.min(nowMs, endMs) - lastMs) * rate) / recordsPerDatagram / 1000;
    lastMs = nowMs;
    for (; due >= 1; due -= 1) {
      send(streams[turn % streams.length] as Stream, secondsNow);
      turn += 1;
    }
    if (nowMs < endMs) return;
    clearInterval(timer);
    resolve();
  }, tickMs);
});
const tookSeconds = (performance.now() - startMs) / 1000;
while (counts.sent + counts.refused < turn) await new Promise((resolve) => setImmediate(resolve));
for (const { socket } of streams) socket.close();
const flows = counts.sent * recordsPerDatagram;
console.log(
  JSON.stringify({
    flows,
    datagrams: counts.sent,
    templateDatagrams: counts.templates,
    refusedDatagrams: counts.refused,
    seconds: Number(tookSeconds.toFixed(3)),
    flowsPerSecond: Math.round(flows / tookSeconds),
    datagramsPerSecond: Math.round(counts.sent / tookSeconds),
  }),
);
