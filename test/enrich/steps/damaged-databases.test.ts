// A database that opens well and has garbage where a record should be: the flow goes on without the fact, the fault is counted and
// logged seldom. Where the damage is wide, the file is refused when it is opened.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Reader } from 'maxmind';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { createPipeline } from '../../../src/enrich/pipeline.ts';
import type { StepDefinition } from '../../../src/enrich/step.ts';
import { asnStep } from '../../../src/enrich/steps/asn.ts';
import { geoipStep } from '../../../src/enrich/steps/geoip.ts';
import { lookupStep } from '../../../src/enrich/steps/lookup.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { google, mountainView, writeDatabase } from '../city-database.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-damaged-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What lies between the search tree and the metadata becomes this byte, all of it. */
async function writeDamaged(name: string, prefix: string, byte: number): Promise<string> {
  const path = await writeDatabase(join(folder, name), 'Test', [[prefix, { ...mountainView, ...google }]]);
  const bytes = await readFile(path);
  const { searchTreeSize } = new Reader(bytes).metadata;
  bytes.fill(byte, searchTreeSize + 16, bytes.indexOf('\xab\xcd\xefMaxMind.com', 'latin1'));
  await writeFile(path, bytes);
  return name;
}

const optionsOf = {
  geoip: (file: string) => ({ database: file }),
  asn: (file: string) => ({ database: file }),
  lookup: (file: string) => ({ by: 'flow.dst_addr', file, set: { 'labels.city': 'city.names.en' } }),
};
const definitions = { geoip: geoipStep, asn: asnStep, lookup: lookupStep } as Readonly<
  Record<keyof typeof optionsOf, StepDefinition<unknown>>
>;

async function openStep(name: keyof typeof optionsOf, file: string) {
  const counted: string[] = [];
  const lines: { msg: string; times: number; file: string }[] = [];
  const definition = definitions[name];
  const step = await definition.create(definition.options.parse(optionsOf[name](file)), {
    folder,
    logger: createLogger({ write: (line) => lines.push(JSON.parse(line)) }),
    count: (outcome) => counted.push(outcome),
  });
  return { step, counted, lines };
}

// A map of 31 pairs and more, of one pair, each with a map for its first key; a pointer to itself; nothing but ends.
const garbage = [0xff, 0xe1, 0x20, 0x01];

describe.each(Object.keys(optionsOf) as (keyof typeof optionsOf)[])('%s', (name) => {
  test.each(garbage)('goes on without what it cannot read (bytes %d)', async (byte) => {
    // Not among the addresses that are tried when a file is opened.
    const { step, counted, lines } = await openStep(name, await writeDamaged(`${name}.mmdb`, '216.58.1.0/24', byte));
    const pipeline = createPipeline({ steps: [{ name, step }] });
    for (let host = 1; host <= 12; host++) {
      const fields = { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: `216.58.1.${host}`, octetDeltaCount: 9 };
      const { bytes, ends } = pipeline.toDocuments(toTestBatch({ protocol: 'ipfix', fields }), createDocumentLane());
      const document: unknown = JSON.parse(bytes.toString('utf8', 0, ends[0]));
      expect(valueAtPath(document, 'flow.bytes')).toBe(9);
      for (const fact of ['flow.dst_country', 'flow.dst_asn', 'labels'])
        expect(valueAtPath(document, fact)).toBeUndefined();
    }
    await pipeline.close();
    expect(counted).toEqual(Array.from({ length: 12 }, () => 'lookup-failed'));
    expect(lines.map(({ times }) => times)).toEqual([1, 10]);
    expect(lines[0]).toMatchObject({ file: join(folder, `${name}.mmdb`), msg: expect.stringContaining('damaged') });
  });
});

test.each(['geoip', 'asn'] as const)('%s refuses a file that is damaged wherever it is tried', async (name) => {
  await expect(openStep(name, await writeDamaged('wide.mmdb', '0.0.0.0/1', 0xff))).rejects.toMatchObject({
    code: 'file-invalid',
    message: expect.stringMatching(/^database: .*wide\.mmdb (?:is damaged: \d+ of the 523 addresses|is not a whole)/),
  });
});

/** Twelve lists of 28 pointers each to the next one: 28^12 values in 700 bytes. */
function pointerBomb(): Buffer {
  const layers = 12;
  const width = 28;
  const layerBytes = 2 + 2 * width;
  const bytes = Buffer.alloc(layers * layerBytes + 1, 0x40);
  for (let layer = 0; layer < layers; layer++) {
    const next = (layer + 1) * layerBytes;
    bytes.set([width, 4], layer * layerBytes);
    for (let i = 0; i < width; i++) bytes.writeUInt16BE(0x2000 | next, layer * layerBytes + 2 + 2 * i);
  }
  return bytes;
}

