// data/field-map.yml and its neighbours: what ships is right, and a mistake is named with its place.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { documentFieldNames } from '../../src/enrich/document-fields.ts';
import { loadFieldMap, readFieldMap } from '../../src/enrich/field-map.ts';
import { planLayout } from '../../src/enrich/layout-plan.ts';
import { loadProtocolNames } from '../../src/enrich/protocol-names.ts';
import { joinedNames, joinedSamplingInterval, type Layout } from '../../src/model/record.ts';

const map = loadFieldMap();
const elements = tsv('information-elements.tsv').map(([, name]) => name!);
const vendorKeys = tsv('vendor-elements.tsv').map(([enterprise, id]) =>
  enterprise === 'v9' ? `v9:${id}` : enterprise === '0' ? `iana:${id}` : `${enterprise}/${id}`,
);

/** Fields that decode adds, or that stand in headers. */
const otherFields: readonly string[] = [
  joinedSamplingInterval,
  ...Object.values(joinedNames),
  'header.samplingInterval',
];

function tsv(file: string): string[][] {
  return readFileSync(new URL(`../../data/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));
}

function isKnown(field: string): boolean {
  const forward = field.replace(/^reverse([A-Z])/, (_, letter: string) => letter.toLowerCase());
  return (
    [field, forward].some((name) => elements.includes(name)) ||
    vendorKeys.includes(field) ||
    otherFields.includes(field)
  );
}

describe('the shipped map', () => {
  const sources = Object.values(map.protocols).flatMap(({ fields }) => [...fields.values()].flat());

  test('takes fields that records can have', () => {
    const fields = sources.flatMap(({ add, per }) => (per === undefined ? add : [...add, per]));
    expect(fields.length).toBeGreaterThan(100);
    expect([...new Set(fields)].filter((field) => !isKnown(field))).toEqual([]);
  });

  test('makes fields that documents have', () => {
    const paths = Object.values(map.protocols).flatMap(({ fields }) => [...fields.keys()]);
    expect(paths.filter((path) => !documentFieldNames().includes(path))).toEqual([]);
  });

  test('can plan a layout of each protocol', () => {
    for (const protocol of ['netflow5', 'netflow9', 'ipfix', 'sflow5'] as const) {
      const layout: Layout = {
        id: protocol,
        protocol,
        kind: 'flow',
        columns: [{ name: 'sourceIPv4Address', type: 'ipv4' }],
      };
      expect(planLayout(layout, map).addresses.src4).toBe(0);
    }
  });
});

describe('stored names', () => {
  test.each([
    ['netflow', 'octetDeltaCount', 'in_bytes'],
    ['netflow', 'flowStartSysUpTime', 'first_switched'],
    ['netflow', 'bgpSourceAsNumber', 'src_as'],
    ['netflow', 'v9:57591', 'ntop_l7_proto_name'],
    ['ipfix', '9789/1', 'sophos_afc_proto'],
    ['ipfix', '44619/257', 'ziften_inbound'],
    ['sflow', 'dataLinkFrameSize', 'frame_length'],
  ] as const)('%s: %s is stored as %s', (object, field, name) => {
    expect(map.storedNames[object].get(field)).toBe(name);
  });

  test('belong to fields that records can have', () => {
    const unknown = [...map.storedNames.netflow.keys()].filter(
      (field) => !/^(v9|iana):\d+$/.test(field) && !isKnown(field),
    );
    expect(unknown).toEqual([]);
    expect([...map.storedNames.ipfix.keys()].filter((field) => !/^(\d+\/\d+|iana:\d+)$/.test(field))).toEqual([]);
  });
});

test('protocol names are IANA’s, and all different', () => {
  const names = loadProtocolNames();
  expect([names[0], names[1], names[6], names[17], names[58], names[132]]).toEqual([
    'HOPOPT',
    'ICMP',
    'TCP',
    'UDP',
    'IPv6-ICMP',
    'SCTP',
  ]);
  expect(new Set(names).size).toBe(256);
});

describe('a mistake in the map', () => {
  test.each([
    ['fields: 7', 'fields: must be a map'],
    ['{}', 'fields: must be a map'],
    ['fields: {}\nnetflow7: {}', 'the file: has an unknown key "netflow7"'],
    ['fields: { flow.tos: [[a]] }', 'fields: flow.tos: ["a"] is not a field, "a + b", "a / b" or a number'],
    ['fields: { flow.tos: [a * b] }', 'fields: flow.tos: "a * b" is not a field, "a + b", "a / b" or a number'],
    ['fields: {}\nkeep: flow.bytes', 'keep: must be a list of names'],
    ['fields: {}\nipfix: { keep: [1] }', 'ipfix.keep: must be a list of names'],
    ['fields: {}\nnetflow9: { sameTraffic: { bytes: [a] } }', 'netflow9.sameTraffic.bytes: must be two fields'],
  ])('%s', (yaml, message) => {
    expect(() => readFieldMap(yaml)).toThrow(`data/field-map.yml: ${message}`);
  });

  test('a path that documents do not have', () => {
    const wrong = readFieldMap('fields: { flow.byts: [octetDeltaCount] }');
    const layout: Layout = { id: 'x', protocol: 'ipfix', kind: 'flow', columns: [] };
    expect(() => planLayout(layout, wrong)).toThrow('"flow.byts" is no field of the flow document');
  });
});

test('sums, quotients and constants are read', () => {
  const { protocols } = readFieldMap('fields: { flow.bytes: [a + b, (c + 9/12) / d, 1 / e, 5] }');
  expect(protocols.ipfix.fields.get('flow.bytes')).toEqual([
    { add: ['a', 'b'] },
    { add: ['c', '9/12'], per: 'd' },
    { add: [], constant: 1, per: 'e' },
    { add: [], constant: 5 },
  ]);
});
