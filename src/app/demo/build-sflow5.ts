// Builds sFlow version 5 datagrams (sflow.org, sflow_version_5.txt §5) as a switch sends them: flow samples with the
// Ethernet header of the packet and its VLAN, counter samples of the interfaces.

import type { Packet } from './flow.ts';
import { writeUint64 } from './flow.ts';
import { frameHeaderBytes, toFrameLength, writeFrameHeader } from './packet-frame.ts';

export interface Sflow5ExporterOptions {
  readonly bootedAtMs: number;
  /** IPv4 address of the switch, as a 32-bit number. */
  readonly agent: number;
  readonly subAgent?: number;
  /** 1 out of N packets. */
  readonly samplingInterval: number;
  /** The long sample forms, which hold interface numbers of 32 bits. */
  readonly expanded?: boolean;
}

/** Counters of one interface: what it received and sent. */
export interface InterfaceCounters {
  readonly index: number;
  readonly bitsPerSecond: number;
  readonly inputBytes: number;
  readonly inputPackets: number;
  readonly outputBytes: number;
  readonly outputPackets: number;
}

export interface Sflow5Exporter {
  /** One datagram: a flow sample for each packet, then a counter sample for each interface. */
  datagram(packets: readonly Packet[], counters: readonly InterfaceCounters[], nowMs: number): Buffer;
}

/** As many as fit into an Ethernet frame. */
export const sflow5SamplesPerDatagram = 6;

const formats = { flow: 1, counters: 2, expandedFlow: 3, expandedCounters: 4 } as const;
const records = { rawHeader: 1, extendedSwitch: 1001, genericInterface: 1 } as const;
const ethernet = 1;
/** ifType of IANA: ethernetCsmacd. */
const ethernetType = 6;
const fullDuplex = 1;
const adminAndOperUp = 3;

const headerBytes = 28;
/** Each sample and record begins with its format and its length. */
const envelopeBytes = 8;
const flowFieldsBytes = { compact: 32, expanded: 44 } as const;
const counterFieldsBytes = { compact: 12, expanded: 16 } as const;
const rawFieldsBytes = 16;
const switchBytes = 16;
const interfaceBytes = 88;
/** The frame check sequence is counted as length but never sampled. */
const strippedBytes = 4;

