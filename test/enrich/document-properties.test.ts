// Whatever a batch holds, each line is one valid JSON document, and both ways to make it agree.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddressCache } from '../../src/enrich/address-cache.ts';
import { documentFieldNames, fieldReader } from '../../src/enrich/document-fields.ts';
import { createDocumentLane } from '../../src/enrich/document-writer.ts';
import { createFieldBudget } from '../../src/enrich/field-budget.ts';
import { loadFieldMap } from '../../src/enrich/field-map.ts';
import { FlowDocument } from '../../src/enrich/flow-document.ts';
import { planLayout } from '../../src/enrich/layout-plan.ts';
import { createPipeline } from '../../src/enrich/pipeline.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';
import { compileMaker, interpretMaker } from '../../src/enrich/to-document.ts';
import type { Column, ColumnType, FieldValue, Layout, Protocol, RecordHeader } from '../../src/model/record.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { parseDocuments } from './sample-document.ts';

const fieldMap = loadFieldMap();
const protocols: readonly Protocol[] = ['netflow5', 'netflow9', 'ipfix', 'sflow5'];
const mappedNames = [
  ...new Set(
    Object.values(fieldMap.protocols).flatMap(({ fields }) =>
      [...fields.values()].flat().flatMap(({ add, per }) => (per === undefined ? add : [...add, per])),
    ),
  ),
];
const otherNames = [
  'flowStartSysUpTime',
  'flowEndSysUpTime',
  'flowStartMilliseconds',
  'flowEndNanoseconds',
  'forwardingStatus',
  'userName',
  'mplsTopLabelStackSection',
  'bgpSourceAsNumber',
  'version',
  'flowset_id',
  'v9:40005',
  '9/12235',
  'iana:4711',
  'sflow.drops',
  '__proto__',
  'a"b\\c\u2028d',
];
const types: readonly ColumnType[] = ['number', 'text', 'bytes', 'ipv4', 'ipv6', 'mac', 'time', 'boolean', 'list'];

const scalar: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.constantFrom(0, 4, 6, 17, 256, 2 ** 48, 2 ** 53 - 1, -1, 1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY),
  fc.bigInt({ min: 0n, max: 2n ** 65n }).map(String),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ maxLength: 20 }).map((text) => `${text}\ud800\u2028"\\\u0000`),
  fc.ipV6(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), maxLength: 20 }).map((hex) => ({ hex })),
);
const anyValue: fc.Arbitrary<FieldValue> = fc.oneof(
  { weight: 5, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
);

/** Mostly what decode makes of a column, and sometimes not. */
function mostlyFitting(type: ColumnType): fc.Arbitrary<FieldValue> {
  const fitting: Record<ColumnType, fc.Arbitrary<FieldValue>> = {
    number: fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }).map(String)),
    text: fc.string({ unit: 'grapheme' }),
    bytes: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), maxLength: 20 }),
    ipv4: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    ipv6: fc.ipV6(),
    mac: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    time: fc.double({ min: 0, max: 4e12, noNaN: true }),
    boolean: fc.boolean(),
    list: fc.record({
      hex: fc.constant('00'),
      semantic: fc.constant('allOf'),
      items: fc.array(fc.oneof(fc.string(), fc.nat(), fc.dictionary(fc.string(), fc.jsonValue()))),
    }),
  };
  return fc.oneof({ weight: 4, arbitrary: fitting[type] }, anyValue);
}

const column: fc.Arbitrary<Column> = fc.record({
  name: fc.oneof(fc.constantFrom(...mappedNames), fc.constantFrom(...otherNames)),
  type: fc.constantFrom(...types),
});

/** Columns of the types that their names suggest, so that most are moved. */
const plausible = (columns: readonly Column[]): Column[] =>
  columns.map(({ name, type }) => ({
    name,
    type: /IPv4Address$/.test(name)
      ? 'ipv4'
      : /IPv6Address$/.test(name)
        ? 'ipv6'
        : /MacAddress$/.test(name)
          ? 'mac'
          : /Count|Port|Length|Interval|Interface|Version|Octets|Packets|Class|UpTime|Bits/.test(name)
            ? 'number'
            : type,
  }));

interface Case {
  readonly layout: Layout;
  readonly rows: readonly (readonly FieldValue[])[];
  readonly header: RecordHeader;
}

const time = fc.oneof(fc.double({ min: 0, max: 4e12, noNaN: true }), fc.double(), fc.constant(-1));
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    protocol: fc.constantFrom(...protocols),
    columns: fc
      .uniqueArray(column, { selector: ({ name }) => name, maxLength: 30 })
      .chain((columns) => fc.constantFrom(columns, plausible(columns))),
  })
  .chain(({ protocol, columns }) =>
    fc.record({
      layout: fc.constant<Layout>({ id: `${protocol}/${JSON.stringify(columns)}`, protocol, kind: 'flow', columns }),
      rows: fc.array(fc.tuple(...columns.map(({ type }) => mostlyFitting(type))), { maxLength: 4 }),
      header: fc.record({
        exporter: fc.oneof(fc.ipV4(), fc.ipV6()),
        domain: uint32,
        setId: fc.option(fc.integer({ min: 256, max: 65_535 })),
        receivedAtMs: time,
        exportedAtMs: time,
        sequence: uint32,
        sysUptimeMs: uint32,
      }),
    }),
  );

