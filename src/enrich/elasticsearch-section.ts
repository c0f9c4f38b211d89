// The key `index.elasticsearch` of the pipeline file: where the cluster is, how to sign in, how much to send, what becomes of old
// indices, and what is summed up.

import { resolve } from 'node:path';
import { z } from 'zod';
import { duration, filePath, fingerprint, flag, oneOrMore, size, whole, words } from './setting-types.ts';

export interface ElasticsearchTarget {
  /** Never empty. */
  readonly nodes: readonly string[];
  readonly username?: string;
  readonly password?: string;
  readonly apiKey?: string;
  /** Absolute paths of PEM files. */
  readonly caFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly keyPassphrase?: string;
  /** SHA-256 of the authority's certificate, in hex. */
  readonly caFingerprint?: string;
  /** URL of an HTTP proxy. */
  readonly proxy?: string;
  readonly productCheck: 'auto' | 'strict' | 'off';
  /** Templates are put at the start; else they must be there. */
  readonly setup: boolean;
  readonly bulk: {
    /** Most requests under way at the same time. */
    readonly concurrency: number;
    readonly maxRequestBytes: number;
    readonly maxRequestDocuments: number;
    readonly compress: boolean;
  };
  /** Absent: weir leaves indices alone. */
  readonly retention?: RetentionSettings;
  /** Absent: none are made. */
  readonly rollups?: RollupSettings;
}

export interface RollupSettings {
  readonly keepMinutesMs: number;
  readonly keepHoursMs: number;
  /** Parts of each kind. */
  readonly top: number;
  /** After the end of a minute. */
  readonly delayMs: number;
}

export interface RetentionSettings {
  readonly keepMs?: number;
  /** All our indices together, replicas included. */
  readonly maxBytes?: number;
  /** Of one index, without replicas; the name has no time then. */
  readonly rollOverBytes?: number;
  /** Months of the ledger, and dead letters, go after so long. */
  readonly ledgerMs: number;
  readonly deadLettersMs: number;
  readonly merge: boolean;
  readonly everyMs: number;
}

const nodeUrl = z.string({ error: 'expected a URL such as "http://localhost:9200"' }).refine(isHttpUrl, {
  error: 'expected a URL such as "http://localhost:9200" or "https://…"',
});

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '';
}

const day = 86_400_000;

const retention = z.strictObject({
  keep: duration(day, 3650 * day)
    .optional()
    .describe('Indices whose last day is over for so long are deleted. Without it, age deletes nothing.'),
  max_size: size(2 ** 20, 2 ** 50)
    .optional()
    .describe('While all indices together are larger on disk, the oldest is deleted.'),
  roll_over_at: size(2 ** 20, 2 ** 50)
    .optional()
    .describe('With an index.name without a time: a new index begins at this size.'),
  ledger: duration(31 * day, 3650 * day)
    .prefault('90d')
    .describe('Months of the ledger that are over for so long are deleted.'),
  dead_letters: duration(day, 3650 * day)
    .prefault('30d')
    .describe('Dead letters that were refused so long ago are deleted.'),
  merge: flag().prefault(true).describe('Indices of days that are over are merged when weir has nothing to do.'),
  every: duration(60_000, 7 * day)
    .prefault('1h')
    .describe('So often weir looks.'),
});

const rollups = z.strictObject(
  {
    enabled: flag().prefault(false).describe('false: no rollups are made, and none deleted.'),
    minutes: duration(day, 3650 * day)
      .prefault('30d')
      .describe('Sums of minutes are made, and kept, for so long.'),
    hours: duration(day, 3650 * day)
      .prefault('730d')
      .describe('Sums of hours are made, and kept, for so long.'),
    top: whole(5, 200).prefault(50).describe('Of each kind the so many largest are kept, and the rest as one.'),
    delay: duration(60_000, 3_600_000).prefault('2m').describe('A minute is summed up so long after its end.'),
  },
  { error: 'expected a mapping such as { enabled: true, hours: 730d }' },
);

