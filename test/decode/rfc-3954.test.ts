// What RFC 3954 wants of a collector and no other test shows; docs/protocols.md has the whole list.

import { describe, expect, it } from 'vitest';
import { type FieldSpec, netflow9, netflow9Template, set, uint } from './datagram-builder.ts';
import { createFeed } from './feed.ts';

const octetField: FieldSpec = { id: 1, length: 4 };
const packetField: FieldSpec = { id: 2, length: 4 };
const template = (id: number, ...fields: readonly FieldSpec[]) => netflow9Template({ id, fields });

describe('an export packet', () => {
  it('may have several template FlowSets, each with several templates, and data between them (§5.2, §9)', () => {
    const feed = createFeed();
    const records = feed.records(
      netflow9([
        set(0, template(256, octetField), template(257, packetField)),
        set(257, uint(1, 4)),
        set(0, template(900, octetField, packetField)),
        set(900, uint(2, 4), uint(3, 4)),
        set(256, uint(4, 4)),
      ]),
    );
    expect(records).toEqual([
      { packetDeltaCount: 1 },
      { octetDeltaCount: 2, packetDeltaCount: 3 },
      { octetDeltaCount: 4 },
    ]);
    expect(feed.faults).toEqual([]);
  });

  it('may have data alone, whose template came in an earlier one or comes in a later one (§9)', () => {
    const feed = createFeed();
    expect(feed.records(netflow9([set(256, uint(1, 4))]))).toEqual([]);
    expect(feed.records(netflow9([set(0, template(256, octetField))]))).toEqual([{ octetDeltaCount: 1 }]);
    expect(feed.records(netflow9([set(256, uint(2, 4))]))).toEqual([{ octetDeltaCount: 2 }]);
  });

  it('may come from a source id that another exporter has, too (§5.1)', () => {
    const feed = createFeed();
    feed.sets(netflow9([set(0, template(256, octetField))], { domain: 5 }), { exporter: '192.0.2.1' });
    feed.sets(netflow9([set(0, template(256, packetField))], { domain: 5 }), { exporter: '192.0.2.2' });
    const data = netflow9([set(256, uint(1, 4))], { domain: 5 });
    expect(feed.records(data, { exporter: '192.0.2.1' })).toEqual([{ octetDeltaCount: 1 }]);
    expect(feed.records(data, { exporter: '192.0.2.2' })).toEqual([{ packetDeltaCount: 1 }]);
  });
});

describe('a template', () => {
  it('is overridden at once by the next one of its id, within an export packet, too (§9)', () => {
    const feed = createFeed();
    const records = feed.records(
      netflow9([
        set(0, template(256, octetField)),
        set(256, uint(1, 4)),
        set(0, template(256, packetField)),
        set(256, uint(2, 4)),
      ]),
    );
    expect(records).toEqual([{ octetDeltaCount: 1 }, { packetDeltaCount: 2 }]);
  });

  it('may have field types that are not assigned: they cost no other field (§8)', () => {
    const feed = createFeed();
    const records = feed.records(
      netflow9([
        set(0, template(256, octetField, { id: 32_000, length: 3 }, packetField)),
        set(256, uint(1, 4), uint(0xabcdef, 3), uint(2, 4)),
      ]),
    );
    expect(records).toEqual([{ octetDeltaCount: 1, packetDeltaCount: 2, 'v9:32000': 'abcdef' }]);
  });

  it('may be padded, as data and options templates may (§5.2, §5.3, §6.1, §9)', () => {
    const feed = createFeed();
    const options = netflow9Template({ id: 257, fields: [{ id: 1, length: 4 }, octetField], scopeCount: 1 });
    const records = feed.records(
      netflow9([
        set(0, template(256, octetField), uint(0, 3)),
        set(1, options, uint(0, 2)),
        set(256, uint(1, 4), uint(0, 3)),
        set(257, uint(9, 4), uint(2, 4), uint(0, 1)),
      ]),
    );
    expect(records).toEqual([{ octetDeltaCount: 1 }, { 'scope:system': 9, octetDeltaCount: 2 }]);
    expect(feed.faults).toEqual([]);
  });
});
