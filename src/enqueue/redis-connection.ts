// Connections to Redis: one server, Sentinels, or a Cluster; with TLS and passwords. Two kinds: one that answers or fails within
// seconds (for those who have another place for what they hold), and one that waits for Redis to come back (for workers).

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';
import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';

export interface RedisSettings {
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
}

export type RedisClient = Redis | Cluster;

export interface RedisConnectionOptions {
  readonly settings: RedisSettings;
  /** `prompt`: a command fails at once when Redis is away, else within `commandTimeoutMs`. `patient`: it waits. */
  readonly kind: 'prompt' | 'patient';
  readonly logger: Logger;
  readonly now: () => number;
}

/** Longer than a healthy Redis takes for a batch on a bad day; then the batch goes to disk. */
const commandTimeoutMs = 3000;
const connectTimeoutMs = 5000;
/** So long a start waits for the first answer before it goes on without: what comes by UDP meanwhile reaches nobody. */
const firstAnswerMs = 1000;
const firstPauseMs = 100;
const longestPauseMs = 3000;

/** Begins to connect. Never throws because of the network; throws WeirError `file-missing` or `file-invalid` when a PEM file can't be used. */
export function openRedis({ settings, kind, logger, now }: RedisConnectionOptions): RedisClient {
  const pass = createRateLimit();
  const client = open(settings, kind);
  // Without a listener the error would end the process. Its object holds the command with all its bytes: only its words are logged.
  client.on('error', (error: unknown) => {
    if (pass('redis', now()) !== undefined)
      logger.warn({ redis: toWhere(settings), reason: toReason(error), ...toAdvice(settings, error) }, 'Redis is away');
  });
  return client;
}

function open(settings: RedisSettings, kind: 'prompt' | 'patient'): RedisClient {
  return settings.mode === 'cluster' ? openCluster(settings, kind) : openServer(settings, kind);
}

function openServer(settings: RedisSettings, kind: 'prompt' | 'patient'): Redis {
  const { nodes, socket, mode, master, database, sentinelPassword } = settings;
  const [first] = nodes;
  return new Redis({
    ...toCommonOptions(settings, kind),
    db: database,
    retryStrategy: toPause,
    enableOfflineQueue: kind === 'patient',
    ...(mode === 'sentinel'
      ? {
          sentinels: [...nodes],
          name: master ?? '',
          sentinelRetryStrategy: toPause,
          ...(sentinelPassword !== undefined && { sentinelPassword }),
          ...(settings.tls && { enableTLSForSentinelMode: true, sentinelTLS: toTlsOptions(settings) }),
        }
      : socket !== undefined
        ? { path: socket }
        : { host: first?.host ?? '', port: first?.port ?? 0 }),
  });
}

function openCluster(settings: RedisSettings, kind: 'prompt' | 'patient'): Cluster {
  return new Cluster([...settings.nodes], {
    clusterRetryStrategy: toPause,
    enableOfflineQueue: kind === 'patient',
    // A prompt connection must not follow a failover for half a minute.
    maxRedirections: kind === 'patient' ? 64 : 8,
    retryDelayOnClusterDown: 200,
    slotsRefreshTimeout: 2000,
    redisOptions: toCommonOptions(settings, kind),
  });
}

function toCommonOptions(
  settings: RedisSettings,
  kind: 'prompt' | 'patient',
): Omit<CommonRedisOptions, 'replyMapping'> & { tls?: object } {
  const { username, password } = settings;
  return {
    connectTimeout: connectTimeoutMs,
    maxRetriesPerRequest: kind === 'patient' ? null : 0,
    ...(kind === 'prompt' && { commandTimeout: commandTimeoutMs }),
    // After a failover an old connection may lead to a replica: connect anew, and send again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(settings.tls && { tls: toTlsOptions(settings) }),
  };
}

interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

function toTlsOptions({ caFile, certificateFile, keyFile }: RedisSettings): TlsOptions {
  const ca = caFile === undefined ? undefined : readPem(caFile, 'ca_file');
  const cert = certificateFile === undefined ? undefined : readPem(certificateFile, 'certificate');
  const key = keyFile === undefined ? undefined : readPem(keyFile, 'key');
  try {
    if (ca !== undefined) new X509Certificate(ca);
    if (cert !== undefined && key !== undefined && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is not that of the certificate');
  } catch (cause) {
    const files = [caFile, certificateFile, keyFile].filter((file) => file !== undefined).join(', ');
    throw new WeirError('file-invalid', `queue: ${files} can't be used for TLS: ${toReason(cause)}`, {
      hint: 'They are PEM files: queue.ca_file, queue.certificate, and queue.key, which belongs to the certificate.',
      cause,
    });
  }
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
}

function readPem(file: string, setting: string): Buffer {
  try {
    // A pipe that nobody writes to would hold the process.
    if (statSync(file).isFIFO()) throw Object.assign(new Error(), { code: 'it is a pipe' });
    return readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new WeirError('file-missing', `queue.${setting}: can't read ${file} (${code})`, { cause });
  }
}

/** With jitter: a hundred workers must not come back in the same moment. */
function toPause(times: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(times, 10)) * (0.5 + Math.random() / 2);
}

