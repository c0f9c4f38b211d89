// Messages are written out by RFC 6313 §4.5 (its figures 5 to 8), with the elements that each test needs.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toReadableValue } from '../../src/decode/field-value.ts';
import { type FieldSpec, ipfix, ipfixTemplate, set, uint, variable } from './datagram-builder.ts';
import { createFeed, type Feed } from './feed.ts';

const basicListField: FieldSpec = { id: 291, length: 65_535 };
const subTemplateListField: FieldSpec = { id: 292, length: 65_535 };
const multiListField: FieldSpec = { id: 293, length: 65_535 };
const allOf = 3;

const basicList = (semantic: number, { id, length, enterprise }: FieldSpec, ...values: readonly Uint8Array[]) =>
  Buffer.concat([
    uint(semantic, 1),
    uint(enterprise === undefined ? id : id | 0x8000, 2),
    uint(length, 2),
    ...(enterprise === undefined ? [] : [uint(enterprise, 4)]),
    ...values,
  ]);
const subTemplateList = (semantic: number, template: number, ...records: readonly Uint8Array[]) =>
  Buffer.concat([uint(semantic, 1), uint(template, 2), ...records]);
const part = (template: number, ...records: readonly Uint8Array[]) => set(template, ...records);
const multiList = (semantic: number, ...parts: readonly Uint8Array[]) => Buffer.concat([uint(semantic, 1), ...parts]);

const define = (feed: Feed, id: number, ...fields: readonly FieldSpec[]) =>
  feed.sets(ipfix([set(2, ipfixTemplate({ id, fields }))]));

/** What `weir decode` shows of the one list of template 256. */
function decoded(feed: Feed, list: Buffer): unknown {
  const [result] = feed.sets(ipfix([set(256, variable(list))]));
  expect(JSON.parse(JSON.stringify(result?.rows))).toEqual(result?.rows);
  expect(result?.layout.columns[0]?.type).toBe('list');
  return toReadableValue(result!.rows[0]![0]!, 'list');
}
const hexOf = (bytes: Buffer) => bytes.toString('hex');