export const elasticsearch = z.strictObject({
  nodes: oneOrMore(nodeUrl, 'a URL such as "http://localhost:9200"')
    .prefault([])
    .describe('Nodes of one Elasticsearch 7 cluster. Empty: documents go into files.'),
  cloud_id: words('a cloud id')
    .refine((text) => toCloudUrl(text) !== undefined, { error: 'expected a cloud id such as "name:ZXUu…"' })
    .optional()
    .describe('Of a deployment in Elastic’s cloud; in place of nodes.'),
  username: words('a user name').optional().describe('How to sign in; with password.'),
  password: words('a password').optional().describe('Better an environment variable.'),
  api_key: words('an API key').optional().describe('The other way to sign in.'),
  ca_file: filePath('the path of a PEM file')
    .optional()
    .describe('PEM file of the authority that signed the nodes’ certificates.'),
  ca_fingerprint: fingerprint()
    .optional()
    .describe('SHA-256 fingerprint of that authority’s certificate, in place of the file.'),
  certificate: filePath('the path of a PEM file')
    .optional()
    .describe('PEM file of weir’s own certificate, for a cluster that asks for one; with key.'),
  key: filePath('the path of a PEM file').optional().describe('PEM file of the key of certificate.'),
  key_passphrase: words('a passphrase').optional().describe('Of an encrypted key. Better an environment variable.'),
  proxy: z
    .string({ error: 'expected the URL of an HTTP proxy' })
    .refine(isHttpUrl, { error: 'expected the URL of an HTTP proxy such as "http://proxy:3128"' })
    .optional()
    .describe('An HTTP proxy on the way to the nodes.'),
  product_check: z
    .enum(['auto', 'strict', 'off'])
    .prefault('auto')
    .describe('Is it an Elasticsearch? strict takes only what says so in the way of 7.14 and later; off does not ask.'),
  setup: flag()
    .prefault(true)
    .describe(
      'Index templates are put at the start; false: `weir setup` did it, and weir only looks whether they are right.',
    ),
  concurrency: whole(1, 64)
    .prefault(4)
    .describe('Most bulk requests under way at the same time; fewer while the cluster is slow or refuses them.'),
  request_bytes: size(65_536, 100 * 2 ** 20)
    .prefault('5MB')
    .describe('A bulk request has at most so many bytes; fewer while the cluster, or a proxy, refuses them.'),
  request_documents: whole(1, 100_000).prefault(2000).describe('A bulk request has at most so many documents.'),
  compress: flag().prefault(false).describe('Bulk requests by gzip: for a network that is slower than the cluster.'),
  retention: retention.optional().describe('What becomes of old indices. Without it weir deletes and merges nothing.'),
  rollups: rollups.prefault({}).describe('Sums of flows by the minute and the hour, for long ranges of time.'),
});

export type ElasticsearchConfig = z.output<typeof elasticsearch>;

/** Settings that are right alone and wrong together. `name`: `index.name`. */
export function elasticsearchContradictions(config: ElasticsearchConfig | undefined, name: string) {
  const found: { readonly path: readonly PropertyKey[]; readonly message: string }[] = [];
  if (config === undefined) return found;
  const add = (keys: readonly string[], message: string) => {
    const all = ['index', 'elasticsearch', ...keys];
    found.push({ path: all, message: `${all.join('.')}: ${message}` });
  };
  const { username, password, api_key, nodes, cloud_id, ca_file, ca_fingerprint, certificate, key } = config;
  if (api_key !== undefined && (username ?? password) !== undefined)
    found.push({
      path: ['index', 'elasticsearch', 'api_key'],
      message: 'index.elasticsearch: give either api_key, or username and password, not both',
    });
  else if ((username === undefined) !== (password === undefined))
    add([], `${username === undefined ? 'username' : 'password'} is missing`);
  if (cloud_id !== undefined && nodes.length > 0) add(['cloud_id'], 'give either cloud_id or nodes, not both');
  if (ca_file !== undefined && ca_fingerprint !== undefined)
    add(['ca_fingerprint'], 'give either ca_file or ca_fingerprint, not both');
  if (ca_fingerprint !== undefined && nodes.some((node) => !node.startsWith('https:')))
    add(['ca_fingerprint'], 'every node must be an https:// URL');
  if ((certificate === undefined) !== (key === undefined))
    add([], `${key === undefined ? 'key' : 'certificate'} is missing`);
  if (config.key_passphrase !== undefined && key === undefined) add(['key_passphrase'], 'there is no key');
  if (config.retention?.roll_over_at !== undefined && name.includes('%{'))
    add(['retention', 'roll_over_at'], `index.name has a time in it (${name}): its indices end with their day`);
  return found;
}

