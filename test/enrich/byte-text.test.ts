// Text beyond ASCII on its whole way, from the record and the pipeline file to the stored bytes: whatever writes into a document
// must write a character for each byte of UTF-8 (json-text.ts).

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromBatchBytes, toBatchBytes } from '../../src/enqueue/batch-bytes.ts';
import { createDocumentLane, createPipeline, type NamedStep } from '../../src/enrich/pipeline.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { toTestBatch } from '../../src/enrich/test-record.ts';
import { toDeadLetterItems, toDeadLetters } from '../../src/index/dead-letters.ts';
import { createNdjsonFile } from '../../src/index/ndjson-file.ts';
import { joinedNames, type Protocol } from '../../src/model/record.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { writeDatabase } from './city-database.ts';

/** Two, three and four bytes of UTF-8, a character of Latin-1's C1 range, a quote, and half a surrogate pair. */
const names: readonly string[] = ['Zürich', '日本', '🦫 dam', 'a\u0085b', 'é"\\ü', 'half \ud83d', '\udcaf…'];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-byte-text-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function open(name: string, options: unknown): Promise<NamedStep> {
  const definition = stepCatalog.find((step) => step.name === name);
  if (definition === undefined) throw new Error(`no step ${name}`);
  const step = await definition.create(definition.options.parse(options), { folder, logger: silentLogger });
  return { name, step };
}

/** The batch over the queue, through the steps, into a file of NDJSON, and what is read there. */
async function stored(batch: RecordBatch, steps: readonly NamedStep[]): Promise<readonly unknown[]> {
  const queued = fromBatchBytes(toBatchBytes(batch));
  if (queued === undefined) throw new Error('no batch');
  const pipeline = createPipeline({ steps });
  const directory = mkdtempSync(join(folder, 'flows-'));
  const sink = createNdjsonFile({ directory, logger: silentLogger, now: () => 0 });
  await sink.start();
  await pipeline.prepare(queued);
  await sink.write(pipeline.toDocuments(queued, createDocumentLane()), new AbortController().signal);
  await sink.stop();
  await pipeline.close();
  const [file = ''] = readdirSync(directory);
  return linesOf(readFileSync(join(directory, file)));
}

