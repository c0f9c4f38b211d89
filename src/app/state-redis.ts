// What decode has learnt, on Redis: an entry for each exporter, written when something is new and told to all other listeners at once,
// so that each knows what any of them learnt, and a restart loses no flow. Here every decoder keeps all of it in its own memory.

import { randomUUID } from 'node:crypto';
import type { Decoder } from '../decode/decoder.ts';
import { refuseForeignKeys } from '../enqueue/foreign-keys.ts';
import {
  closeRedis,
  openRedis,
  type RedisClient,
  type RedisSettings,
  toReason,
  waitForRedis,
} from '../enqueue/redis-connection.ts';
import type { RecordSet } from '../model/record.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { within } from './lifecycle.ts';
import type { StateStore } from './state-store.ts';

export interface StateRedisOptions {
  readonly redis: RedisSettings;
  /** Names the hash of entries by exporter address, and the channel. */
  readonly key: string;
  readonly decoder: Decoder;
  /** What was parked and could be read when another listener told its template. */
  readonly onSets: (sets: readonly RecordSet[]) => void;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Nearly at once: what is learnt and not yet written dies with the process. */
const saveEveryMs = 100;
/** Entries of exporters that are heard are written anew so often; of others they grow old. */
const refreshEveryMs = 60 * 60_000;
/** As the decoder's own `silenceMs`, and a refresh. */
const maxAgeMs = 7 * 24 * 60 * 60_000 + refreshEveryMs;
/** Forged addresses must not fill Redis: twice as many exporters as one decoder takes. */
const maxExporters = 40_000;
const exportersPerRead = 200;
/** A start does not wait longer for what others know. */
const subscribeLimitMs = 1000;
/** A Cluster moves subscriptions to another node without a word: what was told meanwhile is looked for. */
const lookAgainEveryMs = 5 * 60_000;

/** entries; address, entry, most entries, channel, message → 1: written and told. */
const writeScript = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
`;

interface Entry {
  readonly savedAtMs: number;
  readonly state: unknown;
}

export function createStateRedis({ redis, key, decoder, onSets, logger, now }: StateRedisOptions): StateStore {
  const pass = createRateLimit();
  /** Its own messages come back. */
  const origin = randomUUID();
  let client: RedisClient | undefined;
  let listener: RedisClient | undefined;
  /** Addresses that are still to be written. */
  const unsaved = new Set<string>();
  let refreshedAtMs = 0;
  let lookedAtMs = 0;
  let saving: Promise<void> = Promise.resolve();
  let isStopped = false;

  async function load(): Promise<void> {
    isStopped = false;
    refreshedAtMs = now();
    lookedAtMs = now();
    client = openRedis({ settings: redis, kind: 'prompt', logger, now });
    listener = openRedis({ settings: redis, kind: 'patient', logger, now });
    listener.on('message', (_, message: string) => hear(message));
    listener.on('ready', () => void catchUp());
    if (!(await waitForRedis(client, redis))) return;
    await refuseForeignKeys(client, redis, [[key, 'hash']]);
    await within(subscribeLimitMs, catchUp());
  }

  /** Subscribed first, at each connection anew: what is told from then on is heard, and what was told before is among the entries. */
  async function catchUp(): Promise<void> {
    try {
      await listener?.subscribe(key);
    } catch (error) {
      warn('subscribe', error, 'what other listeners learn is not heard for now');
    }
    await loadAll();
  }

  function warn(kind: string, error: unknown, message: string): void {
    if (!isStopped && pass(kind, now()) !== undefined) logger.warn({ reason: toReason(error) }, message);
  }

  async function loadAll(): Promise<void> {
    if (client?.status !== 'ready') return;
    try {
      for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
        const [next, fields] = await client.hscan(key, cursor, 'COUNT', exportersPerRead);
        for (let at = 0; at + 1 < fields.length; at += 2) await take(fields[at] ?? '', fields[at + 1] ?? '');
        cursor = next;
      }
    } catch (error) {
      warn('load', error, 'the templates on Redis can’t be read');
    }
  }

  async function take(address: string, text: string): Promise<void> {
    const entry = toEntry(text);
    if (entry !== undefined && now() - entry.savedAtMs > maxAgeMs) {
      await client?.hdel(key, address);
      return;
    }
    try {
      onSets(decoder.adoptState(entry?.state));
    } catch (error) {
      warn('entry', error, 'an entry of templates on Redis is not usable; its exporter will send them again');
    }
  }

  function hear(message: string): void {
    const [from, address = ''] = message.split(' ');
    if (from === origin || client?.status !== 'ready') return;
    client.hget(key, address).then(
      (text) => (text === null ? undefined : take(address, text)),
      (error: unknown) => warn('hear', error, 'what another listener learnt can’t be read'),
    );
  }

  async function writeChanged(): Promise<void> {
    if (redis.mode === 'cluster' && now() - lookedAtMs >= lookAgainEveryMs) {
      lookedAtMs = now();
      await loadAll();
    }
    const isRefresh = now() - refreshedAtMs >= refreshEveryMs;
    if (isRefresh) refreshedAtMs = now();
    for (const address of decoder.takeChanged(isRefresh ? refreshEveryMs : 0)) unsaved.add(address);
    if (unsaved.size === 0 || client?.status !== 'ready') return;
    try {
      for (const address of unsaved) {
        await write(client, address);
        unsaved.delete(address);
      }
    } catch (error) {
      warn('save', error, 'the templates can’t be saved on Redis');
    }
  }

  async function write(to: RedisClient, address: string): Promise<void> {
    const state = decoder.saveState([address]);
    if (state.exporters.length === 0) return;
    const entry: Entry = { savedAtMs: now(), state };
    const written = await to.eval(
      writeScript,
      1,
      key,
      address,
      JSON.stringify(entry),
      maxExporters,
      key,
      `${origin} ${address}`,
    );
    if (written === 0)
      warn('full', new Error(`more than ${maxExporters} exporters`), 'templates are not saved on Redis');
  }

  function save(): Promise<void> {
    // One after the other: the newer state must be the last one written.
    saving = saving.then(writeChanged);
    return saving;
  }

  async function stop(): Promise<void> {
    await save();
    isStopped = true;
    await Promise.all([client, listener].map((open) => open && closeRedis(open)));
  }

  return { saveEveryMs, load, save, stop };
}

function toEntry(text: string): Entry | undefined {
  try {
    const entry = JSON.parse(text) as Partial<Entry> | null;
    return typeof entry?.savedAtMs === 'number' ? { savedAtMs: entry.savedAtMs, state: entry.state } : undefined;
  } catch {
    return undefined;
  }
}

/** What all listeners know, as one state. Throws WeirError where Redis does not let us read. */
export async function readStateRedis(
  redis: RedisSettings,
  key: string,
  decoder: Decoder,
  logger: Logger,
): Promise<unknown> {
  const now = (): number => Date.now();
  const store = createStateRedis({ redis, key, decoder, onSets: () => undefined, logger, now });
  await store.load();
  const state = decoder.saveState();
  await store.stop();
  return state;
}
