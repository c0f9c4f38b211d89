// What a folder of an ElastiFlow installation holds: its variables, wherever they are set, and its dictionaries by name.
// Files of systemd (elastiflow.conf), profile.d, .env and docker-compose.yml all set variables as NAME=value or NAME: value.

import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { WeirError } from '../model/errors.ts';

export interface ElastiflowSetting {
  readonly value: string;
  /** `file:line`, relative to the folder. */
  readonly place: string;
}

export interface ElastiflowFolder {
  readonly path: string;
  /** By name without `ELASTIFLOW_`. The last file in order of names counts. */
  readonly settings: ReadonlyMap<string, ElastiflowSetting>;
  /** Settings that another file overrides. */
  readonly overridden: readonly { readonly name: string; readonly place: string }[];
  /** By file name: path relative to the folder; the first in order of names counts. */
  readonly files: ReadonlyMap<string, string>;
  /** The others of the same name. */
  readonly otherFiles: readonly string[];
}

/** ElastiFlow's own tree is three folders deep and has some hundred files. */
const maxDepth = 6;
const maxFiles = 5000;

/** Their environment files have a few kB; dictionaries are not read here. */
const maxSettingsBytes = 2 ** 20;

/** Throws WeirError where the folder can't be read, or is far too big to be one of ElastiFlow. */
export async function readElastiflowFolder(path: string): Promise<ElastiflowFolder> {
  const files = new Map<string, string>();
  const otherFiles: string[] = [];
  const settings = new Map<string, ElastiflowSetting>();
  const overridden: { name: string; place: string }[] = [];
  for (const file of await listFiles(path)) {
    const name = file.split('/').at(-1)!;
    if (files.has(name)) otherFiles.push(file);
    else files.set(name, file);
    if (!/^(?:.*\.(?:env|sh)|\.env.*|elastiflow.*\.conf|.*compose.*\.ya?ml)$/.test(name)) continue;
    if ((await stat(join(path, file))).size > maxSettingsBytes) continue;
    for (const { variable, value, line } of readSettings(await readFile(join(path, file), 'utf8'))) {
      const before = settings.get(variable);
      if (before !== undefined && before.value !== value) overridden.push({ name: variable, place: before.place });
      settings.set(variable, { value, place: `${file}:${line}` });
    }
  }
  return { path, settings, overridden, files, otherFiles };
}

async function listFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      // In `..data` and its like Kubernetes keeps the files of a ConfigMap, which lie beside it as links, too.
      const isSkipped = entry.name === '.git' || entry.name.startsWith('..');
      if (entry.isDirectory() && !isSkipped && depth < maxDepth) await walk(path, depth + 1);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await leadsToFile(path))))
        found.push(relative(root, path).replaceAll('\\', '/'));
      if (found.length > maxFiles) {
        throw new WeirError('file-invalid', `${root} has more than ${maxFiles} files: is it a folder of ElastiFlow?`);
      }
    }
  };
  try {
    await walk(root, 1);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const reasons: Readonly<Record<string, string>> = { ENOENT: 'there is no such folder', ENOTDIR: 'it is a file' };
    throw new WeirError('file-missing', `can't read ${root}: ${reasons[code] ?? code}`, {
      hint: 'Name the folder with ElastiFlow’s files, such as /etc/logstash/elastiflow or a clone with its docker-compose.yml.',
      cause,
    });
  }
  return found;
}

/** Links to folders are not followed: they may lead in circles. */
async function leadsToFile(link: string): Promise<boolean> {
  return await stat(link).then(
    (found) => found.isFile(),
    () => false,
  );
}

export interface FoundSetting {
  readonly variable: string;
  readonly value: string;
  readonly line: number;
}

/** A whole assignment in quotes (systemd), or a name and its value. `${ELASTIFLOW_…}` is a use, not a setting. */
const assignment =
  /"ELASTIFLOW_(\w+)=([^"]*)"|'ELASTIFLOW_(\w+)=([^']*)'|(?<![\w${])ELASTIFLOW_(\w+)["']?\s*[=:]\s*(?:"([^"]*)"|'([^']*)'|((?!#)[^\s"']*))/g;

/** Alone on its line and without quotes: all to the end is the value, blanks as well; in a shell script up to the first one. */
const plainLine = /^\s*(-\s+|export\s+)?ELASTIFLOW_(\w+)\s*(?:=|:\s)\s*([^\s"'#].*)$/;

function readPlainLine(line: string): Omit<FoundSetting, 'line'> | undefined {
  const [, before = '', variable = '', rest = ''] = plainLine.exec(line) ?? [];
  if (variable === '' || /\bELASTIFLOW_\w+=/.test(rest)) return undefined;
  const value = before.startsWith('export') ? rest.replace(/[\s;].*$/, '') : rest.replace(/\s+#.*$/, '');
  return { variable, value: value.trim() };
}

export function readSettings(text: string): FoundSetting[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (/^\s*(?:#|;)/.test(line)) return [];
    const alone = readPlainLine(line);
    return alone === undefined ? readAssignments(line, index + 1) : [{ ...alone, line: index + 1 }];
  });
}

function readAssignments(text: string, line: number): FoundSetting[] {
  return [...text.matchAll(assignment)].map((match) => {
    const [, double, doubleValue, single, singleValue, plain, ...values] = match;
    return {
      variable: double ?? single ?? plain ?? '',
      value: (doubleValue ?? singleValue ?? values.find((value) => value !== undefined) ?? '').trim(),
      line,
    };
  });
}

export interface DictionaryEntry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

/** Their dictionaries are flat: `"key": value` on each line. Other lines are named. */
export function readDictionary(text: string): {
  readonly entries: readonly DictionaryEntry[];
  readonly wrongLines: readonly number[];
} {
  const entries: DictionaryEntry[] = [];
  const wrongLines: number[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    if (/^\s*(?:#.*|---.*|\.\.\.)?$/.test(line)) return;
    const match =
      /^\s*(?:"([^"]*)"|'([^']*)'|([^\s"'#][^"'#]*?))\s*:\s+(?:"([^"]*)"|'([^']*)'|([^\s"'#][^"'#]*?))\s*(?:#.*)?$/.exec(
        line,
      );
    const key = match?.[1] ?? match?.[2] ?? match?.[3];
    const value = match?.[4] ?? match?.[5] ?? match?.[6];
    if (key === undefined || value === undefined) wrongLines.push(index + 1);
    else entries.push({ key, value, line: index + 1 });
  });
  return { entries, wrongLines };
}
