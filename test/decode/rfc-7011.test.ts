// What RFC 7011 wants of a collecting process and no other test shows; docs/protocols.md has the whole list.

import { describe, expect, it } from 'vitest';
import { type FieldSpec, ipfix, ipfixTemplate, set, uint } from './datagram-builder.ts';
import { createFeed } from './feed.ts';

const octetField: FieldSpec = { id: 1, length: 4 };
const packetField: FieldSpec = { id: 2, length: 4 };
const template = (id: number, ...fields: readonly FieldSpec[]) => set(2, ipfixTemplate({ id, fields }));
const withdrawal = (id: number) => set(2, uint(id, 2), uint(0, 2));

describe('template ids', () => {
  it('may be any from 256 to 65535, in any order, and mean nothing of themselves (§3.4.1, §3.4.2.2)', () => {
    const feed = createFeed();
    const options = ipfixTemplate({ id: 300, fields: [{ id: 149, length: 4 }, packetField], scopeCount: 1 });
    feed.sets(ipfix([template(65_535, octetField), set(3, options), template(256, packetField)]));
    expect(feed.records(ipfix([set(256, uint(1, 4))]))).toEqual([{ packetDeltaCount: 1 }]);
    expect(feed.records(ipfix([set(65_535, uint(2, 4))]))).toEqual([{ octetDeltaCount: 2 }]);
    expect(feed.records(ipfix([set(300, uint(7, 4), uint(3, 4))]))).toEqual([
      { observationDomainId: 7, packetDeltaCount: 3 },
    ]);
    expect(feed.faults).toEqual([]);
  });

  it('are used anew over UDP by the template that comes last; the same once more is no fault (§8.4)', () => {
    const feed = createFeed();
    feed.sets(ipfix([template(256, octetField)]));
    feed.sets(ipfix([template(256, octetField)]));
    expect(feed.records(ipfix([set(256, uint(1, 4))]))).toEqual([{ octetDeltaCount: 1 }]);
    feed.sets(ipfix([template(256, packetField)]));
    expect(feed.records(ipfix([set(256, uint(1, 4))]))).toEqual([{ packetDeltaCount: 1 }]);
    expect(feed.faults).toEqual([]);
  });
});

describe('a template withdrawal', () => {
  it.each([256, 2])('of id %i is ignored over UDP (§8.4)', (id) => {
    const feed = createFeed();
    feed.sets(ipfix([template(256, octetField)]));
    feed.sets(ipfix([withdrawal(id)]));
    expect(feed.records(ipfix([set(256, uint(5, 4))]))).toEqual([{ octetDeltaCount: 5 }]);
  });

  it('of a template that is not there is ignored over TCP, and what follows it is read (§8.1)', () => {
    const feed = createFeed({}, 'tcp');
    feed.sets(ipfix([template(256, octetField)]));
    const message = ipfix([withdrawal(999), set(256, uint(5, 4))]);
    expect(feed.records(message)).toEqual([{ octetDeltaCount: 5 }]);
    expect(feed.faults).toEqual([]);
  });
});

describe('a template', () => {
  it('may have one element several times, in lengths of their own (§8)', () => {
    const feed = createFeed();
    const message = ipfix([
      template(256, octetField, packetField, { id: 1, length: 2 }),
      set(256, uint(1, 4), uint(2, 4), uint(3, 2)),
    ]);
    expect(feed.records(message)).toEqual([{ octetDeltaCount: [1, 3], packetDeltaCount: 2 }]);
  });

  it('may stand in another message than its data, before or behind it (§8, §9.3)', () => {
    const feed = createFeed();
    expect(feed.records(ipfix([set(256, uint(1, 4))]))).toEqual([]);
    expect(feed.records(ipfix([template(256, octetField)]))).toEqual([{ octetDeltaCount: 1 }]);
    expect(feed.records(ipfix([set(256, uint(2, 4))]))).toEqual([{ octetDeltaCount: 2 }]);
  });
});

describe('an options template', () => {
  it.each([
    [149, 4, 'observationDomainId', 7],
    [144, 4, 'exportingProcessId', 7],
    [143, 4, 'meteringProcessId', 7],
    [145, 2, 'templateId', 7],
    [141, 4, 'lineCardId', 7],
    [130, 4, 'exporterIPv4Address', 7],
    [131, 16, 'exporterIPv6Address', '::7'],
    [10, 4, 'ingressInterface', 7],
  ] as const)('may have element %i as scope (§3.4.2.1)', (id, length, name, value) => {
    const feed = createFeed();
    const options = ipfixTemplate({
      id: 300,
      fields: [
        { id, length },
        { id: 41, length: 8 },
      ],
      scopeCount: 1,
    });
    const records = feed.records(ipfix([set(3, options), set(300, uint(7, length), uint(9, 8))]));
    expect(records).toEqual([{ [name]: value, exportedMessageTotalCount: 9 }]);
    expect(feed.faults).toEqual([]);
  });
});

describe('a message', () => {
  it('may have 65,535 bytes (§10)', () => {
    const feed = createFeed();
    const bytes = 65_535 - 16 - 12 - 4;
    const message = ipfix([template(256, { id: 4, length: 1 }), set(256, Buffer.alloc(bytes, 6))]);
    expect(message).toHaveLength(65_535);
    expect(feed.records(message)).toHaveLength(bytes);
    expect(feed.faults).toEqual([]);
  });

  it('may pad its records with up to as many bytes as are shorter than a record (§3.3.1, §9)', () => {
    const feed = createFeed();
    const message = ipfix([template(256, octetField), set(256, uint(1, 4), uint(0, 3)), set(256, uint(2, 4))]);
    expect(feed.records(message)).toEqual([{ octetDeltaCount: 1 }, { octetDeltaCount: 2 }]);
    expect(feed.faults).toEqual([]);
  });

  it('with ill-formed UTF-8 in a string keeps its records, with the bytes of that field (§6.1.6)', () => {
    const feed = createFeed();
    const message = ipfix([
      template(256, { id: 82, length: 2 }, octetField),
      set(256, Buffer.from('c328', 'hex'), uint(1, 4)),
    ]);
    expect(feed.records(message)).toEqual([{ interfaceName: { hex: 'c328' }, octetDeltaCount: 1 }]);
  });

  it('that is malformed gives the sets before the mistake, counted as a fault (§9.1)', () => {
    const feed = createFeed();
    const mistake = Buffer.concat([uint(256, 2), uint(2, 2)]);
    const records = feed.records(ipfix([template(256, octetField), set(256, uint(1, 4)), mistake]));
    expect(records).toEqual([{ octetDeltaCount: 1 }]);
    expect(feed.faults).toEqual(['set-malformed']);
  });
});

describe('a value', () => {
  it('may have fewer bytes than its type, if it is a number (§6.2)', () => {
    const feed = createFeed();
    // 434 mibObjectValueInteger is signed32, 311 samplingProbability float64.
    const message = ipfix([
      template(256, { id: 1, length: 3 }, { id: 434, length: 1 }, { id: 311, length: 4 }),
      set(256, uint(0x01_02_03, 3), uint(0xfe, 1), Buffer.from('3f000000', 'hex')),
    ]);
    expect(feed.records(message)).toEqual([
      { octetDeltaCount: 66_051, mibObjectValueInteger: -2, samplingProbability: 0.5 },
    ]);
  });
});
