// The keys of the pipeline file, their types, bounds and defaults. docs/pipelines.md describes each.

import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { fromBytes, fromMs, toBytes, toMs } from './quantities.ts';

export interface ListenAddress {
  readonly protocol: 'udp';
  /** IP address without brackets. "::" takes IPv4, too. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** NetFlow, IPFIX, sFlow, and NetFlow's second home; any of them takes any protocol. */
export const defaultListen = ['udp://[::]:2055', 'udp://[::]:4739', 'udp://[::]:6343', 'udp://[::]:9995'] as const;

export const protocols = ['netflow5', 'netflow9', 'ipfix', 'sflow5'] as const;

function size(min: number, max: number) {
  return z.union([z.string(), z.number()], { error: 'expected a size such as "64MiB"' }).transform((text, context) => {
    const bytes = toBytes(text);
    if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
    const message =
      bytes === undefined
        ? 'expected a size such as "64MiB" (KB, MB, GB, KiB, MiB, GiB)'
        : `expected a size from ${fromBytes(min)} to ${fromBytes(max)}`;
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });
}

function duration(min: number, max: number) {
  return z.string({ error: 'expected a duration with its unit, such as "200ms"' }).transform((text, context) => {
    const ms = toMs(text);
    if (ms !== undefined && ms >= min && ms <= max) return ms;
    const message =
      ms === undefined
        ? 'expected a duration such as "200ms" (ms, s, m, h, d)'
        : `expected a duration from ${fromMs(min)} to ${fromMs(max)}`;
    context.issues.push({ code: 'custom', message, input: text });
    return z.NEVER;
  });
}

function whole(min: number, max: number) {
  return z
    .number({ error: `expected a whole number from ${min} to ${max}` })
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, {
      error: `expected a whole number from ${min} to ${max}`,
    });
}

function words(what: string) {
  return z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` });
}

/** One or a list of them. */
function oneOrMore<T extends z.ZodType>(item: T, what: string) {
  return z
    .union([z.string(), z.array(z.unknown())], { error: `expected ${what}, or a list of them` })
    .transform((value): unknown[] => (typeof value === 'string' ? [value] : value))
    .pipe(z.array(item));
}

const listenAddress = z
  .string({ error: 'expected an address such as "udp://0.0.0.0:2055"' })
  .transform((text, context) => {
    const address = toListenAddress(text);
    if (typeof address !== 'string') return address;
    context.issues.push({ code: 'custom', message: address, input: text });
    return z.NEVER;
  });

/** The address, or what is wrong with it. */
function toListenAddress(text: string): ListenAddress | string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(\[[^[\]]*\]|[^:/[\]]*)(?::(\d*))?\/?$/i.exec(text);
  if (match === null) return 'expected an address such as "udp://0.0.0.0:2055" or "udp://[::]:2055"';
  if (match[1]!.toLowerCase() !== 'udp') return 'weir listens on UDP only: expected "udp://…"';
  const host = match[2]!.startsWith('[') ? match[2]!.slice(1, -1) : match[2]!;
  const bracketed = match[2]!.startsWith('[');
  if (isIP(host) === 0 || isIPv6(host) !== bracketed) {
    return 'expected an IP address before the port ("0.0.0.0" or "[::]" for all)';
  }
  const port = match[3] === undefined || match[3] === '' ? undefined : Number(match[3]);
  if (port === undefined) return 'the port is missing: expected an address such as "udp://0.0.0.0:2055"';
  if (port > 65_535) return 'expected a port from 0 to 65535 (0: any free one)';
  return { protocol: 'udp', host, port };
}

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
    listen: oneOrMore(listenAddress, 'an address such as "udp://0.0.0.0:2055"').prefault([...defaultListen]),
    collect: z.strictObject({ receive_buffer: size(64 * 1024, 2 ** 30).prefault('32MiB') }).prefault({}),
    decode: z
      .strictObject({
        elements: oneOrMore(words('the path of a YAML file'), 'the path of a YAML file').prefault([]),
        ipfix_definitions: words('the path of a YAML file').optional(),
        netflow_definitions: words('the path of a YAML file').optional(),
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