describe('a basicList', () => {
  const feed = createFeed();
  define(feed, 256, basicListField);

  it.each<[string, Buffer, Record<string, unknown>]>([
    [
      'egress interfaces (the RFC’s example)',
      basicList(allOf, { id: 14, length: 4 }, uint(1, 4), uint(4, 4), uint(8, 4)),
      { semantic: 'allOf', element: 'egressInterface', items: [1, 4, 8] },
    ],
    [
      'addresses as text',
      basicList(1, { id: 8, length: 4 }, Buffer.from([192, 0, 2, 1]), Buffer.from([10, 0, 0, 1])),
      { semantic: 'exactlyOneOf', element: 'sourceIPv4Address', items: ['192.0.2.1', '10.0.0.1'] },
    ],
    [
      'values of variable length, in both forms',
      basicList(4, { id: 82, length: 65_535 }, variable(Buffer.from('eth0')), variable(Buffer.from('eth1'), true)),
      { semantic: 'ordered', element: 'interfaceName', items: ['eth0', 'eth1'] },
    ],
    [
      'an element of an enterprise that nobody knows',
      basicList(255, { id: 7, length: 2, enterprise: 4_000_000_000 }, Buffer.from('beef', 'hex')),
      { semantic: 'undefined', element: '4000000000/7', items: ['beef'] },
    ],
    ['nothing', basicList(0, { id: 14, length: 4 }), { semantic: 'noneOf', element: 'egressInterface', items: [] }],
    [
      'times and counters beyond 2^53, exact',
      basicList(2, { id: 85, length: 8 }, uint(2n ** 64n - 1n, 8)),
      { semantic: 'oneOrMoreOf', element: 'octetTotalCount', items: ['18446744073709551615'] },
    ],
    [
      'a semantic without a name',
      basicList(77, { id: 4, length: 1 }, uint(6, 1)),
      { semantic: '77', element: 'protocolIdentifier', items: [6] },
    ],
    [
      'a list of lists',
      basicList(
        allOf,
        { id: 291, length: 65_535 },
        variable(basicList(1, { id: 7, length: 2 }, uint(80, 2))),
        variable(Buffer.from('ff', 'hex')),
      ),
      {
        semantic: 'allOf',
        element: 'basicList',
        items: [{ semantic: 'exactlyOneOf', element: 'sourceTransportPort', items: [80] }, 'ff'],
      },
    ],
  ])('of %s is decoded', (_, list, expected) => {
    expect(decoded(feed, list)).toEqual({ hex: hexOf(list), ...expected });
  });

  it.each<[string, Buffer]>([
    ['without bytes', Buffer.alloc(0)],
    ['that ends in its specifier', Buffer.from('03000e00', 'hex')],
    ['that ends in its enterprise number', Buffer.from('03800e00040000', 'hex')],
    ['whose last value is cut', basicList(allOf, { id: 14, length: 4 }, uint(1, 4), uint(1, 3))],
    ['of values without bytes', basicList(allOf, { id: 14, length: 0 }, uint(1, 1))],
    ['whose value leads behind it', basicList(allOf, { id: 82, length: 65_535 }, uint(5, 1))],
    ['whose long length is cut', basicList(allOf, { id: 82, length: 65_535 }, uint(255, 1), uint(0, 1))],
    ['of padding', basicList(allOf, { id: 210, length: 1 }, uint(0, 1))],
  ])('%s stays hex, and the record is there', (_, list) => {
    expect(decoded(feed, list)).toBe(hexOf(list));
    expect(feed.faults).toEqual([]);
  });

  it('may have a fixed length, and stand in NetFlow’s shared number space', () => {
    const fixed = createFeed();
    define(fixed, 256, { id: 291, length: 7 }, { id: 4, length: 1 });
    const list = basicList(allOf, { id: 7, length: 2 }, uint(443, 2));
    const [record] = fixed.records(ipfix([set(256, list, uint(6, 1))]));
    expect(record?.['basicList']).toMatchObject({ items: [443] });
    expect(record?.['protocolIdentifier']).toBe(6);
  });
});

describe('a subTemplateList', () => {
  const setUp = () => {
    const feed = createFeed();
    define(feed, 256, subTemplateListField);
    define(feed, 300, { id: 8, length: 4 }, { id: 82, length: 65_535 });
    return feed;
  };
  const record = (address: number, name: string) => Buffer.concat([uint(address, 4), variable(Buffer.from(name))]);

  it('is decoded by its template', () => {
    const list = subTemplateList(allOf, 300, record(0x0a000001, 'a'), record(0x0a000002, 'bc'));
    expect(decoded(setUp(), list)).toEqual({
      hex: hexOf(list),
      semantic: 'allOf',
      items: [
        { sourceIPv4Address: '10.0.0.1', interfaceName: 'a' },
        { sourceIPv4Address: '10.0.0.2', interfaceName: 'bc' },
      ],
    });
  });

  it.each<[string, Buffer]>([
    ['of a template that is not known', subTemplateList(allOf, 301, record(1, 'a'))],
    ['whose last record is cut', Buffer.concat([subTemplateList(allOf, 300, record(1, 'a')), uint(0, 1)])],
    ['that ends in its template id', Buffer.from('0301', 'hex')],
  ])('%s stays hex', (_, list) => {
    expect(decoded(setUp(), list)).toBe(hexOf(list));
  });

  it('is read by the template that its id means when it comes', () => {
    const feed = setUp();
    const list = subTemplateList(allOf, 300, uint(7, 4));
    define(feed, 300, { id: 1, length: 2 });
    expect(decoded(feed, list)).toMatchObject({ items: [{ octetDeltaCount: 0 }, { octetDeltaCount: 7 }] });
  });

  it('inside of itself ends at a depth of eight', () => {
    const feed = createFeed();
    define(feed, 256, subTemplateListField);
    const nest = (depth: number): Buffer =>
      depth === 0 ? subTemplateList(allOf, 256) : subTemplateList(allOf, 256, variable(nest(depth - 1)));
    const depthOf = (value: unknown): number => {
      const [inner] = (value as { items?: { subTemplateList: unknown }[] }).items ?? [];
      return typeof value === 'string' ? 0 : 1 + (inner === undefined ? 0 : depthOf(inner.subTemplateList));
    };
    expect(depthOf(decoded(feed, nest(4)))).toBe(5);
    expect(depthOf(decoded(feed, nest(40)))).toBe(8);
  });
});

