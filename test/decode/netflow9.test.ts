import { describe, expect, it } from 'vitest';
import { netflow9, netflow9Template, set, uint, variable } from './datagram-builder.ts';
import { createFeed } from './feed.ts';

const addressAndOctets = netflow9Template({
  id: 256,
  fields: [
    { id: 8, length: 4 },
    { id: 1, length: 4 },
  ],
});
const record = (address: number, octets: number) => Buffer.concat([uint(address, 4), uint(octets, 4)]);

describe('a NetFlow v9 datagram', () => {
  it('gives the records of a template that came before them in the same datagram', () => {
    const feed = createFeed();
    const payload = netflow9([set(0, addressAndOctets), set(256, record(1, 100), record(2, 200))], {
      exportSeconds: 1_700_000_000,
      sequence: 77,
      domain: 4_000_000_000,
      sysUptimeMs: 123,
    });
    const [one, ...more] = feed.sets(payload, { receivedAtMs: 9 });
    expect(more).toEqual([]);
    expect(one?.header).toEqual({
      exporter: '192.0.2.1',
      domain: 4_000_000_000,
      setId: 256,
      receivedAtMs: 9,
      exportedAtMs: 1_700_000_000_000,
      sequence: 77,
      sysUptimeMs: 123,
    });
    expect(one?.layout).toMatchObject({
      protocol: 'netflow9',
      kind: 'flow',
      columns: [
        { name: 'sourceIPv4Address', type: 'ipv4' },
        { name: 'octetDeltaCount', type: 'number' },
      ],
    });
    expect(one?.rows).toEqual([
      [1, 100],
      [2, 200],
    ]);
    expect(feed.faults).toEqual([]);
  });

  it('is walked to its end, whatever its header counts', () => {
    for (const count of [0, 1, 65_535]) {
      const feed = createFeed();
      const payload = netflow9([set(0, addressAndOctets), set(256, record(1, 1)), set(256, record(2, 2))], { count });
      expect(feed.records(payload)).toHaveLength(2);
    }
  });

  it('may end in zeros', () => {
    const feed = createFeed();
    const payload = netflow9([set(0, addressAndOctets), set(256, record(1, 1)), Buffer.alloc(1200)]);
    expect(feed.records(payload)).toHaveLength(1);
    expect(feed.faults).toEqual([]);
  });

  it('may have sets of odd length, and padding in each', () => {
    const feed = createFeed();
    const sets = [
      set(0, addressAndOctets, uint(0, 4)),
      set(256, record(1, 1), uint(0, 3)),
      set(256, record(2, 2), uint(0, 1)),
    ];
    expect(feed.records(netflow9(sets))).toHaveLength(2);
    expect(feed.faults).toEqual([]);
  });

  it('that ends inside a set gives the records that are whole', () => {
    const feed = createFeed();
    const payload = netflow9([set(0, addressAndOctets), set(256, record(1, 1), record(2, 2))]);
    expect(feed.records(payload.subarray(0, payload.length - 1))).toHaveLength(1);
    expect(feed.faults).toEqual(['datagram-truncated']);
  });

  it('loses a set of a reserved id, and no other', () => {
    const feed = createFeed();
    expect(
      feed.records(netflow9([set(0, addressAndOctets), set(5, record(1, 1)), set(256, record(2, 2))])),
    ).toHaveLength(1);
    expect(feed.faults).toEqual(['set-malformed']);
  });

  it('ends at a set with an impossible length', () => {
    const feed = createFeed();
    const bad = Buffer.concat([uint(256, 2), uint(3, 2), uint(0, 4)]);
    expect(
      feed.records(netflow9([set(0, addressAndOctets), set(256, record(1, 1)), bad, set(256, record(2, 2))])),
    ).toHaveLength(1);
    expect(feed.faults).toEqual(['set-malformed']);
  });

  it('without a whole header is a fault', () => {
    const feed = createFeed();
    expect(feed.sets(netflow9([]).subarray(0, 19))).toEqual([]);
    expect(feed.faults).toEqual(['datagram-truncated']);
  });

  it('knows no enterprises: types above 32767 are plain types', () => {
    const feed = createFeed();
    const template = netflow9Template({
      id: 256,
      fields: [
        { id: 33_002, length: 2 },
        { id: 4, length: 1 },
      ],
    });
    expect(feed.records(netflow9([set(0, template), set(256, uint(7, 2), uint(6, 1))]))).toEqual([
      { 'v9:33002': 7, protocolIdentifier: 6 },
    ]);
  });

  it('may have fields of variable length, as H3C sends them', () => {
    const feed = createFeed();
    const template = netflow9Template({
      id: 256,
      fields: [
        { id: 82, length: 65_535 },
        { id: 4, length: 1 },
      ],
    });
    expect(feed.records(netflow9([set(0, template), set(256, variable(Buffer.from('eth0')), uint(6, 1))]))).toEqual([
      { interfaceName: 'eth0', protocolIdentifier: 6 },
    ]);
  });
});

