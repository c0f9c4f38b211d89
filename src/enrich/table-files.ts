// A table that a step makes of its list files: read in `create`, and again whenever one of them changes.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { Logger } from '../telemetry/logger.ts';
import { type DataRead, readEntries } from './data-file.ts';
import { fixedFile, openReloadingFile, type ReloadingFile } from './reloading-file.ts';
import { filePath } from './setting-types.ts';
import { atOnce, inSlices, type Slices } from './slices.ts';

export interface TableFiles<Entry, Table> {
  readonly step: string;
  /** Which option names the files, for what is said of them. */
  readonly option: string;
  readonly paths: readonly string[];
  readonly folder: string;
  readonly logger: Logger;
  readonly read: (text: string, path: string) => Slices<DataRead<Entry>>;
  /** Of all files together, in their order. */
  readonly build: (entries: readonly Entry[]) => Slices<Table>;
}

/** Throws WeirError with the option's name in it. */
export function openTable<Entry, Table>(files: TableFiles<Entry, Table>): Promise<ReloadingFile<Table>> {
  const { step, option, paths, folder, logger, read, build } = files;
  if (paths.length === 0) return Promise.resolve(fixedFile(atOnce(build([]))));
  return openReloadingFile({
    name: step,
    paths: paths.map((path) => resolve(folder, path)),
    logger,
    open: async () => {
      const lists = await Promise.all(paths.map((path) => readEntries({ folder, logger }, path, option, read)));
      return inSlices(build(lists.flat()));
    },
  });
}

/** More files than anybody keeps names in. */
const maxFiles = 64;

/** The option `file` of such a step: a path, or a list of paths. Comes out as a list, empty when nothing is given. */
export function filePaths(what: string) {
  const path = filePath(`the path of ${what}`);
  return z
    .union([path, z.array(path).max(maxFiles, { error: `expected at most ${maxFiles} files` })], {
      error: `expected the path of ${what}, or a list of paths`,
    })
    .transform((value): readonly string[] => (typeof value === 'string' ? [value] : value));
}

/** What Elasticsearch takes as a value (`ignore_above`). */
const maxNameLength = 256;

/** What is wrong with a name that is to be stored; undefined: nothing. */
export function nameMistake(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (name.length > maxNameLength) return `the name is longer than ${maxNameLength} characters`;
  return [...name].some((character) => character < ' ' || character === '\u007f')
    ? 'the name has control characters'
    : undefined;
}

export const storedName = z
  .union([z.string(), z.number()], { error: 'expected a name' })
  .transform(String)
  .superRefine((name, context) => {
    const message = nameMistake(name);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
