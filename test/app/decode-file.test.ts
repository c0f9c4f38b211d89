// `weir decode FILE` without the command line: what it prints, and when it stops.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DecodeFileOptions, decodeFile } from '../../src/app/decode-file.ts';
import { createProgress } from '../../src/app/progress.ts';
import { ethernetFrame, ipv4Packet, pcapFile, udpPacket } from '../collect/capture-bytes.ts';
import { ipfix, ipfixTemplate, set, uint, variable } from '../decode/datagram-builder.ts';
import {
  ethernet,
  flowSample,
  hex,
  ipv4,
  opaque,
  rawHeader,
  sflowPayload,
  tcp,
  uint16s,
  uint32s,
} from '../decode/sflow-datagram.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-decode-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Printed {
  readonly records: Record<string, unknown>[];
  readonly faults: string[];
}

async function decode(file: Buffer, write?: (lines: string) => boolean): Promise<Printed> {
  const path = join(folder, 'input.pcap');
  await writeFile(path, file);
  let records = '';
  let faults = '';
  await decodeFile(path, {
    write: (lines) => {
      records += lines;
      return write === undefined || write(lines);
    },
    writeFault: (lines) => {
      faults += lines;
      return true;
    },
  });
  const lines = (text: string) => (text === '' ? [] : text.trimEnd().split('\n'));
  return { records: lines(records).map((line) => JSON.parse(line)), faults: lines(faults) };
}

function capture(payloads: readonly Buffer[]): Buffer {
  return pcapFile(payloads.map((payload) => ethernetFrame(0x0800, ipv4Packet(udpPacket(payload)))));
}

const frame = ethernet(uint16s(0x0800), ipv4({ protocol: 6, payload: tcp }));
const sflow = sflowPayload([flowSample([rawHeader(frame)]), opaque(2, uint32s(5, 12, 0))], { subAgent: 6 });

/** RFC 3954 §5: header, then sets; export time 1,700,000,000 s, source id 70,000. */
function netflow9(...sets: Buffer[]): Buffer {
  return Buffer.concat([uint16s(9, sets.length), uint32s(60_000, 1_700_000_000, 1, 70_000), ...sets]);
}

/** Options template 300: scope System (1) of 4 bytes; TOTAL_PKTS_EXP (41), SAMPLING_INTERVAL (34) of 4 bytes each; its data. */
const options = netflow9(
  Buffer.concat([uint16s(1, 24, 300, 4, 8, 1, 4, 41, 4, 34, 4), Buffer.alloc(2)]),
  Buffer.concat([uint16s(300, 16), uint32s(0x0a00_0001, 99, 512)]),
);

/** Template 301: IPV4_SRC_ADDR (8), IN_SRC_MAC (56), the unassigned number 63999 of 2 bytes; its data. */
const flows = netflow9(
  uint16s(0, 20, 301, 3, 8, 4, 56, 6, 63_999, 2),
  Buffer.concat([uint16s(301, 16), hex('0a010203 02000000 0a01 beef')]),
);

