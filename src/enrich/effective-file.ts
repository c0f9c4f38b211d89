// The pipeline file as it counts: what is written, variables and included files put in, and every default; secrets are masked.
// It is a pipeline file again (but for the secrets).

import { stringify } from 'yaml';
import { type JsonSchema, toJsonSchema } from './pipeline-json-schema.ts';
import { pipelineSchema } from './pipeline-schema.ts';
import { isSecret, withoutSecrets } from './secrets.ts';
import type { StepDefinition } from './step.ts';

/** Ends with a newline. `written` is what the file says, and right. */
export function toEffectiveYaml(written: unknown, steps: readonly StepDefinition<unknown>[]): string {
  const whole = withDefaults(written, toJsonSchema(pipelineSchema));
  const items = whole['steps'];
  const effective = {
    ...whole,
    steps: Array.isArray(items) ? items.map((item) => toStep(item, steps)) : [],
  };
  return stringify(masked(effective, []), { lineWidth: 0 });
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

function masked(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => masked(item, path));
  if (isMapping(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner, [...path, key])]));
  }
  if (isSecret(path)) return '***';
  return typeof value === 'string' ? withoutSecrets(value, '***') : value;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
