// The pipeline file as it counts: what is written, variables and included files put in, and every default; secrets are masked.
// It is a pipeline file again (but for the secrets).

import { stringify } from 'yaml';
import type { PipelineFile } from './pipeline-file.ts';
import { type JsonSchema, toJsonSchema } from './pipeline-json-schema.ts';
import { pipelineSchema } from './pipeline-schema.ts';
import { type Path, pathKey } from './pipeline-yaml.ts';
import { isSecret, withoutSecrets } from './secrets.ts';
import type { StepDefinition } from './step.ts';

/** Ends with a newline. */
export function toEffectiveYaml(
  { written, hidden }: Pick<PipelineFile, 'written' | 'hidden'>,
  steps: readonly StepDefinition<unknown>[],
): string {
  const whole = withDefaults(written, toJsonSchema(pipelineSchema));
  const items = whole['steps'];
  const effective = {
    ...whole,
    steps: Array.isArray(items) ? items.map((item) => toStep(item, steps)) : [],
  };
  const texts = new Map<string, (string | undefined)[]>();
  for (const { path, text } of hidden) texts.set(pathKey(path), [...(texts.get(pathKey(path)) ?? []), text]);
  return stringify(masked(effective, [], texts), { lineWidth: 0 });
}

function toStep(item: unknown, steps: readonly StepDefinition<unknown>[]): unknown {
  const [name, given] = typeof item === 'string' ? [item, {}] : (Object.entries(item as object)[0] ?? ['', {}]);
  const definition = steps.find((step) => step.name === name);
  if (definition === undefined) return item;
  return { [name]: withDefaults(given ?? {}, toJsonSchema(definition.options)) };
}

/** Keys in the order of the schema; those that it does not name (maps) behind them. */
function withDefaults(value: unknown, schema: JsonSchema): Record<string, unknown> {
  const given = isMapping(value) ? value : {};
  const { properties = {} } = schema as { properties?: Readonly<Record<string, JsonSchema>> };
  const full: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(properties)) {
    const chosen = given[key] ?? inner['default'];
    if (chosen === undefined) continue;
    full[key] = isMapping(chosen) && inner['properties'] !== undefined ? withDefaults(chosen, inner) : chosen;
  }
  for (const [key, inner] of Object.entries(given)) if (!(key in full)) full[key] = inner;
  return full;
}

const mask = '***';

/** `hidden`: by path, what is not shown of its value; undefined: all. */
function masked(value: unknown, path: Path, hidden: ReadonlyMap<string, readonly (string | undefined)[]>): unknown {
  if (Array.isArray(value)) return value.map((item, index) => masked(item, [...path, index], hidden));
  if (isMapping(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, masked(inner, [...path, key], hidden)]),
    );
  }
  const texts = hidden.get(pathKey(path)) ?? [];
  if (isSecret(path.filter((part) => typeof part === 'string')) || texts.includes(undefined)) return mask;
  if (texts.length > 0 && texts.includes(String(value))) return mask;
  if (typeof value !== 'string') return value;
  return texts.reduce<string>((text, secret = '') => text.replaceAll(secret, mask), withoutSecrets(value, mask));
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
