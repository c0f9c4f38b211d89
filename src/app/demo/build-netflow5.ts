// Builds NetFlow v5 datagrams: IPv4 flows in, one datagram out (Cisco, "NetFlow Export Datagram Format", version 5).

import { type Flow, toUptime } from './flow.ts';

export interface Netflow5ExporterOptions {
  readonly bootedAtMs: number;
  readonly engineType?: number;
  readonly engineId?: number;
  /** Two bits: 1 is deterministic, 2 random. */
  readonly samplingMode?: number;
  /** 1 out of N packets; 0: not sampled. */
  readonly samplingInterval?: number;
}

export interface Netflow5Exporter {
  /** One datagram with 1 to 30 flows of IPv4. */
  datagram(flows: readonly Flow[], nowMs: number): Buffer;
}

/** The format allows no more in a datagram. */
export const netflow5FlowsPerDatagram = 30;

const headerBytes = 24;
const recordBytes = 48;

export function createNetflow5Exporter(options: Netflow5ExporterOptions): Netflow5Exporter {
  const { bootedAtMs, engineType = 0, engineId = 0, samplingMode = 0, samplingInterval = 0 } = options;
  // Flows sent before this datagram.
  let sequence = 0;

  function datagram(flows: readonly Flow[], nowMs: number): Buffer {
    if (flows.length === 0 || flows.length > netflow5FlowsPerDatagram)
      throw new RangeError(`a NetFlow v5 datagram holds 1 to 30 flows, not ${flows.length}`);
    const buffer = Buffer.allocUnsafe(headerBytes + flows.length * recordBytes);
    const seconds = Math.floor(nowMs / 1000);
    buffer.writeUInt16BE(5, 0);
    buffer.writeUInt16BE(flows.length, 2);
    buffer.writeUInt32BE(toUptime(nowMs, bootedAtMs), 4);
    buffer.writeUInt32BE(seconds, 8);
    buffer.writeUInt32BE(Math.round((nowMs - seconds * 1000) * 1e6), 12);
    buffer.writeUInt32BE(sequence, 16);
    buffer.writeUInt8(engineType, 20);
    buffer.writeUInt8(engineId, 21);
    buffer.writeUInt16BE((samplingMode << 14) | samplingInterval, 22);
    for (let i = 0, at = headerBytes; i < flows.length; i += 1, at += recordBytes)
      writeRecord(buffer, flows[i] as Flow, at, bootedAtMs);
    sequence = (sequence + flows.length) >>> 0;
    return buffer;
  }

  return { datagram };
}

function writeRecord(buffer: Buffer, flow: Flow, at: number, bootedAtMs: number): void {
  const { source, destination, nextHop } = flow;
  if (typeof source !== 'number' || typeof destination !== 'number' || typeof nextHop !== 'number')
    throw new RangeError('NetFlow v5 knows IPv4 only');
  buffer.writeUInt32BE(source, at);
  buffer.writeUInt32BE(destination, at + 4);
  buffer.writeUInt32BE(nextHop, at + 8);
  buffer.writeUInt16BE(flow.inputInterface, at + 12);
  buffer.writeUInt16BE(flow.outputInterface, at + 14);
  buffer.writeUInt32BE(flow.packets, at + 16);
  buffer.writeUInt32BE(flow.bytes, at + 20);
  buffer.writeUInt32BE(toUptime(flow.startMs, bootedAtMs), at + 24);
  buffer.writeUInt32BE(toUptime(flow.endMs, bootedAtMs), at + 28);
  buffer.writeUInt16BE(flow.sourcePort, at + 32);
  buffer.writeUInt16BE(flow.destinationPort, at + 34);
  buffer.writeUInt8(0, at + 36);
  buffer.writeUInt8(flow.tcpFlags, at + 37);
  buffer.writeUInt8(flow.protocol, at + 38);
  buffer.writeUInt8(flow.typeOfService, at + 39);
  // AS numbers: this router speaks no BGP.
  buffer.writeUInt32BE(0, at + 40);
  buffer.writeUInt8(flow.sourcePrefixLength, at + 44);
  buffer.writeUInt8(flow.destinationPrefixLength, at + 45);
  buffer.writeUInt16BE(0, at + 46);
}
