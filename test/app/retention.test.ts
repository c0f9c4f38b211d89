// The schedule of `retention`: it looks, remembers the forecast, goes on after a server that was away, and ends at once.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { loadPipelineFile } from '../../src/app/pipeline-source.ts';
import { createRetentionSchedule, type RetentionScheduleOptions } from '../../src/app/retention.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 24, 12);
const folder = mkdtempSync(join(tmpdir(), 'weir-retention-'));
afterAll(() => rmSync(folder, { recursive: true }));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Answers as 7.10 does, of two days with 10 GB each, on a disk of 1 TB with 150 GB free; without lifecycle management. */
async function startServer() {
  const state = { isAway: true, hangs: false, deleted: [] as string[], looks: 0 };
  const names = ['weir-flow-2026.10.01', 'weir-flow-2026.11.24'];
  const created = [Date.UTC(2026, 9, 1), nowMs - dayMs];
  const of = (toValue: (at: number) => unknown) => Object.fromEntries(names.map((name, at) => [name, toValue(at)]));
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path.endsWith('/_mapping')) state.looks += 1;
    if (state.hangs) return;
    const answers: Readonly<Record<string, unknown>> = {
      '/weir-flow-*/_mapping': of(() => ({ mappings: { _meta: { weir: { template: 'weir-flow', version: 1 } } } })),
      '/weir-flow-*/_settings': of((at) => ({ settings: { index: { creation_date: `${created[at]}` } } })),
      '/weir-flow-*/_stats/store,segments': {
        indices: of(() => ({
          total: { store: { size_in_bytes: 10e9 } },
          primaries: { store: { size_in_bytes: 10e9 } },
        })),
      },
      '/_cat/allocation': [{ 'disk.avail': `${150e9}`, 'disk.total': `${1000e9}` }],
    };
    if (request.method === 'DELETE') state.deleted.push(path);
    const found = request.method === 'DELETE' ? { acknowledged: true } : answers[decodeURIComponent(path)];
    const status = state.isAway ? 503 : found === undefined ? 404 : 200;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? { error: 'x' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { state, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function scheduleOf(url: string, retention: string, options: Partial<RetentionScheduleOptions> = {}) {
  const path = join(folder, 'pipeline.yml');
  writeFileSync(path, `name: a\nsteps: []\nindex: { elasticsearch: { nodes: "${url}"${retention} } }\n`);
  const file = await loadPipelineFile(path);
  const lines: string[] = [];
  const schedule = createRetentionSchedule({
    file: () => file,
    isIdle: async () => true,
    logger: createLogger({ write: (line) => lines.push(line) }),
    now: () => nowMs,
    firstAfterMs: 1,
    // The shortest waits; `every` is at least a minute.
    random: () => 0,
    ...options,
  });
  closers.push(schedule.stop);
  return { schedule, lines };
}

test('a look deletes what is too old, and remembers the forecast', async () => {
  const { url, state } = await startServer();
  state.isAway = false;
  const { schedule } = await scheduleOf(url, ', retention: { keep: 30d, merge: false }');
  expect(schedule.forecast()).toBeUndefined();
  schedule.start();
  await expect
    .poll(() => schedule.forecast(), { timeout: 20_000 })
    .toEqual({
      // 10 GB in a day; 150 GB free, of which 5 % of 1 TB are behind the flood stage.
      bytes: 10e9,
      bytesPerDay: 10e9,
      freeBytes: 100e9,
      fullInDays: 10,
    });
  expect(state.deleted).toEqual(['/weir-flow-2026.10.01']);
});

test('a server that is away is a line in the log, no more', async () => {
  const { url } = await startServer();
  const { schedule, lines } = await scheduleOf(url, ', retention: { keep: 30d }');
  schedule.start();
  await expect.poll(() => lines.join(''), { timeout: 20_000 }).toContain('old indices could not be looked after');
  expect(lines.join('')).toContain('HTTP 503');
  expect(schedule.forecast()).toBeUndefined();
});

test('without "retention" nothing is asked and nothing deleted', async () => {
  const { url, state } = await startServer();
  state.isAway = false;
  const { schedule } = await scheduleOf(url, '');
  schedule.start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await schedule.stop();
  expect([state.looks, state.deleted]).toEqual([0, []]);
});

test('a stop in the middle of a look that hangs does not wait for it', async () => {
  const { url, state } = await startServer();
  state.isAway = false;
  state.hangs = true;
  const { schedule } = await scheduleOf(url, ', retention: { keep: 30d }');
  schedule.start();
  await expect.poll(() => state.looks, { timeout: 20_000 }).toBe(1);
  await schedule.stop();
  expect(state.deleted).toEqual([]);
});