describe('weir decode', () => {
  it('prints a line per record in order, with addresses as text and without what is absent', async () => {
    const { records, faults } = await decode(capture([sflow, flows]));
    expect(faults).toEqual([]);
    const common = { exporter: '192.0.2.33' };
    expect(records).toEqual([
      {
        ...common,
        protocol: 'sflow5',
        domain: 6,
        set: null,
        kind: 'flow',
        fields: expect.objectContaining({
          sourceIPv4Address: '10.1.2.3',
          destinationMacAddress: '02:00:00:00:0b:02',
          destinationTransportPort: 443,
        }),
      },
      { ...common, protocol: 'sflow5', domain: 6, set: null, kind: 'counters', fields: {} },
      {
        ...common,
        protocol: 'netflow9',
        domain: 70_000,
        set: 301,
        kind: 'flow',
        fields: { sourceIPv4Address: '10.1.2.3', sourceMacAddress: '02:00:00:00:0a:01', 'v9:63999': 'beef' },
      },
    ]);
  });

  it('prints the scope of NetFlow v9 options beside the fields, not in them', async () => {
    const { records } = await decode(capture([options]));
    expect(records).toEqual([
      {
        protocol: 'netflow9',
        exporter: '192.0.2.33',
        domain: 70_000,
        set: 300,
        kind: 'options',
        fields: { exportedMessageTotalCount: 99, samplingInterval: 512 },
        scope: { system: 0x0a00_0001 },
      },
    ]);
  });

  it('unfolds the lists of RFC 6313 beside their bytes, and prints other list elements as hex', async () => {
    // basicList (RFC 6313 §4.5.1): allOf, bgpCommunity (483) of 4 bytes, two values.
    const list = hex('03 01e3 0004 fde80001 fde80002');
    const bytes = list.toString('hex');
    const unfolded = { hex: bytes, semantic: 'allOf', element: 'bgpCommunity', items: [0xfde8_0001, 0xfde8_0002] };
    const length = 65_535;
    const fields = [
      { id: 291, length },
      { id: 484, length },
      { id: 485, length },
      { id: 485, length },
      { id: 484, length, enterprise: 29_305 },
      { id: 487, length },
      { id: 7, length: 2 },
    ];
    const data = [...[1, 2, 3, 4, 5].map(() => variable(list)), variable(Buffer.alloc(0)), uint(443, 2)];
    const { records, faults } = await decode(
      capture([ipfix([set(2, ipfixTemplate({ id: 256, fields })), set(256, ...data)])]),
    );
    expect(faults).toEqual([]);
    expect(records.map((record) => record['fields'])).toEqual([
      {
        basicList: unfolded,
        bgpSourceCommunityList: bytes,
        bgpDestinationCommunityList: [bytes, bytes],
        reverseBgpSourceCommunityList: bytes,
        bgpSourceExtendedCommunityList: '',
        sourceTransportPort: 443,
      },
    ]);
  });

  it('prints a fault as one line beside the records, and goes on', async () => {
    const { records, faults } = await decode(capture([Buffer.from('garbage'), sflow]));
    expect(records).toHaveLength(2);
    expect(faults).toEqual([expect.stringMatching(/^192\.0\.2\.33: protocol-unknown: /)]);
  });

  it('says that the file ends in the middle, after its records', async () => {
    const { records, faults } = await decode(capture([sflow, sflow]).subarray(0, -3));
    expect(records).toHaveLength(2);
    expect(faults).toEqual([expect.stringContaining('ends in the middle')]);
  });

  it('prints nothing for a file without datagrams', async () => {
    expect(await decode(capture([]))).toEqual({ records: [], faults: [] });
  });

  it('refuses a file that is no capture', async () => {
    await expect(decode(Buffer.from('no capture at all'))).rejects.toMatchObject({ code: 'file-invalid' });
  });

  it('stops when nobody reads its records any more', async () => {
    let writes = 0;
    const many = capture(new Array<Buffer>(3000).fill(sflow));
    const { records } = await decode(many, () => ++writes < 2);
    expect(writes).toBe(2);
    expect(records.length).toBeLessThan(3000);
  });
});

async function decodePath(
  path: string,
  options: Partial<DecodeFileOptions> = {},
): Promise<{ text: string; faults: string }> {
  let text = '';
  let faults = '';
  await decodeFile(path, {
    write(lines) {
      text += lines;
      return true;
    },
    writeFault(lines) {
      faults += lines;
      return true;
    },
    ...options,
  });
  return { text, faults };
}

/** Data of template 301, and of one that has not come. */
const [template, data] = [
  netflow9(uint16s(0, 20, 301, 3, 8, 4, 56, 6, 63_999, 2)),
  netflow9(Buffer.concat([uint16s(301, 16), hex('0a010203 02000000 0a01 beef')])),
];

