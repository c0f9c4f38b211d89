// What a Redis tells about itself, of each server that holds data: version, memory, saving, clock.

import { WeirError } from '../model/errors.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { mastersOf, openRedis, type RedisSettings, toReason, toWhere, waitForRedis } from './redis-connection.ts';
import { type MemoryUse, readInfo, toMemoryUse } from './redis-memory.ts';

export interface RedisFacts {
  /** `-h 127.0.0.1 -p 6379`, for redis-cli. */
  readonly address: string;
  readonly version: string;
  readonly memory: MemoryUse;
  /** Snapshots or an append-only file. */
  readonly isSaved: boolean;
  /** Its last attempt to save, or to write the append-only file, failed. */
  readonly cannotSave: boolean;
  /** Its clock less ours; the half of the way there and back is taken off. */
  readonly skewMs: number;
}

/** Throws WeirError where it can't be asked: `queue-refused`, `queue-unavailable`. */
export async function readRedisFacts(
  settings: RedisSettings,
  timeoutMs: number,
  now: () => number,
): Promise<readonly RedisFacts[]> {
  const client = openRedis({ settings, kind: 'prompt', logger: silentLogger, now });
  let reason = 'no answer';
  client.on('error', (error: unknown) => {
    reason = toReason(error);
  });
  try {
    if (!(await waitForRedis(client, settings, timeoutMs))) throw new WeirError('queue-unavailable', reason);
    return await Promise.all(
      mastersOf(client).map(async (node) => {
        const beforeMs = now();
        const [seconds, micros] = await node.time();
        const halfwayMs = (beforeMs + now()) / 2;
        const [server, memory, persistence] = await Promise.all(
          ['server', 'memory', 'persistence'].map((section) => node.info(section)),
        );
        // CONFIG is forbidden on many hosted servers: then an unchanged dump is taken for none.
        const save = await node.config('GET', 'save').catch(() => undefined);
        const { path, host = '', port = 0 } = node.options;
        return {
          address: path === undefined || path === null ? `-h ${host} -p ${port}` : `-s ${path}`,
          version: readInfo(server ?? '', 'redis_version'),
          memory: toMemoryUse(memory ?? ''),
          isSaved: readInfo(persistence ?? '', 'aof_enabled') === '1' || isSaving(save),
          cannotSave:
            readInfo(persistence ?? '', 'rdb_last_bgsave_status') === 'err' ||
            readInfo(persistence ?? '', 'aof_last_write_status') === 'err',
          skewMs: Number(seconds) * 1000 + Number(micros) / 1000 - halfwayMs,
        };
      }),
    );
  } catch (error) {
    if (error instanceof WeirError) throw error;
    throw new WeirError('queue-unavailable', `Redis at ${toWhere(settings)}: ${toReason(error)}`);
  } finally {
    client.disconnect();
  }
}

function isSaving(answer: unknown): boolean {
  return !Array.isArray(answer) || String(answer[1] ?? '') !== '';
}
