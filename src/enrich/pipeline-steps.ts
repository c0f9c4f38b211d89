// The steps of a pipeline file: each list item → a step with the options that its own schema makes of them.

import { didYouMean } from './did-you-mean.ts';
import type { Mistake, Place, YamlTree } from './pipeline-yaml.ts';
import { check, show } from './schema-issues.ts';
import type { StepDefinition } from './step.ts';

export interface PipelineStep {
  readonly name: string;
  /** What the step's own schema made of them. */
  readonly options: unknown;
  /** As they are written. */
  readonly given: unknown;
  readonly place: Place;
}

/** What is needed of a step's definition to read its options. */
export interface StepOptions extends Pick<StepDefinition<unknown>, 'name' | 'options' | 'uses'> {}

/** Each item is a mapping with one key, or a bare name. Items of another type are named by the schema. */
export function readSteps(tree: YamlTree, stepDefinitions: readonly StepOptions[]) {
  const steps: PipelineStep[] = [];
  const mistakes: Mistake[] = [];
  const items = (tree.value as Readonly<Record<string, unknown>>)['steps'];
  if (!Array.isArray(items)) return { steps, mistakes };
  const names = stepDefinitions.map(({ name }) => name);
  for (const [index, item] of (items as unknown[]).entries()) {
    const keys = typeof item === 'string' ? [item] : isMapping(item) ? Object.keys(item) : undefined;
    if (keys === undefined) continue;
    const [name] = keys;
    const itemPlace = tree.placeOf(['steps', index]);
    if (name === undefined || keys.length > 1) {
      const message =
        name === undefined
          ? 'a step is missing: expected its name, or "name: { options }"'
          : oneStepPerItem(name, keys.slice(1));
      mistakes.push({ ...itemPlace, message });
      continue;
    }
    const place = typeof item === 'string' ? itemPlace : tree.placeOfKey(['steps', index, name]);
    const definition = stepDefinitions.find((candidate) => candidate.name === name);
    if (definition === undefined) {
      mistakes.push({ ...place, message: `unknown step ${show(name)}${didYouMean(name, names, 'the steps are')}` });
      continue;
    }
    const given = isMapping(item) ? (item[name] ?? {}) : {};
    const result = check(definition.options, given, tree, ['steps', index, name], name);
    if ('data' in result) steps.push({ name, options: result.data, given: result.given, place });
    else for (const mistake of result.mistakes) mistakes.push(mistake);
  }
  // A step that is wrong may be the one that sets a label.
  if (mistakes.length === 0) mistakes.push(...unsetLabels(steps, stepDefinitions));
  return { steps, mistakes };
}

/** Steps that look at a label which none before them sets: it would be absent from every flow. */
function unsetLabels(steps: readonly PipelineStep[], definitions: readonly StepOptions[]): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  const known = new Set<string>();
  for (const { name, options, place } of steps) {
    const uses = definitions.find((candidate) => candidate.name === name)?.uses?.(options) ?? [];
    for (const { path, isWritten } of uses.filter((use) => use.path.startsWith('labels.'))) {
      if (isWritten) known.add(path);
      else if (!known.has(path)) {
        const guess = didYouMean(path, [...known], 'the labels are');
        mistakes.push({ ...place, message: `${name}: no step before it sets ${show(path)}${guess}` });
      }
    }
  }
  return mistakes;
}

function oneStepPerItem(first: string, others: readonly string[]): string {
  const [it, own, an] = others.length === 1 ? ['it', 'its own', 'an option'] : ['them', 'their own', 'options'];
  return `one step per list item: put ${others.map(show).join(' and ')} behind a "-" of ${own}, or indent ${it} as ${an} of ${show(first)}`;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
