// Files of users that steps read: lists, tables, names. A file that is not there is an error; a line that is wrong is named
// in the log, and the good ones are used.

import { extname, resolve } from 'node:path';
import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { inSlices, itemsAtOnce, linesOf, type Slices } from './slices.ts';
import { readWholeFile } from './whole-file.ts';

export interface LineMistake {
  readonly line: number;
  readonly message: string;
}

/** What a format makes of a text. */
export interface DataRead<Entry> {
  readonly entries: readonly Entry[];
  readonly mistakes: readonly LineMistake[];
}

/** A list of a million addresses is 16 MB; what is larger was not made for this. */
export const maxDataBytes = 64 * 1024 * 1024;

/** Wrong lines that the log names as warnings, per file: the first ones tell what is wrong with the rest, which are there for `debug`. */
const maxNamedMistakes = 10;

/** Wrong lines that are kept in mind, per file. */
export const maxMistakes = 1000;

/** Throws WeirError with the option's name in it. */
export async function readDataFile(folder: string, path: string, option: string): Promise<string> {
  const file = resolve(folder, path);
  try {
    const bytes = await readWholeFile(file, maxDataBytes);
    if (typeof bytes === 'string') {
      const problem = bytes === 'is too large' ? `is larger than ${maxDataBytes / 2 ** 20} MiB` : bytes;
      throw new WeirError('file-invalid', `${option}: ${path} ${problem}`);
    }
    if (isUtf16(bytes)) throw new WeirError('file-invalid', `${option}: ${path} ${utf16Mistake}`);
    return bytes.toString('utf8');
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    const reason = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new WeirError('file-missing', `${option}: cannot read ${path}${reason}`, {
      hint: 'Paths start at the folder of the pipeline file.',
      cause,
    });
  }
}

export const utf16Mistake = 'is UTF-16: save it as UTF-8';

/** By its byte order mark: some programs of Windows write it. */
export function isUtf16(bytes: Uint8Array): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}

/** Reads a file and names its wrong lines. A file in which no line is right is an error. */
export async function readEntries<Entry>(
  { folder, logger }: { readonly folder: string; readonly logger: Logger },
  path: string,
  option: string,
  read: (text: string, path: string) => Slices<DataRead<Entry>>,
): Promise<readonly Entry[]> {
  const text = await readDataFile(folder, path, option);
  const { entries, mistakes: wrong } = await inSlices(read(text, path));
  const mistakes = [...wrong, ...(await inSlices(strangeLines(text)))].toSorted((a, b) => a.line - b.line);
  const [first] = mistakes;
  if (entries.length === 0 && first !== undefined) {
    throw new WeirError(
      'file-invalid',
      `${option}: ${path}:${first.line} ${first.message}; no line of the file is right`,
    );
  }
  logMistakes(logger, path, mistakes);
  return entries;
}

/** What stands where bytes were no UTF-8 (a list from a Windows program, most likely). */
const replacement = '\uFFFD';

/** Lines whose bytes were no UTF-8. They are used: of an address, or of most of a name, nothing is lost. */
function* strangeLines(text: string): Slices<readonly LineMistake[]> {
  const mistakes: LineMistake[] = [];
  if (!text.includes(replacement)) return mistakes;
  let number = 0;
  for (const line of linesOf(text)) {
    if (++number % itemsAtOnce === 0) yield;
    noteStrangeLine(mistakes, number, line);
  }
  return mistakes;
}

export function noteStrangeLine(mistakes: LineMistake[], line: number, text: string): void {
  if (text.includes(replacement)) noteMistake(mistakes, line, 'the line is not UTF-8: some letters are lost');
}

export function logMistakes(logger: Logger, path: string, mistakes: readonly LineMistake[]): void {
  for (const [index, { line, message }] of mistakes.entries()) {
    logger[index < maxNamedMistakes ? 'warn' : 'debug'](`${path}:${line} ${message}`);
  }
  if (mistakes.length > maxNamedMistakes) {
    const count = mistakes.length >= maxMistakes ? `${maxMistakes} or more` : String(mistakes.length);
    logger.warn(`${path}: ${count} lines are wrong; the others are used`);
  }
}

/** Notes a mistake, up to the bound. */
export function noteMistake(mistakes: LineMistake[], line: number, message: string): void {
  if (mistakes.length < maxMistakes) mistakes.push({ line, message });
}

/** What a message shows of a wrong value. */
export function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

export function isYaml(path: string): boolean {
  return ['.yml', '.yaml'].includes(extname(path).toLowerCase());
}
