// The doctor before real servers that are not as they should be, before what can't be had as doubles, and once as the built program.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Check, runChecks } from '../../../src/app/doctor/check.ts';
import { checkElasticsearch } from '../../../src/app/doctor/elasticsearch.ts';
import { checkKibana } from '../../../src/app/doctor/kibana.ts';
import { checkRedis } from '../../../src/app/doctor/redis.ts';
import { setupKibana } from '../../../src/app/kibana-setup.ts';
import { loadPipelineFile } from '../../../src/app/pipeline-source.ts';
import { setup } from '../../../src/app/setup.ts';
import type { Finding } from '../../../src/model/finding.ts';
import { program } from '../../end-to-end/weir-process.ts';
import { describeWith } from '../../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../../servers/elasticsearch/index.ts';
import { startElasticsearchDouble } from '../../servers/elasticsearch-double.ts';
import { startKibanaDouble } from '../../servers/kibana-double.ts';
import { type RedisServer, startRedis } from '../../servers/redis.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-doctor-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(...lines: readonly string[]): string {
  const path = join(folder, 'pipeline.yml');
  writeFileSync(path, ['name: flow', 'steps: []', ...lines].join('\n'));
  return path;
}

const idsOf = (findings: readonly Finding[]): readonly string[] => findings.map(({ id }) => id);

async function askRedis(url: string): Promise<readonly Finding[]> {
  const { queue } = await loadPipelineFile(write(`queue: { redis: "${url}" }`));
  return (await checkRedis(queue.redis!, () => Date.now()).run()).findings;
}

async function askElasticsearch(...lines: readonly string[]): Promise<readonly Finding[]> {
  const file = await loadPipelineFile(write(...lines));
  return (await checkElasticsearch(file, file.index.elasticsearch!, () => Date.now()).run()).findings;
}

describeWith(['redis'], 'a Redis', () => {
  it('that throws keys away, has no limit and saves nothing is told so, with the commands for it', async () => {
    const redis = await startRedis({ 'maxmemory-policy': 'allkeys-lru' });
    try {
      const findings = await askRedis(redis.url);
      expect(idsOf(findings)).toEqual(['redis-evicts', 'redis-unbounded', 'redis-unsaved']);
      expect(findings[0]?.fix[0]).toBe(
        `redis-cli -h 127.0.0.1 -p ${redis.port} CONFIG SET maxmemory-policy noeviction`,
      );
      // The commands are right: after them all is well.
      for (const fix of findings.flatMap(({ fix: lines }) => lines[0] ?? [])) {
        const [, ...words] = /CONFIG SET (\S+) (\S+)/.exec(fix) ?? [];
        expect(await redis.ask('CONFIG', 'SET', ...words)).toContain('OK');
      }
      expect(await askRedis(redis.url)).toEqual([]);
      await redis.ask('CONFIG', 'SET', 'maxmemory', '900000');
      expect(idsOf(await askRedis(redis.url))).toEqual(['redis-full']);
    } finally {
      await redis.stop();
    }
  });

  it('that wants a password, is away, or stopped in its tracks is told in time, and no secret is', async () => {
    const redis = await startRedis();
    try {
      await redis.ask('CONFIG', 'SET', 'requirepass', 'correct-horse');
      const [refused, ...others] = await askRedis(`redis://:wrong-horse@127.0.0.1:${redis.port}`);
      expect(others).toEqual([]);
      expect(refused).toMatchObject({ id: 'redis-away', severity: 'error' });
      expect(refused?.title).toContain('WRONGPASS');
      expect(JSON.stringify(refused)).not.toContain('wrong-horse');
      await redis.signal('SIGSTOP');
      expect(idsOf(await askRedis(`redis://:correct-horse@127.0.0.1:${redis.port}`))).toEqual(['redis-away']);
      await redis.signal('SIGCONT');
      await redis.signal('SIGKILL');
      expect(idsOf(await askRedis(redis.url))).toEqual(['redis-away']);
    } finally {
      await redis.stop();
    }
  }, 40_000);
});

