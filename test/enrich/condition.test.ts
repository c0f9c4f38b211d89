// The condition language: what holds, what is a mistake and where, and that compiled conditions are what they say.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DescribedAddress } from '../../src/enrich/address-cache.ts';
import { ConditionError, conditionOption, createCondition } from '../../src/enrich/condition.ts';
import { compileCondition, interpretCondition, isLike } from '../../src/enrich/condition-code.ts';
import { parseCondition } from '../../src/enrich/condition-parser.ts';
import { FlowDocument } from '../../src/enrich/flow-document.ts';

function flowOf(change: Partial<FlowDocument> = {}): FlowDocument {
  const flow = Object.assign(new FlowDocument(), {
    header: { exporter: '192.0.2.1', domain: 0, setId: null, receivedAtMs: 0, exportedAtMs: 0, sequence: 0 },
    exporter: '192.0.2.1',
    type: 'ipfix',
    src: Object.assign(new DescribedAddress('10.1.2.3', 4, true), { autonomousSystem: 'private' }),
    dst: Object.assign(new DescribedAddress('2001:db8::7', 6, false), {
      autonomousSystem: 'Example (64496)',
      asn: 64_496,
    }),
    srcPort: 43_173,
    dstPort: 53,
    protocol: 6,
    tcpFlags: 0x12,
    bytes: '9007199254740993',
    packets: 10,
    application: 'DNS "over" TCP',
    canonical: false,
  } as const);
  return Object.assign(flow, change);
}

describe('holds', () => {
  test.each<[string, boolean]>([
    ['flow.dst_port = 53', true],
    ['flow.dst_port != 53', false],
    ['flow.dst_port < 53', false],
    ['flow.dst_port <= 53', true],
    ['flow.dst_port > 52.5', true],
    ['flow.dst_port >= 54', false],
    ['flow.dst_port > -1', true],
    ['flow.dst_port in [53, 853]', true],
    ['flow.dst_port in [54,853]', false],
    ['flow.dst_port in 50..60', true],
    ['flow.dst_port in [1..52, 54..100]', false],
    ['flow.dst_port in [1,3,5,7,9,11,13,15,17,19,50..60]', true],
    ['flow.dst_port in [1,3,5,7,9,11,13,15,17,19,54..60]', false],
    ['flow.dst_port not in 50..60', false],
    ['flow.bytes > 9007199254740991', true],
    ['flow.bytes in 0..100', false],
    ['flow.src_port > flow.dst_port', true],
    ['flow.src_port = flow.dst_port', false],
    ['flow.src_addr in 10.0.0.0/8', true],
    ['flow.src_addr in 10.1.2.3', true],
    ['flow.src_addr = 10.1.2.3', true],
    ['flow.src_addr != 10.1.2.3', false],
    ['flow.src_addr in [192.0.2.0/24, 10.1.0.0/16]', true],
    ['flow.src_addr in [10.0.0.0/16, 10.2.0.0/15]', false],
    ['flow.src_addr in 0.0.0.0/0', true],
    ['flow.src_addr = ::ffff:10.1.2.3', true],
    ['flow.src_addr in [::ffff:10.0.0.0/104, 64:ff9b::192.0.2.1]', true],
    ['flow.src_addr in ::10.1.2.3', false],
    ['flow.src_addr in ::/0', false],
    ['flow.dst_addr in ::/0', true],
    ['flow.dst_addr in 0.0.0.0/0', false],
    ['flow.dst_addr in 2001:db8::/32', true],
    ['flow.dst_addr = 2001:DB8:0:0::7', true],
    ['flow.dst_addr in 2001:db8:1::/48', false],
    ['flow.src_addr = flow.dst_addr', false],
    ['node.ipaddr in 192.0.2.0/24', true],
    ['flow.ip_protocol = "TCP"', true],
    ["flow.ip_protocol = 'TCP'", true],
    ['flow.ip_protocol = "tcp"', false],
    ['flow.ip_protocol in ["UDP", "TCP"]', true],
    ['flow.application contains "\\"over\\""', true],
    ['flow.application starts with "DNS"', true],
    ['flow.application ends with "UDP"', false],
    ['flow.application like "D?S*TCP"', true],
    ['flow.application like "D?S"', false],
    ['flow.application not like "X*"', true],
    ['flow.tcp_flags = "SYN"', true],
    ['flow.tcp_flags = "ACK"', true],
    ['flow.tcp_flags != "SYN"', false],
    ['flow.tcp_flags in ["RST", "FIN"]', false],
    ['flow.canonical = false', true],
    ['flow.canonical = true', false],
    ['flow.canonical != true', true],
    ['exists flow.vlan', false],
    ['not exists flow.vlan', true],
    ['exists @timestamp', true],
    // What is absent passes no test, so it passes every "not".
    ['flow.vlan = 0', false],
    ['flow.vlan != 0', true],
    ['flow.vlan not in [0]', true],
    ['flow.next_hop in 0.0.0.0/0', false],
    ['flow.vlan = flow.tos', false],
    ['exists labels.site', false],
    // "and" binds closer than "or".
    ['flow.dst_port = 53 or flow.dst_port = 53 and flow.dst_port = 1', true],
    ['(flow.dst_port = 53 or flow.dst_port = 53) and flow.dst_port = 1', false],
    ['not flow.dst_port = 1 and flow.dst_port = 53', true],
    ['not (flow.dst_port = 1 or flow.dst_port = 53)', false],
    ['flow.dst_port in [53, 853] and flow.src_addr in 10.0.0.0/8 and not exists flow.vlan', true],
    ['flow.dst_port=53 and flow.src_port>1', true],
    ['flow.dst_port\n  = 53\n  and exists flow.bytes', true],
  ])('%s → %s', (text, holds) => {
    const term = parseCondition(text);
    expect(createCondition(text).holds(flowOf())).toBe(holds);
    expect(interpretCondition(term)(flowOf())).toBe(holds);
    expect(compileCondition(term)?.(flowOf())).toBe(holds);
  });

  test('sees what steps before have changed', () => {
    const flow = flowOf();
    flow.changes.setLabel('site', 'Boston');
    flow.changes.setField('flow.src_hostname', 'web.example');
    flow.changes.setField('flow.dst_hostname', null);
    expect(createCondition('labels.site = "Boston"').holds(flow)).toBe(true);
    expect(createCondition('flow.src_hostname ends with ".example"').holds(flow)).toBe(true);
    expect(createCondition('exists flow.dst_hostname').holds(flow)).toBe(false);
  });
});

