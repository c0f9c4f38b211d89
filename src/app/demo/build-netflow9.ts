// Builds NetFlow v9 datagrams (RFC 3954) as a Cisco router with Flexible NetFlow sends them: IPv4 and IPv6 flows, and options data
// that tell the sampler and the names of the interfaces.

import { type Flow, toUptime, writeAddress } from './flow.ts';
import { type Field, setHeaderBytes, sumBytes, toEmptySet, toSetLength, toWordSet } from './template-set.ts';

export interface Netflow9ExporterOptions {
  readonly bootedAtMs: number;
  readonly sourceId: number;
  /** 1 out of N packets; said by options data, each flow names the sampler. */
  readonly samplingInterval: number;
  readonly interfaces?: readonly InterfaceName[];
}

export interface InterfaceName {
  readonly index: number;
  /** Up to 15 characters. */
  readonly name: string;
  /** Up to 31 characters. */
  readonly description: string;
}

export interface Netflow9Exporter {
  /** Templates, options templates and options data in one datagram: at the start, and every now and then. */
  templates(nowMs: number): Buffer;
  /** One datagram with these flows, IPv4 before IPv6. */
  datagram(flows: readonly Flow[], nowMs: number): Buffer;
  /** Options records in a datagram of `templates`. */
  readonly optionsRecords: number;
}

/** As many as fit into an Ethernet frame even when all are IPv6; of IPv4, 30 do. */
export const netflow9FlowsPerDatagram = 17;

// Field types: RFC 3954 §8.
const shared: readonly Field[] = [
  [10, 2], // INPUT_SNMP
  [14, 2], // OUTPUT_SNMP
  [2, 4], // IN_PKTS
  [1, 4], // IN_BYTES
  [22, 4], // FIRST_SWITCHED
  [21, 4], // LAST_SWITCHED
  [7, 2], // L4_SRC_PORT
  [11, 2], // L4_DST_PORT
  [6, 1], // TCP_FLAGS
  [4, 1], // PROTOCOL
  [5, 1], // SRC_TOS
  [61, 1], // DIRECTION
  [48, 1], // FLOW_SAMPLER_ID
];
const ipv4Fields: readonly Field[] = [[8, 4], [12, 4], [15, 4], ...shared, [9, 1], [13, 1]];
const ipv6Fields: readonly Field[] = [[27, 16], [28, 16], [62, 16], ...shared, [29, 1], [30, 1]];

const ipv4Template = 256;
const ipv6Template = 257;
const samplerTemplate = 258;
const interfaceTemplate = 259;

/** Scope (RFC 3954 §6.1) and fields. */
const samplerScope: readonly Field[] = [[1, 4]]; // System
const samplerFields: readonly Field[] = [
  [48, 1], // FLOW_SAMPLER_ID
  [49, 1], // FLOW_SAMPLER_MODE
  [50, 4], // FLOW_SAMPLER_RANDOM_INTERVAL
  [84, 16], // SAMPLER_NAME
];
const interfaceScope: readonly Field[] = [[2, 4]]; // Interface
const interfaceFields: readonly Field[] = [
  [82, 16], // IF_NAME
  [83, 32], // IF_DESC
];

const samplerId = 1;
const randomSampling = 2;
const headerBytes = 20;
const ipv4Bytes = sumBytes(ipv4Fields);
const ipv6Bytes = sumBytes(ipv6Fields);
const samplerBytes = sumBytes(samplerScope) + sumBytes(samplerFields);
const interfaceBytes = sumBytes(interfaceScope) + sumBytes(interfaceFields);

