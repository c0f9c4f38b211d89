// What a folder of ElastiFlow says, as the sections of a pipeline file take it: values, each with the comment that names its place.

import { relative, resolve } from 'node:path';
import type { ElastiflowFolder } from './elastiflow-folder.ts';
import { elastiflowVariables } from './elastiflow-settings.ts';

export interface Value {
  /** A JSON string, which is YAML, too. */
  readonly yaml: string;
  readonly comment: string;
}

export interface Source {
  readonly folder: ElastiflowFolder;
  /** The value, and the comment that names its place; a variable that is not set has ElastiFlow's default. */
  setting(name: string): { readonly value: string; readonly comment: string };
  isTrue(name: string): boolean;
  /** Path of a file for the pipeline file, as YAML. */
  file(name: string): Value | undefined;
}

/** ElastiFlow's defaults. */
export const presets = new Map(elastiflowVariables.map(({ name, preset }) => [name, preset]));

export function createSource(folder: ElastiflowFolder, from: string): Source {
  const setting = (name: string) => {
    const found = folder.settings.get(name);
    // Compose files may hand a variable on: what it holds there is not known here.
    const isKnown = found !== undefined && found.value !== '' && !found.value.includes('${');
    return {
      value: isKnown ? found.value : (presets.get(name) ?? ''),
      comment: isKnown ? `ELASTIFLOW_${name}, ${onOneLine(found.place)}` : `ELASTIFLOW_${name} is not set: its default`,
    };
  };
  return {
    folder,
    setting,
    isTrue: (name) => /^true$/i.test(setting(name).value),
    file(name) {
      const path = folder.files.get(name);
      if (path === undefined) return undefined;
      const absolute = resolve(folder.path, path);
      const near = relative(resolve(from), absolute);
      return { yaml: yamlText(near.startsWith('..') ? absolute : near), comment: onOneLine(path) };
    },
  };
}

/** JSON's strings are YAML's; `$` begins a variable in a pipeline file. */
export function yamlText(text: string): string {
  return JSON.stringify(text.replaceAll('$', '$$$$'));
}

/** Names of files may hold anything; a comment ends with its line. */
export function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}
