import { describe, expect, it } from 'vitest';
import type { FieldValue } from '../../src/model/record.ts';
import { type FieldSpec, ipfix, ipfixTemplate, set, uint, variable } from './datagram-builder.ts';
import { createFeed, type Feed } from './feed.ts';

const pen = 4_000_000_001;
/** RFC 5610: privateEnterpriseNumber and informationElementId are scope; data type, semantics, name. */
const typeRecords: readonly FieldSpec[] = [346, 303, 339, 344, 341].map((id, i) => ({
  id,
  length: [4, 2, 1, 1, 65_535][i]!,
}));
const types = { unsigned32: 3, string: 13, ipv4Address: 18 };

interface Taught {
  readonly enterprise?: number;
  readonly id: number;
  readonly type: number;
  readonly name: string;
}

function teach(feed: Feed, taught: readonly Taught[], exporter = '192.0.2.1'): void {
  const records = taught.map(({ enterprise = pen, id, type, name }) =>
    Buffer.concat([uint(enterprise, 4), uint(id, 2), uint(type, 1), uint(1, 1), variable(Buffer.from(name))]),
  );
  const template = ipfixTemplate({ id: 400, fields: typeRecords, scopeCount: 2 });
  feed.sets(ipfix([set(3, template), set(400, ...records)]), { exporter });
}

const fields: readonly FieldSpec[] = [
  { enterprise: pen, id: 1, length: 4 },
  { enterprise: pen, id: 2, length: 2 },
];
const template = set(2, ipfixTemplate({ id: 256, fields }));
const data = set(256, Buffer.from('c00002010102', 'hex'));

function ask(feed: Feed, exporter = '192.0.2.1'): Record<string, FieldValue> | undefined {
  return feed.records(ipfix([template, data]), { exporter })[0];
}

