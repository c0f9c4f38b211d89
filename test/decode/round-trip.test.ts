// Flows that a builder of our own puts into datagrams come out as they went in, however they are split into sets and datagrams.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldValue } from '../../src/model/record.ts';
import {
  type FieldSpec,
  ipfix,
  ipfixTemplate,
  type Netflow5Record,
  netflow5,
  netflow5Record,
  netflow9,
  netflow9Template,
  set,
  uint,
  variable,
} from './datagram-builder.ts';
import { createFeed } from './feed.ts';

/** A field, and how values of it are made: as bytes and as what a row should hold. */
interface Field {
  readonly name: string;
  readonly spec: FieldSpec;
  readonly value: fc.Arbitrary<{ readonly bytes: Buffer; readonly value: FieldValue }>;
}

const unsigned = (name: string, id: number, length: number): Field => ({
  name,
  spec: { id, length },
  value: fc.bigInt({ min: 0n, max: 2n ** BigInt(8 * length) - 1n }).map((value) => ({
    bytes: uint(value, length),
    value: value > Number.MAX_SAFE_INTEGER ? `${value}` : Number(value),
  })),
});

const words = fc.string({ unit: fc.constantFrom(...'abcXYZ 09-/äß東'), maxLength: 20 });
const fixedText = (name: string, id: number, length: number): Field => ({
  name,
  spec: { id, length },
  value: words
    .filter((text) => Buffer.byteLength(text) <= length)
    .map((value) => ({ bytes: Buffer.concat([Buffer.from(value), Buffer.alloc(length)]).subarray(0, length), value })),
});
const variableText = (name: string, id: number): Field => ({
  name,
  spec: { id, length: 65_535 },
  value: fc.tuple(words, fc.boolean()).map(([value, long]) => ({ bytes: variable(Buffer.from(value), long), value })),
});

const ipv6: Field = {
  name: 'sourceIPv6Address',
  spec: { id: 27, length: 16 },
  value: fc.tuple(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 0xffff })).map(([high, low]) => ({
    bytes: Buffer.concat([uint(0x2001, 2), uint(high, 2), uint(0, 10), uint(low, 2)]),
    value: `2001:${high.toString(16)}::${low.toString(16)}`,
  })),
};
const seconds: Field = {
  name: 'flowStartSeconds',
  spec: { id: 150, length: 4 },
  value: fc.nat({ max: 2 ** 31 }).map((value) => ({ bytes: uint(value, 4), value: value * 1000 })),
};

/** Each name once: repeated elements become lists and have their own tests. */
const fieldPool: readonly (readonly Field[])[] = [
  [unsigned('sourceIPv4Address', 8, 4)],
  [unsigned('destinationIPv4Address', 12, 4)],
  [ipv6],
  [seconds],
  [unsigned('sourceMacAddress', 56, 6)],
  [unsigned('protocolIdentifier', 4, 1)],
  [unsigned('sourceTransportPort', 7, 2)],
  ...[1, 2].map((id) =>
    [1, 2, 3, 4, 5, 6, 7, 8].map((length) => unsigned(id === 1 ? 'octetDeltaCount' : 'packetDeltaCount', id, length)),
  ),
  [fixedText('interfaceName', 82, 32), variableText('interfaceName', 82)],
  [variableText('interfaceDescription', 83)],
];

const anyTemplate = fc
  .tuple(...fieldPool.map((same) => fc.constantFrom(...same)))
  .chain((fields) => fc.shuffledSubarray(fields, { minLength: 1 }));

interface Flow {
  readonly template: number;
  readonly bytes: Buffer;
  readonly record: Record<string, FieldValue>;
}

/** Templates, flows of them in one order, and where sets and datagrams end. */
const anySession = fc.array(anyTemplate, { minLength: 1, maxLength: 3 }).chain((templates) => {
  const flow = fc.nat({ max: templates.length - 1 }).chain((template) => {
    const fields = templates[template]!;
    return fc.tuple(...fields.map(({ value }) => value)).map(
      (values): Flow => ({
        template,
        bytes: Buffer.concat(values.map(({ bytes }) => bytes)),
        record: Object.fromEntries(fields.map(({ name }, i) => [name, values[i]!.value])),
      }),
    );
  });
  return fc.record({
    templates: fc.constant(templates),
    flows: fc.array(fc.record({ flow, endsSet: fc.boolean(), endsDatagram: fc.boolean() }), { maxLength: 25 }),
  });
});

type Session = typeof anySession extends fc.Arbitrary<infer T> ? T : never;

const protocols = {
  netflow9: { message: netflow9, template: netflow9Template, templateSet: 0 },
  ipfix: { message: ipfix, template: ipfixTemplate, templateSet: 2 },
} as const;

function toDatagrams({ templates, flows }: Session, protocol: keyof typeof protocols) {
  const { message, template, templateSet } = protocols[protocol];
  const records = templates.map((fields, i) => template({ id: 256 + i, fields: fields.map(({ spec }) => spec) }));
  const data: Buffer[] = [];
  let sets: Buffer[] = [];
  let open: { readonly template: number; readonly flows: Buffer[] } | undefined;
  const endSet = () => {
    if (open !== undefined) sets.push(set(256 + open.template, ...open.flows));
    open = undefined;
  };
  const endDatagram = () => {
    endSet();
    if (sets.length > 0) data.push(message(sets));
    sets = [];
  };
  for (const { flow, endsSet, endsDatagram } of flows) {
    if (open?.template !== flow.template) endSet();
    open ??= { template: flow.template, flows: [] };
    open.flows.push(flow.bytes);
    if (endsSet) endSet();
    if (endsDatagram) endDatagram();
  }
  endDatagram();
  return { templateDatagram: message([set(templateSet, ...records)]), data };
}

describe.each(['netflow9', 'ipfix'] as const)('%s flows', (protocol) => {
  it('come out as they went in, for any split into sets and datagrams', () => {
    fc.assert(
      fc.property(anySession, (session) => {
        const feed = createFeed();
        const { templateDatagram, data } = toDatagrams(session, protocol);
        const records = [templateDatagram, ...data].flatMap((payload) => feed.records(payload));
        expect(records).toEqual(session.flows.map(({ flow }) => flow.record));
        expect(feed.faults).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('come out, each once, in whatever order the datagrams come', () => {
    fc.assert(
      fc.property(
        anySession.chain((session) => {
          const { templateDatagram, data } = toDatagrams(session, protocol);
          const all = [templateDatagram, ...data];
          const order = fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
          return fc.record({ session: fc.constant(session), order });
        }),
        ({ session, order }) => {
          const feed = createFeed();
          const toTexts = (records: readonly object[]) => records.map((record) => JSON.stringify(record)).sort();
          const records = order.flatMap((payload) => feed.records(payload));
          expect(toTexts(records)).toEqual(toTexts(session.flows.map(({ flow }) => flow.record)));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('netflow5 flows', () => {
  const lengths = [4, 4, 4, 2, 2, 4, 4, 4, 4, 2, 2, 1, 1, 1, 2, 2, 1, 1];
  const anyRecord = fc
    .tuple(...lengths.map((length) => fc.nat({ max: 2 ** (8 * length) - 1 })))
    .map((values) => values as unknown as Netflow5Record);

  it('come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 30 }), (records) => {
        const feed = createFeed();
        const rows = feed.sets(netflow5(records.map(netflow5Record))).flatMap((one) => one.rows);
        expect(rows).toEqual(records);
        expect(feed.faults).toEqual([]);
      }),
    );
  });
});
