// Terms of a condition → one function of a flow. The code is made from property names of our own source and positions in
// lists of constants, never from what the user wrote; where making code is forbidden, the same terms are interpreted.

import { readAddressWords } from './address-words.ts';
import type { CompareSign, Term, TextTest } from './condition-parser.ts';
import type { FlowDocument } from './flow-document.ts';
import { createRangeTable, noValue, type RangeTable } from './range-table.ts';
import { atOnce } from './slices.ts';
import type { StoredField } from './stored-field.ts';

export type Holds = (flow: FlowDocument) => boolean;

type ValueTest = (value: unknown) => boolean;

/**
 * A field that is absent passes no test; `!=` and `not in` are "not" around their opposite, so it passes those. Of a field
 * with several values one is enough.
 */
export function interpretCondition(term: Term): Holds {
  switch (term.kind) {
    case 'and': {
      const parts = term.terms.map(interpretCondition);
      return (flow) => parts.every((holds) => holds(flow));
    }
    case 'or': {
      const parts = term.terms.map(interpretCondition);
      return (flow) => parts.some((holds) => holds(flow));
    }
    case 'not': {
      const holds = interpretCondition(term.term);
      return (flow) => !holds(flow);
    }
    case 'exists': {
      const { read } = term.field;
      return (flow) => read(flow) !== undefined;
    }
    case 'fields': {
      const { field, other, sign } = term;
      return (flow) => anyPair(field.read(flow), other.read(flow), sign);
    }
    default: {
      const { read } = term.field;
      const test = createTest(term);
      return (flow) => anyOf(read(flow), test);
    }
  }
}