describe('a mistake has its place', () => {
  test.each<[string, number, RegExp]>([
    ['', 0, /empty/],
    ['   ', 3, /empty/],
    ['flow.dst_prt = 53', 0, /unknown field "flow\.dst_prt"; did you mean "flow\.dst_port"\?/],
    ['flow.dst_port = 53 and flow.nothing_like_it > 1', 23, /unknown field "flow\.nothing_like_it"/],
    ['flow.dst_port = "53"', 16, /expected a number \(flow\.dst_port is a number\), not "53"/],
    ['flow.dst_port = 10.0.0.1', 16, /expected a number/],
    ['flow.src_addr = "10.0.0.1"', 16, /without quotes/],
    ['flow.src_addr = 10.0.0.0/8', 16, /is a subnet: use "in"/],
    ['flow.src_addr in 10.0.0.0/33', 17, /no IP address or subnet/],
    ['flow.src_addr in 10.0.0.300', 17, /no IP address or subnet/],
    ['flow.src_addr in 53', 17, /expected an IP address or a subnet/],
    ['flow.src_addr > 10.0.0.1', 14, /compares numbers, and flow\.src_addr is an address: use "in"/],
    ['flow.src_addr starts with "10."', 14, /looks into texts.*use "in" with a subnet/],
    ['flow.dst_port contains "5"', 14, /looks into texts/],
    ['flow.ip_protocol = TCP', 19, /texts stand in quotes: "TCP"/],
    ['flow.ip_protocol = 6', 19, /expected a text in quotes/],
    ['flow.ip_protocol > "A"', 17, /compares numbers/],
    ['flow.src_geo_location = "1,2"', 0, /is a place/],
    ['@timestamp > 5', 0, /is a time/],
    ['flow.canonical = "true"', 17, /expected true or false/],
    ['flow.canonical in [true]', 18, /compare it with "="/],
    ['flow.canonical > true', 15, /compares numbers/],
    ['flow.dst_port in []', 18, /the list is empty/],
    ['flow.dst_port in [53 853]', 21, /expected "," or "\]"/],
    ['flow.dst_port in [53', 20, /expected "," or "\]", not the end/],
    ['flow.dst_port in 60..50', 17, /empty/],
    ['flow.dst_port in 50-60', 17, /a range is written 50\.\.60/],
    ['flow.dst_port = [53]', 16, /a list goes with "in"/],
    ['flow.dst_port == 53', 14, /write "="/],
    ['flow.dst_port = 53 && exists flow.vlan', 19, /write "and"/],
    ['flow.dst_port = 53 || exists flow.vlan', 19, /write "or"/],
    ['!exists flow.vlan', 0, /write "not"/],
    ['flow.dst_port = 53 AND exists flow.vlan', 19, /expected "and", "or" or the end.*did you mean "and"/],
    ['flow.dst_port begins with "x"', 14, /expected =, .*after flow\.dst_port/],
    ['flow.application starts "x"', 24, /expected "starts with"/],
    ['(flow.dst_port = 53', 19, /expected "\)", not the end/],
    ['flow.dst_port = 53)', 18, /expected "and", "or" or the end/],
    ['flow.dst_port', 13, /expected =/],
    ['flow.dst_port not = 53', 18, /expected "in"/],
    ['= 53', 0, /expected a field/],
    ['dst_port = 53', 0, /expected a field/],
    ['flow.dst_port = 99999999999999999999', 16, /beyond 2\^53/],
    ['flow.application = "x', 19, /a quote is not closed/],
    ['flow.application = `x`', 19, /has no meaning/],
    ['labels.Site/1 = "x"', 11, /has no meaning/],
    ['flow.src_port = flow.src_addr', 16, /is a number, and flow\.src_addr is an address/],
    ['process.exit(1)', 0, /unknown field/],
    [`${'('.repeat(40)}flow.dst_port = 1${')'.repeat(40)}`, 33, /nested at most 32 deep/],
    [`${'not '.repeat(5000)}exists flow.vlan`, 0, /at most 4096 characters/],
  ])('%s', (text, offset, message) => {
    const error = mistakeOf(text);
    expect(error.message).toMatch(message);
    expect(error.offset).toBe(offset);
  });
});