describeWith(['java', 'maven'], 'an Elasticsearch 7.10.2', () => {
  let elasticsearch: ElasticsearchServer;
  let lines: readonly string[];
  beforeAll(async () => {
    elasticsearch = await startElasticsearch({ settings: { 'cluster.max_shards_per_node': '40' } });
    lines = ['index:', `  elasticsearch: { nodes: ["${elasticsearch.url}"], retention: { keep: 30d } }`];
  }, 300_000);
  afterAll(async () => {
    await elasticsearch?.stop();
  });

  it('without anything of ours, and then set up, is as it should be', async () => {
    const before = await askElasticsearch(...lines);
    expect(idsOf(before)).toEqual(['index-templates-missing', 'elasticsearch-other']);
    expect(before[0]?.fix).toEqual([`weir setup ${join(folder, 'pipeline.yml')}`]);
    await setup(write(...lines));
    expect(idsOf(await askElasticsearch(...lines))).toEqual(['elasticsearch-other']);
  });

  it('with a replica that has no place, a blocked index and fields that disagree says each', async () => {
    await elasticsearch.ask('PUT', '/others', { settings: { number_of_replicas: 1 } });
    await elasticsearch.ask('PUT', '/weir-flow-2020.01.01');
    await elasticsearch.ask('PUT', '/weir-flow-2020.01.01/_settings', { 'index.blocks.read_only_allow_delete': true });
    // As an index is that was made before the template was there.
    await elasticsearch.ask('DELETE', '/_index_template/weir-flow');
    await elasticsearch.ask('PUT', '/weir-flow-2019.01.01', {
      settings: { number_of_replicas: 0 },
      mappings: { properties: { flow: { properties: { bytes: { type: 'keyword' } } } } },
    });
    const findings = await askElasticsearch(...lines);
    const of = (id: string) => findings.find((finding) => finding.id === id);
    expect(of('cluster-yellow')?.title).toContain('replicas have no place');
    expect(of('index-blocked')?.title).toBe('weir-flow-2020.01.01 takes no documents (read_only_allow_delete)');
    expect(of('mapping-conflict')?.title).toContain('flow.bytes');
    expect(of('index-templates-missing')?.title).toContain('template weir-flow');
    const fix = of('index-blocked')?.fix.find((line) => line.startsWith('curl')) ?? '';
    const [, path = '', body = ''] = /PUT \S+?(\/weir\S+) .* -d '(.*)'$/.exec(fix) ?? [];
    await elasticsearch.ask('PUT', path, JSON.parse(body));
    expect(idsOf(await askElasticsearch(...lines))).not.toContain('index-blocked');
    await elasticsearch.ask('DELETE', '/weir-flow-*,others');
  });

  it('whose primary shards have no place is red', async () => {
    await elasticsearch.ask('PUT', '/lost?timeout=1s&wait_for_active_shards=0', {
      settings: { number_of_replicas: 1, 'index.routing.allocation.require._name': 'nobody' },
    });
    const findings = await askElasticsearch(...lines);
    const red = findings.find(({ id }) => id === 'cluster-red');
    expect(red).toMatchObject({
      severity: 'error',
      title: 'The cluster is red: 2 shards have no place, primary ones among them',
      fix: [`curl ${elasticsearch.url}/_cluster/allocation/explain?pretty`],
    });
    expect(idsOf(findings)).not.toContain('cluster-yellow');
    await elasticsearch.ask('DELETE', '/lost');
    expect(idsOf(await askElasticsearch(...lines))).not.toContain('cluster-red');
  });

  it('with a foreign template, disks above their stages and too many shards says each', async () => {
    await elasticsearch.ask('PUT', '/other', { settings: { number_of_shards: 3, number_of_replicas: 0 } });
    await elasticsearch.ask('PUT', '/_index_template/weir-flow', {
      index_patterns: ['weir-flow-*'],
      priority: 500,
      template: { mappings: { properties: { flow: { type: 'object', enabled: false } } } },
    });
    await elasticsearch.ask('PUT', '/_cluster/settings', {
      transient: {
        'cluster.routing.allocation.disk.threshold_enabled': true,
        'cluster.routing.allocation.disk.watermark.low': '1b',
        'cluster.routing.allocation.disk.watermark.high': '1b',
        'cluster.routing.allocation.disk.watermark.flood_stage': '1b',
      },
    });
    expect(idsOf(await askElasticsearch(...lines))).not.toContain('disk-watermark');
    await elasticsearch.ask('PUT', '/_cluster/settings', {
      transient: {
        'cluster.routing.allocation.disk.watermark.low': '0.1%',
        'cluster.routing.allocation.disk.watermark.high': '0.2%',
        'cluster.routing.allocation.disk.watermark.flood_stage': '99.9%',
      },
    });
    await elasticsearch.ask('PUT', '/_cluster/settings', { transient: { 'cluster.max_shards_per_node': 3 } });
    const findings = await askElasticsearch(...lines);
    expect(idsOf(findings)).toEqual(
      expect.arrayContaining(['index-templates-conflict', 'disk-watermark', 'cluster-shards']),
    );
    const conflict = findings.find(({ id }) => id === 'index-templates-conflict');
    expect(conflict?.title).toContain('was not made by weir');
    expect(findings.find(({ id }) => id === 'disk-watermark')?.title).toContain('its high stage is at 0.2 %');
    expect(idsOf(await askElasticsearch('index:', `  elasticsearch: { nodes: ["${elasticsearch.url}"] }`))).toContain(
      'retention-missing',
    );
  });
});

