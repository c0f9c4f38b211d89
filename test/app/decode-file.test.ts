// `weir decode FILE` without the command line: what it prints, and when it stops.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeFile } from '../../src/app/decode-file.ts';
import { ethernetFrame, ipv4Packet, pcapFile, udpPacket } from '../collect/capture-bytes.ts';
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