export function createNetflow9Exporter(options: Netflow9ExporterOptions): Netflow9Exporter {
  const { bootedAtMs, sourceId, samplingInterval, interfaces = [] } = options;
  // Datagrams sent before this one (RFC 3954 §5.1).
  let sequence = 0;

  function writeHeader(buffer: Buffer, records: number, nowMs: number): void {
    buffer.writeUInt16BE(9, 0);
    buffer.writeUInt16BE(records, 2);
    buffer.writeUInt32BE(toUptime(nowMs, bootedAtMs), 4);
    buffer.writeUInt32BE(Math.floor(nowMs / 1000), 8);
    buffer.writeUInt32BE(sequence, 12);
    buffer.writeUInt32BE(sourceId, 16);
    sequence = (sequence + 1) >>> 0;
  }

  function templates(nowMs: number): Buffer {
    const sets = [
      toTemplateSet(ipv4Template, ipv4Fields),
      toTemplateSet(ipv6Template, ipv6Fields),
      toOptionsTemplateSet(samplerTemplate, samplerScope, samplerFields),
      toOptionsTemplateSet(interfaceTemplate, interfaceScope, interfaceFields),
      toSamplerSet(sourceId, samplingInterval),
      ...(interfaces.length === 0 ? [] : [toInterfaceSet(interfaces)]),
    ];
    const header = Buffer.alloc(headerBytes);
    writeHeader(header, 4 + 1 + interfaces.length, nowMs);
    return Buffer.concat([header, ...sets]);
  }

  function datagram(flows: readonly Flow[], nowMs: number): Buffer {
    let ipv4Count = 0;
    for (const { source } of flows) if (typeof source === 'number') ipv4Count += 1;
    const ipv4Length = toSetLength(ipv4Count, ipv4Bytes);
    const ipv6Length = toSetLength(flows.length - ipv4Count, ipv6Bytes);
    const buffer = Buffer.allocUnsafe(headerBytes + ipv4Length + ipv6Length);
    writeHeader(buffer, flows.length, nowMs);
    if (ipv4Length > 0) writeSet(buffer, flows, false, headerBytes, ipv4Length, bootedAtMs);
    if (ipv6Length > 0) writeSet(buffer, flows, true, headerBytes + ipv4Length, ipv6Length, bootedAtMs);
    return buffer;
  }

  return { templates, datagram, optionsRecords: 1 + interfaces.length };
}

function writeSet(
  buffer: Buffer,
  flows: readonly Flow[],
  ipv6: boolean,
  start: number,
  length: number,
  bootedAtMs: number,
): void {
  buffer.writeUInt16BE(ipv6 ? ipv6Template : ipv4Template, start);
  buffer.writeUInt16BE(length, start + 2);
  let at = start + setHeaderBytes;
  for (const flow of flows)
    if ((typeof flow.source !== 'number') === ipv6) at = writeRecord(buffer, flow, at, bootedAtMs);
  // RFC 3954 §5.3: a set ends on a 32-bit boundary.
  buffer.fill(0, at, start + length);
}

function writeRecord(buffer: Buffer, flow: Flow, start: number, bootedAtMs: number): number {
  let at = writeAddress(buffer, flow.source, start);
  at = writeAddress(buffer, flow.destination, at);
  at = writeAddress(buffer, flow.nextHop, at);
  buffer.writeUInt16BE(flow.inputInterface, at);
  buffer.writeUInt16BE(flow.outputInterface, at + 2);
  buffer.writeUInt32BE(flow.packets, at + 4);
  buffer.writeUInt32BE(flow.bytes, at + 8);
  buffer.writeUInt32BE(toUptime(flow.startMs, bootedAtMs), at + 12);
  buffer.writeUInt32BE(toUptime(flow.endMs, bootedAtMs), at + 16);
  buffer.writeUInt16BE(flow.sourcePort, at + 20);
  buffer.writeUInt16BE(flow.destinationPort, at + 22);
  buffer.writeUInt8(flow.tcpFlags, at + 24);
  buffer.writeUInt8(flow.protocol, at + 25);
  buffer.writeUInt8(flow.typeOfService, at + 26);
  buffer.writeUInt8(0, at + 27);
  buffer.writeUInt8(samplerId, at + 28);
  buffer.writeUInt8(flow.sourcePrefixLength, at + 29);
  return buffer.writeUInt8(flow.destinationPrefixLength, at + 30);
}

/** RFC 3954 §5.2 */
function toTemplateSet(id: number, fields: readonly Field[]): Buffer {
  return toWordSet(0, [id, fields.length, ...fields.flat()]);
}

/** RFC 3954 §6.1: scope and fields are told in bytes. */
function toOptionsTemplateSet(id: number, scope: readonly Field[], fields: readonly Field[]): Buffer {
  return toWordSet(1, [id, scope.length * 4, fields.length * 4, ...scope.flat(), ...fields.flat()]);
}

function toSamplerSet(system: number, interval: number): Buffer {
  const set = toEmptySet(samplerTemplate, samplerBytes);
  set.writeUInt32BE(system, 4);
  set.writeUInt8(samplerId, 8);
  set.writeUInt8(randomSampling, 9);
  set.writeUInt32BE(interval, 10);
  set.write('sampler1', 14, 15, 'latin1');
  return set;
}

function toInterfaceSet(interfaces: readonly InterfaceName[]): Buffer {
  const set = toEmptySet(interfaceTemplate, interfaces.length * interfaceBytes);
  for (const [i, { index, name, description }] of interfaces.entries()) {
    const at = setHeaderBytes + i * interfaceBytes;
    set.writeUInt32BE(index, at);
    set.write(name, at + 4, 15, 'latin1');
    set.write(description, at + 20, 31, 'latin1');
  }
  return set;
}
