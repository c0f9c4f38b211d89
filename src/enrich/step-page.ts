// What a step's definition says, for people: its options with type, default and sentence, and its examples as YAML.
// docs/steps.md and `weir steps` are made of it.

import { stringify } from 'yaml';
import { z } from 'zod';
import { type JsonSchema, toJsonSchema } from './pipeline-json-schema.ts';
import type { StepDefinition, StepExample } from './step.ts';

/** Where the costs of steps were measured. */
export const costsMeasuredOn = 'one core of a virtual server (AMD EPYC), Node 20';

export interface StepPage {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionRow[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly microseconds: number;
  readonly cost: string;
  readonly examples: readonly ExampleText[];
}

export interface OptionRow {
  readonly name: string;
  readonly type: string;
  /** As it is written in YAML; absent: there is none. */
  readonly default?: string;
  readonly isRequired: boolean;
  readonly description: string;
}

export interface ExampleText {
  readonly title: string;
  /** The line of the pipeline file. */
  readonly step: string;
  readonly record: string;
  readonly becomes: string;
}

export function toStepPage(step: StepDefinition<unknown>): StepPage {
  const { properties = {}, required = [] } = toJsonSchema(step.options) as {
    properties?: Readonly<Record<string, JsonSchema>>;
    required?: readonly string[];
  };
  // JSON Schema calls for what is needed before defaults: those are needed without one.
  return {
    name: step.name,
    summary: step.summary,
    options: Object.entries(properties).map(([name, schema]) => ({
      name,
      type: typeOf(schema),
      ...(schema['default'] !== undefined && { default: inline(schema['default']) }),
      isRequired: required.includes(name),
      description: String(schema['description'] ?? ''),
    })),
    reads: step.reads,
    writes: step.writes,
    microseconds: step.cost.microseconds,
    cost: `${step.cost.microseconds} µs a document. ${step.cost.remark}`,
    examples: step.examples.map((example) => toExample(step, example)),
  };
}

function toExample({ name, options }: StepDefinition<unknown>, example: StepExample): ExampleText {
  const isBare = isEmpty(example.options) && z.safeParse(options, {}).success;
  return {
    title: example.title,
    step: isBare ? name : `${name}: ${inline(example.options)}`,
    record: inline(example.record),
    becomes: typeof example.expect === 'string' ? example.expect : inline(example.expect),
  };
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** YAML on one line. */
function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true })
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}

const words: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'number',
  number: 'number',
  boolean: 'true or false',
  null: 'nothing',
};

/** `number, or map to number` */
function typeOf(schema: JsonSchema): string {
  const { anyOf, enum: values, const: constant, type, items, additionalProperties, pattern } = schema;
  if (Array.isArray(anyOf)) {
    const kinds = (anyOf as readonly JsonSchema[]).filter((each) => !isVariable(each)).map(typeOf);
    return [...new Set(kinds)].join(', or ');
  }
  if (Array.isArray(values)) return values.map((value) => `\`${String(value)}\``).join(', ');
  if (constant !== undefined) return `\`${String(constant)}\``;
  if (type === 'array') return `list of ${isNamed(items) ? typeOf(items) : 'values'}`;
  if (type === 'object') return isNamed(additionalProperties) ? `map to ${typeOf(additionalProperties)}` : 'mapping';
  if (Array.isArray(type)) return [...new Set(type.map((each) => words[String(each)] ?? 'value'))].join(' or ');
  return typeof type === 'string' ? (words[type] ?? type) : pattern === undefined ? 'value' : 'text';
}

function isNamed(schema: unknown): schema is JsonSchema {
  return typeof schema === 'object' && schema !== null && Object.keys(schema).length > 0;
}

function isVariable({ pattern }: JsonSchema): boolean {
  return typeof pattern === 'string' && pattern.startsWith('\\$\\{');
}
