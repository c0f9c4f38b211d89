// The text of a condition → its words, each with its place. docs/conditions.md describes the language.

export type TokenKind = 'word' | 'text' | 'number' | 'address' | 'sign' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a `text` what stands between its quotes. */
  readonly text: string;
  readonly offset: number;
}

/** A mistake in a condition. Offsets count UTF-16 units from 0. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const space = /\s*/y;
/** A path, or a word of the language. */
const word = /[A-Za-z_@][\w@]*(?:\.[A-Za-z_][\w-]*)*/y;
const text = /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'/y;
/** Digits with colons or three dots, or hexadecimal groups: what they are worth is asked later. */
const address = /(?:(?:[0-9A-Fa-f]*:[0-9A-Fa-f:]*:)?\d+(?:\.\d+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*)(?:\/\d+)?/y;
const number = /-?\d+(?:\.\d+)?(?![\w:])/y;
const sign = /\.\.|<=|>=|!=|[=<>()[\],]/y;

/** Signs of other languages, and what stands for them here. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [/==/y, '"="'],
  [/&&|&/y, '"and"'],
  [/\|\||\|/y, '"or"'],
  [/!/y, '"not"'],
  [/<>/y, '"!="'],
  [/=~|~/y, '"like", with * and ?'],
];

export function readTokens(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    return found === '' ? undefined : found;
  }

  for (;;) {
    at += take(space)?.length ?? 0;
    if (at >= source.length) break;
    for (const [pattern, instead] of foreign) {
      const found = take(pattern);
      if (found !== undefined && !(found === '!' && source[at + 1] === '=')) {
        throw new ConditionError(`"${found}" is no sign of this language: write ${instead}`, at);
      }
    }
    const quotedText = take(text);
    if (quotedText !== undefined) {
      const inside = quotedText.slice(1, -1).replaceAll(/\\([\s\S])/g, '$1');
      tokens.push({ kind: 'text', text: inside, offset: at });
      at += quotedText.length;
      continue;
    }
    const found = firstOf([
      ['address', take(address)],
      ['word', take(word)],
      ['number', take(number)],
      ['sign', take(sign)],
    ]);
    if (found === undefined) throw strange(source, at);
    tokens.push({ ...found, offset: at });
    at += found.text.length;
  }
  tokens.push({ kind: 'end', text: '', offset: source.length });
  return tokens;
}

function firstOf(
  candidates: readonly (readonly [TokenKind, string | undefined])[],
): { readonly kind: TokenKind; readonly text: string } | undefined {
  for (const [kind, found] of candidates) if (found !== undefined) return { kind, text: found };
  return undefined;
}

function strange(source: string, at: number): ConditionError {
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (character === '"' || character === "'") return new ConditionError('a quote is not closed', at);
  if (/\d/.test(character)) {
    return new ConditionError(`${JSON.stringify(/^[\w.:/-]*/.exec(source.slice(at, at + 60))?.[0])} is no number`, at);
  }
  return new ConditionError(`${JSON.stringify(character)} has no meaning here`, at);
}