export function createSflow5Exporter(options: Sflow5ExporterOptions): Sflow5Exporter {
  const { bootedAtMs, agent, subAgent = 0, samplingInterval, expanded = false } = options;
  let datagrams = 0;
  /** Samples and packets seen, by the interface that samples. */
  const sources = new Map<number, { flowSamples: number; counterSamples: number }>();

  function datagram(packets: readonly Packet[], counters: readonly InterfaceCounters[], nowMs: number): Buffer {
    let length = headerBytes + counters.length * counterSampleBytes(expanded);
    for (const packet of packets) length += flowSampleBytes(packet, expanded);
    const buffer = Buffer.allocUnsafe(length);
    datagrams = (datagrams + 1) >>> 0;
    let at = buffer.writeUInt32BE(5, 0);
    at = buffer.writeUInt32BE(1, at); // The agent address is IPv4.
    at = buffer.writeUInt32BE(agent, at);
    at = buffer.writeUInt32BE(subAgent, at);
    at = buffer.writeUInt32BE(datagrams, at);
    at = buffer.writeUInt32BE(Math.round(nowMs - bootedAtMs) >>> 0, at);
    at = buffer.writeUInt32BE(packets.length + counters.length, at);
    for (const packet of packets) at = writeFlowSample(buffer, packet, at);
    for (const interfaceCounters of counters) at = writeCounterSample(buffer, interfaceCounters, at);
    return buffer;
  }

  function sourceOf(index: number): { flowSamples: number; counterSamples: number } {
    const known = sources.get(index);
    if (known !== undefined) return known;
    const fresh = { flowSamples: 0, counterSamples: 0 };
    sources.set(index, fresh);
    return fresh;
  }

  function writeFlowSample(buffer: Buffer, packet: Packet, start: number): number {
    const { inputInterface, outputInterface } = packet;
    const source = sourceOf(inputInterface);
    source.flowSamples = (source.flowSamples + 1) >>> 0;
    let at = buffer.writeUInt32BE(expanded ? formats.expandedFlow : formats.flow, start);
    at = buffer.writeUInt32BE(flowSampleBytes(packet, expanded) - envelopeBytes, at);
    at = buffer.writeUInt32BE(source.flowSamples, at);
    if (expanded) at = buffer.writeUInt32BE(0, at); // Source type 0: ifIndex.
    at = buffer.writeUInt32BE(inputInterface, at);
    at = buffer.writeUInt32BE(samplingInterval, at);
    at = buffer.writeUInt32BE((source.flowSamples * samplingInterval) >>> 0, at); // Packets seen.
    at = buffer.writeUInt32BE(0, at); // Samples dropped.
    if (expanded) at = buffer.writeUInt32BE(0, at); // Interface format 0: one ifIndex.
    at = buffer.writeUInt32BE(inputInterface, at);
    if (expanded) at = buffer.writeUInt32BE(0, at);
    at = buffer.writeUInt32BE(outputInterface, at);
    at = buffer.writeUInt32BE(2, at); // Records.

    const captured = frameHeaderBytes(packet);
    at = buffer.writeUInt32BE(records.rawHeader, at);
    at = buffer.writeUInt32BE(rawFieldsBytes + roundUp(captured), at);
    at = buffer.writeUInt32BE(ethernet, at);
    at = buffer.writeUInt32BE(toFrameLength(packet) + strippedBytes, at);
    at = buffer.writeUInt32BE(strippedBytes, at);
    at = buffer.writeUInt32BE(captured, at);
    writeFrameHeader(buffer, packet, at);
    buffer.fill(0, at + captured, at + roundUp(captured));
    at += roundUp(captured);

    at = buffer.writeUInt32BE(records.extendedSwitch, at);
    at = buffer.writeUInt32BE(switchBytes, at);
    at = buffer.writeUInt32BE(packet.vlan, at);
    at = buffer.writeUInt32BE(0, at);
    at = buffer.writeUInt32BE(packet.vlan, at);
    return buffer.writeUInt32BE(0, at);
  }

  function writeCounterSample(buffer: Buffer, counters: InterfaceCounters, start: number): number {
    const source = sourceOf(counters.index);
    source.counterSamples = (source.counterSamples + 1) >>> 0;
    let at = buffer.writeUInt32BE(expanded ? formats.expandedCounters : formats.counters, start);
    at = buffer.writeUInt32BE(counterSampleBytes(expanded) - envelopeBytes, at);
    at = buffer.writeUInt32BE(source.counterSamples, at);
    if (expanded) at = buffer.writeUInt32BE(0, at);
    at = buffer.writeUInt32BE(counters.index, at);
    at = buffer.writeUInt32BE(1, at); // Records.

    at = buffer.writeUInt32BE(records.genericInterface, at);
    at = buffer.writeUInt32BE(interfaceBytes, at);
    at = buffer.writeUInt32BE(counters.index, at);
    at = buffer.writeUInt32BE(ethernetType, at);
    at = writeUint64(buffer, counters.bitsPerSecond, at);
    at = buffer.writeUInt32BE(fullDuplex, at);
    at = buffer.writeUInt32BE(adminAndOperUp, at);
    at = writeUint64(buffer, counters.inputBytes, at);
    at = buffer.writeUInt32BE(counters.inputPackets >>> 0, at);
    buffer.fill(0, at, at + 20); // Multicast, broadcast, discards, errors, unknown protocols.
    at = writeUint64(buffer, counters.outputBytes, at + 20);
    at = buffer.writeUInt32BE(counters.outputPackets >>> 0, at);
    buffer.fill(0, at, at + 20); // Multicast, broadcast, discards, errors, promiscuous mode.
    return at + 20;
  }

  return { datagram };
}

function flowSampleBytes(packet: Packet, expanded: boolean): number {
  const fields = expanded ? flowFieldsBytes.expanded : flowFieldsBytes.compact;
  const raw = envelopeBytes + rawFieldsBytes + roundUp(frameHeaderBytes(packet));
  return envelopeBytes + fields + raw + envelopeBytes + switchBytes;
}

function counterSampleBytes(expanded: boolean): number {
  const fields = expanded ? counterFieldsBytes.expanded : counterFieldsBytes.compact;
  return envelopeBytes + fields + envelopeBytes + interfaceBytes;
}

function roundUp(length: number): number {
  return Math.ceil(length / 4) * 4;
}
