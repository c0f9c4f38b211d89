import { describe, expect, it } from 'vitest';
import { ipfix, ipfixTemplate, netflow9, netflow9Template, set, uint, variable } from './datagram-builder.ts';
import { createFeed } from './feed.ts';

const octets = ipfixTemplate({ id: 256, fields: [{ id: 1, length: 4 }] });
const protocol = ipfixTemplate({ id: 257, fields: [{ id: 4, length: 1 }] });

describe('an IPFIX message', () => {
  it('gives records under a header without uptime', () => {
    const feed = createFeed();
    const payload = ipfix([set(2, octets), set(256, uint(1, 4), uint(2, 4))], { sequence: 9, domain: 4_294_967_295 });
    const [one, ...more] = feed.sets(payload, { receivedAtMs: 3 });
    expect(more).toEqual([]);
    expect(one?.rows).toEqual([[1], [2]]);
    expect(one?.header).toEqual({
      exporter: '192.0.2.1',
      domain: 4_294_967_295,
      setId: 256,
      receivedAtMs: 3,
      exportedAtMs: 1_700_000_000_000,
      sequence: 9,
    });
  });

  it('ends where its length says, even when the datagram is longer', () => {
    const feed = createFeed();
    const payload = Buffer.concat([ipfix([set(2, octets), set(256, uint(1, 4))]), set(256, uint(2, 4))]);
    expect(feed.records(payload)).toEqual([{ octetDeltaCount: 1 }]);
    expect(feed.faults).toEqual([]);
  });

  it('that is longer than its datagram gives what is there, and a fault', () => {
    const feed = createFeed();
    expect(feed.records(ipfix([set(2, octets), set(256, uint(1, 4))], { length: 900 }))).toEqual([
      { octetDeltaCount: 1 },
    ]);
    expect(feed.faults).toEqual(['datagram-truncated']);
  });

  it.each([0, 8, 15])('that says a length of %i is a fault', (length) => {
    const feed = createFeed();
    expect(feed.sets(ipfix([set(2, octets), set(256, uint(1, 4))], { length }))).toEqual([]);
    expect(feed.faults).toEqual(['datagram-truncated']);
  });

  it('loses sets of reserved ids, and no others', () => {
    const feed = createFeed();
    const reserved = [0, 1, 4, 255].map((id) => set(id, uint(1, 4)));
    expect(feed.records(ipfix([...reserved, set(2, octets), set(256, uint(1, 4))]))).toHaveLength(1);
    expect(feed.faults).toEqual(Array(4).fill('set-malformed'));
  });

  it('has templates apart from those of NetFlow v9 of the same exporter, domain and id', () => {
    const feed = createFeed();
    feed.sets(ipfix([set(2, octets)]));
    feed.sets(netflow9([set(0, netflow9Template({ id: 256, fields: [{ id: 8, length: 4 }] }))]));
    expect(feed.records(ipfix([set(256, uint(1, 4))]))).toEqual([{ octetDeltaCount: 1 }]);
    expect(feed.records(netflow9([set(256, uint(1, 4))]))).toEqual([{ sourceIPv4Address: 1 }]);
  });

  it('has templates apart for each observation domain', () => {
    const feed = createFeed();
    feed.sets(ipfix([set(2, octets)], { domain: 1 }));
    feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields: [{ id: 8, length: 4 }] }))], { domain: 2 }));
    expect(feed.records(ipfix([set(256, uint(1, 4))], { domain: 1 }))).toEqual([{ octetDeltaCount: 1 }]);
    expect(feed.records(ipfix([set(256, uint(1, 4))], { domain: 2 }))).toEqual([{ sourceIPv4Address: 1 }]);
  });

  it('with a record that overruns its set loses the rest of the set only', () => {
    const feed = createFeed();
    const template = ipfixTemplate({ id: 256, fields: [{ id: 82, length: 65_535 }] });
    const bad = Buffer.concat([variable(Buffer.from('lo')), uint(200, 1), uint(0, 3)]);
    expect(feed.records(ipfix([set(2, template, protocol), set(256, bad), set(257, uint(6, 1))]))).toEqual([
      { interfaceName: 'lo' },
      { protocolIdentifier: 6 },
    ]);
    expect(feed.faults).toEqual(['record-malformed']);
  });
});

