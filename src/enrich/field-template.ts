// Texts with fields in them, as steps write them: "${flow.src_addr}:${flow.dst_port}". `${flow.vlan:none}` has a text for
// flows without the field; without one, nothing is written for them.

import type { FlowDocument } from './flow-document.ts';
import { type StoredField, storedField } from './stored-field.ts';

export interface FieldTemplate {
  /** The template is this field and nothing else. */
  readonly only: StoredField | undefined;
  /** Undefined: a field is absent. */
  readonly toText: (flow: FlowDocument) => string | undefined;
}

export interface TemplateMistake {
  readonly message: string;
  readonly offset: number;
}

export interface TemplateOptions {
  /** Longer texts are cut. */
  readonly maxLength: number;
  readonly onCut: () => void;
}

/** More fields in one text is no text for people any more. */
const maxPieces = 64;

const reference = /\$\{([^}]*)\}?/g;

interface Piece {
  /** Before the field. */
  readonly text: string;
  readonly field: StoredField;
  readonly otherwise: string | undefined;
}

export function readTemplate(template: string): { pieces: readonly Piece[]; rest: string } | TemplateMistake {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of template.matchAll(reference)) {
    const [whole, inside = ''] = match;
    const offset = match.index;
    if (!whole.endsWith('}')) return { message: `a "\${" is not closed by "}"`, offset };
    const colon = inside.indexOf(':');
    const field = storedField(colon < 0 ? inside : inside.slice(0, colon));
    if (typeof field === 'string') return { message: field, offset: offset + 2 };
    if (field.type === 'place') return { message: `${field.path} is a place: it has no text`, offset: offset + 2 };
    const otherwise = colon < 0 ? undefined : inside.slice(colon + 1);
    pieces.push({ text: template.slice(from, offset), field, otherwise });
    if (pieces.length > maxPieces) return { message: `a text has at most ${maxPieces} fields`, offset };
    from = offset + whole.length;
  }
  return { pieces, rest: template.slice(from) };
}

export function createTemplate(template: string, { maxLength, onCut }: TemplateOptions): FieldTemplate {
  const read = readTemplate(template);
  if ('message' in read) throw new RangeError(read.message);
  const { pieces, rest } = read;
  const [first] = pieces;
  const isOnly = pieces.length === 1 && first?.text === '' && rest === '' && first.otherwise === undefined;

  function toText(flow: FlowDocument): string | undefined {
    let text = '';
    for (const { text: before, field, otherwise } of pieces) {
      const value = valueText(field.read(flow)) ?? otherwise;
      if (value === undefined) return undefined;
      text += before + value;
      if (text.length > maxLength) return cut(text);
    }
    text += rest;
    return text.length > maxLength ? cut(text) : text;
  }

  function cut(text: string): string {
    onCut();
    return cutText(text, maxLength);
  }

  return { only: isOnly ? first?.field : undefined, toText };
}

/** Not between the halves of a character. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return text.slice(0, /[\uD800-\uDBFF]/.test(text.charAt(maxLength - 1)) ? maxLength - 1 : maxLength);
}

/** Several values are one text; what has no value has none. */
export function valueText(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : undefined;
}
