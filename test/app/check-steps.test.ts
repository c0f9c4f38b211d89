// What `weir check` says of options that steps cannot work with: one sentence each, at its place; and of files that are not what they
// should be. The messages are what a network engineer sees first of weir, so they are held word by word.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { check } from '../../src/app/check.ts';
import { ensureAsnDatabase } from '../../src/enrich/asn-database.ts';
import { countryDatabasePath } from '../../src/enrich/geo-database.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-check-steps-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What is said of these steps: the first stands in line 3. */
async function said(...steps: string[]): Promise<readonly string[]> {
  const file = join(folder, 'p.yml');
  writeFileSync(file, ['name: f', 'steps:', ...steps.map((step) => `  - ${step}`), ''].join('\n'));
  const text = await check(file).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  return text.replaceAll(`${folder}/`, '').split('\n');
}

describe('weir check says of', () => {
  test.each([
    [
      'subnets that are none',
      'locality: { networks: { 10.0.0.0/33: { name: x } }, private: [ 10/8 ] }',
      [
        'p.yml:3:29 locality.networks: expected a mapping from subnet to network, got "10.0.0.0/33"',
        'p.yml:3:68 locality.private: expected a subnet such as "10.0.0.0/8", or an address, got "10/8"',
      ],
    ],
    [
      'the same subnet in two spellings',
      'sampling: { default: { 10.0.0.0/8: 10, 10.1.2.3/8: 20 }, override: { "2001:db8::/32": 1, "2001:DB8:0::1/32": 2 } }',
      [
        'p.yml:3:44 sampling.default: the same subnet as "10.0.0.0/8" ("10.1.2.3/8")',
        'p.yml:3:94 sampling.override: the same subnet as "2001:db8::/32" ("2001:DB8:0::1/32")',
      ],
    ],
    [
      'the same subnet as IPv4 and IPv4 within IPv6',
      'locality: { networks: { 10.0.0.0/8: { name: a }, "::ffff:10.0.0.0/104": { name: b } } }',
      ['p.yml:3:54 locality.networks: the same subnet as "10.0.0.0/8" ("::ffff:10.0.0.0/104")'],
    ],
    [
      'the same address twice',
      'hostname: { dns: false, names: { "2001:db8::1": a, "2001:db8:0::1": b } }',
      ['p.yml:3:56 hostname.names: the same address as "2001:db8::1" ("2001:db8:0::1")'],
    ],
    [
      'the same subnet twice in a table',
      'lookup: { by: flow.src_addr, table: { 10.0.0.0/8: a, 10.0.0.1/8: b }, set: { labels.a: value } }',
      ['p.yml:3:58 lookup.table: the same subnet as "10.0.0.0/8" ("10.0.0.1/8")'],
    ],
    ...(
      [
        [
          'vlan-names: { names: { 10.0.0.0/8: { 10: a }, 10.1.2.3/8: { 11: b } } }',
          'vlan-names.names',
          'VLAN or subnet',
          '10.0.0.0/8',
          '10.1.2.3/8',
        ],
        ['vlan-names: { names: { 10: a, "010": b } }', 'vlan-names.names', 'VLAN or subnet', '10', '010'],
        ['vlan-names: { names: { 10.0.0.1: { 10: a, "010": b } } }', 'vlan-names.names.10.0.0.1', 'VLAN', '10', '010'],
        ['interfaces: { names: { 10.0.0.1: { 1: a, "01": b } } }', 'interfaces.names.10.0.0.1', 'interface', '1', '01'],
        ['sampling: { default: { 10.0.0.1: { 1: 5, "01": 7 } } }', 'sampling.default.10.0.0.1', 'interface', '1', '01'],
        ['services: { names: { tcp/80: a, tcp/080: b } }', 'services.names', 'port', 'tcp/80', 'tcp/080'],
        ['applications: { names: { 13..1: a, "13:1": b } }', 'applications.names', 'id', '13..1', '13:1'],
        [
          'applications: { servers: { "[::1]:80": a, "0:0::1:80": b } }',
          'applications.servers',
          'address and port',
          '[::1]:80',
          '0:0::1:80',
        ],
        [
          'lookup: { by: flow.vlan, table: { 10-12: a, 010..12: b }, set: { labels.a: value } }',
          'lookup.table',
          'range',
          '10-12',
          '010..12',
        ],
      ] as const
    ).map(([step, where, noun, first, second]): [string, string, string[]] => [
      `the same ${noun} in two spellings: ${second}`,
      step,
      [
        `p.yml:3:${5 + Math.max(step.lastIndexOf(`${second}:`), step.lastIndexOf(`"${second}":`))} ${where}: the same ${noun} as "${first}" ("${second}")`,
      ],
    ]),
    [
      'the same subnet of agents',
      'interfaces: { snmp: { agents: { 10.0.0.0/8: { community: s3cret }, 10.0.0.1/8: { community: s3cret } } } }',
      ['p.yml:3:72 interfaces.snmp.agents: the same subnet as "10.0.0.0/8" ("10.0.0.1/8")'],
    ],
    [
      'a network with an unknown key',
      'locality: { networks: { 10.0.0.0/8: { nam: x } } }',
      ['p.yml:3:43 unknown key "nam" in locality.networks.10.0.0.0/8; did you mean "name"?'],
    ],
    [
      'a seed that has no 16 bits',
      'community-id: { seed: 65536 }',
      ['p.yml:3:27 community-id.seed: expected a whole number from 0 to 65535, got 65536'],
    ],
    ['a step without options', 'oui: { file: x }', ['p.yml:3:12 unknown key "file" in oui']],
    [
      'VLANs that are none',
      'vlan-names: { names: { "4096": a, x: b } }',
      [
        'p.yml:3:28 vlan-names.names: expected a VLAN, 0 to 4095, got "4096"',
        'p.yml:3:39 vlan-names.names: expected a VLAN, 0 to 4095, got "x"',
      ],
    ],
    [
      'interfaces that are none',
      'direction: { interfaces: { 192.0.2.1: { external: [ eth0 ] } } }',
      ['p.yml:3:57 direction.interfaces.192.0.2.1.external: expected an interface number, got "eth0"'],
    ],
    [
      'values of another type than the field’s',
      'drop: { when: { flow.dst_port: fifty, flow.canonical: false, flow.src_addr: [ 10.0.0.0/8, x ], "@timestamp": 5 } }',
      [
        'p.yml:3:36 drop.when.flow.dst_port: expected a number (flow.dst_port is a number), not "fifty"',
        'p.yml:3:81 drop.when.flow.src_addr: expected an IP address or a subnet such as "192.0.2.0/24" (flow.src_addr is an address), not "x"',
        'p.yml:3:114 drop.when.@timestamp: expected another field (@timestamp is a time), not 5',
      ],
    ],
    [
      'a condition of another type than the field’s',
      'keep: { when: flow.dst_port = "53" }',
      ['p.yml:3:35 keep.when: expected a number (flow.dst_port is a number), not "53"'],
    ],
    [
      'a field far from all others',
      'keep: { when: process.exit = 1 }',
      ['p.yml:3:19 keep.when: unknown field "process.exit"; docs/fields.md lists the fields'],
    ],
    [
      'one flow out of one',
      'sample: { one_in: 1 }',
      ['p.yml:3:23 sample.one_in: expected at least 2 (one flow out of two), got 1'],
    ],
    [
      'texts for what is a number',
      'fields: { set: { flow.dst_port: abc, flow.src_addr: 300.1.1.1 } }',
      [
        'p.yml:3:37 fields.set.flow.dst_port: flow.dst_port holds a whole number from 0 to 65535 ("abc")',
        'p.yml:3:57 fields.set.flow.src_addr: flow.src_addr holds an IP address ("300.1.1.1")',
      ],
    ],
    [
      'rows of a table, each at its key',
      'lookup: { by: flow.dst_port, table: { 10.0.0.0/8: x, "5-1": z, "1-1024": w, "500-2000": v }, set: { labels.a: valu } }',
      [
        'p.yml:3:43 lookup.table: expected a whole number or a range such as 1024-65535, got "10.0.0.0/8"',
        'p.yml:3:58 lookup.table: the range "5-1" is empty',
        'p.yml:3:81 lookup.table: the range "500-2000" overlaps another and lies not within it',
        'p.yml:3:115 lookup.set.labels.a: no row of the table has a column "valu"; did you mean "value"?',
      ],
    ],
    [
      'agents, without their secrets',
      'interfaces: { snmp: { agents: { 10.0.0.0/8: { user: a, auth_pasword: s3cret-s3cret }, 10.1.0.0/16: { community: c, port: 0 } } } }',
      [
        'p.yml:3:60 interfaces.snmp.agents.10.0.0.0/8: unknown key "auth_pasword"; did you mean "auth_password"?',
        'p.yml:3:126 interfaces.snmp.agents.10.1.0.0/16.port: expected a whole number from 1 to 65535, got 0',
      ],
    ],
    [
      'agents that are none, without what may be a community',
      'interfaces: { snmp: { agents: { comunity: s3cret, 10.0.0.0/8: s3cret } } }',
      [
        'p.yml:3:35 interfaces.snmp.agents: expected "{ community: … }" (SNMPv2c) or "{ user: …, auth_password: …, priv_password: … }" (SNMPv3), got a mapping',
        'p.yml:3:37 interfaces.snmp.agents: expected a subnet such as "10.0.0.0/8", or an address, got "comunity"',
      ],
    ],
    [
      'an agent of two versions',
      'interfaces: { snmp: { agents: { community: c, user: u } } }',
      [
        'p.yml:3:35 interfaces.snmp.agents: expected "{ community: … }" (SNMPv2c) or "{ user: …, auth_password: …, priv_password: … }" (SNMPv3), got a mapping',
      ],
    ],
  ])('%s', async (_what, step, expected) => {
    expect(await said(step)).toEqual(expected);
  });
});

