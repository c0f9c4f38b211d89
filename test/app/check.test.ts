// The examples that users read are right: the shipped pipeline and the files shown in the documentation.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { check } from '../../src/app/check.ts';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { WeirError } from '../../src/model/errors.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('the shipped pipelines', () => {
  test.each(readdirSync(`${root}pipelines`).filter((name) => name.endsWith('.yml')))(
    '%s is right, and its tests pass',
    async (name) => {
      expect(await check(`${root}pipelines/${name}`)).toMatch(/: 6 steps, [3-9] tests passed$/);
    },
  );

  test('write files where ELASTICSEARCH_URL is not set, and go to Elasticsearch where it is', () => {
    const text = readFileSync(`${root}pipelines/flow.yml`, 'utf8');
    const read = (environment: Record<string, string>) =>
      readPipelineFile(text, { path: 'flow.yml', environment, stepDefinitions: stepCatalog }).index;
    expect(read({}).elasticsearch).toBeUndefined();
    expect(read({}).files.directory).toBe('./flows');
    expect(read({ ELASTICSEARCH_URL: 'http://es:9200' }).elasticsearch?.nodes).toEqual(['http://es:9200']);
  });
});

describe('the pipelines shown in the documentation', () => {
  // Whole files begin with a name; pieces are shown without one, and get the rest here.
  const shown = ['README.md', 'docs/pipelines.md', 'docs/operations.md'].flatMap((file) =>
    [...readFileSync(root + file, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => [file, match[1] ?? ''] as const,
    ),
  );

  test('are found', () => {
    expect(shown.length).toBeGreaterThanOrEqual(6);
  });

  test.each(shown)('in %s: %s', (_file, text) => {
    const name = text.includes('name: flow\n') ? '' : 'name: shown\n';
    const steps = /^steps:/m.test(text) ? '' : 'steps: []\n';
    const file = readPipelineFile(name + steps + text, {
      path: 'shown.yml',
      environment: { ES_PASSWORD: 'secret', WEIR_TOKEN: 'a-token-for-tests' },
      stepDefinitions: stepCatalog,
    });
    expect(file.name).toMatch(/flow|shown/);
  });
});

test('certificates are read, so that a mistake is told before weir runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-check-'));
  const file = join(folder, 'pipeline.yml');
  const lines = [
    'name: a',
    'steps: []',
    'listen: "tls://[::]:4740"',
    'collect: { tls: { certificate: c.pem, key: k.pem } }',
  ];
  writeFileSync(file, lines.join('\n'));
  await expect(check(file)).rejects.toMatchObject({ code: 'file-missing', message: expect.stringContaining('c.pem') });
  writeFileSync(join(folder, 'c.pem'), 'no certificate');
  await expect(check(file)).rejects.toMatchObject({ code: 'file-invalid', message: expect.stringContaining('c.pem') });
  rmSync(folder, { recursive: true });
});

test('a record that becomes several documents is compared with a list', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-check-'));
  const file = join(folder, 'pipeline.yml');
  const withExpectation = (expect: string): string =>
    [
      'name: a',
      'steps: [ split ]',
      'tests:',
      '  - name: two minutes',
      '    record:',
      '      protocol: ipfix',
      '      exporter: 10.0.0.1',
      '      fields:',
      '        flowStartMilliseconds: "2025-12-31T23:57:00Z"',
      '        flowEndMilliseconds: "2025-12-31T23:59:00Z"',
      '        octetDeltaCount: 100',
      `    expect: ${expect}`,
    ].join('\n');
  writeFileSync(file, withExpectation('[ { flow.bytes: 50 }, { flow.bytes: 50, flow.split_part: 2 } ]'));
  expect(await check(file)).toMatch(/: 1 step, 1 test passed$/);
  writeFileSync(file, withExpectation('[ { flow.bytes: 50 }, { flow.bytes: 49 } ]'));
  await expect(check(file)).rejects.toThrow(
    /pipeline\.yml:12:37 test "two minutes": document 2: flow\.bytes: expected 49, got 50/,
  );
  writeFileSync(file, withExpectation('{ flow.bytes: 100 }'));
  await expect(check(file)).rejects.toThrow('expected a document, got 2: a list has one mapping for each');
  writeFileSync(file, withExpectation('dropped'));
  await expect(check(file)).rejects.toThrow('expected no document, got 2: no step drops it');
  rmSync(folder, { recursive: true });
});

test('a pipeline that is not there is a WeirError', async () => {
  await expect(check(`${root}pipelines/nowhere.yml`)).rejects.toThrow(WeirError);
});

