import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBytes, fromMs, toBytes, toMs } from '../../src/enrich/quantities.ts';

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['64', 64],
    [64, 64],
    ['500KB', 500_000],
    ['500 kb', 500_000],
    ['1.5GiB', 1_610_612_736],
    ['2TB', 2e12],
    ['2 TiB', 2 ** 41],
    [' 2MiB ', 2_097_152],
    ['0.3333KiB', 341],
    ['64M', 64e6],
    ['64 Mi', 2 ** 26],
    ['7b', 7],
  ])('%j is %d bytes', (text, bytes) => {
    expect(toBytes(text)).toBe(bytes);
  });

  test.each([
    '',
    'MiB',
    '-1',
    '1e3',
    '1,5MB',
    '5 apples',
    '5ms',
    '99999999999GiB',
    '1..5MB',
    '0x10',
    '5 i',
    '5ib',
    '5mm',
    'toString',
  ])('%j is none', (text) => {
    expect(toBytes(text)).toBeUndefined();
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('the number %d is none', (number) => {
    expect(toBytes(number)).toBeUndefined();
  });

  test('are written so that they are read back', () => {
    fc.assert(fc.property(fc.nat(2 ** 31 - 1), (bytes) => toBytes(fromBytes(bytes)) === bytes));
    expect([fromBytes(1_048_576), fromBytes(1023), fromBytes(2 ** 40)]).toEqual(['1MiB', '1023B', '1TiB']);
  });
});

describe('durations', () => {
  test.each([
    ['200ms', 200],
    ['1.5s', 1500],
    ['5 m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1h30m', 5_400_000],
    ['1d 12h', 129_600_000],
    ['1m30.5s', 90_500],
    ['5 min', 300_000],
    ['30sec', 30_000],
  ])('%j is %d ms', (text, ms) => {
    expect(toMs(text)).toBe(ms);
  });

  test.each(['', '5', 's', '-5s', '5MB', '1h30', '30m1h', '1h1h', '1m2min', '1h,30m', '5 minutes'])(
    '%j is none: the unit must be written',
    (text) => {
      expect(toMs(text)).toBeUndefined();
    },
  );

  test('are written so that they are read back', () => {
    fc.assert(fc.property(fc.nat(2 ** 31 - 1), (ms) => toMs(fromMs(ms)) === ms));
    expect([fromMs(60_000), fromMs(1500), fromMs(86_400_000)]).toEqual(['1m', '1500ms', '1d']);
  });
});
