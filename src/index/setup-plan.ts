// What must be done on the server so that flows can be indexed: templates, lifecycle policy, the first index of a series.
// Reads only; each action of the plan can be run. docs/upgrading.md tells the rules.

import { WeirError } from '../model/errors.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { hasComposableTemplates, type Product } from './elasticsearch-product.ts';
import type { IndexLayout } from './index-layout.ts';
import { firstIndex, listSeries, makeIndex } from './index-series.ts';
import { flowKind, type IndexTemplate, precedenceOf, readIndexTemplates, rollupKind } from './index-template.ts';
import {
  createLifecycleStore,
  hasLifecycle,
  type LifecycleSettings,
  toLifecycleSettings,
  toPolicy,
} from './lifecycle-policy.ts';
import { toDifference } from './template-difference.ts';
import { createTemplateStore, type FoundTemplate, type TemplateStore } from './template-store.ts';

export interface SetupAction {
  /** `template weir-flow (version 3)` */
  readonly what: string;
  /** keep: it is as it must be, or `note` says why it is left. */
  readonly does: 'create' | 'update' | 'remove' | 'keep';
  /** Flows must not be indexed without it. */
  readonly isNeeded: boolean;
  readonly note?: string;
  /** What changes, a line each. */
  readonly difference: readonly string[];
  run(signal: AbortSignal): Promise<void>;
}

export interface SetupPlan {
  readonly hasLifecycle: boolean;
  readonly actions: readonly SetupAction[];
  /** What somebody else made and only he can mend. Nothing is done, and nothing indexed, while there is any. */
  readonly conflicts: readonly WeirError[];
}

export interface SetupPlanOptions {
  readonly client: ElasticsearchClient;
  readonly product: Product;
  readonly layout: IndexLayout;
  readonly lifecycle: LifecycleSettings;
  /** Replaces also what weir did not make, and what was changed by hand. */
  readonly force?: boolean;
  /** Reads all of the templates, to tell what changes. */
  readonly withDifference?: boolean;
}

export async function planSetup(options: SetupPlanOptions, signal: AbortSignal): Promise<SetupPlan> {
  const { client, product, layout } = options;
  const isComposable = hasComposableTemplates(product);
  const store = createTemplateStore(client, isComposable ? 'composable' : 'legacy');
  const older = isComposable ? createTemplateStore(client, 'legacy') : undefined;
  const [withLifecycle, found, leftOver] = await Promise.all([
    hasLifecycle(client, signal),
    store.list(signal),
    older?.list(signal) ?? [],
  ]);
  const policyName = layout.naming.base;
  // A policy counts an index's age from its making, not from its end: a series is looked after by weir (docs/decisions/0037).
  const withPolicy = withLifecycle && !layout.isRollover;
  const templates = await readIndexTemplates({
    naming: layout.naming,
    flowPattern: layout.pattern,
    ...(withPolicy && { flowSettings: toLifecycleSettings(policyName) }),
  });
  const plans = await Promise.all(templates.map((template) => planTemplate(template, found, store, options, signal)));
  const actions: SetupAction[] = [];
  // The template names the policy: it must be there first.
  if (withPolicy) actions.push(await planPolicy(policyName, options, signal));
  actions.push(...plans.flatMap((plan) => ('does' in plan ? [plan] : [])));
  if (older !== undefined) actions.push(...leftOver.filter(isOurs(templates)).map((left) => planRemoval(left, older)));
  if (layout.isRollover) actions.push(await planFirstIndex(layout.naming.base, client, signal));
  const conflicts = plans.flatMap((plan) => (plan instanceof WeirError ? [plan] : []));
  const flows = templates.find(({ kind }) => kind === flowKind);
  if (flows !== undefined) conflicts.push(...(await findRivals(flows, found, store, layout, signal)));
  return { hasLifecycle: withLifecycle, actions, conflicts };
}