describe('weir decode of a folder', () => {
  it('reads all captures in name order as one, and leaves out what is none with a line', async () => {
    const place = await mkdtemp(join(folder, 'captures-'));
    await writeFile(join(place, 'b.pcap'), capture([data, options]));
    await writeFile(join(place, 'a.pcap'), capture([template]));
    await writeFile(join(place, 'c.txt'), 'a note about the captures');
    await writeFile(join(place, '.hidden'), 'not looked at');
    await mkdir(join(place, 'd'));
    await writeFile(join(place, 'e.pcap'), capture([sflow]));
    const { text, faults } = await decodePath(place);
    const records = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ protocol, kind }) => `${protocol} ${kind}`)).toEqual([
      'netflow9 flow',
      'netflow9 options',
      'sflow5 flow',
      'sflow5 counters',
    ]);
    expect(faults).toMatch(/^\S*c\.txt is no pcap or pcapng file: .*: left out\n$/);
  });

  it('refuses a folder without a capture', async () => {
    const place = await mkdtemp(join(folder, 'empty-'));
    await expect(decodePath(place)).rejects.toMatchObject({ code: 'file-invalid' });
  });
});

describe('weir decode of standard input', () => {
  async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  it.each([1, 7, 100_000])('prints what the file would, in chunks of %i bytes', async (size) => {
    const bytes = capture([template, data, sflow]);
    const { records } = await decode(bytes);
    const { text } = await decodePath('-', { input: inChunks(bytes, size) });
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(records);
  });

  it('says so when it is no capture', async () => {
    const input = inChunks(Buffer.from('no capture at all'), 5);
    await expect(decodePath('-', { input })).rejects.toMatchObject({
      code: 'file-invalid',
      message: expect.stringContaining('standard input'),
    });
  });
});

describe('weir decode --explain', () => {
  it('prints place, element, type, value and bytes of each field', async () => {
    const path = join(folder, 'explain.pcap');
    await writeFile(path, capture([template, data]));
    const { text } = await decodePath(path, { explain: true });
    expect(text.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))).toEqual([
      '192.0.2.33 netflow9 domain 70000 sequence 1, template 301, flow',
      'record 1 of 1 at byte 24, 12 bytes',
      'at | bytes | element | name | type | value | hex',
      '24 | 4 | 8 | sourceIPv4Address | ipv4 | "10.1.2.3" | 0a010203',
      '28 | 6 | 56 | sourceMacAddress | mac | "02:00:00:00:0a:01" | 020000000a01',
      '34 | 2 | 63999 | v9:63999 | bytes | "beef" | beef',
      '',
    ]);
  });

  it('prints of sFlow the structures, and below them what was read', async () => {
    const path = join(folder, 'explain.pcap');
    await writeFile(path, capture([sflow]));
    const { text } = await decodePath(path, { explain: true });
    expect(text).toContain('sample 0:1');
    expect(text).toContain('"destinationTransportPort":443');
  });

  it('lets no control character of a datagram reach the terminal', async () => {
    const path = join(folder, 'explain.pcap');
    const named = netflow9(
      uint16s(0, 12, 302, 1, 82, 8),
      Buffer.concat([uint16s(302, 12), Buffer.from('\x1b[31mred')]),
    );
    await writeFile(path, capture([named]));
    const { text } = await decodePath(path, { explain: true });
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

describe('the progress of weir decode', () => {
  function createScreen() {
    const written: string[] = [];
    const progress = createProgress({ write: (text) => written.push(text), now: () => 0 });
    return { progress, written };
  }

  it('is shown for large files only, a few times a second, and taken away', () => {
    const { progress, written } = createScreen();
    progress.show('small.pcap', 9_000_000, 10_000_000);
    expect(written).toEqual([]);
    progress.show('large.pcap', 30_000_000, 60_000_000);
    progress.show('large.pcap', 31_000_000, 60_000_000);
    progress.clear();
    progress.clear();
    expect(written).toEqual(['\r\x1b[Klarge.pcap: 30 MB of 60 MB (50 %)', '\r\x1b[K']);
  });

  it('of a stream is what was read', () => {
    const { progress, written } = createScreen();
    progress.show('standard input', 20_000_000, undefined);
    expect(written).toEqual(['\r\x1b[Kstandard input: 20 MB']);
  });
});
