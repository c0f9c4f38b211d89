// Addresses in words, and tables of ranges, against other ways to the same answer.

import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { readAddressRange, readAddressWords } from '../../src/enrich/address-words.ts';
import { readPrefix } from '../../src/enrich/prefix-table.ts';
import { createRangeTable, noValue } from '../../src/enrich/range-table.ts';
import { atOnce } from '../../src/enrich/slices.ts';

const words = new Uint32Array(4);

function toWords(text: string): number[] | undefined {
  const count = readAddressWords(text, words);
  return count === 0 ? undefined : [...words.subarray(0, count)];
}

/** By ipaddr.js. */
function expectedWords(text: string): number[] | undefined {
  const prefix = text.includes('/') ? undefined : readPrefix(text);
  if (prefix === undefined) return undefined;
  return Array.from({ length: prefix.bits / 32 }, (_, i) =>
    Number(BigInt.asUintN(32, prefix.address >> BigInt(prefix.bits - 32 * (i + 1)))),
  );
}

describe('addresses in words', () => {
  test.each([
    ['10.0.0.1', [0x0a000001]],
    ['255.255.255.255', [0xffff_ffff]],
    ['::', [0, 0, 0, 0]],
    ['::1', [0, 0, 0, 1]],
    ['1::', [0x1_0000, 0, 0, 0]],
    ['2001:db8::7', [0x20010db8, 0, 0, 7]],
    ['1:2:3:4:5:6:7:8', [0x1_0002, 0x3_0004, 0x5_0006, 0x7_0008]],
    ['1:2:3:4:5:6:7::', [0x1_0002, 0x3_0004, 0x5_0006, 0x7_0000]],
    ['::ffff:10.0.0.1', [0x0a000001]],
    ['::ffff:a00:1', [0x0a000001]],
    ['::192.0.2.1', [0, 0, 0, 0xc0000201]],
    ['64:ff9b::192.0.2.1', [0x64_ff9b, 0, 0, 0xc0000201]],
  ])('%s', (text, expected) => {
    expect(toWords(text)).toEqual(expected);
  });

  test.each([
    ...['', '1', '10.0.0', '10.0.0.0.0', '10.0.0.256', '10.0.0.01', '10..0.1', '10.0.0.', ' 10.0.0.1', '10.0.0.1 '],
    ...[
      ':',
      ':::',
      '1:2',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '12345::',
      'g::',
      '1:',
      ':1',
      '1:2:3:4:5:6:7:',
    ],
    ...['fe80::1%eth0', '::1.2.3', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.4:5', '0x7f.0.0.1'],
  ])('%j is none', (text) => {
    expect(toWords(text)).toBeUndefined();
  });

  test('are what ipaddr.js reads', () => {
    const mutation = fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(40), fc.constantFrom('', ':', '.', '0', 'f', '1'));
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      mutation.map(([address, at, by]) => address.slice(0, at) + by + address.slice(at + 1)),
    );
    fc.assert(
      fc.property(text, (address) => {
        // "IPv4-compatible" (RFC 4291 §2.5.5.1), which ipaddr.js takes for IPv4-mapped, however its zeros are written;
        // and octets with zeros before them, which ipaddr.js reads as decimal behind a colon and as octal elsewhere.
        fc.pre(!/^[0:]*:\d+\./.test(address) && !/(^|[:.])0\d+(\.|$)/.test(address));
        expect(toWords(address)).toEqual(expectedWords(address));
      }),
      { numRuns: 2000 },
    );
  });
});