/** Undefined: no node is named. */
export function toElasticsearchTarget(
  config: ElasticsearchConfig | undefined,
  folder: string,
): ElasticsearchTarget | undefined {
  const cloud = config?.cloud_id === undefined ? undefined : toCloudUrl(config.cloud_id);
  const nodes = cloud === undefined ? (config?.nodes ?? []) : [cloud];
  if (config === undefined || nodes.length === 0) return undefined;
  const { username, password, api_key, ca_file, ca_fingerprint, certificate, key, key_passphrase, proxy } = config;
  return {
    nodes,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(api_key !== undefined && { apiKey: api_key }),
    ...(ca_file !== undefined && { caFile: resolve(folder, ca_file) }),
    ...(ca_fingerprint !== undefined && { caFingerprint: ca_fingerprint }),
    ...(certificate !== undefined && { certificateFile: resolve(folder, certificate) }),
    ...(key !== undefined && { keyFile: resolve(folder, key) }),
    ...(key_passphrase !== undefined && { keyPassphrase: key_passphrase }),
    ...(proxy !== undefined && { proxy }),
    productCheck: config.product_check,
    setup: config.setup,
    bulk: {
      concurrency: config.concurrency,
      maxRequestBytes: config.request_bytes,
      maxRequestDocuments: config.request_documents,
      compress: config.compress,
    },
    ...(config.retention !== undefined && { retention: toRetentionSettings(config.retention) }),
    ...(config.rollups.enabled && { rollups: toRollupSettings(config.rollups) }),
  };
}

function toRollupSettings({ minutes, hours, top, delay }: z.output<typeof rollups>): RollupSettings {
  return { keepMinutesMs: minutes, keepHoursMs: hours, top, delayMs: delay };
}

function toRetentionSettings({
  keep,
  max_size,
  roll_over_at,
  ledger,
  dead_letters,
  merge,
  every,
}: z.output<typeof retention>) {
  return {
    ...(keep !== undefined && { keepMs: keep }),
    ...(max_size !== undefined && { maxBytes: max_size }),
    ...(roll_over_at !== undefined && { rollOverBytes: roll_over_at }),
    ledgerMs: ledger,
    deadLettersMs: dead_letters,
    merge,
    everyMs: every,
  };
}

/** `name:` + base64 of `host[:port]$elasticsearch$kibana` → the URL of Elasticsearch. */
function toCloudUrl(cloudId: string): string | undefined {
  const [host = '', id = ''] = Buffer.from(cloudId.slice(cloudId.indexOf(':') + 1), 'base64')
    .toString('utf8')
    .split('$');
  const [, name = '', port = '443'] = /^([a-z0-9.-]+)(?::(\d{1,5}))?$/i.exec(host) ?? [];
  // The port may stand behind the id, too.
  const [, uuid = '', ownPort = port] = /^([a-z0-9-]+)(?::(\d{1,5}))?$/i.exec(id) ?? [];
  const url = `https://${uuid}.${name}:${ownPort}`;
  return name !== '' && uuid !== '' && URL.canParse(url) ? url : undefined;
}
