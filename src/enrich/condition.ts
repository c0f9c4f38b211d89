// Conditions on the fields of a document, as steps take them in their options: `flow.dst_port in [53, 853] and not exists
// flow.vlan`. Text in, one compiled function out; mistakes have their place. docs/conditions.md describes the language.

import { z } from 'zod';
import { compileCondition, type Holds, interpretCondition } from './condition-code.ts';
import { maxConditionLength, parseCondition, type Term } from './condition-parser.ts';
import { ConditionError } from './condition-tokens.ts';

export { ConditionError };

export interface Condition {
  /** As written. */
  readonly text: string;
  /** Does it hold for the flow as it is now? Costs 10 to 80 ns (bench/lookup.ts). */
  readonly holds: Holds;
  /** Paths that it looks at. */
  readonly fields: readonly string[];
}

/** Throws ConditionError. */
export function createCondition(text: string): Condition {
  const term: Term = parseCondition(text);
  return { text, holds: compileCondition(term) ?? interpretCondition(term), fields: fieldsOf(term) };
}

function fieldsOf(term: Term): readonly string[] {
  switch (term.kind) {
    case 'and':
    case 'or':
      return term.terms.flatMap(fieldsOf);
    case 'not':
      return fieldsOf(term.term);
    case 'fields':
      return [term.field.path, term.other.path];
    default:
      return [term.field.path];
  }
}

/** The type of an option that is a condition. `params.offset` of an issue is where in the text the mistake is. */
export const conditionOption = z
  .string({ error: 'expected a condition such as "flow.dst_port in [53, 853]"' })
  .transform((text, context): Condition => {
    try {
      return createCondition(text);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      const { message, offset } = error;
      context.issues.push({ code: 'custom', message, params: { offset }, input: text.slice(0, maxConditionLength) });
      return z.NEVER;
    }
  });
