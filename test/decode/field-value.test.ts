import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PlainEncoding, readValue, toReadableValue } from '../../src/decode/field-value.ts';
import type { FieldValue } from '../../src/model/record.ts';
import { uint } from './datagram-builder.ts';

const read = (encoding: PlainEncoding, hex: string): FieldValue => {
  // Surrounded by other bytes: none of them may be seen.
  const bytes = Buffer.from(`ee${hex}ee`, 'hex');
  return readValue(encoding, bytes, 1, bytes.length - 2);
};
const text = (value: string) => read('text', Buffer.from(value, 'utf8').toString('hex'));

describe('the value of a field', () => {
  it.each<[PlainEncoding, string, FieldValue]>([
    ['unsigned', '80', 128],
    ['unsigned', 'ffff', 65_535],
    ['unsigned', '800000', 8_388_608],
    ['unsigned', 'ffffffff', 4_294_967_295],
    ['unsigned', 'ffffffffff', 1_099_511_627_775],
    ['unsigned', '001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['unsigned', '0020000000000000', '9007199254740992'],
    ['unsigned', 'ffffffffffffffff', '18446744073709551615'],
    ['unsigned', 'ffffffffffffff', '72057594037927935'],
    ['unsigned', '000000000000000001', { hex: '000000000000000001' }],
    ['signed', 'ff', -1],
    ['signed', '8000', -32_768],
    ['signed', 'ffffff', -1],
    ['signed', 'fffffffffffffffe', -2],
    ['signed', '8000000000000000', '-9223372036854775808'],
    ['float', '3fc00000', 1.5],
    ['float', 'c000000000000000', -2],
    ['float', '7fc00000', { hex: '7fc00000' }],
    ['float', '3f', { hex: '3f' }],
    ['boolean', '01', true],
    ['boolean', '02', false],
    ['boolean', '00', { hex: '00' }],
    ['boolean', '0001', { hex: '0001' }],
    ['mac', '0200000000ff', 0x0200_0000_00ff],
    ['mac', '02000000', { hex: '02000000' }],
    ['ipv4', '0a000001', 167_772_161],
    ['ipv4', 'c0000201', 3_221_225_985],
    ['ipv4', '0a00', { hex: '0a00' }],
    ['ipv6', '20010db8000000000000000000000001', '2001:db8::1'],
    ['ipv6', '0a000001', { hex: '0a000001' }],
    ['bytes', '00FF', '00ff'],
    ['seconds', '6553f100', 1_700_000_000_000],
    ['seconds', '6553f1', { hex: '6553f1' }],
    ['milliseconds', '0000018bcfe56800', 1_700_000_000_000],
    // 8.64e15 ms is the last instant of ECMAScript; anything later is no time.
    ['milliseconds', '001eb208c2dc0000', 8.64e15],
    ['milliseconds', '001eb208c2dc0001', { hex: '001eb208c2dc0001' }],
    // NTP: 1970 is 2,208,988,800 = 0x83aa7e80 seconds after 1900; 0x80000000 is half a second.
    ['microseconds', '83aa7e8180000000', 1500],
    ['nanoseconds', '83aa7e8140000000', 1250],
    ['nanoseconds', '83aa7e81', { hex: '83aa7e81' }],
  ])('%s %s is %j', (encoding, hex, value) => {
    expect(read(encoding, hex)).toEqual(value);
  });

  it('keeps each millisecond that an exporter wrote as the nearest, or next lower, NTP fraction', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.boolean(), (milliseconds, cut) => {
        const exact = (milliseconds * 2 ** 32) / 1000;
        const fraction = cut ? Math.floor(exact) : Math.round(exact);
        const value = read('microseconds', Buffer.concat([uint(2_208_988_800, 4), uint(fraction, 4)]).toString('hex'));
        expect(value).toBe(milliseconds);
      }),
    );
  });

  it('keeps any NTP time to the microsecond, and to a quarter of one where the element is finer', () => {
    const seconds = fc.integer({ min: 2_208_988_800, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (second, fraction) => {
        const hex = Buffer.concat([uint(second, 4), uint(fraction, 4)]).toString('hex');
        const since1970 = BigInt(second - 2_208_988_800);
        // RFC 7011 §6.1.9: the last eleven bits say nothing.
        const significant = BigInt(fraction) & ~0x7ffn;
        const microseconds = since1970 * 1_000_000n + (significant * 1_000_000n + (1n << 31n)) / (1n << 32n);
        expect(BigInt(Math.round((read('microseconds', hex) as number) * 1000))).toBe(microseconds);
        const nanoseconds = since1970 * 1_000_000_000n + (BigInt(fraction) * 1_000_000_000n) / (1n << 32n);
        const value = read('nanoseconds', hex) as number;
        const whole = Math.floor(value);
        const error = BigInt(whole) * 1_000_000n + BigInt(Math.round((value - whole) * 1e6)) - nanoseconds;
        expect(Math.abs(Number(error))).toBeLessThanOrEqual(250);
      }),
    );
  });

  it('gives any integer of one to eight bytes without losing a digit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (length, any) => {
        const value = BigInt.asUintN(8 * length, any);
        const signed = BigInt.asIntN(8 * length, any);
        const hex = uint(value, length).toString('hex');
        expect(read('unsigned', hex)).toBe(value <= Number.MAX_SAFE_INTEGER ? Number(value) : `${value}`);
        const isSafe = Number.isSafeInteger(Number(signed)) && BigInt(Number(signed)) === signed;
        expect(read('signed', hex)).toBe(isSafe ? Number(signed) : `${signed}`);
      }),
    );
  });

  it('cuts trailing NULs off text, keeps UTF-8, and shows what is not printable as hex', () => {
    expect(text('eth0')).toBe('eth0');
    expect(text('eth0\0\0\0')).toBe('eth0');
    expect(text('\0\0')).toBe('');
    expect(text('')).toBe('');
    expect(text('Zürich 東京 🙂')).toBe('Zürich 東京 🙂');
    expect(text('a\0b')).toEqual({ hex: '610062' });
    expect(text('a\x1b[31m')).toEqual({ hex: '611b5b33316d' });
    expect(text('a\u202eb')).toEqual({ hex: '61e280ae62' });
    expect(read('text', 'fffe')).toEqual({ hex: 'fffe' });
    expect(read('text', 'c3')).toEqual({ hex: 'c3' });
  });
});

describe('the readable form of a value', () => {
  it('shows addresses and times as text, and raw bytes as hex', () => {
    expect(toReadableValue(3_221_225_985, 'ipv4')).toBe('192.0.2.1');
    expect(toReadableValue(0, 'ipv4')).toBe('0.0.0.0');
    expect(toReadableValue(0x0200_0000_00ff, 'mac')).toBe('02:00:00:00:00:ff');
    expect(toReadableValue(1_700_000_000_123.999, 'time')).toBe('2023-11-14T22:13:20.123Z');
    expect(toReadableValue(-2_208_988_800_000, 'time')).toBe('1900-01-01T00:00:00.000Z');
    expect(toReadableValue({ hex: '0a00' }, 'ipv4')).toBe('0a00');
    expect(toReadableValue({ hex: '0a00' }, 'text')).toEqual({ hex: '0a00' });
    expect(toReadableValue('9007199254740993', 'number')).toBe('9007199254740993');
    expect(toReadableValue([1, null, { hex: 'ff' }], 'ipv4')).toEqual(['0.0.0.1', null, 'ff']);
    expect(toReadableValue(true, 'boolean')).toBe(true);
  });
});
