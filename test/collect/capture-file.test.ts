// Capture files of every kind, whole, cut and hostile. Files that tcpdump wrote are read in captures.test.ts and end-to-end.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCaptureFile } from '../../src/collect/capture-file.ts';
import { createIpFragments } from '../../src/collect/ip-fragments.ts';
import type { Datagram } from '../../src/model/datagram.ts';
import { WeirError } from '../../src/model/errors.ts';
import {
  type ByteOrder,
  enhancedPacket,
  ethernetFrame,
  interfaceBlock,
  ipv4Packet,
  ipv6Packet,
  numbers,
  pcapFile,
  pcapngBlock,
  sectionHeader,
  udpPacket,
} from './capture-bytes.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-capture-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(bytes: Buffer): Promise<{ datagrams: Datagram[]; warnings: string[] }> {
  const path = join(folder, 'input');
  await writeFile(path, bytes);
  const datagrams: Datagram[] = [];
  const warnings: string[] = [];
  for await (const one of readCaptureFile(path, { onWarning: (text) => warnings.push(text) })) datagrams.push(one);
  return { datagrams, warnings };
}

async function readWhole(bytes: Buffer): Promise<Datagram[]> {
  const { datagrams, warnings } = await read(bytes);
  expect(warnings).toEqual([]);
  return datagrams;
}

const payload = Buffer.from('the payload of one datagram');
const ipv4Frame = ethernetFrame(0x0800, ipv4Packet(udpPacket(payload)));
const little: ByteOrder = { littleEndian: true };
const big: ByteOrder = { littleEndian: false };
const orders = [
  ['little-endian', little],
  ['big-endian', big],
] as const;

describe.each(orders)('a %s capture file', (_, order) => {
  it.each([false, true])('of pcap gives payload, source and time (nanoseconds: %s)', async (nanoseconds) => {
    const datagrams = await readWhole(pcapFile([ipv4Frame, ipv4Frame], { ...order, nanoseconds }));
    expect(datagrams).toEqual([
      { payload, exporter: '192.0.2.33', exporterPort: 2055, receivedAtMs: 1_700_000_000_345 },
      { payload, exporter: '192.0.2.33', exporterPort: 2055, receivedAtMs: 1_700_000_001_345 },
    ]);
  });

  it('of pcapng gives payload, source and time in microseconds', async () => {
    const file = Buffer.concat([
      sectionHeader(order),
      interfaceBlock(order),
      pcapngBlock(order, 4, Buffer.alloc(64)),
      enhancedPacket(order, ipv4Frame, { time: 1_700_000_000_345_678n }),
    ]);
    expect(await readWhole(file)).toEqual([
      { payload, exporter: '192.0.2.33', exporterPort: 2055, receivedAtMs: 1_700_000_000_345 },
    ]);
  });

  it('of pcapng has each interface its own link type and time resolution', async () => {
    const offset = Buffer.alloc(8);
    if (order.littleEndian) offset.writeBigInt64LE(-3600n);
    else offset.writeBigInt64BE(-3600n);
    const file = Buffer.concat([
      sectionHeader(order),
      interfaceBlock(order, {
        options: [
          [2, Buffer.from('eth0')],
          [9, Buffer.from([9])],
          [0, Buffer.alloc(0)],
        ],
      }),
      interfaceBlock(order, {
        linkType: 101,
        options: [
          [9, Buffer.from([0x80 | 10])],
          [14, offset],
        ],
      }),
      enhancedPacket(order, ipv4Packet(udpPacket(payload)), { from: 1, time: 1_700_000_000n * 1024n + 512n }),
      enhancedPacket(order, ipv4Frame, { from: 0, time: 1_700_000_000_345_678_901n }),
    ]);
    const times = (await readWhole(file)).map(({ receivedAtMs }) => receivedAtMs);
    expect(times).toEqual([1_700_000_000_500 - 3_600_000, 1_700_000_000_345]);
  });

  it('of pcapng may hold simple and obsolete packet blocks', async () => {
    const { uint16, uint32 } = numbers(order);
    const file = Buffer.concat([
      sectionHeader(order),
      interfaceBlock(order, { snapLength: ipv4Frame.length }),
      pcapngBlock(order, 2, uint16(0, 7), uint32(395_812, 1_000_000), uint32(ipv4Frame.length, 999), ipv4Frame),
      pcapngBlock(order, 3, uint32(9000), ipv4Frame),
    ]);
    const datagrams = await readWhole(file);
    expect(datagrams.map((one) => one.payload)).toEqual([payload, payload]);
    const microseconds = 395_812 * 2 ** 32 + 1_000_000;
    expect(datagrams[0]?.receivedAtMs).toBe(Math.floor(microseconds / 1000));
  });
});

