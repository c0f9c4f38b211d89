import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { toJsonSchema } from '../../src/enrich/pipeline-json-schema.ts';
import { pipelineSchema } from '../../src/enrich/pipeline-schema.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';

const lines = readFileSync(new URL('../../docs/pipelines.md', import.meta.url), 'utf8').split('\n');

/** Every key of the file that has no keys of its own: `batch.records`. `tests` and `steps` have tables of their own. */
function leafKeys(schema: z.core.$ZodType, path: readonly string[]): readonly string[] {
  let inner = schema;
  while (inner instanceof z.core.$ZodPrefault || inner instanceof z.core.$ZodOptional) inner = inner._zod.def.innerType;
  if (!(inner instanceof z.core.$ZodObject)) return [path.join('.')];
  return Object.entries(inner._zod.def.shape).flatMap(([key, value]) => leafKeys(value, [...path, key]));
}

test('docs/pipelines.md has a row for each key of the pipeline file', () => {
  const keys = leafKeys(pipelineSchema, []);
  expect(keys).toContain('batch.records');
  expect(keys).toContain('index.elasticsearch.nodes');
  // "`index.elasticsearch.username`, `.password`" stands for two keys.
  const documented = lines
    .filter((line) => /^\| `[a-z]/.test(line))
    .flatMap((line) => {
      const names = [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
      const parent = (names[0] ?? '').replace(/\.[^.]*$/, '');
      return names.map((name) => (name.startsWith('.') ? parent + name : name));
    });
  expect(keys.filter((key) => !documented.includes(key))).toEqual([]);
});

test('docs/pipelines.md has a row for each option of each step, and no other', () => {
  const documented: string[] = [];
  let step = '';
  const start = lines.findIndex((line) => line.startsWith('| step | option |'));
  expect(start).toBeGreaterThan(0);
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    const [, name = '', option = ''] = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    if (name !== '') step = name;
    documented.push(option === '' ? step : `${step}.${option}`);
  }
  const expected = stepCatalog.flatMap(({ name, options }) => {
    const { properties = {} } = toJsonSchema(options) as { properties?: object };
    const keys = Object.keys(properties);
    return keys.length === 0 ? [name] : keys.map((key) => `${name}.${key}`);
  });
  expect(documented.toSorted()).toEqual(expected.toSorted());
});

test('the defaults in docs/pipelines.md are those of the file', () => {
  const { batch, collect, queue, state, index } = pipelineSchema.parse({ name: 'a', steps: [] });
  const rowOf = (key: string) => lines.find((line) => line.startsWith(`| \`${key}\` |`)) ?? '';
  const defaults = {
    'batch.records': [batch.records, '2000'],
    'batch.bytes': [batch.bytes, '1MiB'],
    'batch.age': [batch.age, '200ms'],
    'collect.receive_buffer': [collect.receive_buffer, '32MiB'],
    'collect.tcp.connections': [collect.tcp.connections, '256'],
    'collect.tcp.connections_per_address': [collect.tcp.connections_per_address, '16'],
    'collect.tcp.handshake': [collect.tcp.handshake, '10s'],
    'collect.tcp.message': [collect.tcp.message, '30s'],
    'collect.tcp.idle': [collect.tcp.idle, '1h'],
    'queue.memory': [queue.memory, '128MiB'],
    'index.files.max_bytes': [index.files.max_bytes, '256MiB'],
    state: [state, './state'],
    'index.name': [index.name, 'weir-flow-%{yyyy.MM.dd}'],
    'index.files.directory': [index.files.directory, './flows'],
  } as const;
  const written = {
    '2000': 2000,
    '256': 256,
    '16': 16,
    '10s': 10_000,
    '30s': 30_000,
    '1h': 3_600_000,
    '1MiB': 2 ** 20,
    '200ms': 200,
    '32MiB': 2 ** 25,
    '128MiB': 2 ** 27,
    '256MiB': 2 ** 28,
  };
  for (const [key, [value, text]] of Object.entries(defaults)) {
    expect(rowOf(key).split('|')[3]).toBe(` \`${text}\` `);
    expect(value).toBe((written as Record<string, unknown>)[text] ?? text);
  }
});
