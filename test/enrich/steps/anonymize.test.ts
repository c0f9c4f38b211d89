import { createCipheriv } from 'node:crypto';
import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { createAddressMasking } from '../../../src/enrich/address-masking.ts';
import { createCryptoPan } from '../../../src/enrich/crypto-pan.ts';
import { createDocumentLane, createPipeline, type NamedStep } from '../../../src/enrich/pipeline.ts';
import { stepCatalog } from '../../../src/enrich/step-catalog.ts';
import { anonymizeStep } from '../../../src/enrich/steps/anonymize.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import type { Protocol } from '../../../src/model/record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

/** Key and addresses of the sample that comes with the authors' own implementation. */
const sampleKey = Buffer.from([
  21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101, 39, 98, 87,
  76, 45, 42, 132, 34, 2,
]);

const textOf = (bytes: Uint8Array) => ipaddr.fromByteArray([...bytes]).toString();
const bytesOf = (text: string) => Uint8Array.from(ipaddr.parse(text).toByteArray());

describe('Crypto-PAn', () => {
  it.each([
    ['128.11.68.132', '135.242.180.132'],
    ['129.118.74.4', '134.136.186.123'],
    ['130.132.252.244', '133.68.164.234'],
    ['141.223.7.43', '141.167.8.160'],
    ['141.233.145.108', '141.129.237.235'],
    ['152.163.225.39', '151.140.114.167'],
    ['156.29.3.236', '147.225.12.42'],
    ['165.247.96.84', '162.9.99.234'],
    ['166.107.77.190', '160.132.178.185'],
    ['192.102.249.13', '252.138.62.131'],
  ])('%s becomes %s with the key of the sample', (address, expected) => {
    expect(textOf(createCryptoPan(sampleKey)(bytesOf(address)))).toBe(expected);
  });

  /** By the definition, one bit at a time, with numbers of 128 bits. */
  function byDefinition(address: Uint8Array, key: Buffer): bigint {
    const encrypt = (block: bigint) => {
      const cipher = createCipheriv('aes-128-ecb', key.subarray(0, 16), null).setAutoPadding(false);
      return BigInt(`0x${cipher.update(Buffer.from(block.toString(16).padStart(32, '0'), 'hex')).toString('hex')}`);
    };
    const bits = BigInt(address.length * 8);
    const pad = encrypt(BigInt(`0x${key.subarray(16).toString('hex')}`));
    const value = BigInt(`0x${Buffer.from(address).toString('hex')}`);
    const wide = value << (128n - bits);
    let flips = 0n;
    for (let i = 0n; i < bits; i++) {
      const low = (1n << (128n - i)) - 1n;
      const block = (wide & ~low & ((1n << 128n) - 1n)) | (pad & low);
      flips = (flips << 1n) | (encrypt(block) >> 127n);
    }
    return value ^ flips;
  }

  it('does what its definition says, for IPv4 and IPv6 and any key', () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(address, fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes, key) => {
        const result = createCryptoPan(Buffer.from(key))(bytes);
        expect(BigInt(`0x${result.toString('hex')}`)).toBe(byDefinition(bytes, Buffer.from(key)));
      }),
      { numRuns: 30 },
    );
  });

  it('keeps exactly the prefixes that addresses have in common', () => {
    const replace = createCryptoPan(sampleKey);
    const common = (a: Uint8Array, b: Uint8Array) => {
      const bits = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
      const [first, second] = [bits(a), bits(b)];
      let length = 0;
      while (length < first.length && first[length] === second[length]) length++;
      return length;
    };
    const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(four, four, (a, b) => common(a, b) === common(replace(a), replace(b))),
      { numRuns: 100 },
    );
  });
});

function documentOf(
  fields: Readonly<Record<string, unknown>>,
  options: unknown,
  { protocol = 'ipfix' as Protocol, before = [] as NamedStep[] } = {},
): { readonly text: string; readonly document: unknown } {
  const step = anonymizeStep.create(anonymizeStep.options.parse(options), { folder: '.', logger: silentLogger });
  if (step instanceof Promise) throw new Error('the step waits for nothing');
  const pipeline = createPipeline({ steps: [...before, { name: 'anonymize', step }] });
  const batch = toTestBatch({ protocol, exporter: '203.0.113.77', fields });
  const text = pipeline.toDocuments(batch, createDocumentLane()).bytes.toString();
  return { text, document: JSON.parse(text) as unknown };
}

