// Datagrams of the demo's exporters through our own decoder: what was put in comes out, and sequence numbers count in each
// protocol's own unit. (Wireshark and nfdump read the same datagrams alike; that check is by hand.)

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIpfixExporter } from '../../src/app/demo/build-ipfix.ts';
import { createNetflow5Exporter } from '../../src/app/demo/build-netflow5.ts';
import { createNetflow9Exporter } from '../../src/app/demo/build-netflow9.ts';
import { createSflow5Exporter, sflow5SamplesPerDatagram } from '../../src/app/demo/build-sflow5.ts';
import type { Address, Flow, Packet } from '../../src/app/demo/flow.ts';
import type { FieldValue, RecordSet } from '../../src/model/record.ts';
import { createFeed, toRecords } from '../decode/feed.ts';

const nowMs = 1_795_500_000_000;
const bootedAtMs = nowMs - 40 * 86_400_000;

const port = fc.integer({ min: 0, max: 65_535 });
const octet = fc.integer({ min: 0, max: 255 });
const uint32 = fc.nat(0xffff_ffff);
const mac = fc.nat(0xffff_ffff_ffff);
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 });

function flowsOf(address: fc.Arbitrary<Address>, protocols: readonly number[]): fc.Arbitrary<Flow> {
  return fc.record({
    source: address,
    destination: address,
    nextHop: address,
    sourcePort: port,
    destinationPort: port,
    protocol: fc.constantFrom(...protocols),
    tcpFlags: octet,
    typeOfService: octet,
    packets: uint32,
    bytes: uint32,
    startMs: fc.integer({ min: nowMs - 60_000, max: nowMs }),
    endMs: fc.integer({ min: nowMs - 60_000, max: nowMs }),
    inputInterface: port,
    outputInterface: port,
    sourcePrefixLength: octet,
    destinationPrefixLength: octet,
  });
}
const ipv4Flow = flowsOf(uint32, [1, 6, 17, 47]);
const ipv6Flow = flowsOf(ipv6, [6, 17, 58]);
const flow = fc.oneof(ipv4Flow, ipv6Flow);

const isIpv4 = ({ source }: { source: Address }): boolean => typeof source === 'number';

/** Eight groups in full, as a text that any reading of an IPv6 address can be compared with. */
function toGroups(bytes: Uint8Array): string {
  return Array.from({ length: 8 }, (_, at) =>
    ((bytes[at * 2]! << 8) | bytes[at * 2 + 1]!).toString(16).padStart(4, '0'),
  ).join(':');
}

function fromText(text: FieldValue | undefined): string {
  const [head, tail] = String(text).split('::');
  const groups = (part: string | undefined): string[] =>
    part ? part.split(':').flatMap((group) => (group.includes('.') ? dotted(group) : [group])) : [];
  const [before, after] = [groups(head), groups(tail)];
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(':');
}

function dotted(text: string): string[] {
  const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number];
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
}

function expectAddresses(record: Record<string, FieldValue>, { source, destination }: Flow | Packet): void {
  if (typeof source === 'number' || typeof destination === 'number')
    expect([record['sourceIPv4Address'], record['destinationIPv4Address']]).toEqual([source, destination]);
  else
    expect([fromText(record['sourceIPv6Address']), fromText(record['destinationIPv6Address'])]).toEqual([
      toGroups(source),
      toGroups(destination),
    ]);
}

function expectCounts(record: Record<string, FieldValue>, wanted: Flow): void {
  expect(record).toMatchObject({
    packetDeltaCount: wanted.packets,
    octetDeltaCount: wanted.bytes,
    protocolIdentifier: wanted.protocol,
    ipClassOfService: wanted.typeOfService,
    ingressInterface: wanted.inputInterface,
    egressInterface: wanted.outputInterface,
  });
}

/** RFC 3954 §8: switched times are milliseconds of uptime, a number of 32 bits. */
const uptime = (timeMs: number): number => (timeMs - bootedAtMs) % 2 ** 32;

const flowsOnly = (sets: readonly RecordSet[]): RecordSet[] => sets.filter(({ layout }) => layout.kind === 'flow');

