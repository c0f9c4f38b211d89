// The colour of the cluster, for who watches: asked when somebody looks, and not again for a while; what is not known yet is absent.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { asRecord } from './server-answer.ts';

const colours = ['green', 'yellow', 'red'] as const;

export interface ClusterHealth {
  readonly colour: (typeof colours)[number];
  /** Shards without a place. */
  readonly unassignedShards: number;
}

export interface ClusterHealthOptions {
  readonly client: ElasticsearchClient;
  readonly now: () => number;
  readonly everyMs?: number;
  readonly timeoutMs?: number;
}

/** The last answer; undefined: none came lately, or the user may not know. Never waits. */
export function createClusterHealth({ client, now, everyMs = 10_000, timeoutMs = 5000 }: ClusterHealthOptions) {
  let known: ClusterHealth | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;

  async function ask(): Promise<void> {
    const query = { filter_path: 'status,unassigned_shards' };
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { status, json } = await client.request({ method: 'GET', path: '/_cluster/health', query }, signal);
      known = status === 200 ? toHealth(json) : undefined;
    } catch {
      known = undefined;
    }
  }

  return (): ClusterHealth | undefined => {
    if (now() - askedAtMs >= everyMs) {
      askedAtMs = now();
      void ask();
    }
    return known;
  };
}

function toHealth(json: unknown): ClusterHealth | undefined {
  const { status, unassigned_shards: shards } = asRecord(json) ?? {};
  const colour = colours.find((each) => each === status);
  return colour && { colour, unassignedShards: Number(shards ?? 0) };
}
