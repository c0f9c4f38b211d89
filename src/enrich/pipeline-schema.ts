// The keys of the pipeline file, their types, bounds and defaults. docs/pipelines.md describes each.

import { isIP } from 'node:net';
import { z } from 'zod';
import { collect, listen } from './collect-section.ts';
import { duration, oneOrMore, size, whole, words } from './setting-types.ts';

export const protocols = ['netflow5', 'netflow9', 'ipfix', 'sflow5'] as const;

const nodeUrl = z.string({ error: 'expected a URL such as "http://localhost:9200"' }).refine(
  (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '';
  },
  { error: 'expected a URL such as "http://localhost:9200" or "https://…"' },
);

// Elasticsearch: lower case, none of \ / * ? " < > | space , # :, not - _ + first, at most 255 bytes.
const indexName = words('the name of an index').refine(
  (text) =>
    /^(?![-_+.%])(?:[^A-Z\\/*?"<>|\s,#:%]|%\{(?:yyyy|MM|dd|[.\-_])+\})+$/.test(text) && Buffer.byteLength(text) <= 200,
  { error: 'expected an index name in lower case such as "weir-flow-%{yyyy.MM.dd}" (yyyy, MM, dd)' },
);

const elasticsearch = z.strictObject({
  nodes: oneOrMore(nodeUrl, 'a URL such as "http://localhost:9200"').prefault([]),
  username: words('a user name').optional(),
  password: words('a password').optional(),
  api_key: words('an API key').optional(),
  ca_file: words('the path of a PEM file').optional(),
  product_check: z.enum(['auto', 'strict', 'off']).prefault('auto'),
  concurrency: whole(1, 64).prefault(2),
});

const files = z.strictObject({
  directory: words('a folder').prefault('./flows'),
  max_bytes: size(1024, 2 ** 40).prefault('256MiB'),
});

/** Steps are checked one by one with their own options (pipeline-file.ts). */
const stepItem = z.union([z.string(), z.record(z.string(), z.unknown())], {
  error: 'expected a step: its name, or "name: { options }"',
});

const address = z
  .string({ error: 'expected an IP address' })
  .refine((text) => isIP(text) !== 0, { error: 'expected an IP address' });

const fieldMap = (what: string) => z.record(z.string(), z.unknown(), { error: `expected a mapping ${what}` });

const test = z.strictObject({
  name: words('a sentence that says what is tested'),
  record: z.strictObject(
    {
      protocol: z.enum(protocols),
      exporter: address,
      fields: fieldMap('from information element to value'),
    },
    { error: 'expected a mapping with protocol, exporter and fields' },
  ),
  expect: z.union([z.literal('dropped'), z.record(z.string(), z.unknown())], {
    error: 'expected a mapping from document field to value, or the word "dropped"',
  }),
});

export const pipelineSchema = z.strictObject(
  {
    name: words('a name').refine((text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text), {
      error: 'expected a name of letters, digits, ".", "_" and "-", at most 64',
    }),
    listen,
    collect,
    decode: z
      .strictObject({
        elements: oneOrMore(words('the path of a YAML file'), 'the path of a YAML file').prefault([]),
        ipfix_definitions: words('the path of a YAML file').optional(),
        netflow_definitions: words('the path of a YAML file').optional(),
        tunnels: z.enum(['outer', 'inner']).prefault('outer'),
      })
      .prefault({}),
    batch: z
      .strictObject({
        records: whole(1, 100_000).prefault(2000),
        bytes: size(1024, 64 * 2 ** 20).prefault('1MiB'),
        age: duration(1, 60_000).prefault('200ms'),
      })
      .prefault({}),
    queue: z
      .strictObject({
        redis: z.string({ error: 'expected the URL of a Redis, or nothing' }).optional(),
        memory: size(2 ** 20, 2 ** 36).prefault('128MiB'),
      })
      .prefault({}),
    state: words('a folder').prefault('./state'),
    steps: z.array(stepItem, { error: 'expected the list of steps, such as "- sampling: {}"' }),
    index: z
      .strictObject({
        name: indexName.prefault('weir-flow-%{yyyy.MM.dd}'),
        elasticsearch: elasticsearch.optional(),
        files: files.prefault({}),
      })
      .prefault({}),
    tests: z.array(test, { error: 'expected a list of tests' }).prefault([]),
  },
  { error: 'expected a mapping with the keys name, steps, …' },
);

export type PipelineConfig = z.output<typeof pipelineSchema>;