describe('a NetFlow v9 template', () => {
  it('belongs to its exporter and source id, not to a UDP port', () => {
    const feed = createFeed();
    const other = netflow9Template({ id: 256, fields: [{ id: 4, length: 1 }] });
    feed.sets(netflow9([set(0, addressAndOctets)], { domain: 1 }), { exporterPort: 1000 });
    feed.sets(netflow9([set(0, other)], { domain: 2 }), { exporterPort: 1000 });
    feed.sets(netflow9([set(0, other)], { domain: 1 }), { exporter: '192.0.2.2' });
    const data = netflow9([set(256, record(5, 6))], { domain: 1 });
    expect(feed.records(data, { exporterPort: 2000 })).toEqual([{ sourceIPv4Address: 5, octetDeltaCount: 6 }]);
    expect(feed.records(netflow9([set(256, uint(17, 1))], { domain: 2 }))).toEqual([{ protocolIdentifier: 17 }]);
    expect(feed.records(netflow9([set(256, uint(1, 1))], { domain: 1 }), { exporter: '192.0.2.2' })).toEqual([
      { protocolIdentifier: 1 },
    ]);
  });

  it('that is sent again with other fields takes the place of the old one', () => {
    const feed = createFeed();
    feed.sets(netflow9([set(0, addressAndOctets)]));
    feed.sets(
      netflow9([
        set(
          0,
          netflow9Template({
            id: 256,
            fields: [
              { id: 1, length: 4 },
              { id: 8, length: 4 },
            ],
          }),
        ),
      ]),
    );
    expect(feed.records(netflow9([set(256, record(5, 6))]))).toEqual([{ octetDeltaCount: 5, sourceIPv4Address: 6 }]);
  });

  it.each([
    ['no fields', []],
    [
      'fields of no bytes only',
      [
        { id: 1, length: 0 },
        { id: 2, length: 0 },
      ],
    ],
  ])('with %s is refused, and its data is not read', (_, fields) => {
    const feed = createFeed();
    const template = netflow9Template({ id: 256, fields });
    expect(feed.sets(netflow9([set(0, template), set(256, Buffer.alloc(40))]))).toEqual([]);
    expect(feed.faults).toEqual(['template-malformed', 'template-missing']);
  });

  it('that is refused costs no other template of its set', () => {
    const feed = createFeed();
    const refused = netflow9Template({ id: 300, fields: [] });
    expect(feed.records(netflow9([set(0, refused, addressAndOctets), set(256, record(1, 2))]))).toHaveLength(1);
    expect(feed.faults).toEqual(['template-malformed']);
  });

  it('of a reserved id is refused', () => {
    const feed = createFeed();
    feed.sets(netflow9([set(0, netflow9Template({ id: 255, fields: [{ id: 1, length: 4 }] }))]));
    expect(feed.faults).toEqual(['template-malformed']);
  });

  it('that is cut off is refused', () => {
    const feed = createFeed();
    feed.sets(netflow9([set(0, addressAndOctets.subarray(0, 10))]));
    expect(feed.faults).toEqual(['template-malformed']);
  });

  it('with more fields than the limit is refused', () => {
    const feed = createFeed({ fieldsPerTemplate: 3 });
    const fields = (count: number) => Array.from({ length: count }, () => ({ id: 1, length: 1 }));
    feed.sets(netflow9([set(0, netflow9Template({ id: 256, fields: fields(3) }))]));
    expect(feed.faults).toEqual([]);
    feed.sets(netflow9([set(0, netflow9Template({ id: 257, fields: fields(4) }))]));
    expect(feed.faults).toEqual(['template-malformed']);
  });

  it('shows padding and fields of no bytes in no column, and repeated elements as lists in template order', () => {
    const feed = createFeed();
    const fields = [
      ...[
        { id: 7, length: 2 },
        { id: 210, length: 3 },
        { id: 11, length: 0 },
      ],
      ...[
        { id: 7, length: 2 },
        { id: 0, length: 1 },
        { id: 4, length: 1 },
        { id: 7, length: 0 },
      ],
    ];
    const data = Buffer.concat([uint(80, 2), uint(0xffffff, 3), uint(443, 2), uint(0xff, 1), uint(6, 1)]);
    expect(feed.records(netflow9([set(0, netflow9Template({ id: 256, fields })), set(256, data)]))).toEqual([
      { sourceTransportPort: [80, 443], protocolIdentifier: 6 },
    ]);
  });

  it('with lengths that don’t fit its types gives the bytes', () => {
    const feed = createFeed();
    const template = netflow9Template({
      id: 256,
      fields: [
        { id: 8, length: 2 },
        { id: 10, length: 2 },
        { id: 1, length: 9 },
      ],
    });
    const data = Buffer.concat([uint(0xabcd, 2), uint(7, 2), uint(1, 9)]);
    expect(feed.records(netflow9([set(0, template), set(256, data)]))).toEqual([
      { sourceIPv4Address: { hex: 'abcd' }, ingressInterface: 7, octetDeltaCount: { hex: '000000000000000001' } },
    ]);
  });

  it('has the same layout as another one with the same columns, and only then', () => {
    const layoutOf = (...fields: readonly (readonly [number, number])[]) => {
      const template = netflow9Template({ id: 256, fields: fields.map(([id, length]) => ({ id, length })) });
      const length = fields.reduce((sum, [, bytes]) => sum + bytes, 0);
      return createFeed().sets(netflow9([set(0, template), set(256, Buffer.alloc(length))]))[0]?.layout;
    };
    expect(layoutOf([8, 4], [1, 4])).toEqual(layoutOf([8, 4], [1, 8]));
    const ids = [layoutOf([8, 4], [1, 4]), layoutOf([1, 4], [8, 4]), layoutOf([8, 4])].map((layout) => layout?.id);
    expect(new Set(ids).size).toBe(3);
  });
});

