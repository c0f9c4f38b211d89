// Values as JSON text.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { numberText, quoted, quotedAgain, timeText, valueText } from '../../src/enrich/json-text.ts';

describe('times', () => {
  test('are ISO 8601 in UTC with milliseconds, as Date writes them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
        expect(timeText(ms)).toBe(`"${new Date(ms).toISOString()}"`);
        // Again, when the second is remembered, and in another second of the same slot.
        expect(timeText(ms)).toBe(`"${new Date(ms).toISOString()}"`);
        const other = (ms + 4_096_000) % 253_402_300_800_000;
        expect(timeText(other)).toBe(`"${new Date(other).toISOString()}"`);
      }),
    );
  });

  test('lose what is finer than a millisecond', () => {
    expect(timeText(1_567_777_321_015.999)).toBe('"2019-09-06T13:42:01.015Z"');
  });

  test.each([-1, -0.5, 253_402_300_800_000, Number.NaN, Number.POSITIVE_INFINITY])('%s is none', (ms) => {
    expect(timeText(ms)).toBeUndefined();
  });
});

describe('numbers', () => {
  test.each([
    [0, '0'],
    [-0, '0'],
    [1.5, '1.5'],
    [2 ** 53, '9007199254740992'],
    ['9223372036854775807', '9223372036854775807'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['007', '7'],
    ['9223372036854775808', undefined],
    [2 ** 63, undefined],
    [Number.NaN, undefined],
    [Number.NEGATIVE_INFINITY, undefined],
    ['1e3', undefined],
    ['', undefined],
  ])('%s → %s', (value, text) => {
    expect(numberText(value)).toBe(text);
  });
});

describe('texts', () => {
  test('are JSON strings, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(Buffer.from(quoted(text), 'latin1').toString('utf8'))).toBe(text);
        expect(quotedAgain(text)).toBe(quoted(text));
      }),
    );
  });

  test('stand as the bytes of UTF-8, one character each', () => {
    expect(quoted('é€')).toBe('"\u00c3\u00a9\u00e2\u0082\u00ac"');
  });

  test('with half a surrogate pair are escaped, so that the bytes are UTF-8', () => {
    expect(quoted('\ud83d')).toBe('"\\ud83d"');
    expect(quoted(`${'x'.repeat(10_899)}😀`)).toBe(`"${'x'.repeat(10_899)}\\ud83d"`);
  });
});

test.each([
  [167_772_161, 'ipv4', '"10.0.0.1"'],
  [0x00001b213c9d, 'mac', '"00:00:1b:21:3c:9d"'],
  [0, 'time', '"1970-01-01T00:00:00.000Z"'],
  ['9007199254740993', 'number', '9007199254740993'],
  ['9007199254740993', 'text', '"9007199254740993"'],
  [true, 'boolean', 'true'],
  [null, 'number', undefined],
  [{ hex: '00ff' }, 'text', '"00ff"'],
  [{ hex: '00ff' }, 'number', undefined],
  ['many', 'number', undefined],
  ['10.0.0.1', 'ipv4', undefined],
  [[1, null, 2], 'number', '[1,2]'],
  [[167_772_161, { hex: '0a' }], 'ipv4', '["10.0.0.1"]'],
] as const)('%j of type %s → %s', (value, type, text) => {
  expect(valueText(value, type)).toBe(text);
});
