import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPrefixTable, readPrefix } from '../../src/enrich/prefix-table.ts';

describe('a prefix table', () => {
  const table = createPrefixTable([
    ['10.0.0.0/8', 'ten'],
    ['10.1.0.0/16', 'ten-one'],
    ['10.1.2.3', 'host'],
    ['2001:db8::/32', 'documentation'],
    ['2001:db8:1::/48', 'site'],
    ['::ffff:192.0.2.0/120', 'mapped'],
  ]);

  it.each([
    ['10.9.9.9', 'ten'],
    ['10.1.9.9', 'ten-one'],
    ['10.1.2.3', 'host'],
    ['::ffff:10.1.2.3', 'host'],
    ['::ffff:a01:203', 'host'],
    ['11.0.0.0', undefined],
    ['9.255.255.255', undefined],
    ['2001:db8:1::7', 'site'],
    ['2001:DB8:0:0::7', 'documentation'],
    ['2001:db9::', undefined],
    ['192.0.2.255', 'mapped'],
    ['192.0.3.0', undefined],
    ['', undefined],
    ['router-1', undefined],
    ['10.0.0.0/8', undefined],
  ])('finds for %s: %s', (address, expected) => {
    expect(table.lookup(address)).toBe(expected);
  });

  it('has a default for everything in 0.0.0.0/0 and ::/0, each for its own family', () => {
    const defaults = createPrefixTable([
      ['0.0.0.0/0', 4],
      ['::/0', 6],
    ]);
    expect(defaults.lookup('203.0.113.1')).toBe(4);
    expect(defaults.lookup('2001:db8::1')).toBe(6);
  });

  it('finds values that are falsy', () => {
    expect(createPrefixTable([['10.0.0.0/8', 0]]).lookup('10.0.0.1')).toBe(0);
  });

  it('counts a prefix once, however it is written, and lets the last one win', () => {
    const twice = createPrefixTable([
      ['10.0.0.0/8', 'first'],
      ['10.1.2.3/8', 'second'],
    ]);
    expect(twice.size).toBe(1);
    expect(twice.lookup('10.0.0.1')).toBe('second');
  });

  it('finds the longest of nested prefixes, as a plain search does', () => {
    const address = fc.integer({ min: 0, max: 0xffffffff });
    const prefix = fc.record({ address, length: fc.integer({ min: 0, max: 32 }) });
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 12 }), address, (prefixes, wanted) => {
        const entries = prefixes.map(({ address, length }, index) => [`${toText(address)}/${length}`, index] as const);
        const matching = prefixes
          .map(({ address, length }, index) => ({
            length,
            index,
            matches: (address ^ wanted) >>> 0 < 2 ** (32 - length),
          }))
          .filter(({ matches }) => matches)
          .sort((a, b) => b.length - a.length || b.index - a.index);
        expect(createPrefixTable(entries).lookup(toText(wanted))).toBe(matching[0]?.index);
      }),
    );
  });
});

describe('the text of a prefix', () => {
  it.each([
    '10.0.0.0/33',
    '2001:db8::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/ 8',
    '10.0.0',
    '10',
    '0x0a.0.0.1',
    '256.0.0.1',
    'fe80::1%eth0',
    'example.org',
    ':',
    '',
  ])('is none: %j', (text) => {
    expect(readPrefix(text)).toBeUndefined();
  });
});

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
