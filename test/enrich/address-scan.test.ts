// Where an address may stand in a text: what is given to `mask`, what is taken out whole, and that all else stays.

import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { replaceInRuns } from '../../src/enrich/address-scan.ts';

/** What `mask` was asked for, and the text where each answer is `<>`. */
function scanned(text: string): { readonly asked: readonly string[]; readonly result: string } {
  const asked: string[] = [];
  const result = replaceInRuns(text, (run) => {
    asked.push(run);
    return '<>';
  });
  return { asked, result };
}

describe('a run that may be an address is asked for', () => {
  test.each<[text: string, asked: readonly string[], result: string]>([
    ['192.0.2.1', ['192.0.2.1'], '<>'],
    ['"10.0.0.1","::"', ['10.0.0.1', '::'], '"<>","<>"'],
    ['host ip-198-51-100-17.example', ['-198-51-100-17.e'], 'host ip<>xample'],
    ['x 2001:db8::1 y', ['2001:db8::1'], 'x <> y'],
    ['::ffff:192.0.2.1', ['::ffff:192.0.2.1'], '<>'],
    ['1:2:3:4:5:6:7:8', ['1:2:3:4:5:6:7:8'], '<>'],
    ['[2001:db8::1]:443', ['2001:db8::1'], '[<>]:443'],
    // Beside characters of UTF-8, which are bytes from 0x80 on.
    ['\u00c3\u00a4192.0.2.1\u00f0\u009f', ['192.0.2.1'], '\u00c3\u00a4<>\u00f0\u009f'],
  ])('%j', (text, asked, result) => {
    expect(scanned(text)).toEqual({ asked, result });
  });
});

describe('what is no address stays as it is', () => {
  test.each([
    '',
    'dead beef',
    '"2019-09-06T13:42:01.015Z"',
    '"00:00:5e:00:53:01"',
    '"3.5.1"',
    '{"bytes":1234567890,"lat":37.4043,"lon":-122.0748}',
    '"abcdef0"',
    '"description":"a dead parrot: 12-34"',
  ])('%j', (text) => {
    expect(scanned(text)).toEqual({ asked: [], result: text });
  });
});

describe('taken out as a whole, unasked', () => {
  test.each([
    ['"c0000201"', '"removed"'],
    ['"20010DB8000000000000000000000001"', '"removed"'],
    ['x 1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa y', 'x removed y'],
    ['1.0.0.0.8.b.d.0.1.0.0.2.IP6.ARPA', 'removed'],
  ])('%j', (text, result) => {
    expect(replaceInRuns(text, (run) => (run === '' ? '' : expect.fail(run)))).toBe(result);
  });

  test('but hex digits within a longer text are no bytes of an address', () => {
    expect(scanned('"x c0000201"')).toEqual({ asked: [], result: '"x c0000201"' });
  });
});

const byte = fc.nat(255);
const address = fc.oneof(
  fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.')),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ipaddr.fromByteArray([...bytes]).toNormalizedString()),
  // With zeros, which are left out.
  fc
    .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), byte)
    .map(([net, last]) =>
      (ipaddr.fromByteArray([...net, ...Array(11).fill(0), last]) as ipaddr.IPv6).toRFC5952String(),
    ),
);
/** Nothing that could be a part of a run. */
const between = fc.stringMatching(/^[g-zG-Z "{}[\],_/\\\u0080-\u00ff]{1,8}$/);

test('every address among other text is asked for, once, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(between, address), { maxLength: 6 }), between, (pieces, end) => {
      const text = pieces.flat().join('') + end;
      expect(scanned(text)).toEqual({
        asked: pieces.map(([, asked]) => asked),
        result: pieces.map(([before]) => `${before}<>`).join('') + end,
      });
    }),
    { numRuns: 500 },
  );
});

test('whatever the bytes are, the text stays where nothing is replaced', () => {
  const kept = fc.stringMatching(/^[0-9a-f:.\-\u0080-\u00ff {}ipar6]*$/);
  fc.assert(
    fc.property(kept, (text) => {
      // Without quotes no run counts as bytes in hex; names of reverse DNS are left to the test above.
      fc.pre(!/ip6\.arpa/i.test(text));
      expect(replaceInRuns(text, (run) => run)).toBe(text);
    }),
    { numRuns: 1000 },
  );
});
