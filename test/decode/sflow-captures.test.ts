// sFlow captures, read beside the repository: outer flows as expected, and inner flows as the peer that takes tunnels apart has them.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { toReadableValue } from '../../src/decode/field-value.ts';
import { capturesFolder, describeWith } from '../needs.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Expected {
  readonly records:
    | readonly { readonly type: string; readonly fields: Fields; readonly records: readonly Fields[] }[]
    | null;
  readonly normalized?: { readonly decap?: string; readonly flows: readonly Fields[] };
}

function readJson<T>(folder: string, name: string): T {
  return JSON.parse(readFileSync(join(capturesFolder, folder, `${name}.json`), 'utf8')) as T;
}

function decodeCase(name: string, tunnels: 'outer' | 'inner'): { kind: string; fields: Fields }[] {
  const { datagrams } = readJson<{ datagrams: readonly string[] }>('datagrams', name);
  const decoder = createDecoder({ onFault: () => {}, tunnels });
  return datagrams.flatMap((hex) =>
    decoder
      .decode({ payload: Buffer.from(hex, 'hex'), exporter: '192.0.2.1', exporterPort: 1, receivedAtMs: 0 })
      .map(({ layout, rows }) => ({
        kind: layout.kind,
        fields: Object.fromEntries(
          layout.columns.map((column, i) => [column.name, toReadableValue(rows[0]![i]!, column.type)]),
        ),
      })),
  );
}

/** The expectation has one name for both families. */
function fieldOf(fields: Fields, name: string): unknown {
  const length = /^(source|destination)PrefixLength$/.exec(name)?.[1];
  return length === undefined
    ? fields[name]
    : (fields[`${length}IPv4PrefixLength`] ?? fields[`${length}IPv6PrefixLength`]);
}

describeWith(['captures'], 'sFlow captures', () => {
  const names = readdirSync(join(capturesFolder, 'datagrams'))
    .map((file) => file.replace('.json', ''))
    .filter((name) => name.startsWith('sf5-'));

  it.each(names)('%s gives the expected flows, counters and discards', (name) => {
    const decoded = decodeCase(name, 'outer');
    const expected = readJson<Expected>('expected', name).records?.filter(({ type }) => type !== 'unknown') ?? [];
    expect(decoded.map(({ kind }) => kind)).toEqual(expected.map(({ type }) => type));
    expected.forEach(({ type, fields, records }, i) => {
      const got = decoded[i]!.fields;
      const wanted: Fields = type === 'counters' ? Object.assign({}, ...records) : fields;
      for (const [field, value] of Object.entries(wanted)) {
        if (type === 'counters' && ['enterprise', 'format', 'name'].includes(field)) continue;
        expect(fieldOf(got, field), field).toEqual(value);
      }
    });
  });

  it.each(names.filter((name) => readJson<Expected>('expected', name).normalized?.decap?.match(/GRE|IPIP/)))(
    '%s gives the flow inside its tunnel',
    (name) => {
      const flows = readJson<Expected>('expected', name).normalized!.flows;
      const decoded = decodeCase(name, 'inner');
      const outer = decodeCase(name, 'outer');
      flows.forEach((flow, i) => {
        const got = decoded[i]!.fields;
        for (const field of ['sourceIPv4Address', 'destinationIPv4Address', 'protocolIdentifier', 'ipTTL']) {
          expect(got[field], field).toEqual(flow[field]);
        }
        expect(got['sflow.outerSourceIPv4Address']).toBe(outer[i]!.fields['sourceIPv4Address']);
        expect(got['sflow.outerDestinationIPv4Address']).toBe(outer[i]!.fields['destinationIPv4Address']);
      });
      expect(flows.length).toBeGreaterThan(0);
    },
  );

  it.each(names)('%s gives, where there is no tunnel, the same flows when inner ones are asked for', (name) => {
    const outer = decodeCase(name, 'outer');
    decodeCase(name, 'inner').forEach((inner, i) => {
      if (inner.fields['sflow.tunnel'] === undefined) expect(inner).toEqual(outer[i]);
    });
  });
});
