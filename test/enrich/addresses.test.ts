// Addresses: text, private ranges, and the cache of what the steps know of them.

import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAddressCache } from '../../src/enrich/address-cache.ts';
import { readIPv4Text, readMacText, toIPv4Text, toMacText } from '../../src/enrich/address-text.ts';
import { isPrivateIPv4, isPrivateIPv6, mappedIPv4 } from '../../src/enrich/private-networks.ts';
import { createRecentMap } from '../../src/enrich/recent-map.ts';
import { createRecentNumbers } from '../../src/enrich/recent-numbers.ts';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('text', () => {
  test('an IPv4 address is written as four decimal octets', () => {
    expect([0, 167_772_161, 2 ** 32 - 1].map(toIPv4Text)).toEqual(['0.0.0.0', '10.0.0.1', '255.255.255.255']);
    fc.assert(
      fc.property(uint32, (address) => {
        const text = toIPv4Text(address);
        expect(isIPv4(text)).toBe(true);
        expect(readIPv4Text(text)).toBe(address);
      }),
    );
  });

  test.each(['', '10.0.0', '10.0.0.256', '10.0.0.1.2', '10.0.0.x', ' 10.0.0.1'])('%j is no IPv4 address', (text) => {
    expect(readIPv4Text(text)).toBeUndefined();
  });

  test('a MAC address is written as six hex octets', () => {
    expect([0, 0x001b213c9df8, 0xffffffffffff].map(toMacText)).toEqual([
      '00:00:00:00:00:00',
      '00:1b:21:3c:9d:f8',
      'ff:ff:ff:ff:ff:ff',
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (address) => {
        expect(readMacText(toMacText(address))).toBe(address);
      }),
    );
    expect(readMacText('00-1B-21-3C-9D-F8')).toBe(0x001b213c9df8);
    expect(readMacText('001b213c9df8')).toBeUndefined();
  });
});

describe('private ranges', () => {
  // ElastiFlow's list, checked by Node's own arithmetic.
  const list = new BlockList();
  for (const subnet of [
    '0.0.0.0/32',
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '224.0.0.0/4',
    '255.255.255.255/32',
  ]) {
    const [network, prefix] = subnet.split('/');
    list.addSubnet(network!, Number(prefix), 'ipv4');
  }
  const list6 = new BlockList();
  for (const subnet of ['::/128', '::1/128', 'fc00::/7', 'fe80::/10', 'ff00::/8']) {
    const [network, prefix] = subnet.split('/');
    list6.addSubnet(network!, Number(prefix), 'ipv6');
  }

  test('of IPv4', () => {
    const edges = [
      0, 1, 0x0a000000, 0x0affffff, 0x0b000000, 0x7f000000, 0x80000000, 0xa9fe0000, 0xa9ff0000, 0xac0fffff, 0xac100000,
      0xac1fffff, 0xac200000, 0xc0a80000, 0xc0a90000, 0xdfffffff, 0xe0000000, 0xefffffff, 0xf0000000, 0xfffffffe,
      0xffffffff,
    ];
    for (const address of edges)
      expect([address, isPrivateIPv4(address)]).toEqual([address, list.check(toIPv4Text(address))]);
    fc.assert(fc.property(uint32, (address) => isPrivateIPv4(address) === list.check(toIPv4Text(address))));
  });

  test('of IPv6', () => {
    for (const text of [
      '::',
      '::1',
      '::2',
      'fbff::',
      'fc00::1',
      'fdff::',
      'fe00::',
      'fe7f::',
      'fe80::1',
      'febf::',
      'fec0::',
      'ff02::1',
      '2001:db8::1',
      'ff::1',
      'fd::1',
    ]) {
      expect([text, isPrivateIPv6(text)]).toEqual([text, list6.check(text, 'ipv6')]);
    }
  });

  test('of IPv4-mapped addresses are those of IPv4', () => {
    expect(isPrivateIPv6('::ffff:10.0.0.1')).toBe(true);
    expect(isPrivateIPv6('::ffff:a00:1')).toBe(true);
    expect(isPrivateIPv6('::ffff:8.8.8.8')).toBe(false);
    expect(mappedIPv4('::ffff:a00:1')).toBe(0x0a000001);
    expect(mappedIPv4('::ffff:10.0.0.256')).toBeUndefined();
    expect(mappedIPv4('2001:db8::1')).toBeUndefined();
  });
});

describe('the cache', () => {
  function countingCache(maxAddresses: number) {
    const described: string[] = [];
    const cache = createAddressCache({
      maxAddresses,
      describe: (facts) => {
        described.push(facts.text);
      },
    });
    return { cache, described };
  }

  test('describes an address once', () => {
    const { cache, described } = countingCache(100);
    const facts = cache.ipv4(0x08080808);
    expect(cache.ipv4(0x08080808)).toBe(facts);
    expect(cache.ipv6('2001:db8::1')).toBe(cache.ipv6('2001:db8::1'));
    expect(described).toEqual(['8.8.8.8', '2001:db8::1']);
  });

  test('knows an IPv4-mapped address as its IPv4 address', () => {
    const { cache } = countingCache(100);
    expect(cache.ipv6('::ffff:8.8.8.8')).toBe(cache.ipv4(0x08080808));
  });

  test('tells the upper half of the addresses from the lower', () => {
    const { cache } = countingCache(100);
    expect([0xffffffff, 0x80000000, 0x7fffffff, 0].map((address) => cache.ipv4(address).text)).toEqual([
      '255.255.255.255',
      '128.0.0.0',
      '127.255.255.255',
      '0.0.0.0',
    ]);
  });

  test('keeps what is used and stays within its limit, whatever comes', () => {
    const { cache, described } = countingCache(100);
    for (let i = 0; i < 10_000; i++) {
      cache.ipv4(0x08000000 + i);
      cache.ipv6(`2001:db8::${i.toString(16)}`);
      cache.ipv4(0x01010101);
    }
    expect(cache.size).toBeLessThanOrEqual(150);
    expect(described.filter((text) => text === '1.1.1.1')).toHaveLength(1);
  });
});

test.each([
  ['map', createRecentMap<number, string>],
  ['map of numbers', createRecentNumbers<string>],
])('a recent %s behaves like a map that forgets only what is old', (_, create) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -15, max: 15 }), fc.boolean())),
      fc.integer({ min: 1, max: 20 }),
      (calls, maxSize) => {
        const map = create(maxSize);
        const used: number[] = [];
        for (const [key, isAdd] of calls) {
          const found = map.get(key);
          if (found !== undefined) expect(found).toBe(`value ${key}`);
          // The last half of the limit is always there.
          else expect(new Set(used.slice(-Math.ceil(maxSize / 2))).has(key)).toBe(false);
          if (found === undefined && isAdd) map.add(key, `value ${key}`);
          if (found !== undefined || isAdd) used.push(key);
          expect(map.size).toBeLessThanOrEqual(maxSize + 1);
        }
      },
    ),
  );
});