function toBatch({ layout, header, rows }: Case): RecordBatch {
  return {
    id: 'b',
    createdAtMs: 0,
    recordCount: rows.length,
    byteSize: 0,
    layouts: [layout],
    sets: [{ layout: 0, header, rows }],
  };
}

const noSteps = { steps: [], fieldMap };

test('each row becomes one line of valid JSON in valid UTF-8, without nulls', () => {
  const pipeline = createPipeline(noSteps);
  const lane = createDocumentLane();
  fc.assert(
    fc.property(anyCase, (batch) => {
      const documents = parseDocuments(pipeline.toDocuments(toBatch(batch), lane));
      expect(documents).toHaveLength(batch.rows.length);
      for (const document of documents) {
        expect(hasNull(document)).toBe(false);
        expect(valueAtPath(document, '@timestamp')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      }
    }),
    { numRuns: 500 },
  );
});

test('no name comes twice in an object', () => {
  const lane = createDocumentLane();
  fc.assert(
    fc.property(anyCase, (batch) => {
      const { bytes } = createPipeline(noSteps).toDocuments(toBatch(batch), lane);
      for (const line of bytes.toString().split('\n').slice(0, -1)) {
        // JSON.parse keeps the last of two equal names, so writing the parsed document again is shorter.
        const again = JSON.stringify(JSON.parse(line));
        expect(countNames(again)).toBe(countNames(line));
      }
    }),
    { numRuns: 300 },
  );
});

test.each([Number.POSITIVE_INFINITY, 1])(
  'generated and interpreted document makers agree, with %d names for the index',
  (maxNames) => {
    const addresses = createAddressCache({ describe: () => undefined, maxAddresses: 100 });
    fc.assert(
      fc.property(anyCase, ({ layout, header, rows }) => {
        const plan = planLayout(layout, fieldMap, { budget: createFieldBudget(maxNames) });
        const generated = compileMaker(plan, addresses);
        const interpreted = interpretMaker(plan, addresses);
        for (const row of rows) {
          const results = [generated!, interpreted].map((maker) => {
            const flow = new FlowDocument();
            flow.header = header;
            flow.exporter = header.exporter;
            maker.fill(row, flow);
            return { flow, rest: JSON.parse(`{"_":0${maker.rest(row, flow)}}`) as unknown };
          });
          expect(results[0]).toEqual(results[1]);
        }
      }),
      { numRuns: 500 },
    );
  },
);

test('what a condition reads is what is stored', () => {
  const values: (readonly [string, unknown])[][] = [];
  const reader = {
    name: 'read',
    step: {
      describe: (facts: { autonomousSystem: string | undefined; locality: 'public' | 'private' | undefined }) => {
        facts.autonomousSystem = 'Example (64496)';
        facts.locality = 'public';
      },
      apply: (flow: FlowDocument): undefined => {
        flow.server = (flow.srcPort ?? 0) < (flow.dstPort ?? 0) ? 'src' : 'dst';
        values.push(documentFieldNames().map((path) => [path, fieldReader(path)?.(flow)]));
      },
    },
  };
  const pipeline = createPipeline({ steps: [reader], fieldMap });
  const lane = createDocumentLane();
  const fitting = anyCase.filter(({ rows }) =>
    rows.flat(3).every((item) => typeof item !== 'number' || Number.isSafeInteger(item)),
  );
  fc.assert(
    fc.property(fitting, (batch) => {
      values.length = 0;
      const documents = parseDocuments(pipeline.toDocuments(toBatch(batch), lane));
      documents.forEach((document, index) => {
        for (const [path, read] of values[index] ?? []) {
          // A count beyond 2^53 is text in the flow document and digits in JSON.
          const isBigCount = (path === 'flow.bytes' || path === 'flow.packets') && typeof read === 'string';
          if (!isBigCount) expect([path, valueAtPath(document, path)]).toEqual([path, read]);
        }
      });
    }),
    { numRuns: 500 },
  );
});

test('text comes out as it went in, whatever its characters', () => {
  const layout: Layout = { id: 'text', protocol: 'ipfix', kind: 'flow', columns: [{ name: 'userName', type: 'text' }] };
  const header: RecordHeader = {
    exporter: '192.0.2.1',
    domain: 0,
    setId: 256,
    receivedAtMs: 0,
    exportedAtMs: 0,
    sequence: 0,
  };
  const pipeline = createPipeline(noSteps);
  const lane = createDocumentLane();
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), (text) => {
      const [document] = parseDocuments(pipeline.toDocuments(toBatch({ layout, header, rows: [[text]] }), lane));
      expect(valueAtPath(document, 'ipfix.userName')).toBe(text);
    }),
  );
});

function hasNull(document: unknown): boolean {
  if (document === null) return true;
  return typeof document === 'object' && Object.values(document).some(hasNull);
}

function countNames(json: string): number {
  let names = 0;
  // A string that a colon follows is a name.
  for (const match of json.matchAll(/"(?:[^"\\]|\\.)*"(:?)/g)) if (match[1] === ':') names += 1;
  return names;
}
