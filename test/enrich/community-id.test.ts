// Community ID v1 against the reference data of its specification, and against SHA-1 and base64 of Node over the layout that
// the specification gives.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { communityId } from '../../src/enrich/community-id.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { communityIdStep } from '../../src/enrich/steps/community-id.ts';
import { toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

/** baseline/baseline_deflt.json and the tests of pycommunityid: protocol, source, destination, ports (or type and code), ID. */
const vectors = [
  [58, 'fe80::200:86ff:fe05:80da', 'fe80::260:97ff:fe07:69ea', 135, 0, '1:dGHyGvjMfljg6Bppwm3bg0LO8TY='],
  [58, 'fe80::260:97ff:fe07:69ea', 'fe80::200:86ff:fe05:80da', 136, 0, '1:dGHyGvjMfljg6Bppwm3bg0LO8TY='],
  [58, 'fe80::260:97ff:fe07:69ea', 'fe80::200:86ff:fe05:80da', 135, 0, '1:zavyT/cezQr1fmImYCwYnMXbgck='],
  [58, '3ffe:501:1800:2345::2', '3ffe:507:0:1:200:86ff:fe05:80da', 3, 0, '1:2ObVBgIn28oZvibYZhZMBgh7WdQ='],
  [58, '3ffe:501:410:0:2c0:dfff:fe47:33e', '3ffe:507:0:1:200:86ff:fe05:80da', 1, 4, '1:hLZd0XGWojozrvxqE0dWB1iM6R0='],
  [58, '3ffe:507:0:1:260:97ff:fe07:69ea', '3ffe:507:0:1:200:86ff:fe05:80da', 3, 0, '1:NdobDX8PQNJbAyfkWxhtL2Pqp5w='],
  [58, '3ffe:507:0:1:200:86ff:fe05:80da', '3ffe:507:0:1:260:97ff:fe07:69ea', 3, 0, '1:/OGBt9BN1ofenrmSPWYicpij2Vc='],
  [58, 'fe80::200:86ff:fe05:80da', 'ff02::2', 133, 0, '1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0='],
  [1, '192.168.0.89', '192.168.0.1', 8, 0, '1:X0snYXpgwiv9TZtqg64sgzUn6Dk='],
  [1, '192.168.0.1', '192.168.0.89', 0, 20, '1:X0snYXpgwiv9TZtqg64sgzUn6Dk='],
  [1, '192.168.0.89', '192.168.0.1', 20, 0, '1:3o2RFccXzUgjl7zDpqmY7yJi8rI='],
  [1, '192.168.0.89', '192.168.0.1', 20, 1, '1:tz/fHIDUHs19NkixVVoOZywde+I='],
  [1, '10.0.0.1', '10.0.0.2', 11, 0, '1:YHxtAirCG//0OzkcVAukqKQN9xM='],
  [6, '2001:470:e5bf:dead:4957:2174:e82c:4887', '2607:f8b0:400c:c03::1a', 63943, 25, '1:/qFaeAR+gFe1KYjMzVDsMv+wgU4='],
  [6, '66.35.250.204', '128.232.110.120', 80, 34855, '1:LQU9qZlK+B5F3KDmev6m5PMibrg='],
  [6, '10.0.0.1', '10.0.0.2', 10, 11569, '1:SXBGMX1lBOwhhoDrZynfROxnhnM='],
  [17, '192.168.1.52', '8.8.8.8', 54585, 53, '1:d/FP5EW3wiY1vCndhwleRRKHowQ='],
  [132, '192.168.170.8', '192.168.170.56', 7, 7, '1:MP2EtRCAUIZvTw6MxJHLV7N7JDs='],
  [132, '192.168.170.56', '192.168.170.8', 80, 7, '1:jQgCxbku+pNGw8WPbEc/TS/uTpQ='],
  [46, '10.1.12.2', '10.1.12.1', null, null, '1:KHlLkgoJW7ifUTyTSgyVfkFHzKw='],
  [46, '10.1.24.4', '10.1.12.1', null, null, '1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4='],
] as const;

async function documentOf(protocol: 'netflow9' | 'ipfix', record: Readonly<Record<string, unknown>>): Promise<unknown> {
  const step = await communityIdStep.create({ seed: 0 }, { folder: '.', logger: silentLogger });
  const pipeline = createPipeline({ steps: [{ name: 'community-id', step }] });
  const { bytes, ends } = pipeline.toDocuments(toTestBatch({ protocol, fields: record }), createDocumentLane());
  return JSON.parse(bytes.toString('utf8', 0, ends[0]));
}

test.each(vectors)('protocol %i, %s → %s, %s/%s is %s', async (protocol, src, dst, srcPort, dstPort, id) => {
  const version = src.includes(':') ? 'IPv6' : 'IPv4';
  const isIcmp = protocol === 1 || protocol === 58;
  const document = await documentOf('ipfix', {
    [`source${version}Address`]: src,
    [`destination${version}Address`]: dst,
    protocolIdentifier: protocol,
    ...(isIcmp
      ? { [`icmpType${version}`]: srcPort, [`icmpCode${version}`]: dstPort }
      : srcPort === null
        ? {}
        : { sourceTransportPort: srcPort, destinationTransportPort: dstPort }),
  });
  expect(valueAtPath(document, 'network.community_id')).toBe(id);
});

test('NetFlow v9 has type and code of ICMP where the destination port is', async () => {
  const record = { sourceIPv4Address: '192.168.0.89', destinationIPv4Address: '192.168.0.1', protocolIdentifier: 1 };
  const document = await documentOf('netflow9', {
    ...record,
    sourceTransportPort: 0,
    destinationTransportPort: 20 * 256 + 1,
  });
  expect(valueAtPath(document, 'network.community_id')).toBe('1:tz/fHIDUHs19NkixVVoOZywde+I=');
  const unknown = await documentOf('netflow9', record);
  expect(valueAtPath(unknown, 'network.community_id')).toBeUndefined();
});

const ipv4 = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 1 });
const ipv6 = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 4, maxLength: 4 });
const port = fc.integer({ min: 0, max: 65_535 });
const pair = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));

test('is SHA-1 in base64 over seed, ordered end points and protocol, and the same in both directions', () => {
  fc.assert(
    fc.property(fc.constantFrom(6, 17, 132), pair, port, port, port, (protocol, [src, dst], srcPort, dstPort, seed) => {
      const bytesOf = (words: readonly number[], number: number) => {
        const bytes = Buffer.alloc(words.length * 4 + 2);
        for (const [index, word] of words.entries()) bytes.writeInt32BE(word, index * 4);
        bytes.writeUInt16BE(number, words.length * 4);
        return bytes;
      };
      const ends = [bytesOf(src, srcPort), bytesOf(dst, dstPort)].sort(Buffer.compare);
      const hash = createHash('sha1').update(Buffer.from([seed >>> 8, seed & 255]));
      for (const end of ends) hash.update(end.subarray(0, -2));
      hash.update(Buffer.from([protocol, 0]));
      for (const end of ends) hash.update(end.subarray(-2));
      const expected = `1:${hash.digest('base64')}`;
      expect(communityId(protocol, src, dst, srcPort, dstPort, seed)).toBe(expected);
      expect(communityId(protocol, dst, src, dstPort, srcPort, seed)).toBe(expected);
    }),
  );
});
