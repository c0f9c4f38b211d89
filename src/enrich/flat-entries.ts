// `key: value` lines: the YAML that dictionaries of names and labels are written in (ElastiFlow's, translate filters').
// One mapping, or mappings in a mapping (`192.0.2.1:` and indented lines below it). Read line by line instead of as YAML:
// a wrong line costs itself, not the file, and a list of 100,000 lines takes 0.1 s.

import { type DataRead, noteMistake, shown } from './data-file.ts';
import { itemsAtOnce, linesOf, type Slices } from './slices.ts';

export interface FlatEntry {
  /** Of the mapping that the entry is in; undefined: it is not in another. */
  readonly group: string | undefined;
  readonly key: string;
  /** Empty for `- item`. */
  readonly value: string;
  readonly line: number;
}

/** Longer lines are no names. */
const maxLineLength = 4096;

const quotedText = `"(?:[^"\\\\]|\\\\.)*"|'(?:[^']|'')*'`;
const pairPattern = new RegExp(`^(\\s*)(${quotedText}|[^\\s"'#-][^#]*?|-[^\\s#][^#]*?)\\s*:(?:\\s+(.*))?$`);
const itemPattern = new RegExp(`^\\s*-\\s+(${quotedText}|[^\\s"'#][^#]*?)\\s*(?:#.*)?$`);
const quotedValue = new RegExp(`^(${quotedText})\\s*(?:#.*)?$`);

export function* readFlatEntries(text: string): Slices<DataRead<FlatEntry>> {
  const entries: FlatEntry[] = [];
  const mistakes: { line: number; message: string }[] = [];
  let group: { readonly key: string; readonly indent: number } | undefined;
  let number = 0;
  for (const raw of linesOf(text)) {
    if (++number % itemsAtOnce === 0) yield;
    const line = raw.trimEnd();
    if (/^\s*(?:#|$)|^---|^\.\.\.$|^%/.test(line)) continue;
    if (line.length > maxLineLength) {
      noteMistake(mistakes, number, `the line is longer than ${maxLineLength} characters`);
      continue;
    }
    const item = itemPattern.exec(line);
    if (item !== null) {
      entries.push({ group: group?.key, key: unquoted(item[1] ?? ''), value: '', line: number });
      continue;
    }
    const pair = pairPattern.exec(line);
    if (pair === null) {
      noteMistake(mistakes, number, `expected "key: value", got ${shown(line.trim())}`);
      continue;
    }
    const [, indent = '', key = '', rest = ''] = pair;
    if (group !== undefined && indent.length <= group.indent) group = undefined;
    const value = toValue(rest);
    if (value === '' && !/["']/.test(rest)) {
      // A key without a value opens a mapping; a second one inside is beyond what these files are.
      if (group === undefined) group = { key: unquoted(key), indent: indent.length };
      else noteMistake(mistakes, number, `${shown(unquoted(key))} has no value`);
      continue;
    }
    entries.push({ group: group?.key, key: unquoted(key), value, line: number });
  }
  return { entries, mistakes };
}

function toValue(rest: string): string {
  const isQuoted = quotedValue.exec(rest);
  if (isQuoted !== null) return unquoted(isQuoted[1] ?? '');
  return unquoted(rest.replace(/(?:^|\s)#.*$/, '').trim());
}

function unquoted(text: string): string {
  if (text.length >= 2 && text.startsWith("'") && text.endsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch {
    // YAML has more escapes than JSON; names have none.
    return text.slice(1, -1);
  }
}
