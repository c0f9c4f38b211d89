// The schedule of rollups on a real Elasticsearch: it makes them, waits while there is other work, goes on after refusals, and lets go of
// its lease at the end; `weir prune` deletes those that are too old.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadPipelineFile } from '../../src/app/pipeline-source.ts';
import { prune } from '../../src/app/prune.ts';
import { createRollupSchedule, type RollupScheduleOptions } from '../../src/app/rollups.ts';
import { setup } from '../../src/app/setup.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { describeWith } from '../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch/index.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const patience = { timeout: 60_000, interval: 100 };

describeWith(['java', 'maven'], 'with an Elasticsearch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-rollups-'));
  const path = join(folder, 'pipeline.yml');
  let server: ElasticsearchServer;
  let proxy: FaultProxy;
  /** The flows are of the hour before the last. */
  const flowsMs = Math.floor(Date.now() / hourMs) * hourMs - 2 * hourMs;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    server = await startElasticsearch();
    proxy = await startFaultProxy(server.url);
  }, 300_000);
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    await fileOf('{ enabled: true }');
    await setup(path);
    const lines = Array.from({ length: 30 }, (_, n) => {
      const document = {
        '@timestamp': new Date(flowsMs + n * 60_000).toISOString(),
        flow: { client_hostname: `10.0.0.${n % 3}`, bytes: 100 + n, packets: 1 },
      };
      return `{"index":{}}\n${JSON.stringify(document)}\n`;
    });
    const { errors } = await bulk('weir-flow-2026.01.01', lines.join(''));
    expect(errors).toBe(false);
  });
  afterEach(async () => {
    proxy.always = undefined;
    for (const close of closers.splice(0)) await close();
    await server.ask('DELETE', '/weir-*');
  });

  async function bulk(index: string, body: string): Promise<{ readonly errors: boolean }> {
    const headers = { 'content-type': 'application/x-ndjson' };
    const response = await fetch(`${server.url}/${index}/_bulk?refresh=true`, { method: 'POST', headers, body });
    return (await response.json()) as { errors: boolean };
  }

  async function fileOf(rollups: string) {
    writeFileSync(
      path,
      `name: a\nsteps: []\nindex: { elasticsearch: { nodes: "${proxy.url}", rollups: ${rollups} } }\n`,
    );
    return loadPipelineFile(path);
  }

  async function scheduleOf(rollups: string, options: Partial<RollupScheduleOptions> = {}) {
    const file = await fileOf(rollups);
    const lines: string[] = [];
    const schedule = createRollupSchedule({
      file: () => file,
      isFree: () => true,
      logger: createLogger({ write: (line) => lines.push(line) }),
      now: Date.now,
      firstAfterMs: 1,
      everyMs: 2000,
      ...options,
    });
    closers.push(schedule.stop);
    schedule.start();
    return { schedule, lines };
  }

  async function totals(interval: '1m' | '1h'): Promise<number> {
    await server.ask('POST', '/_refresh');
    const body = {
      query: { bool: { filter: [{ term: { 'rollup.kind': 'total' } }] } },
      aggs: { bytes: { sum: { field: 'flow.bytes' } } },
    };
    const path = `/weir-rollup-${interval}-*/_search?size=0&ignore_unavailable=true`;
    const answer = await server.ask<{ aggregations?: { bytes: { value: number } } }>('POST', path, body);
    return answer.aggregations?.bytes.value ?? 0;
  }

  const bytes = Array.from({ length: 30 }, (_, n) => 100 + n).reduce((sum, each) => sum + each, 0);

  test('hours and minutes are made by themselves, and the lease is free after the end', async () => {
    const { schedule } = await scheduleOf('{ enabled: true }');
    await expect.poll(() => totals('1m'), patience).toBe(bytes);
    expect(await totals('1h')).toBe(bytes);
    expect(schedule.levels()?.made).toEqual(
      new Map([
        ['1m', 30],
        ['1h', 1],
      ]),
    );
    await schedule.stop();
    const lease = await server.ask<{ _source: { holder: string } }>('GET', '/weir-rollup-lease/_doc/weir-flow');
    expect(lease._source.holder).toBe('');
  }, 90_000);

  test('nothing is made, or asked, unless the file says so, or while documents wait for the server', async () => {
    proxy.seen.length = 0;
    await scheduleOf('{ enabled: false }');
    const { schedule } = await scheduleOf('{ enabled: true }', { isFree: () => false });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(schedule.levels()).toBeUndefined();
    expect(proxy.seen).toEqual([]);
  });

  test('while the server is busy one line says so, and afterwards everything is made', async () => {
    proxy.always = {
      status: 429,
      body: JSON.stringify({ error: { type: 'es_rejected', reason: 'busy' }, status: 429 }),
    };
    const { lines } = await scheduleOf('{ enabled: true }');
    await expect.poll(() => lines.length, patience).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(lines.filter((line) => line.includes('rollups wait to be made'))).toHaveLength(1);
    proxy.always = undefined;
    await expect.poll(() => totals('1m'), patience).toBe(bytes);
    expect(await totals('1h')).toBe(bytes);
  }, 150_000);

  test('without the template nothing is made, and the log says what to do', async () => {
    await server.ask('DELETE', '/_index_template/weir-rollup');
    const { lines } = await scheduleOf('{ enabled: true }');
    await expect.poll(() => lines.join(''), patience).toContain('the template weir-rollup is missing');
    expect(lines.join('')).toContain('weir setup');
    expect(await totals('1m')).toBe(0);
  }, 90_000);

  test('weir prune deletes rollups that are older than the file says, of weir’s making only', async () => {
    await fileOf('{ enabled: true, minutes: 2d, hours: 60d }');
    const named = (interval: '1m' | '1h', days: number) => {
      const day = new Date(Date.now() - days * dayMs).toISOString().slice(0, interval === '1m' ? 10 : 7);
      return `weir-rollup-${interval}-${day.replaceAll('-', '.')}`;
    };
    const kept = [named('1m', 1), named('1h', 32)];
    const old = [named('1m', 4), named('1h', 100)];
    for (const name of [...kept, ...old]) await server.ask('PUT', `/${name}`);
    await server.ask('DELETE', '/_index_template/weir-rollup');
    // Without the mark of weir.
    const strange = named('1m', 5);
    await server.ask('PUT', `/${strange}`);
    const namesOf = (lines: readonly string[], verb: string) =>
      lines.flatMap((line) => new RegExp(`^${verb} (weir-rollup[^:]*):`).exec(line)?.[1] ?? []).sort();
    const options = { olderThanMs: 3650 * dayMs };
    expect(namesOf(await prune(path, { ...options, dryRun: true }), 'would delete')).toEqual(old.toSorted());
    expect(namesOf(await prune(path, options), 'deleted')).toEqual(old.toSorted());
    const left = Object.keys(await server.ask<object>('GET', '/weir-rollup-*'));
    expect(left.sort()).toEqual([...kept, strange].sort());
  }, 60_000);
});
