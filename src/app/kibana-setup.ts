// The part of `weir setup` that is Kibana's: imports kibana-saved-objects/weir.ndjson, and says what became of each object.

import { readFile } from 'node:fs/promises';
import type { KibanaTarget } from '../enrich/kibana-section.ts';
import type { PlannedObject } from '../index/kibana-import.ts';
import type { ObjectState } from '../index/kibana-objects.ts';
import { WeirError } from '../model/errors.ts';

export const savedObjectsFile = new URL('../../kibana-saved-objects/weir.ndjson', import.meta.url);

/** Kibana's own start and the import together; nothing waits longer. */
const limitMs = 180_000;

export interface KibanaSetupOptions {
  readonly dryRun: boolean;
  readonly force: boolean;
  /** So long a Kibana may be starting. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** Lines for people. Throws WeirError; what was imported before stands in its message. */
export async function setupKibana(
  target: KibanaTarget,
  { dryRun, force, waitMs = 60_000, signal: stopping }: KibanaSetupOptions,
): Promise<readonly string[]> {
  const { createKibanaClient } = await import('../index/kibana-client.ts');
  const { checkSpace, readKibanaVersion } = await import('../index/kibana-readiness.ts');
  const { planImport, runImport } = await import('../index/kibana-import.ts');
  const { readSavedObjects } = await import('../index/kibana-objects.ts');
  const objects = readSavedObjects(await readFile(savedObjectsFile, 'utf8'));
  const client = createKibanaClient(target);
  const limit = AbortSignal.timeout(limitMs);
  const signal = stopping === undefined ? limit : AbortSignal.any([limit, stopping]);
  try {
    const version = await readKibanaVersion(client, waitMs, signal);
    await checkSpace(client, signal);
    const plan = await planImport(client, objects, force, signal);
    const failed = dryRun ? [] : await runImport(client, plan, signal);
    if (failed.length > 0) {
      const asked = plan.objects.filter(({ willImport }) => willImport).length;
      const named = failed.slice(0, 5).map(({ key, reason }) => `${key} (${reason})`);
      const more = failed.length > named.length ? `, and ${failed.length - named.length} more` : '';
      throw new WeirError(
        'kibana-refused',
        `Kibana at ${client.address}: ${asked - failed.length} of ${asked} saved objects were imported; not ${named.join(', ')}${more}`,
        { hint: 'What was imported stays; mend the cause, and run weir setup again: it imports the rest.' },
      );
    }
    const place = client.space === 'default' ? '' : `, space ${client.space}`;
    const counts = (state: ObjectState) => plan.objects.filter((planned) => planned.state === state);
    const lines = [`Kibana ${version} at ${client.address}${place}`];
    for (const [state, verb] of [
      ['new', 'import'],
      ['changed by weir', 'import anew'],
      ['changed by user', force ? 'overwrite' : 'leave'],
      ['deleted by user', force ? 'import anew' : 'leave out'],
      ['unchanged', 'keep'],
    ] as const) {
      const found = counts(state);
      if (found.length === 0) continue;
      lines.push(
        `${state.padEnd(15)} ${found.length} ${found.length === 1 ? 'object' : 'objects'}: ${dryRun ? `would ${verb}` : past[verb]}`,
      );
      if (state.endsWith('by user') || (dryRun && state !== 'unchanged')) lines.push(...toList(found, dryRun));
    }
    if (!force && counts('changed by user').length > 0)
      lines.push('    (changed in Kibana, or imported by hand; --force overwrites them)');
    if (!force && counts('deleted by user').length > 0)
      lines.push('    (deleted in Kibana; --force imports them, and overwrites what was changed there)');
    return lines;
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new WeirError('kibana-unavailable', `Kibana at ${client.address}: not done after ${limitMs / 1000} s`, {
      retryable: true,
      hint: 'Run weir setup again: it goes on where it stopped.',
    });
  } finally {
    await client.close();
  }
}

/** All of them where that is what was asked for. */
const maxListed = 10;

function toList(found: readonly PlannedObject[], isAll: boolean): readonly string[] {
  const shown = isAll ? found : found.slice(0, maxListed);
  const lines = shown.map(({ object: { type, id, title } }) => `    ${type}/${id}  ${title}`);
  return shown.length === found.length
    ? lines
    : [...lines, `    and ${found.length - shown.length} more (--dry-run lists all)`];
}

const past = {
  import: 'imported',
  'import anew': 'imported anew',
  overwrite: 'overwritten',
  leave: 'left',
  'leave out': 'left out',
  keep: 'kept',
} as const;
