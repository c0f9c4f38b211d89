import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createServiceNames, readPortKey } from '../../src/enrich/service-names.ts';

const tcp = 6;
const udp = 17;
const dccp = 33;
const sctp = 132;
const gre = 47;

describe('service names', () => {
  const services = createServiceNames();

  it.each([
    [tcp, 22, 'ssh'],
    [tcp, 80, 'http'],
    [tcp, 443, 'https'],
    [tcp, 631, 'ipp'],
    [tcp, 3389, 'ms-wbt-server'],
    [tcp, 6010, 'x11'],
    [udp, 53, 'domain'],
    [udp, 123, 'ntp'],
    [udp, 4739, 'ipfix'],
    [udp, 6343, 'sflow'],
    [sctp, 2905, 'm3ua'],
    [dccp, 9, 'discard'],
    [tcp, 43_173, undefined],
    [tcp, 0, undefined],
    [gre, 443, undefined],
    [tcp, 70_000, undefined],
    [999, 443, undefined],
  ])('of protocol %d, port %d: %s', (protocol, port, expected) => {
    expect(services.nameOf(protocol, port)).toBe(expected);
  });

  it.each([
    [tcp, 443, 'https (TCP/443)'],
    [tcp, 43_173, 'TCP/43173'],
    [udp, 443, 'https (UDP/443)'],
    [sctp, 9, 'discard (SCTP/9)'],
    [gre, 0, 'GRE/0'],
    [1, 2048, 'ICMP/2048'],
    [200, 0, 'UNKNOWN(200)/0'],
    [300, 7, 'UNKNOWN(300)/7'],
    [tcp, 70_000, 'TCP/70000'],
  ])('as text, of protocol %d, port %d: %s', (protocol, port, expected) => {
    expect(services.textOf(protocol, port)).toBe(expected);
    expect(services.textOf(protocol, port)).toBe(expected);
  });

  it('of the user go before those of the registry', () => {
    const own = createServiceNames({ 'tcp/8443': 'my-admin', 'udp/443': 'quic' });
    expect(own.textOf(tcp, 8443)).toBe('my-admin (TCP/8443)');
    expect(own.textOf(udp, 443)).toBe('quic (UDP/443)');
    expect(own.textOf(tcp, 443)).toBe('https (TCP/443)');
    expect(services.textOf(tcp, 8443)).not.toContain('my-admin');
  });
});

describe('a port in the pipeline file', () => {
  it.each(['tcp/0', 'tcp/65535', 'udp/53', 'sctp/1', 'dccp/1'])('can be %s', (key) => {
    expect(readPortKey(key)).toBeDefined();
  });

  it.each(['tcp', 'tcp/', 'tcp/65536', 'tcp/-1', 'TCP/80', 'icmp/8', '80/tcp', 'tcp/80 ', '6/80'])(
    'cannot be %s',
    (key) => {
      expect(readPortKey(key)).toBeUndefined();
    },
  );
});

describe('data/services.json', () => {
  const content = JSON.parse(readFileSync(new URL('../../data/services.json', import.meta.url), 'utf8')) as Record<
    string,
    Record<string, string>
  >;

  it.each([
    ['tcp', 5900],
    ['udp', 5500],
    ['sctp', 60],
    ['dccp', 5],
  ])('has the names of %s', (protocol, atLeast) => {
    const names = Object.entries(content[protocol] ?? {});
    expect(names.length).toBeGreaterThan(atLeast);
    for (const [port, name] of names) {
      expect(Number(port)).toBeLessThan(65_536);
      // RFC 6335 §5.1 allows 15 characters; a few older names have others than letters, digits and "-".
      expect(name).toMatch(/^[!-~]{1,15}$/);
    }
  });

  it('says where it comes from', () => {
    expect(content['source']).toContain('IANA');
  });
});
