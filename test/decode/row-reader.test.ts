import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Encoding } from '../../src/decode/information-elements.ts';
import type { JoinedColumn } from '../../src/decode/joined-columns.ts';
import { createDomainFacts, type DomainFacts } from '../../src/decode/options-store.ts';
import {
  compileRowReader,
  createRowReader,
  interpretRows,
  type ReaderField,
  type ReaderPlan,
  toShortestRecord,
  variableLength,
} from '../../src/decode/row-reader.ts';
import type { ListScope } from '../../src/decode/structured-data.ts';
import type { FieldValue, Row } from '../../src/model/record.ts';
import { uint, variable } from './datagram-builder.ts';

const encodings: readonly Encoding[] = [
  'unsigned',
  'signed',
  'float',
  'boolean',
  'mac',
  'text',
  'bytes',
  'ipv4',
  'ipv6',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
  'basicList',
  'subTemplateList',
  'subTemplateMultiList',
];

const anyField: fc.Arbitrary<ReaderField> = fc.record({
  encoding: fc.constantFrom(...encodings),
  length: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 16) },
    { weight: 2, arbitrary: fc.constant(variableLength) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 40 }) },
  ),
});

const anyPlan: fc.Arbitrary<ReaderPlan> = fc
  .array(anyField, { minLength: 1, maxLength: 12 })
  .filter((fields) => toShortestRecord(fields) > 0)
  .chain((fields) => {
    const column = fc.array(fc.nat({ max: fields.length - 1 }), { minLength: 1, maxLength: 3 });
    return fc.array(column, { maxLength: 14 }).chain((columns) => {
      if (columns.length === 0) return fc.constant({ fields, columns });
      const key = fc.nat({ max: columns.length - 1 });
      const maybeKey = fc.option(key, { nil: undefined });
      const join = fc.oneof<fc.Arbitrary<JoinedColumn>[]>(
        fc.record({
          kind: fc.constant('sampling'),
          selector: maybeKey,
          sequence: maybeKey,
          ingressInterface: maybeKey,
        }),
        fc.record({ kind: fc.constant('name'), table: fc.constantFrom('interfaceNames', 'applicationNames'), key }),
      );
      return fc.array(join, { maxLength: 4 }).map((joins) => ({ fields, columns, joins }));
    });
  });

/** Facts that answer with a number for each question, and note the questions. */
function createFacts(): { readonly facts: DomainFacts; readonly asked: unknown[] } {
  const asked: unknown[] = [];
  const answer = (...keys: readonly FieldValue[]) => asked.push(keys);
  const { names } = createDomainFacts();
  const table = (given: DomainFacts['names']['vrfNames']) => ({ ...given, get: (key: FieldValue) => `${answer(key)}` });
  const { interfaceNames, applicationNames } = names;
  return {
    asked,
    facts: {
      ...createDomainFacts(),
      names: { ...names, interfaceNames: table(interfaceNames), applicationNames: table(applicationNames) },
      sampling: answer,
    },
  };
}

function run(reader: ReturnType<typeof compileRowReader>, bytes: Buffer, start: number, end: number) {
  const rows: Row[] = [];
  const { facts, asked } = createFacts();
  // Whatever the bytes say, basic lists are of texts and sub-templates of one byte.
  const lists: ListScope = {
    elementOf: (_, id) => ({ name: `${id}`, encoding: id % 3 === 0 ? 'text' : 'basicList' }),
    planOf: () => ({
      layout: { id: '', protocol: 'ipfix', kind: 'flow', columns: [{ name: 'octet', type: 'number' }] },
      read: interpretRows({ fields: [{ encoding: 'unsigned', length: 1 }], columns: [[0]] }),
    }),
    depth: 0,
    room: 0,
  };
  const stopped = reader(bytes, start, end, rows, { facts, lists });
  expect(lists.depth).toBe(0);
  return { rows, asked, stopped };
}