const key = sampleKey.toString('hex');

describe('a document without original addresses', () => {
  const everywhere = {
    sourceIPv4Address: '198.51.100.17',
    destinationIPv4Address: '198.51.100.18',
    sourceIPv6Address: '2001:db8:aaaa::17',
    ipNextHopIPv4Address: '198.51.100.19',
    bgpNextHopIPv6Address: '2001:db8:bbbb::18',
    postNATSourceIPv4Address: '198.51.100.20',
    mplsTopLabelIPv4Address: '198.51.100.21',
    collectorIPv4Address: '198.51.100.22',
    exporterIPv4Address: '198.51.100.23',
    ipHeaderPacketSection: '4500003c1c4640004006b1e6c6336411c6336412',
    userName: 'alice at 198.51.100.24. Or ::ffff:198.51.100.25, 2001:db8:cccc::19!',
    applicationName: '[2001:db8:dddd::1]:443 198.51.100.26:80',
    interfaceName: 'to-198.51.100.27',
    octetDeltaCount: 1500,
  };

  it('has none in any field, with a key', () => {
    const { text } = documentOf(everywhere, { key });
    expect(text).not.toMatch(/198\.51\.100\.|203\.0\.113\.|2001:db8:|c6336411/);
    expect(valueAtPath(JSON.parse(text), 'flow.bytes')).toBe(1500);
  });

  it('has none in any field, truncated', () => {
    const { text, document } = documentOf(everywhere, { truncate: { ipv4: 16, ipv6: 32 } });
    expect(text).not.toMatch(/198\.51\.100\.|203\.0\.113\.|2001:db8:[a-d]{4}|c6336411/);
    expect(valueAtPath(document, 'flow.src_addr')).toBe('198.51.0.0');
    expect(valueAtPath(document, 'ipfix.userName')).toBe('alice at 198.51.0.0. Or 198.51.0.0, 2001:db8::!');
    expect(valueAtPath(document, 'flow.application')).toBe('[2001:db8::]:443 198.51.0.0:80');
  });

  it('has no names of hosts, and no Community ID', () => {
    const named: NamedStep = {
      name: 'named',
      step: {
        describe: (facts) => {
          facts.hostname = `host "${facts.text}".example`;
        },
        apply: (flow) => {
          flow.server = 'dst';
          flow.exporterHostname = 'router.example';
          flow.communityId = '1:abc+/=';
          return undefined;
        },
      },
    };
    const { text, document } = documentOf(everywhere, { truncate: {} }, { before: [named] });
    expect(text).not.toMatch(/example|abc/);
    for (const role of ['src', 'dst', 'client', 'server']) {
      expect(valueAtPath(document, `flow.${role}_hostname`)).toBe('198.51.100.0');
    }
    expect(valueAtPath(document, 'node.hostname')).toBe('198.51.100.0');
  });

  it('keeps exporters where it is told to, and nothing else', () => {
    const { document } = documentOf({ sourceIPv4Address: '203.0.113.77' }, { truncate: {}, exporters: false });
    expect(valueAtPath(document, 'event.host')).toBe('203.0.113.77');
    expect(valueAtPath(document, 'node.ipaddr')).toBe('203.0.113.77');
    expect(valueAtPath(document, 'flow.src_addr')).toBe('203.0.113.0');
  });

  it.each(['netflow5', 'netflow9', 'ipfix', 'sflow5'] as const)('of %s keeps all that is no address', (protocol) => {
    const fields = {
      sourceIPv4Address: '0.0.0.0',
      destinationIPv4Address: '198.51.100.18',
      sourceMacAddress: '00:1b:21:3c:9d:f8',
      octetDeltaCount: '18446744073709551615',
    };
    const plain = createPipeline({ steps: [] })
      .toDocuments(toTestBatch({ protocol, exporter: '203.0.113.77', fields }), createDocumentLane())
      .bytes.toString();
    const { text } = documentOf(fields, { truncate: { ipv4: 32 } }, { protocol });
    expect(text).toBe(plain);
  });
});

