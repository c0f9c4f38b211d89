// Words of a condition → its terms, with the types of fields checked. Throws ConditionError at the place of the mistake.
//
//   or     := and { "or" and }            and  := not { "and" not }        not := "not" not | term
//   term   := "(" or ")" | "exists" field | field test
//   test   := compare ( value | field ) | ["not"] "in" set | ["not"] textual text
//   set    := one | "[" one { "," one } "]"          one := value | number ".." number | subnet

import { type AddressRange, readAddressRange } from './address-words.ts';
import { ConditionError, readTokens, type Token } from './condition-tokens.ts';
import { nearest } from './did-you-mean.ts';
import { type StoredField, storedField } from './stored-field.ts';

export type CompareSign = '=' | '<' | '<=' | '>' | '>=';
export type TextTest = 'starts with' | 'ends with' | 'contains' | 'like';
export type Value = number | string | boolean;

export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

export type Term =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Term[] }
  | { readonly kind: 'not'; readonly term: Term }
  | { readonly kind: 'exists'; readonly field: StoredField }
  | { readonly kind: 'compare'; readonly field: StoredField; readonly sign: CompareSign; readonly value: Value }
  | { readonly kind: 'fields'; readonly field: StoredField; readonly sign: CompareSign; readonly other: StoredField }
  | { readonly kind: 'numbers'; readonly field: StoredField; readonly ranges: readonly NumberRange[] }
  | { readonly kind: 'texts'; readonly field: StoredField; readonly texts: readonly string[] }
  | { readonly kind: 'addresses'; readonly field: StoredField; readonly ranges: readonly AddressRange[] }
  | { readonly kind: 'text'; readonly field: StoredField; readonly test: TextTest; readonly text: string };

/** A condition is written by a person; a list that is longer is a file for the step `lookup`. */
export const maxConditionLength = 4096;

/** The parser and what is made of the terms go as deep as the parentheses. */
const maxDepth = 32;

const words = ['and', 'or', 'not', 'in', 'exists', 'starts with', 'ends with', 'contains', 'like'];
const signs: readonly string[] = ['=', '!=', '<', '<=', '>', '>='];

