// What is written as pcap must be read again as the same datagrams, by our reader and by whoever checks the headers.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCaptureFile } from '../../src/collect/capture-file.ts';
import { toPcapHeader, toPcapRecord } from '../../src/collect/pcap-writer.ts';
import { ipv6TextAt } from '../../src/model/address-text.ts';
import type { Datagram } from '../../src/model/datagram.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-pcap-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function readBack(file: Buffer): Promise<{ datagrams: Datagram[]; warnings: string[] }> {
  const path = join(folder, 'written.pcap');
  await writeFile(path, file);
  const datagrams: Datagram[] = [];
  const warnings: string[] = [];
  for await (const datagram of readCaptureFile(path, { onWarning: (text) => warnings.push(text) }))
    datagrams.push({ ...datagram, payload: Buffer.from(datagram.payload) });
  return { datagrams, warnings };
}

const ipv4 = fc.ipV4();
const ipv6 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => ipv6TextAt(bytes, 0))
  // Those become IPv4 when they are received.
  .filter((text) => !text.startsWith('::ffff:'));
const port = fc.integer({ min: 0, max: 65_535 });
const datagram = fc.record({
  payload: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  exporter: fc.oneof(ipv4, ipv6),
  exporterPort: port,
  receivedAtMs: fc.integer({ min: 0, max: 4_294_967_295_000 }),
  receivedOn: fc.option(fc.record({ host: fc.oneof(ipv4, ipv6), port }), { nil: undefined }),
});

/** RFC 1071: over data with its checksum in it the sum is all ones. */
function onesSum(...parts: Buffer[]): number {
  const bytes = Buffer.concat(parts.flatMap((part) => [part, Buffer.alloc(part.length % 2)]));
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

describe('a pcap file that weir writes', () => {
  it('holds every datagram as it came', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(datagram, { maxLength: 20 }), async (all) => {
        const records = all.map(({ receivedOn, ...each }) =>
          toPcapRecord(receivedOn === undefined ? each : { ...each, receivedOn }, each.receivedAtMs * 1000 + 321),
        );
        const { datagrams, warnings } = await readBack(Buffer.concat([toPcapHeader(), ...records]));
        expect(warnings).toEqual([]);
        expect(datagrams).toEqual(all.map(({ receivedOn: _, ...each }) => each));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['10.1.2.3', '192.0.2.9', 20],
    ['2001:db8::7', '2001:db8::1', 40],
  ])('has headers that others take: from %s to %s', (exporter, host, headerBytes) => {
    const payload = Buffer.from('netflow');
    const record = toPcapRecord(
      { payload, exporter, exporterPort: 50_000, receivedAtMs: 0, receivedOn: { host, port: 2055 } },
      1_700_000_000_123_456,
    );
    expect([record.readUInt32LE(0), record.readUInt32LE(4)]).toEqual([1_700_000_000, 123_456]);
    const packet = record.subarray(16);
    const header = packet.subarray(0, headerBytes);
    const udp = packet.subarray(headerBytes);
    expect([udp.readUInt16BE(0), udp.readUInt16BE(2), udp.readUInt16BE(4)]).toEqual([50_000, 2055, 15]);
    const addresses = header.subarray(headerBytes === 20 ? 12 : 8);
    expect(onesSum(addresses, Buffer.from([0, 17, 0, 15]), udp)).toBe(0xffff);
    if (headerBytes === 20) expect(onesSum(header)).toBe(0xffff);
  });

  it('keeps whole what is longer than 16 bits of length tell: a message of IPFIX over TCP', async () => {
    const payload = Buffer.alloc(65_535, 7);
    for (const exporter of ['10.0.0.1', '2001:db8::1']) {
      const written = toPcapRecord({ payload, exporter, exporterPort: 1, receivedAtMs: 5 }, 5000);
      const { datagrams } = await readBack(Buffer.concat([toPcapHeader(), written]));
      expect(datagrams.map((each) => each.payload.equals(payload))).toEqual([true]);
    }
  });

  it('gives what is whole when it is cut anywhere', async () => {
    const record = toPcapRecord(
      { payload: Buffer.from('whole'), exporter: '10.0.0.1', exporterPort: 1, receivedAtMs: 5 },
      5000,
    );
    const file = Buffer.concat([toPcapHeader(), record, record]);
    for (let length = 24 + record.length; length < file.length; length += 1) {
      const { datagrams, warnings } = await readBack(file.subarray(0, length));
      expect(datagrams.length).toBe(1);
      expect(warnings.length).toBe(length === 24 + record.length ? 0 : 1);
    }
  });
});