it.each([
  'a.198.51.100.7',
  '198.51.100.7.443 > x',
  'addr:2001:db8::7',
  'at 2001:db8::7: no',
  'x2001:db8::7z',
  'fe80::7%eth0 198.51.100.7.',
  '198.51.100.7/24',
  '(2001:DB8:0::7)',
  '::ffff:198.51.100.7',
  'host 198.051.100.007',
  'ip-198-51-100-7.example',
])('the address in the text %s goes', (text) => {
  const mask = createAddressMasking((address) => new Uint8Array(address.length).fill(1), false);
  const masked = mask(JSON.stringify({ text }));
  expect(masked).not.toMatch(/7[^"]*$|198|db8/i);
  expect(masked).toMatch(/1[.-]1[.-]1[.-]1|101:101/);
});

it.each(['IF-MIB::ifEntry', 'ENTITY-MIB::entPhysicalEntry', 'MIB::x'])('%s is no address, and stays', (name) => {
  const mask = createAddressMasking((address) => new Uint8Array(address.length).fill(1), false);
  const text = JSON.stringify({ name, list: [`${name} ${name}`] });
  expect(mask(text)).toBe(text);
});

it('the header of an sFlow sample stays', () => {
  const step = anonymizeStep.create(anonymizeStep.options.parse({ key }), { folder: '.', logger: silentLogger });
  if (step instanceof Promise) throw new Error('the step waits for nothing');
  const batch = toTestBatch({ protocol: 'sflow5', exporter: '203.0.113.77', agent: '203.0.113.78', fields: {} });
  const textWith = (steps: NamedStep[]) =>
    createPipeline({ steps }).toDocuments(batch, createDocumentLane()).bytes.toString();
  const { sflow } = JSON.parse(textWith([{ name: 'anonymize', step }])) as { readonly sflow: unknown };
  expect(sflow).toEqual((JSON.parse(textWith([])) as { readonly sflow: unknown }).sflow);
});

it.each(['7.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.a.a.a.8.b.d.0.1.0.0.2.ip6.arpa', '7.100.51.198.in-addr.arpa'])(
  'a name of reverse DNS goes: %s',
  (name) => {
    const mask = createAddressMasking((address) => new Uint8Array(address.length).fill(1), false);
    expect(mask(JSON.stringify({ name }))).not.toMatch(/7\.1|8\.b\.d|198/);
  },
);

it.each([
  ['2002:c633:6407::1', '2002:c633:6400::', '6to4'],
  ['2001:0:c633:6407::1', '2001:0:c633::', 'Teredo'],
  ['64:ff9b::c633:6407', '64:ff9b::', 'NAT64'],
])('of an IPv4 address within %s no more stays than of one by itself (%s)', (address, expected) => {
  const { document } = documentOf({ sourceIPv6Address: address }, { truncate: {} });
  expect(valueAtPath(document, 'flow.src_addr')).toBe(expected);
});

it('an IPv4 address within an IPv6 address is truncated as IPv4 where more of IPv6 stays', () => {
  const { document } = documentOf({ sourceIPv6Address: '64:ff9b::c633:6407' }, { truncate: { ipv6: 128 } });
  expect(valueAtPath(document, 'flow.src_addr')).toBe('64:ff9b::c633:6400');
});

it('whatever texts are in a document, it stays one line of JSON, and no address stays in it', () => {
  const mask = createAddressMasking(() => Uint8Array.from([192, 0, 2, 1]), false);
  const piece = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.constantFrom('"', '\\', ':', '.', '::', '1', 'ffff', '","src_hostname":"', 'deadbeef'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.ipV4(), (pieces, address) => {
      const text = `${JSON.stringify({ flow: { a: pieces.join(' '), b: address } })}\n`;
      const masked = mask(text);
      const { flow } = JSON.parse(masked) as { readonly flow: { readonly a: string; readonly b: string } };
      expect(masked.indexOf('\n')).toBe(masked.length - 1);
      expect(flow.b).toBe(address === '0.0.0.0' ? address : '192.0.2.1');
      for (const word of flow.a.split(' ')) if (isIPv4(word) && word !== '0.0.0.0') expect(word).toBe('192.0.2.1');
    }),
    { numRuns: 300 },
  );
});

it.each([
  [{}],
  [{ key, truncate: {} }],
  [{ key: 'secret' }],
  [{ truncate: { ipv4: 33 } }],
  [{ truncate: { ipv5: 1 } }],
])('the options %j are refused', (options) => {
  expect(anonymizeStep.options.safeParse(options).success).toBe(false);
});

// Documents are rewritten in pieces that others share: the head of a set, the text of an address. Whole, they would become the same.
describe.each([
  ['as they are', []],
  ['with labels', [{ name: 'fields', options: { set: { 'labels.who': `\${flow.src_addr} to \${flow.dst_addr}` } } }]],
  [
    'some with changed fields',
    [
      {
        name: 'fields',
        options: { when: 'flow.src_port = 443', set: { 'flow.dst_hostname': '198.51.100.9.example' } },
      },
    ],
  ],
  ['in parts', [{ name: 'split', options: {} }]],
  ['by the exporter’s systems', [{ name: 'asn', options: { prefer: 'exporter' } }]],
] as const)('documents in pieces, %s', (_, more) => {
  it.each([true, false])('are those of the whole text (exporters: %s)', async (exporters) => {
    const named = [
      ...['server', 'services', 'geoip', 'asn', 'locality'].map((name) => ({ name, options: {} })),
      { name: 'community-id', options: {} },
      { name: 'reputation', options: { labels: { '8.8.0.0/16': 'seen at 198.51.100.7' } } },
      {
        name: 'hostname',
        options: { dns: false, names: { '10.0.0.1': 'own.example', '203.0.113.77': 'core.example' } },
      },
      ...more,
    ];
    const create = async () =>
      await Promise.all(
        named.map(async ({ name, options }) => {
          const definition = stepCatalog.find((step) => step.name === name)!;
          const context = { folder: '.', logger: silentLogger };
          return { name, step: await definition.create(definition.options.parse(options), context) };
        }),
      );
    const options = { truncate: {}, exporters };
    const anonymize = await anonymizeStep.create(anonymizeStep.options.parse(options), {
      folder: '.',
      logger: silentLogger,
    });
    const whole = await create();
    const inPieces = createPipeline({ steps: [...(await create()), { name: 'anonymize', step: anonymize }] });
    const plain = createPipeline({ steps: whole });
    const documents = fc.record({
      source: fc.constantFrom(
        '10.0.0.1',
        '8.8.8.8',
        '127.0.0.1',
        '192.0.2.7',
        '::ffff:8.8.8.8',
        '2001:4860:4860::8888',
      ),
      destination: fc.constantFrom('8.8.4.4', '10.0.0.2', '0.0.0.0', '127.0.0.1', '9.9.9.9'),
      exporter: fc.constantFrom('203.0.113.77', '203.0.113.78'),
      next: fc.constantFrom('198.51.100.1', '0.0.0.0'),
      port: fc.constantFrom(443, 40_000),
    });
    fc.assert(
      fc.property(documents, ({ source, destination, exporter, next, port }) => {
        const isV6 = source.includes(':');
        const batch = toTestBatch({
          protocol: 'ipfix',
          exporter,
          fields: {
            [isV6 ? 'sourceIPv6Address' : 'sourceIPv4Address']: source,
            [isV6 ? 'destinationIPv6Address' : 'destinationIPv4Address']: isV6 ? '2001:db8::7' : destination,
            ipNextHopIPv4Address: next,
            mplsTopLabelIPv4Address: '198.51.100.21',
            sourceTransportPort: port,
            destinationTransportPort: 443,
            protocolIdentifier: 6,
            octetDeltaCount: 1500,
            bgpSourceAsNumber: 64_500,
            bgpDestinationAsNumber: 13_335,
            flowStartMilliseconds: '2025-12-31T23:58:10Z',
            flowEndMilliseconds: '2025-12-31T23:59:50Z',
          },
        });
        const masked = inPieces.toDocuments(batch, createDocumentLane()).bytes.toString('latin1');
        const text = plain.toDocuments(batch, createDocumentLane()).bytes.toString('latin1');
        const lines = text.split('\n').slice(0, -1);
        expect(masked).toBe(lines.map((line) => anonymize.rewrite?.(`${line}\n`)).join(''));
        expect(lines.length).toBe(more[0]?.name === 'split' ? 2 : 1);
      }),
      { numRuns: 150 },
    );
    await inPieces.close();
    await plain.close();
  });
});
