// Is a YAML text small enough to be parsed? Looked at token by token, before anything is built of it: the parser descends as deep as
// the text nests, until its stack (and with it the process) ends, and takes seconds for a text of nothing but commas.

import { isUtf8 } from 'node:buffer';
import { CST, Lexer } from 'yaml';

export interface YamlExcess {
  /** Where in the text it becomes too much; from 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A pipeline file is written by people. What reads the values has less room than the parser. */
export const maxYamlValues = 100_000;

/** People nest ten deep; a thousand are still read, ten thousand end the process. */
const maxDepth = 100;

/** Words, signs, comments: fewer than twice as many as values. Of so many mistakes the parser tells in seconds, not in half a minute. */
const maxTokens = 250_000;

/** Written by people, and a tenth of that. What a parser does with lines that have nothing on them is not worth their number. */
const maxLines = 50_000;

/** Undefined: it is small enough. */
export function yamlExcess(text: string): YamlExcess | undefined {
  let line = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    if (++line > maxLines) return excess(text, at, `the file has more than ${maxLines} lines`);
  }
  /** Columns at which the lines begin that the line at hand lies in. */
  const indents: number[] = [];
  let inLine = 0;
  let flowDepth = 0;
  let column = 0;
  let isLineStart = true;
  let counted = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'newline') {
      column = 0;
      isLineStart = true;
      inLine = 0;
    } else if (type === 'space' && isLineStart) column = token.length;
    else if (type !== 'comment' && type !== 'space') {
      if (isLineStart && flowDepth === 0) {
        while ((indents.at(-1) ?? -1) >= column) indents.pop();
        indents.push(column);
      }
      isLineStart = false;
    }
    if (type === 'flow-map-start' || type === 'flow-seq-start') flowDepth += 1;
    else if (type === 'flow-map-end' || type === 'flow-seq-end') flowDepth = Math.max(0, flowDepth - 1);
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind') inLine += 1;
    else if (type === 'comma') inLine = 0;
    if (indents.length + inLine + flowDepth > maxDepth) {
      return excess(text, offset, `values lie in each other more than ${maxDepth} deep`);
    }
    const isMark = type === 'scalar' || type === 'flow-error-end' || type === 'doc-mode';
    if (type !== 'space' && type !== 'newline' && !isMark && ++counted > maxTokens) {
      return excess(text, offset, `the file is made of more than ${maxTokens} words and signs`);
    }
    // Marks announce what comes, and are not in the text.
    if (!isMark) offset += token.length;
  }
  return undefined;
}

/** Where bytes stop to be UTF-8; undefined: all are. `text` is what was made of them. */
export function notUtf8(bytes: Buffer, text: string): YamlExcess | undefined {
  // Of UTF-16 and programs, that they are no text says more.
  if (isUtf8(bytes) || text.includes('\0')) return undefined;
  return excess(text, text.indexOf('\uFFFD'), 'the file is not UTF-8 from here on: save it as UTF-8');
}

function excess(text: string, offset: number, message: string): YamlExcess {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n'), message };
}
