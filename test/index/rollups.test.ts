// Rollups on a real Elasticsearch: made from known flows, and compared with sums of plain TypeScript. test/kibana/panels.test.ts makes them
// on 7.3.1 and 7.17.28, too.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createElasticsearchClient,
  type ElasticsearchClient,
  type ElasticsearchRequest,
} from '../../src/index/elasticsearch-client.ts';
import { createIndexNaming } from '../../src/index/index-name.ts';
import { readIndexTemplates, toLegacyBody } from '../../src/index/index-template.ts';
import { createRollupLease, leaseMs } from '../../src/index/rollup-lease.ts';
import { createRollups, type Rollups, type RollupsOptions } from '../../src/index/rollups.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { describeWith } from '../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch/index.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { type Part, type SummedFlow, summedKinds, toDocument, toParts, toTotal } from './rollup-sums.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const startMs = Date.UTC(2026, 0, 2, 10);
const signal = AbortSignal.timeout(600_000);
const top = 3;

/** Two minutes of the hour, of which everything follows from `n`; every fourth lacks some fields. */
function flowsOf(count: number, minute: number): SummedFlow[] {
  return Array.from({ length: count }, (_, n) => ({
    atMs: startMs + minute * minuteMs + n * 97,
    client: `10.0.0.${n % 7}`,
    server: `192.0.2.${(n * n) % 11}`,
    bytes: 1000 + n * n * n,
    ...(n % 4 !== 3 && {
      exporter: `router-${n % 5}`,
      input: `eth${n % 6}`,
      service: `service-${n % 6}`,
      packets: 3 + n,
      ...(n % 2 === 0 && { sourceAs: `AS ${n % 8}` }),
    }),
  }));
}

