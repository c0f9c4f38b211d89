// Datagrams per second that the listener receives without loss, and its CPU for one; then how fast the demo builds datagrams.
// Pre-built NetFlow v5 datagrams of 1,464 bytes over loopback, the sender in a process of its own.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createIpfixExporter } from '../src/app/demo/build-ipfix.ts';
import { createNetflow5Exporter } from '../src/app/demo/build-netflow5.ts';
import { createNetflow9Exporter } from '../src/app/demo/build-netflow9.ts';
import { createSflow5Exporter } from '../src/app/demo/build-sflow5.ts';
import { createRandom } from '../src/app/demo/random.ts';
import { createDataCentre, createHeadOffice } from '../src/app/demo/sites.ts';
import { createTraffic } from '../src/app/demo/traffic.ts';
import { createUdpListener } from '../src/collect/udp-listener.ts';
import { createLogger, type Logger, silentLogger } from '../src/telemetry/logger.ts';
import { createBenchFlows, recordsPerDatagram } from './bench-flows.ts';

const senderFile = fileURLToPath(new URL('flow-sender.ts', import.meta.url));
const datagramRates = [10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000];
const secondsPerRate = 3;

interface Sent {
  readonly datagrams: number;
  readonly datagramsPerSecond: number;
}

async function send(port: number, datagramsPerSecond: number): Promise<Sent> {
  const rate = `${datagramsPerSecond * recordsPerDatagram}`;
  const sender = ['--port', `${port}`, '--rate', rate, '--seconds', `${secondsPerRate}`, '--protocols', 'netflow5'];
  const child = spawn(process.execPath, ['--import', 'tsx', senderFile, ...sender], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  await new Promise((resolve) => child.on('close', resolve));
  return JSON.parse(output) as Sent;
}

async function measureRate(
  rate: number,
  logger: Logger,
): Promise<{ readonly line: string; readonly perSecond: number; readonly isWhole: boolean }> {
  let received = 0;
  let bytes = 0;
  let first = process.cpuUsage();
  let last = first;
  const listener = createUdpListener({
    addresses: [{ host: '127.0.0.1', port: 0 }],
    receiveBufferBytes: 33_554_432,
    logger,
    now: Date.now,
    onDatagram: ({ payload }) => {
      if (received === 0) first = process.cpuUsage();
      received += 1;
      bytes += payload.length;
      if (received % 1_000 === 0) last = process.cpuUsage();
    },
  });
  await listener.start();
  const sent = await send(listener.addresses()[0]?.port ?? 0, rate);
  await listener.stop();
  const drops = await listener.kernelDrops();
  if (received + drops !== sent.datagrams || bytes !== received * 1464)
    throw new Error(`the sums differ: ${received} received, ${drops} dropped, ${sent.datagrams} sent`);
  const microseconds = last.user + last.system - first.user - first.system;
  const cells = [sent.datagramsPerSecond, sent.datagrams, received, drops, (microseconds / received).toFixed(1)];
  return { line: `| ${cells.join(' | ')} |`, perSecond: sent.datagramsPerSecond, isWhole: drops === 0 };
}

function measureBuilding(name: string, flowsPerDatagram: number, build: (turn: number) => Buffer): void {
  const turns = 4_000;
  let bytes = 0;
  for (let turn = 0; turn < turns; turn += 1) bytes += build(turn).length;
  const start = process.cpuUsage();
  for (let turn = 0; turn < turns; turn += 1) bytes += build(turn).length;
  const { user, system } = process.cpuUsage(start);
  const perFlow = (user + system) / (turns * flowsPerDatagram);
  console.log(`| ${name} | ${perFlow.toFixed(2)} | ${Math.round(1e6 / perFlow)} | ${Math.round(bytes / 2 / turns)} |`);
}

console.log('| datagrams/s sent | sent | received | dropped by the kernel | CPU µs/datagram |');
console.log('|---|---|---|---|---|');
let best = 0;
// What the kernel gives as receive buffer is the same for each rate.
const warnings = createLogger({
  toLine: (record) => `${(record as { msg?: string }).msg}\n`,
  write: (line) => process.stderr.write(line),
});
for (const rate of datagramRates) {
  const { line, perSecond, isWhole } = await measureRate(rate, rate === datagramRates[0] ? warnings : silentLogger);
  console.log(line);
  if (isWhole) best = Math.max(best, perSecond);
}
console.log(`\nwithout loss: ${best} datagrams/s, ${best * recordsPerDatagram} flows/s of NetFlow v5\n`);

console.log('| built for the demo | CPU µs/flow | flows/s | bytes a datagram |');
console.log('|---|---|---|---|');
const nowMs = Date.now();
const bootedAtMs = nowMs - 86_400_000;
const nextFlows = createBenchFlows(1);
const flows = Array.from({ length: 100 }, () => nextFlows(nowMs));
const flowsOf = (turn: number) => flows[turn % flows.length] ?? [];
const v5 = createNetflow5Exporter({ bootedAtMs });
const v9 = createNetflow9Exporter({ bootedAtMs, sourceId: 1, samplingInterval: 1 });
const ipfix = createIpfixExporter({ bootedAtMs, domain: 1 });
const sflow = createSflow5Exporter({ bootedAtMs, agent: 1, samplingInterval: 1 });
const dataCentre = createTraffic(createDataCentre(), createRandom(1));
const headOffice = createTraffic(createHeadOffice(), createRandom(1));
const packets = Array.from({ length: 6 }, () => dataCentre.packet(nowMs));
measureBuilding('NetFlow v5', recordsPerDatagram, (turn) => v5.datagram(flowsOf(turn), nowMs));
measureBuilding('NetFlow v9', recordsPerDatagram, (turn) => v9.datagram(flowsOf(turn), nowMs));
measureBuilding('IPFIX', recordsPerDatagram, (turn) => ipfix.datagram(flowsOf(turn), nowMs));
measureBuilding('sFlow', packets.length, () => sflow.datagram(packets, [], nowMs));
measureBuilding('NetFlow v9 and its traffic', recordsPerDatagram, (turn) =>
  v9.datagram(
    Array.from({ length: recordsPerDatagram }, () => headOffice.flow(nowMs + turn)),
    nowMs + turn,
  ),
);