describe('tests of a pipeline', () => {
  test.each([
    ['the domain', 'sflow5', 'domain: 7, agent: 192.0.2.77', {}, 'sflow.sub_agent_id', 7],
    [
      'when it was received',
      'sflow5',
      'received_at: "2026-05-01T10:00:00Z"',
      {},
      '@timestamp',
      '"2026-05-01T10:00:00.000Z"',
    ],
    [
      'when it was exported',
      'ipfix',
      'exported_at: "2026-05-01T10:00:00Z"',
      {},
      '@timestamp',
      '"2026-05-01T10:00:00.000Z"',
    ],
    ['the sequence number', 'netflow9', 'sequence: 9', {}, 'netflow.flow_seq_num', 9],
    ['the sampling interval of a v5 header', 'netflow5', 'sampling_interval: 100', {}, 'flow.sampling_interval', 100],
    ['the sampling interval of options', 'ipfix', 'sampling_interval: 100', {}, 'flow.sampling_source', 'options'],
    [
      'names that options told',
      'ipfix',
      'domain: 0',
      { ingressInterface: 7, 'weir.ingressInterfaceName': 'Gi0/7' },
      'flow.input_ifname',
      'Gi0/7',
    ],
    ['the agent of sFlow', 'sflow5', 'agent: 192.0.2.77', {}, 'node.ipaddr', '192.0.2.77'],
  ])('may say %s', async (_what, protocol, header, fields, path, expected) => {
    const record = `{ protocol: ${protocol}, exporter: 192.0.2.1, ${header}, fields: ${JSON.stringify(fields)} }`;
    const text = `name: flow\nsteps: []\ntests:\n  - { name: it, record: ${record}, expect: { "${path}": ${expected} } }\n`;
    expect(await checkText(text)).toContain('1 test passed');
  });

  test('an agent is of sFlow alone, and a moment is a time', async () => {
    const record = 'record: { protocol: ipfix, exporter: 192.0.2.1, agent: 192.0.2.2, fields: {} }, expect: dropped';
    await expect(checkText(`name: flow\nsteps: []\ntests: [{ name: it, ${record} }]\n`)).rejects.toThrow(
      'record.agent: only sflow5 has an agent',
    );
    const soon = 'record: { protocol: ipfix, exporter: 192.0.2.1, received_at: soon, fields: {} }, expect: dropped';
    await expect(checkText(`name: flow\nsteps: []\ntests: [{ name: it, ${soon} }]\n`)).rejects.toThrow(
      'expected a time such as "2026-01-01T00:00:00Z"',
    );
  });
});

test('each wrong line of a list is named, and the good ones are used', async () => {
  const wrong = Array.from({ length: 12 }, (_, index) => `eth${index}: x`).map((line) => `  ${line}`);
  const lines = ['192.0.2.1:', '  2: uplink', ...wrong].join('\n');
  const record = 'record: { protocol: ipfix, exporter: 192.0.2.1, fields: { ingressInterface: 2 } }';
  const text = (name: string) =>
    `name: flow\nsteps: [{ interfaces: { file: names.yml } }]\ntests: [{ name: it, ${record}, expect: { flow.input_ifname: ${name} } }]\n`;
  const said = (await checkText(text('uplink'), { 'names.yml': lines })).split('\n');
  expect(said.slice(0, 12)).toEqual(
    wrong.map((_, index) =>
      expect.stringMatching(`^warning: names.yml:${index + 3} expected an interface number, 0 to 4294967295, got "eth`),
    ),
  );
  expect(said.at(-1)).toContain('1 test passed');
  // Where a test fails they stand before it: they may be why.
  await expect(checkText(text('other'), { 'names.yml': lines })).rejects.toThrow(
    /^warning: names\.yml:3 [\s\S]*expected "other", got "uplink"/,
  );
});

test('a condition on what only a template types says why it can not be', async () => {
  await expect(checkText('name: flow\nsteps: [{ drop: { when: "ipfix.observation_time > 5" } }]\n')).rejects.toThrow(
    /:2:26 drop\.when: the field "ipfix\.observation_time" is the record's own, without a type: steps can remove it, not read it/,
  );
});

/** `files`: what lies beside it. */
test('all wrong fields of a record are told, each at its place', async () => {
  const record =
    'record: { protocol: ipfix, exporter: 10.0.0.1, fields: { sourceIPv4Address: 10.0.0.300, vlanId: x, vlanID: 5 } }';
  await expect(
    checkText(`name: a\nsteps: []\ntests:\n  - name: t\n    ${record}\n    expect: { flow.vlan: 5 }\n`),
  ).rejects.toThrow(
    /:5:62 test "t": field "sourceIPv4Address": expected an IPv4 address, got "10\.0\.0\.300"\n.*:5:93 .*"vlanId": expected a number.*\n.*:5:104 .*"vlanID": no information element/,
  );
});

async function checkText(text: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-check-'));
  try {
    for (const [name, content] of Object.entries({ ...files, 'pipeline.yml': text })) {
      writeFileSync(join(folder, name), content);
    }
    return await check(join(folder, 'pipeline.yml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
