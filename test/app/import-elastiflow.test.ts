// A folder of ElastiFlow becomes a pipeline file that weir accepts. The folders are made up here.

import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { check } from '../../src/app/check.ts';
import { readDictionary, readSettings } from '../../src/app/elastiflow-folder.ts';
import { elastiflowFiles, elastiflowVariables } from '../../src/app/elastiflow-settings.ts';
import { importElastiflow } from '../../src/app/import-elastiflow.ts';
import { type PipelineFile, readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-import-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function put(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

async function imported(files: Readonly<Record<string, string>>): Promise<{ text: string; file: PipelineFile }> {
  await put(files);
  const output = join(folder, 'pipeline.yml');
  expect(await importElastiflow(folder, { output })).toContain('weir check');
  const text = await readFile(output, 'utf8');
  return { text, file: readPipelineFile(text, { path: output, environment: {}, stepDefinitions: stepCatalog }) };
}

const optionsOf = ({ steps }: PipelineFile, name: string) => steps.find((step) => step.name === name)?.options;
const urlsOf = (text: string) => [...text.matchAll(/"((?:udp|tcp):[^"]+)"/g)].map((match) => match[1]);

describe('a pipeline file made of a folder of ElastiFlow', () => {
  it('has its defaults where nothing is set', async () => {
    const { text, file } = await imported({ 'README.md': 'ElastiFlow' });
    expect(urlsOf(text)).toEqual([
      'udp://0.0.0.0:2055',
      'udp://0.0.0.0:4739',
      'tcp://0.0.0.0:4739',
      'udp://0.0.0.0:6343',
    ]);
    expect(file.steps.map(({ name }) => name)).toEqual(['sampling', 'server', 'services', 'geoip', 'asn', 'locality']);
    expect(optionsOf(file, 'server')).toMatchObject({ method: 'elastiflow' });
    expect(file.collect.receiveBufferBytes).toBe(33_554_432);
    expect(file.index.elasticsearch?.nodes).toEqual(['http://127.0.0.1:9200']);
  });

  it.each([
    [
      'elastiflow.conf',
      '[Service]\nEnvironment="ELASTIFLOW_NETFLOW_IPV4_PORT=9995" "ELASTIFLOW_NETFLOW_IPV4_HOST=192.0.2.5"',
    ],
    ['elastiflow.sh', 'export ELASTIFLOW_NETFLOW_IPV4_PORT=9995\nexport ELASTIFLOW_NETFLOW_IPV4_HOST=192.0.2.5'],
    ['.env', "ELASTIFLOW_NETFLOW_IPV4_PORT='9995' # ours\nELASTIFLOW_NETFLOW_IPV4_HOST=192.0.2.5"],
    [
      'docker-compose.yml',
      'x:\n  environment:\n    ELASTIFLOW_NETFLOW_IPV4_PORT: 9995\n    ELASTIFLOW_NETFLOW_IPV4_HOST: "192.0.2.5"',
    ],
    [
      'compose.yaml',
      'x:\n  environment:\n    - ELASTIFLOW_NETFLOW_IPV4_PORT=9995\n    - "ELASTIFLOW_NETFLOW_IPV4_HOST=192.0.2.5"',
    ],
  ])('takes the variables of %s, and says where they stand', async (name, content) => {
    const { text } = await imported({ [`etc/${name}`]: content });
    expect(text).toMatch(
      new RegExp(
        `- "udp://192\\.0\\.2\\.5:9995" # ELASTIFLOW_NETFLOW_IPV4_HOST, (etc/\\S+:\\d); ELASTIFLOW_NETFLOW_IPV4_PORT, etc/${name.replaceAll('.', '\\.')}:\\d\n`,
      ),
    );
  });

  it('listens as the files of the inputs say: IPv6 where it was switched on, nothing where all are off', async () => {
    const { text } = await imported({
      'conf.d/10_input_netflow_ipv4.logstash.conf.disabled': '',
      'conf.d/10_input_ipfix_ipv4.logstash.conf.disabled': '',
      'conf.d/10_input_sflow_ipv6.logstash.conf': '',
      'elastiflow.conf': 'Environment="ELASTIFLOW_SFLOW_IPV6_PORT=6344"',
    });
    expect(urlsOf(text)).toEqual(['udp://0.0.0.0:6343', 'udp://[::]:6344']);
  });

  it('takes over sampling intervals, and names the lines that are none', async () => {
    const { text, file } = await imported({
      'dictionaries/sampling_interval.yml':
        '"192.0.2.1": 1024\n"2001:db8::1": 512\n"router": 10\n"192.0.2.3": many\n- x\n',
    });
    expect(optionsOf(file, 'sampling')).toEqual({ default: { '192.0.2.1': 1024, '2001:db8::1': 512 } });
    expect(text).toContain('# dictionaries/sampling_interval.yml: not taken over, line 5, 3, 4');
  });

  it('names the dictionaries, definitions and databases that steps read', async () => {
    await put({
      'dictionaries/ifName.yml': '"192.0.2.11::ifName.2": "eth0"\n',
      'dictionaries/app_id.yml': '"fortinet__0..10": "Skype"\n',
      'user_settings/app_id.srctype.yml': '"192.0.2.2": "fortinet"\n',
      'definitions/ipfix.yml': '4242:\n  7:\n  - :string\n  - :acme_rule\n',
    });
    const output = join(folder, 'pipeline.yml');
    await importElastiflow(folder, { output });
    const text = await readFile(output, 'utf8');
    expect(text).toContain('ipfix_definitions: "definitions/ipfix.yml" # definitions/ipfix.yml');
    expect(text).toContain('- interfaces: { file: "dictionaries/ifName.yml" }');
    expect(text).toContain(
      '- applications: { file: "dictionaries/app_id.yml", vendor_file: "user_settings/app_id.srctype.yml" }',
    );
    expect(await check(output)).toContain('0 tests passed');
  });

  it('leaves out what was switched off, and copies no secret', async () => {
    const { text, file } = await imported({
      'elastiflow.conf':
        'Environment="ELASTIFLOW_GEOIP_LOOKUP=false"\nEnvironment="ELASTIFLOW_ASN_LOOKUP=False"\nEnvironment="ELASTIFLOW_ES_PASSWD=s3cr3t"\n' +
        'Environment="ELASTIFLOW_ES_HOST=es.example:9200"\nEnvironment="ELASTIFLOW_ES_SSL_ENABLE=true"\n',
    });
    expect(file.steps.map(({ name }) => name)).toEqual(['sampling', 'server', 'services', 'locality']);
    expect(text).toContain('# no geoip: ELASTIFLOW_GEOIP_LOOKUP, elastiflow.conf:1');
    expect(text).not.toContain('s3cr3t');
    expect(file.index.elasticsearch?.nodes).toEqual(['https://es.example:9200']);
  });

  it('asks name servers as ElastiFlow did', async () => {
    const { text, file } = await imported({
      '.env':
        'ELASTIFLOW_RESOLVE_IP2HOST=exporters\nELASTIFLOW_NAMESERVER=192.0.2.53\nELASTIFLOW_DNS_HIT_CACHE_TTL=1800\nELASTIFLOW_DNS_FAILED_CACHE_SIZE=75000',
    });
    expect(text).toContain('- hostname: { of: "exporters", nameserver: "192.0.2.53", found_age: "1800s" }');
    expect(optionsOf(file, 'hostname')).toMatchObject({ found_age: 1_800_000, failed_entries: 75_000 });
  });

  it('labels addresses by its list, but for those that it allows', async () => {
    await put({
      'dictionaries/ip_rep_basic.yml': '"192.0.2.66": "scanner,botnet"\n',
      'dictionaries/ip_rep_whitelist.yml': '"8.8.8.8": "true"\n',
    });
    const output = join(folder, 'pipeline.yml');
    await importElastiflow(folder, { output });
    expect(await readFile(output, 'utf8')).toContain(
      '- reputation: { lists: ["dictionaries/ip_rep_basic.yml"], allow_file: "dictionaries/ip_rep_whitelist.yml" }',
    );
    expect(await check(output)).toContain('0 tests passed');
  });

  it('sends to several nodes where that output was switched on', async () => {
    const { file } = await imported({
      'conf.d/30_output_20_multi.logstash.conf': '',
      '.env':
        'ELASTIFLOW_ES_HOST_1=a.example:9200\nELASTIFLOW_ES_HOST_2=b.example:9200\nELASTIFLOW_ES_HOST_3=c.example:9200',
    });
    expect(file.index.elasticsearch?.nodes).toEqual([
      'http://a.example:9200',
      'http://b.example:9200',
      'http://c.example:9200',
    ]);
  });

  it('says what has no counterpart, what it does not know, and what was set twice', async () => {
    const { text } = await imported({
      'a.env': 'ELASTIFLOW_NETFLOW_UDP_WORKERS=8\nELASTIFLOW_FUTURE=1\nELASTIFLOW_SFLOW_IPV4_PORT=7000',
      'b.env': 'ELASTIFLOW_SFLOW_IPV4_PORT=7001',
      'dictionaries/iana_service_names_tcp.yml': '"443": "https"\n',
    });
    expect(text).toContain('#   ELASTIFLOW_NETFLOW_UDP_WORKERS=8 (a.env:1): one process');
    expect(text).toContain('#   ELASTIFLOW_FUTURE (a.env:2): weir does not know this variable');
    expect(text).toContain('#   dictionaries/iana_service_names_tcp.yml: weir has');
    expect(text).toContain('#   ELASTIFLOW_SFLOW_IPV4_PORT, a.env:3');
    expect(urlsOf(text)).toContain('udp://0.0.0.0:7001');
  });

  it('says which of two files of the same name it takes', async () => {
    const { text } = await imported({
      'dictionaries/ifName.yml': '"192.0.2.1::ifName.2": "eth0"\n',
      'user_settings/ifName.yml': '"192.0.2.1::ifName.2": "eth1"\n',
    });
    expect(text).toMatch(/file: .*dictionaries\/ifName\.yml/);
    expect(text).toContain(
      '# In more than one folder; the first in order of names counts. Not taken:\n#   user_settings/ifName.yml',
    );
  });

  it('takes files that are links, as those of a ConfigMap; what leads nowhere, or is a pipe, is passed over', async () => {
    await put({
      '..2026/ifName.yml': '"192.0.2.11::ifName.2": "eth0"\n',
      '..2026/a.env': 'ELASTIFLOW_OUI_LOOKUP=true\n',
    });
    await symlink('..2026', join(folder, '..data'));
    await symlink('..data/ifName.yml', join(folder, 'ifName.yml'));
    await symlink('..data/a.env', join(folder, 'a.env'));
    await symlink('nowhere', join(folder, 'app_id.yml'));
    await symlink('.', join(folder, 'round'));
    execFileSync('mkfifo', [join(folder, 'elastiflow.conf'), join(folder, 'ip_rep_basic.yml')]);
    const { file } = await imported({});
    expect(optionsOf(file, 'interfaces')).toMatchObject({ file: ['ifName.yml'] });
    expect(optionsOf(file, 'oui')).toEqual({});
    expect(file.steps.map(({ name }) => name)).not.toContain('reputation');
    expect(file.steps.map(({ name }) => name)).not.toContain('applications');
  });

  it('names every variable and every file of a full folder, and passes weir check', async () => {
    const special: Readonly<Record<string, string>> = {
      ES_PASSWD: 'pa ss#w0rd',
      DEFAULT_APPID_SRCTYPE: 'fortinet',
      RESOLVE_IP2HOST: 'endpoints',
      NAMESERVER: '192.0.2.53',
      DNS_HIT_CACHE_SIZE: '20000',
      NETFLOW_TZ: '',
      AGENT_ID: 'no. 7 # ours',
    };
    const environment = elastiflowVariables.map(
      ({ name, preset }) => `Environment="ELASTIFLOW_${name}=${special[name] ?? preset}"`,
    );
    const dictionaries: Readonly<Record<string, string>> = {
      'ifName.yml': '"192.0.2.11::ifName.2": "eth0 # uplink"\r\n\'192.0.2.11::ifName.3\': "Gi0/3 \\"core\\""\r\n',
      'sampling_interval.yml': '"192.0.2.1": 1024\r\n"2001:db8::1": "2048"\r\n',
      'app_id.srctype.yml': '"192.0.2.2": "fortinet"\r\n"192.0.2.3": "cisco_nbar2"\r\n',
      'app_id.yml': '"fortinet__0..10": "Skype"\r\n"cisco_nbar2__13..453": "SSL"\r\n',
      'applications.yml': '"192.0.2.2:9092": "kafka"\r\n',
      'ip_rep_basic.yml': '"192.0.2.66": "scanner,botnet"\r\n',
      'ip_rep_whitelist.yml': '"8.8.8.8": "true"\r\n',
    };
    const definitions: Readonly<Record<string, string>> = {
      'ipfix.yml': '4242:\r\n  7:\r\n  - :string\r\n  - :acme_rule\r\n',
      'netflow.yml': '40010:\r\n- :uint32\r\n- :acme_user\r\n',
      'netflow_riverbed.yml': '40011:\r\n- :uint32\r\n- :acme_other\r\n',
    };
    const mapping = Object.fromEntries(
      elastiflowFiles
        .filter(({ name }) => name.endsWith('.yml') && !(name in dictionaries) && !(name in definitions))
        .map(({ name }) => [`dictionaries/${name}`, '"1": "one"\r\n']),
    );
    await put({
      'elastiflow.conf': `[Service]\r\n${environment.join('\r\n')}\r\n`,
      ...mapping,
      ...Object.fromEntries(Object.entries(dictionaries).map(([name, text]) => [`dictionaries/${name}`, text])),
      ...Object.fromEntries(Object.entries(definitions).map(([name, text]) => [`definitions/${name}`, text])),
    });
    const output = join(folder, 'pipeline.yml');
    await importElastiflow(folder, { output });
    const text = await readFile(output, 'utf8');
    expect(await check(output)).toContain('0 tests passed');
    const comments = text
      .split('\n')
      .map((line) => line.slice(line.indexOf('#')))
      .join('\n');
    const places = elastiflowVariables.map(
      ({ name }, index) => new RegExp(`ELASTIFLOW_${name}(?:, |=.* \\(| \\()elastiflow\\.conf:${index + 2}\\b`),
    );
    expect(places.filter((place) => !place.test(comments)).map(({ source }) => source)).toEqual([]);
    const paths = elastiflowFiles
      .filter(({ name }) => name.endsWith('.yml'))
      .map(({ name }) => `${name in definitions ? 'definitions' : 'dictionaries'}/${name}`);
    expect(paths.filter((path) => !comments.includes(path))).toEqual([]);
    expect(text).not.toContain('pa ss');
  });

  it('is valid whatever the values are', async () => {
    const { text } = await imported({
      '.env':
        'ELASTIFLOW_NETFLOW_IPV4_PORT=99999\nELASTIFLOW_SFLOW_IPV4_HOST="x: [y"\nELASTIFLOW_ES_HOST="http://[bad"\n' +
        'ELASTIFLOW_IPFIX_UDP_RCV_BUFF=1\nELASTIFLOW_NETFLOW_UDP_RCV_BUFF=-1\nELASTIFLOW_SFLOW_UDP_RCV_BUFF=x\nELASTIFLOW_RESOLVE_IP2HOST=true\nELASTIFLOW_NAMESERVER="$(reboot)"\n',
    });
    expect(urlsOf(text)).toEqual(['udp://0.0.0.0:4739', 'tcp://0.0.0.0:4739']);
    expect(text).toContain('# NETFLOW_IPV4: 0.0.0.0 port 99999 is no address and port');
    expect(text).toContain('receive_buffer: "64KiB"');
  });

  it('is not written over a file that is there', async () => {
    await put({ 'pipeline.yml': 'mine' });
    await expect(importElastiflow(folder, { output: join(folder, 'pipeline.yml') })).rejects.toThrow('there already');
    expect(await readFile(join(folder, 'pipeline.yml'), 'utf8')).toBe('mine');
  });

  it('is not made of a folder that is not there, or a file', async () => {
    await put({ file: '' });
    await expect(importElastiflow(join(folder, 'no'), { output: undefined })).rejects.toThrow('no such folder');
    await expect(importElastiflow(join(folder, 'file'), { output: undefined })).rejects.toThrow('it is a file');
  });
});

describe('settings in a text', () => {
  it.each([
    ['a comment', '# ELASTIFLOW_A=1', []],
    ['a use in a Logstash file', `host => "\${ELASTIFLOW_A:0.0.0.0}"`, []],
    ['an empty value', 'ELASTIFLOW_A=', [['A', '']]],
    ['a value with blanks and a colon', 'Environment="ELASTIFLOW_A=x: y z"', [['A', 'x: y z']]],
    ['a value with a sign that begins comments elsewhere', 'ELASTIFLOW_A=a#b # c', [['A', 'a#b']]],
    ['a comment in place of a value', 'ELASTIFLOW_A= # ELASTIFLOW', [['A', '']]],
    ['a part of another name', 'MY_ELASTIFLOW_A=1', []],
    ['blanks without quotes', 'ELASTIFLOW_A=My cluster  # ours', [['A', 'My cluster']]],
    ['blanks without quotes in YAML', '  ELASTIFLOW_A: My cluster # ours', [['A', 'My cluster']]],
    ['blanks in an item of a list', '  - ELASTIFLOW_A=My cluster', [['A', 'My cluster']]],
    ['blanks in quotes, and a comment', 'ELASTIFLOW_A="My  cluster" # ours', [['A', 'My  cluster']]],
    ['a sign of a comment within a value', 'ELASTIFLOW_A=a#b', [['A', 'a#b']]],
    ['a quote within a value', "ELASTIFLOW_A=it's ours", [['A', "it's ours"]]],
    ['an equals sign within a value', 'ELASTIFLOW_A=user=me', [['A', 'user=me']]],
    ['what a shell does behind it', 'export ELASTIFLOW_A=1; echo done', [['A', '1']]],
    [
      'several in a line of a shell',
      'export ELASTIFLOW_A=1 ELASTIFLOW_B=2',
      [
        ['A', '1'],
        ['B', '2'],
      ],
    ],
    [
      'several in a line of systemd',
      'Environment=ELASTIFLOW_A=1 ELASTIFLOW_B=2',
      [
        ['A', '1'],
        ['B', '2'],
      ],
    ],
    [
      'Windows line ends and a byte order mark',
      '\uFEFFELASTIFLOW_A=a b\r\nELASTIFLOW_B="c d"\r\n',
      [
        ['A', 'a b'],
        ['B', 'c d'],
      ],
    ],
    ['a tab', 'ELASTIFLOW_A=\ta\t# b', [['A', 'a']]],
  ])('%s', (_title, text, expected) => {
    expect(readSettings(text).map(({ variable, value }) => [variable, value])).toEqual(expected);
  });
});

test('a dictionary may have quotes of either kind, none, comments and Windows line ends', () => {
  const text = '---\r\n"a::b.1": "x # y"\r\n\'c\': z # remark\r\nd: 12\r\n# e: f\r\n\r\nbroken\r\n';
  expect(readDictionary(text)).toEqual({
    entries: [
      { key: 'a::b.1', value: 'x # y', line: 2 },
      { key: 'c', value: 'z', line: 3 },
      { key: 'd', value: '12', line: 4 },
    ],
    wrongLines: [7],
  });
});

describe('docs/migrating.md', () => {
  const rows = async () =>
    (await readFile(new URL('../../docs/migrating.md', import.meta.url), 'utf8'))
      .split('\n')
      .filter((line) => line.startsWith('| `'));

  it('has one row for each variable and each file that weir import knows, and no other', async () => {
    const expected = [
      ...elastiflowVariables.map(
        ({ name, preset, becomes }) => `| \`ELASTIFLOW_${name}\` | \`${preset}\` | ${becomes} |`,
      ),
      ...elastiflowFiles.map(({ name, becomes }) => `| \`${name}\` | ${becomes} |`),
    ];
    expect(await rows()).toEqual(expected);
  });

  it('has all 50 variables of ElastiFlow 3.5 and the four of 4.0', () => {
    const names = elastiflowVariables.map(({ name }) => name);
    expect(new Set(names).size).toBe(54);
    expect(names.filter((name) => /_(?:HOST|PORT)$/.test(name) && !name.startsWith('ES_'))).toHaveLength(16);
  });
});
