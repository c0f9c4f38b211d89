import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type PipelineFile, readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { WeirError } from '../../src/model/errors.ts';

// Steps as the catalog has them, with the option types that make mistakes possible: the file's reading is tested here, not the steps.
const network = z.string().regex(/^[0-9a-f.:]+\/\d+$/, { error: 'expected a network such as "10.0.0.0/8"' });
const interval = z.number().int().min(0);
const stepDefinitions = [
  {
    name: 'sampling',
    options: z.strictObject({
      default: z.union([interval, z.record(network, interval)]).optional(),
      override: z.union([interval, z.record(network, interval)]).optional(),
    }),
  },
  { name: 'geoip', options: z.strictObject({ database: z.string().optional(), cache: interval.prefault(1000) }) },
  { name: 'asn', options: z.strictObject({}) },
  { name: 'drop', options: z.strictObject({ when: z.record(z.string(), z.unknown()) }) },
  ...['server', 'services', 'locality'].map((name) => ({ name, options: z.strictObject({}) })),
];

function read(text: string, environment: Record<string, string> = {}): PipelineFile {
  return readPipelineFile(text, { path: 'pipelines/flow.yml', environment, stepDefinitions });
}

function errorOf(text: string, environment: Record<string, string> = {}): WeirError {
  try {
    read(text, environment);
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

/** The mistakes without the file's name: "4:5 unknown step …". */
function mistakesOf(text: string, environment: Record<string, string> = {}): readonly string[] {
  const error = errorOf(text, environment);
  expect(error.code).toBe('pipeline-invalid');
  return error.message.split('\n').map((line) => line.replace(/^pipelines\/flow\.yml:/, ''));
}

/** A file that is right but for these lines. */
const withLines = (...lines: readonly string[]) => ['name: flow', 'steps: []', ...lines].join('\n');

// The example of the design, section 5.
const designExample = `name: flow
listen: [ "udp://0.0.0.0:2055", "udp://0.0.0.0:4739", "udp://0.0.0.0:6343" ]
queue: { redis: "\${REDIS_URL:}" }                 # empty: in-process
steps:
  - sampling: { default: { "10.0.0.0/8": 1000 } }  # a value, or subnet → value, wherever exporters may differ
  - server: {}
  - services: {}
  - geoip: {}                                     # the databases that came with the install
  - asn: {}
  - locality: {}
  - drop: { when: { flow.dst_port: 53, flow.src_addr: 192.0.2.0/24 } }
index:                                              # or, the default without a server: files: { directory: ./flows }
  elasticsearch: { nodes: [ "\${ELASTICSEARCH_URL:http://localhost:9200}" ] }
  name: weir-flow-%{yyyy.MM.dd}
tests:
  - name: scales bytes by the sampling interval
    record: { protocol: netflow5, exporter: 10.0.0.1, fields: { sourceIPv4Address: 10.0.0.115, octetDeltaCount: 100 } }
    expect: { flow.bytes: 100000 }
`;

describe('a file that is right', () => {
  test('needs a name and steps only; the rest has defaults', () => {
    const { folder, ...file } = read('name: flow\nsteps: []\n');
    expect(file).toEqual({
      decode: { elements: [], tunnels: 'outer' },
      name: 'flow',
      listen: [2055, 4739, 6343, 9995].map((port) => ({ protocol: 'udp', host: '::', port })),
      collect: {
        receiveBufferBytes: 33_554_432,
        workers: 1,
        tcp: {
          connections: 256,
          connectionsPerAddress: 16,
          handshakeMs: 10_000,
          messageMs: 30_000,
          idleMs: 3_600_000,
        },
      },
      batch: { maxRecords: 2000, maxBytes: 1_048_576, maxAgeMs: 200 },
      queue: { maxBytes: 134_217_728, spool: { maxBytes: 2 ** 30, sync: { everyMs: 1000 } } },
      state: { directory: './state' },
      telemetry: { http: { host: '127.0.0.1', port: 8081, isWritten: false } },
      steps: [],
      index: { name: 'weir-flow-%{yyyy.MM.dd}', files: { directory: './flows', maxFileBytes: 268_435_456 } },
      tests: [],
      path: 'pipelines/flow.yml',
      files: ['pipelines/flow.yml'],
      written: { name: 'flow', steps: [] },
      hidden: [],
    });
    expect(folder.endsWith('pipelines')).toBe(true);
  });

  test('the example of the design is read as it is written there', () => {
    const file = read(designExample);
    expect(file.listen).toEqual([2055, 4739, 6343].map((port) => ({ protocol: 'udp', host: '0.0.0.0', port })));
    expect(file.steps.map(({ name }) => name)).toEqual([
      'sampling',
      'server',
      'services',
      'geoip',
      'asn',
      'locality',
      'drop',
    ]);
    expect(file.steps[0]).toEqual({
      name: 'sampling',
      options: { default: { '10.0.0.0/8': 1000 } },
      given: { default: { '10.0.0.0/8': 1000 } },
      place: { line: 5, column: 5 },
    });
    expect(file.index.elasticsearch).toEqual({
      nodes: ['http://localhost:9200'],
      productCheck: 'auto',
      setup: true,
      bulk: { concurrency: 4, maxRequestBytes: 5_000_000, maxRequestDocuments: 2000, compress: false },
    });
    expect(file.tests).toEqual([
      {
        name: 'scales bytes by the sampling interval',
        record: {
          protocol: 'netflow5',
          exporter: '10.0.0.1',
          fields: { sourceIPv4Address: '10.0.0.115', octetDeltaCount: 100 },
          header: {},
        },
        expect: [{ fields: { 'flow.bytes': 100_000 }, places: new Map([['flow.bytes', { line: 18, column: 15 }]]) }],
        fieldPlaces: new Map([
          ['sourceIPv4Address', { line: 17, column: 65 }],
          ['octetDeltaCount', { line: 17, column: 96 }],
        ]),
        expectPlace: { line: 18, column: 5 },
      },
    ]);
  });

  test('rollups are made where the file says so, and have their defaults', () => {
    const written = (rollups: string) =>
      read(`name: a\nsteps: []\nindex: { elasticsearch: { nodes: "http://es:9200", rollups: ${rollups} } }\n`).index
        .elasticsearch?.rollups;
    expect(written('{}')).toBeUndefined();
    const defaults = { keepMinutesMs: 30 * 86_400_000, keepHoursMs: 730 * 86_400_000, top: 50, delayMs: 120_000 };
    expect(written('{ enabled: true }')).toEqual(defaults);
    expect(written('{ enabled: true, hours: 90d, top: 20 }')).toEqual({
      ...defaults,
      keepHoursMs: 90 * 86_400_000,
      top: 20,
    });
  });

  test('an empty ELASTICSEARCH_URL leaves no node, so that files are written', () => {
    expect(read(designExample, { ELASTICSEARCH_URL: '' }).index.elasticsearch).toBeUndefined();
    expect(read(designExample, { ELASTICSEARCH_URL: 'https://es:9200' }).index.elasticsearch?.nodes).toEqual([
      'https://es:9200',
    ]);
  });

  test('a step is a name, a name with nothing behind it, or a name with options', () => {
    const { steps } = read('name: flow\nsteps:\n  - geoip\n  - geoip:\n  - geoip: { cache: 5 }\n');
    expect(steps.map(({ options }) => options)).toEqual([{ cache: 1000 }, { cache: 1000 }, { cache: 5 }]);
  });

  test('a byte order mark and CRLF line ends change nothing, places included', () => {
    const windows = `\uFEFF${designExample.replaceAll('\n', '\r\n')}`;
    expect(read(windows)).toEqual(read(designExample));
  });

  test('sizes and durations are read with their units', () => {
    const file = read(
      withLines(
        'collect: { receive_buffer: 500KB }',
        'batch: { records: 10, bytes: 2.5 MiB, age: 1.5s }',
        'queue: { memory: 67108864 }',
        'index: { files: { max_bytes: 1gib, directory: /var/lib/weir } }',
      ),
    );
    expect(file.collect.receiveBufferBytes).toBe(500_000);
    expect(file.batch).toEqual({ maxRecords: 10, maxBytes: 2_621_440, maxAgeMs: 1500 });
    expect(file.queue.maxBytes).toBe(67_108_864);
    expect(file.index.files).toEqual({ directory: '/var/lib/weir', maxFileBytes: 1_073_741_824 });
  });

  test('one address stands for a list of one, port 0 is any free port, IPv6 may have a zone', () => {
    expect(read(withLines('listen: udp://127.0.0.1:0')).listen).toEqual([
      { protocol: 'udp', host: '127.0.0.1', port: 0 },
    ]);
    expect(read(withLines('listen: [ "udp://[fe80::1%eth0]:2055" ]')).listen[0]?.host).toBe('fe80::1%eth0');
  });

  test('TCP and TLS, their limits, and who may send; PEM files start at the folder of the pipeline file', () => {
    const { collect, listen } = read(
      withLines(
        'listen: [ "udp://[::]:4739", "tcp://[::]:4739", "TLS://0.0.0.0:4740" ]',
        'collect:',
        '  exporters: { allow: [ 10.0.0.0/8, "2001:db8::/32", 192.0.2.1 ] }',
        '  tcp: { connections: 5, connections_per_address: 2, handshake: 1s, message: 2s, idle: 1d }',
        '  tls: { certificate: tls/weir.pem, key: /etc/weir.key, client_ca: ca.pem, client_certificates: optional }',
      ),
    );
    expect(listen).toEqual([
      { protocol: 'udp', host: '::', port: 4739 },
      { protocol: 'tcp', host: '::', port: 4739 },
      { protocol: 'tls', host: '0.0.0.0', port: 4740 },
    ]);
    expect(collect).toMatchObject({
      allowedExporters: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'],
      tcp: { connections: 5, connectionsPerAddress: 2, handshakeMs: 1000, messageMs: 2000, idleMs: 86_400_000 },
      tls: {
        certificateFile: expect.stringMatching(/^\/.*pipelines\/tls\/weir\.pem$/),
        keyFile: '/etc/weir.key',
        clientCaFile: expect.stringMatching(/^\/.*pipelines\/ca\.pem$/),
        clientCertificates: 'optional',
      },
    });
    expect(read(withLines('collect: { exporters: { allow: 10.0.0.0/8 } }')).collect.allowedExporters).toEqual([
      '10.0.0.0/8',
    ]);
    expect(
      read(withLines('collect: { tls: { certificate: a, key: b, client_ca: c } }')).collect.tls?.clientCertificates,
    ).toBe('required');
  });

  test('everything of Elasticsearch is taken over; the CA file starts at the folder of the pipeline file', () => {
    const { elasticsearch } = read(
      withLines(
        'index:',
        '  elasticsearch:',
        '    nodes: https://es1:9200',
        '    username: weir',
        `    password: "\${PASSWORD}"`,
        '    ca_file: certs/ca.pem',
        '    product_check: off',
        '    concurrency: 8',
        '    request_bytes: 1MiB',
        '    request_documents: 500',
        '    compress: true',
      ),
      { PASSWORD: '007' },
    ).index;
    expect(elasticsearch).toMatchObject({
      nodes: ['https://es1:9200'],
      username: 'weir',
      password: '007',
      productCheck: 'off',
      bulk: { concurrency: 8, maxRequestBytes: 1_048_576, maxRequestDocuments: 500, compress: true },
    });
    expect(elasticsearch?.caFile).toMatch(/^\/.*pipelines\/certs\/ca\.pem$/);
  });

  test('anchors and aliases spare repeating a list', () => {
    const { steps } = read('name: flow\nsteps:\n  - sampling: { default: &lan { 10.0.0.0/8: 5 }, override: *lan }\n');
    expect(steps[0]?.options).toEqual({ default: { '10.0.0.0/8': 5 }, override: { '10.0.0.0/8': 5 } });
  });

  test('a test may expect that a field is absent, that the flow is dropped, or that it becomes several documents', () => {
    const record = 'record: { protocol: ipfix, exporter: "2001:db8::1", fields: { octetDeltaCount: null } }';
    const { tests } = read(
      withLines(
        'tests:',
        `  - { name: a, ${record}, expect: { flow.bytes: null } }`,
        `  - { name: b, ${record}, expect: dropped }`,
        `  - { name: c, ${record}, expect: [ { flow.bytes: 1 }, { flow.bytes: 2 } ] }`,
      ),
    );
    expect(tests.map(({ expect }) => expect.map(({ fields }) => fields))).toEqual([
      [{ 'flow.bytes': null }],
      [],
      [{ 'flow.bytes': 1 }, { 'flow.bytes': 2 }],
    ]);
    expect(tests[0]?.record.fields).toEqual({ octetDeltaCount: null });
  });
});

describe('variables', () => {
  test(`take the place of \${NAME}, or else the default; $$ is a dollar sign`, () => {
    const state = (text: string, environment = {}) => read(withLines(`state: "${text}"`), environment).state.directory;
    expect(state(`/var/\${WHO}/\${WHAT:state}`, { WHO: 'weir' })).toBe('/var/weir/state');
    expect(state(`\${A:}x\${B:http://h:1}`, { A: 'set' })).toBe('setxhttp://h:1');
    expect(state(`$\${A} costs 5$`)).toBe(`\${A} costs 5$`);
  });

  test('cannot change the structure of the file, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (held) => {
        const lines = ['nodes: http://es:9200', `username: \${X}`, `password: "\${X}"`];
        const file = read(`name: flow\nsteps: []\nindex:\n  elasticsearch:\n    ${lines.join('\n    ')}\n`, {
          X: held,
        });
        expect(file.index.elasticsearch).toMatchObject({ username: held, password: held });
      }),
    );
  });

  test('are numbers and booleans where the setting wants one, texts elsewhere', () => {
    const file = read(`name: "\${N}"\nsteps: [ { sampling: { default: "\${N}" } } ]\nbatch: { records: "\${N}" }\n`, {
      N: '512',
    });
    expect(file.name).toBe('512');
    expect(file.batch.maxRecords).toBe(512);
    expect(file.steps[0]?.options).toEqual({ default: 512 });
  });

  test('leave out what they make empty: list entries and settings', () => {
    const file = read(withLines(`listen: [ "\${A:}", "udp://[::]:1" ]`, `state: "\${A:}"`, `batch: { age: "\${A:}" }`));
    expect(file.listen).toHaveLength(1);
    expect(file.state.directory).toBe('./state');
    expect(file.batch.maxAgeMs).toBe(200);
  });

  test('are known by the environment only, not by what every object has', () => {
    expect(mistakesOf(withLines(`state: "\${constructor}"`))).toEqual([
      `3:9 the environment variable constructor is not set and has no default; set it, or write \${constructor:default}`,
    ]);
  });
});

