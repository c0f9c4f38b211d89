// The section `decode` of the pipeline file names files of information elements: what they say, and their mistakes under their own names.

import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { ElementDefinition } from '../model/element.ts';
import { type ElementFormat, readElementFile } from './element-files.ts';
import type { Mistake, YamlTree } from './pipeline-yaml.ts';

export interface DecodeConfig {
  readonly elements: readonly string[];
  readonly ipfix_definitions?: string | undefined;
  readonly netflow_definitions?: string | undefined;
}

export interface FileMistakes {
  /** As messages name the file. */
  readonly path: string;
  readonly mistakes: readonly Mistake[];
}

export interface DecodeSection {
  /** In the order in which they count: the last one of a number does. */
  readonly elements: readonly ElementDefinition[];
  /** In the pipeline file itself. */
  readonly mistakes: readonly Mistake[];
  readonly fileMistakes: readonly FileMistakes[];
}

/** Logstash's own file has 63 kB, ElastiFlow's 154 kB. */
const maxFileBytes = 2 ** 20;

/** `path` is the pipeline file's; relative files lie beside it. */
export function readDecodeSection(config: DecodeConfig, tree: YamlTree, path: string): DecodeSection {
  const elements: ElementDefinition[] = [];
  const mistakes: Mistake[] = [];
  const fileMistakes: FileMistakes[] = [];

  function readFile(name: string, format: ElementFormat, key: readonly PropertyKey[]): void {
    let text: string;
    try {
      text = readText(resolve(dirname(path), name));
    } catch (error) {
      const setting = `decode.${String(key[0])}`;
      mistakes.push({
        ...tree.placeOf(['decode', ...key]),
        message: `${setting}: can't read ${name}: ${reason(error)}`,
      });
      return;
    }
    const read = readElementFile(text, format);
    elements.push(...read.definitions);
    if (read.mistakes.length === 0) return;
    fileMistakes.push({ path: isAbsolute(name) ? name : join(dirname(path), name), mistakes: read.mistakes });
  }

  const { ipfix_definitions, netflow_definitions } = config;
  if (ipfix_definitions !== undefined) readFile(ipfix_definitions, 'logstash-ipfix', ['ipfix_definitions']);
  if (netflow_definitions !== undefined) readFile(netflow_definitions, 'logstash-netflow', ['netflow_definitions']);
  for (const [index, name] of config.elements.entries()) readFile(name, 'weir', ['elements', index]);
  return { elements, mistakes, fileMistakes };
}

function readText(path: string): string {
  const found = statSync(path);
  // A device has no size, and its text no end. Of a folder reading says what it is.
  if (!found.isFile() && !found.isDirectory()) throw new Error('it is no file');
  if (found.size > maxFileBytes) throw new Error('it is larger than 1 MiB');
  return readFileSync(path, 'utf8');
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'it may not be read by this user',
    EISDIR: 'it is a folder',
  };
  return reasons[code ?? ''] ?? message;
}
