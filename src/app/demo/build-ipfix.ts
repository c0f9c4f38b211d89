// Builds IPFIX messages (RFC 7011) as softflowd and VyOS send them: templates for TCP/UDP and for ICMP of IPv4 and IPv6,
// options data that tell the metering process, 8-byte counters, times in milliseconds.

import { type Flow, protocolNumbers, writeAddress, writeUint64 } from './flow.ts';
import { type Field, setHeaderBytes, sumBytes, toEmptySet, toSetLength, toWordSet } from './template-set.ts';

export interface IpfixExporterOptions {
  readonly bootedAtMs: number;
  readonly domain: number;
  readonly interfaceName?: string;
}

export interface IpfixExporter {
  /** Templates, an options template and its options data in one message: at the start, and every now and then. */
  templates(nowMs: number): Buffer;
  /** One message with these flows, one set for each template that they need. */
  datagram(flows: readonly Flow[], nowMs: number): Buffer;
  /** Options records in a message of `templates`. */
  readonly optionsRecords: number;
}

/** As many as fit into an Ethernet frame even when all are IPv6; of IPv4, 24 do. */
export const ipfixFlowsPerDatagram = 17;

const ipv4Fields: readonly Field[] = [
  [8, 4], // sourceIPv4Address
  [12, 4], // destinationIPv4Address
];
const ipv6Fields: readonly Field[] = [
  [27, 16], // sourceIPv6Address
  [28, 16], // destinationIPv6Address
];
const shared: readonly Field[] = [
  [152, 8], // flowStartMilliseconds
  [153, 8], // flowEndMilliseconds
  [1, 8], // octetDeltaCount
  [2, 8], // packetDeltaCount
  [10, 4], // ingressInterface
  [14, 4], // egressInterface
  [61, 1], // flowDirection
  [136, 1], // flowEndReason
  [4, 1], // protocolIdentifier
  [60, 1], // ipVersion
  [5, 1], // ipClassOfService
];
const portFields: readonly Field[] = [
  [7, 2], // sourceTransportPort
  [11, 2], // destinationTransportPort
  [6, 2], // tcpControlBits
];
const icmpIpv4: Field = [32, 2]; // icmpTypeCodeIPv4
const icmpIpv6: Field = [139, 2]; // icmpTypeCodeIPv6

interface Template {
  readonly id: number;
  readonly fields: readonly Field[];
  readonly bytes: number;
}

const templates: readonly [Template, Template, Template, Template] = [
  toTemplate(1024, [...ipv4Fields, ...shared, ...portFields]),
  toTemplate(1025, [...ipv4Fields, ...shared, icmpIpv4]),
  toTemplate(2048, [...ipv6Fields, ...shared, ...portFields]),
  toTemplate(2049, [...ipv6Fields, ...shared, icmpIpv6]),
];

const optionsTemplate = 256;
const optionsScope: Field = [143, 4]; // meteringProcessId
const optionsFields: readonly Field[] = [
  [160, 8], // systemInitTimeMilliseconds
  [305, 4], // samplingPacketInterval
  [306, 4], // samplingPacketSpace
  [304, 2], // selectorAlgorithm
  [82, 16], // interfaceName
];

const headerBytes = 16;
const templateSet = 2;
const optionsTemplateSet = 3;
const systematicCountBased = 1;
const meteringProcessId = 1;
/** RFC 5102 §5.11.3 */
const endReasons = { activeTimeout: 2, endOfFlow: 3 } as const;