/**
 * Waits for the first answer. A Redis that refuses us (password, TLS) is a mistake of the start: throws WeirError `queue-refused`.
 * One that is away is waited for later; false then.
 */
export async function waitForRedis(
  client: RedisClient,
  settings: RedisSettings,
  timeoutMs = firstAnswerMs,
): Promise<boolean> {
  if (client.status === 'ready') return true;
  let timer: NodeJS.Timeout | undefined;
  let onReady = (): void => undefined;
  let onError = (_: unknown): void => undefined;
  try {
    return await new Promise<boolean>((resolve, reject) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
      onReady = () => resolve(true);
      onError = (error) => {
        const reason = toReason(error);
        if (!isRefusal(reason)) {
          // Sentinels and nodes of a Cluster have others beside them.
          if (settings.mode === 'single') resolve(false);
          return;
        }
        reject(
          new WeirError('queue-refused', `Redis at ${toWhere(settings)} refuses weir: ${reason}`, {
            hint: 'See queue in the pipeline file: user, password, rediss:// for TLS, ca_file, certificate.',
          }),
        );
      };
      client.on('ready', onReady);
      client.on('error', onError);
    });
  } finally {
    clearTimeout(timer);
    client.off('ready', onReady);
    client.off('error', onError);
  }
}

/** `Redis 7.0.15`, after signing in. Throws WeirError where it can't be asked. */
export async function askRedis(settings: RedisSettings, timeoutMs: number): Promise<string> {
  let reason = 'no answer';
  const client = open(settings, 'prompt');
  client.on('error', (error: unknown) => {
    reason = toReason(error);
  });
  try {
    if (!(await waitForRedis(client, settings, timeoutMs))) throw new WeirError('queue-unavailable', reason);
    const [first] = mastersOf(client);
    return `Redis ${/redis_version:(\S+)/.exec((await first?.info('server')) ?? '')?.[1] ?? 'of an unknown version'}`;
  } finally {
    client.disconnect();
  }
}

/** What waiting will not mend. */
function isRefusal(reason: string): boolean {
  return /WRONGPASS|NOAUTH|NOPERM|ERR AUTH|invalid password|certificate|SSL|TLS|wrong version number|ERR DB index|ENOTFOUND|EACCES/i.test(
    reason,
  );
}

/** The alert of a server that wants a certificate comes after the handshake, and is often overtaken by the end of the connection. */
function toAdvice({ tls, certificateFile }: RedisSettings, error: unknown): { readonly hint?: string } {
  const { code } = error as NodeJS.ErrnoException;
  return tls && certificateFile === undefined && (code === 'ECONNRESET' || code === 'EPIPE')
    ? { hint: 'a Redis that asks for a certificate does this: queue.certificate' }
    : {};
}

/** Short, and without what was sent. */
export function toReason(error: unknown): string {
  const own = error as { readonly message?: string; readonly code?: string; readonly lastNodeError?: unknown };
  if (own.lastNodeError !== undefined && own.lastNodeError !== null) return toReason(own.lastNodeError);
  const words = own.message === undefined || own.message === '' ? String(own.code ?? 'unknown') : own.message;
  // In the words of ioredis, which mean something else to who did not write it.
  if (/RESP type|Protocol error, got/.test(words)) return 'what answers there is no Redis';
  if (words === 'Command timed out') return 'no answer';
  return words.replaceAll(/\s+/g, ' ').slice(0, 200);
}

/** Without user and password. */
export function toWhere({ nodes, socket, mode, master, tls }: RedisSettings): string {
  if (socket !== undefined) return `unix://${socket}`;
  const hosts = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  return `${tls ? 'rediss' : 'redis'}://${hosts}${mode === 'sentinel' ? ` (Sentinel, master ${master})` : mode === 'cluster' ? ' (Cluster)' : ''}`;
}

/** Of the servers that hold data. */
export function mastersOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client];
}

/** Says good-bye where somebody listens. */
export async function closeRedis(client: RedisClient): Promise<void> {
  if (client.status === 'ready') {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 500);
    });
    await Promise.race([client.quit().catch(() => undefined), limit]);
    clearTimeout(timer);
  }
  client.disconnect();
}
