import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExporterGate } from '../../src/app/exporter-gate.ts';

describe('the gate of exporters', () => {
  it('lets everybody in without a list', () => {
    expect(createExporterGate(undefined)('198.51.100.1')).toBe(true);
  });

  it.each([
    ['10.1.2.3', true],
    ['11.0.0.1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
    ['fe80::1', false],
    ['', false],
    ['no address', false],
  ])('asks the list for %s: %s', (address, expected) => {
    const isAllowed = createExporterGate(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
    // The second answer is remembered.
    expect([isAllowed(address), isAllowed(address)]).toEqual([expected, expected]);
  });

  it('gives the same answer whether it remembers an address or has forgotten it', () => {
    const isAllowed = createExporterGate(['10.0.0.0/9']);
    const second = fc.nat(255);
    fc.assert(
      fc.property(fc.array(fc.tuple(second, second), { maxLength: 50 }), (addresses) => {
        for (const [b, c] of addresses) expect(isAllowed(`10.${b}.${c}.1`)).toBe(b < 128);
      }),
    );
    // More forged sources than are remembered.
    for (let at = 0; at < 60_000; at += 1) isAllowed(`172.16.${at >> 8}.${at & 255}`);
    expect([isAllowed('10.0.0.1'), isAllowed('10.200.0.1')]).toEqual([true, false]);
  });
});