describe('a capture file', () => {
  it('of several sections may change its byte order, and starts its interfaces anew', async () => {
    const section = (order: ByteOrder, linkType: number, packet: Buffer) =>
      Buffer.concat([sectionHeader(order), interfaceBlock(order, { linkType }), enhancedPacket(order, packet)]);
    const raw = ipv4Packet(udpPacket(payload));
    const file = Buffer.concat([section(little, 1, ipv4Frame), section(big, 101, raw), section(little, 228, raw)]);
    expect((await readWhole(file)).map((one) => one.payload)).toEqual([payload, payload, payload]);
  });

  const ip = ipv4Packet(udpPacket(payload));
  const ip6 = ipv6Packet(udpPacket(payload));
  const { uint16, uint32 } = numbers(big);
  it.each<[string, number, Buffer]>([
    ['Ethernet with two VLAN tags', 1, ethernetFrame([0x88a8, 7, 0x8100, 9, 0x86dd], ip6)],
    ['Ethernet with a frame check sequence', 0x2400_0001, Buffer.concat([ipv4Frame, uint32(0xdead_beef)])],
    ['Linux cooked', 113, Buffer.concat([uint16(0, 1, 6), Buffer.alloc(8), uint16(0x0800), ip])],
    ['Linux cooked with a VLAN tag', 113, Buffer.concat([Buffer.alloc(14), uint16(0x8100, 5, 0x0800), ip])],
    ['Linux cooked v2', 276, Buffer.concat([uint16(0x86dd), Buffer.alloc(18), ip6])],
    ['Linux cooked v2 with a VLAN tag', 276, Buffer.concat([uint16(0x8100), Buffer.alloc(18), uint16(5, 0x0800), ip])],
    ['raw IP', 101, ip6],
    ['raw IPv4', 228, ip],
    ['raw IPv6', 229, ip6],
    ['BSD loopback', 0, Buffer.concat([Buffer.from([30, 0, 0, 0]), ip6])],
    ['OpenBSD loopback', 108, Buffer.concat([uint32(2), ip])],
  ])('of link type %s gives its datagrams', async (_, linkType, frame) => {
    const datagrams = await readWhole(pcapFile([frame], { ...little, linkType }));
    expect(datagrams.map((one) => one.payload)).toEqual([payload]);
    expect(datagrams[0]?.exporter).toMatch(/^(192\.0\.2\.33|2001:db8::21)$/);
  });

  it('gives IPv4 for an IPv4-mapped source, as the socket does', async () => {
    const mapped = ipv6Packet(udpPacket(payload), 17, '00000000000000000000ffffc6336407');
    expect((await readWhole(pcapFile([ethernetFrame(0x86dd, mapped)])))[0]?.exporter).toBe('198.51.100.7');
  });

  it('is read through IPv4 options and IPv6 extension headers', async () => {
    const options = ipv4Packet(udpPacket(payload), { options: Buffer.from('9404000001010101', 'hex') });
    const extended = ipv6Packet(Buffer.concat([Buffer.from('1100050200000100', 'hex'), udpPacket(payload)]), 0);
    const datagrams = await readWhole(pcapFile([ethernetFrame(0x0800, options), ethernetFrame(0x86dd, extended)]));
    expect(datagrams.map((one) => one.payload)).toEqual([payload, payload]);
  });

  it('gives empty datagrams, and leaves padding out of payloads', async () => {
    const padded = Buffer.concat([ethernetFrame(0x0800, ipv4Packet(udpPacket(Buffer.alloc(0)))), Buffer.alloc(18, 9)]);
    expect((await readWhole(pcapFile([padded]))).map((one) => one.payload.length)).toEqual([0]);
  });

  it('gives what the snapshot length left of a datagram', async () => {
    const { datagrams } = await read(pcapFile([ipv4Frame.subarray(0, ipv4Frame.length - 5)]));
    expect(datagrams.map((one) => one.payload)).toEqual([payload.subarray(0, -5)]);
  });

  it('passes over everything that is not UDP', async () => {
    const frames = [
      ethernetFrame(0x0806, Buffer.alloc(28)),
      ethernetFrame(0x0800, ipv4Packet(Buffer.alloc(20), { protocol: 6 })),
      ethernetFrame(0x86dd, ipv6Packet(Buffer.alloc(20), 6)),
      ethernetFrame(0x0800, ipv4Packet(Buffer.from('0807'))),
      ipv4Frame,
    ];
    expect(await readWhole(pcapFile(frames))).toHaveLength(1);
  });

  it('says once that it has a link type which weir does not read', async () => {
    const { datagrams, warnings } = await read(pcapFile([ipv4Frame, ipv4Frame], { ...little, linkType: 127 }));
    expect(datagrams).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('link type 127')]);
  });
});

