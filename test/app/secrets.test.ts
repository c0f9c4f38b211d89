// No secret of a pipeline file is shown: every key that may hold one gets a marked value, and the marks are looked for in all
// that weir says: `weir check` with --print and --connect, mistakes, `weir setup`, the log at debug level, /metrics.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { check } from '../../src/app/check.ts';
import { setup } from '../../src/app/setup.ts';
import { type JsonSchema, toJsonSchema } from '../../src/enrich/pipeline-json-schema.ts';
import { pipelineSchema } from '../../src/enrich/pipeline-schema.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { createFlowSender } from '../end-to-end/numbered-flows.ts';
import { program, startWeir, type WeirProcess, waitUntil } from '../end-to-end/weir-process.ts';
import { freePort } from '../servers/free-port.ts';

/** In every marked value, also where it had to be written as %40 or base64. */
const mark = 'hunter2';
/** Where a secret is 32 bytes in hex. */
const hexMark = 'abad1dea'.repeat(8);
/** Nobody listens there. */
const closed = '127.0.0.1:5';

/** Keys that sound as if they held a secret, and hold none: paths of files, names of columns, what Redis keys begin with. */
const plain = ['collect.tls.key', 'queue.key', 'index.elasticsearch.key', 'steps.lookup.key', 'queue.key_prefix'];

/** The kinds of keys that may hold one beside those that are called so: URLs. */
const urls = [
  'queue.redis',
  'index.elasticsearch.nodes',
  'index.elasticsearch.proxy',
  'kibana.url',
  'steps.reputation.lists.url',
];

/** By key of the pipeline file. Maps with keys of their own (agents) are written as `*`. */
const secrets: readonly { readonly keys: readonly string[]; readonly file: Readonly<Record<string, unknown>> }[] = [
  {
    keys: ['queue.redis', 'index.elasticsearch.nodes', 'index.elasticsearch.proxy', 'kibana.url', 'telemetry.token'],
    file: {
      queue: { redis: `redis://weir:p%40ss%2F${mark}@${closed}/1` },
      index: {
        elasticsearch: {
          nodes: [`http://weir:p%40${mark}@${closed}`, `http://weir:${mark}@${closed}/es`],
          proxy: `http://proxy:${mark}@${closed}`,
        },
      },
      kibana: { url: `http://weir:${mark}@${closed}/base` },
      telemetry: { token: `token-${mark}` },
    },
  },
  {
    keys: [
      'queue.password',
      'queue.sentinel_password',
      'index.elasticsearch.password',
      'index.elasticsearch.key_passphrase',
      'kibana.password',
      'telemetry.password',
      'steps.anonymize.key',
      'steps.interfaces.snmp.agents.*.community',
      'steps.interfaces.snmp.agents.*.auth_password',
      'steps.interfaces.snmp.agents.*.priv_password',
      'steps.reputation.lists.url',
    ],
    file: {
      queue: {
        redis: [`redis://${closed}`],
        mode: 'sentinel',
        master: 'mymaster',
        username: 'weir',
        password: `redis-${mark}`,
        sentinel_password: `sentinel-${mark}`,
      },
      index: {
        elasticsearch: {
          nodes: [`https://${closed}`],
          username: 'weir',
          password: `elastic-${mark}`,
          certificate: 'weir.pem',
          key: 'weir.pem',
          key_passphrase: `phrase-${mark}`,
        },
      },
      kibana: { url: `http://${closed}`, username: 'weir', password: `kibana-${mark}` },
      telemetry: { username: 'weir', password: `metrics-${mark}` },
      steps: [
        { anonymize: { key: hexMark, exporters: false } },
        {
          interfaces: {
            snmp: {
              agents: {
                '127.0.0.0/8': { community: `community-${mark}` },
                '10.0.0.0/8': { user: 'u', auth_password: `auth-${mark}`, priv_password: `priv-${mark}` },
              },
            },
          },
        },
        { reputation: { lists: [{ url: `http://${closed}/list.txt?format=csv&key=${mark}` }] } },
      ],
    },
  },
  {
    keys: ['index.elasticsearch.api_key', 'kibana.api_key'],
    file: {
      index: { elasticsearch: { nodes: [`http://${closed}`], api_key: `api-${mark}` } },
      kibana: { url: `http://${closed}`, api_key: `kibana-${mark}` },
    },
  },
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-secrets-'));
  writeFileSync(join(folder, 'weir.pem'), 'no certificate');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As sent in headers, `weir:…` in base64 has other letters, by where it begins: all three beginnings. */
const disguises = ['', 'x', 'xx'].map((before) =>
  Buffer.from(`${before}${mark}`)
    .toString('base64')
    .slice(before.length === 0 ? 0 : 4, 8 + before.length - 1),
);

function expectNoMark(text: string): void {
  for (const secret of [mark, hexMark, ...disguises]) expect(text).not.toContain(secret);
}

function write(name: string, file: Readonly<Record<string, unknown>>): string {
  const path = join(folder, name);
  const whole = { name: 'a', listen: 'udp://127.0.0.1:0', steps: [], telemetry: {}, ...file };
  writeFileSync(path, stringify(whole));
  return path;
}

/** What it gives, or the error, with its cause as --log-level debug shows it. */
async function saidBy(work: () => Promise<string | readonly string[]>): Promise<string> {
  try {
    return String(await work());
  } catch (error) {
    const { message, hint, stack, cause, context } = error as Error & { hint?: string; context?: unknown };
    return [message, hint, stack, String(cause), (cause as Error | undefined)?.stack, JSON.stringify(context)].join(
      '\n',
    );
  }
}

describe.concurrent.each(secrets)('the secrets of $keys', ({ keys, file }) => {
  test('are not in weir check --print, which shows that they are there', async () => {
    const printed = await check(write(`print-${keys.length}.yml`, file), { print: true });
    expectNoMark(printed);
    expect(printed).toContain('***');
    expect(JSON.stringify(parse(printed))).toContain('"steps"');
  });

  test('are not in what weir check --connect and weir setup say of servers that are away', async () => {
    const path = write(`connect-${keys.length}.yml`, file);
    const connected = await saidBy(() => check(path, { connect: true }));
    expect(connected).toContain('FAILED');
    expectNoMark(connected);
    expectNoMark(await saidBy(() => setup(path)));
  });

  test('are not in mistakes about them', async () => {
    for (const wrong of wrongForms(file))
      expectNoMark(await saidBy(() => check(write(`wrong-${keys.length}.yml`, wrong))));
  });
});

/** The file with each marked text in a list, in a mapping, with a blank before it, under a key with a slip. */
function wrongForms(file: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  const change = (value: unknown, form: (text: string) => unknown): unknown => {
    if (typeof value === 'string') return value.includes(mark) || value === hexMark ? form(value) : value;
    if (Array.isArray(value)) return value.map((item) => change(item, form));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner, form)]));
  };
  return [
    (text: string) => [[text]],
    (text: string) => ({ value: text }),
    (text: string) => ` ${text}`,
    (text: string) => text.replace('://', ':/'),
    (text: string) => text.replace('://', ':'),
    (text: string) => text.replace(/^\w+:\/\//, ''),
    (text: string) => text.replace(/^\w+/, 'ftp'),
    (text: string) => text.replace('@', '/@'),
    (text: string) => text.replace(closed, 'no host'),
  ].map((form) => change(file, form) as Readonly<Record<string, unknown>>);
}

