// The key `queue` of the pipeline file: in weir's own memory, or on a Redis, alone or behind Sentinels or as a Cluster.

import { resolve } from 'node:path';
import { z } from 'zod';
import { fromBytes } from './quantities.ts';
import { duration, filePath, oneOrMore, size, words } from './setting-types.ts';

export interface QueueSettings {
  /** Of the queue in weir's own process. */
  readonly maxBytes: number;
  /** Absent: the queue of weir's own process. */
  readonly redis?: RedisTarget;
  /** Absent: what the queue does not take is lost. */
  readonly spool?: SpoolSettings;
}

export interface SpoolSettings {
  /** Absent: below the state folder. */
  readonly directory?: string;
  readonly maxBytes: number;
  readonly sync: 'always' | 'never' | { readonly everyMs: number };
}

export interface RedisTarget {
  /** The server, or Sentinels, or some nodes of the Cluster; empty where there is a `socket`. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Path of the server's Unix socket. */
  readonly socket?: string;
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The name that Sentinels know the master by. */
  readonly master?: string;
  readonly database: number;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelPassword?: string;
  readonly tls: boolean;
  /** Absolute paths of PEM files: who signed the server's certificate; our own certificate and its key. */
  readonly caFile?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly keyPrefix: string;
  /** Batches waiting in Redis, in bytes as they lie there. */
  readonly maxBytes: number;
  /** So long the bytes of a batch are kept, ms. */
  readonly keepMs: number;
}

const redisUrl = z.string({ error: 'expected the URL of a Redis such as "redis://localhost:6379"' }).refine(
  (text) => {
    if (text === '') return true;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.search !== '' || url.hash !== '' || !isPercentText(url.href)) return false;
    if (url.protocol === socketProtocol) return url.host === '' && url.pathname.length > 1;
    return /^rediss?:$/.test(url.protocol) && url.hostname !== '' && /^\/?$|^\/\d{1,4}$/.test(url.pathname);
  },
  {
    error:
      'expected the URL of a Redis such as "redis://localhost:6379", "rediss://…" (TLS), "redis://host:6379/2" or "unix:///run/redis.sock"; in a password %, @, : and / are written %25, %40, %3A and %2F',
  },
);

const socketProtocol = 'unix:';