describe('fragments of a datagram', () => {
  const long = Buffer.alloc(5000, 'weir');
  const whole = udpPacket(long);
  const pieces = [0, 1480, 2960, 4440].map((from) => {
    const more = from + 1480 < whole.length ? 0x2000 : 0;
    const part = whole.subarray(from, from + 1480);
    return ethernetFrame(0x0800, ipv4Packet(part, { identification: 99, fragmentation: more | (from / 8) }));
  }) as [Buffer, Buffer, Buffer, Buffer];

  it('are put together in any order, with copies and other datagrams between them', async () => {
    const [first, second, third, last] = pieces;
    const datagrams = await readWhole(pcapFile([last, second, ipv4Frame, second, first, third]));
    expect(datagrams.map((one) => one.payload)).toEqual([payload, long]);
    expect(datagrams[1]).toMatchObject({ exporter: '192.0.2.33', exporterPort: 2055 });
  });

  it('are put together for IPv6', async () => {
    const part = (from: number, to: number) => {
      const header = Buffer.alloc(8);
      header[0] = 17;
      header.writeUInt16BE(from | (to < whole.length ? 1 : 0), 2);
      header.writeUInt32BE(0xabcd_ef01, 4);
      return ethernetFrame(0x86dd, ipv6Packet(Buffer.concat([header, whole.subarray(from, to)]), 44));
    };
    const datagrams = await readWhole(pcapFile([part(0, 2000), part(2000, 4000), part(4000, whole.length)]));
    expect(datagrams.map((one) => one.payload)).toEqual([long]);
  });

  it('give nothing while one is missing', async () => {
    expect(await readWhole(pcapFile([pieces[0], pieces[2], pieces[3]]))).toEqual([]);
  });

  const piece = (key: string, offset: number, length: number, isLast = false, timeMs = 0) => ({
    key,
    offset,
    isLast,
    bytes: Buffer.alloc(length, 1),
    timeMs,
  });

  it('that overlap or would be too long are given up', () => {
    const overlapping = createIpFragments();
    expect(overlapping.add(piece('a', 0, 800))).toBeUndefined();
    expect(overlapping.add(piece('a', 400, 800, true))).toBeUndefined();
    expect(overlapping.add(piece('a', 800, 400))).toBeUndefined();
    const tooLong = createIpFragments();
    expect(tooLong.add(piece('b', 0, 65_520))).toBeUndefined();
    expect(tooLong.add(piece('b', 65_520, 800, true))).toBeUndefined();
  });

  it('of two datagrams with the same identification are not mixed when a minute lies between them', () => {
    const fragments = createIpFragments();
    expect(fragments.add(piece('a', 0, 800, false, 0))).toBeUndefined();
    expect(fragments.add(piece('a', 800, 8, true, 61_000))).toBeUndefined();
    expect(fragments.add(piece('a', 0, 800, false, 61_500))).toHaveLength(808);
  });

  it('are held for the last 256 datagrams only', () => {
    const fragments = createIpFragments();
    for (let i = 0; i <= 256; i++) fragments.add(piece(`${i}`, 0, 8));
    expect(fragments.add(piece('0', 8, 8, true))).toBeUndefined();
    expect(fragments.add(piece('256', 8, 8, true))).toHaveLength(16);
  });
});