it('lifecycle management that is stopped, or stands still, is told with the commands for it', async () => {
  const elasticsearch = await startElasticsearchDouble();
  let [mode, step, isAvailable] = ['STOPPED', 'ERROR', true];
  elasticsearch.answer = (method, path) => {
    if (method !== 'GET') return undefined;
    if (path === '/_xpack') return [200, { features: { ilm: { available: isAvailable, enabled: isAvailable } } }];
    if (path === '/_ilm/status') return [200, { operation_mode: mode }];
    if (path.endsWith('/_ilm/explain'))
      return [
        200,
        {
          indices: {
            'weir-flow-2020.01.01': { step, failed_step: 'delete', step_info: { reason: 'no rights to delete' } },
          },
        },
      ];
    if (path === '/_cluster/health')
      return [200, { status: 'green', unassigned_shards: 0, active_shards: 1, number_of_data_nodes: 1 }];
    if (path.startsWith('/_ilm/policy')) return [404, {}];
    return path.startsWith('/_cat') ? [200, []] : path.startsWith('/_index_template') ? undefined : [200, {}];
  };
  const ask = () =>
    askElasticsearch(`index: { elasticsearch: { nodes: ["${elasticsearch.url}"], retention: { keep: 30d } } }`);
  try {
    const lifecycle = (await ask()).filter(({ id }) => id.startsWith('lifecycle'));
    expect(lifecycle.map(({ id, title }) => [id, title])).toEqual([
      ['lifecycle-stopped', `The lifecycle management of Elasticsearch at ${elasticsearch.url} is stopped`],
      ['lifecycle-failed', 'The lifecycle of weir-flow-2020.01.01 can’t go on: no rights to delete'],
    ]);
    expect(lifecycle.flatMap(({ fix }) => fix)).toEqual(
      expect.arrayContaining([
        `curl -X POST ${elasticsearch.url}/_ilm/start`,
        `curl -X POST ${elasticsearch.url}/weir-flow-2020.01.01/_ilm/retry`,
      ]),
    );
    [mode, step] = ['RUNNING', 'complete'];
    expect(idsOf(await ask()).filter((id) => id.startsWith('lifecycle'))).toEqual([]);
    [mode, isAvailable] = ['STOPPED', false];
    expect(idsOf(await ask()).filter((id) => id.startsWith('lifecycle'))).toEqual([]);
  } finally {
    await elasticsearch.stop();
  }
});