/** Can it be decoded? A % in a password is easily forgotten. */
function isPercentText(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

const second = 1000;
const minute = 60 * second;
const day = 24 * 60 * minute;

export const queue = z
  .strictObject({
    redis: oneOrMore(redisUrl, 'the URL of a Redis such as "redis://localhost:6379"')
      .prefault([])
      .describe(
        'A Redis that batches wait on: one URL, or those of its Sentinels or Cluster nodes. Empty: in weir’s own process.',
      ),
    mode: z
      .enum(['single', 'sentinel', 'cluster'])
      .prefault('single')
      .describe('What the URLs are of: one Redis, its Sentinels, or nodes of a Redis Cluster.'),
    master: words('the name of the master').optional().describe('The name that the Sentinels know the master by.'),
    username: words('a user name').optional().describe('How to sign in, where the URLs do not say it.'),
    password: words('a password').optional().describe('Better an environment variable.'),
    sentinel_password: words('a password').optional().describe('Of the Sentinels, where they have one.'),
    ca_file: filePath('the path of a PEM file')
      .optional()
      .describe('PEM file of the authority that signed the certificates of rediss:// servers.'),
    certificate: filePath('the path of a PEM file')
      .optional()
      .describe('PEM file of weir’s own certificate, for rediss:// servers that ask for one.'),
    key: filePath('the path of a PEM file').optional().describe('PEM file of its private key, without a passphrase.'),
    key_prefix: words('a word')
      .refine((text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text), {
        error: 'expected letters, digits, ".", "_" and "-", at most 64',
      })
      .prefault('weir')
      .describe('All keys in Redis begin with it.'),
    max_bytes: size(2 ** 20, 2 ** 42)
      .prefault('1GiB')
      .describe('Batches wait on Redis up to this size, and up to 65 % of its maxmemory.'),
    keep: duration(10 * minute, 90 * day)
      .prefault('7d')
      .describe('Bytes of a batch are removed from Redis when no worker was there for so long.'),
    memory: size(2 ** 20, 2 ** 36)
      .prefault('128MiB')
      .describe(
        'Without Redis: batches that wait for the index are held in so much memory; beyond it they go to the spool.',
      ),
    spool: z
      .strictObject({
        size: z
          .union([z.literal(false), size(8 * 2 ** 20, 2 ** 44)], { error: 'expected a size such as "1GiB", or false' })
          .prefault('1GiB')
          .describe('Beyond it the oldest batches are dropped, and counted. false: no spool.'),
        directory: filePath('a folder')
          .optional()
          .describe('From the working directory; "spool" in the state folder when absent. Listeners may share it.'),
        sync: z
          .union([z.enum(['always', 'never']), duration(10, minute)], {
            error: 'expected "always", "never", or a duration such as "1s"',
          })
          .prefault('1s')
          .describe('When what was written is made safe against a power cut.'),
      })
      .prefault({})
      .describe('Batches that the queue does not take, because it is away or full, wait on disk.'),
  })
  .prefault({})
  .describe('Where batches wait.');

type QueueConfig = z.output<typeof queue>;

/** Settings that are right alone and wrong together. */
export function queueContradictions(config: QueueConfig, batchBytes: number) {
  const found: { readonly path: readonly PropertyKey[]; readonly message: string }[] = [];
  const add = (key: keyof QueueConfig, message: string) => {
    found.push({ path: ['queue', key], message: `queue.${key}: ${message}` });
  };
  const urls = toUrls(config);
  if (config.memory < batchBytes) {
    add('memory', `must hold a batch at least (batch.bytes is ${fromBytes(batchBytes)})`);
  }
  if (config.spool.size !== false && config.spool.size < 8 * batchBytes) {
    found.push({
      path: ['queue', 'spool', 'size'],
      message: `queue.spool.size: must hold eight batches at least (batch.bytes is ${fromBytes(batchBytes)})`,
    });
  }
  if (urls.length === 0) return found;
  const [first] = urls;
  const sayings = new Set(urls.map((url) => `${url.protocol} ${url.username} ${url.password} ${url.pathname}`));
  if (sayings.size > 1) add('redis', 'all URLs must have the same scheme, user, password and database');
  if (config.mode === 'single' && urls.length > 1) {
    add('redis', 'one URL only, unless mode is sentinel or cluster');
  }
  if (config.mode === 'sentinel' && config.master === undefined) {
    add('mode', 'sentinel needs the name of the master: queue.master');
  }
  if (config.mode !== 'sentinel' && config.master !== undefined) add('master', 'is of mode: sentinel only');
  if (config.mode !== 'sentinel' && config.sentinel_password !== undefined) {
    add('sentinel_password', 'is of mode: sentinel only');
  }
  if (config.mode === 'cluster' && first?.protocol !== socketProtocol && toDatabase(first) !== 0)
    add('redis', 'a Redis Cluster has database 0 only');
  if (first !== undefined && (first.username !== '' || first.password !== '')) {
    if (config.username !== undefined || config.password !== undefined) {
      add('redis', 'give user and password either in the URL, or as queue.username and queue.password');
    }
  }
  if (config.username !== undefined && config.password === undefined) add('username', 'its password is missing');
  for (const file of ['ca_file', 'certificate', 'key'] as const)
    if (config[file] !== undefined && first?.protocol !== 'rediss:') add(file, 'is of rediss:// URLs only');
  if (config.certificate !== undefined && config.key === undefined) add('certificate', 'its key is missing: queue.key');
  if (config.key !== undefined && config.certificate === undefined)
    add('key', 'its certificate is missing: queue.certificate');
  if (first?.protocol === socketProtocol && config.mode !== 'single') add('mode', 'a Unix socket is of one Redis');
  return found;
}

export function toQueueSettings(config: QueueConfig, folder: string): QueueSettings {
  const [first, ...others] = toUrls(config);
  const spool = toSpoolSettings(config);
  if (first === undefined) return { maxBytes: config.memory, ...spool };
  const username = config.username ?? (first.username === '' ? undefined : decodeURIComponent(first.username));
  const password = config.password ?? (first.password === '' ? undefined : decodeURIComponent(first.password));
  const isSocket = first.protocol === socketProtocol;
  const defaultPort = config.mode === 'sentinel' ? 26_379 : 6379;
  return {
    maxBytes: config.memory,
    ...spool,
    redis: {
      nodes: isSocket
        ? []
        : [first, ...others].map((url) => ({
            host: url.hostname.replace(/^\[|\]$/g, ''),
            port: url.port === '' ? defaultPort : Number(url.port),
          })),
      ...(isSocket && { socket: decodeURIComponent(first.pathname) }),
      mode: config.mode,
      ...(config.master !== undefined && { master: config.master }),
      database: isSocket ? 0 : toDatabase(first),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(config.sentinel_password !== undefined && { sentinelPassword: config.sentinel_password }),
      tls: first.protocol === 'rediss:',
      ...(config.ca_file !== undefined && { caFile: resolve(folder, config.ca_file) }),
      ...(config.certificate !== undefined && { certificateFile: resolve(folder, config.certificate) }),
      ...(config.key !== undefined && { keyFile: resolve(folder, config.key) }),
      keyPrefix: config.key_prefix,
      maxBytes: config.max_bytes,
      keepMs: config.keep,
    },
  };
}

function toSpoolSettings({ spool }: QueueConfig): { readonly spool?: SpoolSettings } {
  if (spool.size === false) return {};
  const sync = typeof spool.sync === 'number' ? { everyMs: spool.sync } : spool.sync;
  const { directory } = spool;
  return { spool: { maxBytes: spool.size, sync, ...(directory !== undefined && { directory }) } };
}

function toUrls({ redis }: QueueConfig): readonly URL[] {
  return redis.filter((text) => text !== '').map((text) => new URL(text));
}

function toDatabase(url: URL | undefined): number {
  return Number(url?.pathname.replace('/', '') ?? 0);
}
