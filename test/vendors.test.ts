// Each folder of test/vendors is a vendor's exporter: its datagrams, and what decode and enrich must make of them.
// docs/add-a-vendor.md is the recipe: a new vendor is a new folder.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readCaptureFile } from '../src/collect/capture-file.ts';
import { createDecoder } from '../src/decode/decoder.ts';
import { toReadableValue } from '../src/decode/field-value.ts';
import { createDocumentLane, createPipeline } from '../src/enrich/pipeline.ts';
import { valueAtPath } from '../src/enrich/test-record.ts';
import type { Datagram } from '../src/model/datagram.ts';
import type { RecordSet } from '../src/model/record.ts';

interface VendorCase {
  readonly exporter?: string;
  /** Payloads in hex; blanks don't count. */
  readonly datagrams?: readonly string[];
  /** A pcap or pcapng file in the folder. */
  readonly capture?: string;
  /** All records in order, with the fields that matter; null: the field must be absent. */
  readonly records: readonly Readonly<Record<string, unknown>>[];
  /** All documents in order, likewise. */
  readonly documents: readonly Readonly<Record<string, unknown>>[];
}

const folder = fileURLToPath(new URL('vendors/', import.meta.url));
const vendors = readdirSync(folder);

async function datagramsOf(vendor: string, { datagrams = [], capture, exporter = '192.0.2.1' }: VendorCase) {
  const found: Datagram[] = datagrams.map((hex) => ({
    payload: Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'),
    exporter,
    exporterPort: 2055,
    receivedAtMs: Date.UTC(2026, 0, 1),
  }));
  if (capture !== undefined) {
    for await (const datagram of readCaptureFile(`${folder}${vendor}/${capture}`)) found.push(datagram);
  }
  return found;
}

function toRecords({ layout, rows }: RecordSet): Record<string, unknown>[] {
  return rows.map((row) =>
    Object.fromEntries(layout.columns.map(({ name, type }, at) => [name, toReadableValue(row[at]!, type)])),
  );
}

async function toDocuments(sets: readonly RecordSet[]): Promise<unknown[]> {
  const pipeline = createPipeline({ steps: [] });
  const { bytes } = pipeline.toDocuments(
    {
      id: 'vendor',
      createdAtMs: 0,
      recordCount: sets.reduce((count, { rows }) => count + rows.length, 0),
      byteSize: 0,
      layouts: sets.map(({ layout }) => layout),
      sets: sets.map(({ header, rows }, index) => ({ layout: index, header, rows })),
    },
    createDocumentLane(),
  );
  const documents = bytes
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
  await pipeline.close();
  return documents;
}

/** What is expected of it, as it is: so a failing test shows the difference. */
function seen(value: unknown, expected: Readonly<Record<string, unknown>>, at: typeof valueAtPath): unknown {
  return Object.fromEntries(Object.keys(expected).map((field) => [field, at(value, field) ?? null]));
}

test('there are vendors', () => {
  expect(vendors.length).toBeGreaterThan(2);
});

describe.each(vendors)('%s', (vendor) => {
  const vendorCase: VendorCase = parse(readFileSync(`${folder}${vendor}/case.yml`, 'utf8'));

  test('is decoded, and stored under the names of its elements', async () => {
    const faults: string[] = [];
    const decoder = createDecoder({ onFault: ({ code, detail }) => faults.push(`${code}: ${detail}`) });
    const sets = (await datagramsOf(vendor, vendorCase)).flatMap((datagram) => decoder.decode(datagram));
    expect(faults).toEqual([]);
    const records = sets.flatMap(toRecords);
    const field = (record: unknown, name: string) => (record as Readonly<Record<string, unknown>>)[name];
    expect(vendorCase.records.map((expected, index) => seen(records[index], expected, field))).toEqual(
      vendorCase.records,
    );
    expect(records.length).toBe(vendorCase.records.length);
    const documents = await toDocuments(sets);
    expect(vendorCase.documents.map((expected, index) => seen(documents[index], expected, valueAtPath))).toEqual(
      vendorCase.documents,
    );
    expect(documents.length).toBe(vendorCase.documents.length);
  });
});
