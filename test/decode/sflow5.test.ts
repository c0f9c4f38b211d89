// sFlow v5 datagrams built after the specification; what real agents send is in captures.test.ts.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSampleLayouts, SampleFields } from '../../src/decode/sample-fields.ts';
import { createSflow5Decoder } from '../../src/decode/sflow5.ts';
import type { Fault } from '../../src/model/fault.ts';
import type { RecordSet } from '../../src/model/record.ts';
import {
  ethernet,
  flowSample,
  hex,
  ipv4,
  ipv6,
  opaque,
  rawHeader,
  sflowPayload,
  tcp,
  toDatagram,
  udp,
  uint16s,
  uint32s,
} from './sflow-datagram.ts';

function decode(payload: Buffer, decoder = createSflow5Decoder()): { sets: RecordSet[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const sets = decoder(toDatagram(payload), (fault) => faults.push(fault));
  return { sets, faults };
}

function fieldsOf(set: RecordSet | undefined): Record<string, unknown> {
  const row = set?.rows[0] ?? [];
  return Object.fromEntries(set?.layout.columns.map(({ name }, i) => [name, row[i]]) ?? []);
}

/** The fields of one sample in one datagram, which must be without fault. */
function fieldsOfSample(sample: Buffer): Record<string, unknown> {
  const { sets, faults } = decode(sflowPayload([sample]));
  expect(faults).toEqual([]);
  expect(sets).toHaveLength(1);
  return fieldsOf(sets[0]);
}

const tcpFrame = ethernet(uint16s(0x0800), ipv4({ protocol: 6, payload: tcp }));
const ipv6Frame = ethernet(uint16s(0x86dd), ipv6(17, udp));
const extendedSwitch = opaque(1001, uint32s(100, 1, 0xffff_ffff, 2));
const gateway = opaque(
  1003,
  uint32s(1, 0xc000_0201, 64_500, 64_501, 64_502),
  uint32s(2, 2, 2, 64_502, 64_503, 1, 1, 4_200_000_000),
  uint32s(2, (64_500 << 16) >>> 0, 7, 150),
);

describe('an sFlow datagram', () => {
  it('gives one flow record per sample under the header of datagram and sample', () => {
    const sample = flowSample([rawHeader(tcpFrame)], { sequence: 41, source: 0x0200_0007 });
    const { sets, faults } = decode(sflowPayload([sample], { subAgent: 3_000_000_000 }));
    expect(faults).toEqual([]);
    expect(sets).toHaveLength(1);
    expect(sets[0]?.layout).toMatchObject({ protocol: 'sflow5', kind: 'flow' });
    expect(sets[0]?.rows).toHaveLength(1);
    expect(sets[0]?.header).toEqual({
      exporter: '198.51.100.9',
      domain: 3_000_000_000,
      setId: null,
      receivedAtMs: 1_700_000_000_123,
      exportedAtMs: 1_700_000_000_123,
      sequence: 77,
      sysUptimeMs: 123_456,
      sflow: {
        agent: '192.0.2.7',
        sampleType: 'flow_sample',
        sampleSequence: 41,
        sourceIdType: 2,
        sourceIdIndex: 7,
      },
    });
  });

  it('knows an agent by its IPv6 address, and one without address by the datagram', () => {
    const agentOf = (agent: Buffer) => decode(sflowPayload([flowSample([])], { agent })).sets[0]?.header.sflow?.agent;
    expect(agentOf(hex('00000002 20010db8 00000000 00000000 00000009'))).toBe('2001:db8::9');
    expect(agentOf(hex('00000000'))).toBe('198.51.100.9');
  });

  it('is refused with another version or address type, and when its header is cut', () => {
    const codeOf = (payload: Buffer) => {
      const { sets, faults } = decode(payload);
      expect(sets).toEqual([]);
      return faults.map(({ code }) => code);
    };
    expect(codeOf(uint32s(4, 1, 0, 0, 0, 0, 0))).toEqual(['protocol-unknown']);
    expect(codeOf(sflowPayload([], { agent: uint32s(3) }))).toEqual(['protocol-unknown']);
    const whole = sflowPayload([]);
    for (let length = 8; length < whole.length; length++) {
      expect(codeOf(whole.subarray(0, length))).toEqual(['datagram-truncated']);
    }
  });

  it('keeps the samples before a cut, says what is missing, and ignores bytes behind the last sample', () => {
    const samples = [flowSample([rawHeader(tcpFrame)]), flowSample([rawHeader(ipv6Frame)])];
    const whole = sflowPayload(samples);
    const cut = decode(whole.subarray(0, whole.length - 1));
    expect(cut.sets).toHaveLength(1);
    expect(cut.faults.map(({ code }) => code)).toEqual(['datagram-truncated']);
    const trailed = decode(Buffer.concat([whole, hex('0000')]));
    expect(trailed.sets).toHaveLength(2);
    expect(trailed.faults).toEqual([]);
  });

  it('steps over samples and records of unknown formats', () => {
    const vendorSample = opaque((8800 << 12) | 1, hex('0102030405'));
    const vendorRecord = opaque((8800 << 12) | 1, Buffer.alloc(40, 0xff));
    const { sets, faults } = decode(sflowPayload([vendorSample, flowSample([vendorRecord, rawHeader(tcpFrame)])]));
    expect(sets.map(fieldsOf)).toEqual([expect.objectContaining({ sourceTransportPort: 49_152 })]);
    expect(faults).toEqual([{ code: 'sample-unknown', exporter: '198.51.100.9', detail: 'sample 0 of format 8800:1' }]);
  });

  it('takes counts and lengths near 2^32 for what they are', () => {
    const counts = decode(sflowPayload([flowSample([rawHeader(tcpFrame)], { recordCount: 0xffff_ffff })]));
    expect(fieldsOf(counts.sets[0])).toMatchObject({ destinationTransportPort: 443 });
    expect(counts.faults.map(({ code }) => code)).toEqual(['sample-malformed']);

    const samples = decode(sflowPayload([flowSample([])], { sampleCount: 0xffff_ffff }));
    expect(samples.sets).toHaveLength(1);
    expect(samples.faults.map(({ code }) => code)).toEqual(['datagram-truncated']);

    const length = decode(sflowPayload([Buffer.concat([uint32s(1, 0xffff_fffd), Buffer.alloc(64)])]));
    expect(length.sets).toEqual([]);
    expect(length.faults.map(({ code }) => code)).toEqual(['datagram-truncated']);
  });

  it('lets a broken sample cost itself alone', () => {
    const good = flowSample([rawHeader(tcpFrame)]);
    const short = opaque(1, uint32s(1, 2, 3));
    const { sets, faults } = decode(sflowPayload([good, short, good]));
    expect(sets).toHaveLength(2);
    expect(faults.map(({ code }) => code)).toEqual(['sample-malformed']);
  });
});

describe('a flow sample', () => {
  it('has sampling interval, interfaces without their format bits, drops, and the outermost headers', () => {
    const fields = fieldsOfSample(flowSample([rawHeader(tcpFrame)], { rate: 4096, drops: 5, output: 0x8000_0003 }));
    expect(fields).toMatchObject({
      samplingInterval: 4096,
      ingressInterface: 3,
      egressInterface: 3,
      'sflow.outputFormat': 2,
      'sflow.drops': 5,
      dataLinkFrameSize: 1518,
      sourceIPv4Address: 0x0a010203,
      destinationTransportPort: 443,
    });
    expect(fields).not.toHaveProperty('sflow.inputFormat');
  });

  it('holds interface formats apart in its expanded form', () => {
    const numbers = uint32s(8, 0, 300_000, 100, 900, 6, 0, 70_000, 1, 258, 1);
    const { sets } = decode(sflowPayload([opaque(3, numbers, rawHeader(tcpFrame))]));
    expect(fieldsOf(sets[0])).toMatchObject({
      samplingInterval: 100,
      ingressInterface: 70_000,
      egressInterface: 258,
      'sflow.outputFormat': 1,
      'sflow.drops': 6,
      sourceTransportPort: 49_152,
    });
    expect(sets[0]?.header.sflow).toMatchObject({ sampleType: 'expanded_flow_sample', sourceIdIndex: 300_000 });
  });

  it('gives VLANs of the switch, and routes of the gateway with path and communities', () => {
    const fields = fieldsOfSample(flowSample([gateway, extendedSwitch, rawHeader(tcpFrame)]));
    expect(fields).toMatchObject({
      vlanId: 100,
      postVlanId: 0xffff_ffff,
      bgpNextHopIPv4Address: 0xc000_0201,
      bgpSourceAsNumber: 64_501,
      bgpPrevAdjacentAsNumber: 64_502,
      asPath: [64_502, 64_503, 4_200_000_000],
      bgpNextAdjacentAsNumber: 64_502,
      bgpDestinationAsNumber: 4_200_000_000,
      communities: [(64_500 << 16) >>> 0, 7],
      'sflow.gateway.localpref': 150,
    });
  });

  it('leaves out an empty path and empty communities', () => {
    const empty = opaque(1003, uint32s(1, 1, 64_500, 64_501, 64_502, 0, 0, 100));
    const fields = fieldsOfSample(flowSample([empty]));
    expect(fields).toMatchObject({ bgpSourceAsNumber: 64_501 });
    for (const name of ['asPath', 'communities', 'bgpNextAdjacentAsNumber', 'bgpDestinationAsNumber']) {
      expect(fields).not.toHaveProperty(name);
    }
  });

  it('names the masks of the router after the family of the packet, wherever the record stands', () => {
    const router6 = opaque(1002, uint32s(2), hex('20010db8 00000000 00000000 000000fe'), uint32s(24, 16));
    expect(fieldsOfSample(flowSample([router6, rawHeader(tcpFrame)]))).toMatchObject({
      ipNextHopIPv6Address: '2001:db8::fe',
      sourceIPv4PrefixLength: 24,
      destinationIPv4PrefixLength: 16,
    });
    const router4 = opaque(1002, uint32s(1, 0xc000_02fe, 48, 32));
    expect(fieldsOfSample(flowSample([router4, rawHeader(ipv6Frame)]))).toMatchObject({
      ipNextHopIPv4Address: 0xc000_02fe,
      sourceIPv6PrefixLength: 48,
      destinationIPv6PrefixLength: 32,
    });
    expect(fieldsOfSample(flowSample([router6]))).toMatchObject({ sourceIPv6PrefixLength: 24 });
  });

  it('is told by sampled Ethernet, IPv4 and IPv6 records where there is no raw header', () => {
    const sampledEthernet = opaque(2, uint32s(64), hex('020000000a01 0000 020000000b02 0000'), uint32s(0x0800));
    const sampledIpv4 = opaque(3, uint32s(46, 6, 0x0a01_0203, 0xc000_02c8, 49_152, 443, 18, 184));
    expect(fieldsOfSample(flowSample([sampledIpv4, sampledEthernet]))).toMatchObject({
      dataLinkFrameSize: 64,
      sourceMacAddress: 0x02_00_00_00_0a_01,
      destinationMacAddress: 0x02_00_00_00_0b_02,
      ethernetType: 0x0800,
      ipVersion: 4,
      ipTotalLength: 46,
      protocolIdentifier: 6,
      sourceIPv4Address: 0x0a01_0203,
      destinationIPv4Address: 0xc000_02c8,
      sourceTransportPort: 49_152,
      destinationTransportPort: 443,
      tcpControlBits: 18,
      ipClassOfService: 184,
    });
    const addresses = hex('20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002');
    const sampledIpv6 = opaque(4, uint32s(80, 58), addresses, uint32s(0, 0, 0, 7));
    const fields = fieldsOfSample(flowSample([sampledIpv6]));
    expect(fields).toMatchObject({ sourceIPv6Address: '2001:db8::1', destinationIPv6Address: '2001:db8::2' });
    expect(fields).not.toHaveProperty('sourceTransportPort');
  });

  it('believes the raw header before the others, in any order', () => {
    const sampledIpv4 = opaque(3, uint32s(46, 17, 1, 2, 3, 4, 5, 6));
    const alone = fieldsOfSample(flowSample([rawHeader(ipv6Frame)]));
    expect(fieldsOfSample(flowSample([sampledIpv4, rawHeader(ipv6Frame)]))).toEqual(alone);
    expect(fieldsOfSample(flowSample([rawHeader(ipv6Frame), rawHeader(tcpFrame)]))).toEqual(alone);
  });

  it('keeps what its other records say when one is too short or overruns', () => {
    const tooShort = opaque(1001, uint32s(100));
    const overrun = Buffer.concat([uint32s(1003, 4000), Buffer.alloc(8)]);
    const badPath = opaque(1003, uint32s(1, 1, 2, 3, 4, 0xffff_ffff, 2, 0xffff_ffff), Buffer.alloc(64));
    const badHeader = opaque(1, uint32s(1, 60, 0, 61), Buffer.alloc(60));
    for (const broken of [tooShort, badPath, badHeader, overrun]) {
      const { sets, faults } = decode(sflowPayload([flowSample([extendedSwitch, broken])]));
      expect(fieldsOf(sets[0])).toMatchObject({ vlanId: 100, samplingInterval: 512 });
      expect(fieldsOf(sets[0])).not.toHaveProperty('bgpSourceAsNumber');
      expect(faults.map(({ code }) => code)).toEqual(['sample-malformed']);
    }
  });
});

describe('counter and discard samples', () => {
  it('give MIB counters by their names, exact beyond 2^53', () => {
    const generic = opaque(
      1,
      uint32s(12, 6, 2, 0x540b_e400, 1, 3, 0x0020_0000, 1, 11, 12, 13, 14, 15, 16, 0xffff_ffff, 0xffff_ffff),
      uint32s(21, 22, 23, 24, 25, 2),
    );
    const unknown = opaque(2999, Buffer.alloc(12));
    const ethernetCounters = opaque(2, uint32s(...Array.from({ length: 13 }, (_, i) => i)));
    const { sets, faults } = decode(sflowPayload([opaque(2, uint32s(5, 12, 3), ethernetCounters, unknown, generic)]));
    expect(faults).toEqual([]);
    expect(sets[0]?.layout.kind).toBe('counters');
    expect(sets[0]?.header.sflow).toMatchObject({ sampleType: 'counter_sample', sourceIdIndex: 12 });
    expect(fieldsOf(sets[0])).toMatchObject({
      ifIndex: 12,
      ifSpeed: 10_000_000_000,
      ifStatus: 3,
      ifInOctets: '9007199254740993',
      ifInUcastPkts: 11,
      ifInUnknownProtos: 16,
      ifOutOctets: '18446744073709551615',
      ifOutUcastPkts: 21,
      ifPromiscuousMode: 2,
      dot3StatsAlignmentErrors: 0,
      dot3StatsSymbolErrors: 12,
    });
  });

  it('have the source id in two words in the expanded form, and survive a short record', () => {
    const lag = opaque(
      7,
      hex('001122334455 0000 f8b15645e7e7 0000'),
      uint32s(47),
      hex('3d3d3f3f'),
      uint32s(1, 2, 3, 4, 5, 6, 7, 8),
    );
    const shortGeneric = opaque(1, uint32s(1, 2, 3));
    const { sets, faults } = decode(sflowPayload([opaque(4, uint32s(5, 0, 1_048_964, 2), shortGeneric, lag)]));
    expect(sets[0]?.header.sflow).toMatchObject({ sampleType: 'expanded_counter_sample', sourceIdIndex: 1_048_964 });
    expect(fieldsOf(sets[0])).toEqual({
      actorSystemId: 0x0011_2233_4455,
      partnerOperSystemId: 0xf8b1_5645_e7e7,
      attachedAggId: 47,
      state: '3d3d3f3f',
      lacpdusRx: 1,
      markerPdusRx: 2,
      markerResponsePdusRx: 3,
      unknownRx: 4,
      illegalRx: 5,
      lacpdusTx: 6,
      markerPdusTx: 7,
      markerResponsePdusTx: 8,
    });
    expect(faults.map(({ code }) => code)).toEqual(['sample-malformed']);
  });

  it('of discarded packets have interfaces, reason and headers', () => {
    const sample = opaque(5, uint32s(2, 0, 9, 256, 1, 2, 262, 2), rawHeader(tcpFrame), opaque(1036, uint32s(42)));
    const { sets, faults } = decode(sflowPayload([sample]));
    expect(faults).toEqual([]);
    expect(sets[0]?.layout.kind).toBe('discard');
    expect(sets[0]?.header.sflow).toMatchObject({ sampleType: 'discarded_packet', sourceIdIndex: 9 });
    expect(fieldsOf(sets[0])).toMatchObject({
      ingressInterface: 1,
      egressInterface: 2,
      'sflow.drops': 256,
      'sflow.discardReason': 262,
      'sflow.egress_queue.queue': 42,
      destinationTransportPort: 443,
    });
  });

  it('may end in a string that the agent forgot to pad', () => {
    const fixed = uint32s(2, 0, 1, 256, 1, 2, 1, 1);
    const name = Buffer.concat([uint32s(1038, 10, 6), Buffer.from('foobar')]);
    const sample = Buffer.concat([uint32s(5, fixed.length + name.length), fixed, name]);
    const { sets, faults } = decode(sflowPayload([sample]));
    expect(sets).toHaveLength(1);
    expect(faults).toEqual([]);
  });
});

describe('layouts', () => {
  it('are the same object for samples of one shape, whatever the order of their records', () => {
    const decoder = createSflow5Decoder();
    const shuffled = [
      flowSample([rawHeader(tcpFrame), extendedSwitch]),
      flowSample([extendedSwitch, rawHeader(tcpFrame)], { input: 9 }),
    ];
    const [one, other] = decode(sflowPayload(shuffled), decoder).sets;
    const again = decode(sflowPayload(shuffled), decoder).sets[0];
    expect(one?.layout).toBe(other?.layout);
    expect(one?.layout).toBe(again?.layout);
  });

  it('have the same id in every process for the same columns, and another for others', () => {
    const idOf = (sample: Buffer) => decode(sflowPayload([sample])).sets[0]?.layout.id;
    expect(idOf(flowSample([extendedSwitch]))).toBe(idOf(flowSample([extendedSwitch])));
    expect(idOf(flowSample([extendedSwitch]))).not.toBe(idOf(flowSample([])));
  });

  it('are bounded: beyond the limit every row has all columns, with null where nothing is', () => {
    const layouts = createSampleLayouts('flow', 2);
    const rows = [0, 1, 2, 3].map((at) => {
      const fields = new SampleFields();
      fields.set(at, 7);
      return fields.toRow(layouts);
    });
    expect(rows[2]?.layout).toBe(rows[3]?.layout);
    expect(rows[0]?.row).toEqual([7]);
    expect(rows[3]?.row.length).toBe(rows[3]?.layout.columns.length);
    expect(rows[3]?.row.filter((value) => value !== null)).toEqual([7]);
    expect(rows[3]?.row[3]).toBe(7);
  });
});

describe('hostile sFlow datagrams', () => {
  const vxlanFrame = ethernet(
    uint16s(0x0800),
    ipv4({
      protocol: 17,
      payload: Buffer.concat([uint16s(51_000, 4789, 0, 0), uint32s(0x0800_0000, 70_000 << 8), ipv6Frame]),
    }),
  );
  const name = Buffer.concat([uint32s(5), Buffer.from('eth10'), Buffer.alloc(3)]);
  const samples = [
    flowSample([rawHeader(tcpFrame), extendedSwitch, gateway]),
    opaque(3, uint32s(8, 0, 3, 100, 900, 6, 0, 7, 1, 2, 1), rawHeader(ipv6Frame)),
    opaque(2, uint32s(5, 12, 1), opaque(2, Buffer.alloc(52, 1))),
    opaque(5, uint32s(2, 0, 9, 256, 1, 2, 262, 3), rawHeader(tcpFrame), opaque(1037, uint32s(1), name, uint32s(2))),
    flowSample([
      rawHeader(vxlanFrame),
      opaque(1004, uint32s(106), name, uint32s(106), name),
      opaque(1006, uint32s(1, 1, 2, 3, 4, 1, 5)),
      opaque(1007, uint32s(1, 1, 1, 2)),
      opaque(1016, uint32s(1, 1), rawHeader(tcpFrame)),
    ]),
    opaque(
      2,
      uint32s(5, 12, 2),
      opaque(2001, uint32s(1, 1, 1), Buffer.alloc(8, 2)),
      opaque(10, uint32s(1, 1, 1, 1, 1), Buffer.alloc(40, 1)),
    ),
  ];
  const valid = sflowPayload(samples);
  const decoders = [createSflow5Decoder(), createSflow5Decoder({ tunnels: 'inner' })];

  function expectSound(payload: Buffer): void {
    for (const decoder of decoders) expectSoundBy(payload, decoder);
  }

  function expectSoundBy(payload: Buffer, decoder: ReturnType<typeof createSflow5Decoder>): void {
    const { sets } = decode(payload, decoder);
    // The smallest sample, without any record, has 8 bytes before its 12 of a counter sample.
    expect(sets.length).toBeLessThanOrEqual(payload.length / 20);
    for (const { layout, rows } of sets) {
      expect(rows[0]).toHaveLength(layout.columns.length);
      // JSON-safe: what the queue gives back is what went in.
      expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
    }
  }

  it('of any bytes behind the version end without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expectSound(Buffer.concat([uint32s(5, 1), bytes]));
      }),
      { numRuns: 700 },
    );
  });

  it('that are a valid one with bytes changed, cut out or cut off end without an exception', () => {
    const at = fc.integer({ min: 0, max: valid.length - 1 });
    const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(at, byte), { maxLength: 12 }), at, at, (changes, from, to) => {
        const bytes = Buffer.from(valid);
        for (const [place, value] of changes) bytes[place] = value;
        expectSound(bytes);
        expectSound(bytes.subarray(0, from));
        expectSound(Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]));
      }),
      { numRuns: 700 },
    );
  });

  it('with every aligned word at its largest end without an exception', () => {
    for (let at = 0; at + 4 <= valid.length; at += 4) {
      const bytes = Buffer.from(valid);
      bytes.writeUInt32BE(0xffff_ffff, at);
      expectSound(bytes);
    }
  });

  it('leave the decoder as it was', () => {
    const decoder = createSflow5Decoder();
    const before = decode(valid, decoder).sets;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decode(Buffer.concat([valid.subarray(0, 60), bytes]), decoder);
        expect(decode(valid, decoder).sets).toEqual(before);
      }),
    );
  });
});
