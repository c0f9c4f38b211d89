// `!include FILE` in the pipeline file: which file that is, and its text; or why it can't be read. How deep, how many and how much is
// bounded: a file that includes itself, or a pipe, must not hold weir.

import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { notUtf8 } from './yaml-limits.ts';

/** One file of those that a pipeline file is made of. */
export interface YamlFile {
  readonly text: string;
  /** As messages name it. */
  readonly name: string;
  /** From the pipeline file down to this one: absolute paths. */
  readonly chain: readonly string[];
}

export interface YamlIncludes {
  /** The file, or what is wrong. `name` starts at the folder of the file that includes it. */
  open(name: string, from: YamlFile): YamlFile | string;
  /** Paths of all that are named, in order. */
  readonly paths: readonly string[];
}

/** People nest two or three; more is a mistake. */
const maxDepth = 8;
/** A file for each site, each with its own sections. */
const maxFiles = 200;
/** All of them together: as much as one pipeline file may have. */
const maxBytes = 2 ** 20;

export function createYamlIncludes(): YamlIncludes {
  const paths: string[] = [];
  let bytes = 0;

  function open(name: string, from: YamlFile): YamlFile | string {
    const parent = from.chain.at(-1) ?? '';
    const path = resolve(dirname(parent), name);
    const loop = from.chain.indexOf(path);
    if (loop !== -1) {
      const names = [...from.chain.slice(loop), path].map((each) => nameOf(each, path));
      return `includes itself: ${names.join(' → ')}`;
    }
    if (from.chain.length > maxDepth) return `files include each other more than ${maxDepth} deep`;
    if (paths.length >= maxFiles) return `more than ${maxFiles} files are included`;
    // One that is not there may come.
    paths.push(path);
    const shown = isAbsolute(name) ? name : join(dirname(from.name), name);
    try {
      const { size, isFile } = statOf(path);
      if (!isFile) return `can't include ${shown}: it is no file`;
      bytes += size;
      if (bytes > maxBytes) return 'the included files are larger than 1 MiB together';
      const content = readFileSync(path);
      const text = content.toString('utf8');
      if (text.includes('\0')) return `can't include ${shown}: it is no text`;
      const strange = notUtf8(content, text);
      if (strange !== undefined) return `can't include ${shown}: line ${strange.line}: ${strange.message}`;
      return { text, name: shown, chain: [...from.chain, path] };
    } catch (error) {
      return `can't include ${shown}: ${reasonOf(error)}`;
    }
  }

  return { open, paths };
}

/** Any other file is a text, such as a password; or it is included by mistake. What it has in it is not shown. */
export function isYamlName(name: string): boolean {
  return /\.ya?ml$/i.test(name);
}

function statOf(path: string) {
  const found = statSync(path);
  return { size: found.size, isFile: found.isFile() };
}

/** Relative to the folder of `beside`, where it lies in or below it. */
function nameOf(path: string, beside: string): string {
  const folder = `${dirname(beside)}/`;
  return path.startsWith(folder) ? path.slice(folder.length) : path;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'it may not be read by this user',
  };
  return reasons[code ?? ''] ?? code ?? message;
}
