import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rows, toGrafanaDashboard } from '../../scripts/generate-grafana-dashboard.ts';
import { measures } from '../../src/telemetry/measures.ts';
import { describeWith } from '../needs.ts';

const queries = rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries));

test('the dashboard in monitoring/ is what its script makes', () => {
  const committed = readFileSync(new URL('../../monitoring/grafana-dashboard.json', import.meta.url), 'utf8');
  expect(committed).toBe(toGrafanaDashboard());
});

test('every metric in it is one that weir has, and counters are shown as rates', () => {
  const kinds = new Set(measures.map(({ name }) => name));
  for (const { expr } of queries) {
    const named = expr.match(/\b(?:weir|process)_\w+/g) ?? [];
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => name.startsWith('weir_') && !kinds.has(name))).toEqual([]);
    for (const name of named.filter((counter) => counter.endsWith('_total'))) expect(expr).toContain(`rate(${name}{`);
  }
});

test('no two panels lie on each other', () => {
  const { panels } = JSON.parse(toGrafanaDashboard()) as {
    readonly panels: readonly { readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>> }[];
  };
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});

describeWith(['promtool'], 'the queries of the dashboard', () => {
  test('are PromQL', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-grafana-'));
    const rules = queries.map(({ expr }, i) => ({
      record: `query_${i}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    }));
    const file = join(folder, 'rules.yml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect({ status, output: stdout + stderr }).toMatchObject({ status: 0 });
  });
});