const allKeys = 'name, listen, collect, decode, batch, queue, state, telemetry, steps, index, kibana, tests';
const allSteps = 'sampling, geoip, asn, drop, server, services, locality';

const wrongFiles: readonly [
  title: string,
  text: string,
  mistakes: readonly string[],
  environment?: Record<string, string>,
][] = [
  ['an empty file', '', ['1:1 the file is empty; the shortest pipeline is "name: flow" and "steps: []"']],
  ['comments only', '# nothing\n', ['1:1 the file is empty; the shortest pipeline is "name: flow" and "steps: []"']],
  ['a program', '\x7fELF\0\0\n\0: \0', ['1:1 the file is no text: is it a pipeline file?']],
  ['a list', '- geoip\n', ['1:1 expected a mapping with the keys name, steps, …, got a list']],
  ['a word', 'flow', ['1:1 expected a mapping with the keys name, steps, …, got "flow"']],
  [
    'no name and no steps',
    'state: x\n',
    [
      '1:1 name is missing: expected a name',
      '1:1 steps is missing: expected the list of steps, such as "- sampling: {}"',
    ],
  ],
  [
    'an unknown step',
    'name: flow\nsteps:\n  - sampling: {}\n  - geoipp: {}\n',
    ['4:5 unknown step "geoipp"; did you mean "geoip"?'],
  ],
  [
    'a step of another world',
    'name: flow\nsteps: [ grok ]\n',
    [`2:10 unknown step "grok"; the steps are: ${allSteps}`],
  ],
  [
    'two steps in one list item',
    'name: flow\nsteps:\n  - geoip:\n    asn:\n',
    ['3:5 one step per list item: put "asn" behind a "-" of its own, or indent it as an option of "geoip"'],
  ],
  [
    'steps that are no list',
    'name: flow\nsteps: { geoip: {} }\n',
    ['2:8 steps: expected the list of steps, such as "- sampling: {}", got a mapping'],
  ],
  [
    'a step that is a number',
    'name: flow\nsteps: [ 5 ]\n',
    ['2:10 steps: expected a step: its name, or "name: { options }", got 5'],
  ],
  ['an unknown key', withLines('listn: x'), ['3:1 unknown key "listn"; did you mean "listen"?']],
  ['a key that is near none', withLines('monitoring: x'), [`3:1 unknown key "monitoring"; the keys are: ${allKeys}`]],
  [
    'an unknown key further in, in another case',
    withLines('index: { elasticsearch: { nodes: [], apiKey: x } }'),
    ['3:38 unknown key "apiKey" in index.elasticsearch; did you mean "api_key"?'],
  ],
  [
    'an unknown key of a step',
    'name: flow\nsteps:\n  - sampling:\n      ovrride: 5\n',
    ['4:7 unknown key "ovrride" in sampling; did you mean "override"?'],
  ],
  ['__proto__ as a key', withLines('__proto__: { x: 1 }'), ['3:1 the key "__proto__" can not be used']],
  [
    '__proto__ as a key of a map',
    'name: flow\nsteps:\n  - sampling: { default: { __proto__: 5 } }\n',
    ['3:28 the key "__proto__" can not be used'],
  ],
  [
    'wrong types of step options, each at its place',
    'name: flow\nsteps:\n  - sampling: { default: yes }\n  - geoip:\n      database: 5\n      cache: -1\n',
    [
      '3:26 sampling.default: expected a number or a mapping, got "yes"',
      '5:17 geoip.database: expected a text, got 5',
      '6:14 geoip.cache: expected at least 0, got -1',
    ],
  ],
  [
    'a wrong network in a map from subnet to value',
    'name: flow\nsteps:\n  - sampling:\n      default:\n        10.0.0.0-8: 1000\n',
    ['5:9 sampling.default: expected a network such as "10.0.0.0/8", got "10.0.0.0-8"'],
  ],
  ['a missing step option', 'name: flow\nsteps: [ drop ]\n', ['2:10 drop.when is missing: expected a mapping']],
  [
    'wrong sizes, durations and counts',
    withLines(
      'collect: { receive_buffer: 1 }',
      'batch: { records: many, bytes: 3XB, age: 5 }',
      'queue: { memory: 1MiB }',
    ),
    [
      '3:28 collect.receive_buffer: expected a size from 64KiB to 1GiB, got 1',
      '4:19 batch.records: expected a whole number from 1 to 100000, got "many"',
      '4:32 batch.bytes: expected a size such as "64MiB" (KB, MB, GB, TB, KiB, MiB, GiB, TiB), got "3XB"',
      '4:42 batch.age: expected a duration with its unit, such as "200ms", got 5',
    ],
  ],
  [
    'a duration out of bounds',
    withLines('batch: { age: 2h }'),
    ['3:15 batch.age: expected a duration from 1ms to 1m, got "2h"'],
  ],
  [
    'wrong addresses to listen on',
    withLines(
      'listen:',
      '  - udp://localhost:2055',
      '  - sctp://0.0.0.0:4739',
      '  - udp://0.0.0.0',
      '  - udp://0.0.0.0:65536',
      '  - udp://::1:2055',
      '  - 2055',
      '  - udp://300.0.0.1:2055',
    ),
    [
      '4:5 listen: expected an IP address before the port ("0.0.0.0" or "[::]" for all), got "udp://localhost:2055"',
      '5:5 listen: expected "udp://…", or "tcp://…" or "tls://…" for IPFIX, got "sctp://0.0.0.0:4739"',
      '6:5 listen: the port is missing: expected an address such as "udp://0.0.0.0:2055" ("udp://0.0.0.0")',
      '7:5 listen: expected a port from 0 to 65535 (0: any free one), got "udp://0.0.0.0:65536"',
      '8:5 listen: expected an address such as "udp://0.0.0.0:2055" or "udp://[::]:2055", got "udp://::1:2055"',
      '9:5 listen: expected an address such as "udp://0.0.0.0:2055", got 2055',
      '10:5 listen: expected an IP address before the port ("0.0.0.0" or "[::]" for all), got "udp://300.0.0.1:2055"',
    ],
  ],
  [
    'an address twice',
    withLines('listen: [ "udp://[::]:1", "udp://[::]:1" ]'),
    ['3:27 listen: :: port 1 is in the list twice'],
  ],
  [
    'what contradicts itself, beside other mistakes in other sections',
    withLines(
      'listen: [ "udp://[::]:1", "udp://[::]:1" ]',
      'batch: { age: fast }',
      'queue: { memory: 1MiB }',
      'decode: { elements: [ nowhere.yml ] }',
      'index: { elasticsearch: { nodes: "http://es:9200", username: u } }',
      `telemetry: { http: "0.0.0.0:1", token: "\${UNSET}" }`,
      'tests: [ { name: t, record: { protocol: ipfix, exporter: 10.0.0.1, agent: 10.0.0.2, fields: {} }, expect: {} } ]',
    ),
    [
      '3:27 listen: :: port 1 is in the list twice',
      '4:15 batch.age: expected a duration such as "200ms" (ms, s, m, h, d), got "fast"',
      "6:23 decode.elements: can't read nowhere.yml: there is no such file",
      '7:25 index.elasticsearch: password is missing',
      `8:41 the environment variable UNSET is not set and has no default; set it, or write \${UNSET:default}`,
      '9:75 record.agent: only sflow5 has an agent in its header',
    ],
  ],
  [
    'a TCP port for two things',
    withLines(
      'listen: [ "udp://[::]:1", "tcp://[::]:1", "tls://[::]:1" ]',
      'collect: { tls: { certificate: a, key: b } }',
    ),
    ['3:43 listen: :: port 1 is in the list twice'],
  ],
  [
    'TLS without a certificate',
    withLines('listen: [ "udp://[::]:1", "tls://[::]:2" ]'),
    ['3:27 listen: tls:// needs collect.tls with certificate and key'],
  ],
  [
    'TLS with half of it',
    withLines('listen: "tls://[::]:2"', 'collect: { tls: { certificate: a, client_certificate: required } }'),
    [
      '4:17 collect.tls.key is missing: expected the path of a PEM file',
      '4:35 unknown key "client_certificate" in collect.tls; did you mean "client_certificates"?',
    ],
  ],
  [
    'client certificates that nobody has signed',
    withLines('collect: { tls: { certificate: a, key: b, client_certificates: optional } }'),
    ['3:64 collect.tls.client_certificates: needs client_ca, the authorities that sign them'],
  ],
  [
    'wrong subnets of exporters, and wrong limits',
    withLines(
      'collect:',
      '  exporters: { allow: [ 10.0.0.0/33, router1 ] }',
      '  tcp: { connections: 0, idle: 5ms, message: 10 }',
    ),
    [
      '4:25 collect.exporters.allow: expected a subnet such as "10.0.0.0/8", or an address, got "10.0.0.0/33"',
      '4:38 collect.exporters.allow: expected a subnet such as "10.0.0.0/8", or an address, got "router1"',
      '5:23 collect.tcp.connections: expected a whole number from 1 to 10000, got 0',
      '5:32 collect.tcp.idle: expected a duration from 1s to 7d, got "5ms"',
      '5:46 collect.tcp.message: expected a duration with its unit, such as "200ms", got 10',
    ],
  ],
  [
    'an allow-list that a variable made empty: it must not open the door, nor shut it for all',
    withLines(`collect: { exporters: { allow: [ "\${ALLOW:}" ] } }`),
    ['3:32 collect.exporters.allow: no subnet is left: nobody would be heard (without the key everybody is)'],
  ],
  ['nowhere to listen', withLines('listen: []'), ['3:9 listen: no address is left to listen on']],
  [
    'a queue that holds no batch',
    withLines('batch: { bytes: 2MiB }', 'queue: { memory: 1MiB }'),
    ['4:18 queue.memory: must hold a batch at least (batch.bytes is 2MiB)'],
  ],
  [
    'a wrong index name and a wrong choice',
    withLines('index: { name: "Flow-%{yyyy}", elasticsearch: { nodes: [ ftp://x ], product_check: strickt } }'),
    [
      '3:16 index.name: expected an index name in lower case such as "weir-flow-%{yyyy.MM.dd}" (yyyy, MM, dd), got "Flow-%{yyyy}"',
      '3:58 index.elasticsearch.nodes: expected a URL such as "http://localhost:9200" or "https://…", got "ftp://x"',
      '3:84 index.elasticsearch.product_check: expected "auto", "strict" or "off", got "strickt"; did you mean "strict"?',
    ],
  ],
  [
    'a user without a password, and two ways to sign in',
    withLines('index: { elasticsearch: { nodes: http://h, username: u } }'),
    ['3:25 index.elasticsearch: password is missing'],
  ],
  [
    'two ways to sign in',
    withLines('index: { elasticsearch: { nodes: http://h, username: u, password: p, api_key: k } }'),
    ['3:79 index.elasticsearch: give either api_key, or username and password, not both'],
  ],
  [
    'a wrong test',
    withLines('tests:', '  - record: { protocol: netflow6, exporter: router1, fields: [] }', '    expect: 5'),
    [
      '4:5 tests.name is missing: expected a sentence that says what is tested',
      '4:25 tests.record.protocol: expected "netflow5", "netflow9", "ipfix" or "sflow5", got "netflow6"; did you mean "netflow5"?',
      '4:45 tests.record.exporter: expected an IP address, got "router1"',
      '4:62 tests.record.fields: expected a mapping from information element to value, got a list',
      '5:13 tests.expect: expected a mapping from document field to value, a list of them, or the word "dropped", got 5',
    ],
  ],
  ['a duplicate key', 'name: a\nsteps: []\nname: b\n', ['3:1 the key "name" is here twice']],
  [
    'a duplicate key whose first value is empty',
    'name: a\nsteps: []\nstate:\nstate: x\n',
    ['4:1 the key "state" is here twice'],
  ],
  ['a key that is a list', withLines('[a]: b'), ['3:1 a key must be a word, not a list or a mapping']],
  [
    'variables that are not set or not written right, and nothing that follows from them',
    withLines(`listen: [ "\${NOWHERE}" ]`, `state: "x/\${1}"`, `queue: { memory: "\${UNFINISHED" }`),
    [
      `3:12 the environment variable NOWHERE is not set and has no default; set it, or write \${NOWHERE:default}`,
      `4:11 "\${1}" is no variable: write \${NAME} or \${NAME:default}, or $$ for a dollar sign`,
      `5:19 "\${UNFINISHED" is no variable: write \${NAME} or \${NAME:default}, or $$ for a dollar sign`,
    ],
  ],
  [
    'a variable that is not set in the place of the options of a step',
    `name: flow\nsteps:\n  - geoip: "\${NOWHERE}"\n`,
    [`3:13 the environment variable NOWHERE is not set and has no default; set it, or write \${NOWHERE:default}`],
  ],
  [
    'a variable that holds the wrong thing is named',
    withLines(`batch: { records: "\${RECORDS:10}" }`),
    [`3:19 batch.records: expected a whole number from 1 to 100000, got "lots" from \${RECORDS}`],
    { RECORDS: 'lots' },
  ],
  [
    'an alias of nothing',
    'name: flow\nsteps: *nothing\n',
    ['2:8 the alias *nothing stands for nothing: there is no &nothing before it'],
  ],
  [
    'an alias within itself',
    'name: flow\nsteps: &a [ *a ]\n',
    ['2:13 the alias *a stands for a value that contains it'],
  ],
];