/** Bytes that are no UTF-8 fail. */
function linesOf(bytes: Buffer): readonly unknown[] {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const flow = {
  sourceIPv4Address: '10.0.0.1',
  destinationIPv4Address: '192.0.2.80',
  sourceTransportPort: 40_000,
  destinationTransportPort: 443,
  protocolIdentifier: 6,
  ingressInterface: 1,
  egressInterface: 2,
  vlanId: 10,
};

describe.each(names)('the name %j', (name) => {
  test.each<Protocol>(['netflow9', 'ipfix'])(
    'comes through from a record of %s, also what no map has',
    async (protocol) => {
      const object = protocol === 'ipfix' ? 'ipfix' : 'netflow';
      const batch = toTestBatch({
        protocol,
        fields: {
          ...flow,
          [joinedNames.ingressInterfaceName]: name,
          [joinedNames.egressInterfaceDescription]: name,
          [joinedNames.applicationName]: name,
          [joinedNames.ingressVrfName]: name,
          userName: name,
          wlanSSID: [name, name],
          '9/12345': name,
          'iana:999': name,
        },
      });
      const [document] = await stored(batch, []);
      const columns = (document as Record<string, Record<string, unknown>>)[object];
      expect(document).toMatchObject({
        flow: { input_ifname: name, application: name },
      });
      const values = Object.values(columns ?? {}).flat();
      expect(values.filter((value) => value === name)).toHaveLength(6);
    },
  );

  test('comes through from each step that takes names', async () => {
    // Tables are files of UTF-8, which has no half pairs.
    const wellFormed = Buffer.from(name).toString();
    writeFileSync(join(folder, 'sites.yml'), `10.0.0.0/8: ${JSON.stringify(name)}\n`);
    const steps = await Promise.all([
      open('locality', {
        networks: { '10.0.0.0/8': { name: name.replaceAll('\u0085', ''), site: 'Ä', tags: ['日', '本'] } },
      }),
      open('hostname', { dns: false, names: { '10.0.0.1': name, '192.0.2.1': name } }),
      open('interfaces', { names: { '192.0.2.1': { '1': 'Außen', '2': '日本' } } }),
      open('applications', { servers: { '192.0.2.80:443': 'größer' } }),
      open('reputation', { labels: { '192.0.2.80': ['Späher', '🦫'] } }),
      open('vlan-names', { names: { '10': 'Büro' } }),
      open('server', {}),
      open('direction', {}),
      open('dedupe', {}),
      open('lookup', { by: 'flow.src_addr', table: { '10.0.0.0/8': name }, set: { 'labels.table': 'value' } }),
      open('lookup', { by: 'flow.src_addr', file: 'sites.yml', set: { 'flow.dst_mac_vendor': 'value' } }),
      open('fields', {
        // A changed field and one that is taken out go into the finished text; the names stand before and behind them.
        set: {
          'labels.all': `\${flow.src_hostname} → \${flow.vlan_name}`,
          'flow.server_country': name,
          'flow.src_port_name': name,
        },
        copy: { 'flow.src_hostname': 'labels.copy' },
        rename: { 'flow.output_ifname': 'labels.out' },
        remove: ['flow.direction', 'ipfix.version'],
      }),
      open('split', {}),
    ]);
    const [document] = await stored(toTestBatch({ protocol: 'ipfix', fields: { ...flow, userName: name } }), steps);
    expect(document).toMatchObject({
      node: { hostname: name },
      ipfix: { userName: name },
      flow: {
        src_hostname: name,
        client_hostname: name,
        src_network: name.replaceAll('\u0085', ''),
        src_site: 'Ä',
        src_tags: ['日', '本'],
        input_ifname: 'Außen',
        application: 'größer',
        dst_rep_tags: ['Späher', '🦫'],
        rep_tags: ['Späher', '🦫'],
        vlan_name: 'Büro',
        dst_mac_vendor: wellFormed,
        server_country: name,
        src_port_name: name,
        traffic_direction: 'outbound',
      },
      labels: { table: wellFormed, all: `${name} → Büro`, copy: name, out: '日本' },
    });
  });

  test('comes through beside addresses that are anonymized, and in parts of a flow', async () => {
    const steps = await Promise.all([open('split', {}), open('anonymize', { truncate: {} })]);
    const startMs = Date.UTC(2026, 0, 1);
    const batch = toTestBatch({
      protocol: 'ipfix',
      fields: {
        ...flow,
        userName: `${name} 10.1.2.3`,
        flowStartMilliseconds: startMs,
        flowEndMilliseconds: startMs + 120_000,
      },
    });
    const documents = await stored(batch, steps);
    expect(documents.length).toBeGreaterThan(1);
    for (const document of documents)
      expect(document).toMatchObject({ ipfix: { userName: `${name} 10.1.2.0` }, flow: { src_addr: '10.0.0.0' } });
  });

  test('comes through in a dead letter', () => {
    const batch = toTestBatch({ protocol: 'ipfix', fields: { ...flow, userName: name } });
    const documents = createPipeline({ steps: [] }).toDocuments(batch, createDocumentLane());
    const letters = toDeadLetters(documents, [{ index: 0, reason: name }], {
      indexOf: () => 'flows',
      version: '1',
      nowMs: 0,
    });
    const items = toDeadLetterItems(letters);
    const bytes = Buffer.alloc(items.byteLength(0));
    items.put(bytes, 0, 0);
    const [, letter] = linesOf(bytes) as readonly Record<string, string>[];
    expect(letter).toMatchObject({ reason: name });
    expect(JSON.parse(letter?.['original'] ?? '')).toMatchObject({ ipfix: { userName: name } });
  });
});

test('names of places and systems come through from databases', async () => {
  const city = await writeDatabase(join(folder, 'city.mmdb'), 'Test-City', [
    [
      '192.0.2.0/24',
      {
        city: { geoname_id: 1, names: { en: 'São Paulo' } },
        country: { geoname_id: 2, iso_code: 'BR', names: { en: 'Brasília 🦫' } },
        location: { latitude: 1.5, longitude: 2.5 },
      },
    ],
  ]);
  const asn = await writeDatabase(join(folder, 'asn.mmdb'), 'Test-ASN', [
    ['192.0.2.0/24', { autonomous_system_number: 64_500, autonomous_system_organization: '日本 Télécom' }],
  ]);
  const steps = await Promise.all([
    open('geoip', { database: city }),
    open('asn', { database: asn }),
    open('locality', {}),
  ]);
  // Twice: the text of an address is kept from the second time on.
  const batch = toTestBatch({ protocol: 'ipfix', fields: flow });
  const set = batch.sets[0]!;
  const documents = await stored(
    { ...batch, sets: [{ ...set, rows: [set.rows[0]!, set.rows[0]!, set.rows[0]!] }] },
    steps,
  );
  expect(documents).toHaveLength(3);
  for (const document of documents)
    expect(document).toMatchObject({
      flow: {
        dst_city: 'São Paulo',
        city: 'São Paulo',
        dst_country: 'Brasília 🦫',
        country: 'Brasília 🦫',
        dst_autonomous_system: '日本 Télécom (64500)',
      },
    });
});