describe('elements that an exporter describes (RFC 5610)', () => {
  it('have their name, behind the enterprise, and their type in templates that come later', () => {
    const feed = createFeed();
    const unknown = { [`${pen}/1`]: 'c0000201', [`${pen}/2`]: '0102' };
    expect(ask(feed)).toEqual(unknown);
    teach(feed, [
      { id: 1, type: types.ipv4Address, name: 'probeAddress' },
      { id: 2 | 0x8000, type: types.unsigned32, name: 'probeLoad' },
    ]);
    expect(feed.records(ipfix([data]))[0]).toEqual(unknown);
    expect(ask(feed)).toEqual({ [`${pen}/probeAddress`]: 0xc0000201, [`${pen}/probeLoad`]: 0x0102 });
  });

  // One field each, of as many bytes as the type has, with a value that shows the type.
  it.each<[number, string, string, FieldValue]>([
    [0, 'octetArray', '0102', '0102'],
    [1, 'unsigned8', 'ff', 255],
    [4, 'unsigned64', 'ffffffffffffffff', '18446744073709551615'],
    [5, 'signed8', 'ff', -1],
    [8, 'signed64', 'fffffffffffffffe', -2],
    [9, 'float32', '3f000000', 0.5],
    [10, 'float64', '3fe0000000000000', 0.5],
    [11, 'boolean', '01', true],
    [12, 'macAddress', '000000000102', 0x0102],
    [13, 'string', '6162', 'ab'],
    [14, 'dateTimeSeconds', '00000001', 1000],
    [15, 'dateTimeMilliseconds', '0000000000000001', 1],
    // Seconds from 1900, then half a second.
    [16, 'dateTimeMicroseconds', '83aa7e8080000000', 500],
    [17, 'dateTimeNanoseconds', '83aa7e8080000000', 500],
    [18, 'ipv4Address', 'c0000201', 0xc0000201],
    [19, 'ipv6Address', '20010db8000000000000000000000001', '2001:db8::1'],
    [23, 'unsigned256', '0007', 7],
  ])('of data type %i are read as %s', (type, _, hex, value) => {
    const feed = createFeed();
    teach(feed, [{ id: 9, type, name: 'probe' }]);
    const message = ipfix([
      set(2, ipfixTemplate({ id: 300, fields: [{ enterprise: pen, id: 9, length: hex.length / 2 }] })),
      set(300, Buffer.from(hex, 'hex')),
    ]);
    expect(feed.records(message)).toEqual([{ [`${pen}/probe`]: value }]);
  });

  it('are those of this exporter only', () => {
    const feed = createFeed();
    teach(feed, [{ id: 1, type: types.ipv4Address, name: 'probeAddress' }], '192.0.2.66');
    expect(ask(feed)).toEqual({ [`${pen}/1`]: 'c0000201', [`${pen}/2`]: '0102' });
    expect(ask(feed, '192.0.2.66')).toHaveProperty([`${pen}/probeAddress`]);
  });

  it('do not change what the registries say', () => {
    const feed = createFeed();
    // 6871/14 is initialTCPFlags of CERT, unsigned8; enterprise 0 is IANA.
    teach(feed, [
      { enterprise: 6871, id: 14, type: types.string, name: 'mine' },
      { enterprise: 0, id: 4, type: types.string, name: 'mine' },
    ]);
    const known = ipfixTemplate({
      id: 256,
      fields: [
        { enterprise: 6871, id: 14, length: 1 },
        { id: 4, length: 1 },
      ],
    });
    expect(feed.records(ipfix([set(2, known), set(256, uint(0x4141, 2))]))).toEqual([
      { '6871/14': 0x41, protocolIdentifier: 0x41 },
    ]);
  });

  it('keep their number where the name is none, and change when they are described anew', () => {
    const feed = createFeed();
    for (const name of ['', 'with space', '__proto__', 'a"b', 'x'.repeat(100), 'naïve']) {
      teach(feed, [{ id: 1, type: types.ipv4Address, name }]);
      expect(ask(feed)).toEqual({ [`${pen}/1`]: 0xc0000201, [`${pen}/2`]: '0102' });
    }
    teach(feed, [{ id: 1, type: types.unsigned32, name: 'load' }]);
    expect(ask(feed)).toEqual({ [`${pen}/load`]: 0xc0000201, [`${pen}/2`]: '0102' });
    teach(feed, [{ id: 1, type: 99, name: 'load' }]);
    expect(ask(feed)).toHaveProperty([`${pen}/load`]);
  });

  it('count to the limit of facts', () => {
    const feed = createFeed({ factsPerExporter: 1 });
    teach(feed, [
      { id: 1, type: types.ipv4Address, name: 'one' },
      { id: 2, type: types.unsigned32, name: 'two' },
    ]);
    expect(ask(feed)).toEqual({ [`${pen}/one`]: 0xc0000201, [`${pen}/2`]: '0102' });
  });

  it('come back with the saved state, in templates of before and of after', () => {
    const feed = createFeed();
    teach(feed, [{ id: 1, type: types.ipv4Address, name: 'probeAddress' }]);
    const expected = ask(feed);
    const after = createFeed();
    after.decoder.restoreState(JSON.parse(JSON.stringify(feed.decoder.saveState())));
    expect(after.records(ipfix([data]))[0]).toEqual(expected);
    const { stateVersion } = after.decoder;
    expect(ask(after)).toEqual(expected);
    expect(after.decoder.stateVersion).toBe(stateVersion);
  });

  it('are those of the values of basicLists, too', () => {
    const feed = createFeed();
    teach(feed, [{ id: 1, type: types.ipv4Address, name: 'probeAddress' }]);
    const lists = ipfixTemplate({ id: 300, fields: [{ id: 291, length: 65_535 }] });
    const list = Buffer.concat([uint(3, 1), uint(0x8001, 2), uint(4, 2), uint(pen, 4), uint(0xc0000201, 4)]);
    expect(feed.records(ipfix([set(2, lists), set(300, variable(list))]))[0]?.['basicList']).toMatchObject({
      element: `${pen}/probeAddress`,
      items: ['192.0.2.1'],
    });
  });
});