test('subnets are what ipaddr.js makes of them', () => {
  const subnet = fc.oneof(
    fc.tuple(fc.ipV4(), fc.nat(34)).map(([address, length]) => `${address}/${length}`),
    fc.tuple(fc.ipV6(), fc.nat(130)).map(([address, length]) => `${address}/${length}`),
  );
  fc.assert(
    fc.property(subnet, (text) => {
      fc.pre(!/^::\d+\./.test(text));
      const range = readAddressRange(text);
      const prefix = readPrefix(text);
      if (prefix === undefined || (prefix.bits === 128 && range === undefined)) {
        // A mapped subnet wider than /96 is refused here.
        if (prefix !== undefined) expect(ipaddr.parseCIDR(text)[0].toString()).toContain('ffff');
        else expect(range).toBeUndefined();
        return;
      }
      const toBigInt = (list: Uint32Array) => [...list].reduce((sum, word) => (sum << 32n) + BigInt(word), 0n);
      expect(toBigInt(range!.first)).toBe(prefix.address);
      expect(toBigInt(range!.last)).toBe(prefix.address + (1n << BigInt(prefix.bits - prefix.length)) - 1n);
    }),
    { numRuns: 500 },
  );
});

describe.each([
  [1, 32],
  [2, 64],
  [4, 128],
] as const)('a table of ranges of %i words', (width, bits) => {
  const max = (1n << BigInt(bits)) - 1n;
  const split = (value: bigint) =>
    Uint32Array.from({ length: width }, (_, i) => Number(BigInt.asUintN(32, value >> BigInt(32 * (width - 1 - i)))));
  // Near the ends, and near where a word ends: there the carry shows.
  const near = fc.constantFrom(0n, max, 0xffff_ffffn & max, (1n << BigInt(bits - 1)) - 1n, 0xabcd_0000n);
  const number = fc.tuple(near, fc.bigInt(-70n, 70n)).map(([base, more]) => {
    const value = base + more;
    return value < 0n ? 0n : value > max ? max : value;
  });
  /** A prefix: its first number, and how many bits are free. */
  const prefix = fc.tuple(number, fc.integer({ min: 0, max: 8 }), fc.boolean()).map(([value, free, isAll]) => {
    const host = BigInt(isAll && free === 8 ? bits : free);
    const first = (value >> host) << host;
    return { first, last: first + (1n << host) - 1n };
  });

  test('finds the longest prefix, and of the same ones the last', () => {
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 40 }),
        fc.array(number, { minLength: 20, maxLength: 40 }),
        (prefixes, keys) => {
          const builder = createRangeTable(width);
          for (const [index, { first, last }] of prefixes.entries()) builder.add(split(first), split(last), index);
          const table = atOnce(builder.build(() => expect.fail('prefixes never overlap')));
          for (const key of [...keys, ...prefixes.flatMap(({ first, last }) => [first, last])]) {
            let expected = noValue;
            for (const [index, { first, last }] of prefixes.entries()) {
              const best = prefixes[expected];
              const isIn = first <= key && key <= last;
              if (isIn && (best === undefined || last - first <= best.last - best.first)) expected = index;
            }
            expect(table.lookup(split(key))).toBe(expected);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('leaves out what overlaps, and names it', () => {
    const builder = createRangeTable(width);
    builder.add(split(10n), split(20n), 0);
    builder.add(split(15n), split(25n), 1);
    builder.add(split(21n), split(25n), 2);
    const named: number[][] = [];
    const table = atOnce(builder.build((value, other) => named.push([value, other])));
    expect(named).toEqual([[1, 0]]);
    expect([9n, 10n, 20n, 21n, 25n, 26n].map((key) => table.lookup(split(key)))).toEqual([
      noValue,
      0,
      0,
      2,
      2,
      noValue,
    ]);
    expect(table.size).toBe(2);
  });

  test('is right when it is so large that it has more than one list', () => {
    const builder = createRangeTable(width);
    const count = 5000;
    for (let i = 0; i < count; i++) builder.add(split(BigInt(i * 10)), split(BigInt(i * 10 + 4)), i);
    const table = atOnce(builder.build(() => undefined));
    for (let i = 0; i < count * 10; i += 7) {
      expect(table.lookup(split(BigInt(i)))).toBe(i % 10 <= 4 ? Math.floor(i / 10) : noValue);
    }
  });
});
