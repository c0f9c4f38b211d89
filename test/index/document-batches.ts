// Document batches for tests: made by hand from plain objects, without the enrich stage.

import type { DocumentBatch } from '../../src/model/document.ts';

export interface DocumentBatchOptions {
  readonly batchId?: string;
  readonly createdAtMs?: number;
  /** `@timestamp` of all documents, or of each. */
  readonly timeMs?: number | ((index: number) => number);
  /** Row position of each document; its place in the batch when left out. */
  readonly position?: (index: number) => number;
  readonly exporters?: readonly string[];
}

/** 2026-11-24T12:00:00Z: "today" in these tests. */
export const noonMs = Date.UTC(2026, 10, 24, 12);

export function documentBatchOf(
  documents: readonly (string | object)[],
  {
    batchId = 'batch',
    createdAtMs = noonMs,
    timeMs = noonMs,
    position = (index) => index,
    exporters = ['192.0.2.1'],
  }: DocumentBatchOptions = {},
): DocumentBatch {
  const lines = documents.map((document) =>
    Buffer.from(`${typeof document === 'string' ? document : JSON.stringify(document)}\n`),
  );
  let end = 0;
  return {
    batchId,
    createdAtMs,
    bytes: Buffer.concat(lines),
    count: lines.length,
    ends: Uint32Array.from(lines, (line) => {
      end += line.length;
      return end;
    }),
    positions: Uint32Array.from(lines, (_, index) => position(index)),
    timesMs: Float64Array.from(lines, (_, index) => (typeof timeMs === 'number' ? timeMs : timeMs(index))),
    exporterOf: Uint32Array.from(lines, (_, index) => index % exporters.length),
    exporters,
    dropped: [],
    added: [],
    partlyIndexed: [],
  };
}

/** A batch of flows that can be told apart by `flow.src_port` (its number in the batch) and `flow.application` (the batch). */
export function flowBatch(
  batchId: string,
  count: number,
  timeMs: DocumentBatchOptions['timeMs'] = noonMs,
): DocumentBatch {
  const timeOf = typeof timeMs === 'function' ? timeMs : () => timeMs ?? noonMs;
  const flows = Array.from({ length: count }, (_, index) => flowDocument(batchId, index, timeOf(index)));
  return documentBatchOf(flows, { batchId, timeMs });
}

/** One document of the shape that enrich makes, about 1.6 KB. */
export function flowDocument(batchId: string, index: number, timeMs: number): object {
  const dst = { lat: 37.4043, lon: -122.0748 };
  return {
    '@timestamp': new Date(timeMs).toISOString(),
    '@version': '3.5.1',
    event: { host: '192.0.2.1', type: 'netflow' },
    node: { ipaddr: '192.0.2.1', hostname: '192.0.2.1' },
    netflow: {
      version: 5,
      flow_seq_num: index,
      engine_type: 0,
      engine_id: 0,
      sampling_algorithm: 0,
      flow_records: 17,
      src_as: 0,
      dst_as: 0,
      first_switched: new Date(timeMs - 1465).toISOString(),
      last_switched: new Date(timeMs - 1000).toISOString(),
    },
    flow: {
      application: batchId,
      sampling_interval: 0,
      input_snmp: 1,
      output_snmp: 2,
      direction: 'ingress',
      ip_version: 'IPv4',
      src_addr: `10.0.${(index >> 8) & 255}.${index & 255}`,
      src_mask_len: 0,
      src_port: index,
      dst_addr: '203.0.113.131',
      dst_mask_len: 0,
      dst_port: 443,
      bytes: 1844 + index,
      packets: 25,
      next_hop: '0.0.0.0',
      tos: 0,
      traffic_locality: 'public',
      dst_hostname: '203.0.113.131',
      dst_city: 'Mountain View',
      dst_country: 'United States',
      dst_country_code: 'US',
      dst_geo_location: dst,
      city: 'Mountain View',
      country: 'United States',
      country_code: 'US',
      dst_autonomous_system: 'Example LLC (64500)',
      dst_asn: 64_500,
      autonomous_system: 'Example LLC (64500)',
      src_hostname: `10.0.${(index >> 8) & 255}.${index & 255}`,
      src_autonomous_system: 'private',
      ip_protocol: 'TCP',
      src_port_name: `TCP/${index}`,
      dst_port_name: 'https (TCP/443)',
      server_addr: '203.0.113.131',
      server_hostname: '203.0.113.131',
      server_autonomous_system: 'Example LLC (64500)',
      server_city: 'Mountain View',
      server_country: 'United States',
      server_country_code: 'US',
      server_asn: 64_500,
      server_geo_location: '37.4043,-122.0748',
      client_addr: `10.0.${(index >> 8) & 255}.${index & 255}`,
      client_hostname: `10.0.${(index >> 8) & 255}.${index & 255}`,
      client_autonomous_system: 'private',
      service_port: 443,
      service_name: 'https (TCP/443)',
      tcp_flags: ['FIN', 'SYN', 'RST', 'PSH', 'ACK'],
      input_ifname: 'index: 1',
      output_ifname: 'index: 2',
    },
  };
}
