// Index lifecycle management: a double that answers as the default distribution of 7.17 does (its documentation, not a recording)
// and notes what it was asked. The real servers of our tests are open-source builds, which have none.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createElasticsearchClient, type ElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { createIndexLayout } from '../../src/index/index-layout.ts';
import { createRetention } from '../../src/index/retention.ts';
import { createServerSetup, type ServerSetupOptions } from '../../src/index/server-setup.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const never = new AbortController().signal;
const dayMs = 86_400_000;

interface LifecycleDouble {
  readonly url: string;
  readonly puts: Map<string, Record<string, unknown>>;
  readonly deletes: string[];
  readonly policies: Map<string, Record<string, unknown>>;
  stop(): void;
}

async function startLifecycleDouble(number = '7.17.28'): Promise<LifecycleDouble> {
  const puts = new Map<string, Record<string, unknown>>();
  const policies = new Map<string, Record<string, unknown>>();
  const deletes: string[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const path = (request.url ?? '').split('?')[0] ?? '';
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    const policy = /^\/_ilm\/policy\/(.+)$/.exec(path)?.[1];
    let [status, json]: [number, unknown] = [404, { error: { reason: 'not here' }, status: 404 }];
    if (path === '/') [status, json] = [200, { version: { number, build_flavor: 'default' } }];
    else if (path === '/_xpack') [status, json] = [200, { features: { ilm: { available: true, enabled: true } } }];
    else if (request.method === 'PUT') {
      puts.set(path, body);
      if (policy !== undefined) policies.set(policy, body['policy'] as Record<string, unknown>);
      [status, json] = [200, { acknowledged: true }];
    } else if (request.method === 'DELETE') deletes.push(path);
    else if (policy !== undefined && policies.has(policy))
      [status, json] = [200, { [policy]: { version: 1, policy: policies.get(policy) } }];
    response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
    response.end(request.method === 'HEAD' ? undefined : JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    puts,
    deletes,
    policies,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

let server: LifecycleDouble;
let client: ElasticsearchClient;
beforeEach(async () => {
  server = await startLifecycleDouble();
  client = createElasticsearchClient({ nodes: [server.url] });
});
afterEach(async () => {
  await client.close();
  server.stop();
});

const setupOf = (options: Partial<ServerSetupOptions>) =>
  createServerSetup({
    client,
    indexName: 'weir-flow-%{yyyy.MM.dd}',
    logger: silentLogger,
    now: () => Date.UTC(2026, 10, 24),
    ...options,
  });

test('a policy comes before the template that names it; a day more than "keep", as its age counts from the day’s begin', async () => {
  await setupOf({ keepMs: 30 * dayMs }).prepare(never);
  expect([...server.puts.keys()][0]).toBe('/_ilm/policy/weir-flow');
  expect(server.puts.get('/_ilm/policy/weir-flow')).toEqual({
    policy: {
      phases: {
        hot: { min_age: '0ms', actions: {} },
        delete: { min_age: `${31 * 86_400}s`, actions: { delete: {} } },
      },
      _meta: { weir: { policy: 'weir-flow' } },
    },
  });
  expect(server.puts.get('/_index_template/weir-flow')).toMatchObject({
    template: { settings: { 'index.lifecycle.name': 'weir-flow' } },
  });
});

test('with "roll_over_at" there is no policy: it would count the age of an index from its begin', async () => {
  await setupOf({ indexName: 'weir-flow', keepMs: 7 * dayMs, rollOverBytes: 50e9 }).prepare(never);
  expect([...server.puts.keys()].filter((path) => path.includes('_ilm'))).toEqual([]);
  expect(JSON.stringify(server.puts.get('/_index_template/weir-flow'))).not.toContain('lifecycle');
  expect(server.puts.has('/weir-flow-000001')).toBe(true);
});

test('a policy that says the same in other units is left; ours is renewed when "keep" changes; another’s is left', async () => {
  const deleteAfter = (age: string) => ({
    delete: { min_age: age, actions: { delete: { delete_searchable_snapshot: true } } },
  });
  const hot = { hot: { min_age: '0ms', actions: {} } };
  server.policies.set('weir-flow', { phases: { ...hot, ...deleteAfter('31d') } });
  await setupOf({ keepMs: 30 * dayMs }).prepare(never);
  expect(server.puts.has('/_ilm/policy/weir-flow')).toBe(false);
  server.policies.set('weir-flow', { phases: { ...hot, ...deleteAfter('90d') } });
  await setupOf({ keepMs: 30 * dayMs }).prepare(never);
  expect(server.puts.has('/_ilm/policy/weir-flow')).toBe(false);
  server.policies.set('weir-flow', {
    phases: { ...hot, ...deleteAfter('90d') },
    _meta: { weir: { policy: 'weir-flow' } },
  });
  await setupOf({ keepMs: 30 * dayMs }).prepare(never);
  expect(server.puts.get('/_ilm/policy/weir-flow')).toMatchObject({
    policy: { phases: { delete: { min_age: `${31 * 86_400}s` } } },
  });
});

test('servers before 7.16 get no _meta, which they would refuse', async () => {
  const old = await startLifecycleDouble('7.3.1');
  const other = createElasticsearchClient({ nodes: [old.url] });
  await setupOf({ client: other, keepMs: dayMs }).prepare(never);
  expect(old.puts.get('/_ilm/policy/weir-flow')).toEqual({ policy: { phases: expect.anything() } });
  expect(old.puts.get('/_template/weir-flow')).toMatchObject({ settings: { 'index.lifecycle.name': 'weir-flow' } });
  await other.close();
  old.stop();
});

test('what the policy does weir does not do as well', async () => {
  await createRetention({
    client,
    layout: createIndexLayout({ indexName: 'weir-flow-%{yyyy.MM.dd}', now: () => 0 }),
    keepMs: dayMs,
    merge: false,
    isIdle: async () => true,
    logger: silentLogger,
    now: () => 100 * dayMs,
  }).tend(never);
  expect(server.deletes).toEqual([]);
});
