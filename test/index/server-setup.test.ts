// `weir setup`, `weir prune` and what they stand on, on real Elasticsearch 7: legacy templates (7.3), composable ones (7.10, 7.17).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { prune } from '../../src/app/prune.ts';
import { setup } from '../../src/app/setup.ts';
import { createBulkWriter } from '../../src/index/bulk-writer.ts';
import { createElasticsearchClient, type ElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { createIndexLayout } from '../../src/index/index-layout.ts';
import { createIndexSeries, nextStart, seriesIndex } from '../../src/index/index-series.ts';
import { createRetention } from '../../src/index/retention.ts';
import { createServerSetup, type ServerSetupOptions } from '../../src/index/server-setup.ts';
import type { Sink } from '../../src/index/sink.ts';
import { createLogger, silentLogger } from '../../src/telemetry/logger.ts';
import { describeWith } from '../needs.ts';
import {
  type ElasticsearchServer,
  type ElasticsearchVersion,
  startElasticsearch,
} from '../servers/elasticsearch/index.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { flowBatch } from './document-batches.ts';

const never = new AbortController().signal;
const dayMs = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'weir-setup-'));
afterAll(() => rmSync(folder, { recursive: true }));

function dayName(daysAgo: number): string {
  return new Date(Date.now() - daysAgo * dayMs).toISOString().slice(0, 10).replaceAll('-', '.');
}

const flow = { '@timestamp': '2026-11-24T12:00:00Z', flow: { src_addr: '10.0.0.1', bytes: 1, service_name: 'https' } };