/** The record at the start of the data is a map with the bomb in `city`, of one network or of all that are asked when it is opened. */
async function writeBomb(name: string, prefix: string): Promise<string> {
  const path = await writeDatabase(join(folder, name), 'Test', [[prefix, { note: 'x'.repeat(2000) }]]);
  const bytes = await readFile(path);
  const { searchTreeSize } = new Reader(bytes).metadata;
  const start = searchTreeSize + 16;
  const found = bytes.indexOf(Buffer.from('Dnote'), start);
  // A map of one key, "city", whose value is a pointer to the bomb, 64 bytes on.
  const at = found - 1;
  const bomb = pointerBomb();
  const base = at - start + 64;
  for (let i = 0; i + 1 < bomb.length; i++) {
    if ((bomb[i]! & 0xf8) !== 0x20) continue;
    bomb.writeUInt16BE(0x2000 | ((bomb.readUInt16BE(i) & 0x7ff) + base), i);
    i += 1;
  }
  Buffer.from([0xe1, 0x44, 0x63, 0x69, 0x74, 0x79, 0x20 | (base >> 8), base & 0xff]).copy(bytes, at);
  bomb.copy(bytes, start + base);
  await writeFile(path, bytes);
  return name;
}

test.each(Object.keys(optionsOf) as (keyof typeof optionsOf)[])(
  '%s goes on without a record that unfolds without end',
  async (name) => {
    const { step, counted } = await openStep(name, await writeBomb(`bomb-${name}.mmdb`, '8.8.8.0/24'));
    const pipeline = createPipeline({ steps: [{ name, step }] });
    const batch = toTestBatch({ protocol: 'ipfix', fields: { destinationIPv4Address: '8.8.8.8', octetDeltaCount: 7 } });
    const started = performance.now();
    const { bytes } = pipeline.toDocuments(batch, createDocumentLane());
    expect(performance.now() - started).toBeLessThan(2000);
    expect(valueAtPath(JSON.parse(bytes.toString()), 'flow.bytes')).toBe(7);
    expect(counted.length).toBeGreaterThan(0);
    await pipeline.close();
  },
);

test('a database whose records unfold without end everywhere is refused', async () => {
  await expect(openStep('geoip', await writeBomb('bomb-all.mmdb', '0.0.0.0/0'))).rejects.toThrow(
    'not a whole MaxMind DB',
  );
});

/** A map of one key, "x", with this value. */
const metadataWith = (...value: readonly number[]): Buffer => Buffer.from([0xe1, 0x41, 0x78, ...value]);

const mark = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/** Lists of 28 pointers, each to the next list (pointers of metadata count from its beginning). */
function bombMetadata(): Buffer {
  const bomb = pointerBomb();
  for (let i = 0; i + 1 < bomb.length; i++) {
    if ((bomb[i]! & 0xf8) !== 0x20) continue;
    bomb.writeUInt16BE(0x2000 | ((bomb.readUInt16BE(i) & 0x7ff) + 3), i);
    i += 1;
  }
  return Buffer.concat([metadataWith(), bomb]);
}

/** 24 lists of 16 million in each other: each takes 128 MB when it is made. */
const longLists = Buffer.concat(Array.from({ length: 24 }, () => Buffer.from([0x1f, 0x04, 0xff, 0xff, 0xff])));

test.each([
  ['unfolds without end', bombMetadata()],
  ['points at itself', metadataWith(0x20, 0x03)],
  ['is a circle of two', Buffer.concat([metadataWith(0x20, 0x05), Buffer.from([0x20, 0x03])])],
  ['has lists without end', Buffer.concat([metadataWith(), longLists])],
  ['is a list', Buffer.from([0x01, 0x04, 0x20, 0x00])],
  ['ends early', metadataWith()],
  ['is not there', Buffer.alloc(0)],
  ['has a second beginning', Buffer.concat([metadataWith(0x41, 0x79), mark, metadataWith(0x20, 0x03)])],
])('a database whose metadata %s is refused', async (_, metadata) => {
  const path = await writeDatabase(join(folder, 'metadata.mmdb'), 'Test', [['8.8.8.0/24', mountainView]]);
  const bytes = await readFile(path);
  await writeFile(path, Buffer.concat([bytes.subarray(0, bytes.indexOf(mark) + mark.length), metadata]));
  const started = performance.now();
  await expect(openStep('geoip', 'metadata.mmdb')).rejects.toThrow('not a whole MaxMind DB');
  expect(performance.now() - started).toBeLessThan(2000);
});

test.each(['geoip', 'lookup'] as const)('%s goes on without a record that is longer than memory', async (name) => {
  const path = await writeDatabase(join(folder, `long-${name}.mmdb`), 'Test', [
    ['8.8.8.0/24', { note: 'x'.repeat(500) }],
  ]);
  const bytes = await readFile(path);
  longLists.copy(bytes, bytes.indexOf(Buffer.from('Dnote')) + 5);
  await writeFile(path, bytes);
  const { step, counted } = await openStep(name, `long-${name}.mmdb`);
  const pipeline = createPipeline({ steps: [{ name, step }] });
  const before = process.memoryUsage().rss;
  const batch = toTestBatch({ protocol: 'ipfix', fields: { destinationIPv4Address: '8.8.8.8', octetDeltaCount: 7 } });
  pipeline.toDocuments(batch, createDocumentLane());
  expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  expect(counted).toEqual(['lookup-failed']);
  await pipeline.close();
});
