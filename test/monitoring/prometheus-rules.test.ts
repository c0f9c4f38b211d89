import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { measures } from '../../src/telemetry/measures.ts';
import { describeWith } from '../needs.ts';

const folder = fileURLToPath(new URL('../../monitoring/', import.meta.url));

test('every metric that a rule or a rule’s test names is one of weir', () => {
  const known = new Set(measures.map(({ name }) => name));
  for (const file of ['prometheus-rules.yml', 'prometheus-rules-test.yml']) {
    const named = readFileSync(`${folder}${file}`, 'utf8').match(/\bweir_\w+/g) ?? [];
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  }
});

describeWith(['promtool'], 'the alert rules', () => {
  test.each([
    ['Prometheus takes them', ['check', 'rules', 'prometheus-rules.yml']],
    ['each fires for its fault, and none when all is well', ['test', 'rules', 'prometheus-rules-test.yml']],
  ])('%s', (_, args) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
    expect({ status, output: stdout + stderr }).toMatchObject({ status: 0 });
  });
});