describeWith(['java', 'maven'], 'with known flows', () => {
  let server: ElasticsearchServer;
  let nowMs = startMs + 90 * minuteMs;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    server = await startElasticsearch();
    const naming = createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => 0);
    for (const template of await readIndexTemplates({ naming, flowPattern: 'weir-flow-*' }))
      await server.ask('PUT', `/_template/${template.name}`, toLegacyBody(template));
  }, 300_000);
  afterAll(() => server?.stop());
  beforeEach(() => {
    nowMs = startMs + 90 * minuteMs;
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    await server.ask('DELETE', '/weir-*');
  });

  let documents = 0;
  async function index(flows: readonly SummedFlow[], name = 'weir-flow-2026.01.02'): Promise<void> {
    const lines = flows.map((flow) => `{"create":{"_id":"f${documents++}"}}\n${JSON.stringify(toDocument(flow))}\n`);
    const response = await fetch(`${server.url}/${name}/_bulk?refresh=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join(''),
    });
    expect(((await response.json()) as { errors: boolean }).errors).toBe(false);
  }

  /** `intercept` stands between the maker and the server. */
  function makerOf(
    holder: string,
    options: Partial<RollupsOptions> = {},
    intercept?: (request: ElasticsearchRequest, go: () => Promise<void>) => Promise<void>,
    url = server.url,
  ): Rollups & { readonly release: () => Promise<void> } {
    const real = createElasticsearchClient({ nodes: [url] });
    closers.push(() => real.close());
    const client: ElasticsearchClient = {
      ...real,
      async request(request, at) {
        let answer: Awaited<ReturnType<ElasticsearchClient['request']>> | undefined;
        const go = async (): Promise<void> => {
          answer = await real.request(request, at);
        };
        await (intercept === undefined ? go() : intercept(request, go));
        return answer!;
      },
    };
    const lease = createRollupLease({ client, of: 'weir-flow', holder, now: () => nowMs });
    const rollups = createRollups({
      client,
      pattern: 'weir-flow-*',
      of: 'weir-flow',
      lease,
      keepMinutesMs: 30 * dayMs,
      keepHoursMs: 730 * dayMs,
      top,
      delayMs: 2 * minuteMs,
      pauseFactor: 0,
      logger: silentLogger,
      now: () => nowMs,
      ...options,
    });
    return { ...rollups, release: () => lease.release(signal) };
  }

  /** As a worker does it a minute later, all that is due. */
  async function tend(rollups: Rollups): Promise<void> {
    await refresh();
    await rollups.tend(Number.POSITIVE_INFINITY, signal);
    await refresh();
  }

  /** As the schedule does it: what the dead one has asked for goes on, and an index that is being made can't be searched. */
  async function tendAgain(rollups: Rollups): Promise<void> {
    for (let attempt = 1; ; attempt += 1)
      try {
        return await tend(rollups);
      } catch (error) {
        if (attempt === 50 || (error as { code?: string }).code !== 'sink-unavailable') throw error;
        await sleep(100);
      }
  }

  const refresh = () => server.ask('POST', '/weir-*/_refresh');

  interface Found extends Part {
    readonly kind: string;
    readonly startMs: number;
  }

  async function read(interval: '1m' | '1h'): Promise<Found[]> {
    interface Source {
      readonly '@timestamp': string;
      readonly rollup: { readonly kind: string; readonly flows: number; readonly interval: string };
      readonly flow: Readonly<Record<string, string>> & { readonly bytes: number; readonly packets: number };
      readonly node?: { readonly hostname: string };
    }
    const { hits } = await server.ask<{ hits: { hits: { _source: Source }[] } }>(
      'POST',
      `/weir-rollup-${interval}-*/_search`,
      { size: 10_000, sort: ['_doc'] },
    );
    const columns: Readonly<Record<string, string>> = {
      clients: 'client_hostname',
      servers: 'server_hostname',
      services: 'service_name',
      source_as: 'src_autonomous_system',
    };
    return hits.hits.map(({ _source: { rollup, flow, node, ...source } }) => {
      expect(rollup.interval).toBe(interval);
      const keys: Readonly<Record<string, readonly (string | undefined)[]>> = {
        total: [],
        exporters: [node?.hostname],
        input_interfaces: [node?.hostname, flow['input_ifname']],
      };
      return {
        kind: rollup.kind,
        startMs: Date.parse(source['@timestamp']),
        key: keys[rollup.kind] ?? [flow[columns[rollup.kind]!]],
        flows: rollup.flows,
        bytes: flow.bytes,
        packets: flow.packets,
      };
    });
  }

  /** Every kind of every interval, and nothing beside. */
  async function expectRollupsOf(flows: readonly SummedFlow[], parts = top): Promise<void> {
    for (const [interval, ms] of [['1m', minuteMs] as const, ['1h', hourMs] as const]) {
      const found = await read(interval);
      const closedMs = Math.floor((nowMs - 2 * minuteMs) / ms) * ms;
      const starts = new Set(flows.map(({ atMs }) => Math.floor(atMs / ms) * ms).filter((at) => at < closedMs));
      expect(new Set(found.map((part) => part.startMs))).toEqual(starts);
      for (const start of starts) {
        const within = flows.filter(({ atMs }) => atMs >= start && atMs < start + ms);
        const of = (kind: string) =>
          found
            .filter((part) => part.kind === kind && part.startMs === start)
            .map(({ key, flows: count, bytes, packets }) => ({ key, flows: count, bytes, packets }));
        expect(of('total')).toEqual([toTotal(within)]);
        for (const kind of summedKinds) {
          const kept = kind === 'exporters' ? parts * 20 : kind === 'input_interfaces' ? parts * 10 : parts;
          expect(sorted(of(kind)), `${interval} ${kind}`).toEqual(sorted(toParts(kind, within, kept)));
        }
        // Of every kind, those that no flow has a value of, too.
        for (const kind of new Set(found.map((part) => part.kind)))
          expect(
            of(kind).reduce((sum, { bytes }) => sum + bytes, 0),
            kind,
          ).toBe(toTotal(within).bytes);
      }
    }
  }

  function sorted(list: readonly Part[]): readonly string[] {
    return list.map((part) => JSON.stringify(part)).sort();
  }

  test('minutes and hours have exact totals, the largest parts, the rest, and what has no value', async () => {
    const flows = [...flowsOf(60, 3), ...flowsOf(25, 4), ...flowsOf(31, 40), ...flowsOf(9, 61)];
    await index(flows);
    await tend(makerOf('a'));
    await expectRollupsOf(flows);
  });

  test('an interval that is not over is left, and empty ones have no documents', async () => {
    nowMs = startMs + 7 * minuteMs;
    const flows = [...flowsOf(10, 3), ...flowsOf(10, 5)];
    await index(flows);
    const rollups = makerOf('a');
    await tend(rollups);
    expect(new Set((await read('1m')).map((part) => part.startMs))).toEqual(new Set([startMs + 3 * minuteMs]));
    nowMs += minuteMs;
    await tend(rollups);
    await expectRollupsOf(flows);
    expect(rollups.levels().made).toEqual(
      new Map([
        ['1m', 2],
        ['1h', 0],
      ]),
    );
  });

  test('an hour is made when it is over, though no flow comes any more', async () => {
    nowMs = startMs + 15 * minuteMs;
    const flows = flowsOf(10, 3);
    await index(flows);
    const rollups = makerOf('a');
    await tend(rollups);
    nowMs = startMs + 70 * minuteMs;
    await tend(rollups);
    await expectRollupsOf(flows);
  });

  test('late flows make their minute and hour anew, and a key that is no longer among the largest goes', async () => {
    const early = flowsOf(20, 3);
    await index(early);
    const rollups = makerOf('a');
    await tend(rollups);
    const late = ['x', 'y', 'z'].map((name, n) => ({
      atMs: startMs + 3 * minuteMs + n,
      client: name,
      service: name,
      bytes: 1e9 + n,
    }));
    await index(late);
    // By another name, as a flow of a series may be in the index before.
    await index(flowsOf(5, 3), 'weir-flow-2026.01.01');
    nowMs += hourMs;
    await tend(rollups);
    await expectRollupsOf([...early, ...late, ...flowsOf(5, 3)]);
  });

  test('a look that finds nothing new writes nothing', async () => {
    await index(flowsOf(20, 3));
    const writes: string[] = [];
    const rollups = makerOf('a', {}, async ({ path }, go) => {
      if (path === '/_bulk') writes.push(path);
      await go();
    });
    await tend(rollups);
    const before = writes.length;
    expect(before).toBeGreaterThan(0);
    nowMs += 2 * hourMs;
    await tend(rollups);
    expect(writes.length).toBe(before);
  });

  test('a maker that ends between two writes leaves what the next one mends', async () => {
    const flows = [...flowsOf(30, 3), ...flowsOf(30, 20)];
    await index(flows);
    // An hour and two minutes are two writes each: nothing, parts without a total, the hour, parts of a minute.
    for (const failing of [1, 2, 3, 2]) {
      let writes = 0;
      const dying = makerOf(`dying-${failing}`, {}, async ({ path }, go) => {
        if (path === '/_bulk') {
          writes += 1;
          if (writes === failing) throw new Error('killed');
        }
        await go();
      });
      await expect(tend(dying)).rejects.toThrow('killed');
      await dying.release();
    }
    await tend(makerOf('next'));
    await expectRollupsOf(flows);
  });

  test('what one has read of fewer flows, and writes late, does not replace what another made of more', async () => {
    const [early, late] = [flowsOf(20, 3), flowsOf(12, 3).map((flow) => ({ ...flow, client: 'late', bytes: 5e6 }))];
    await index(early);
    let resume: () => void = () => undefined;
    const resumed = new Promise<void>((resolve) => {
      resume = resolve;
    });
    let isWaiting: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      isWaiting = resolve;
    });
    const slow = makerOf('slow', {}, async ({ path }, go) => {
      if (path === '/_bulk') {
        isWaiting();
        await resumed;
      }
      await go();
    });
    await refresh();
    const writing = slow.tend(Number.POSITIVE_INFINITY, signal);
    await waiting;
    await index(late);
    // It has not renewed its lease for so long that it counts as dead.
    const quick = makerOf('quick');
    await quick.tend(Number.POSITIVE_INFINITY, signal);
    nowMs += leaseMs;
    await tend(quick);
    await expectRollupsOf([...early, ...late]);
    resume();
    await writing;
    await refresh();
    await expectRollupsOf([...early, ...late]);
  });

  test('one maker works, the others wait until it has let go, or has been silent for long', async () => {
    const flows = flowsOf(20, 3);
    await index(flows);
    const [a, b, c] = [makerOf('a'), makerOf('b'), makerOf('c')];
    await a.tend(0, signal);
    await tend(b);
    await tend(c);
    expect(b.levels().made.get('1h')).toBe(0);
    await a.release();
    await tend(b);
    expect(b.levels().made.get('1h')).toBe(1);
    // Silent: what counts is the time that c has seen nothing of it.
    nowMs += leaseMs - 1000;
    await index(flowsOf(3, 4));
    await tend(c);
    expect(c.levels().made.get('1m')).toBe(0);
    nowMs += leaseMs;
    await tend(c);
    expect(c.levels().made.get('1m')).toBe(1);
    await expectRollupsOf([...flows, ...flowsOf(3, 4)]);
  });

  test('of an index with several shards the sums of the largest are of all shards', async () => {
    await server.ask('PUT', '/weir-flow-2026.01.02', { settings: { number_of_shards: 3 } });
    // Forty clients whose flows are spread: on each shard others are the largest.
    const flows = Array.from({ length: 1200 }, (_, n) => ({
      atMs: startMs + 3 * minuteMs + n,
      client: `client-${n % 40}`,
      bytes: 10_000 + ((n * 7919) % 1000) * (n % 40),
    }));
    await index(flows);
    await tend(makerOf('a'));
    await expectRollupsOf(flows);
  });

  test('more parts than a page holds are read to the end', async () => {
    const flows = Array.from({ length: 2300 }, (_, n) => ({
      atMs: startMs + 3 * minuteMs + n,
      exporter: `router-${n}`,
      input: `eth${n % 3}`,
      bytes: 1 + ((n * 7919) % 2300),
    }));
    await index(flows);
    await tend(makerOf('a'));
    await expectRollupsOf(flows);
  });

  test.each([
    { exporters: 50, interfaces: 3 },
    { exporters: 51, interfaces: 3 },
    { exporters: 4, interfaces: 50 },
    { exporters: 4, interfaces: 51 },
  ])('$exporters exporters with $interfaces interfaces, some flows without, are summed up', async (given) => {
    const flows = Array.from({ length: given.exporters * given.interfaces }, (_, n) => ({
      atMs: startMs + 3 * minuteMs + n,
      bytes: 1 + ((n * 7919) % 997),
      ...(n % 11 !== 5 && { exporter: `router-${n % given.exporters}` }),
      ...(n % 13 !== 5 && { input: `eth${Math.floor(n / given.exporters)}` }),
    }));
    await index(flows);
    await tend(makerOf('a'));
    await expectRollupsOf(flows);
  });

  test('with a smaller top, what is made anew has no more parts than that', async () => {
    const flows = flowsOf(40, 3);
    await index(flows);
    const before = makerOf('a', { top: 5 });
    await tend(before);
    await before.release();
    const more = flowsOf(3, 3);
    await index(more);
    await tend(makerOf('b', { top: 2 }));
    await expectRollupsOf([...flows, ...more], 2);
  });

  test('flows stored in parts count in the minute of each part', async () => {
    // The step `split` makes a document a minute of a long flow, with shares that sum up to the flow.
    const parts = [0, 1, 2].map((part) => ({
      atMs: startMs + (part + 1) * minuteMs - 1,
      exporter: 'router-1',
      client: '10.0.0.1',
      bytes: part === 2 ? 334 : 333,
      packets: 1,
    }));
    await index(parts);
    await tend(makerOf('a'));
    await expectRollupsOf(parts);
  });

  test('rollups outlive their flows, and go by their own age', async () => {
    const flows = flowsOf(20, 3);
    await index(flows);
    const rollups = makerOf('a', { keepMinutesMs: 2 * dayMs, keepHoursMs: 60 * dayMs });
    await tend(rollups);
    await server.ask('DELETE', '/weir-flow-2026.01.02');
    await index([{ atMs: startMs + 3 * minuteMs, client: 'late' }]);
    nowMs += hourMs;
    await tend(rollups);
    await expectRollupsOf(flows);
    nowMs = Date.UTC(2026, 0, 5);
    await tend(rollups);
    expect((await read('1m')).length).toBe(0);
    expect((await read('1h')).length).toBeGreaterThan(0);
    nowMs = Date.UTC(2026, 3, 2);
    await tend(rollups);
    expect((await read('1h')).length).toBe(0);
  });

  test('rollups that somebody deletes are made again', async () => {
    const flows = flowsOf(20, 3);
    await index(flows);
    const rollups = makerOf('a');
    await tend(rollups);
    // It knows of them from its next look on.
    nowMs += hourMs;
    await tend(rollups);
    await server.ask('DELETE', '/weir-rollup-1h-2026.01');
    nowMs += hourMs;
    await tend(rollups);
    await expectRollupsOf(flows);
  });

  describe('when the server refuses, or the connection breaks', () => {
    let proxy: FaultProxy;
    beforeAll(async () => {
      proxy = await startFaultProxy(server.url);
    });
    afterAll(() => proxy?.stop());

    const busy = { error: { type: 'es_rejected_execution_exception', reason: 'rejected execution' }, status: 429 };
    test.each<[string, Fault]>([
      ['a request is answered 429', { status: 429, body: JSON.stringify(busy) }],
      ['a proxy answers 503', { status: 503, type: 'text/html', body: '<html>' }],
      ['the request is lost', 'cut before'],
      ['the answer is lost', 'cut after'],
      ['half of the answer is lost', 'cut in the answer'],
    ])('%s, at any of the writes: the next look mends it', async (_, fault) => {
      const flows = [...flowsOf(30, 3), ...flowsOf(30, 20)];
      await index(flows);
      // Parts and total of an hour and of two minutes.
      for (let writes = 0; writes < 6; writes += 1) {
        let seen = 0;
        const maker = makerOf(
          `at-${writes}`,
          {},
          async ({ path }, go) => {
            if (path === '/_bulk') proxy.always = seen++ === writes ? fault : undefined;
            await go();
          },
          proxy.url,
        );
        await expect(tend(maker)).rejects.toMatchObject({ code: 'sink-unavailable' });
        proxy.always = undefined;
        await maker.release();
        await tend(makerOf(`after-${writes}`));
        await expectRollupsOf(flows);
        await server.ask('DELETE', '/weir-rollup-*');
      }
    });

    test('single documents are answered 429: the interval stays due', async () => {
      const flows = flowsOf(30, 3);
      await index(flows);
      const maker = makerOf('a', {}, undefined, proxy.url);
      const items = Array.from({ length: 200 }, () => ({ index: { status: 429, error: { type: 'x', reason: 'y' } } }));
      proxy.faults.push({ status: 200, body: JSON.stringify({ errors: true, items }) });
      await expect(tend(maker)).rejects.toMatchObject({ code: 'sink-unavailable' });
      await tend(maker);
      await expectRollupsOf(flows);
    });
  });

  test('a maker that is killed leaves what another one mends, when it has been silent for long', async () => {
    const flows = [...flowsOf(30, 3), ...flowsOf(30, 20)];
    await index(flows);
    const proxy = await startFaultProxy(server.url);
    const script = fileURLToPath(new URL('rollup-process.ts', import.meta.url));
    for (const writes of [1, 2, 4]) {
      proxy.seen.length = 0;
      const child = spawn(process.execPath, ['--import', 'tsx', script, proxy.url, `${nowMs}`, `${top}`], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      const bulks = (): number => proxy.seen.filter(({ line }) => line === 'POST /_bulk').length;
      while (bulks() < writes && child.exitCode === null) await sleep(1);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const next = makerOf(`next-${writes}`);
      await tendAgain(next);
      nowMs += leaseMs;
      await tendAgain(next);
      await expectRollupsOf(flows);
      await server.ask('DELETE', '/weir-rollup-*');
    }
    await proxy.stop();
  }, 120_000);

  test('two that do not know of each other make the same', async () => {
    const [early, late] = [[...flowsOf(40, 3), ...flowsOf(20, 8)], flowsOf(15, 3)];
    await index(early);
    await refresh();
    // Each by a lease of its own: both believe that they have it.
    const lease = { hold: async () => true, release: async () => undefined };
    const both = [makerOf('a', { lease }), makerOf('b', { lease })];
    await Promise.all(both.map((maker) => maker.tend(Number.POSITIVE_INFINITY, signal)));
    await index(late);
    nowMs += hourMs;
    await Promise.all(both.map((maker) => maker.tend(Number.POSITIVE_INFINITY, signal)));
    await refresh();
    await expectRollupsOf([...early, ...late]);
  });

  test('a clock that was ahead for a while, and is set back, leaves no hour unmade', async () => {
    const early = flowsOf(20, 3);
    await index(early);
    const rollups = makerOf('a');
    nowMs += 300 * dayMs;
    await tend(rollups);
    nowMs -= 300 * dayMs;
    const late = flowsOf(30, 70);
    await index([...late, ...flowsOf(5, 3)]);
    nowMs += hourMs;
    await tend(rollups);
    await expectRollupsOf([...early, ...flowsOf(5, 3), ...late]);
  });

  test('what was made too early by a clock that was ahead is made anew when the interval is over', async () => {
    nowMs = startMs + 3 * minuteMs + 1000;
    const first = flowsOf(4, 3);
    await index(first);
    const rollups = makerOf('a');
    nowMs += 3 * hourMs;
    await tend(rollups);
    nowMs -= 3 * hourMs;
    await index(flowsOf(30, 3));
    nowMs += 10 * minuteMs;
    await tend(rollups);
    nowMs += 2 * hourMs;
    await tend(rollups);
    await expectRollupsOf([...first, ...flowsOf(30, 3)]);
  });

  test('a closed index of flows is as none; its sums stay', async () => {
    const flows = flowsOf(20, 3);
    await index(flows);
    const rollups = makerOf('a');
    await tend(rollups);
    await server.ask('POST', '/weir-flow-2026.01.02/_close');
    const next = flowsOf(10, 50);
    await index(next, 'weir-flow-2026.01.01');
    nowMs += hourMs;
    await tend(rollups);
    const minutes = (await read('1m')).filter(({ kind }) => kind === 'total');
    expect(minutes.map(({ flows: count }) => count).sort()).toEqual([10, 20]);
    await server.ask('POST', '/weir-flow-2026.01.02/_open?wait_for_active_shards=1');
    nowMs += hourMs;
    await tend(rollups);
    await expectRollupsOf([...flows, ...next]);
  });

  test('a closed index of rollups is left alone, and holds up no others', async () => {
    const flows = flowsOf(20, 3);
    await index(flows);
    const before = makerOf('a');
    await tend(before);
    await before.release();
    await server.ask('POST', '/weir-rollup-1m-2026.01.02/_close');
    // The day before: its minutes lie in another index.
    const earlier = flowsOf(10, 3).map((flow) => ({ ...flow, atMs: flow.atMs - dayMs }));
    await index([...earlier, ...flowsOf(5, 3)]);
    nowMs += hourMs;
    const rollups = makerOf('b');
    await tend(rollups);
    await server.ask('POST', '/weir-rollup-1m-2026.01.02/_open?wait_for_active_shards=1');
    nowMs += hourMs;
    await tend(rollups);
    await expectRollupsOf([...flows, ...earlier, ...flowsOf(5, 3)]);
  });

  test('an index of flows that goes while it is summed up ends nothing', async () => {
    await index(flowsOf(20, 3));
    await index(flowsOf(20, 30), 'weir-flow-2026.01.01');
    let isGone = false;
    const rollups = makerOf('a', {}, async ({ path }, go) => {
      if (path === '/_bulk' && !isGone) {
        isGone = true;
        await server.ask('DELETE', '/weir-flow-2026.01.02');
      }
      await go();
    });
    await tend(rollups);
    const later = flowsOf(10, 40);
    await index(later, 'weir-flow-2026.01.01');
    nowMs += hourMs;
    await tend(rollups);
    const minutes = (await read('1m')).filter(({ kind }) => kind === 'total');
    expect(minutes.map(({ flows: count }) => count).sort()).toEqual([10, 20]);
  });
});
