// Each element that ElastiFlow 3.5.1 knew goes over the wire under its number, and must come out in a document under
// ElastiFlow's name, in a form that its type takes. Numbers, names and types are those of ElastiFlow's definitions.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import { elastiflowDifferences, elastiflowForms } from '../../scripts/generate-field-docs.ts';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';
import { ipfix, ipfixTemplate, netflow9, netflow9Template, set, uint } from '../decode/datagram-builder.ts';
import { capturesFolder, describeWith } from '../needs.ts';
import { documentsOf } from './sample-document.ts';

interface Row {
  readonly path: string;
  readonly type: string;
  readonly numbers: readonly (readonly [enterprise: number, id: number])[];
}

/** `dynamic: IE 9:4257/9:37025; …`: the numbers under which exporters send it, in IPFIX with the enterprise. */
function readElements(object: 'netflow' | 'ipfix'): Row[] {
  const text = readFileSync(`${capturesFolder}../reference/elastiflow-3.5.1-fields.tsv`, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const [path = '', type = '', protocols = '', note = ''] = line.split('\t');
      const written = /\bIE ([\d:/]+)/.exec(note)?.[1];
      if (!path.startsWith(`${object}.`) || protocols === '-' || written === undefined) return [];
      // It became another field: what of it is stored, wire-to-document.test.ts and document-shapes.test.ts tell.
      if (/\b(?:moved to|turned into|removed)\b/.test(note)) return [];
      const numbers = written.split('/').map((number) => {
        const [first = 0, id] = number.split(':').map(Number);
        return id === undefined ? ([0, first] as const) : ([first, id] as const);
      });
      return [{ path, type, numbers }];
    });
}

/** Values that an exporter may send for a field of the type, in each length that its definitions allow. */
function candidates(type: string): readonly Buffer[] {
  const double = Buffer.alloc(8);
  double.writeDoubleBE(0.5);
  const float = Buffer.alloc(4);
  float.writeFloatBE(0.5);
  switch (type) {
    case 'ip':
      return [Buffer.from([192, 0, 2, 7]), Buffer.from('20010db8000000000000000000000007', 'hex')];
    case 'keyword':
      return [Buffer.from('abcdef'), uint(1, 1), uint(7, 4), Buffer.from([192, 0, 2, 7])];
    case 'float':
    case 'double':
      return [double, float];
    case 'date':
      return [uint(1_700_000_000_000, 8), uint(1_700_000_000, 4), uint(3_908_988_800n << 32n, 8)];
    default:
      return [uint(7, 4), uint(1, 1), uint(7, 8), uint(3_908_988_800n << 32n, 8)];
  }
}

/** What Elasticsearch takes for the type without having to change it: no number as text, no text as number. */
function fits(type: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every((item) => fits(type, item));
  switch (type) {
    case 'ip':
      return typeof value === 'string' && isIP(value) !== 0;
    case 'keyword':
      return typeof value === 'string' && value !== '';
    case 'float':
    case 'double':
      return typeof value === 'number';
    case 'date':
      return typeof value === 'string' && !Number.isNaN(Date.parse(value));
    default:
      return Number.isSafeInteger(value);
  }
}

const elements = createInformationElements();

interface Sent {
  readonly row: Row;
  readonly number: readonly [enterprise: number, id: number];
}

/** One pipeline has a budget of names, one exporter a limit of templates. */
const perBatch = 250;

function toDatagram(object: 'netflow' | 'ipfix', template: number, { number: [enterprise, id] }: Sent, bytes: Buffer) {
  const field = { id, length: bytes.length };
  if (object === 'netflow') {
    const padding = Buffer.alloc((4 - (bytes.length % 4)) % 4);
    return netflow9([set(0, netflow9Template({ id: template, fields: [field] })), set(template, bytes, padding)]);
  }
  const fields = [enterprise === 0 ? field : { ...field, enterprise }];
  return ipfix([set(2, ipfixTemplate({ id: template, fields })), set(template, bytes)]);
}

/** For each, the value at its path in the document of a flow that is this one field. */
function stored(object: 'netflow' | 'ipfix', sent: readonly Sent[], attempt: number): unknown[] {
  const decoder = createDecoder({ onFault: () => {}, elements });
  const values: unknown[] = [];
  const decoded = sent.flatMap((one, index) => {
    const bytes = candidates(one.row.type)[attempt];
    if (bytes === undefined) return [];
    const payload = toDatagram(object, 256 + index, one, bytes);
    const sets = decoder.decode({
      payload,
      exporter: '192.0.2.1',
      exporterPort: 2055,
      receivedAtMs: 1_700_000_000_000,
    });
    return sets.flatMap(({ layout, header, rows }) =>
      rows.length === 0 ? [] : [{ index, path: one.row.path, layout, header, rows: rows.slice(0, 1) }],
    );
  });
  const documents = documentsOf({
    id: 'fields',
    createdAtMs: 0,
    recordCount: decoded.length,
    byteSize: 0,
    layouts: decoded.map(({ layout }) => layout),
    sets: decoded.map(({ header, rows }, layout) => ({ layout, header, rows })),
  });
  expect(documents.length).toBe(decoded.length);
  for (const [at, { index, path }] of decoded.entries()) values[index] = valueAtPath(documents[at], path);
  return values;
}

describeWith(['captures'], 'an element that ElastiFlow 3.5.1 knew', () => {
  test.each([
    ['netflow', 900],
    ['ipfix', 2300],
  ] as const)(
    'is stored as %s.…, under its name and in a form of its type',
    (object, atLeast) => {
      const all = readElements(object)
        .filter(({ path }) => elastiflowDifferences[path] === undefined)
        .flatMap((row) => row.numbers.map((number) => ({ row, number })));
      expect(all.length).toBeGreaterThan(atLeast);
      const wrong = new Set<string>();
      for (let from = 0; from < all.length; from += perBatch) {
        const sent = all.slice(from, from + perBatch);
        const seen = [0, 1, 2, 3].map((attempt) => stored(object, sent, attempt));
        for (const [index, { row }] of sent.entries()) {
          const values = seen.map((attempt) => attempt[index]);
          if (!values.some((value) => fits(row.type, value))) wrong.add(row.path);
        }
      }
      const listed = Object.keys(elastiflowForms).filter((path) => path.startsWith(`${object}.`));
      expect([...wrong].sort()).toEqual(listed.sort());
    },
    60_000,
  );
});
