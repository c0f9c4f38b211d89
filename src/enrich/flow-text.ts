// The table of document fields → one function that writes all of them. Straight code, because a loop over forty little
// functions costs more than what they do. It is made from names in our own source; where that is forbidden, the loop serves.

import type { FlowDocument } from './flow-document.ts';
import { flat, quotedAgain } from './json-text.ts';

/** How a value that is stored as it stands is written. */
export interface PlainField {
  readonly kind: 'number' | 'text';
  readonly name: string;
  readonly property: keyof FlowDocument;
}

export interface FieldWriter {
  /** `,"name":value` for each field of the group that has a value. */
  readonly write: (flow: FlowDocument) => string;
  /** The group is one plain field. */
  readonly plain?: PlainField;
}

/** The inside of `"flow":{…}` after its first field. */
export type FlowText = (flow: FlowDocument) => string;

export function createFlowText(groups: readonly FieldWriter[]): FlowText {
  return compileFlowText(groups) ?? interpretFlowText(groups);
}

export function interpretFlowText(groups: readonly FieldWriter[]): FlowText {
  return (flow) => {
    let text = '';
    for (const { write } of groups) text += write(flow);
    return text;
  };
}

type Factory = (
  writers: readonly FieldWriter['write'][],
  keys: readonly string[],
  smallNumbers: readonly (readonly string[])[],
  quotedAgain: (text: string) => string,
) => FlowText;

/** Undefined where the process forbids code from strings. */
export function compileFlowText(groups: readonly FieldWriter[]): FlowText | undefined {
  let factory: Factory;
  try {
    factory = new Function('writers', 'keys', 'smallNumbers', 'quotedAgain', flowTextSource(groups)) as Factory;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
  const keys = groups.map(({ plain }) => (plain === undefined ? '' : `,"${plain.name}":`));
  return factory(
    groups.map(({ write }) => write),
    keys,
    groups.map(({ plain }, index) => (plain?.kind === 'number' ? toSmallNumbers(keys[index]!) : [])),
    quotedAgain,
  );
}

/** One string instead of two for the values that most fields have: masks, types of service, interface numbers. */
function toSmallNumbers(key: string): string[] {
  return Array.from({ length: 256 }, (_, value) => flat(key + value));
}

function flowTextSource(groups: readonly FieldWriter[]): string {
  const lines = groups.map(({ plain }, i) => {
    if (plain === undefined) return `text += w${i}(flow);`;
    if (plain.kind === 'text') return `if ((v = flow.${plain.property}) !== undefined) text += k${i} + quotedAgain(v);`;
    return `if ((v = flow.${plain.property}) !== undefined) text += (v & 255) === v ? s${i}[v] : typeof v === 'number' && v < 9007199254740992 && v >= 0 ? k${i} + v : w${i}(flow);`;
  });
  return `'use strict';
${groups.map((_, i) => `const w${i} = writers[${i}], k${i} = keys[${i}], s${i} = smallNumbers[${i}];`).join('\n')}
return (flow) => {
  let text = '', v;
  ${lines.join('\n  ')}
  return text;
};`;
}