export function parseCondition(source: string): Term {
  if (source.length > maxConditionLength) {
    throw new ConditionError(
      `a condition has at most ${maxConditionLength} characters; long lists go into a file for "lookup"`,
      0,
    );
  }
  const tokens = readTokens(source);
  let next = 0;
  let depth = 0;

  function peek(): Token {
    return tokens[next]!;
  }

  /** Takes the token if it is this word or sign. */
  function accept(text: string): boolean {
    const { kind, text: found } = peek();
    if ((kind !== 'word' && kind !== 'sign') || found !== text) return false;
    next++;
    return true;
  }

  function fail(message: string, { offset }: Token = peek()): never {
    throw new ConditionError(message, offset);
  }

  function expected(what: string): never {
    const token = peek();
    const guess = token.kind === 'word' ? nearest(token.text, words) : undefined;
    const hint = guess === undefined || guess === token.text ? '' : `; did you mean "${guess}"?`;
    return fail(`expected ${what}, not ${token.kind === 'end' ? 'the end' : shown(token)}${hint}`);
  }

  function deeper<T>(read: () => T): T {
    if (++depth > maxDepth) fail(`parentheses and "not" are nested at most ${maxDepth} deep`);
    const result = read();
    depth--;
    return result;
  }

  function readOr(): Term {
    return readChain('or', readAnd);
  }

  function readAnd(): Term {
    return readChain('and', readNot);
  }

  function readChain(kind: 'and' | 'or', read: () => Term): Term {
    const first = read();
    if (!accept(kind)) return first;
    const terms = [first];
    do terms.push(read());
    while (accept(kind));
    return { kind, terms };
  }

  function readNot(): Term {
    if (accept('not')) return { kind: 'not', term: deeper(readNot) };
    if (accept('(')) {
      const term = deeper(readOr);
      if (!accept(')')) expected('")"');
      return term;
    }
    if (accept('exists')) return { kind: 'exists', field: readField() };
    return readTest(readField());
  }

  function readField(): StoredField {
    const token = peek();
    if (token.kind !== 'word') return expected('a field such as flow.dst_port');
    if (!token.text.includes('.') && !token.text.startsWith('@')) return expected('a field such as flow.dst_port');
    next++;
    const field = storedField(token.text);
    return typeof field === 'string' ? fail(field, token) : field;
  }

  function readTest(field: StoredField): Term {
    const isNot = accept('not');
    const test = readPositive(field, isNot);
    return isNot || test.isNot ? { kind: 'not', term: test.term } : test.term;
  }

  function readPositive(field: StoredField, isNot: boolean): { readonly term: Term; readonly isNot: boolean } {
    const token = peek();
    if (field.type === 'place' || field.type === 'time') {
      fail(`${field.path} is a ${field.type}: it has no tests but "exists ${field.path}"`, tokens[next - 1]);
    }
    if (accept('in')) return { term: readIn(field), isNot: false };
    for (const test of ['starts with', 'ends with', 'contains', 'like'] as const) {
      const [verb = '', preposition] = test.split(' ');
      if (!accept(verb)) continue;
      if (preposition !== undefined && !accept(preposition)) expected(`"${test}"`);
      return { term: readTextTest(field, test, token), isNot: false };
    }
    if (!isNot && token.kind === 'sign' && signs.includes(token.text)) {
      next++;
      const isUnequal = token.text === '!=';
      return { term: readCompare(field, isUnequal ? '=' : (token.text as CompareSign), token), isNot: isUnequal };
    }
    const first = isNot ? '' : '=, !=, <, <=, >, >=, ';
    return expected(`${first}"in", "starts with", "ends with", "contains" or "like" after ${field.path}`);
  }

  function readCompare(field: StoredField, sign: CompareSign, at: Token): Term {
    if (sign !== '=' && field.type !== 'number') {
      const instead = field.type === 'address' ? '"in" with a subnet' : '"=", "like" and the like';
      fail(`"${sign}" compares numbers, and ${field.path} is ${article(field)}: use ${instead}`, at);
    }
    const token = peek();
    if (token.kind === 'word' && (token.text.includes('.') || token.text.startsWith('@'))) {
      const other = readField();
      if (other.type !== field.type) {
        fail(`${field.path} is ${article(field)}, and ${other.path} is ${article(other)}`, token);
      }
      return { kind: 'fields', field, sign, other };
    }
    if (accept('[')) fail('a list goes with "in"', token);
    if (field.type === 'address') {
      const range = readAddress(field);
      if (token.text.includes('/')) fail(`"${token.text}" is a subnet: use "in" instead of "="`, token);
      return { kind: 'addresses', field, ranges: [range] };
    }
    if (field.type === 'boolean') return { kind: 'compare', field, sign, value: readBoolean(field) };
    return { kind: 'compare', field, sign, value: field.type === 'number' ? readNumber(field) : readText(field) };
  }

  function readBoolean(field: StoredField): boolean {
    if (accept('true')) return true;
    return accept('false') ? false : wrongType(field, 'true or false');
  }

  function readIn(field: StoredField): Term {
    if (field.type === 'boolean') fail(`${field.path} is a boolean: compare it with "=" and true or false`);
    if (field.type === 'number') return { kind: 'numbers', field, ranges: readSet(() => readRange(field)) };
    if (field.type === 'address') return { kind: 'addresses', field, ranges: readSet(() => readAddress(field)) };
    return { kind: 'texts', field, texts: readSet(() => readText(field)) };
  }

  function readSet<T>(readOne: () => T): readonly T[] {
    if (!accept('[')) return [readOne()];
    if (peek().text === ']' && peek().kind === 'sign') fail('the list is empty');
    const items = [readOne()];
    while (accept(',')) items.push(readOne());
    if (!accept(']')) expected('"," or "]"');
    return items;
  }

  function readRange(field: StoredField): NumberRange {
    const at = peek();
    const from = readNumber(field);
    if (!accept('..')) {
      const { kind, text } = peek();
      if (kind === 'number' && text.startsWith('-')) fail(`a range is written ${from}..${text.slice(1)}`, at);
      return { from, to: from };
    }
    const to = readNumber(field);
    if (to < from) fail(`the range ${from}..${to} is empty`, at);
    return { from, to };
  }

  function readNumber(field: StoredField): number {
    const token = peek();
    if (token.kind !== 'number') return wrongType(field, 'a number');
    next++;
    const value = Number(token.text);
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? fail('the number is beyond 2^53', token) : value;
  }

  function readText(field: StoredField): string {
    const token = peek();
    if (token.kind === 'word' && !token.text.includes('.')) {
      fail(`texts stand in quotes: "${token.text}"`, token);
    }
    if (token.kind !== 'text') return wrongType(field, 'a text in quotes');
    next++;
    return token.text;
  }

  function readAddress(field: StoredField): AddressRange {
    const token = peek();
    if (token.kind === 'text') fail(`addresses stand without quotes: ${token.text}`, token);
    if (token.kind !== 'address') return wrongType(field, 'an IP address or a subnet');
    next++;
    return readAddressRange(token.text) ?? fail(`"${token.text}" is no IP address or subnet`, token);
  }

  function wrongType(field: StoredField, what: string): never {
    return expected(`${what} (${field.path} is ${article(field)})`);
  }

  function readTextTest(field: StoredField, test: TextTest, at: Token): Term {
    if (field.type !== 'text') {
      const instead = field.type === 'address' ? '"in" with a subnet' : '"="';
      fail(`"${test}" looks into texts, and ${field.path} is ${article(field)}: use ${instead}`, at);
    }
    return { kind: 'text', field, test, text: readText(field) };
  }

  if (peek().kind === 'end') fail('the condition is empty');
  const term = readOr();
  if (peek().kind !== 'end') expected('"and", "or" or the end');
  return term;
}

function article({ type }: StoredField): string {
  return type === 'address' ? 'an address' : `a ${type}`;
}

function shown({ kind, text }: Token): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return kind === 'text' ? JSON.stringify(short) : `"${short}"`;
}
