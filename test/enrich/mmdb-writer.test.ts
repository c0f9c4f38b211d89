// What the writer writes is read by another implementation of the format: the package maxmind.

import fc from 'fast-check';
import { Reader, type Response } from 'maxmind';
import { describe, expect, it } from 'vitest';
import type { MmdbValue } from '../../src/enrich/mmdb-encoder.ts';
import { createMmdbWriter, type MmdbWriter } from '../../src/enrich/mmdb-writer.ts';
import { toRange } from './city-database.ts';

describe('the writer of MaxMind DB files', () => {
  it('writes metadata that the reader understands', () => {
    const writer = emptyWriter();
    setPrefix(writer, '10.0.0.0/8', { a: 1 });
    const { metadata } = new Reader(writer.toBuffer());
    expect(metadata).toMatchObject({
      binaryFormatMajorVersion: 2,
      binaryFormatMinorVersion: 0,
      buildEpoch: new Date('2019-09-06T13:42:01Z'),
      databaseType: 'Test',
      description: { en: 'for tests' },
      ipVersion: 6,
      languages: ['en'],
      recordSize: 24,
    });
  });

  it('gives every address of a prefix its value, and none to its neighbours', () => {
    const writer = emptyWriter();
    setPrefix(writer, '192.0.2.0/25', { is: 'v4' });
    setPrefix(writer, '2001:db8::/33', { is: 'v6' });
    const get = lookupIn(writer);
    expect(get('192.0.2.0')).toEqual({ is: 'v4' });
    expect(get('192.0.2.127')).toEqual({ is: 'v4' });
    expect(get('192.0.2.128')).toBeNull();
    expect(get('192.0.1.255')).toBeNull();
    expect(get('2001:db8::')).toEqual({ is: 'v6' });
    expect(get('2001:db8:7fff:ffff:ffff:ffff:ffff:ffff')).toEqual({ is: 'v6' });
    expect(get('2001:db8:8000::')).toBeNull();
    expect(get('2001:db7:ffff:ffff:ffff:ffff:ffff:ffff')).toBeNull();
  });

  it('lets the last of overlapping ranges win, for ranges of any bounds', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const range = fc.tuple(octet, octet).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), (ranges) => {
        const writer = emptyWriter();
        const expected: (number | null)[] = Array.from({ length: 256 }, () => null);
        ranges.forEach(([from, to], index) => {
          writer.setRange(documentationAddress(from), documentationAddress(to), writer.addValue({ index }));
          expected.fill(index, from, to + 1);
        });
        const get = lookupIn(writer);
        const found = expected.map(
          (_, octet) => (get(`203.0.113.${octet}`) as { index: number } | null)?.index ?? null,
        );
        expect(found).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it('stores one node fewer for each pair of neighbours with the same value', () => {
    const whole = emptyWriter();
    setPrefix(whole, '192.0.2.0/24', { a: 1 });
    const halves = emptyWriter();
    const value = halves.addValue({ a: 1 });
    for (const half of ['192.0.2.0/25', '192.0.2.128/25']) halves.setRange(...toRange(half), value);
    expect(halves.toBuffer()).toEqual(whole.toBuffer());
  });

  it('keeps values of every kind', () => {
    const value = {
      text: 'Zürich',
      empty: '',
      zero: 0,
      byte: 255,
      large: 4294967295,
      negative: -122.0748,
      half: 0.5,
      beyond: 4294967296,
      yes: true,
      no: false,
      list: ['a', 'b', ['a']],
      nested: { text: 'Zürich', list: [] },
    };
    expect(roundTrip(value)).toEqual(value);
  });

  it.each([28, 29, 284, 285, 65_820])('keeps a text of %d bytes', (length) => {
    expect(roundTrip({ text: 'x'.repeat(length) })).toEqual({ text: 'x'.repeat(length) });
  });

  it('refuses a text that the format could hold only with another length form', () => {
    expect(() => emptyWriter().addValue('x'.repeat(65_821))).toThrow(RangeError);
  });

  it('points back to a text at any distance', () => {
    // Pointers change their form at 2,048 and 526,336 bytes.
    const writer = emptyWriter();
    const texts = Array.from({ length: 700 }, (_, index) => `${index}`.padEnd(1000, '.'));
    for (const text of texts) writer.addValue(text);
    writer.setRange(documentationAddress(1), documentationAddress(1), writer.addValue({ texts }));
    expect(lookupIn(writer)('203.0.113.1')).toEqual({ texts });
  });

  it('writes larger records when tree and values pass 16 MiB', () => {
    const writer = emptyWriter();
    for (let index = 0; index < 300; index++) writer.addValue(`${index}`.padEnd(60_000, '.'));
    setPrefix(writer, '10.0.0.0/8', { found: true });
    const bytes = writer.toBuffer();
    expect(new Reader(bytes).metadata.recordSize).toBe(32);
    expect(new Reader(bytes).get('10.1.2.3')).toEqual({ found: true });
  });
});

function emptyWriter(): MmdbWriter {
  return createMmdbWriter({
    databaseType: 'Test',
    description: 'for tests',
    builtAtMs: Date.UTC(2019, 8, 6, 13, 42, 1),
  });
}

function setPrefix(writer: MmdbWriter, prefix: string, value: MmdbValue): void {
  writer.setRange(...toRange(prefix), writer.addValue(value));
}

function lookupIn(writer: MmdbWriter): (address: string) => unknown {
  const reader = new Reader<Response>(writer.toBuffer());
  return (address) => reader.get(address);
}

function roundTrip(value: MmdbValue): unknown {
  const writer = emptyWriter();
  setPrefix(writer, '10.0.0.0/8', value);
  return lookupIn(writer)('10.0.0.1');
}

/** 203.0.113.0/24, RFC 5737. */
function documentationAddress(octet: number): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 203, 0, 113, octet]);
}
