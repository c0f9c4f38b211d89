import { describe, expect, it } from 'vitest';
import { joinedSamplingInterval } from '../../src/model/record.ts';
import { type FieldSpec, ipfix, ipfixTemplate, netflow9, netflow9Template, set, uint } from './datagram-builder.ts';
import { createFeed, type Feed } from './feed.ts';

const flowFields: readonly FieldSpec[] = [
  { id: 10, length: 4 },
  { id: 1, length: 4 },
];
const samplerField: FieldSpec = { id: 48, length: 1 };
const flow = (ingress: number, octets: number, ...sampler: readonly number[]) =>
  Buffer.concat([uint(ingress, 4), uint(octets, 4), ...sampler.map((id) => uint(id, 1))]);

/** Options fields and their values; the first is scope. */
function sendOptions(feed: Feed, ...values: readonly (readonly [FieldSpec, number | Buffer])[]): void {
  const template = ipfixTemplate({ id: 400, fields: values.map(([field]) => field), scopeCount: 1 });
  const data = values.map(([field, value]) => (typeof value === 'number' ? uint(value, field.length) : value));
  feed.sets(ipfix([set(3, template), set(400, ...data)]));
}

const domainScope: readonly [FieldSpec, number] = [{ id: 149, length: 4 }, 0];
const octetsAndInterval = (feed: Feed, payload: Buffer) =>
  feed.records(payload).map((record) => [record['octetDeltaCount'], record[joinedSamplingInterval]]);

