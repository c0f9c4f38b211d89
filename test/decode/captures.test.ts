// Real and crafted captures of NetFlow v5, v9 and IPFIX, read beside the repository: what a decoder must make of each.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { toReadableValue } from '../../src/decode/field-value.ts';
import type { Fault } from '../../src/model/fault.ts';
import { capturesFolder, describeWith } from '../needs.ts';

interface CaptureCase {
  readonly datagrams: readonly string[];
  readonly meta: readonly { readonly src: string; readonly srcPort: number; readonly ts: number }[];
}

interface ExpectedRecord {
  readonly type: string;
  readonly datagram: number;
  readonly version: number;
  readonly setId?: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly scope?: Readonly<Record<string, number>>;
}

interface Expected {
  readonly records: readonly ExpectedRecord[] | null;
  readonly accept?: { readonly minRecords: number; readonly maxRecords: number | null };
  readonly headers?: readonly Readonly<Record<string, number>>[];
}

interface Decoded {
  readonly protocol: string;
  readonly kind: string;
  readonly set: number | null;
  readonly domain: number;
  readonly exporter: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly scope: Readonly<Record<string, unknown>>;
}

const protocolOf: Readonly<Record<number, string>> = { 5: 'netflow5', 9: 'netflow9', 10: 'ipfix' };

function readJson<T>(folder: string, name: string): T {
  return JSON.parse(readFileSync(join(capturesFolder, folder, `${name}.json`), 'utf8')) as T;
}

function decodeCase({ datagrams, meta }: CaptureCase, onFault: (fault: Fault) => void = () => {}): Decoded[] {
  const decoder = createDecoder({ onFault });
  return datagrams.flatMap((hex, i) =>
    decoder
      .decode({
        payload: Buffer.from(hex, 'hex'),
        exporter: meta[i]!.src,
        exporterPort: meta[i]!.srcPort,
        receivedAtMs: meta[i]!.ts * 1000,
      })
      .flatMap(({ layout, header, rows }) =>
        rows.map((row) => {
          const fields: Record<string, unknown> = {};
          const scope: Record<string, unknown> = {};
          layout.columns.forEach(({ name, type }, c) => {
            fields[name] = toReadableValue(row[c]!, type);
          });
          for (const [name, _column] of Object.entries(layout.scope ?? {})) scope[name] = fields[`scope:${name}`];
          const { exporter, domain, setId } = header;
          // Whatever leaves decode must survive JSON: it goes through the queue.
          expect(JSON.parse(JSON.stringify(row))).toEqual(row);
          return { protocol: layout.protocol, kind: layout.kind, set: setId, domain, exporter, fields, scope };
        }),
      ),
  );
}

/** Vendor elements may be known as bytes only, or with another type than the one who wrote the expectation knew. */
const isVendor = (name: string) => /^(?:\d+\/\d+|v9:\d+|iana:\d+)$/.test(name);

const isNtpTime = (name: string) => /(?:Micro|Nano)seconds$/.test(name);

function toComparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toComparable);
  if (typeof value === 'number' && !Number.isInteger(value)) return Number(value.toPrecision(6));
  if (typeof value === 'object' && value !== null) return (value as { hex: string }).hex.replace(/(?:00)+$/, '');
  return value;
}

function expectRecord(decoded: Decoded, expected: ExpectedRecord, head: Expected): void {
  const wanted: Record<string, unknown> = {};
  const got: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(expected.fields)) {
    if (isVendor(name)) continue;
    const found = decoded.fields[name];
    if (isNtpTime(name) && typeof found === 'string' && typeof value === 'string') {
      // A fraction that stands for a whole millisecond may lie just below it: the expectation cuts, we round to microseconds.
      const later = Date.parse(found) - Date.parse(value);
      expect([0, 1]).toContain(later);
      continue;
    }
    wanted[name] = toComparable(value);
    got[name] = toComparable(found);
  }
  expect(got).toEqual(wanted);
  expect(decoded.protocol).toBe(protocolOf[expected.version]);
  expect(decoded.kind).toBe(expected.type);
  if (expected.setId !== undefined) expect(decoded.set).toBe(expected.setId);
  const header = head.headers?.[expected.datagram];
  const domain = expected.version === 9 ? header?.['sourceId'] : header?.['observationDomainId'];
  if (domain !== undefined) expect(decoded.domain).toBe(domain);
  if (expected.scope !== undefined) expect(decoded.scope).toEqual(expected.scope);
}

describeWith(['captures'], 'a decoder fed the captures', () => {
  const names = readdirSync(join(capturesFolder, 'datagrams'))
    .map((file) => file.replace('.json', ''))
    .filter((name) => /^(?:nf5|nf9|ipfix|mal)-/.test(name));

  it.each(names)('%s gives the expected records', (name) => {
    const capture = readJson<CaptureCase>('datagrams', name);
    const expected = readJson<Expected>('expected', name);
    const decoded = decodeCase(capture);
    if (expected.records === null || expected.accept !== undefined) {
      const { minRecords = 0, maxRecords = null } = expected.accept ?? {};
      expect(decoded.length).toBeGreaterThanOrEqual(minRecords);
      expect(decoded.length).toBeLessThanOrEqual(maxRecords ?? Number.POSITIVE_INFINITY);
      if (expected.records?.length !== decoded.length) return;
    }
    expect(decoded.length).toBe(expected.records?.length);
    expected.records?.forEach((record, i) => {
      expectRecord(decoded[i]!, record, expected);
    });
  });
});