it('a Kibana without our dashboards, or with some of them, is told so until weir setup has put them there', async () => {
  const kibana = await startKibanaDouble();
  const ask = async () => (await checkKibana({ url: kibana.url }, undefined, '/etc/weir/flow.yml').run()).findings;
  try {
    const [missing, ...others] = await ask();
    expect(others).toEqual([]);
    expect(missing).toMatchObject({
      id: 'dashboards-missing',
      fix: [expect.stringContaining('weir setup /etc/weir/flow.yml')],
    });
    await setupKibana({ url: kibana.url }, { dryRun: false, force: false });
    expect(await ask()).toEqual([]);
    const remove = (type: string): void => {
      const gone = [...kibana.objects.keys()].find((key) => key.includes(`/${type}/`)) ?? '';
      expect(kibana.objects.delete(gone), type).toBe(true);
    };
    // What its user does not want.
    remove('dashboard');
    expect(await ask()).toEqual([]);
    // A hole in dashboards.
    remove('index-pattern');
    expect((await ask())[0]?.title).toContain('1 are not there');
  } finally {
    await kibana.stop();
  }
});

it('a page of HTML, and a host that swallows everything, are told in time, for Elasticsearch and Kibana', async () => {
  const page = createHttpServer((_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in'),
  );
  const hole = createServer(() => undefined);
  const urls = await Promise.all(
    [page, hole].map(
      (server) =>
        new Promise<string>((resolve) =>
          server.listen(0, '127.0.0.1', () =>
            resolve(`http://user:secret-word@127.0.0.1:${(server.address() as AddressInfo).port}`),
          ),
        ),
    ),
  );
  try {
    const checks: Check[] = [];
    for (const url of urls) {
      const file = await loadPipelineFile(write(`index: { elasticsearch: { nodes: ["${url}"] } }`));
      const kibana = { url: url.replace('user:secret-word@', '') };
      checks.push(
        checkElasticsearch(file, file.index.elasticsearch!, () => Date.now()),
        checkKibana(kibana, undefined, file.path),
      );
    }
    const results = await runChecks(checks);
    expect(results.map(({ findings }) => idsOf(findings))).toEqual([
      ['elasticsearch-away'],
      ['kibana-away'],
      ['elasticsearch-away'],
      ['kibana-away'],
    ]);
    expect(results[0]?.said).toContain('HTML page');
    expect(JSON.stringify(results)).not.toContain('secret-word');
  } finally {
    page.close();
    page.closeAllConnections();
    hole.close();
  }
}, 40_000);

describeWith(['redis'], 'weir doctor', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ 'maxmemory-policy': 'volatile-lru' });
  });
  afterAll(async () => {
    await redis.stop();
  });

  function run(
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
    const child = spawn(process.execPath, [program, 'doctor', ...args], {
      cwd: folder,
      env: { ...process.env, REDIS_URL: '', ELASTICSEARCH_URL: '' },
    });
    let [output, errors] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, output, errors })));
  }

  it('ends with what to mend, without colours in a pipe, and code 1; with --json as JSON', async () => {
    const path = write(
      'listen: [ "udp://127.0.0.1:0" ]',
      'telemetry: { http: off }',
      `queue: { redis: "redis://:some-secret@127.0.0.1:${redis.port}" }`,
    );
    await redis.ask('CONFIG', 'SET', 'requirepass', 'some-secret');
    const { code, output, errors } = await run(path);
    expect(errors).toBe('');
    expect(output).toMatch(/ERROR {3}Redis redis:\/\/127\.0\.0\.1:\d+: Redis \d/);
    expect(output).toMatch(
      /1\. ERROR Redis at .* throws keys away when it is full \(maxmemory-policy volatile-lru\)\. \[redis-evicts\]/,
    );
    expect(output).toContain('CONFIG SET maxmemory-policy noeviction');
    expect(output).not.toContain('\u001b');
    expect(output).not.toContain('some-secret');
    expect(code).toBe(1);
    const asJson = await run(path, '--json');
    const { findings } = JSON.parse(asJson.output) as { readonly findings: readonly Finding[] };
    expect(idsOf(findings)).toContain('redis-evicts');
    expect(asJson.code).toBe(1);
  });

  it('ends with code 3 where there is nothing but warnings, and with 2 for a file with mistakes', async () => {
    const warned = await run(write('listen: [ "udp://127.0.0.1:0" ]', 'telemetry: { http: off }'));
    expect(warned.output).toContain('[weir-not-running]');
    expect(warned.output).not.toContain('ERROR');
    expect(warned.code).toBe(3);
    expect((await run(write('lisen: []'))).code).toBe(2);
  });
});