describe('a file that is wrong', () => {
  test.each(wrongFiles)('%s', (_title, text, mistakes, environment) => {
    expect(mistakesOf(text, environment)).toEqual(mistakes);
  });

  test('tells syntax errors with their place', () => {
    expect(mistakesOf('name: flow\nsteps: [ geoip\n')[0]).toMatch(/^\d+:\d+ not YAML: Flow sequence/);
    expect(mistakesOf('name: flow\nsteps: []\nbatch:\n\tage: 5s\n')[0]).toMatch(/^4:1 not YAML: Tabs are not allowed/);
    // The rest of a line that the parser stumbled over is not told: it only follows.
    expect(mistakesOf('name: flow\nsteps: []}, x: y\n')).toEqual([expect.stringMatching(/^2:10 not YAML: Unexpected/)]);
    expect(mistakesOf('name: flow\nsteps: !insert steps.yml\n')).toEqual(['2:8 not YAML: Unresolved tag: !insert']);
    expect(mistakesOf('name: a\nsteps: []\n---\nname: b\n')).toEqual([
      '3:1 a pipeline file is one YAML document: "---" begins another',
    ]);
  });

  test('an alias bomb costs milliseconds, not memory', () => {
    const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [before, name] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi']) {
      lines.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`);
    }
    expect(mistakesOf(lines.join('\n')).filter((line) => line.includes('excessive aliases'))).toHaveLength(1);
  });

  test('more than fifty mistakes are counted, not listed', () => {
    const lines = mistakesOf(withLines(...Array.from({ length: 60 }, (_, index) => `key${index}: 1`)));
    expect(lines).toHaveLength(51);
    expect(lines[50]).toBe(' and 10 more');
  });

  test('a file above 1 MiB is refused unread', () => {
    expect(mistakesOf(`${'#'.repeat(2 ** 20)}\n`)).toEqual([
      '1:1 the file is larger than 1 MiB: is it a pipeline file?',
    ]);
  });

  test('secrets stay out of messages', () => {
    const { message } = errorOf(
      withLines('index: { elasticsearch: { nodes: "ftp://weir:hunter2@es", password: [ hunter2 ], api_key: 12345 } }'),
    );
    expect(message).not.toMatch(/hunter2|12345/);
  });

  test('the password of a Redis stays out of messages', () => {
    const { message } = errorOf(designExample, { REDIS_URL: 'redis://:hunter2@redis/nine' });
    expect(message).toContain('pipelines/flow.yml:3:17 queue.redis: expected the URL of a Redis');
    expect(message).not.toContain('hunter2');
  });
});

describe('queue on Redis', () => {
  const redisOf = (queue: string) => read(`name: a\nsteps: []\nqueue: ${queue}\n`).queue.redis;

  test('a URL alone says host, port, user, password, database and TLS', () => {
    expect(redisOf('{ redis: "rediss://me:p%40ss@r.example:7000/2", ca_file: ca.pem }')).toEqual({
      nodes: [{ host: 'r.example', port: 7000 }],
      mode: 'single',
      database: 2,
      username: 'me',
      password: 'p@ss',
      tls: true,
      caFile: expect.stringMatching(/\/ca\.pem$/),
      keyPrefix: 'weir',
      maxBytes: 2 ** 30,
      keepMs: 7 * 86_400_000,
    });
    expect(redisOf('{ redis: "redis://[::1]" }')).toMatchObject({ nodes: [{ host: '::1', port: 6379 }], tls: false });
    expect(redisOf('{ redis: "redis://u:%25%40%3A%2F%3F%23@h" }')).toMatchObject({ password: '%@:/?#' });
    expect(redisOf('{ redis: "rediss://h", certificate: c.pem, key: k.pem }')).toMatchObject({
      certificateFile: expect.stringMatching(/\/c\.pem$/),
      keyFile: expect.stringMatching(/\/k\.pem$/),
    });
    expect(redisOf('{ redis: "unix:///run/a%20b.sock", password: p }')).toMatchObject({
      nodes: [],
      socket: '/run/a b.sock',
      database: 0,
      password: 'p',
      tls: false,
    });
    expect(redisOf('{ redis: "" }')).toBeUndefined();
    expect(redisOf('{}')).toBeUndefined();
  });

  test('Sentinels and Cluster nodes are lists', () => {
    expect(redisOf('{ redis: [ "redis://a", "redis://b:1" ], mode: sentinel, master: m, password: p }')).toMatchObject({
      nodes: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 1 },
      ],
      mode: 'sentinel',
      master: 'm',
      password: 'p',
    });
    expect(redisOf('{ redis: [ "redis://a", "redis://b" ], mode: cluster, key_prefix: flows }')).toMatchObject({
      mode: 'cluster',
      keyPrefix: 'flows',
    });
  });

  test.each([
    ['{ redis: "http://a" }', '3:17 queue.redis: expected the URL of a Redis'],
    ['{ redis: "redis://a/b" }', '3:17 queue.redis: expected the URL of a Redis'],
    ['{ redis: [ "redis://a", "redis://b" ] }', '3:17 queue.redis: one URL only, unless mode is sentinel or cluster'],
    ['{ redis: [ "redis://a", "rediss://b" ], mode: cluster }', '3:17 queue.redis: all URLs must have the same scheme'],
    ['{ redis: "redis://a", mode: sentinel }', '3:36 queue.mode: sentinel needs the name of the master'],
    ['{ redis: "redis://a", master: m }', '3:38 queue.master: is of mode: sentinel only'],
    ['{ redis: "redis://a/1", mode: cluster }', '3:17 queue.redis: a Redis Cluster has database 0 only'],
    ['{ redis: "redis://a:b@c", password: d }', '3:17 queue.redis: give user and password either in the URL'],
    ['{ redis: "redis://c", username: d }', '3:40 queue.username: its password is missing'],
    ['{ redis: "redis://c", ca_file: d }', '3:39 queue.ca_file: is of rediss:// URLs only'],
    ['{ redis: "redis://u:50%@c" }', '3:17 queue.redis: expected the URL of a Redis'],
    ['{ redis: "unix://host/a.sock" }', '3:17 queue.redis: expected the URL of a Redis'],
    ['{ redis: "unix:///a.sock", mode: cluster }', '3:41 queue.mode: a Unix socket is of one Redis'],
    ['{ redis: "unix:///a.sock", ca_file: d }', '3:44 queue.ca_file: is of rediss:// URLs only'],
    ['{ redis: "rediss://c", certificate: d }', '3:44 queue.certificate: its key is missing'],
    ['{ redis: "rediss://c", key: d }', '3:36 queue.key: its certificate is missing'],
    ['{ redis: "redis://c", key_prefix: "{x}" }', '3:42 queue.key_prefix: expected letters, digits'],
    ['{ redis: "redis://c", mode: clustr }', '3:36 queue.mode: expected'],
  ])('%s is a mistake', (queue, message) => {
    expect(mistakesOf(`name: a\nsteps: []\nqueue: ${queue}\n`)).toEqual([expect.stringContaining(message)]);
  });
});

describe('whatever the text', () => {
  const outcome = (text: string): string => {
    try {
      read(text, { X: `\${X}: [&a *a` });
      return 'read';
    } catch (error) {
      return error instanceof WeirError ? error.code : `thrown: ${String(error)}`;
    }
  };

  const word = fc.constantFrom(
    ...[
      'name',
      'steps',
      'listen',
      'index',
      'tests',
      'batch',
      'geoip',
      'sampling',
      'default',
      'queue',
      '__proto__',
      'udp://[::]:1',
    ],
    ...[
      `\${X}`,
      `\${`,
      '$$',
      `\${X:1}`,
      '&a',
      '*a',
      '!!map',
      '!t',
      '|',
      '>',
      '<<',
      '? ',
      '%TAG',
      '---',
      '...',
      '"',
      "'",
      '#',
      '\t',
    ],
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      ': ',
      '- ',
      '\n',
      '\n  ',
      '\n- ',
      '\r\n',
      ' ',
      '\u0000',
      '\uFEFF',
      '0x10',
      '.inf',
      'null',
      '~',
      '5',
    ],
  );

  test('a file is read or refused with its mistakes, never anything else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(word, { maxLength: 60 }).map((words) => words.join('')),
        ),
        (text) => {
          expect(['read', 'pipeline-invalid', 'not-supported']).toContain(outcome(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a right file with any piece put in, taken out or repeated is read or refused likewise', () => {
    fc.assert(
      fc.property(fc.nat(designExample.length), fc.nat(40), fc.array(word, { maxLength: 4 }), (at, length, words) => {
        const text = designExample.slice(0, at) + words.join('') + designExample.slice(at + length);
        expect(['read', 'pipeline-invalid', 'not-supported']).toContain(outcome(text));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['deep lists', '['.repeat(200_000)],
    ['deep mappings', '{a: '.repeat(50_000)],
    ['deep indentation', Array.from({ length: 700 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['many keys', Array.from({ length: 40_000 }, (_, key) => `k${key}: ${key}`).join('\n')],
    ['many anchors', `steps: [${Array.from({ length: 20_000 }, (_, key) => `&a${key} x, *a${key}`).join(',')}]`],
    ['many variables', `state: "${`\${X:y}`.repeat(50_000)}"`],
    ['many unfinished variables', `state: "${'${'.repeat(200_000)}"`],
    ['a long key', `${'n'.repeat(500_000)}: x`],
    ['more mistakes than fit on a stack', `name: a\nsteps: []\ntests:\n${'- {}\n'.repeat(49_000)}`],
    ['more values than a pipeline has', `name: a\nsteps: []\ntests:\n${'- {}\n'.repeat(150_000)}`],
    ['many steps', `name: a\nsteps:\n${'- geoip\n'.repeat(20_000)}`],
  ])('%s end in bounded time', (_title, text) => {
    const startedAt = performance.now();
    expect(['read', 'pipeline-invalid']).toContain(outcome(text));
    // Far above what it takes (below 2 s each), far below what quadratic work would.
    expect(performance.now() - startedAt).toBeLessThan(60_000);
  });
});

describe('a text that costs more to parse than a pipeline file is worth', () => {
  const refused = (text: string) => errorOf(text).message;

  test.each([
    ['commas', ',', 'words and signs'],
    ['closing brackets', ']', 'words and signs'],
    ['quotes', '"" ', 'words and signs'],
    ['comments', '# a\n', 'more than 50000 lines'],
    ['empty lines', '\n', 'more than 50000 lines'],
    ['lines of one text', 'a b\n', 'more than 50000 lines'],
  ])('1 MiB of %s is refused before it is parsed', (_what, piece, reason) => {
    expect(refused(`x: [${piece.repeat(Math.floor((2 ** 20 - 10) / piece.length))}`)).toContain(reason);
  });

  test.each([
    ['lists', '['],
    ['mappings', '{'],
    ['keys with lists', 'x: ['],
    ['items', '- '],
    ['questions', '? '],
  ])('%s in each other to any depth end neither the stack nor the process', (_what, piece) => {
    const message = refused(piece.repeat(Math.floor(1_000_000 / piece.length)));
    expect(message).toMatch(/^pipelines\/flow\.yml:1:\d+ values lie in each other more than 100 deep$/);
  });

  test('deep indentation is refused where it gets too deep, with its line', () => {
    const lines = Array.from({ length: 200 }, (_, depth) => `${' '.repeat(depth)}a:`);
    expect(refused(lines.join('\n'))).toBe('pipelines/flow.yml:100:101 values lie in each other more than 100 deep');
  });

  test('what people write is not: many steps with comments, quotes and lists', () => {
    const step = '  # why\n  - sampling: { default: { "10.0.0.0/8": 1000, "::/0": [1] } } # "so"\n';
    expect(refused(`name: flow\nsteps:\n${step.repeat(5000)}`)).toContain('sampling.default');
  });
});
