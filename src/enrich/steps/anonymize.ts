// Step `anonymize`: no original IP address in a document. Prefix-preserving (crypto-pan.ts), or by truncation.

import { z } from 'zod';
import { createAddressMasking, type ReplaceAddress } from '../address-masking.ts';
import { createCryptoPan } from '../crypto-pan.ts';
import { whole } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

const options = z
  .strictObject({
    key: z
      .string({ error: 'expected 64 hex digits' })
      .regex(/^[\da-f]{64}$/i, { error: 'expected 64 hex digits, as of "openssl rand -hex 32"' })
      .optional()
      .describe(
        'Secret of 32 bytes as 64 hex digits, best from a variable. Addresses are replaced so that common prefixes stay common (Crypto-PAn).',
      ),
    truncate: z
      .strictObject(
        {
          ipv4: whole(0, 32).prefault(24).describe('Bits of IPv4 addresses that stay.'),
          ipv6: whole(0, 128).prefault(48).describe('Bits of IPv6 addresses that stay.'),
        },
        { error: 'expected a mapping such as "{ ipv4: 24, ipv6: 48 }"' },
      )
      .optional()
      .describe('Instead of a key: so many bits of an address stay, the others become zero.'),
    exporters: z
      .boolean({ error: 'expected true or false' })
      .prefault(true)
      .describe('Also the addresses of exporters. `false`: `event.host` and `node` stay as they are.'),
  })
  .refine(({ key, truncate }) => (key === undefined) !== (truncate === undefined), {
    error: 'expected either key or truncate',
  });

export type AnonymizeOptions = z.infer<typeof options>;

/** A key for examples: nobody's secret. */
const exampleKey = '1522178d33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202';

export const anonymizeStep: StepDefinition<AnonymizeOptions> = {
  name: 'anonymize',
  summary: 'Replaces every IP address in the finished document, so that none that was sent is stored.',
  options,
  reads: [],
  writes: [],
  cost: {
    microseconds: 1.2,
    remark:
      'Each document is searched for addresses: a longer one costs more. Both sides of a flow are done once for each address. Where `fields` or `lookup` change stored fields (labels apart), the whole of it is searched: 10 µs.',
  },
  examples: [
    {
      title: 'with a key, common prefixes stay common',
      options: { key: exampleKey },
      record: { sourceIPv4Address: '141.223.7.43', destinationIPv4Address: '141.233.145.108' },
      expect: {
        'flow.src_addr': '141.167.8.160',
        'flow.src_hostname': '141.167.8.160',
        'flow.dst_addr': '141.129.237.235',
      },
    },
    {
      title: 'truncated, also where it is no end point',
      options: { truncate: {} },
      record: {
        sourceIPv4Address: '10.1.2.3',
        destinationIPv4Address: '8.8.8.8',
        ipNextHopIPv4Address: '192.0.2.254',
        mplsTopLabelIPv6Address: '2001:db8:1:2::3',
      },
      expect: {
        'flow.src_addr': '10.1.2.0',
        'flow.next_hop': '192.0.2.0',
        'ipfix.mplsTopLabelIPv6Address': '2001:db8:1::',
        'event.host': '192.0.2.0',
      },
    },
    {
      title: 'exporters may keep their addresses',
      options: { truncate: {}, exporters: false },
      record: { sourceIPv4Address: '10.1.2.3', destinationIPv4Address: '8.8.8.8' },
      expect: { 'node.ipaddr': '192.0.2.1', 'node.hostname': '192.0.2.1', 'flow.src_addr': '10.1.2.0' },
    },
  ],
  create({ key, truncate, exporters }) {
    const replace = key === undefined ? createTruncation(truncate) : createCryptoPan(Buffer.from(key, 'hex'));
    return { rewrite: createAddressMasking(replace, !exporters) };
  },
};

/** IPv6 prefixes behind which an IPv4 address stands: 6to4 (RFC 3056), Teredo's server (RFC 4380), NAT64 (RFC 6052). */
const embeddings: readonly (readonly number[])[] = [
  [0x20, 0x02],
  [0x20, 0x01, 0, 0],
  [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0],
];

function createTruncation({ ipv4, ipv6 } = { ipv4: 24, ipv6: 48 }): ReplaceAddress {
  /** No more of an IPv4 address within an IPv6 address than of one by itself. */
  const keptOf = (address: Uint8Array): number => {
    if (address.length === 4) return ipv4;
    const before = embeddings.find((prefix) => prefix.every((byte, index) => address[index] === byte));
    return before === undefined ? ipv6 : Math.min(ipv6, before.length * 8 + ipv4);
  };
  return (address) => {
    const kept = keptOf(address);
    return address.map((byte, index) => byte & (0xff00 >>> Math.min(8, Math.max(0, kept - index * 8))));
  };
}