describe('a capture file packed by gzip', () => {
  it('is read as what is packed in it, a cut one as far as it goes', async () => {
    const frames = Array.from({ length: 200 }, (_, i) =>
      ethernetFrame(0x0800, ipv4Packet(udpPacket(Buffer.alloc(i, i)))),
    );
    const packed = gzipSync(pcapFile(frames));
    expect((await read(packed)).datagrams.map(({ payload }) => payload.length)).toEqual([...frames.keys()]);
    const { datagrams, warnings } = await read(packed.subarray(0, -200));
    expect(datagrams.length).toBeGreaterThan(0);
    expect(datagrams.length).toBeLessThan(200);
    expect(warnings).toEqual([expect.stringContaining('ends in the middle')]);
  });
});

describe('a file that is no capture', () => {
  const refusal = (bytes: Buffer) =>
    read(bytes).then(
      () => undefined,
      (error: unknown) => error,
    );
  it.each<[string, Buffer]>([
    ['is empty', Buffer.alloc(0)],
    ['is text', Buffer.from('{"hello":"world"}\n'.repeat(10))],
    ['has a pcap magic and little more', pcapFile([]).subarray(0, 23)],
    ['has a pcapng type and no byte order magic', pcapngBlock(little, 0x0a0d0d0a, Buffer.alloc(16))],
    ['has a section header of impossible length', Buffer.from('0a0d0d0a000000031a2b3c4d00000000', 'hex')],
    ['ends in its section header', sectionHeader(little).subarray(0, 11)],
  ])('is refused when it %s', async (_, bytes) => {
    const error = await refusal(bytes);
    expect(error).toBeInstanceOf(WeirError);
    expect(error).toMatchObject({ code: 'file-invalid', message: expect.stringContaining(folder) });
  });

  it('is refused when it is packed in what is packed', async () => {
    const twice = gzipSync(gzipSync(pcapFile([])));
    expect(await refusal(twice)).toMatchObject({ hint: expect.stringContaining('gunzip') });
  });

  it('is refused when what is packed is damaged', async () => {
    const damaged = Buffer.concat([gzipSync(Buffer.alloc(100)).subarray(0, 12), Buffer.alloc(100, 0xff)]);
    expect(await refusal(damaged)).toMatchObject({ code: 'file-invalid' });
  });

  it('is missing, or a folder', async () => {
    const open = (path: string) => readCaptureFile(path).next();
    await expect(open(join(folder, 'absent.pcap'))).rejects.toMatchObject({ code: 'file-missing' });
    await expect(open(folder)).rejects.toMatchObject({ code: 'file-invalid' });
  });
});

