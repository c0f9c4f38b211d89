// Whatever bytes come, in whatever order: decoding ends, throws nothing, makes no more rows than there are bytes, and stays in its limits.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecoderLimits } from '../../src/decode/decoder.ts';
import { faultCodes } from '../../src/model/fault.ts';
import { ipfix, ipfixTemplate, netflow5, netflow9, netflow9Template, set, uint, variable } from './datagram-builder.ts';
import { createFeed } from './feed.ts';

const fields = [
  { id: 8, length: 4 },
  { id: 82, length: 65_535 },
  { id: 1, length: 8 },
  { id: 154, length: 8 },
  { id: 48, length: 1 },
];
const data = Buffer.concat([uint(1, 4), variable(Buffer.from('eth0')), uint(1, 8), uint(2n ** 63n, 8), uint(1, 1)]);
const optionsFields = [
  { id: 1, length: 4 },
  { id: 48, length: 1 },
  { id: 34, length: 4 },
];
const options = uint(0x0000_0000_01_00000064n, 9);

/** Valid datagrams of everything there is. */
const valid: readonly Buffer[] = [
  netflow9([
    set(0, netflow9Template({ id: 256, fields })),
    set(1, netflow9Template({ id: 257, fields: optionsFields, scopeCount: 1 }), uint(0, 2)),
    set(257, options),
    set(256, data, data),
  ]),
  ipfix([
    set(2, ipfixTemplate({ id: 256, fields: [...fields, { id: 1, length: 4, enterprise: 29_305 }] })),
    set(3, ipfixTemplate({ id: 257, fields: [{ id: 10, length: 4 }, ...optionsFields.slice(1)], scopeCount: 1 })),
    set(257, options),
    set(256, data, uint(5, 4)),
  ]),
  // Names to join, lists, and an element that the exporter describes.
  ipfix([
    set(
      3,
      ipfixTemplate({
        id: 300,
        fields: [
          { id: 10, length: 4 },
          { id: 82, length: 65_535 },
        ],
        scopeCount: 1,
      }),
      ipfixTemplate({
        id: 301,
        fields: [
          { id: 95, length: 4 },
          { id: 96, length: 65_535 },
        ],
        scopeCount: 1,
      }),
    ),
    set(300, uint(1, 4), variable(Buffer.from('eth1')), uint(2, 4), variable(Buffer.from('eth2'))),
    set(301, uint(0x0d00_0001, 4), variable(Buffer.from('dns'))),
    set(
      2,
      ipfixTemplate({
        id: 256,
        fields: [
          { id: 10, length: 4 },
          { id: 14, length: 4 },
          { id: 95, length: 4 },
        ],
      }),
    ),
    set(256, uint(1, 4), uint(2, 4), uint(0x0d00_0001, 4)),
  ]),
  ipfix([
    set(3, ipfixTemplate({ id: 302, fields: [346, 303, 339].map((id) => ({ id, length: 4 })), scopeCount: 2 })),
    set(302, uint(4711, 4), uint(1, 4), uint(18, 4)),
    set(
      2,
      ipfixTemplate({
        id: 256,
        fields: [
          { id: 1, length: 4, enterprise: 4711 },
          { id: 293, length: 65_535 },
        ],
      }),
    ),
    set(256, uint(1, 4), variable(Buffer.from('0401000010 00000001 06 03012300049247c0'.replaceAll(' ', ''), 'hex'))),
  ]),
  ipfix([set(2, uint(2, 2), uint(0, 2)), set(3, uint(3, 2), uint(0, 2))]),
  netflow5([Buffer.alloc(48, 7), Buffer.alloc(48, 9)]),
];

const tightLimits: Partial<DecoderLimits> = {
  exporters: 3,
  templates: 10,
  templatesPerExporter: 4,
  fieldsPerTemplate: 8,
  plans: 2,
  facts: 5,
  factsPerExporter: 3,
  parkedBytes: 4000,
  parkedBytesPerExporter: 2000,
};

const anyMutation = fc.oneof(
  fc.record({
    verb: fc.constant('set' as const),
    at: fc.nat(200),
    value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 255)),
  }),
  fc.record({ verb: fc.constant('cut' as const), at: fc.nat(200), value: fc.nat(200) }),
  fc.record({ verb: fc.constant('repeat' as const), at: fc.nat(200), value: fc.nat(60) }),
);