function mistakeOf(text: string): ConditionError {
  try {
    createCondition(text);
  } catch (error) {
    if (error instanceof ConditionError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

test('as an option, a mistake is an issue with its offset', () => {
  const { error } = conditionOption.safeParse('flow.dst_port = "53"');
  expect(error?.issues).toMatchObject([{ code: 'custom', params: { offset: 16 } }]);
});

test('any text is a condition or a mistake within it', () => {
  const piece = fc.constantFrom(
    ...['flow.dst_port', 'flow.src_addr', 'flow.application', 'labels.a', 'and', 'or', 'not', 'in', 'exists', 'like'],
    ...[
      'starts',
      'with',
      '(',
      ')',
      '[',
      ']',
      ',',
      '=',
      '!=',
      '<',
      '..',
      '53',
      '-1',
      '10.0.0.0/8',
      '::1',
      '"x"',
      "'",
      '"',
    ],
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(' ')),
    fc.string({ maxLength: 60 }),
  );
  fc.assert(
    fc.property(text, (source) => {
      try {
        createCondition(source);
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error;
        expect(error.offset).toBeGreaterThanOrEqual(0);
        expect(error.offset).toBeLessThanOrEqual(source.length);
      }
    }),
    { numRuns: 500 },
  );
});

// An oracle of its own: conditions made from a tree that says itself what it means.
interface Meaning {
  readonly text: string;
  readonly of: (values: Values) => boolean;
}

interface Values {
  readonly port: number | undefined;
  readonly vlan: number | undefined;
  readonly address: number;
  readonly application: string | undefined;
}

const toText = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');

const numberLeaf = fc
  .record({
    path: fc.constantFrom('flow.dst_port', 'flow.vlan'),
    sign: fc.constantFrom('=', '!=', '<', '<=', '>', '>='),
    value: fc.nat(6),
  })
  .map(
    ({ path, sign, value }): Meaning => ({
      text: `${path} ${sign} ${value}`,
      of: ({ port, vlan }) => {
        const stored = path === 'flow.vlan' ? vlan : port;
        if (stored === undefined) return sign === '!=';
        const order = Math.sign(stored - value);
        return { '=': [0], '!=': [-1, 1], '<': [-1], '<=': [-1, 0], '>': [1], '>=': [0, 1] }[sign].includes(order);
      },
    }),
  );
const rangeLeaf = fc.array(fc.tuple(fc.nat(6), fc.nat(2)), { minLength: 1, maxLength: 12 }).map(
  (ranges): Meaning => ({
    text: `flow.dst_port in [${ranges.map(([from, more]) => (more === 0 ? from : `${from}..${from + more}`)).join(', ')}]`,
    of: ({ port }) => port !== undefined && ranges.some(([from, more]) => from <= port && port <= from + more),
  }),
);
const subnetLeaf = fc
  .array(fc.tuple(fc.nat(0xffff), fc.integer({ min: 0, max: 32 })), { minLength: 1, maxLength: 4 })
  .map(
    (subnets): Meaning => ({
      text: `flow.src_addr in [${subnets.map(([low, length]) => `${toText(0x0a000000 + low)}/${length}`).join(',')}]`,
      of: ({ address }) =>
        subnets.some(([low, length]) => {
          const size = 2 ** (32 - length);
          return Math.floor(address / size) === Math.floor((0x0a000000 + low) / size);
        }),
    }),
  );
const textLeaf = fc
  .record({
    test: fc.constantFrom('=', 'starts with', 'ends with', 'contains'),
    part: fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 }),
  })
  .map(
    ({ test, part }): Meaning => ({
      text: `flow.application ${test} "${part}"`,
      of: ({ application: stored }) => {
        if (stored === undefined) return false;
        if (test === '=') return stored === part;
        const at = stored
          .split('')
          .map((_, i) => stored.slice(i, i + part.length))
          .concat('');
        if (part === '') return true;
        return test === 'contains'
          ? at.includes(part)
          : test === 'starts with'
            ? at[0] === part
            : stored.slice(-part.length) === part;
      },
    }),
  );
