// `weir check --connect` and `--print`.

import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { check } from '../../src/app/check.ts';
import { toEffectiveYaml } from '../../src/enrich/effective-file.ts';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { WeirError } from '../../src/model/errors.ts';
import { startElasticsearchDouble } from '../servers/elasticsearch-double.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-connect-'));
afterAll(() => rmSync(folder, { recursive: true }));
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function write(text: string): string {
  const path = join(folder, 'pipeline.yml');
  writeFileSync(path, text);
  return path;
}

async function failureOf(path: string): Promise<WeirError> {
  const error: unknown = await check(path, { connect: true }).catch((reason: unknown) => reason);
  if (error instanceof WeirError) return error;
  throw new Error('nothing failed');
}

describe('weir check --connect', () => {
  test('opens the ports for a moment and asks Elasticsearch', async () => {
    const server = await startElasticsearchDouble();
    closers.push(server.stop);
    const path = write(
      `name: a\nsteps: []\nlisten: [ "udp://127.0.0.1:0", "tcp://127.0.0.1:0" ]\nindex: { elasticsearch: { nodes: "${server.url}" } }\n`,
    );
    expect((await check(path, { connect: true })).split('\n')).toEqual([
      'ok     listen udp://127.0.0.1:0: can be opened',
      'ok     listen tcp://127.0.0.1:0: can be opened',
      `ok     Elasticsearch ${server.url}: Elasticsearch 7.10.2; index templates will be put by weir run, or weir setup`,
      `${path}: 0 steps, 0 tests passed`,
    ]);
    expect(server.templates.size).toBe(0);
  });

  test('names everything that is wrong: a port in use, a server that refuses us, one that is away', async () => {
    const server = await startElasticsearchDouble();
    closers.push(server.stop);
    server.status = 401;
    const away = await startElasticsearchDouble();
    await away.stop();
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    closers.push(() => socket.close());
    const { port } = socket.address() as AddressInfo;
    const path = write(
      `name: a\nsteps: []\nlisten: "udp://127.0.0.1:${port}"\nindex: { elasticsearch: { nodes: [ "${server.url}", "${away.url}" ], username: weir, password: hunter2 } }\n`,
    );
    const { code, message } = await failureOf(path);
    expect(code).toBe('connect-failed');
    const lines = message.split('\n');
    expect(lines[0]).toMatch(new RegExp(`^FAILED listen udp://127\\.0\\.0\\.1:${port}: .*in use`));
    expect(lines[1]).toMatch(/^FAILED Elasticsearch http.*: the server does not accept the user and password/);
    expect(lines[2]).toMatch(/^FAILED Elasticsearch http.*: .*ECONNREFUSED/);
    expect(lines[3]).toBe(`${path}: 3 of 3 connections failed`);
    expect(message).not.toContain('hunter2');
  });

  test('says of a Redis why it can not be used, without its password', async () => {
    const error = await failureOf(
      write('name: a\nlisten: udp://127.0.0.1:0\nsteps: []\nqueue: { redis: "redis://:hunter2@127.0.0.1:1" }\n'),
    );
    expect(error.code).toBe('connect-failed');
    expect(error.message).toMatch(/^FAILED Redis redis:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/m);
    expect(error.message).not.toContain('hunter2');
  });
});

function effective(text: string, environment: Record<string, string> = {}) {
  const file = readPipelineFile(text, { path: 'a.yml', environment, stepDefinitions: stepCatalog });
  return toEffectiveYaml(file, stepCatalog);
}