export function createIpfixExporter(options: IpfixExporterOptions): IpfixExporter {
  const { bootedAtMs, domain, interfaceName = 'eth0' } = options;
  // Data records sent before this message, options records included (RFC 7011 §3.1).
  let sequence = 0;

  function writeHeader(buffer: Buffer, records: number, nowMs: number): void {
    buffer.writeUInt16BE(10, 0);
    buffer.writeUInt16BE(buffer.length, 2);
    buffer.writeUInt32BE(Math.floor(nowMs / 1000), 4);
    buffer.writeUInt32BE(sequence, 8);
    buffer.writeUInt32BE(domain, 12);
    sequence = (sequence + records) >>> 0;
  }

  function templateMessage(nowMs: number): Buffer {
    const described = templates.flatMap(({ id, fields }) => [id, fields.length, ...fields.flat()]);
    const scopeCount = 1;
    const optionsWords = [optionsTemplate, optionsFields.length + scopeCount, scopeCount, ...optionsScope];
    const message = Buffer.concat([
      Buffer.alloc(headerBytes),
      toWordSet(templateSet, described),
      toWordSet(optionsTemplateSet, [...optionsWords, ...optionsFields.flat()]),
      toOptionsSet(bootedAtMs, interfaceName),
    ]);
    writeHeader(message, 1, nowMs);
    return message;
  }

  function datagram(flows: readonly Flow[], nowMs: number): Buffer {
    const counts: [number, number, number, number] = [0, 0, 0, 0];
    for (const flow of flows) counts[templateOf(flow)] = (counts[templateOf(flow)] ?? 0) + 1;
    let length = headerBytes;
    for (let kind = 0; kind < 4; kind += 1) length += toSetLength(counts[kind] ?? 0, templates[kind]?.bytes ?? 0);
    const buffer = Buffer.allocUnsafe(length);
    writeHeader(buffer, flows.length, nowMs);
    let at = headerBytes;
    for (let kind = 0; kind < 4; kind += 1) {
      if (counts[kind] === 0) continue;
      const { id, bytes } = templates[kind] as Template;
      const end = at + toSetLength(counts[kind] ?? 0, bytes);
      buffer.writeUInt16BE(id, at);
      buffer.writeUInt16BE(end - at, at + 2);
      at += setHeaderBytes;
      for (const flow of flows) if (templateOf(flow) === kind) at = writeRecord(buffer, flow, at);
      buffer.fill(0, at, end);
      at = end;
    }
    return buffer;
  }

  return { templates: templateMessage, datagram, optionsRecords: 1 };
}

/** Index into `templates`. */
function templateOf({ source, protocol }: Flow): number {
  if (typeof source === 'number') return protocol === protocolNumbers.icmp ? 1 : 0;
  return protocol === protocolNumbers.icmpIpv6 ? 3 : 2;
}

function writeRecord(buffer: Buffer, flow: Flow, start: number): number {
  const isIpv4 = typeof flow.source === 'number';
  let at = writeAddress(buffer, flow.source, start);
  at = writeAddress(buffer, flow.destination, at);
  at = writeUint64(buffer, flow.startMs, at);
  at = writeUint64(buffer, flow.endMs, at);
  at = writeUint64(buffer, flow.bytes, at);
  at = writeUint64(buffer, flow.packets, at);
  at = buffer.writeUInt32BE(flow.inputInterface, at);
  at = buffer.writeUInt32BE(flow.outputInterface, at);
  at = buffer.writeUInt8(0, at);
  at = buffer.writeUInt8((flow.tcpFlags & 0x05) === 0 ? endReasons.activeTimeout : endReasons.endOfFlow, at);
  at = buffer.writeUInt8(flow.protocol, at);
  at = buffer.writeUInt8(isIpv4 ? 4 : 6, at);
  at = buffer.writeUInt8(flow.typeOfService, at);
  if (flow.protocol === (isIpv4 ? protocolNumbers.icmp : protocolNumbers.icmpIpv6))
    return buffer.writeUInt16BE(flow.destinationPort, at);
  at = buffer.writeUInt16BE(flow.sourcePort, at);
  at = buffer.writeUInt16BE(flow.destinationPort, at);
  return buffer.writeUInt16BE(flow.tcpFlags, at);
}

function toTemplate(id: number, fields: readonly Field[]): Template {
  return { id, fields, bytes: sumBytes(fields) };
}

function toOptionsSet(bootedAtMs: number, interfaceName: string): Buffer {
  const set = toEmptySet(optionsTemplate, sumBytes([optionsScope, ...optionsFields]));
  set.writeUInt32BE(meteringProcessId, 4);
  writeUint64(set, bootedAtMs, 8);
  // RFC 5477 §8.2.2: every packet is taken (1), none is skipped (0).
  set.writeUInt32BE(1, 16);
  set.writeUInt32BE(0, 20);
  set.writeUInt16BE(systematicCountBased, 24);
  set.write(interfaceName, 26, 15, 'latin1');
  return set;
}