describe('a subTemplateMultiList', () => {
  it('is decoded part by part; a part that can’t be is its bytes', () => {
    const feed = createFeed();
    define(feed, 256, multiListField);
    define(feed, 300, { id: 7, length: 2 });
    define(feed, 301, { id: 4, length: 1 });
    const list = multiList(4, part(300, uint(80, 2), uint(443, 2)), part(999, uint(5, 1)), part(301, uint(6, 1)));
    expect(decoded(feed, list)).toEqual({
      hex: hexOf(list),
      semantic: 'ordered',
      items: [{ sourceTransportPort: 80 }, { sourceTransportPort: 443 }, '05', { protocolIdentifier: 6 }],
    });
    for (const bad of ['04012c0003', '04012c00ff00', '04012c']) {
      expect(decoded(feed, Buffer.from(bad, 'hex'))).toBe(bad);
    }
  });
});

describe('lists of all kinds', () => {
  it('of more than 4,096 values stay hex', () => {
    const feed = createFeed();
    define(feed, 256, basicListField);
    const ofSize = (size: number) => basicList(allOf, { id: 4, length: 1 }, Buffer.alloc(size));
    expect(decoded(feed, ofSize(4096))).toMatchObject({ element: 'protocolIdentifier' });
    expect(decoded(feed, ofSize(4097))).toBe(hexOf(ofSize(4097)));
    // A list after it has its own room.
    expect(decoded(feed, ofSize(4096))).toMatchObject({ element: 'protocolIdentifier' });
  });

  it('of any bytes end, throw nothing, and cost no record', () => {
    const feed = createFeed();
    define(feed, 256, basicListField, subTemplateListField, multiListField);
    define(feed, 300, { id: 7, length: 2 }, multiListField);
    const start = fc.constantFrom('0301230004', '03012300ff', '03012c', '030100', '0301230001', '03012c0008', '');
    const bytes = fc
      .tuple(start, fc.uint8Array({ maxLength: 60 }))
      .map(([head, rest]) => Buffer.concat([Buffer.from(head, 'hex'), rest]));
    fc.assert(
      fc.property(bytes, bytes, bytes, (a, b, c) => {
        const [result] = feed.sets(ipfix([set(256, variable(a), variable(b), variable(c))]));
        expect(result?.rows.length).toBe(1);
        const shown = result!.rows[0]!.map((value) => toReadableValue(value, 'list'));
        const bytesOf = (value: unknown) => (typeof value === 'string' ? value : (value as { hex: string }).hex);
        expect(shown.map(bytesOf)).toEqual([a, b, c].map(hexOf));
      }),
      { numRuns: 2000 },
    );
  });

  it('of the worst bytes take time in proportion to them', () => {
    const feed = createFeed();
    define(feed, 256, multiListField);
    // Parts of one byte each, which is a list again, whose template is this one.
    const one = Buffer.from('0401000005', 'hex');
    const list = multiList(4, ...Array.from({ length: 12_000 }, () => Buffer.concat([one.subarray(1), uint(0, 1)])));
    const startedAt = performance.now();
    for (let i = 0; i < 10; i++) decoded(feed, list.subarray(0, 60_000));
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
