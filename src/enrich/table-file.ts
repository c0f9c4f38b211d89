// Files that the step `lookup` reads, CSV and YAML → rows of a lookup table. Read line by line from the bytes: a text of a million
// lines and its pieces would take ten times the memory of the table. Wrong lines are named in the log, the good ones used.

import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { readCsvFields, separatorOf, unclosedQuote } from './csv-rows.ts';
import {
  isUtf16,
  isYaml,
  type LineMistake,
  logMistakes,
  noteMistake,
  noteStrangeLine,
  readDataFile,
  shown,
  utf16Mistake,
} from './data-file.ts';
import { didYouMean } from './did-you-mean.ts';
import { readFlatEntries } from './flat-entries.ts';
import type { LookupTable, LookupTableBuilder } from './lookup-table.ts';
import { inSlices, itemsAtOnce, type Slices } from './slices.ts';
import { readWholeFile } from './whole-file.ts';

/** Of what a key has one value only: `10.0.0.0/8: Boston`. */
export const onlyColumn = 'value';

export interface TableFile {
  /** Absolute. */
  readonly path: string;
  /** Column of the key in CSV; the first one unless given. */
  readonly key: string | undefined;
  /** Columns that are read, in the order of the builder's. */
  readonly columns: readonly string[];
  readonly logger: Logger;
}

/** Ten million lines of a table; Node reads no more than 2 GiB at once. */
const maxFileBytes = 512 * 2 ** 20;

/** A line is a row; what is longer is another kind of file. */
const maxLineBytes = 64 * 1024;

/** Throws WeirError: there is no file, it has not the columns, or no line of it is right. */
export async function readTableFile(file: TableFile, builder: LookupTableBuilder): Promise<LookupTable> {
  const mistakes: LineMistake[] = [];
  /** Row → line, to name rows that are left out at the end. */
  const lines: number[] = [];
  const add = (key: string, cells: readonly (string | undefined)[], line: number): void => {
    const mistake = builder.add(key, cells);
    if (mistake === undefined) lines.push(line);
    else noteMistake(mistakes, line, mistake);
  };
  if (isYaml(file.path)) await inSlices(readYamlRows(file, await readDataFile('.', file.path, 'file'), add, mistakes));
  else await inSlices(readCsvTable(file, await readWhole(file.path), add, mistakes));
  const { rows } = builder;
  const table = await inSlices(
    builder.build(
      (row) => noteMistake(mistakes, lines[row] ?? 0, 'the range overlaps another and lies not within it'),
      (row) => noteMistake(mistakes, lines[row] ?? 0, 'the key was there before; this line counts'),
    ),
  );
  const [first] = mistakes;
  if (rows === 0 && first !== undefined) {
    throw invalid(file.path, `:${first.line} ${first.message}; no line of the file is right`);
  }
  logMistakes(file.logger, file.path, mistakes);
  return table;
}

type AddRow = (key: string, cells: readonly (string | undefined)[], line: number) => void;

function* readYamlRows({ path, columns }: TableFile, text: string, add: AddRow, mistakes: LineMistake[]): Slices<void> {
  const { entries, mistakes: wrong } = yield* readFlatEntries(text);
  for (const { line, message } of wrong) noteMistake(mistakes, line, message);
  let key: string | undefined;
  let cells: (string | undefined)[] = [];
  let keyLine = 0;
  const finish = (): void => {
    if (key !== undefined) add(key, cells, keyLine);
    key = undefined;
  };
  const used = new Set<string>();
  for (const { group, key: name, value, line } of entries) {
    if (line % itemsAtOnce === 0) yield;
    if (value.startsWith('{') || value.startsWith('[')) {
      noteMistake(mistakes, line, `expected the columns of ${shown(name)} on lines of their own below it`);
      continue;
    }
    if (group === undefined) {
      finish();
      used.add(onlyColumn);
      add(
        name,
        columns.map((column) => (column === onlyColumn ? value : undefined)),
        line,
      );
      continue;
    }
    if (group !== key) {
      finish();
      key = group;
      keyLine = line;
      cells = new Array<string | undefined>(columns.length).fill(undefined);
    }
    used.add(name);
    for (const [index, column] of columns.entries()) if (column === name) cells[index] = value;
  }
  finish();
  if (used.size > 0) requireColumns(path, columns, [...used]);
}

function* readCsvTable(
  { path, key, columns }: TableFile,
  bytes: Buffer,
  add: AddRow,
  mistakes: LineMistake[],
): Slices<void> {
  if (isUtf16(bytes)) throw invalid(path, ` ${utf16Mistake}`);
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let separator = ',';
  let names: readonly string[] | undefined;
  let keyAt = 0;
  let cellsAt: readonly number[] = [];
  const cells: (string | undefined)[] = [];
  for (let line = 1; at < bytes.length; line++) {
    if (line % itemsAtOnce === 0) yield;
    const newline = bytes.indexOf(10, at);
    const end = newline < 0 ? bytes.length : newline;
    const from = at;
    at = end + 1;
    if (end - from > maxLineBytes) {
      noteMistake(mistakes, line, `the line is longer than ${maxLineBytes / 1024} KiB`);
      continue;
    }
    const text = bytes.toString('utf8', from, bytes[end - 1] === 13 ? end - 1 : end);
    if (text === '' || text.startsWith('#') || text.trim() === '') continue;
    if (names === undefined) separator = separatorOf(text);
    noteStrangeLine(mistakes, line, text);
    const fields = readCsvFields(text, separator);
    if (fields === undefined) noteMistake(mistakes, line, unclosedQuote);
    else if (names === undefined) {
      names = fields;
      requireColumns(path, key === undefined ? columns : [key, ...columns], names);
      keyAt = key === undefined ? 0 : names.indexOf(key);
      cellsAt = columns.map((column) => fields.indexOf(column));
    } else if (fields.length !== names.length) {
      noteMistake(mistakes, line, `expected ${names.length} fields, got ${fields.length}`);
    } else {
      for (let i = 0; i < cellsAt.length; i++) cells[i] = fields[cellsAt[i]!];
      add(fields[keyAt]!, cells, line);
    }
  }
  if (names === undefined)
    throw invalid(
      path,
      mistakes[0] === undefined
        ? ' is empty: expected a line with the names of the columns'
        : `:${mistakes[0].line} ${mistakes[0].message}`,
    );
}

function requireColumns(path: string, wanted: readonly string[], names: readonly string[]): void {
  for (const column of wanted) {
    const at = names.indexOf(column);
    if (at >= 0 && names.indexOf(column, at + 1) < 0) continue;
    if (at >= 0) throw invalid(path, ` has the column ${shown(column)} twice: which one counts?`);
    const known = names.slice(0, 20).map((name) => name.slice(0, 40));
    throw invalid(path, ` has no column ${shown(column)}${didYouMean(column, known, 'the columns are')}`);
  }
}

async function readWhole(path: string): Promise<Buffer> {
  let reason: string;
  let cause: unknown;
  try {
    const found = await readWholeFile(path, maxFileBytes);
    if (typeof found !== 'string') return found;
    reason = found === 'is too large' ? `is larger than ${maxFileBytes / 2 ** 20} MiB` : found;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    cause = error;
  }
  throw new WeirError('file-missing', `file: ${path} ${reason}`, {
    hint: 'Paths start at the folder of the pipeline file.',
    cause,
  });
}

function invalid(path: string, problem: string): WeirError {
  return new WeirError('file-invalid', `file: ${path}${problem}`, {
    hint: 'The first line of a CSV file names its columns; docs/pipelines.md shows the forms of tables.',
  });
}