/** Undefined where the process forbids code from strings. */
export function compileCondition(term: Term): Holds | undefined {
  const tests: ValueTest[] = [];
  const reads: StoredField['read'][] = [];
  const numbers: number[] = [];

  function source(part: Term): string {
    switch (part.kind) {
      case 'and':
      case 'or':
        return `(${part.terms.map(source).join(part.kind === 'and' ? ' && ' : ' || ')})`;
      case 'not':
        return `!${source(part.term)}`;
      case 'exists':
        return `(${valueSource(part.field)} !== undefined)`;
      case 'fields':
        return `anyPair(${valueSource(part.field)}, ${valueSource(part.other)}, '${part.sign}')`;
      default:
        return testSource(part);
    }
  }

  function testSource(part: LeafTerm): string {
    const test = `t${tests.push(createTest(part)) - 1}`;
    const value = valueSource(part.field);
    const isOne = part.field.property !== undefined || part.field.type === 'address';
    if (!isOne) return `anyOf(${value}, ${test})`;
    const direct = directSource(part);
    if (direct === undefined) return `((v = ${value}) !== undefined && ${test}(v))`;
    return `(typeof (v = ${value}) === 'number' ? ${direct} : v !== undefined && ${test}(v))`;
  }

  /** Tests of a number that are shorter than a call. */
  function directSource(part: LeafTerm): string | undefined {
    const constant = (value: number) => `n${numbers.push(value) - 1}`;
    if (part.kind === 'compare' && typeof part.value === 'number') {
      return `v ${part.sign === '=' ? '===' : part.sign} ${constant(part.value)}`;
    }
    if (part.kind !== 'numbers' || part.ranges.length > maxDirectRanges) return undefined;
    const alternatives = part.ranges.map(({ from, to }) =>
      from === to ? `v === ${constant(from)}` : `(v >= ${constant(from)} && v <= ${constant(to)})`,
    );
    return `(${alternatives.join(' || ')})`;
  }

  function valueSource({ property, code, read }: StoredField): string {
    if (property !== undefined) return `flow.${property}`;
    const call = `r${reads.push(read) - 1}(flow)`;
    return code === undefined ? call : `(flow.changes.isUsed ? ${call} : ${code})`;
  }

  const body = source(term);
  const names = (prefix: string, list: readonly unknown[], from: string) =>
    list.map((_, i) => `const ${prefix}${i} = ${from}[${i}];`).join('\n');
  const code = `'use strict';
${names('t', tests, 'tests')}
${names('r', reads, 'reads')}
${names('n', numbers, 'numbers')}
return (flow) => { let v; return ${body}; };`;
  try {
    const factory = new Function('tests', 'reads', 'numbers', 'anyOf', 'anyPair', code) as (
      ...constants: readonly unknown[]
    ) => Holds;
    return factory(tests, reads, numbers, anyOf, anyPair);
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

/** More are found faster by binary search. */
const maxDirectRanges = 8;

type LeafTerm = Exclude<Term, { kind: 'and' | 'or' | 'not' | 'exists' | 'fields' }>;

function createTest(term: LeafTerm): ValueTest {
  switch (term.kind) {
    case 'compare': {
      const { sign, value } = term;
      return typeof value === 'number' ? (stored) => compare(stored, value, sign) : (stored) => stored === value;
    }
    case 'numbers': {
      const ranges = merged(term.ranges);
      return (stored) => isWithin(toNumber(stored), ranges);
    }
    case 'texts': {
      const texts = new Set<unknown>(term.texts);
      return (stored) => texts.has(stored);
    }
    case 'addresses':
      return createAddressTest(term.ranges);
    case 'text':
      return createTextTest(term.test, term.text);
  }
}

function anyOf(stored: unknown, test: ValueTest): boolean {
  if (stored === undefined) return false;
  return Array.isArray(stored) ? stored.some(test) : test(stored);
}

function anyPair(stored: unknown, other: unknown, sign: CompareSign): boolean {
  if (stored === undefined || other === undefined) return false;
  const others: readonly unknown[] = Array.isArray(other) ? other : [other];
  return anyOf(stored, (value) =>
    others.some((against) => (sign === '=' ? value === against : compare(value, toNumber(against), sign))),
  );
}

/** Counters beyond 2^53 are text: near enough for an order. */
function toNumber(stored: unknown): number {
  return typeof stored === 'number'
    ? stored
    : typeof stored === 'string' && stored !== ''
      ? Number(stored)
      : Number.NaN;
}

function compare(stored: unknown, value: number, sign: CompareSign): boolean {
  const number = toNumber(stored);
  switch (sign) {
    case '=':
      return number === value;
    case '<':
      return number < value;
    case '<=':
      return number <= value;
    case '>':
      return number > value;
    case '>=':
      return number >= value;
  }
}

interface Ranges {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

/** Sorted, none touching another. */
function merged(ranges: readonly { readonly from: number; readonly to: number }[]): Ranges {
  const apart: { from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = apart.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else apart.push({ from, to });
  }
  return { starts: Float64Array.from(apart, ({ from }) => from), ends: Float64Array.from(apart, ({ to }) => to) };
}

function isWithin(number: number, { starts, ends }: Ranges): boolean {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= number) low = middle + 1;
    else high = middle;
  }
  return low > 0 && number <= ends[low - 1]!;
}

const words = new Uint32Array(4);

function createAddressTest(ranges: readonly { readonly first: Uint32Array; readonly last: Uint32Array }[]): ValueTest {
  const tableOf = (width: 1 | 4): RangeTable => {
    const builder = createRangeTable(width);
    for (const { first, last } of ranges) if (first.length === width) builder.add(first, last, 1);
    return atOnce(builder.build(() => undefined));
  };
  const table4 = tableOf(1);
  const table6 = tableOf(4);
  return (stored) => {
    if (typeof stored !== 'string') return false;
    const count = readAddressWords(stored, words);
    return count !== 0 && (count === 1 ? table4 : table6).lookup(words) !== noValue;
  };
}

function createTextTest(test: TextTest, text: string): ValueTest {
  switch (test) {
    case 'starts with':
      return (stored) => typeof stored === 'string' && stored.startsWith(text);
    case 'ends with':
      return (stored) => typeof stored === 'string' && stored.endsWith(text);
    case 'contains':
      return (stored) => typeof stored === 'string' && stored.includes(text);
    case 'like':
      return (stored) => typeof stored === 'string' && isLike(stored, text);
  }
}

/** Characters of a value that a pattern looks at: a step of the matcher is at most pattern × value. */
const maxMatched = 1024;

/** `*`: any characters, `?`: one. Goes back to the last star only, which is enough: what an earlier one took may stay. */
export function isLike(value: string, pattern: string): boolean {
  const text = value.length > maxMatched ? value.slice(0, maxMatched) : value;
  let at = 0;
  let p = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    const code = pattern.charCodeAt(p);
    if (code === 42) {
      star = p++;
      resume = at;
    } else if (code === 63 || code === text.charCodeAt(at)) {
      p++;
      at++;
    } else if (star >= 0) {
      p = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern.charCodeAt(p) === 42) p++;
  return p === pattern.length;
}
