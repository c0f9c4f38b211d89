// The NetFlow v5 record behind the sample document, and stand-ins for the databases: what enrich's tests share.

import type { AddressFacts } from '../../src/enrich/address-facts.ts';
import type { NamedStep } from '../../src/enrich/pipeline.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { toTestBatch } from '../../src/enrich/test-record.ts';
import type { DocumentBatch } from '../../src/model/document.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';

/** 2019-09-06T13:42:01.015Z, with the nanoseconds that NetFlow v5 has. */
const exportedAtMs = Date.UTC(2019, 8, 6, 13, 42, 1, 15) + 0.25;
const sysUptimeMs = 200_000;

export const sampleBatch: RecordBatch = toTestBatch({
  protocol: 'netflow5',
  exporter: '192.168.0.1',
  header: {
    exportedAtMs,
    receivedAtMs: exportedAtMs + 2,
    sequence: 0,
    sysUptimeMs,
    v5: { count: 17, engineType: 0, engineId: 0, samplingMode: 0, samplingInterval: 0 },
  },
  fields: {
    sourceIPv4Address: '10.0.0.115',
    destinationIPv4Address: '216.58.0.131',
    ipNextHopIPv4Address: '0.0.0.0',
    ingressInterface: 0,
    egressInterface: 0,
    packetDeltaCount: 25,
    octetDeltaCount: 1844,
    // The flow began at 13:39:08.264 and ended at 13:39:08.729: 172.751 s and 172.286 s before the export.
    flowStartSysUpTime: sysUptimeMs - 172_751,
    flowEndSysUpTime: sysUptimeMs - 172_286,
    sourceTransportPort: 43_173,
    destinationTransportPort: 443,
    tcpControlBits: 31,
    protocolIdentifier: 6,
    ipClassOfService: 0,
    bgpSourceAsNumber: 0,
    bgpDestinationAsNumber: 0,
    sourceIPv4PrefixLength: 0,
    destinationIPv4PrefixLength: 0,
  },
});

/** The datagram on the wire (Cisco's NetFlow v5 format): 17 records, each the sample's. */
export function sampleDatagram(): Buffer {
  const records = 17;
  const bytes = Buffer.alloc(24 + 48 * records);
  bytes.writeUInt16BE(5, 0);
  bytes.writeUInt16BE(records, 2);
  bytes.writeUInt32BE(sysUptimeMs, 4);
  bytes.writeUInt32BE(Math.floor(exportedAtMs / 1000), 8);
  bytes.writeUInt32BE(15_250_000, 12);
  for (let at = 24; at < bytes.length; at += 48) {
    bytes.set([10, 0, 0, 115, 216, 58, 0, 131], at);
    bytes.writeUInt32BE(25, at + 16);
    bytes.writeUInt32BE(1844, at + 20);
    bytes.writeUInt32BE(sysUptimeMs - 172_751, at + 24);
    bytes.writeUInt32BE(sysUptimeMs - 172_286, at + 28);
    bytes.writeUInt16BE(43_173, at + 32);
    bytes.writeUInt16BE(443, at + 34);
    bytes.writeUInt8(31, at + 37);
    bytes.writeUInt8(6, at + 38);
  }
  return bytes;
}

/** Steps that know what the sample's databases knew. */
export const sampleSteps: readonly NamedStep[] = [
  {
    name: 'server',
    step: {
      apply: (flow) => {
        flow.server = 'dst';
        return undefined;
      },
    },
  },
  {
    name: 'services',
    step: {
      apply: (flow) => {
        flow.srcPortName = 'TCP/43173';
        flow.dstPortName = 'https (TCP/443)';
        return undefined;
      },
    },
  },
  { name: 'places', step: { describe: describeSample } },
];

function describeSample(facts: AddressFacts): void {
  facts.locality = facts.isPrivate ? 'private' : 'public';
  facts.autonomousSystem = facts.locality;
  if (facts.text !== '216.58.0.131') return;
  facts.autonomousSystem = 'Google LLC (15169)';
  facts.asn = 15_169;
  facts.city = 'Mountain View';
  facts.country = 'United States';
  facts.countryCode = 'US';
  facts.location = { lat: 37.4043, lon: -122.0748 };
}

/** The documents of a batch, parsed; each line must be JSON of its own. */
export function documentsOf(batch: RecordBatch, steps: readonly NamedStep[] = []): unknown[] {
  return parseDocuments(createPipeline({ steps }).toDocuments(batch, createDocumentLane()));
}

export function parseDocuments({ bytes, count, ends }: DocumentBatch): unknown[] {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  return Array.from({ length: count }, (_, index) => {
    const line = utf8.decode(bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]));
    if (!line.endsWith('\n') || line.indexOf('\n') !== line.length - 1) throw new Error(`not one line: ${line}`);
    return JSON.parse(line) as unknown;
  });
}
