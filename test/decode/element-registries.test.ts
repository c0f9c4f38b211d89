// The tables under data/ that name and type information elements, as decode and enrich use them.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createInformationElements, type Encoding } from '../../src/decode/information-elements.ts';
import { loadFieldMap } from '../../src/enrich/field-map.ts';
import { dataTypes, toElementKey, toReverseName } from '../../src/model/element.ts';
import { capturesFolder, describeWith } from '../needs.ts';

const read = (file: string): string[][] =>
  readFileSync(new URL(`../../data/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));

const ianaRows = read('information-elements.tsv');
const vendorRows = read('vendor-elements.tsv');
const elements = createInformationElements();
const { storedNames } = loadFieldMap();
const isType = (type: string | undefined) => (dataTypes as readonly string[]).includes(type ?? '');

describe('the registry of IANA', () => {
  test('has a number, a name and a type of RFC 7012 in each row, in order, each number and name once', () => {
    const bad = ianaRows.filter(
      ([id, name, type, ...more]) =>
        !/^[1-9]\d*$/.test(id!) || !/^[A-Za-z]\w+$/.test(name!) || !isType(type) || more[0],
    );
    expect(bad).toEqual([]);
    const ids = ianaRows.map(([id]) => Number(id));
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
    expect(new Set(ianaRows.map(([, name]) => name)).size).toBe(ianaRows.length);
  });

  test('is whole: 500 elements up to 533, with those that the latest RFCs added', () => {
    expect(ianaRows.length).toBeGreaterThanOrEqual(500);
    // RFC 9487 (SRv6), RFC 9740 (TCP and UDP options), RFC 9951 (path delay).
    expect([492, 521, 525, 533].map((id) => elements.ipfix(0, id)?.name)).toEqual([
      'srhFlagsIPv6',
      'tcpSharedOptionExID16',
      'udpSafeOptions',
      'pathDelaySumDeltaMicroseconds',
    ]);
  });
});

describe('the table of vendors', () => {
  test('has enterprise, number, name and type in each row, in order and each element once', () => {
    const bad = vendorRows.filter(
      ([enterprise, id, name, type, ...more]) =>
        !/^(?:v9|0|[1-9]\d*)$/.test(enterprise!) ||
        !/^(?:0|[1-9]\d*)$/.test(id!) ||
        Number(id) > (enterprise === 'v9' ? 0xffff : 0x7fff) ||
        !/^[A-Za-z]\w{0,63}$/.test(name!) ||
        !isType(type) ||
        more.length > 0,
    );
    expect(bad).toEqual([]);
    const rank = ([enterprise, id]: string[]) => (enterprise === 'v9' ? -1 : Number(enterprise)) * 2 ** 16 + Number(id);
    const ranks = vendorRows.map(rank);
    expect(ranks).toEqual([...new Set(ranks)].toSorted((a, b) => a - b));
    expect(vendorRows.length).toBeGreaterThan(3_500);
  });

  test('has no id that IANA has', () => {
    const ianaIds = new Set(ianaRows.map(([id]) => id));
    expect(vendorRows.filter(([enterprise, id]) => /^(?:v9|0)$/.test(enterprise!) && ianaIds.has(id))).toEqual([]);
  });

  test.each<[vendor: string, enterprise: number, id: number, encoding: Encoding, stored: string]>([
    ['Cisco AVC', 9, 12_235, 'text', 'cisco_avc_app_http_host'],
    ['Nokia', 637, 93, 'text', 'alu_nat_sub_string'],
    ['Huawei', 2011, 1, 'unsigned', 'huawei_ingressGponGemPortId'],
    ['Juniper', 2636, 137, 'unsigned', 'juniper_commonPropertiesId'],
    ['Ixia', 3054, 111, 'text', 'ixia_l7_app'],
    ['Swisscom', 3746, 5, 'text', 'netgauze_nodeId'],
    ['Citrix NetScaler', 5951, 128, 'unsigned', 'netscaler_rtt'],
    ['CERT YAF', 6871, 14, 'unsigned', 'cert_init_tcp_flags'],
    ['VMware', 6876, 950, 'unsigned', 'vmware_rule_id'],
    ['CESNET', 8057, 2, 'text', 'cesnet_DNSName'],
    ['SonicWall', 8741, 3, 'mac', 'sonic_initiator_gw_mac'],
    ['Sophos', 9789, 2, 'text', 'sophos_afc_proto_name'],
    ['Barracuda', 10_704, 8, 'ipv4', 'barracuda_bind_ipv4_addr'],
    ['F5', 12_276, 2, 'text', 'f5_partition'],
    ['Plixer', 13_745, 101, 'text', 'plixer_client_hostname'],
    ['Procera', 15_397, 67, 'signed', 'procera_internal_jitter'],
    ['iptables', 21_373, 4, 'unsigned', 'ipt_mark'],
    ['Palo Alto', 25_461, 56_702 & 0x7fff, 'text', 'pan_user'],
    ['Gigamon', 26_866, 1, 'text', 'gigamon_http_req_url'],
    ['CACE', 32_622, 0, 'ipv4', 'cace_local_ipv4_addr'],
    ['FastIP', 33_610, 16, 'mac', 'fastip_nic_mac'],
    ['ntop', 35_632, 118, 'unsigned', 'ntop_l7_proto'],
    ['Flowmon', 39_499, 333, 'unsigned', 'flowmon_tlsServerVersion'],
    ['Viptela', 41_916, 4321, 'unsigned', 'viptela_vpn_id'],
    ['pmacct', 43_874, 1, 'unsigned', 'pmacct_tag'],
    ['Niagara', 47_729, 307, 'ipv4', 'niagara_RadiusNasIpAddress'],
    ['Antrea', 56_506, 101, 'text', 'antrea_sourcePodName'],
  ])('%s: %i/%i is %s, stored as %s', (_vendor, enterprise, id, encoding, stored) => {
    const key = `${enterprise}/${id}`;
    expect(elements.ipfix(enterprise, id)).toEqual({ name: key, encoding });
    expect(storedNames.ipfix.get(key)).toBe(stored);
  });

  test.each<[vendor: string, type: number, encoding: Encoding, stored: string]>([
    ['Ericsson', 24_632, 'ipv4', 'ericsson_nat_int_ipv4'],
    ['Cisco ASA', 33_002, 'unsigned', 'cisco_fw_ext_event'],
    ['Cisco ASA', 40_000, 'text', 'cisco_fw_user'],
    ['Cisco AVC', 45_003, 'text', 'cisco_avc_app_http_host'],
    ['Riverbed', 51_102, 'ipv4', 'riverbed_cfe_inpath_addr'],
    ['Palo Alto', 56_701, 'text', 'pan_app'],
    ['ntop', 57_590, 'unsigned', 'ntop_l7_proto'],
    ['ntop', 57_961, 'text', 'ntop_ja3c_hash'],
  ])('%s: NetFlow v9 type %i is %s, stored as %s', (_vendor, type, encoding, stored) => {
    expect(elements.netflow9(type)).toEqual({ name: `v9:${type}`, encoding });
    expect(storedNames.netflow.get(`v9:${type}`)).toBe(stored);
  });

  test('has the reverse of each of CERT’s elements (RFC 5103 §6.2: bit 14)', () => {
    const forward = vendorRows.filter(([enterprise, id]) => enterprise === '6871' && Number(id) < 0x4000);
    expect(forward.length).toBeGreaterThan(240);
    for (const [, id] of forward) {
      const { encoding } = elements.ipfix(6871, Number(id)) ?? {};
      expect(elements.ipfix(6871, Number(id) | 0x4000)).toEqual({ name: `6871/${Number(id) | 0x4000}`, encoding });
    }
  });

  test('has ntop’s elements in both protocols: NetFlow v9’s number is IPFIX’s + 57472', () => {
    const ofNtop = vendorRows.filter(([enterprise]) => enterprise === '35632');
    expect(ofNtop.length).toBeGreaterThan(370);
    const sizes = new Map(vendorRows.map(([enterprise, id, , type]) => [toElementKey(enterprise!, id!), type]));
    expect(ofNtop.filter(([, id]) => !sizes.has(`v9:${Number(id) + 57_472}`))).toEqual([]);
  });
});

/** ElastiFlow gives these one name: elements that were renumbered, and Barracuda's under a number that is another's but is in use. */
const sameThing: readonly (readonly string[])[] = [
  ['v9:33002', 'v9:35001'],
  ['9/234', '9/2233'],
  ['v9:16386', 'v9:44940'],
  ['v9:16387', 'v9:44941'],
  ['9/12172', '9/16386'],
  ['9/12173', '9/16387'],
  ['8741/23', '8741/36'],
  ...Array.from({ length: 12 }, (_, index) => [`10704/${index + 1}`, `12326/${index + 1}`]),
];

test('no two elements of one protocol are stored under one name, unless they are the same thing', () => {
  const keysOf = new Map<string, string[]>();
  const put = (name: string, key: string) => keysOf.set(name, [...(keysOf.get(name) ?? []), key]);
  for (const [enterprise, id, name] of vendorRows) {
    put(`${enterprise === 'v9' ? 'netflow' : 'ipfix'}.${name}`, toElementKey(enterprise!, id!));
  }
  for (const [, name] of ianaRows) {
    put(`netflow.${storedNames.netflow.get(name!) ?? name}`, name!);
    put(`ipfix.${storedNames.ipfix.get(name!) ?? name}`, name!);
    put(`ipfix.${toReverseName(name!)}`, toReverseName(name!));
  }
  // NetFlow v9 has no enterprises: Cisco puts the enterprise bit into the type, or leaves it out.
  const differInBit = ([a, b]: string[]) => Number(b?.slice(3)) - Number(a?.slice(3)) === 0x8000;
  const shared = [...keysOf].filter(
    ([, keys]) =>
      keys.length > 1 &&
      !(keys.length === 2 && keys.every((key) => key.startsWith('v9:')) && differInBit(keys)) &&
      !sameThing.some((same) => same.length === keys.length && keys.every((key) => same.includes(key))),
  );
  expect(shared).toEqual([]);
});

/** Types of Logstash's codec (it has no times, and a number is a length) → how such bytes may be read. */
const encodingsOfType: Readonly<Record<string, readonly Encoding[]>> = {
  string: ['text', 'bytes'],
  octetarray: ['bytes', 'subTemplateList'],
  ip4_addr: ['ipv4'],
  ip6_addr: ['ipv6'],
  mac_addr: ['mac'],
  float: ['float'],
  double: ['float'],
  int8: ['signed'],
  int32: ['signed'],
  acl_id_asa: ['bytes'],
  application_id: ['bytes'],
};
const numbers: readonly Encoding[] = [
  'unsigned',
  'signed',
  'boolean',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
];

const listOfElastiflow = join(capturesFolder, '../reference/elastiflow-3.5.1-ie-names.tsv');

describeWith(['captures'], 'each element that ElastiFlow 3.5.1 names', () => {
  // Riverbed's other file gives types below 128 another meaning; it is one that users may name (docs/add-a-vendor.md).
  const rows = !existsSync(listOfElastiflow)
    ? []
    : readFileSync(listOfElastiflow, 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => line.split('\t'))
        .filter(([protocol, , , , type]) => /^(?:netflow9|ipfix)$/.test(protocol!) && type !== 'skip')
        .map(([protocol, enterprise, id, name, type]) => {
          // Some of its numbers have the enterprise bit still on.
          const element =
            protocol === 'netflow9'
              ? elements.netflow9(Number(id))
              : elements.ipfix(Number(enterprise), Number(id) & 0x7fff);
          return { protocol, key: `${protocol} ${enterprise}/${id}`, name, type: type!, element };
        });

  test('has a type that fits', () => {
    expect(rows.length).toBeGreaterThan(3_700);
    const wrong = rows.filter(
      ({ type, element }) => element === undefined || !(encodingsOfType[type] ?? numbers).includes(element.encoding),
    );
    expect(wrong).toEqual([]);
  });

  test('is stored under its name', () => {
    const wrong = rows.filter(({ protocol, name, element }) => {
      const names = protocol === 'netflow9' ? storedNames.netflow : storedNames.ipfix;
      return (names.get(element?.name ?? '') ?? element?.name) !== name;
    });
    // A slip of the pen there.
    expect(wrong.map(({ name }) => name)).toEqual(['pls_label_stack_octets']);
  });
});
