// sFlow samples decoded per second on one core: datagrams of 7 flow samples with 128-byte headers, as a switch sends them.
// Run: npx tsx bench/decode-sflow.ts

import { createSflow5Decoder } from '../src/decode/sflow5.ts';

const samplesPerDatagram = 7;
const runMs = 2000;

function u32(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, i) => {
    bytes.writeUInt32BE(number >>> 0, 4 * i);
  });
  return bytes;
}

function record(format: number, body: Buffer): Buffer {
  return Buffer.concat([u32(format, body.length), body]);
}

function header(version: 4 | 6, i: number): Buffer {
  const bytes = Buffer.alloc(128, 0x5a);
  bytes.write('020000000b02020000000a01', 0, 'hex');
  const tcp = Buffer.concat([
    Buffer.from([0xc0, i & 255, 0x01, 0xbb]),
    u32(i, 7),
    Buffer.from('5018ffff00000000', 'hex'),
  ]);
  if (version === 4) {
    bytes.write('8100606408004508', 12, 'hex');
    bytes.write(`05dc${'0000'}40004006${'0000'}`, 20, 'hex');
    u32(0xc6336401 + i, 0xcb007101 + i).copy(bytes, 30);
    tcp.copy(bytes, 38);
  } else {
    bytes.write(`86dd6${'0'.repeat(7)}05b40640`, 12, 'hex');
    bytes.write(`20010db8${'00'.repeat(11)}01`, 22, 'hex');
    bytes.write(`20010db8000100020003000400050006`, 38, 'hex');
    bytes[37] = i & 255;
    tcp.copy(bytes, 54);
  }
  return bytes;
}

/** The same, in VXLAN between two switches. */
function vxlanHeader(version: 4 | 6, i: number): Buffer {
  const outer = Buffer.from(`${'02'.repeat(12)}0800450005dc0000000040110000ac100001ac100002`, 'hex');
  const udp = Buffer.from('c00012b505c800000800000000138900', 'hex');
  return Buffer.concat([outer, udp, header(version, i)]).subarray(0, 128);
}

function datagram(versions: readonly (4 | 6)[], number: number, toHeader = header): Buffer {
  const samples = Array.from({ length: samplesPerDatagram }, (_, i) => {
    const at = number * samplesPerDatagram + i;
    const raw = Buffer.concat([u32(1, 1518, 4, 128), toHeader(versions[at % versions.length]!, at)]);
    const body = Buffer.concat([
      u32(at, 28, 1024, 1024 * at, 0, 27, 28, 2),
      record(1, raw),
      record(1001, u32(100, 0, 100, 0)),
    ]);
    return record(1, body);
  });
  return Buffer.concat([u32(5, 1, 0xc0000207, 0, number, 1000 * number, samplesPerDatagram), ...samples]);
}

const mixes: readonly [string, readonly (4 | 6)[], typeof header, 'outer' | 'inner'][] = [
  ['IPv4', [4], header, 'outer'],
  ['IPv6', [6], header, 'outer'],
  ['half and half', [4, 6], header, 'outer'],
  ['IPv4 in VXLAN, the outer flow', [4], vxlanHeader, 'outer'],
  ['IPv4 in VXLAN, the inner flow', [4], vxlanHeader, 'inner'],
];
for (const [name, versions, toHeader, tunnels] of mixes) {
  const decode = createSflow5Decoder({ tunnels });
  const datagrams = Array.from({ length: 1000 }, (_, number) => ({
    payload: datagram(versions, number, toHeader),
    exporter: '192.0.2.7',
    exporterPort: 6343,
    receivedAtMs: 1_700_000_000_000,
  }));
  let samples = 0;
  let faults = 0;
  /** Per second of CPU time: other work on the machine does not count. */
  const run = (ms: number): number => {
    const start = performance.now();
    const cpu = process.cpuUsage();
    samples = 0;
    while (performance.now() - start < ms) {
      for (const one of datagrams) samples += decode(one, () => faults++).length;
    }
    const { user, system } = process.cpuUsage(cpu);
    return samples / ((user + system) / 1e6);
  };
  run(500);
  const perSecond = run(runMs);
  console.log(`sFlow, ${name}: ${Math.round(perSecond / 1000)} k samples/s, ${faults} faults`);
}