const anyDatagram = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 2,
    // Random bytes behind a header that leads into each of the decoders.
    arbitrary: fc
      .tuple(fc.constantFrom('0009', '000a', '0005', '00000005'), fc.uint8Array({ maxLength: 300 }))
      .map(([start, bytes]) => Buffer.concat([Buffer.from(start, 'hex'), bytes])),
  },
  { weight: 2, arbitrary: fc.constantFrom(...valid) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...valid), fc.array(anyMutation, { minLength: 1, maxLength: 4 }))
      .map(([bytes, mutations]) => {
        let mutated = Buffer.from(bytes);
        for (const { verb, at, value } of mutations) {
          const place = at % Math.max(1, mutated.length);
          if (verb === 'set') mutated[place] = value;
          else if (verb === 'cut')
            mutated = Buffer.concat([mutated.subarray(0, place), mutated.subarray(place + value)]);
          else mutated = Buffer.concat([mutated.subarray(0, place + value), mutated.subarray(place)]);
        }
        return mutated;
      }),
  },
);

const anyArrival = fc.record({
  payload: anyDatagram,
  exporter: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', 'x', 'y'),
});

describe('hostile datagrams', () => {
  it.each([
    ['the usual limits', {}],
    ['tight limits', tightLimits],
  ])('end, throw nothing and give no more rows than bytes, within %s', (_, limits) => {
    fc.assert(
      fc.property(fc.array(anyArrival, { maxLength: 30 }), (arrivals) => {
        const feed = createFeed(limits);
        let bytes = 0;
        let rows = 0;
        arrivals.forEach(({ payload, exporter }, i) => {
          bytes += payload.length;
          for (const one of feed.sets(payload, { exporter, receivedAtMs: i * 1000 })) {
            rows += one.rows.length;
            for (const row of one.rows) {
              expect(row.length).toBe(one.layout.columns.length);
              expect(JSON.parse(JSON.stringify(row))).toEqual(row);
            }
          }
        });
        expect(rows).toBeLessThanOrEqual(bytes);
        expect(feed.faults.filter((code) => !(code in faultCodes))).toEqual([]);
        const { exporters } = feed.decoder.saveState();
        if (limits !== tightLimits) return;
        expect(exporters.length).toBeLessThanOrEqual(3);
        for (const { domains, taught = [] } of exporters) {
          const templates = domains.flatMap((domain) => domain.templates);
          const facts: unknown[] = [...taught];
          for (const { selectors = [], interfaces = [], templateWide = [], sequences = [], names = {} } of domains) {
            facts.push(...selectors, ...interfaces, ...templateWide, ...sequences, ...Object.values(names).flat());
          }
          expect(templates.length).toBeLessThanOrEqual(4);
          expect(facts.length).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('of the largest size are decoded in time in proportion to their bytes', () => {
    const withdrawals = Array.from({ length: 6000 }, () => [set(2, uint(2, 2), uint(0, 2))]).flat();
    const manyTemplates = Array.from({ length: 4000 }, (_, i) =>
      netflow9Template({ id: 256 + i, fields: [{ id: 1, length: 1 + (i % 200) }] }),
    );
    const oneByteRecords = netflow9([
      set(0, netflow9Template({ id: 256, fields: [{ id: 4, length: 1 }] })),
      set(256, Buffer.alloc(60_000)),
    ]);
    // A byte a record, and 999 fields without any.
    const emptyFields = netflow9([
      set(
        0,
        netflow9Template({
          id: 256,
          fields: [...Array.from({ length: 999 }, () => ({ id: 1, length: 0 })), { id: 4, length: 1 }],
        }),
      ),
      set(256, Buffer.alloc(60_000)),
    ]);
    const feed = createFeed();
    const session = createFeed({}, 'tcp');
    const startedAt = performance.now();
    for (let i = 0; i < 5; i++) {
      expect(createFeed().records(emptyFields)).toHaveLength(60_000);
      feed.sets(ipfix(withdrawals));
      session.sets(ipfix(withdrawals));
      feed.sets(netflow9([set(0, ...manyTemplates)]));
      expect(feed.records(oneByteRecords)).toHaveLength(60_000);
      feed.sets(netflow9(Array.from({ length: 12_000 }, (_, id) => set(300 + id, uint(1, 1)))));
    }
    // Some milliseconds each on any machine; a quadratic path takes minutes.
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
