// Finished documents without addresses, against the plain way to them: regular expressions over the whole text.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddressMasking } from '../../src/enrich/address-masking.ts';

/** The last octet of IPv4, the last eight bytes of IPv6. */
const truncated = (address: Uint8Array) =>
  address.map((byte, index) => (index < (address.length === 4 ? 3 : 8) ? byte : 0));

const sideNames = /"(src|dst|client|server)_addr":"([^"]*)","\1_hostname":"(?:[^"\\]|\\.)*"/g;
const nodeName = /"node":\{"ipaddr":"([^"]*)","hostname":"(?:[^"\\]|\\.)*"/;

/** Names become addresses by expressions; a masking that has seen nothing before does what is left. */
function masked(text: string, isExporterKept: boolean): string {
  const headEnd = isExporterKept ? text.indexOf('},', text.indexOf('"node":{')) + 1 : 0;
  const rest = text
    .slice(headEnd)
    .replace(nodeName, '"node":{"ipaddr":"$1","hostname":"$1"')
    .replace(sideNames, '"$1_addr":"$2","$1_hostname":"$2"');
  return createAddressMasking(truncated, isExporterKept)(text.slice(0, headEnd) + rest);
}

const byte = fc.nat(255);
const address = fc.oneof(
  fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.')),
  fc.tuple(byte, byte, byte).map((words) => `2001:db8:${words.map((word) => word.toString(16)).join(':')}::1`),
  fc.constantFrom('::', '::1', '0.0.0.0', '::ffff:192.0.2.7', '64:ff9b::c000:201'),
);
/** Names with quotes, backslashes, other members' text, and addresses in them. */
const name = fc.oneof(
  address,
  address.map((text) => `ip-${text.replaceAll('.', '-')}.example`),
  address.map((text) => `"src_addr":"${text}","src_hostname":"x"`),
  fc.string({ maxLength: 8 }),
  fc.constantFrom('\\', '"', '\\"', 'a\\', '","dst_hostname":"'),
  // As byte text.
  fc.constant(Buffer.from('é日🦫').toString('latin1')),
);
const side = (role: string) =>
  fc.tuple(address, name).map(([text, shown]) => [
    [`${role}_addr`, text],
    [`${role}_hostname`, shown],
  ]);

const document = fc
  .record({
    exporter: address,
    node: name,
    sides: fc.tuple(side('src'), side('client'), side('dst'), side('server')),
    others: fc.array(
      fc.tuple(
        fc.constantFrom('next_hop', 'src_addr_trans', 'dst_addr', 'mplsTopLabelIPv6Address', 'note', 'hostname'),
        fc.oneof(name, fc.nat(), fc.array(name, { maxLength: 2 })),
      ),
      { maxLength: 4 },
    ),
    communityId: fc.option(fc.constant('1:LQU9qZlK+B5F3KDmev6m5PMibrg='), { nil: undefined }),
  })
  .map(({ exporter, node, sides, others, communityId }) => {
    const text = JSON.stringify({
      '@timestamp': '2026-01-01T10:20:30.123Z',
      event: { host: exporter, type: 'ipfix' },
      node: { ipaddr: exporter, hostname: node },
      ipfix: Object.fromEntries(others),
      flow: Object.fromEntries(sides.flat()),
      ...(communityId !== undefined && { network: { community_id: communityId } }),
    });
    return `${text}\n`;
  });

test.each([false, true])('what was masked before changes nothing (exporters kept: %s)', (isExporterKept) => {
  const mask = createAddressMasking(truncated, isExporterKept);
  fc.assert(
    fc.property(document, (text) => {
      const expected = masked(text, isExporterKept);
      expect(mask(text)).toBe(expected);
      expect(mask(text)).toBe(expected);
    }),
    { numRuns: 300 },
  );
});

test('names become the addresses that are stored, whatever is in them', () => {
  const text = JSON.stringify({
    event: { host: '192.0.2.1' },
    node: { ipaddr: '192.0.2.1', hostname: 'core \\"' },
    flow: {
      src_addr: '10.1.2.3',
      src_hostname: 'a "quoted\\" name',
      client_addr: '10.1.2.3',
      client_hostname: '","server_hostname":"',
      dst_addr: '2001:db8::7',
      dst_hostname: '',
    },
    network: { community_id: '1:LQU9qZlK+B5F3KDmev6m5PMibrg=' },
  });
  expect(JSON.parse(createAddressMasking(truncated, false)(text))).toEqual({
    event: { host: '192.0.2.0' },
    node: { ipaddr: '192.0.2.0', hostname: '192.0.2.0' },
    flow: {
      src_addr: '10.1.2.0',
      src_hostname: '10.1.2.0',
      client_addr: '10.1.2.0',
      client_hostname: '10.1.2.0',
      dst_addr: '2001:db8::',
      dst_hostname: '2001:db8::',
    },
    network: { community_id: 'removed' },
  });
});

test.each([
  ['taken out', { flow: { src_hostname: 'alice.example', client_hostname: 'alice.example', bytes: 5 } }],
  ['elsewhere', { flow: { src_addr: '10.1.2.3', bytes: 5, src_hostname: 'alice.example' } }],
  ['of another role', { flow: { src_addr: '10.1.2.3', client_hostname: 'alice.example' } }],
  ['a number', { flow: { src_addr: 5, src_hostname: 'alice.example' } }],
])('a name whose address is %s does not stay', (_, document) => {
  const text = `${JSON.stringify(document)}\n`;
  const masked = createAddressMasking(truncated, false)(text);
  expect(masked).not.toMatch(/alice|10\.1\.2\.3/);
  expect(Object.keys((JSON.parse(masked) as typeof document).flow)).toEqual(Object.keys(document.flow));
});