describe('sampling that options records tell', () => {
  it('is joined to flows by their sampler, in the order of rows, and unknown samplers have none', () => {
    const feed = createFeed();
    feed.sets(netflow9([set(0, netflow9Template({ id: 256, fields: [...flowFields, samplerField] }))]));
    const before = feed.sets(netflow9([set(256, flow(1, 10, 1))]));
    expect(before[0]?.layout.columns.map(({ name }) => name)).not.toContain(joinedSamplingInterval);

    const options = netflow9Template({
      id: 300,
      fields: [{ id: 1, length: 4 }, samplerField, { id: 49, length: 1 }, { id: 50, length: 4 }],
      scopeCount: 1,
    });
    const sampler = (id: number, interval: number) =>
      Buffer.concat([uint(0, 4), uint(id, 1), uint(2, 1), uint(interval, 4)]);
    feed.sets(netflow9([set(1, options), set(300, sampler(1, 30_000), sampler(2, 500))]));
    const data = netflow9([set(256, flow(1, 10, 2), flow(1, 20, 1), flow(1, 30, 3))]);
    expect(octetsAndInterval(feed, data)).toEqual([
      [10, 500],
      [20, 30_000],
      [30, null],
    ]);
    feed.sets(netflow9([set(300, sampler(2, 1000))]));
    expect(octetsAndInterval(feed, data)[0]).toEqual([10, 1000]);
  });

  it('holds for the whole observation domain where the options name no sampler, and for no other domain or exporter', () => {
    const feed = createFeed();
    const template = ipfixTemplate({ id: 256, fields: flowFields });
    feed.sets(ipfix([set(2, template)]));
    feed.sets(ipfix([set(2, template)], { domain: 7 }));
    feed.sets(ipfix([set(2, template)]), { exporter: '192.0.2.9' });
    sendOptions(feed, domainScope, [{ id: 34, length: 4 }, 100]);
    const data = (domain: number) => ipfix([set(256, flow(1, 10))], { domain });
    expect(octetsAndInterval(feed, data(0))).toEqual([[10, 100]]);
    expect(octetsAndInterval(feed, data(7))).toEqual([[10, undefined]]);
    expect(feed.records(data(0), { exporter: '192.0.2.9' })[0]).not.toHaveProperty([joinedSamplingInterval]);
  });

  it('is joined by the interface that was its scope', () => {
    const feed = createFeed();
    feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields: flowFields }))]));
    sendOptions(feed, [{ id: 10, length: 4 }, 5], [{ id: 34, length: 4 }, 64]);
    const data = ipfix([set(256, flow(5, 10), flow(6, 20))]);
    expect(octetsAndInterval(feed, data)).toEqual([
      [10, 64],
      [20, null],
    ]);
    sendOptions(feed, domainScope, [{ id: 34, length: 4 }, 8]);
    expect(octetsAndInterval(feed, data)).toEqual([
      [10, 64],
      [20, 8],
    ]);
  });

  it.each<[string, readonly (readonly [FieldSpec, number | Buffer])[], number | undefined]>([
    ['samplingInterval', [[{ id: 34, length: 4 }, 128]], 128],
    ['samplerRandomInterval', [[{ id: 50, length: 2 }, 4096]], 4096],
    [
      'packets in a row and the space behind them',
      [
        [{ id: 305, length: 4 }, 1],
        [{ id: 306, length: 4 }, 999],
      ],
      1000,
    ],
    [
      'several packets in a row',
      [
        [{ id: 305, length: 4 }, 4],
        [{ id: 306, length: 4 }, 6],
      ],
      2.5,
    ],
    [
      'size and population',
      [
        [{ id: 309, length: 4 }, 2],
        [{ id: 310, length: 4 }, 512],
      ],
      256,
    ],
    [
      'size and population, whatever the packet interval says',
      [
        [{ id: 305, length: 4 }, 1],
        [{ id: 309, length: 4 }, 1],
        [{ id: 310, length: 4 }, 256],
      ],
      256,
    ],
    ['a probability', [[{ id: 311, length: 8 }, Buffer.from('3f60000000000000', 'hex')]], 512],
    [
      'time in a row and the time behind it',
      [
        [{ id: 307, length: 4 }, 1000],
        [{ id: 308, length: 4 }, 99_000],
      ],
      100,
    ],
    [
      'flows in a row and those behind them (RFC 7014)',
      [
        [{ id: 396, length: 8 }, 1],
        [{ id: 397, length: 8 }, 63],
      ],
      64,
    ],
    [
      'what the algorithm means, of several parameters',
      [
        [{ id: 304, length: 2 }, 1],
        [{ id: 305, length: 4 }, 1],
        [{ id: 306, length: 4 }, 9],
        [{ id: 309, length: 4 }, 1],
        [{ id: 310, length: 4 }, 256],
      ],
      10,
    ],
    [
      'what there is, where it is not what the algorithm means',
      [
        [{ id: 304, length: 2 }, 3],
        [{ id: 305, length: 4 }, 1],
        [{ id: 306, length: 4 }, 9],
      ],
      10,
    ],
    [
      'an interval, whatever the mode or algorithm beside it',
      [
        [{ id: 34, length: 4 }, 50],
        [{ id: 35, length: 1 }, 2],
        [{ id: 49, length: 1 }, 1],
      ],
      50,
    ],
    ['a mode alone', [[{ id: 49, length: 1 }, 2]], undefined],
    [
      'counts of what was observed and selected',
      [
        [{ id: 318, length: 8 }, 1000],
        [{ id: 319, length: 8 }, 10],
      ],
      undefined,
    ],
    ['an interval of 0', [[{ id: 34, length: 4 }, 0]], undefined],
    ['a packet interval without space', [[{ id: 305, length: 4 }, 100]], undefined],
    [
      'a population of 0',
      [
        [{ id: 309, length: 4 }, 0],
        [{ id: 310, length: 4 }, 0],
      ],
      undefined,
    ],
    ['a probability of 0', [[{ id: 311, length: 8 }, 0]], undefined],
  ])('is worked out from %s', (_, values, interval) => {
    const feed = createFeed();
    feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields: flowFields }))]));
    sendOptions(feed, domainScope, ...values);
    expect(octetsAndInterval(feed, ipfix([set(256, flow(1, 10))]))).toEqual([[10, interval]]);
  });

  it('is that of the flow’s template where the scope was a template', () => {
    const feed = createFeed();
    for (const id of [256, 257]) feed.sets(ipfix([set(2, ipfixTemplate({ id, fields: flowFields }))]));
    sendOptions(feed, [{ id: 145, length: 2 }, 257], [{ id: 34, length: 4 }, 16]);
    const data = ipfix([set(256, flow(1, 10)), set(257, flow(1, 20)), set(256, flow(1, 30))]);
    expect(octetsAndInterval(feed, data)).toEqual([
      [10, null],
      [20, 16],
      [30, null],
    ]);
    sendOptions(feed, domainScope, [{ id: 34, length: 4 }, 4]);
    expect(octetsAndInterval(feed, data).map(([, interval]) => interval)).toEqual([4, 16, 4]);
  });

  it('is the product of the selectors of a Selection Sequence, once all are known (RFC 5476 §6.5.1)', () => {
    const feed = createFeed();
    const sequence: FieldSpec = { id: 301, length: 8 };
    const selector: FieldSpec = { id: 302, length: 8 };
    feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields: [...flowFields, sequence] }))]));
    const data = ipfix([
      set(256, Buffer.concat([flow(1, 10), uint(77, 8)]), Buffer.concat([flow(1, 20), uint(78, 8)])),
    ]);
    sendOptions(feed, [sequence, 77], [selector, 5], [selector, 6]);
    sendOptions(feed, [selector, 5], [{ id: 34, length: 4 }, 10]);
    expect(octetsAndInterval(feed, data)).toEqual([
      [10, null],
      [20, null],
    ]);
    sendOptions(feed, [selector, 6], [{ id: 34, length: 4 }, 8]);
    expect(octetsAndInterval(feed, data)).toEqual([
      [10, 80],
      [20, null],
    ]);
  });

  it('is kept for so many samplers as the limit allows, and those go on changing', () => {
    const feed = createFeed({ factsPerExporter: 2 });
    feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields: [...flowFields, samplerField] }))]));
    const send = (id: number, interval: number) =>
      sendOptions(feed, [{ id: 302, length: 1 }, id], [{ id: 34, length: 4 }, interval]);
    for (const id of [1, 2, 3]) send(id, 10);
    send(2, 20);
    const data = ipfix([set(256, flow(1, 1, 1), flow(1, 2, 2), flow(1, 3, 3))]);
    expect(octetsAndInterval(feed, data)).toEqual([
      [1, 10],
      [2, 20],
      [3, null],
    ]);
  });

  it('goes with the last template of its domain', () => {
    const feed = createFeed({}, 'tcp');
    const template = set(2, ipfixTemplate({ id: 256, fields: flowFields }));
    sendOptions(feed, domainScope, [{ id: 34, length: 4 }, 100]);
    feed.sets(ipfix([set(3, uint(3, 2), uint(0, 2))]));
    expect(octetsAndInterval(feed, ipfix([template, set(256, flow(1, 10))]))).toEqual([[10, undefined]]);
  });
});

describe('the start of an IPFIX exporter that options records tell', () => {
  it('gives later sets the uptime that their flow times count from, as a 32-bit number', () => {
    const feed = createFeed();
    feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields: flowFields }))]));
    const uptimeOf = () =>
      feed.sets(ipfix([set(256, flow(1, 1))], { exportSeconds: 1_700_000_000 }))[0]?.header.sysUptimeMs;
    expect(uptimeOf()).toBeUndefined();
    sendOptions(feed, domainScope, [{ id: 160, length: 8 }, 1_700_000_000_000 - 61_500]);
    expect(uptimeOf()).toBe(61_500);
    sendOptions(feed, domainScope, [{ id: 160, length: 8 }, 1_700_000_000_000 - 2 ** 32 - 7]);
    expect(uptimeOf()).toBe(7);
  });
});
