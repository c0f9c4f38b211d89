// The dashboards, into Kibana: what is there is read, compared with what was imported last, and only what is weir's is imported. The
// record of it is written before (an import that is cut off is still weir's) and after.

import { WeirError } from '../model/errors.ts';
import type { KibanaClient } from './kibana-client.ts';
import {
  type FoundObject,
  type ImportEntry,
  type ImportRecord,
  keyOf,
  type ObjectState,
  readRecordObject,
  recordId,
  type SavedObject,
  toFound,
  toRecordObject,
  toState,
} from './kibana-objects.ts';
import { asRecord } from './server-answer.ts';
import { toShortText } from './short-text.ts';

export interface PlannedObject {
  readonly object: SavedObject;
  readonly state: ObjectState;
  readonly willImport: boolean;
}

export interface KibanaPlan {
  readonly objects: readonly PlannedObject[];
  readonly record: ImportRecord;
}

export interface FailedObject {
  readonly key: string;
  readonly reason: string;
}

/** Changes nothing. */
export async function planImport(
  client: KibanaClient,
  objects: readonly SavedObject[],
  force: boolean,
  signal: AbortSignal,
): Promise<KibanaPlan> {
  const { found, record } = await readThere(client, objects, signal);
  const states = new Map(
    objects.map((object) => [object, toState(object, found.get(keyOf(object)), record.get(keyOf(object)))]),
  );
  const isImported = (state: ObjectState | undefined) =>
    state === 'new' || state === 'changed by weir' || (force && state !== 'unchanged');
  // What was deleted alone, while something shows it, is a hole in that: it comes back.
  const byKey = new Map(objects.map((object) => [keyOf(object), object]));
  const kept = objects.filter((object) => states.get(object) !== 'deleted by user');
  for (const object of kept) {
    const { references } = (!isImported(states.get(object)) && found.get(keyOf(object))) || object;
    for (const key of references) {
      const shown = byKey.get(key);
      if (shown === undefined || states.get(shown) !== 'deleted by user') continue;
      states.set(shown, 'new');
      kept.push(shown);
    }
  }
  return {
    record,
    objects: objects.map((object) => {
      const state = states.get(object)!;
      return { object, state, willImport: isImported(state) };
    }),
  };
}

/** Returns what Kibana did not import; the rest is. Throws WeirError where it took nothing. */
export async function runImport(
  client: KibanaClient,
  plan: KibanaPlan,
  signal: AbortSignal,
): Promise<readonly FailedObject[]> {
  const wanted = plan.objects.filter(({ willImport }) => willImport).map(({ object }) => object);
  if (wanted.length === 0) return [];
  const record = new Map<string, ImportEntry>(plan.record);
  for (const object of wanted) record.set(keyOf(object), { source: object.source });
  await writeRecord(client, record, signal);
  const file = wanted.map(({ line }) => `${line}\n`).join('');
  const answer = await client
    .request(
      { method: 'POST', path: '/api/saved_objects/_import', query: { overwrite: 'true' }, body: { file } },
      'import saved objects',
      signal,
    )
    .catch((error: unknown) => {
      throw withDoubt(error, wanted.length);
    });
  const failed = readFailures(answer, client.address);
  const failedKeys = new Set(failed.map(({ key }) => key));
  const { found } = await readThere(client, wanted, signal);
  for (const object of wanted) {
    const key = keyOf(object);
    const now = found.get(key);
    const before = plan.record.get(key);
    if (now !== undefined && !failedKeys.has(key)) record.set(key, { source: object.source, ...now });
    else if (before === undefined) record.delete(key);
    else record.set(key, before);
  }
  await writeRecord(client, record, signal);
  return failed;
}

/** Kibana may have imported some of it before the answer was lost. */
function withDoubt(error: unknown, count: number): unknown {
  if (!(error instanceof WeirError) || error.code !== 'kibana-unavailable') return error;
  return new WeirError(error.code, `${error.message}; any of the ${count} saved objects may have been imported`, {
    hint: 'weir setup --kibana … --dry-run lists those that are missing as new; without --dry-run it imports the rest.',
    retryable: true,
  });
}

async function readThere(client: KibanaClient, objects: readonly SavedObject[], signal: AbortSignal) {
  const asked = [...objects, recordId].map(({ type, id }) => ({ type, id }));
  const { saved_objects: answered } = await client.request(
    { method: 'POST', path: '/api/saved_objects/_bulk_get', body: { json: asked } },
    'read saved objects',
    signal,
  );
  if (!Array.isArray(answered) || answered.length !== asked.length)
    throw new WeirError('kibana-refused', `Kibana at ${client.address}: an answer of another kind to _bulk_get`, {
      hint: 'Is there a proxy in between? Correct kibana: url (--kibana).',
    });
  const found = new Map<string, FoundObject>();
  for (const value of answered) {
    const { type, id } = asRecord(value) ?? {};
    const object = toFound(value);
    if (object !== undefined) found.set(`${type}/${id}`, object);
  }
  return { found, record: readRecordObject(answered.at(-1), client.address) };
}

async function writeRecord(client: KibanaClient, record: ImportRecord, signal: AbortSignal): Promise<void> {
  await client.request(
    {
      method: 'POST',
      path: `/api/saved_objects/${recordId.type}/${recordId.id}`,
      query: { overwrite: 'true' },
      body: { json: toRecordObject(record) },
    },
    'write saved objects',
    signal,
  );
}

function readFailures(answer: Readonly<Record<string, unknown>>, address: string): readonly FailedObject[] {
  const { success, errors = [] } = answer;
  if (typeof success !== 'boolean' || !Array.isArray(errors) || (!success && errors.length === 0))
    throw new WeirError('kibana-refused', `Kibana at ${address}: an answer of another kind to _import`, {
      hint: 'Run weir setup --kibana … --dry-run: it tells what was imported.',
    });
  return errors.map((value: unknown) => {
    const { type, id, error } = asRecord(value) ?? {};
    const { type: kind = 'unknown', message } = asRecord(error) ?? {};
    const reason = typeof message === 'string' ? `${kind}: ${message}` : String(kind).replaceAll('_', ' ');
    return { key: toShortText(`${type}/${id}`, 80), reason: toShortText(reason, 120) };
  });
}