async function planTemplate(
  template: IndexTemplate,
  list: readonly FoundTemplate[],
  store: TemplateStore,
  { force = false, withDifference = false }: SetupPlanOptions,
  signal: AbortSignal,
): Promise<SetupAction | WeirError> {
  const { name, kind, version } = template;
  const found = list.find((candidate) => candidate.name === name);
  const isOurs = found?.marker?.template === kind;
  if (found !== undefined && !isOurs && !force)
    return new WeirError('sink-refused', `the index template ${name} was not made by weir`, {
      hint: 'Choose another index.name, or let weir replace it: weir setup --force.',
    });
  const difference = withDifference
    ? toDifference(found === undefined ? undefined : await store.read(name, signal), template)
    : [];
  const action = {
    what: `template ${name} (version ${version})`,
    // Rollups wait for theirs by themselves.
    isNeeded: kind !== rollupKind,
    difference,
    run: (at: AbortSignal) => store.put(template, at),
  };
  if (found === undefined) return { ...action, does: 'create' };
  const there = found.marker?.version ?? 0;
  if (isOurs && there > version && !force)
    return { ...action, does: 'keep', note: `a newer weir made version ${there}`, difference: [] };
  if (!isOurs || there !== version || !isForTheSame(found, template)) return { ...action, does: 'update' };
  if (difference.length === 0) return { ...action, does: 'keep' };
  return force
    ? { ...action, does: 'update' }
    : { ...action, does: 'keep', note: 'changed by hand; --force undoes that' };
}

/** What may change without another version: the name of the indices, and their lifecycle. */
function isForTheSame(found: FoundTemplate, { patterns, settings }: IndexTemplate): boolean {
  const only = (content: Pick<IndexTemplate, 'patterns' | 'settings'>) => {
    const lines = toDifference(undefined, { ...content, mappings: {} });
    return lines.filter((line) => line.startsWith('+ index_patterns:') || line.startsWith('+ setting lifecycle.'));
  };
  return only(found).join('\n') === only({ patterns, settings }).join('\n');
}

function isOurs(templates: readonly IndexTemplate[]) {
  return ({ name, marker }: FoundTemplate) =>
    templates.some((template) => template.name === name && template.kind === marker?.template);
}

function planRemoval({ name }: FoundTemplate, store: TemplateStore): SetupAction {
  return {
    what: `legacy template ${name}`,
    does: 'remove',
    isNeeded: false,
    note: 'an older server needed it; the composable one goes before it',
    difference: [],
    run: (signal) => store.remove(name, signal),
  };
}

/** Templates of others that would give our indices other fields. */
async function findRivals(
  flows: IndexTemplate,
  found: readonly FoundTemplate[],
  store: TemplateStore,
  layout: IndexLayout,
  signal: AbortSignal,
): Promise<readonly WeirError[]> {
  const index = layout.sampleIndex();
  const matching = found.filter(
    ({ name, marker, patterns }) =>
      name !== flows.name && marker === undefined && patterns.some((pattern) => matches(pattern, index)),
  );
  const rivals: WeirError[] = [];
  for (const { name, precedence } of matching) {
    // Legacy templates are merged: one with fields of its own mixes them into our indices, whatever its order is.
    const isRival =
      store.kind === 'composable' ? precedence >= precedenceOf(flows) : hasFields(await store.read(name, signal));
    if (isRival)
      rivals.push(
        new WeirError('sink-refused', `the index template ${name}, which weir did not make, also counts for ${index}`, {
          hint: `Delete it (DELETE ${store.kind === 'legacy' ? '_template' : '_index_template'}/${name}), or choose another index.name.`,
        }),
      );
  }
  return rivals;
}

function hasFields(template: FoundTemplate | undefined): boolean {
  return Object.keys(template?.mappings ?? {}).length > 0;
}

function matches(pattern: string, index: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(index);
}

async function planPolicy(
  name: string,
  { client, product, lifecycle, force = false }: SetupPlanOptions,
  signal: AbortSignal,
): Promise<SetupAction> {
  const store = createLifecycleStore(client, product.version);
  const policy = toPolicy(lifecycle);
  const state = await store.compare(name, policy, signal);
  const action = {
    what: `lifecycle policy ${name}`,
    isNeeded: true,
    difference: state === 'same' ? [] : [`${state === 'absent' ? '+' : '~'} ${JSON.stringify(policy)}`],
    run: (at: AbortSignal) => store.put(name, policy, at),
  };
  if (state === 'absent') return { ...action, does: 'create' };
  if (state === 'same') return { ...action, does: 'keep' };
  if (state === 'ours' || force) return { ...action, does: 'update' };
  return { ...action, does: 'keep', note: 'differs, and does not say that weir made it; --force replaces it' };
}

async function planFirstIndex(base: string, client: ElasticsearchClient, signal: AbortSignal): Promise<SetupAction> {
  const indices = await listSeries(client, base, signal);
  return {
    what: `index ${indices[0] ?? firstIndex(base)}, the first of its series`,
    does: indices.length > 0 ? 'keep' : 'create',
    isNeeded: true,
    difference: [],
    async run(at) {
      await makeIndex(client, base, firstIndex(base), at);
    },
  };
}
