// Explanations are made by a second reading of the bytes: they must lie where the fields lie and say what the decoder says.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import type { ExplainedSet } from '../../src/decode/explain.ts';
import { toReadableValue } from '../../src/decode/field-value.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import {
  ipfix,
  ipfixTemplate,
  netflow5,
  netflow5Record,
  netflow9,
  netflow9Template,
  set,
  uint,
  variable,
} from './datagram-builder.ts';
import { ethernet, flowSample, ipv4, rawHeader, sflowPayload, tcp, uint16s } from './sflow-datagram.ts';

const elements = createInformationElements();

function explain(...payloads: readonly Buffer[]) {
  const explained: ExplainedSet[] = [];
  const decoder = createDecoder({ onFault: () => {}, onExplained: (set) => explained.push(set), elements });
  const sets = payloads.flatMap((payload) =>
    decoder.decode({ payload, exporter: '192.0.2.1', exporterPort: 2055, receivedAtMs: 1_700_000_000_000 }),
  );
  return { explained, sets };
}

describe('an explanation', () => {
  it('of IPFIX gives place, element and bytes of each field, those of variable length without their length', () => {
    const template = {
      id: 256,
      fields: [
        { id: 8, length: 4 },
        { id: 82, length: 65_535 },
        { id: 1, length: 2, enterprise: 99_999 },
      ],
    };
    const record = Buffer.concat([uint(0x0a01_0203, 4), variable(Buffer.from('eth0')), uint(0xbeef, 2)]);
    const payload = ipfix([set(2, ipfixTemplate(template)), set(256, record)], { domain: 7, sequence: 12 });
    const { explained } = explain(payload);
    const at = payload.length - record.length;
    expect(explained).toMatchObject([
      {
        protocol: 'ipfix',
        exporter: '192.0.2.1',
        domain: 7,
        sequence: 12,
        form: 'template 256, flow',
        isParked: false,
        records: [
          {
            offset: at,
            length: 11,
            fields: [
              { offset: at, length: 4, element: '8', name: 'sourceIPv4Address', encoding: 'ipv4', value: '10.1.2.3' },
              { offset: at + 5, length: 4, element: '82', name: 'interfaceName', encoding: 'text', value: 'eth0' },
              { offset: at + 9, length: 2, element: '99999/1', name: '99999/1', encoding: 'bytes', value: 'beef' },
            ],
          },
        ],
      },
    ]);
  });

  it('of NetFlow v9 options names scopes, which have numbers of their own', () => {
    const template = {
      id: 300,
      fields: [
        { id: 1, length: 4 },
        { id: 34, length: 4 },
      ],
      scopeCount: 1,
    };
    const { explained } = explain(netflow9([set(1, netflow9Template(template)), set(300, uint(5, 4), uint(512, 4))]));
    expect(explained).toMatchObject([
      {
        form: 'template 300, options',
        records: [
          {
            fields: [
              { element: '1', name: 'scope:system', value: 5 },
              { element: '34', name: 'samplingInterval', value: 512 },
            ],
          },
        ],
      },
    ]);
  });

  it('of a set that waited for its template counts from the set', () => {
    const template = { id: 256, fields: [{ id: 8, length: 4 }] };
    const { explained } = explain(
      netflow9([set(256, uint(1, 4), uint(2, 4))]),
      netflow9([set(0, netflow9Template(template))]),
    );
    expect(explained).toMatchObject([
      {
        isParked: true,
        records: [
          { offset: 0, length: 4 },
          { offset: 4, length: 4 },
        ],
      },
    ]);
  });

  it('of NetFlow v5 has the fields of the format', () => {
    const record = netflow5Record([0x0a01_0203, 2, 3, 4, 5, 6, 7, 8, 9, 443, 11, 12, 6, 14, 15, 16, 24, 25]);
    const { explained } = explain(netflow5([record, record], { sequence: 9, engineId: 3 }));
    expect(explained).toMatchObject([{ domain: 3, sequence: 9, form: 'NetFlow v5 record' }]);
    expect(explained[0]!.records.map(({ offset, length }) => [offset, length])).toEqual([
      [24, 48],
      [72, 48],
    ]);
    const { fields } = explained[0]!.records[1]!;
    expect(fields.find(({ name }) => name === 'sourceTransportPort')).toMatchObject({ offset: 72 + 32, value: 443 });
    expect(fields.at(-1)).toMatchObject({ offset: 72 + 46, length: 2, name: '(padding)' });
  });

  it('of sFlow has the structures of each sample', () => {
    const frame = ethernet(uint16s(0x0800), ipv4({ protocol: 6, payload: tcp }));
    const payload = sflowPayload([flowSample([rawHeader(frame)]), flowSample([])], { subAgent: 6 });
    const { explained } = explain(payload);
    expect(explained.map(({ form, domain, sequence }) => [form, domain, sequence])).toEqual([
      ['sample 0:1', 6, 77],
      ['sample 0:1', 6, 77],
    ]);
    const structure = explained[0]!.records[0]!.fields[1]!;
    expect(structure).toMatchObject({ element: '0:1', encoding: 'structure', value: undefined });
    expect(payload.readUInt32BE(structure.offset - 4)).toBe(structure.length);
    expect(payload.subarray(structure.offset + 16, structure.offset + 16 + frame.length)).toEqual(frame);
  });

  it('says of every field what the decoder says, without a byte left out, for any template', () => {
    const field = fc.record({
      id: fc.integer({ min: 1, max: 400 }),
      length: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(65_535)),
    });
    const fields = fc.uniqueArray(field, { selector: ({ id }) => id, minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fields, fc.uint8Array({ minLength: 400, maxLength: 400 }), (fields, content) => {
        let taken = 0;
        const next = (length: number): Uint8Array => {
          taken += length;
          return content.subarray(taken - length, taken);
        };
        const record = Buffer.concat(
          fields.map(({ length }) => (length === 65_535 ? variable(next(3)) : next(length))),
        );
        const { explained, sets } = explain(ipfix([set(2, ipfixTemplate({ id: 256, fields })), set(256, record)]));
        const [one] = explained[0]!.records;
        expect(one).toMatchObject({ length: record.length });
        let at = one!.offset;
        one!.fields.forEach((shown, i) => {
          const isVariable = fields[i]!.length === 65_535;
          expect(shown.offset).toBe(isVariable ? at + 1 : at);
          at = shown.offset + shown.length;
        });
        expect(at).toBe(one!.offset + record.length);
        const { layout, rows } = sets[0]!;
        layout.columns.forEach(({ name, type }, column) => {
          const shown = one!.fields.filter((field) => field.name === name);
          if (shown.length === 1) expect(shown[0]!.value).toEqual(toReadableValue(rows[0]![column]!, type));
        });
      }),
      { numRuns: 200 },
    );
  });

  it('is made of any bytes without an exception or a field beyond them', () => {
    const start = fc.constantFrom([0, 5, 0, 3], [0, 0, 0, 5, 0, 0, 0, 1], [0, 9], [0, 10, 0, 60]);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
        const { explained } = explain(Buffer.from([...start, ...rest]));
        for (const { bytes, records } of explained) {
          for (const { offset, length } of records.flatMap(({ fields }) => fields)) {
            expect(offset + length).toBeLessThanOrEqual(bytes.length);
          }
        }
      }),
    );
  });
});