describe('a NetFlow v9 options template', () => {
  it('has scopes of its own number space, given in bytes, and padding', () => {
    const feed = createFeed();
    const fields = [
      ...[
        { id: 1, length: 4 },
        { id: 2, length: 2 },
        { id: 9, length: 1 },
      ],
      ...[
        { id: 34, length: 4 },
        { id: 35, length: 1 },
      ],
    ];
    const template = netflow9Template({ id: 257, fields, scopeCount: 3 });
    const data = Buffer.concat([uint(1, 4), uint(2, 2), uint(3, 1), uint(100, 4), uint(2, 1)]);
    const [one] = feed.sets(netflow9([set(1, template, uint(0, 2)), set(257, data)]));
    expect(one?.layout).toMatchObject({
      kind: 'options',
      columns: [
        { name: 'scope:system', type: 'number' },
        { name: 'scope:interface', type: 'number' },
        { name: 'scope:9', type: 'number' },
        { name: 'samplingInterval', type: 'number' },
        { name: 'samplingAlgorithm', type: 'number' },
      ],
      scope: { system: 0, interface: 1, '9': 2 },
    });
    expect(one?.rows).toEqual([[1, 2, 3, 100, 2]]);
    expect(feed.faults).toEqual([]);
  });

  it('may have scopes without bytes', () => {
    const feed = createFeed();
    const template = netflow9Template({
      id: 257,
      fields: [
        { id: 1, length: 0 },
        { id: 34, length: 4 },
      ],
      scopeCount: 1,
    });
    const [one] = feed.sets(netflow9([set(1, template), set(257, uint(5, 4))]));
    expect(one?.layout.scope).toEqual({});
    expect(one?.rows).toEqual([[5]]);
  });

  it('with lengths that lead behind its set is refused', () => {
    const feed = createFeed();
    feed.sets(netflow9([set(1, uint(257, 2), uint(65_532, 2), uint(4, 2), uint(34, 2), uint(4, 2))]));
    feed.sets(netflow9([set(1, uint(257, 2), uint(3, 2), uint(5, 2), Buffer.alloc(8, 1))]));
    expect(feed.faults).toEqual(['template-malformed', 'template-malformed']);
  });
});
