// The oracle for IPv6 is the URL parser of Node, which writes addresses by the same rules (WHATWG URL, "IPv6 serializer").

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4TextAt, ipv6TextAt } from '../../src/model/address-text.ts';

function text(hex: string): string {
  return ipv6TextAt(Buffer.from(hex.replace(/:/g, ''), 'hex'), 0);
}

describe('address text', () => {
  it('follows the examples of RFC 5952', () => {
    expect(text('2001:0db8:0000:0000:0000:0000:0002:0001')).toBe('2001:db8::2:1');
    expect(text('2001:0db8:0000:0001:0001:0001:0001:0001')).toBe('2001:db8:0:1:1:1:1:1');
    expect(text('2001:0000:0000:0001:0000:0000:0000:0001')).toBe('2001:0:0:1::1');
    expect(text('2001:0db8:0000:0000:0001:0000:0000:0001')).toBe('2001:db8::1:0:0:1');
    expect(text('0000:0000:0000:0000:0000:0000:0000:0000')).toBe('::');
    expect(text('0001:0000:0000:0000:0000:0000:0000:0000')).toBe('1::');
    expect(text('0000:0000:0000:0000:0000:ffff:c000:0201')).toBe('::ffff:192.0.2.1');
  });

  it('is what a URL makes of any IPv6 address', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        fc.pre(groups.findIndex((one) => one !== 0) !== 5 || groups[5] !== 0xffff);
        const bytes = Buffer.alloc(16);
        groups.forEach((one, i) => {
          bytes.writeUInt16BE(one, 2 * i);
        });
        const url = new URL(`http://[${groups.map((one) => one.toString(16)).join(':')}]`);
        expect(`[${ipv6TextAt(bytes, 0)}]`).toBe(url.hostname);
      }),
    );
  });

  it('reads from the given place', () => {
    expect(ipv4TextAt(Buffer.from([9, 9, 10, 0, 255, 1]), 2)).toBe('10.0.255.1');
    expect(ipv6TextAt(Buffer.concat([Buffer.alloc(3, 9), Buffer.alloc(15), Buffer.from([1])]), 3)).toBe('::1');
  });
});
