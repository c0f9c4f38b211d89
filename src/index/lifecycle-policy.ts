// Index lifecycle management, where the server has it (the default distribution of Elasticsearch 7): what `retention` says as a
// policy that the server carries out. docs/decisions/0029 says what is left to weir even then.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { asRecord, readAnswer } from './server-answer.ts';

type Json = Readonly<Record<string, unknown>>;

/** What the pipeline file says under `retention`, as far as a policy can do it. */
export interface LifecycleSettings {
  readonly keepMs?: number;
}

export type PolicyState = 'absent' | 'same' | 'ours' | 'foreign';

/** Policies of 7.16 and later may say whose they are. */
const marker = { weir: { policy: 'weir-flow' } };

export async function hasLifecycle(client: ElasticsearchClient, signal: AbortSignal): Promise<boolean> {
  const query = { categories: 'features', filter_path: 'features.ilm' };
  const { status, json } = await client.request({ method: 'GET', path: '/_xpack', query }, signal);
  const { available, enabled } = asRecord(asRecord(asRecord(json)?.['features'])?.['ilm']) ?? {};
  // Builds without x-pack know no such path, and a user without rights has no use of a policy either.
  return status === 200 && available === true && enabled === true;
}

export interface LifecycleFacts {
  readonly isRunning: boolean;
  /** Indices whose policy can't go on. */
  readonly failed: readonly { readonly index: string; readonly reason: string }[];
}

/** Undefined: the server has no lifecycle management, or does not let us look at it. */
export async function readLifecycleFacts(
  client: ElasticsearchClient,
  pattern: string,
  signal: AbortSignal,
): Promise<LifecycleFacts | undefined> {
  if (!(await hasLifecycle(client, signal))) return undefined;
  const get = (path: string, query = {}) => client.request({ method: 'GET', path, query }, signal);
  const [state, explained] = await Promise.all([
    get('/_ilm/status'),
    get(`/${encodeURIComponent(pattern)}/_ilm/explain`, { only_errors: 'true' }),
  ]);
  if (state.status !== 200) return undefined;
  const indices = explained.status === 200 ? asRecord(asRecord(explained.json)?.['indices']) : {};
  const failed = Object.entries(indices ?? {}).flatMap(([index, about]) => {
    const { step, failed_step: failedStep, step_info: info } = asRecord(about) ?? {};
    const reason = asRecord(info)?.['reason'] ?? `step ${String(failedStep)}`;
    return step === 'ERROR' ? [{ index, reason: String(reason) }] : [];
  });
  return { isRunning: asRecord(state.json)?.['operation_mode'] === 'RUNNING', failed };
}

/** The server deletes, and nothing else: its merge would make an index read-only that late flows still go to. */
export function toPolicy({ keepMs }: LifecycleSettings): Json {
  return {
    phases: {
      hot: { min_age: '0ms', actions: {} },
      ...(keepMs !== undefined && { delete: { min_age: toMinAge(keepMs), actions: { delete: {} } } }),
    },
  };
}

/** The age counts from when the index was made: at the start of its day, at the earliest. */
function toMinAge(keepMs: number): string {
  const dayMs = 86_400_000;
  return `${Math.round((keepMs + dayMs) / 1000)}s`;
}

export function toLifecycleSettings(name: string): Json {
  return { 'index.lifecycle.name': name };
}

export interface LifecycleStore {
  compare(name: string, policy: Json, signal: AbortSignal): Promise<PolicyState>;
  put(name: string, policy: Json, signal: AbortSignal): Promise<void>;
}

export function createLifecycleStore(client: ElasticsearchClient, version: string): LifecycleStore {
  const privilege = 'the cluster privilege "manage_ilm"';
  const pathOf = (name: string) => `/_ilm/policy/${encodeURIComponent(name)}`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const marked = major > 7 || (major === 7 && minor >= 16);
  return {
    async compare(name, policy, signal) {
      const answer = await client.request({ method: 'GET', path: pathOf(name) }, signal);
      if (answer.status === 404) return 'absent';
      const json = readAnswer(answer, { what: 'read lifecycle policies', privilege });
      const found = asRecord(asRecord(json[name])?.['policy']);
      if (covers(found?.['phases'], policy['phases'])) return 'same';
      return asRecord(found?.['_meta'])?.['weir'] === undefined ? 'foreign' : 'ours';
    },
    async put(name, policy, signal) {
      const body = { policy: { ...policy, ...(marked && { _meta: marker }) } };
      const answer = await client.request({ method: 'PUT', path: pathOf(name), body }, signal);
      readAnswer(answer, { what: `put the lifecycle policy ${name}`, privilege });
    },
  };
}

/** Does `found` say all that `wanted` says? Elasticsearch adds defaults, and writes sizes in its own way. */
function covers(found: unknown, wanted: unknown): boolean {
  const inner = asRecord(wanted);
  if (inner === undefined) return toComparable(found) === toComparable(wanted);
  const other = asRecord(found);
  return (
    other !== undefined &&
    Object.entries(inner).every(([name, value]) => covers(other[name], value)) &&
    // A phase that only the server has (delete!) is a difference.
    !('delete' in other && !('delete' in inner))
  );
}

const units: Readonly<Record<string, number>> = {
  ...{ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 },
  ...{ b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40, pb: 2 ** 50 },
};

function toComparable(value: unknown): unknown {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(String(value)) ?? [];
  const factor = units[unit];
  return number === undefined || factor === undefined ? value : Number(number) * factor;
}
