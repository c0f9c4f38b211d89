// pipelines/schema.json, by which editors complete and check pipeline files.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { pipelineSchemaFile, toPipelineSchemaText } from '../../scripts/generate-pipeline-schema.ts';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';

import { WeirError } from '../../src/model/errors.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const schema = JSON.parse(toPipelineSchemaText()) as { properties: Record<string, unknown> };
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);

function mistakesOf(text: string): readonly string[] {
  const value: unknown = parse(text);
  return validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

test('pipelines/schema.json is what scripts/generate-pipeline-schema.ts makes: run it after a change of keys or steps', () => {
  expect(readFileSync(pipelineSchemaFile, 'utf8')).toBe(toPipelineSchemaText());
});

test.each(readdirSync(`${root}pipelines`).filter((name) => name.endsWith('.yml')))(
  'pipelines/%s names the schema and keeps to it',
  (name) => {
    const text = readFileSync(`${root}pipelines/${name}`, 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./schema.json');
    expect(mistakesOf(text)).toEqual([]);
  },
);

describe('the pipelines shown in the documentation keep to the schema', () => {
  const shown = ['README.md', 'docs/pipelines.md', 'docs/operations.md', 'docs/geoip.md'].flatMap((file) =>
    [...readFileSync(root + file, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => [file, match[1] ?? ''] as const,
    ),
  );

  test.each(shown)('in %s: %s', (_file, text) => {
    const name = /^name:/m.test(text) ? '' : 'name: shown\n';
    const steps = /^steps:/m.test(text) ? '' : /^ *- /.test(text) ? 'steps:\n' : 'steps: []\n';
    expect(mistakesOf(name + steps + text)).toEqual([]);
  });
});

test.each([
  ['a key that does not exist', 'name: a\nsteps: []\nqueues: {}'],
  ['a step that does not exist', 'name: a\nsteps: [ geoipp ]'],
  ['an option that does not exist', 'name: a\nsteps: [ { geoip: { databse: a.mmdb } } ]'],
  ['two steps in one item', 'name: a\nsteps: [ { geoip: {}, asn: {} } ]'],
  ['a step without the options that it needs', 'name: a\nsteps: [ drop ]'],
  ['a number out of its bounds', 'name: a\nsteps: []\nbatch: { records: 0 }'],
  ['no steps', 'name: a'],
  ['a duration in a unit that there is not', 'name: a\nsteps: []\nbatch: { age: 5 parsecs }'],
  ['a duration without a number', 'name: a\nsteps: [ { hostname: { wait: long } } ]'],
  ['a size in a unit that there is not', 'name: a\nsteps: []\nqueue: { memory: 64MiX }'],
  ['a list of subnets with a word in it', 'name: a\nsteps: [ { hostname: { networks: [ router ] } } ]'],
  ['a map from a word in place of a subnet', 'name: a\nsteps: [ { sampling: { default: { router: 5 } } } ]'],
  [
    'a map from a subnet that is too long',
    'name: a\nsteps: [ { reputation: { lists: [ a.txt ], labels: { 10.0.0.0/33: bad } } } ]',
  ],
])('refuses %s', (_, text) => {
  expect(mistakesOf(text)).not.toEqual([]);
});

test('each key has a sentence, which editors show', () => {
  const silent: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [name, inner] of Object.entries(node)) {
      if (name !== 'properties') walk(inner, path);
      else {
        for (const [key, value] of Object.entries(inner as Record<string, object>)) {
          if (!('description' in value)) silent.push(`${path}.${key}`);
          walk(value, `${path}.${key}`);
        }
      }
    }
  };
  walk(schema, '');
  expect(silent).toEqual([]);
});

test('takes variables where numbers stand, and steps without options', () => {
  expect(
    mistakesOf(
      `name: a\nsteps: [ server, geoip: , sampling: { default: "\${RATE:1000}" } ]\nbatch: { records: "\${N}" }`,
    ),
  ).toEqual([]);
});

test.each(['200ms', '1.5s', '5 m', '2H', '30d', '1h30m', '1d 12h', '5MIN', "'  1s '", `"\${AGE:1s}"`])(
  'takes the duration %s',
  (age) => {
    expect(mistakesOf(`name: a\nsteps: []\nbatch: { age: ${age} }`)).toEqual([]);
  },
);

test.each(['65536', '"65536"', '500KB', '64 MiB', '1.5gib', '64M', '64 Mi', `"\${SIZE}"`])(
  'takes the size %s',
  (bytes) => {
    expect(mistakesOf(`name: a\nsteps: []\nqueue: { memory: ${bytes} }`)).toEqual([]);
  },
);

test.each(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::ffff:192.0.2.1', '::/0', '2001:DB8::1/128'])(
  'takes the subnet %s',
  (subnet) => {
    expect(mistakesOf(`name: a\nsteps: [ { hostname: { networks: [ "${subnet}" ] } } ]`)).toEqual([]);
  },
);

/** By `weir check` alone, without the files that are named. */
function isRight(text: string): boolean {
  try {
    readPipelineFile(text, { path: 'p.yml', environment: {}, stepDefinitions: stepCatalog });
    return true;
  } catch (error) {
    if (error instanceof WeirError) return false;
    throw error;
  }
}

const whole = (rest: string) => (/^steps:/m.test(rest) ? `name: a\n${rest}\n` : `name: a\nsteps: []\n${rest}\n`);
const step = (text: string) => whole(`steps: [ ${text} ]`);

describe('the schema and weir check agree', () => {
  test.each([
    ...[
      'listen: udp://[::]:2055',
      'listen: UDP://0.0.0.0:2055/',
      'index: { name: flows-2 }',
      'listen: [ "udp://0.0.0.0:2055", "tls://[::]:4740" ]\ncollect: { tls: { certificate: c, key: k } }',
      'collect: { receive_buffer: 64MiB, workers: auto, exporters: { allow: 10.0.0.0/8 } }\nqueue: { redis: redis://r }',
      'collect: { tcp: { connections: 10, idle: 1h } }',
      'decode: { tunnels: inner }',
      'batch: { records: 1, bytes: 1KiB, age: 1ms }',
      'queue: { redis: "" }',
      'queue: { spool: { size: false } }',
      'queue: { spool: { size: 1GiB, sync: always } }',
      'queue: { spool: { sync: 5s } }',
      'telemetry: { http: off }',
      'telemetry: { http: false }',
      'telemetry: { http: "0.0.0.0:9100", token: long-enough }',
      'index: { name: "flows-%{yyyy.MM}", elasticsearch: { nodes: http://es:9200, retention: { keep: 30d, max_size: 1TiB } } }',
      'index: { elasticsearch: { nodes: [ "https://es:9200" ], username: u, password: p, setup: false } }',
      'index: { files: { directory: /tmp, max_bytes: 1KiB } }',
      'kibana: { url: "http://kibana:5601", space: network }',
      'kibana: {}',
      'tests: [ { name: t, record: { protocol: ipfix, exporter: 10.0.0.1, fields: {} }, expect: dropped } ]',
      'tests: [ { name: t, record: { protocol: ipfix, exporter: "::1", fields: {} }, expect: [ { flow.bytes: 1 } ] } ]',
    ].map(whole),
    ...[
      'sampling, server, services, geoip, asn, locality, oui, community-id, dedupe, direction, split, interfaces, applications, vlan-names, reputation, hostname',
      'sampling: { default: 5 }',
      'sampling: { default: { 10.0.0.0/8: 5, "::/0": { 1: 7 } }, override: 1 }',
      'server: { method: elastiflow }',
      'services: { names: { tcp/8443: a }, addresses: { 10.0.0.1: { udp/53: dns } } }',
      'geoip: { database: [ a.mmdb, b.mmdb ] }',
      'asn: { database: a.mmdb, prefer: exporter }',
      'locality: { networks: { 10.0.0.0/8: { name: a, tags: [ x ], private: true } }, private: 10.0.0.0/8 }',
      'hostname: { nameserver: [ "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:53" ] }',
      'hostname: { of: exporters, nameserver: 192.0.2.53, wait: 50ms, networks: [ 10.0.0.0/8 ] }',
      'interfaces: { names: { 10.0.0.1: { 1: eth0, 2: 7 } }, snmp: { agents: { community: public }, every: 5m } }',
      'applications: { vendor: { 10.0.0.0/8: fortinet }, names: { "13..453": SSL }, servers: { "10.0.0.1:80": web } }',
      'reputation: { lists: [ a.txt, { url: "https://a.example/l.txt", every: 1h, label: [ x, y ] } ], allow: 10.0.0.0/8 }',
      'community-id: { seed: 7 }',
      'lookup: { by: flow.src_addr, table: { 10.0.0.0/8: a }, set: { labels.a: value } }',
      'lookup: { by: flow.dst_port, file: a.csv, key: port, set: { labels.a: a, flow.vlan: b } }',
      'fields: { set: { labels.a: 5, flow.vlan: 10 }, copy: { flow.vlan: labels.vlan }, remove: [ flow.tos ] }',
      'drop: { when: "flow.dst_port = 53" }',
      'drop: { when: { flow.dst_port: [ 53, "853" ], flow.canonical: false } }',
      'keep: { when: exists flow.vlan }',
      'sample: { one_in: 10, when: "flow.bytes < 100" }',
      'split: { over: 1m }',
      'dedupe: { window: 10m }',
      'direction: { networks: 10.0.0.0/8, interfaces: { 10.0.0.1: { external: [ 1, 2 ] } } }',
      'vlan-names: { names: { 10: office, 10.0.0.0/8: { 11: guests } } }',
      'anonymize: { truncate: { ipv4: 16 }, exporters: false }',
    ].map(step),
  ])('that it is right: %s', (text) => {
    expect([isRight(text), mistakesOf(text)]).toEqual([true, []]);
  });

  test.each([
    ...[
      'listen: 2055',
      'listen: [ 2055 ]',
      'listen: { udp: 2055 }',
      'listen: [ "http://a" ]',
      'listen: udp://0.0.0.0',
      'index: { name: Flow }',
      'tests: [ { name: t, record: { protocol: ipfix, exporter: router, fields: {} }, expect: {} } ]',
      'collect: { workers: many }',
      'collect: { workers: 65 }',
      'collect: { tcp: { idle: 5 } }',
      'collect: { exporters: { allow: router } }',
      'collect: { exporters: { allow: [ router ] } }',
      'decode: { tunnels: both }',
      'batch: { records: 1.5 }',
      'batch: { age: 30s1m }',
      'batch: { age: "" }',
      'batch: { age: 1s1s }',
      'queue: { memory: 64ib }',
      'batch: { records: 100001 }',
      'batch: []',
      'queue: { mode: one }',
      'queue: { spool: false }',
      'queue: { spool: { size: true } }',
      'queue: { spool: { sync: sometimes } }',
      'telemetry: { http: true }',
      'index: { elasticsearch: { setup: maybe } }',
      'index: { elasticsearch: { concurrency: 65 } }',
      'index: { elasticsearch: { product_check: on } }',
      'index: { elasticsearch: { retention: { keep: forever } } }',
      'kibana: { url: [ a ] }',
      'tests: [ { name: t } ]',
      'tests: [ { name: t, record: { protocol: netflow7, exporter: 10.0.0.1, fields: {} }, expect: {} } ]',
      'tests: [ { name: t, record: { protocol: ipfix, exporter: 10.0.0.1, fields: {} }, expect: kept } ]',
      'steps: {}',
      'steps: [ 5 ]',
      'steps: [ [ geoip ] ]',
      'steps: [ { geoip: {}, asn: {} } ]',
    ].map(whole),
    ...[
      'sampling: { default: 0 }',
      'sampling: { default: ten }',
      'sampling: { default: { 10.0.0.0/8: { eth0: 5 } } }',
      'server: { method: best }',
      'services: { names: { 8443: a } }',
      'services: { names: { tcp/8443: [ a ] } }',
      'geoip: { database: 5 }',
      'geoip: { database: [] }',
      'asn: { prefer: me }',
      'locality: { networks: { 10.0.0.0/8: name } }',
      'locality: { networks: { 10.0.0.0/8: { tags: x } } }',
      'locality: { private: 10 }',
      'hostname: { of: routers }',
      'hostname: { nameserver: ns.example }',
      'hostname: { dns: maybe }',
      'hostname: { found_entries: 0 }',
      'hostname: { names: { 10.0.0.1: [ a ] } }',
      'interfaces: { names: { 10.0.0.1: { eth0: a } } }',
      'interfaces: { snmp: {} }',
      'interfaces: { snmp: { agents: public } }',
      'applications: { vendor: [ a ] }',
      'reputation: { lists: a.txt }',
      'reputation: { lists: [ { path: a.txt } ] }',
      'reputation: { labels: { 10.0.0.0/8: [] } }',
      'community-id: { seed: -1 }',
      'community-id: { seed: 65536 }',
      'lookup: { by: flow.src_addr }',
      'lookup: {}',
      'fields: { set: [ a ] }',
      'fields: { remove: flow.tos }',
      'drop',
      'drop: {}',
      'drop: { when: 5 }',
      'keep',
      'keep: { when: { flow.dst_port: 53 } }',
      'sample: { one_in: 1 }',
      'sample: { one_in: 1.5 }',
      'split: { over: 5 }',
      'dedupe: { window: 5 minutes }',
      'direction: { interfaces: { 10.0.0.1: { external: [ eth0 ] } } }',
      'direction: { interfaces: { 10.0.0.1: {} } }',
      'vlan-names: { names: { x: office } }',
      'anonymize: { truncate: 24 }',
      'anonymize: { truncate: { ipv4: 33 } }',
      'anonymize: { exporters: 5, truncate: {} }',
      'oui: { file: a }',
    ].map(step),
  ])('that it is wrong: %s', (text) => {
    expect([isRight(text), mistakesOf(text).length > 0]).toEqual([false, true]);
  });

  // What depends on more than one value, on names that only weir knows, on the order of bounds with units, or on how a text is made.
  test.each([
    'listen: udp://[::]:99999',
    `batch: { records: "\${N}" }`,
    'batch: { age: 2m }',
    'queue: { memory: 1KB }',
    'queue: { redis: http://r }',
    'telemetry: { http: everywhere }',
    'telemetry: { token: short }',
    'index: { elasticsearch: { nodes: "ftp://es" } }',
    'index: { elasticsearch: { username: u } }',
    'kibana: { url: kibana }',
    'steps: [ { fields: {} } ]',
    'steps: [ { fields: { set: { flow.dst_port: 70000 } } } ]',
    'steps: [ { drop: { when: "flow.dst_port = x" } } ]',
    'steps: [ { lookup: { by: flow.x, file: a.csv, set: { labels.a: b } } } ]',
    'steps: [ { anonymize: {} } ]',
    'steps: [ { locality: { networks: { 10.0.0.0/8: {}, 10.0.0.1/8: {} } } } ]',
    'steps: [ { interfaces: { snmp: { agents: { user: u, auth_password: short } } } } ]',
  ])('but for what weir check alone can know: %s', (rest) => {
    const text = whole(rest);
    expect([isRight(text), mistakesOf(text)]).toEqual([false, []]);
  });
});

test('has a sentence for each key and each step', () => {
  const silent: string[] = [];
  function look(at: unknown, path: string): void {
    const { properties = {}, anyOf = [] } = at as { properties?: Record<string, object>; anyOf?: object[] };
    for (const [key, value] of Object.entries(properties)) {
      if (!('description' in value)) silent.push(`${path}.${key}`);
      // What is inside of an option, its own sentence says.
      if (!/^steps\.[^.]+$/.test(path)) look(value, `${path}.${key}`);
    }
    for (const branch of anyOf) look(branch, path);
  }
  look(schema, '');
  const { items } = schema.properties['steps'] as { items: { anyOf: { properties?: Record<string, object> }[] } };
  look(items, 'steps');
  expect(silent).toEqual([]);
  expect(Object.keys(items.anyOf[1]?.properties ?? {})).toEqual(stepCatalog.map(({ name }) => name));
});
