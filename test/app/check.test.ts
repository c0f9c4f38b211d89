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
      environment: { ES_PASSWORD: 'secret' },
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