test('where a list of subnets is expected, one may stand alone', async () => {
  expect(
    await said(
      'locality: { private: 10.0.0.0/8 }',
      'direction: { networks: 10.0.0.0/8 }',
      'hostname: { dns: false, networks: 10.0.0.0/8 }',
      'reputation: { allow: 10.0.0.0/8 }',
    ),
  ).toEqual(['p.yml: 4 steps, 0 tests passed']);
});

describe('a label that no step before sets', () => {
  const sets = 'fields: { set: { labels.site: Boston } }';
  const unknown = 'no step before it sets "labels.siet"; did you mean "labels.site"?';

  test.each([
    'drop: { when: "flow.dst_port = 53 or not (labels.siet = \'x\')" }',
    'drop: { when: { labels.siet: x } }',
    'keep: { when: exists labels.siet }',
    'sample: { one_in: 10, when: labels.site = labels.siet }',
    'fields: { when: "labels.siet = \'x\'", remove: [ flow.tos ] }',
    'fields: { copy: { labels.siet: flow.application } }',
    'fields: { rename: { labels.siet: labels.other } }',
    `fields: { set: { labels.other: "at \${labels.siet}" } }`,
    'lookup: { by: labels.siet, table: { a: b }, set: { labels.other: value } }',
    'lookup: { by: flow.vlan, when: "labels.siet = \'x\'", table: { 1: b }, set: { labels.siet: value } }',
  ])('is a mistake: %s', async (step) => {
    expect(await said(sets, step)).toEqual([`p.yml:4:5 ${step.slice(0, step.indexOf(':'))}: ${unknown}`]);
    expect(await said(step.replaceAll('siet', 'site'), sets)).toEqual([
      `p.yml:3:5 ${step.slice(0, step.indexOf(':'))}: no step before it sets "labels.site"`,
    ]);
  });

  test('is none where it is set, or may be absent, or a step that sets it is wrong otherwise', async () => {
    const more = [
      `fields: { copy: { flow.vlan: labels.a }, rename: { labels.a: labels.b }, set: { labels.c: "\${labels.b}", labels.d: "\${labels.c}\${labels.e:none}" } }`,
      'lookup: { by: labels.d, table: { x: y }, set: { labels.f: value } }',
      'keep: { when: "labels.f = \'y\' and exists labels.b" }',
    ];
    expect(await said(...more)).toEqual(['p.yml: 3 steps, 0 tests passed']);
    expect(
      await said(
        'lookup: { by: flow.vlan, table: { x: y }, set: { labels.f: value } }',
        'keep: { when: exists labels.f }',
      ),
    ).toEqual([expect.stringMatching(/^p\.yml:3:\d+ lookup\.table: expected a whole number/)]);
  });
});