describe('an IPFIX template', () => {
  it('may have enterprise elements, reverse elements, and elements nobody knows', () => {
    const feed = createFeed();
    const fields = [
      { id: 1, length: 8 },
      { id: 1, length: 8, enterprise: 29_305 },
      { id: 8, length: 4, enterprise: 10_704 },
      { id: 32_767, length: 2, enterprise: 4_294_967_295 },
      { id: 14 + 0x4000, length: 1, enterprise: 6871 },
      { id: 9999, length: 1 },
    ];
    const data = Buffer.concat([
      uint(10, 8),
      uint(2n ** 63n, 8),
      uint(1, 4),
      uint(0xabcd, 2),
      uint(0x12, 1),
      uint(3, 1),
    ]);
    expect(feed.records(ipfix([set(2, ipfixTemplate({ id: 256, fields })), set(256, data)]))).toEqual([
      {
        octetDeltaCount: 10,
        reverseOctetDeltaCount: '9223372036854775808',
        '10704/8': 1,
        '4294967295/32767': 'abcd',
        '6871/16398': 0x12,
        'iana:9999': '03',
      },
    ]);
  });

  it('is withdrawn over TCP by a field count of 0, alone or with all of its kind (RFC 7011 §8.1)', () => {
    const withdraw = (setId: number, id: number) => ipfix([set(setId, uint(id, 2), uint(0, 2))]);
    const options = ipfixTemplate({
      id: 258,
      fields: [
        { id: 149, length: 4 },
        { id: 41, length: 4 },
      ],
      scopeCount: 1,
    });
    const start = () => {
      const feed = createFeed({}, 'tcp');
      feed.sets(ipfix([set(2, octets, protocol), set(3, options)]));
      return feed;
    };
    const known = (feed: ReturnType<typeof createFeed>) =>
      [256, 257, 258].filter((id) => feed.sets(ipfix([set(id, Buffer.alloc(8))])).length > 0);
    const knownAfter = (payload: Buffer) => {
      const feed = start();
      feed.sets(payload);
      return known(feed);
    };
    expect(known(start())).toEqual([256, 257, 258]);
    expect(knownAfter(withdraw(2, 256))).toEqual([257, 258]);
    expect(knownAfter(withdraw(2, 2))).toEqual([258]);
    expect(knownAfter(withdraw(3, 3))).toEqual([256, 257]);
    expect(knownAfter(withdraw(3, 258))).toEqual([256, 257]);
    expect(knownAfter(withdraw(2, 400))).toEqual([256, 257, 258]);
  });

  it('may be padded in its set', () => {
    const feed = createFeed();
    expect(feed.records(ipfix([set(2, octets, uint(0, 3)), set(256, uint(1, 4))]))).toHaveLength(1);
    expect(feed.faults).toEqual([]);
  });

  it('is refused where its enterprise number is cut off', () => {
    const feed = createFeed();
    feed.sets(
      ipfix([set(2, ipfixTemplate({ id: 256, fields: [{ id: 1, length: 4, enterprise: 9 }] }).subarray(0, 8))]),
    );
    expect(feed.faults).toEqual(['template-malformed']);
  });
});

describe('an IPFIX options template', () => {
  it('counts fields, scope first; scope fields are fields like others', () => {
    const feed = createFeed();
    const fields = [
      { id: 149, length: 4 },
      { id: 5, length: 2, enterprise: 9 },
      { id: 41, length: 8 },
    ];
    const template = ipfixTemplate({ id: 256, fields, scopeCount: 2 });
    const [one] = feed.sets(ipfix([set(3, template), set(256, uint(3, 4), uint(4, 2), uint(5, 8))]));
    expect(one?.layout.kind).toBe('options');
    expect(one?.layout.scope).toBeUndefined();
    expect(one?.layout.columns.map(({ name }) => name)).toEqual([
      'observationDomainId',
      '9/5',
      'exportedMessageTotalCount',
    ]);
    expect(one?.rows[0]?.[0]).toBe(3);
    expect(one?.rows[0]?.[2]).toBe(5);
  });

  it('with more scope fields than fields is refused', () => {
    const feed = createFeed();
    feed.sets(ipfix([set(3, ipfixTemplate({ id: 256, fields: [{ id: 149, length: 4 }], scopeCount: 2 }))]));
    expect(feed.faults).toEqual(['template-malformed']);
  });
});

describe('a datagram of no known protocol', () => {
  it.each(['', '00', '0007', '00080000', 'ffff0000', '0000', '00000004', '000000'])('(%s) is a fault', (hex) => {
    const feed = createFeed();
    expect(feed.sets(Buffer.from(hex, 'hex'))).toEqual([]);
    expect(feed.faults).toEqual(['protocol-unknown']);
  });
});
