// CSV (RFC 4180) → rows of fields with their line numbers. Separators: comma, semicolon or tab, whichever the first line
// has. Lines that begin with `#` are comments, as published lists have them.

import { type DataRead, noteMistake } from './data-file.ts';
import { itemsAtOnce, linesOf, type Slices } from './slices.ts';

export interface CsvRow {
  readonly fields: readonly string[];
  readonly line: number;
}

/** More columns than any list has. */
const maxFields = 256;

export function* readCsvRows(text: string): Slices<DataRead<CsvRow>> {
  const entries: CsvRow[] = [];
  const mistakes: { line: number; message: string }[] = [];
  let separator: string | undefined;
  let number = 0;
  for (const raw of linesOf(text)) {
    if (++number % itemsAtOnce === 0) yield;
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '' || line.startsWith('#')) continue;
    separator ??= separatorOf(line);
    const fields = readCsvFields(line, separator);
    if (fields === undefined) noteMistake(mistakes, number, unclosedQuote);
    else entries.push({ fields, line: number });
  }
  return { entries, mistakes };
}

export const unclosedQuote = 'a quote is not closed on its line';

export function separatorOf(line: string): string {
  return [',', ';', '\t'].find((candidate) => line.includes(candidate)) ?? ',';
}

/** The fields of one line. Undefined: a quote is not closed. */
export function readCsvFields(line: string, separator: string): string[] | undefined {
  const fields = line.includes('"') ? quotedFields(line, separator) : line.split(separator, maxFields);
  if (fields === undefined) return undefined;
  for (let i = 0; i < fields.length; i++) fields[i] = fields[i]!.trim();
  return fields;
}

function quotedFields(line: string, separator: string): string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  while (fields.length < maxFields) {
    while (line[at] === ' ') at += 1;
    let field = '';
    if (line[at] === '"') {
      for (at += 1; ; at += 2) {
        const end = line.indexOf('"', at);
        if (end < 0) return undefined;
        field += line.slice(at, end);
        at = end;
        if (line[at + 1] !== '"') break;
        field += '"';
      }
      at += 1;
    }
    const end = line.indexOf(separator, at);
    fields.push(field + line.slice(at, end < 0 ? undefined : end));
    if (end < 0) return fields;
    at = end + 1;
  }
  return fields;
}