describe('a compiled row reader', () => {
  it('gives what the interpreted one gives, for any template and any bytes', () => {
    fc.assert(
      fc.property(anyPlan, fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.nat(20), (plan, array, before, behind) => {
        const bytes = Buffer.from(array);
        const start = Math.min(before, bytes.length);
        const end = Math.max(start, bytes.length - behind);
        const compiled = run(compileRowReader(plan), bytes, start, end);
        expect(compiled).toEqual(run(interpretRows(plan), bytes, start, end));
        expect(compiled.stopped).toBeGreaterThanOrEqual(start);
        expect(compiled.stopped).toBeLessThanOrEqual(end);
      }),
      { numRuns: 500 },
    );
  });

  it('sees nothing of the bytes around its set', () => {
    fc.assert(
      fc.property(
        anyPlan,
        fc.uint8Array({ maxLength: 120 }),
        fc.uint8Array({ maxLength: 40 }),
        (plan, array, other) => {
          const alone = run(compileRowReader(plan), Buffer.from(array), 0, array.length);
          const bytes = Buffer.concat([other, array, other]);
          const inside = run(compileRowReader(plan), bytes, other.length, other.length + array.length);
          expect(inside).toEqual({ ...alone, stopped: alone.stopped + other.length });
        },
      ),
    );
  });

  it('reads bytes that lie anywhere in a bigger buffer', () => {
    const plan: ReaderPlan = { fields: [{ encoding: 'unsigned', length: 4 }], columns: [[0]] };
    const bytes = Buffer.concat([Buffer.alloc(7, 0xff), uint(1, 4), uint(2, 4)]).subarray(7);
    expect(run(compileRowReader(plan), bytes, 0, 8)).toEqual({ rows: [[1], [2]], asked: [], stopped: 8 });
  });

  it('follows fields of variable length, in the short and in the long form (RFC 7011 §7)', () => {
    const plan: ReaderPlan = {
      fields: [
        { encoding: 'unsigned', length: 1 },
        { encoding: 'text', length: variableLength },
        { encoding: 'unsigned', length: 2 },
        { encoding: 'bytes', length: variableLength },
      ],
      columns: [[0], [1], [2], [3]],
    };
    const bytes = Buffer.concat([
      ...[uint(1, 1), variable(Buffer.from('short')), uint(2, 2), variable(Buffer.from('ff', 'hex'), true)],
      ...[uint(3, 1), variable(Buffer.alloc(300, 'x')), uint(4, 2), variable(Buffer.alloc(0))],
      uint(0, 3),
    ]);
    const expected = [
      [1, 'short', 2, 'ff'],
      [3, 'x'.repeat(300), 4, ''],
    ];
    for (const reader of [compileRowReader(plan), interpretRows(plan)]) {
      expect(run(reader, bytes, 0, bytes.length)).toEqual({ rows: expected, asked: [], stopped: bytes.length - 3 });
    }
  });

  it('stops before a record whose variable length leads behind the set', () => {
    const plan: ReaderPlan = { fields: [{ encoding: 'bytes', length: variableLength }], columns: [[0]] };
    const bytes = Buffer.from('01aac8bbbbbb', 'hex');
    expect(run(compileRowReader(plan), bytes, 0, bytes.length)).toEqual({ rows: [['aa']], asked: [], stopped: 2 });
  });

  it('ends each row with what its keys find', () => {
    const plan: ReaderPlan = {
      fields: [
        { encoding: 'unsigned', length: 1 },
        { encoding: 'unsigned', length: 1 },
      ],
      columns: [[0], [1]],
      joins: [
        { kind: 'sampling', selector: 1, sequence: undefined, ingressInterface: 0 },
        { kind: 'name', table: 'interfaceNames', key: 0 },
      ],
    };
    const bytes = Buffer.from('01020304', 'hex');
    expect(run(compileRowReader(plan), bytes, 0, 4)).toEqual({
      rows: [
        [1, 2, 1, '2'],
        [3, 4, 3, '4'],
      ],
      asked: [[2, null, 1], [1], [4, null, 3], [3]],
      stopped: 4,
    });
  });
});

describe('a row reader', () => {
  it('gives the same rows before and after it is compiled', () => {
    const plan: ReaderPlan = { fields: [{ encoding: 'unsigned', length: 2 }], columns: [[0]] };
    const reader = createRowReader(plan);
    const bytes = Buffer.concat(Array.from({ length: 40 }, (_, i) => uint(i, 2)));
    const expected = run(interpretRows(plan), bytes, 0, bytes.length);
    for (let call = 0; call < 5; call++) expect(run(reader, bytes, 0, bytes.length)).toEqual(expected);
  });

  it('works where code generation is forbidden', () => {
    const script = `
      const { compileRowReader } = await import(process.argv[1]);
      let isForbidden = false;
      try { new Function('') } catch { isForbidden = true }
      const rows = [];
      const plan = { fields: [{ encoding: 'unsigned', length: 1 }], columns: [[0]] };
      const stopped = compileRowReader(plan)(Buffer.from([1, 2]), 0, 2, rows, undefined);
      console.log(JSON.stringify({ isForbidden, rows, stopped }));`;
    const module = new URL('../../src/decode/row-reader.ts', import.meta.url).href;
    const flags = [
      '--disallow-code-generation-from-strings',
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      script,
      module,
    ];
    const child = spawnSync(process.execPath, flags, {
      encoding: 'utf8',
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    });
    expect(child.stderr).toBe('');
    expect(JSON.parse(child.stdout)).toEqual({ isForbidden: true, rows: [[1], [2]], stopped: 2 });
  });
});