describe('NetFlow v5 datagrams', () => {
  it('give the flows that were put in, and count flows', () => {
    fc.assert(
      fc.property(fc.array(fc.array(ipv4Flow, { minLength: 1, maxLength: 30 }), { maxLength: 4 }), (datagrams) => {
        const exporter = createNetflow5Exporter({
          bootedAtMs,
          engineType: 3,
          engineId: 9,
          samplingMode: 2,
          samplingInterval: 1000,
        });
        const { sets, faults } = createFeed();
        let before = 0;
        for (const flows of datagrams) {
          const decoded = sets(exporter.datagram(flows, nowMs + 0.25));
          const records = toRecords(decoded);
          expect(records).toHaveLength(flows.length);
          for (const [at, wanted] of flows.entries()) {
            const record = records[at]!;
            expectAddresses(record, wanted);
            expectCounts(record, wanted);
            expect(record).toMatchObject({
              ipNextHopIPv4Address: wanted.nextHop,
              sourceTransportPort: wanted.sourcePort,
              destinationTransportPort: wanted.destinationPort,
              tcpControlBits: wanted.tcpFlags,
              flowStartSysUpTime: uptime(wanted.startMs),
              flowEndSysUpTime: uptime(wanted.endMs),
              sourceIPv4PrefixLength: wanted.sourcePrefixLength,
              destinationIPv4PrefixLength: wanted.destinationPrefixLength,
            });
          }
          expect(decoded[0]?.header).toMatchObject({
            sequence: before,
            exportedAtMs: nowMs + 0.25,
            sysUptimeMs: uptime(nowMs),
            domain: 3 * 256 + 9,
            v5: { count: flows.length, samplingMode: 2, samplingInterval: 1000 },
          });
          before += flows.length;
        }
        expect(faults).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('hold 1 to 30 flows of IPv4', () => {
    const exporter = createNetflow5Exporter({ bootedAtMs });
    const one = fc.sample(ipv4Flow, { numRuns: 1, seed: 1 })[0]!;
    expect(() => exporter.datagram([], nowMs)).toThrow(RangeError);
    expect(() => exporter.datagram(new Array<Flow>(31).fill(one), nowMs)).toThrow(RangeError);
    expect(exporter.datagram(new Array<Flow>(30).fill(one), nowMs)).toHaveLength(1464);
    expect(() => exporter.datagram([fc.sample(ipv6Flow, { numRuns: 1, seed: 1 })[0]!], nowMs)).toThrow(RangeError);
  });
});

describe('NetFlow v9 datagrams', () => {
  it('give the flows that were put in with their sampling interval, and count datagrams', () => {
    fc.assert(
      fc.property(fc.array(fc.array(flow, { minLength: 1, maxLength: 30 }), { maxLength: 4 }), (datagrams) => {
        const exporter = createNetflow9Exporter({ bootedAtMs, sourceId: 4_000_000_000, samplingInterval: 512 });
        const { sets, faults } = createFeed();
        expect(sets(exporter.templates(nowMs))[0]?.header.sequence).toBe(0);
        for (const [number, flows] of datagrams.entries()) {
          const decoded = sets(exporter.datagram(flows, nowMs));
          const records = toRecords(decoded);
          expect(records).toHaveLength(flows.length);
          const inOrder = [...flows.filter(isIpv4), ...flows.filter((one) => !isIpv4(one))];
          for (const [at, wanted] of inOrder.entries()) {
            const record = records[at]!;
            expectAddresses(record, wanted);
            expectCounts(record, wanted);
            expect(record).toMatchObject({
              sourceTransportPort: wanted.sourcePort,
              destinationTransportPort: wanted.destinationPort,
              tcpControlBits: wanted.tcpFlags,
              flowStartSysUpTime: uptime(wanted.startMs),
              flowEndSysUpTime: uptime(wanted.endMs),
              samplerId: 1,
              'weir.samplingInterval': 512,
            });
          }
          expect(decoded[0]?.header).toMatchObject({
            sequence: number + 1,
            domain: 4_000_000_000,
            exportedAtMs: nowMs,
            sysUptimeMs: uptime(nowMs),
          });
        }
        expect(faults).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  it('tell the sampler and the names of the interfaces as options', () => {
    const exporter = createNetflow9Exporter({
      bootedAtMs,
      sourceId: 7,
      samplingInterval: 100,
      interfaces: [
        { index: 1, name: 'Te0/0/0', description: 'Uplink' },
        { index: 70_000, name: 'a name that is too long', description: 'd'.repeat(40) },
      ],
    });
    const { sets, faults } = createFeed();
    const decoded = sets(exporter.templates(nowMs));
    expect(decoded.every(({ layout }) => layout.kind === 'options')).toBe(true);
    const records = toRecords(decoded);
    expect(records).toHaveLength(exporter.optionsRecords);
    expect(records[0]).toMatchObject({
      samplerId: 1,
      samplerMode: 2,
      samplerRandomInterval: 100,
      samplerName: 'sampler1',
    });
    expect(records[1]).toMatchObject({ interfaceName: 'Te0/0/0', interfaceDescription: 'Uplink' });
    expect(records[2]).toMatchObject({ interfaceName: 'a name that is ', interfaceDescription: 'd'.repeat(31) });
    expect(faults).toEqual([]);
  });

  it('fit 30 flows of IPv4 into an Ethernet frame', () => {
    const exporter = createNetflow9Exporter({ bootedAtMs, sourceId: 0, samplingInterval: 1 });
    expect(exporter.datagram(fc.sample(ipv4Flow, { numRuns: 30, seed: 1 }), nowMs).length).toBeLessThanOrEqual(1472);
  });
});

describe('IPFIX messages', () => {
  it('give the flows that were put in, and count data records, options included', () => {
    const large = flow.map((one) => ({ ...one, bytes: one.bytes * 2_000_000 + 1, packets: one.packets * 1_000 }));
    fc.assert(
      fc.property(fc.array(fc.array(large, { minLength: 1, maxLength: 22 }), { maxLength: 4 }), (datagrams) => {
        const exporter = createIpfixExporter({ bootedAtMs, domain: 9 });
        const { sets, faults } = createFeed();
        const options = sets(exporter.templates(nowMs));
        expect(options[0]?.header.sequence).toBe(0);
        expect(toRecords(options)).toEqual([
          expect.objectContaining({
            systemInitTimeMilliseconds: bootedAtMs,
            samplingPacketInterval: 1,
            samplingPacketSpace: 0,
          }),
        ]);
        let before = exporter.optionsRecords;
        for (const flows of datagrams) {
          const decoded = sets(exporter.datagram(flows, nowMs));
          const records = toRecords(decoded);
          expect(records).toHaveLength(flows.length);
          const isIcmp = ({ protocol }: Flow): boolean => protocol === 1 || protocol === 58;
          const kind = (one: Flow): number => (isIpv4(one) ? 0 : 2) + (isIcmp(one) ? 1 : 0);
          const inOrder = [0, 1, 2, 3].flatMap((wanted) => flows.filter((one) => kind(one) === wanted));
          for (const [at, wanted] of inOrder.entries()) {
            const record = records[at]!;
            expectAddresses(record, wanted);
            // Beyond 2^53 a number would be decimal text; these stay below.
            expectCounts(record, wanted);
            expect(record).toMatchObject({
              flowStartMilliseconds: wanted.startMs,
              flowEndMilliseconds: wanted.endMs,
              ipVersion: isIpv4(wanted) ? 4 : 6,
            });
            if (isIcmp(wanted))
              expect(record[isIpv4(wanted) ? 'icmpTypeCodeIPv4' : 'icmpTypeCodeIPv6']).toBe(wanted.destinationPort);
            else
              expect(record).toMatchObject({
                sourceTransportPort: wanted.sourcePort,
                destinationTransportPort: wanted.destinationPort,
                tcpControlBits: wanted.tcpFlags,
              });
          }
          expect(decoded[0]?.header).toMatchObject({ sequence: before, domain: 9, exportedAtMs: nowMs });
          before += flows.length;
        }
        expect(faults).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('sFlow datagrams', () => {
  const packetsOf = (address: fc.Arbitrary<Address>, protocols: readonly number[]): fc.Arbitrary<Packet> =>
    fc.record({
      source: address,
      destination: address,
      sourceMac: mac,
      destinationMac: mac,
      vlan: fc.integer({ min: 0, max: 4094 }),
      sourcePort: port,
      destinationPort: port,
      protocol: fc.constantFrom(...protocols),
      tcpFlags: octet,
      typeOfService: octet,
      timeToLive: octet,
      length: fc.integer({ min: 60, max: 1500 }),
      inputInterface: fc.integer({ min: 1, max: 1000 }),
      outputInterface: fc.integer({ min: 1, max: 1000 }),
    });
  const packet = fc.oneof(packetsOf(uint32, [1, 6, 17]), packetsOf(ipv6, [6, 17, 58]));

  it.each([false, true])('give the packets that were put in, and count datagrams (expanded: %s)', (expanded) => {
    fc.assert(
      fc.property(
        fc.array(fc.array(packet, { minLength: 1, maxLength: sflow5SamplesPerDatagram }), { maxLength: 4 }),
        (datagrams) => {
          const exporter = createSflow5Exporter({
            bootedAtMs,
            agent: 0x0a14_ff01,
            subAgent: 5,
            samplingInterval: 512,
            expanded,
          });
          const { sets, faults } = createFeed();
          const samples = new Map<number, number>();
          for (const [number, packets] of datagrams.entries()) {
            const decoded = flowsOnly(sets(exporter.datagram(packets, [], nowMs)));
            // Each sample is a set with a header of its own, or shares one: rows keep the order of the datagram.
            const records = toRecords(decoded);
            expect(records).toHaveLength(packets.length);
            for (const [at, wanted] of packets.entries()) {
              const record = records[at]!;
              expectAddresses(record, wanted);
              expect(record).toMatchObject({
                samplingInterval: 512,
                ingressInterface: wanted.inputInterface,
                egressInterface: wanted.outputInterface,
                protocolIdentifier: wanted.protocol,
                ipClassOfService: wanted.typeOfService,
                ipTTL: wanted.timeToLive,
                sourceMacAddress: wanted.sourceMac,
                destinationMacAddress: wanted.destinationMac,
                // The frame check sequence (4 bytes) is counted; no frame is shorter than 64 bytes (IEEE 802.3).
                dataLinkFrameSize: Math.max(64, wanted.length + 18 + (wanted.vlan === 0 ? 0 : 4)),
                vlanId: wanted.vlan,
              });
              if (wanted.vlan !== 0) expect(record['dot1qVlanId']).toBe(wanted.vlan);
              if (isIpv4(wanted)) expect(record['ipTotalLength']).toBe(wanted.length);
              else expect(record['ipPayloadLength']).toBe(wanted.length - 40);
              if (wanted.protocol === 6) expect(record['tcpControlBits']).toBe(wanted.tcpFlags);
              if (wanted.protocol === 6 || wanted.protocol === 17)
                expect(record).toMatchObject({
                  sourceTransportPort: wanted.sourcePort,
                  destinationTransportPort: wanted.destinationPort,
                });
              else {
                const family = isIpv4(wanted) ? 'IPv4' : 'IPv6';
                expect(record).toMatchObject({
                  [`icmpType${family}`]: wanted.destinationPort >> 8,
                  [`icmpCode${family}`]: wanted.destinationPort & 0xff,
                });
              }
            }
            for (const { header, rows } of decoded) {
              expect(header).toMatchObject({
                sequence: number + 1,
                domain: 5,
                sysUptimeMs: uptime(nowMs),
                sflow: { agent: '10.20.255.1', sampleType: expanded ? 'expanded_flow_sample' : 'flow_sample' },
              });
              const source = header.sflow!.sourceIdIndex;
              expect(header.sflow?.sampleSequence).toBe((samples.get(source) ?? 0) + 1);
              samples.set(source, header.sflow!.sampleSequence + rows.length - 1);
            }
          }
          expect(faults).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([false, true])('tell the counters of interfaces (expanded: %s)', (expanded) => {
    const exporter = createSflow5Exporter({ bootedAtMs, agent: 1, samplingInterval: 512, expanded });
    const { sets, faults } = createFeed();
    const counters = {
      index: 11,
      bitsPerSecond: 10e9,
      inputBytes: 2 ** 40 + 5,
      inputPackets: 77,
      outputBytes: 9,
      outputPackets: 8,
    };
    const [first, second] = sets(exporter.datagram([], [counters, { ...counters, index: 12 }], nowMs));
    expect(first?.layout.kind).toBe('counters');
    expect(toRecords([first!])[0]).toMatchObject({
      ifIndex: 11,
      ifSpeed: 10e9,
      ifInOctets: 2 ** 40 + 5,
      ifInUcastPkts: 77,
      ifOutOctets: 9,
      ifOutUcastPkts: 8,
    });
    expect(second?.header.sflow?.sourceIdIndex).toBe(12);
    expect(faults).toEqual([]);
  });

  it('carry a correct IPv4 header checksum', () => {
    const exporter = createSflow5Exporter({ bootedAtMs, agent: 1, samplingInterval: 1 });
    for (const one of fc.sample(packetsOf(uint32, [6]), { numRuns: 20, seed: 3 })) {
      const datagram = exporter.datagram([{ ...one, vlan: 0 }], [], nowMs);
      const type = datagram.indexOf(Buffer.from([0x08, 0x00, 0x45, one.typeOfService]));
      let sum = 0;
      for (let at = type + 2; at < type + 22; at += 2) sum += datagram.readUInt16BE(at);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      // RFC 1071 §1 (3): over header and checksum together all bits are one.
      expect(sum).toBe(0xffff);
    }
  });
});
