import { describe, expect, it } from 'vitest';
import { createTailFilter } from '../../../src/app/status/tail-filter.ts';

const line = Buffer.from(
  `${JSON.stringify({
    '@timestamp': '2026-01-01T00:00:00.000Z',
    node: { ipaddr: '192.0.2.1' },
    flow: {
      src_addr: '10.1.2.3',
      dst_addr: '2001:db8::443',
      dst_port: 443,
      service_name: 'https (TCP/443)',
      tcp_flags: ['SYN', 'ACK'],
    },
  })}\n`,
);

describe('a filter of live documents', () => {
  it.each([
    ['', true],
    ['10.1.2.3', true],
    ['HTTPS 192.0.2.1', true],
    ['https 192.0.2.2', false],
    ['2001:db8::443', true],
    ['-https', false],
    ['-ftp', true],
    ['flow.dst_port:443', true],
    ['flow.dst_port:44', false],
    ['flow.dst_port:44*', true],
    ['flow.src_addr:10.1.*', true],
    ['flow.src_addr:10.2.*', false],
    ['flow.tcp_flags:syn', true],
    ['flow.tcp_flags:ack', true],
    ['node.ipaddr:192.0.2.1', true],
    ['node.ipaddr:192.0.2.10', false],
    ['-flow.tcp_flags:rst', true],
    ['flow.service_name:https*', true],
    ['flow:443', false],
    ['flow.__proto__:443', false],
    ['flow.constructor.name:443', false],
  ])('%j: %j', (text, isTaken) => {
    expect(createTailFilter(text)?.(line)).toBe(isTaken);
  });

  it('is refused when it is longer than anybody types', () => {
    expect(createTailFilter('a'.repeat(201))).toBeUndefined();
    expect(createTailFilter('a '.repeat(11))).toBeUndefined();
  });
});