describe('data files', () => {
  test('a database of another kind is refused, and all steps that cannot be opened are named at once', async () => {
    writeFileSync(join(folder, 'empty.mmdb'), '');
    writeFileSync(join(folder, 'page.mmdb'), '<html>404 Not Found</html>');
    const asn = await ensureAsnDatabase();
    const country = countryDatabasePath();
    expect(
      await said(
        `geoip: { database: ${asn} }`,
        `asn: { database: ${country} }`,
        'geoip: { database: nowhere.mmdb }',
        'asn: { database: empty.mmdb }',
        'lookup: { by: flow.src_addr, file: page.mmdb, set: { labels.a: b } }',
        'reputation: { lists: [ nowhere.txt ] }',
      ),
    ).toEqual([
      `p.yml:3:5 geoip: database: ${asn} has no countries, cities or locations: it is a database of another kind ("weir-ASN")`,
      `p.yml:4:5 asn: database: ${country} has no autonomous systems: it is a database of another kind ("country ipvAll")`,
      'p.yml:5:5 geoip: database: the file nowhere.mmdb does not exist',
      'p.yml:6:5 asn: database: empty.mmdb is not a whole MaxMind DB (.mmdb) file',
      'p.yml:7:5 lookup: file: page.mmdb is not a whole MaxMind DB (.mmdb) file',
      'p.yml:8:5 reputation: lists: cannot read nowhere.txt (ENOENT)',
    ]);
  });

  test('are named beside the mistakes of the pipeline file', async () => {
    expect(
      await said('geoip: { database: nowhere.mmdb }', 'asn: { databse: x }', 'hostname: { file: none.yml }'),
    ).toEqual([
      'p.yml:4:12 unknown key "databse" in asn; did you mean "database"?',
      'p.yml:3:5 geoip: database: the file nowhere.mmdb does not exist',
      'p.yml:5:5 hostname: file: cannot read none.yml (ENOENT)',
    ]);
  });

  test('what never ends is not read', async () => {
    expect(
      await said(
        'reputation: { lists: [ /dev/zero ] }',
        'lookup: { by: flow.src_addr, file: /dev/zero, set: { labels.a: b } }',
        'geoip: { database: /dev/zero }',
      ),
    ).toEqual([
      'p.yml:3:5 reputation: lists: /dev/zero is no file',
      'p.yml:4:5 lookup: file: /dev/zero is no file',
      'p.yml:5:5 geoip: database: /dev/zero is no file',
    ]);
    await expect(check('/dev/zero')).rejects.toThrow('/dev/zero:1:1 the file is larger than 1 MiB');
  });

  test('lines that are not UTF-8 are named, and used', async () => {
    writeFileSync(join(folder, 'vlans.csv'), Buffer.from('10;B\xfcro\n11;lab\n', 'latin1'));
    writeFileSync(join(folder, 'sites.csv'), Buffer.from('net,site\n10.0.0.0/8,B\xfcro\n', 'latin1'));
    // A step at a time: files of several steps are read side by side.
    expect(await said('vlan-names: { file: vlans.csv }')).toEqual([
      'warning: vlans.csv:1 the line is not UTF-8: some letters are lost',
      'p.yml: 1 step, 0 tests passed',
    ]);
    expect(await said('lookup: { by: flow.src_addr, file: sites.csv, set: { labels.a: site } }')).toEqual([
      'warning: sites.csv:2 the line is not UTF-8: some letters are lost',
      'p.yml: 1 step, 0 tests passed',
    ]);
  });
});

test('a pipeline file that is not UTF-8 is refused where it stops to be, itself or included', async () => {
  const text = Buffer.from('name: f\nsteps:\n  - vlan-names: { names: { "10": B\xfcro } }\n', 'latin1');
  writeFileSync(join(folder, 'latin.yml'), text);
  await expect(check(join(folder, 'latin.yml'))).rejects.toThrow(
    'latin.yml:3:35 the file is not UTF-8 from here on: save it as UTF-8',
  );
  expect(await said('!include latin.yml')).toEqual([
    "p.yml:3:14 can't include latin.yml: line 3: the file is not UTF-8 from here on: save it as UTF-8",
  ]);
});