describe('weir check --print', () => {
  test('prints a pipeline file with every default, which means the same', () => {
    const text = `name: a\nsteps: [ server, sampling: { default: "\${RATE}" } ]\nbatch: { age: 5s }\n`;
    const printed = effective(text, { RATE: '100' });
    const read = (yaml: string) => {
      const {
        written: _,
        steps,
        ...file
      } = readPipelineFile(yaml, {
        path: 'a.yml',
        environment: { RATE: '100' },
        stepDefinitions: stepCatalog,
      });
      return { ...file, steps: steps.map(({ name, options }) => ({ name, options })) };
    };
    expect(read(printed)).toEqual(read(text));
    expect(parse(printed)).toMatchObject({
      batch: { age: '5s', records: 2000, bytes: '1MiB' },
      index: { files: { directory: './flows' } },
    });
  });

  test('masks secrets', () => {
    const printed = effective(
      `name: a\nsteps: []\nindex: { elasticsearch: { nodes: "http://weir:hunter@2@es:9200", username: weir, password: "\${P}" } }\n`,
      { P: 'hunter3' },
    );
    expect(printed).not.toMatch(/hunter/);
    expect(parse(printed)).toMatchObject({
      index: { elasticsearch: { nodes: 'http://***@es:9200', username: 'weir', password: '***' } },
    });
    const withKey = effective(
      'name: a\nsteps: []\nindex: { elasticsearch: { nodes: "http://es:9200", api_key: abc } }\n',
    );
    expect(parse(withKey)).toMatchObject({ index: { elasticsearch: { api_key: '***' } } });
  });

  test('masks what steps have: keys, communities, passwords of SNMP, keys in URLs', () => {
    const steps = [
      'anonymize: { key: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789hunter" }',
      'interfaces: { snmp: { agents: { 10.0.0.0/8: { community: hunter1 }, 10.1.0.0/16: { user: weir, auth_password: hunter22, priv_password: hunter33 } } } }',
      'reputation: { lists: [ { url: "https://lists.example/a.txt?key=hunter5&format=csv" } ] }',
      'community-id: { seed: 7 }',
    ].map((step) => step.replace('89hunter', '89abcdef'));
    const printed = effective(`name: a\nsteps:\n${steps.map((step) => `  - ${step}\n`).join('')}`);
    expect(printed).not.toMatch(/hunter|0123456789/);
    expect(parse(printed)).toMatchObject({
      steps: [
        { anonymize: { key: '***' } },
        { interfaces: { snmp: { agents: { '10.0.0.0/8': { community: '***' }, '10.1.0.0/16': { user: 'weir' } } } } },
        { reputation: { lists: [{ url: 'https://lists.example/a.txt?key=***&format=***' }] } },
        { 'community-id': { seed: 7 } },
      ],
    });
  });

  test('masks what variables hold whose names say so, and texts that are included', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-print-'));
    writeFileSync(join(folder, 'token'), 'hunter4\n');
    const file = readPipelineFile(
      `name: a
steps:
  - fields: { set: { labels.a: "Bearer \${FEED_TOKEN}", labels.b: "\${API_KEY:hunter5}", labels.c: !include token, labels.d: "\${SITE}" } }
  - reputation: { lists: [ { url: "https://lists.example/\${FEED_TOKEN}/drop.txt" } ] }
  - server
index: { elasticsearch: { nodes: [ "http://es:9200", "http://\${ES_USER}:\${ES_PASSWORD}@es2:9200" ] } }
`,
      {
        path: join(folder, 'a.yml'),
        environment: { FEED_TOKEN: 'hunter6', SITE: 'hunters', ES_USER: 'weir', ES_PASSWORD: 'hunter7' },
        stepDefinitions: stepCatalog,
      },
    );
    rmSync(folder, { recursive: true });
    const printed = toEffectiveYaml(file, stepCatalog);
    expect(printed).not.toMatch(/hunter\d/);
    expect(parse(printed)).toMatchObject({
      steps: [
        { fields: { set: { 'labels.a': 'Bearer ***', 'labels.b': '***', 'labels.c': '***', 'labels.d': 'hunters' } } },
        { reputation: { lists: [{ url: 'https://lists.example/***/drop.txt' }] } },
        { server: { method: 'evidence' } },
      ],
      index: { elasticsearch: { nodes: ['http://es:9200', 'http://***@es2:9200'] } },
    });
  });

  test('shows the column of a key, which is no secret', () => {
    const printed = effective(
      'name: a\nsteps: [ { lookup: { by: flow.src_addr, file: a.csv, key: network, set: { labels.a: b } } } ]\n',
    );
    expect(parse(printed)).toMatchObject({ steps: [{ lookup: { key: 'network' } }] });
  });

  test.each([
    ['anonymize: { key: hunter2 }'],
    ['interfaces: { snmp: { agents: { user: weir, auth_password: hunter2 } } }'],
    ['interfaces: { snmp: { agents: { community: [ hunter2 ] } } }'],
  ])('a wrong secret is not shown either: %s', (step) => {
    expect(() => effective(`name: a\nsteps: [ { ${step} } ]\n`)).toThrow(/expected(?![\s\S]*hunter)/);
  });

  test('shows the path of the TLS key', () => {
    const printed = effective('name: a\nsteps: []\ncollect: { tls: { certificate: c.pem, key: k.pem } }\n');
    expect(parse(printed)).toMatchObject({ collect: { tls: { key: 'k.pem' } } });
  });

  test('ends with the outcome of the check, as a comment', async () => {
    const path = write('name: a\nsteps: [ server ]\n');
    expect((await check(path, { print: true })).split('\n').at(-1)).toBe(`# ${path}: 1 step, 0 tests passed`);
  });
});
