// In captures of real exporters, each flow has the names and the interval that the options records before it told, and no others.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { joinedNames, joinedSamplingInterval } from '../../src/model/record.ts';
import { capturesFolder, describeWith } from '../needs.ts';
import { createFeed } from './feed.ts';

interface Capture {
  readonly datagrams: readonly string[];
  readonly meta: readonly { readonly src: string }[];
}

interface ExpectedRecord {
  readonly type: string;
  readonly datagram: number;
  readonly setId?: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

const read = <T>(path: string) => JSON.parse(readFileSync(`${capturesFolder}${path}`, 'utf8')) as T;
const first = (value: unknown): unknown => (Array.isArray(value) ? (value as readonly unknown[])[0] : value);

/** Column → the field whose value it names, and the table of options fields: key, name. */
const joins = [
  [joinedNames.ingressInterfaceName, 'ingressInterface', 'ingressInterface', 'interfaceName'],
  [joinedNames.egressInterfaceName, 'egressInterface', 'ingressInterface', 'interfaceName'],
  [joinedNames.ingressInterfaceDescription, 'ingressInterface', 'ingressInterface', 'interfaceDescription'],
  [joinedNames.ingressVrfName, 'ingressVRFID', 'ingressVRFID', 'VRFname'],
  [joinedNames.egressVrfName, 'egressVRFID', 'ingressVRFID', 'VRFname'],
] as const;

describeWith(['captures'], 'flows of the captures', () => {
  const names = readdirSync(`${capturesFolder}datagrams`)
    .map((file) => file.replace('.json', ''))
    .filter((name) => name.startsWith('ipfix-'));

  it('are joined with what the options records before them said', () => {
    let named = 0;
    for (const name of names) {
      const capture = read<Capture>(`datagrams/${name}.json`);
      const { records } = read<{ readonly records: readonly ExpectedRecord[] | null }>(`expected/${name}.json`);
      const domains = new Set(capture.datagrams.map((hex) => hex.slice(24, 32)));
      // Records in the order of the wire, of one domain, so that one table stands for all.
      if (records === null || domains.size > 1) continue;
      const feed = createFeed();
      const told = new Map<string, unknown>();
      const decoded = capture.datagrams.flatMap((hex, i) =>
        feed.records(Buffer.from(hex, 'hex'), { exporter: capture.meta[i]!.src }),
      );
      if (decoded.length !== records.length) continue;
      records.forEach(({ type, fields }, i) => {
        for (const [column, key, tableKey, tableName] of joins) {
          if (type === 'options') {
            const text = fields[tableName];
            if (fields[tableKey] !== undefined && text)
              told.set(`${tableKey} ${tableName} ${first(fields[tableKey])}`, text);
            continue;
          }
          const expected = told.get(`${tableKey} ${tableName} ${first(fields[key])}`) ?? null;
          expect([name, i, column, decoded[i]![column] ?? null]).toEqual([name, i, column, expected]);
          if (expected !== null) named++;
        }
      });
    }
    expect(named).toBeGreaterThan(1000);
  });

  it.each([
    ['ipfix-akv-mpls', 10],
    ['nf9-akv-asr-sampler-options', 30_000],
    ['ipfix-softflowd-sampled', 2],
    ['nf9-softflowd-sampled', 2],
  ])('of %s have 1 out of %i packets', (name, interval) => {
    const { datagrams, meta } = read<Capture>(`datagrams/${name}.json`);
    const feed = createFeed();
    // Twice: flows that came before their options data have no interval the first time.
    const [, ...again] = [0, 1].map(() =>
      datagrams.flatMap((hex, i) => feed.sets(Buffer.from(hex, 'hex'), { exporter: meta[i]!.src })),
    );
    const intervals = again
      .flat()
      .filter(({ layout }) => layout.kind === 'flow')
      .flatMap(({ layout, rows }) => {
        const column = layout.columns.findIndex(({ name: column }) => column === joinedSamplingInterval);
        return rows.map((row) => row[column]);
      });
    expect(new Set(intervals)).toEqual(new Set([interval]));
  });
});
