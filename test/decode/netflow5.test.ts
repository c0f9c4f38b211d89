import { describe, expect, it } from 'vitest';
import { type Netflow5Record, netflow5, netflow5Record } from './datagram-builder.ts';
import { createFeed } from './feed.ts';

const record: Netflow5Record = [
  ...[0x0a00_0001, 0xc000_0201, 0x0a00_00fe, 3, 65_535, 17, 4_294_967_295, 1000, 61_000, 54_321, 443],
  ...[0x1b, 6, 0xb8, 64_496, 65_535, 24, 32],
] as unknown as Netflow5Record;

describe('a NetFlow v5 datagram', () => {
  it('becomes one set with IANA names, each field from its own place', () => {
    const feed = createFeed();
    expect(feed.records(netflow5([netflow5Record(record)]))).toEqual([
      {
        sourceIPv4Address: 0x0a00_0001,
        destinationIPv4Address: 0xc000_0201,
        ipNextHopIPv4Address: 0x0a00_00fe,
        ingressInterface: 3,
        egressInterface: 65_535,
        packetDeltaCount: 17,
        octetDeltaCount: 4_294_967_295,
        flowStartSysUpTime: 1000,
        flowEndSysUpTime: 61_000,
        sourceTransportPort: 54_321,
        destinationTransportPort: 443,
        tcpControlBits: 0x1b,
        protocolIdentifier: 6,
        ipClassOfService: 0xb8,
        bgpSourceAsNumber: 64_496,
        bgpDestinationAsNumber: 65_535,
        sourceIPv4PrefixLength: 24,
        destinationIPv4PrefixLength: 32,
      },
    ]);
    expect(feed.faults).toEqual([]);
  });

  it('has a header with the fraction of the second, the engine as domain, and the sampling mode apart from the interval', () => {
    const payload = netflow5([netflow5Record(record)], {
      sysUptimeMs: 4_294_967_295,
      seconds: 1_700_000_000,
      nanoseconds: 123_500_000,
      sequence: 4_000_000_000,
      engineType: 2,
      engineId: 7,
      sampling: (1 << 14) | 1000,
    });
    const [set] = createFeed().sets(payload, { exporter: '2001:db8::1', receivedAtMs: 5 });
    expect(set?.header).toEqual({
      exporter: '2001:db8::1',
      domain: 2 * 256 + 7,
      setId: null,
      receivedAtMs: 5,
      exportedAtMs: 1_700_000_000_123.5,
      sequence: 4_000_000_000,
      sysUptimeMs: 4_294_967_295,
      v5: { count: 1, engineType: 2, engineId: 7, samplingMode: 1, samplingInterval: 1000 },
    });
  });

  it('that says more records than it has gives those that are whole, and a fault', () => {
    const feed = createFeed();
    const payload = netflow5([netflow5Record(record), netflow5Record(record)], { count: 30 }).subarray(0, 24 + 48 + 47);
    expect(feed.records(payload)).toHaveLength(1);
    expect(feed.faults).toEqual(['datagram-truncated']);
  });

  it('that has more bytes than it says gives no more records than it says', () => {
    const feed = createFeed();
    expect(feed.records(netflow5([netflow5Record(record), netflow5Record(record)], { count: 1 }))).toHaveLength(1);
    expect(feed.sets(netflow5([netflow5Record(record)], { count: 0 }))).toEqual([]);
    expect(feed.faults).toEqual([]);
  });

  it('without a whole header is a fault', () => {
    const feed = createFeed();
    expect(feed.sets(netflow5([]).subarray(0, 23))).toEqual([]);
    expect(feed.faults).toEqual(['datagram-truncated']);
  });
});
