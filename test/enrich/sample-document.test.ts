// A NetFlow v5 record becomes ElastiFlow 3.5's sample document, but for its known mistakes.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import type { NamedStep } from '../../src/enrich/pipeline.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { capturesFolder, describeWith } from '../needs.ts';
import { writeAsnDatabase, writeCityDatabase } from './city-database.ts';
import { documentsOf, sampleBatch, sampleDatagram, sampleSteps } from './sample-document.ts';

/** Derived by hand from the record and the rules of ElastiFlow's documents. */
const expected = {
  '@timestamp': '2019-09-06T13:42:01.015Z',
  '@version': '3.5.1',
  event: { host: '192.168.0.1', type: 'netflow' },
  node: { ipaddr: '192.168.0.1', hostname: '192.168.0.1' },
  netflow: {
    version: 5,
    flow_seq_num: 0,
    engine_type: 0,
    engine_id: 0,
    sampling_algorithm: 0,
    flow_records: 17,
    src_as: 0,
    dst_as: 0,
    first_switched: '2019-09-06T13:39:08.264Z',
    last_switched: '2019-09-06T13:39:08.729Z',
  },
  flow: {
    src_addr: '10.0.0.115',
    src_hostname: '10.0.0.115',
    src_autonomous_system: 'private',
    src_port: 43_173,
    src_port_name: 'TCP/43173',
    src_mask_len: 0,
    dst_addr: '216.58.0.131',
    dst_hostname: '216.58.0.131',
    dst_autonomous_system: 'Google LLC (15169)',
    dst_asn: 15_169,
    dst_city: 'Mountain View',
    dst_country: 'United States',
    dst_country_code: 'US',
    dst_geo_location: { lat: 37.4043, lon: -122.0748 },
    dst_port: 443,
    dst_port_name: 'https (TCP/443)',
    dst_mask_len: 0,
    autonomous_system: 'Google LLC (15169)',
    city: 'Mountain View',
    country: 'United States',
    country_code: 'US',
    traffic_locality: 'public',
    client_addr: '10.0.0.115',
    client_hostname: '10.0.0.115',
    client_autonomous_system: 'private',
    server_addr: '216.58.0.131',
    server_hostname: '216.58.0.131',
    server_autonomous_system: 'Google LLC (15169)',
    server_asn: 15_169,
    server_city: 'Mountain View',
    server_country: 'United States',
    server_country_code: 'US',
    server_geo_location: '37.4043,-122.0748',
    service_port: 443,
    service_name: 'https (TCP/443)',
    bytes: 1844,
    packets: 25,
    sampling_interval: 0,
    direction: 'ingress',
    ip_version: 'IPv4',
    ip_protocol: 'TCP',
    tcp_flags: ['FIN', 'SYN', 'RST', 'PSH', 'ACK'],
    tos: 0,
    next_hop: '0.0.0.0',
    input_snmp: 0,
    output_snmp: 0,
    input_ifname: 'index: 0',
    output_ifname: 'index: 0',
  },
};

test('the sample record becomes the sample document', () => {
  expect(documentsOf(sampleBatch, sampleSteps)).toEqual([expected]);
});

/** Decoded from the wire, and enriched by the shipped steps with databases that know the sample's address. */
async function documentsFromTheWire(): Promise<unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-sample-'));
  const options: Readonly<Record<string, unknown>> = {
    sampling: {},
    server: { method: 'elastiflow' },
    services: {},
    geoip: { database: await writeCityDatabase(folder) },
    asn: { database: await writeAsnDatabase(folder) },
    locality: {},
  };
  const steps: NamedStep[] = [];
  for (const [name, value] of Object.entries(options)) {
    const definition = stepCatalog.find((step) => step.name === name)!;
    const step = await definition.create(definition.options.parse(value), { folder, logger: silentLogger });
    steps.push({ name, step });
  }
  const sets = createDecoder({ onFault: () => undefined }).decode({
    payload: sampleDatagram(),
    exporter: '192.168.0.1',
    exporterPort: 50_000,
    receivedAtMs: Date.UTC(2019, 8, 6, 13, 42, 2),
  });
  const documents = sets.flatMap(({ layout, header, rows }) =>
    documentsOf({ ...sampleBatch, layouts: [layout], sets: [{ layout: 0, header, rows }] }, steps),
  );
  await rm(folder, { recursive: true });
  return documents;
}

test('the sample datagram becomes 17 sample documents by the shipped steps', async () => {
  expect(await documentsFromTheWire()).toEqual(new Array(17).fill(expected));
});

describeWith(['captures'], 'beside the sample of a real ElastiFlow 3.5.1', () => {
  /** Path → what ElastiFlow wrote, what weir writes, and why. */
  const differences: Readonly<Record<string, readonly [unknown, unknown, string]>> = {
    'netflow.first_switched': [
      '2019-09-06T13:39:09.264Z',
      '2019-09-06T13:39:08.264Z',
      'its codec is a second late when the milliseconds need a borrow',
    ],
    'netflow.last_switched': ['2019-09-06T13:39:09.729Z', '2019-09-06T13:39:08.729Z', 'the same'],
    'flow.server_asn': ['15169', 15_169, 'numbers are numbers'],
    'flow.service_port': ['443', 443, 'numbers are numbers'],
  };

  test('each field is there and equal, but for the differences that are listed', async () => {
    const [document] = await documentsFromTheWire();
    const sample = readSample();
    const different = [...new Set([...pathsOf(sample), ...pathsOf(document)])].filter(
      (path) => JSON.stringify(valueAtPath(sample, path)) !== JSON.stringify(valueAtPath(document, path)),
    );
    expect(different.sort()).toEqual(Object.keys(differences).sort());
  });

  describe('the differences', () => {
    test.each(Object.entries(differences))('%s', (path, [theirs, ours]) => {
      const [document] = documentsOf(sampleBatch, sampleSteps);
      expect([valueAtPath(readSample(), path), valueAtPath(document, path)]).toEqual([theirs, ours]);
    });
  });
});

function readSample(): unknown {
  return JSON.parse(readFileSync(`${capturesFolder}../reference/example-v5-doc.json`, 'utf8')) as unknown;
}

function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => pathsOf(inner, path === '' ? name : `${path}.${name}`));
}
