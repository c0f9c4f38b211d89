// The JSON Schema of the pipeline file, for editors: made of the same definitions that check it (pipeline-schema.ts, the steps).
// It knows the keys, their types and sentences; what depends on more than one value is known to `weir check` alone.

import { z } from 'zod';
import { pipelineSchema } from './pipeline-schema.ts';
import type { StepDefinition } from './step.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What editors speak (yaml-language-server). */
const target = 'draft-7';

/** `${NAME}` or `${NAME:default}` may stand for any value that is no text. */
const variable = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:[^}]*)?\\}' };

export function toPipelineJsonSchema(steps: readonly StepDefinition<unknown>[]): JsonSchema {
  const schema = toJsonSchema(pipelineSchema) as { properties: Record<string, object> };
  return {
    ...schema,
    title: 'Pipeline file of weir',
    properties: {
      ...schema.properties,
      steps: { ...schema.properties['steps'], items: toStepItem(steps) },
    },
  };
}

/** A step's options as JSON Schema: also what `weir steps --json` shows. */
export function toJsonSchema(schema: z.core.$ZodType): JsonSchema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    io: 'input',
    target,
    unrepresentable: 'any',
    override({ jsonSchema }) {
      if (jsonSchema.type !== 'number' && jsonSchema.type !== 'integer' && jsonSchema.type !== 'boolean') return;
      const { description, default: preset, ...bounds } = jsonSchema;
      for (const key of Object.keys(bounds)) delete jsonSchema[key];
      Object.assign(jsonSchema, { anyOf: [bounds, variable] });
    },
  });
  return made;
}

/** One object with a key for each step, so that editors complete the names; a name alone where nothing must be said. */
function toStepItem(steps: readonly StepDefinition<unknown>[]): JsonSchema {
  const optional = steps.filter(({ options }) => z.safeParse(options, {}).success);
  return {
    anyOf: [
      { enum: optional.map(({ name }) => name) },
      {
        type: 'object',
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
        properties: Object.fromEntries(
          steps.map((step) => {
            const options = toJsonSchema(step.options);
            const value = optional.includes(step) ? { anyOf: [options, { type: 'null' }] } : options;
            return [step.name, { ...value, description: step.summary }];
          }),
        ),
      },
    ],
  };
}