describeWith(['java', 'maven'], 'setup and retention', () => {
  describe.each<ElasticsearchVersion>(['7.3.1', '7.10.2', '7.17.28'])('on Elasticsearch %s', (version) => {
    const isComposable = version !== '7.3.1';
    const templatePath = isComposable ? '/_index_template' : '/_template';
    let server: ElasticsearchServer;
    let client: ElasticsearchClient;
    beforeAll(async () => {
      server = await startElasticsearch({ version });
      client = createElasticsearchClient({ nodes: [server.url] });
    });
    afterAll(async () => {
      await client?.close();
      await server?.stop();
    });
    beforeEach(async () => {
      await server.ask('DELETE', '/weir-*');
      await server.ask('DELETE', '/_template/*');
      if (isComposable) await server.ask('DELETE', '/_index_template/*');
    });

    function pipelineFile(index = ''): string {
      const path = join(folder, 'pipeline.yml');
      writeFileSync(
        path,
        `name: a\nlisten: udp://127.0.0.1:0\nsteps: []\nindex:\n  elasticsearch:\n    nodes: "${server.url}"\n${index}`,
      );
      return path;
    }

    function setupOf(options: Partial<ServerSetupOptions> = {}) {
      const indexName = 'weir-flow-%{yyyy.MM.dd}';
      return createServerSetup({ client, indexName, logger: silentLogger, now: Date.now, ...options });
    }

    async function put(index: string): Promise<void> {
      await server.ask('POST', `/${index}/_doc?refresh=true`, flow);
    }

    const indices = async () => Object.keys(await server.ask<object>('GET', '/weir-*/_settings')).toSorted();

    async function bodyOf(name: string): Promise<Record<string, unknown>> {
      interface Listed {
        readonly index_templates: readonly {
          readonly index_template: { readonly template: Record<string, unknown> };
        }[];
      }
      if (isComposable)
        return (await server.ask<Listed>('GET', `/_index_template/${name}`)).index_templates[0]!.index_template
          .template;
      return (await server.ask<Record<string, Record<string, unknown>>>('GET', `/_template/${name}`))[name]!;
    }

    test('setup makes the templates, tells so, and has nothing to do the second time', async () => {
      const path = pipelineFile();
      const dry = await setup(path, { dryRun: true });
      expect(dry).toContainEqual(expect.stringMatching(/^would create template weir-flow \(version \d+\)$/));
      expect(dry).toContainEqual(expect.stringMatching(/^ {4}\+ field flow\.src_addr: ip$/));
      await expect(server.ask('GET', `${templatePath}/weir-flow`)).rejects.toThrow('404');
      const first = await setup(path);
      expect(first).toContainEqual(expect.stringMatching(/^created +template weir-flow/));
      expect(first).toContainEqual(expect.stringMatching(/no index lifecycle management/));
      const again = await setup(path, { dryRun: true });
      expect(again.filter((line) => line.startsWith('would') || line.startsWith('    '))).toEqual([]);
      expect(again).toContainEqual(expect.stringMatching(/^kept +template weir-flow/));
    });

    test('an index that comes by itself has the types of the template, and the marker', async () => {
      await setupOf().prepare(never);
      await put(`weir-flow-${dayName(0)}`);
      const { [`weir-flow-${dayName(0)}`]: index } = await server.ask<
        Record<string, { mappings: { _meta: object; properties: { flow: { properties: object } } } }>
      >('GET', `/weir-flow-${dayName(0)}/_mapping`);
      expect(index?.mappings._meta).toEqual({ weir: { template: 'weir-flow', version: expect.any(Number) } });
      expect(index?.mappings.properties.flow.properties).toMatchObject({ src_addr: { type: 'ip' } });
      await setupOf().prepare(never);
    });

    test('a template of somebody else is left, and nothing indexed, until --force', async () => {
      const foreign = { index_patterns: ['weir-flow-*'] };
      await server.ask('PUT', `${templatePath}/weir-flow`, foreign);
      await expect(setupOf().prepare(never)).rejects.toMatchObject({
        code: 'sink-refused',
        hint: expect.stringContaining('weir setup --force'),
      });
      await expect(setup(pipelineFile())).rejects.toMatchObject({ code: 'sink-refused' });
      expect(await setup(pipelineFile(), { force: true })).toContainEqual(
        expect.stringMatching(/^updated +template weir-flow/),
      );
      await setupOf().prepare(never);
    });

    test('a template that would change our fields is a conflict, one for settings of all indices is none', async () => {
      const settings = { number_of_replicas: 0 };
      const all = { index_patterns: ['*'], ...(isComposable ? { template: { settings } } : { settings }) };
      await server.ask('PUT', `${templatePath}/everything`, all);
      await setupOf().prepare(never);
      const mappings = { properties: { flow: { properties: { src_addr: { type: 'text' } } } } };
      const rival = isComposable
        ? { index_patterns: ['weir-flow-20*'], priority: 9000, template: { mappings } }
        : { index_patterns: ['weir-flow-20*'], mappings };
      await server.ask('PUT', `${templatePath}/rival`, rival);
      await expect(setupOf().prepare(never)).rejects.toMatchObject({
        message: expect.stringMatching(/rival, which weir did not make, also counts for weir-flow-20/),
        hint: expect.stringContaining('/rival'),
      });
    });

    test('an index that was not made from the template is refused, with what is wrong in it', async () => {
      await put(`weir-flow-${dayName(0)}`);
      await expect(setupOf().prepare(never)).rejects.toMatchObject({
        code: 'sink-refused',
        message: expect.stringContaining('flow.src_addr is text, not ip'),
      });
    });

    test('an older template is renewed, a newer one is left, and an index of the older one stays readable', async () => {
      await setupOf().prepare(never);
      const body = await bodyOf('weir-flow');
      const withVersion = (number: number) => {
        const mappings = {
          ...(body['mappings'] as object),
          _meta: { weir: { template: 'weir-flow', version: number } },
        };
        const content = { ...(body['settings'] === undefined ? {} : { settings: body['settings'] }), mappings };
        return isComposable
          ? { index_patterns: ['weir-flow-*'], priority: 509, version: number, template: content }
          : { index_patterns: ['weir-flow-*'], order: 509, version: number, ...content };
      };
      const versionThere = async () =>
        ((await bodyOf('weir-flow'))['mappings'] as { _meta: { weir: { version: number } } })._meta.weir.version;
      const ours = await versionThere();
      await server.ask('PUT', `${templatePath}/weir-flow`, withVersion(ours - 1));
      await put(`weir-flow-${dayName(0)}`);
      await setupOf().prepare(never);
      expect(await versionThere()).toBe(ours);
      await put(`weir-flow-${dayName(0)}`);
      interface Found {
        readonly hits: { readonly total: { readonly value: number } };
      }
      const { hits } = await server.ask<Found>('POST', '/weir-flow-*/_search', {
        query: { term: { 'flow.src_addr': '10.0.0.0/8' } },
      });
      expect(hits.total.value).toBe(2);
      await server.ask('PUT', `${templatePath}/weir-flow`, withVersion(ours + 1));
      await setupOf().prepare(never);
      expect(await versionThere()).toBe(ours + 1);
    });

    test('with "setup: false" templates must be there', async () => {
      await expect(setupOf({ apply: false }).prepare(never)).rejects.toMatchObject({
        message: expect.stringMatching(/template weir-\S+ \(version \d+\) is missing/),
        hint: expect.stringContaining('weir setup'),
      });
      await setup(pipelineFile('    setup: false\n'));
      await setupOf({ apply: false }).prepare(never);
    });

    test.runIf(isComposable)('a legacy template of an older server is taken away', async () => {
      const { _meta } = (
        await setupOf()
          .prepare(never)
          .then(() => bodyOf('weir-flow'))
      )['mappings'] as { _meta: object };
      await server.ask('PUT', '/_template/weir-flow', { index_patterns: ['weir-flow-*'], mappings: { _meta } });
      expect(await setup(pipelineFile())).toContainEqual(expect.stringMatching(/^removed +legacy template weir-flow/));
      await expect(server.ask('GET', '/_template/weir-flow')).rejects.toThrow('404');
    });

    test('prune deletes what is older, and neither the index of today nor what weir did not make', async () => {
      await setupOf().prepare(never);
      for (const days of [0, 1, 31, 40]) await put(`weir-flow-${dayName(days)}`);
      await server.ask('DELETE', `${templatePath}/weir-flow`);
      await put('weir-flow-2020.01.01');
      const path = pipelineFile();
      // Made just now, they are no older than that: by the name of their day they would be.
      expect(
        (await prune(path, { olderThanMs: 30 * dayMs, dryRun: true })).filter((line) => /^would/.test(line)),
      ).toEqual([]);
      const dry = await prune(path, { maxBytes: 1, dryRun: true });
      expect(dry.map((line) => line.split(' (')[0])).toEqual([
        `would delete weir-flow-${dayName(40)}`,
        `would delete weir-flow-${dayName(31)}`,
        `would delete weir-flow-${dayName(1)}`,
        `kept weir-flow-${dayName(0)}`,
        'disk: no forecast yet, weir has written for less than an hour',
      ]);
      expect(await indices()).toHaveLength(5);
      await prune(path, { maxBytes: 1 });
      expect(await indices()).toEqual(['weir-flow-2020.01.01', `weir-flow-${dayName(0)}`].toSorted());
    });

    test('old months of the ledger and old dead letters go, by ages of their own', async () => {
      await setupOf().prepare(never);
      const now = new Date();
      const monthName = (back: number) => {
        const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString();
        return `weir-ledger-${month.slice(0, 4)}.${month.slice(5, 7)}`;
      };
      for (const back of [0, 1, 8]) await put(monthName(back));
      const letter = (days: number) => ({
        '@timestamp': new Date(Date.now() - days * dayMs).toISOString(),
        reason: 'r',
      });
      for (const days of [1, 20, 60]) await server.ask('POST', '/weir-dead-letters/_doc?refresh=true', letter(days));
      // Of the same name, and not weir's.
      await server.ask('DELETE', `${templatePath}/weir-ledger`);
      await put('weir-ledger-2019.01');
      const path = pipelineFile('    retention: { ledger: 100d, dead_letters: 30d }\n');
      const told = [
        `${monthName(8)}: a ledger of that age is not kept`,
        '1 dead letters: they are not kept for so long',
      ];
      expect(await prune(path, { dryRun: true })).toEqual(
        expect.arrayContaining(told.map((line) => `would delete ${line}`)),
      );
      const lettersLeft = async () => (await server.ask<{ count: number }>('GET', '/weir-dead-letters/_count')).count;
      expect(await lettersLeft()).toBe(3);
      expect(await prune(path)).toEqual(expect.arrayContaining(told.map((line) => `deleted ${line}`)));
      await server.ask('POST', '/weir-dead-letters/_refresh');
      expect(await lettersLeft()).toBe(2);
      const ledgers = (await indices()).filter((name) => name.startsWith('weir-ledger-'));
      expect(ledgers).toEqual(['weir-ledger-2019.01', monthName(1), monthName(0)]);
    });

    test('retention deletes by age, merges what is over when there is time, and forecasts', async () => {
      await setupOf().prepare(never);
      const old = `weir-flow-${dayName(0)}`;
      for (let part = 0; part < 3; part += 1) await put(old);
      const lines: string[] = [];
      let isBusy = true;
      const later = (days: number) => () => Date.now() + days * dayMs;
      const retention = (days: number) =>
        createRetention({
          client,
          layout: createIndexLayout({ indexName: 'weir-flow-%{yyyy.MM.dd}', now: later(days) }),
          keepMs: 30 * dayMs,
          merge: true,
          isIdle: async () => !isBusy,
          logger: createLogger({ write: (line) => lines.push(line) }),
          now: later(days),
        });
      async function segments(): Promise<number> {
        // Until then a searcher holds the old ones.
        await server.ask('POST', `/${old}/_refresh`);
        interface Statistics {
          readonly _all: { readonly primaries: { readonly segments: { readonly count: number } } };
        }
        return (await server.ask<Statistics>('GET', `/${old}/_stats/segments`))._all.primaries.segments.count;
      }
      const forecast = await retention(2).tend(never);
      expect(forecast?.bytesPerDay).toBeGreaterThan(0);
      expect(forecast?.freeBytes).toBeGreaterThan(0);
      expect(await segments()).toBeGreaterThan(1);
      isBusy = false;
      await retention(2).tend(never);
      expect(await segments()).toBe(1);
      expect(await indices()).toEqual([old]);
      await retention(32).tend(never);
      expect(lines.join('')).toContain('an old index is deleted');
      expect(await server.ask<object>('GET', '/weir-*/_settings')).toEqual({});
    });

    describe('of one name, with a size', () => {
      const rollOverBytes = 1024;
      const options = { indexName: 'weir-flow', rollOverBytes };
      const minuteMs = 60_000;

      async function lookAfter(nowMs: number, limit = rollOverBytes): Promise<void> {
        await createRetention({
          client,
          layout: createIndexLayout({ ...options, now: () => nowMs }),
          rollOverBytes: limit,
          merge: false,
          isIdle: async () => true,
          logger: silentLogger,
          now: () => nowMs,
        }).tend(never);
      }

      test('the next index is announced before its time, once, and prune leaves it', async () => {
        await setupOf(options).prepare(never);
        await setupOf(options).prepare(never);
        expect(await indices()).toEqual(['weir-flow-000001']);
        await put('weir-flow-000001');
        await server.ask('POST', '/weir-flow-000001/_flush');
        const nowMs = Date.now();
        await lookAfter(nowMs, 1e9);
        expect(await indices()).toEqual(['weir-flow-000001']);
        await lookAfter(nowMs);
        await lookAfter(nowMs + minuteMs);
        const next = seriesIndex('weir-flow', nextStart(nowMs));
        expect(await indices()).toEqual(['weir-flow-000001', next]);
        const path = pipelineFile(`    retention: { roll_over_at: 1MiB }\n  name: weir-flow\n`);
        // The one that is written to, and the one that will be.
        await prune(path, { maxBytes: 1 });
        expect(await indices()).toEqual(['weir-flow-000001', next]);
      });

      test('a batch whose answer was lost before the next index began is there once', async () => {
        await setupOf(options).prepare(never);
        await put('weir-flow-000001');
        await server.ask('POST', '/weir-flow-000001/_flush');
        const begunAtMs = Date.now();
        const proxy = await startFaultProxy(server.url);
        let nowMs = begunAtMs;
        const workers: { readonly sink: Sink; readonly stop: AbortController }[] = [];
        function worker(url: string) {
          const own = createElasticsearchClient({ nodes: [url] });
          const sink = createBulkWriter({
            client: own,
            indexName: 'weir-flow',
            series: createIndexSeries({ client: own, base: 'weir-flow', now: () => nowMs }),
            prepare: () => Promise.resolve(),
            backOff: { firstMs: 60_000, maxMs: 60_000 },
            logger: silentLogger,
            now: () => nowMs,
          });
          workers.push({ sink, stop: new AbortController() });
          return workers.at(-1)!;
        }
        try {
          const batch = flowBatch('straddles', 3);
          const first = worker(proxy.url);
          proxy.faults.push('cut after');
          const given = first.sink.write({ ...batch, createdAtMs: begunAtMs }, first.stop.signal);
          await expect.poll(() => first.sink.trouble(), { timeout: 20_000 }).toContain('the connection was cut');
          // Its worker dies; meanwhile the index is full, and the next one begins.
          first.stop.abort();
          await expect(given).rejects.toMatchObject({ code: 'stopped' });
          await lookAfter(nowMs);
          nowMs = nextStart(nowMs) + minuteMs;
          const second = worker(server.url);
          const { alreadyThere } = await second.sink.write({ ...batch, createdAtMs: begunAtMs }, never);
          expect(alreadyThere).toHaveLength(3);
          await second.sink.write({ ...flowBatch('later', 2), createdAtMs: nowMs }, never);
        } finally {
          await Promise.all(workers.map(({ sink }) => sink.stop()));
          await proxy.stop();
        }
        await server.ask('POST', '/weir-flow-*/_refresh');
        const countOf = async (index: string) => (await server.ask<{ count: number }>('GET', `/${index}/_count`)).count;
        expect(await countOf('weir-flow-000001')).toBe(1 + 3);
        expect(await countOf(seriesIndex('weir-flow', nextStart(begunAtMs)))).toBe(2);
      });
    });
  });
});
