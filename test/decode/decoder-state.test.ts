import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { WeirError } from '../../src/model/errors.ts';
import { joinedSamplingInterval } from '../../src/model/record.ts';
import { ipfix, ipfixTemplate, netflow9, netflow9Template, set, uint } from './datagram-builder.ts';
import { createFeed, type Feed } from './feed.ts';

function createLearnt(): Feed {
  const feed = createFeed();
  const samplers = netflow9Template({
    id: 300,
    fields: [
      { id: 1, length: 4 },
      { id: 48, length: 1 },
      { id: 34, length: 4 },
    ],
    scopeCount: 1,
  });
  const flows = netflow9Template({
    id: 256,
    fields: [
      { id: 1, length: 4 },
      { id: 48, length: 1 },
    ],
  });
  feed.sets(netflow9([set(0, flows), set(1, samplers), set(300, uint(0, 4), uint(7, 1), uint(900, 4))], { domain: 3 }));
  const fields = [
    { id: 1, length: 8 },
    { id: 9, length: 2, enterprise: 9 },
  ];
  feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields }))]), { exporter: '2001:db8::1' });
  const start = ipfixTemplate({
    id: 301,
    fields: [
      { id: 149, length: 4 },
      { id: 160, length: 8 },
    ],
    scopeCount: 1,
  });
  feed.sets(ipfix([set(3, start), set(301, uint(0, 4), uint(1_699_999_999_000, 8))]), { exporter: '2001:db8::1' });
  return feed;
}

const ask = (feed: Feed) => [
  feed.sets(netflow9([set(256, uint(5, 4), uint(7, 1))], { domain: 3 })),
  feed.sets(ipfix([set(256, uint(6, 8), uint(1, 2))]), { exporter: '2001:db8::1' }),
];

describe('a decoder that is given the state of another one', () => {
  it('decodes the first data set as that one would', () => {
    const before = createLearnt();
    const expected = ask(before);
    expect(expected[0]?.[0]?.layout.columns.at(-1)?.name).toBe(joinedSamplingInterval);
    expect(expected[0]?.[0]?.rows).toEqual([[5, 7, 900]]);
    expect(expected[1]?.[0]?.header.sysUptimeMs).toBe(1000);

    const after = createFeed();
    after.decoder.restoreState(JSON.parse(JSON.stringify(before.decoder.saveState())));
    expect(ask(after)).toEqual(expected);
    expect(after.faults).toEqual([]);
    expect(after.decoder.saveState()).toEqual(before.decoder.saveState());
  });

  it('has another state version, as after whatever else changes the state', () => {
    const feed = createFeed();
    const versions = [feed.decoder.stateVersion];
    feed.sets(netflow9([set(0, netflow9Template({ id: 256, fields: [{ id: 1, length: 4 }] }))]));
    versions.push(feed.decoder.stateVersion);
    feed.decoder.restoreState(createLearnt().decoder.saveState());
    versions.push(feed.decoder.stateVersion);
    feed.decoder.restoreState(createFeed().decoder.saveState());
    versions.push(feed.decoder.stateVersion);
    expect(new Set(versions).size).toBe(4);
  });

  it('keeps to its own limits', () => {
    const feed = createFeed({ templatesPerExporter: 1, factsPerExporter: 0 });
    feed.decoder.restoreState(createLearnt().decoder.saveState());
    const counts = feed.decoder
      .saveState()
      .exporters.map(({ domains }) => domains.flatMap(({ templates }) => templates).length);
    expect(counts).toEqual([1, 1]);
  });

  it('takes the state of the version before, which had samplers only', () => {
    const feed = createFeed();
    feed.decoder.restoreState({
      weirDecoderState: 1,
      contents: [{ protocol: 'netflow9', kind: 'flow', scopeCount: 0, specifiers: '0001000400300001' }],
      exporters: [
        {
          address: '192.0.2.1',
          isUseful: true,
          domains: [{ id: 3, templates: [[256, 0]], selectors: [[7, 900]], interfaces: [], domainWide: 10 }],
        },
      ],
    });
    const [known] = feed.records(netflow9([set(256, uint(5, 4), uint(7, 1))], { domain: 3 }));
    expect(known).toEqual({ octetDeltaCount: 5, samplerId: 7, [joinedSamplingInterval]: 900 });
  });

  it('keeps what it knew when the state is refused', () => {
    const feed = createLearnt();
    const { stateVersion } = feed.decoder;
    const expected = ask(feed);
    for (const state of [null, undefined, 7, 'x', [], {}, { weirDecoderState: 3, contents: [], exporters: [] }]) {
      expect(() => feed.decoder.restoreState(state)).toThrow(WeirError);
    }
    expect(feed.decoder.stateVersion).toBe(stateVersion);
    expect(ask(feed)).toEqual(expected);
  });

  it('refuses or takes any damaged state, and throws nothing but `file-invalid`', () => {
    const text = JSON.stringify(createLearnt().decoder.saveState());
    const damage = fc.array(
      fc.tuple(fc.nat({ max: text.length - 1 }), fc.constantFrom('"', '0', '-', 'e', '{', '[', ',', 'null')),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(damage, (places) => {
        let damaged = text;
        for (const [at, by] of places) damaged = damaged.slice(0, at) + by + damaged.slice(at + by.length);
        let state: unknown;
        try {
          state = JSON.parse(damaged);
        } catch {
          return;
        }
        const feed = createFeed();
        try {
          feed.decoder.restoreState(state);
        } catch (error) {
          expect(error).toMatchObject({ name: 'WeirError', code: 'file-invalid' });
        }
        ask(feed);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses any other JSON', () => {
    const decoder = createDecoder({ onFault: () => {} });
    fc.assert(
      fc.property(fc.jsonValue(), (state) => {
        expect(() => decoder.restoreState(state)).toThrow(WeirError);
      }),
    );
  });
});