test('every key that may hold a secret is tried above', () => {
  const tried = secrets.flatMap(({ keys }) => keys);
  const ofSteps = stepCatalog.flatMap(({ name, options }) => keysOf(toJsonSchema(options), ['steps', name]));
  const sounding = [...keysOf(toJsonSchema(pipelineSchema), []), ...ofSteps].filter((key) =>
    /pass|secret|token|credential|communit|(?:^|_)key|auth/i.test(key.split('.').at(-1) ?? ''),
  );
  expect(sounding).toContain('index.elasticsearch.key_passphrase');
  expect(sounding.filter((key) => !plain.includes(key) && !tried.includes(key))).toEqual([]);
  expect(urls.filter((key) => !tried.includes(key))).toEqual([]);
});

function keysOf(schema: JsonSchema, path: readonly string[]): string[] {
  const {
    properties = {},
    items,
    anyOf = [],
    additionalProperties,
  } = schema as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly items?: JsonSchema;
    readonly anyOf?: readonly JsonSchema[];
    readonly additionalProperties?: JsonSchema | boolean;
  };
  return [
    ...Object.entries(properties).flatMap(([key, inner]) => [
      [...path, key].join('.'),
      ...keysOf(inner, [...path, key]),
    ]),
    ...(typeof additionalProperties === 'object' ? keysOf(additionalProperties, [...path, '*']) : []),
    ...(items === undefined ? [] : keysOf(items, path)),
    ...anyOf.flatMap((inner) => keysOf(inner, path)),
  ];
}

describe('weir run at debug level', () => {
  let weir: WeirProcess | undefined;
  afterEach(async () => {
    await weir?.stop('SIGKILL');
    weir = undefined;
  });

  test.each([0, 2])('shows no secret, neither in its log nor in its metrics (file %i)', async (index) => {
    const {
      index: sink,
      steps = [],
      queue,
      telemetry = {},
    } = { ...secrets[1]?.file, ...secrets[index]?.file } as Record<string, object>;
    const port = await freePort();
    weir = await startWeir({
      folder: join(folder, `run-${index}`),
      verb: ['run', '--log-level', 'debug'],
      index: JSON.stringify(sink),
      steps: JSON.stringify(steps),
      telemetry: JSON.stringify({ ...telemetry, http: `127.0.0.1:${port}` }),
      // Of the first file alone: weir comes up without its Redis, and spools.
      settings: index === 0 ? stringify({ queue }) : '',
    });
    const sender = createFlowSender(weir.port);
    await sender.send(30);
    sender.close();
    const { token, username, password } = telemetry as Record<string, string>;
    const authorization =
      token === undefined ? `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` : `Bearer ${token}`;
    const ask = async () => (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization } })).text();
    await waitUntil(
      async () => /weir_decode_records_decoded_total\{[^}]*\} 30/.test(await ask()),
      10_000,
      () => weir?.output() ?? '',
    );
    await waitUntil(
      () => (weir?.output() ?? '').includes(closed),
      10_000,
      () => weir?.output() ?? '',
    );
    expectNoMark(await ask());
    // Of the second file alone its end, too: without its Redis weir takes 10 s for it.
    if (index === 2) await weir.stop();
    expectNoMark(weir.output());
  });
});

test('weir geoip update does not show the key of the licence', () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [program, 'geoip', 'update', '--from', `http://${closed}`, '--directory', folder, '--log-level', 'debug'],
    { env: { ...process.env, MAXMIND_LICENSE_KEY: `key-${mark}` } },
  );
  expect(status).not.toBe(0);
  expectNoMark(`${stdout}${stderr}`);
});