describe('a capture file that ends or breaks in the middle', () => {
  const pcap = pcapFile([ipv4Frame, ipv4Frame]);
  const pcapng = Buffer.concat([
    sectionHeader(little),
    interfaceBlock(little),
    enhancedPacket(little, ipv4Frame),
    enhancedPacket(little, ipv4Frame),
  ]);
  it.each([
    ['pcap', pcap],
    ['pcapng', pcapng],
  ])('(%s) gives the datagrams before, then one warning with the place', async (_, bytes) => {
    for (const missing of [1, 7, ipv4Frame.length]) {
      const { datagrams, warnings } = await read(bytes.subarray(0, bytes.length - missing));
      expect(datagrams).toHaveLength(1);
      expect(warnings).toEqual([expect.stringMatching(/ends in the middle of what begins at byte \d+/)]);
    }
  });

  it('is not read on from a length that cannot be', async () => {
    const broken = Buffer.concat([pcapng, numbers(little).uint32(6, 13), Buffer.alloc(100)]);
    const { datagrams, warnings } = await read(broken);
    expect(datagrams).toHaveLength(2);
    expect(warnings).toEqual([expect.stringContaining(`broken at byte ${pcapng.length}`)]);
  });

  it('takes no memory for lengths near 2^32', async () => {
    const { uint32 } = numbers(little);
    const before = process.memoryUsage().rss;
    const inPcap = await read(Buffer.concat([pcap, uint32(0, 0, 0xffff_ffff, 0xffff_ffff), Buffer.alloc(9)]));
    const inPcapng = await read(Buffer.concat([pcapng, uint32(6, 0xffff_fffc), Buffer.alloc(9)]));
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    for (const { datagrams, warnings } of [inPcap, inPcapng]) {
      expect(datagrams).toHaveLength(2);
      expect(warnings).toHaveLength(1);
    }
  });

  it('skips a packet longer than any link carries, and a packet of an interface that was never described', async () => {
    const giant = Buffer.alloc(1024 * 1024 + 1);
    const long = await read(pcapFile([giant, ipv4Frame]));
    expect(long.datagrams).toHaveLength(1);
    expect(long.warnings).toHaveLength(1);
    const stray = await read(Buffer.concat([pcapng, enhancedPacket(little, ipv4Frame, { from: 5 }), pcapng]));
    expect(stray.datagrams).toHaveLength(4);
    expect(stray.warnings).toHaveLength(1);
  });

  it('gives a time that a date can hold, whatever resolution and offset say', async () => {
    const wild = Buffer.concat([
      sectionHeader(little),
      interfaceBlock(little, {
        options: [
          [9, Buffer.from([0])],
          [14, Buffer.alloc(8, 0x7f)],
        ],
      }),
      enhancedPacket(little, ipv4Frame, { time: 0xffff_ffff_ffff_ffffn }),
    ]);
    const [datagram] = await readWhole(wild);
    expect(() => new Date(datagram?.receivedAtMs ?? Number.NaN).toISOString()).not.toThrow();
  });
});

describe('hostile capture files', () => {
  async function expectSound(bytes: Buffer): Promise<void> {
    try {
      const { datagrams } = await read(bytes);
      for (const { payload, receivedAtMs } of datagrams) {
        expect(payload.length).toBeLessThanOrEqual(65_535);
        expect(Number.isSafeInteger(receivedAtMs)).toBe(true);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(WeirError);
    }
  }

  const starts = [pcapFile([]), Buffer.concat([sectionHeader(little), interfaceBlock(little)]), Buffer.alloc(0)];
  it('of any bytes give WeirError or datagrams', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }), (start, bytes) =>
        expectSound(Buffer.concat([start, bytes])),
      ),
      { numRuns: 300 },
    );
  });

  it('that are valid ones with bytes changed or cut give WeirError or datagrams', async () => {
    const frames = [
      ipv4Frame,
      ethernetFrame(0x0800, ipv4Packet(udpPacket(payload), { fragmentation: 0x2000 })),
      ethernetFrame(
        [0x8100, 5, 0x86dd],
        ipv6Packet(Buffer.concat([Buffer.from('1100000100000001', 'hex'), payload]), 44),
      ),
    ];
    const files = [
      pcapFile(frames),
      Buffer.concat([sectionHeader(big), interfaceBlock(big), ...frames.map((frame) => enhancedPacket(big, frame))]),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(600), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
        fc.nat(600),
        (file, changes, length) => {
          const bytes = Buffer.from(file);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          return expectSound(bytes.subarray(0, Math.max(length, bytes.length >> 1)));
        },
      ),
      { numRuns: 500 },
    );
  });
});