const { meaning } = fc.letrec<{ meaning: Meaning }>((tie) => ({
  meaning: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    numberLeaf,
    rangeLeaf,
    subnetLeaf,
    textLeaf,
    tie('meaning').map(({ text, of }) => ({ text: `not (${text})`, of: (values: Values) => !of(values) })),
    fc.tuple(tie('meaning'), tie('meaning')).map(([a, b]) => ({
      text: `(${a.text}) and (${b.text})`,
      of: (values: Values) => a.of(values) && b.of(values),
    })),
    fc.tuple(tie('meaning'), tie('meaning')).map(([a, b]) => ({
      text: `${a.text} or ${b.text}`,
      of: (values: Values) => a.of(values) || b.of(values),
    })),
  ),
}));

test('a condition is what it says, compiled and interpreted', () => {
  const values = fc.record({
    port: fc.option(fc.nat(8), { nil: undefined }),
    vlan: fc.option(fc.nat(8), { nil: undefined }),
    address: fc.nat(0xffff).map((low) => 0x0a000000 + low),
    application: fc.option(fc.string({ unit: fc.constantFrom('a', 'b', '"'), maxLength: 5 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(
      meaning.filter(({ text }) => text.length < 4000),
      values,
      ({ text, of }, given) => {
        const flow = flowOf({
          src: new DescribedAddress(toText(given.address), 4, true),
        });
        flow.dstPort = given.port;
        flow.vlan = given.vlan;
        flow.application = given.application;
        const expected = of(given);
        expect(createCondition(text).holds(flow)).toBe(expected);
        expect(interpretCondition(parseCondition(text))(flow)).toBe(expected);
      },
    ),
    { numRuns: 500 },
  );
});

test('like is the regular expression that it stands for', () => {
  const unit = fc.constantFrom('a', 'b', '*', '?');
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }),
      fc.string({ unit, maxLength: 8 }),
      (value, pattern) => {
        const regExp = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(isLike(value, pattern)).toBe(regExp.test(value));
      },
    ),
    { numRuns: 1000 },
  );
});

test('a pattern of many stars is matched at once', () => {
  const pattern = `${'*a'.repeat(2000)}b`;
  expect(isLike('a'.repeat(100_000), pattern)).toBe(false);
});
