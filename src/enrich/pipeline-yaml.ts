// YAML text → plain values, each with its place in the text; mistakes are collected, not thrown. YAML 1.2 core schema.
// Aliases are followed, within a bound; variables are replaced (variables.ts), files are included (yaml-include.ts).

import { resolve } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import { expandVariables } from './variables.ts';
import { createYamlIncludes, type YamlFile } from './yaml-include.ts';
import { maxYamlValues } from './yaml-limits.ts';
import { type Mistake, type Place, parseSource, placeText, type Source } from './yaml-source.ts';

export { type Mistake, type Place, placeText };

export type Path = readonly PropertyKey[];

export interface YamlTree {
  /** Objects have no prototype. */
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  readonly syntaxErrors: readonly Mistake[];
  /** There are more values than a pipeline file has; the rest was not read. */
  readonly isTooBig: boolean;
  /** Place of the value at a path; of its nearest parent when there is none. */
  placeOf(path: Path): Place;
  /** Place of a character inside the text at a path; of the value where that can't be told (variables). */
  placeWithin(path: Path, offset: number): Place;
  /** Place of the key that leads to the value at a path. */
  placeOfKey(path: Path): Place;
  /** Names of the variables that the value at a path was made from. */
  variablesOf(path: Path): readonly string[];
  /** Paths whose value was made from variables. */
  readonly variablePaths: readonly Path[];
  readonly hidden: readonly HiddenText[];
  /** Values that are the text of a file (`!include` of one that is no YAML file by its name): where they are, and who includes them. */
  readonly textIncludes: readonly { readonly path: Path; readonly place: Place }[];
  /** Absolute paths of the files that it includes. */
  readonly includedPaths: readonly string[];
  /** A mistake that is already noted took the value at this path away. */
  isBroken(path: Path): boolean;
  /** Or one at a path that begins with this key. */
  isBrokenWithin(section: string): boolean;
}

/** What is not shown of the value at a path. */
export interface HiddenText {
  readonly path: Path;
  /** A piece of it; undefined: all. */
  readonly text: string | undefined;
}

/** Values copied by aliases. An honest file repeats a few lists; a bomb repeats billions. */
const maxAliasedValues = 10_000;

/** `path` is the file's own: what it includes lies beside it. */
export function readYaml(text: string, environment: Readonly<Record<string, string>>, path = 'pipeline.yml'): YamlTree {
  const mistakes: Mistake[] = [];
  const broken = new Set<string>();
  const brokenSections = new Set<PropertyKey | undefined>();
  const values = new Map<string, Place>();
  const keys = new Map<string, Place>();
  const variables = new Map<string, readonly string[]>();
  const variablePaths: Path[] = [];
  const hidden: HiddenText[] = [];
  const textIncludes: { path: Path; place: Place }[] = [];
  /** Texts as they came out, and where they are written. */
  const texts = new Map<
    string,
    { readonly text: string; readonly in: Source; readonly from: number; readonly to: number }
  >();
  const open = new Set<Node>();
  let aliasDepth = 0;
  let aliasedValues = 0;
  let valueCount = 0;
  const syntaxErrors: Mistake[] = [];
  const includes = createYamlIncludes();
  const main = openFile({ text, name: path, chain: [resolve(path)] });
  /** The file that is being read. */
  let source = main;

  function openFile(file: YamlFile): Source {
    const { source: opened, mistakes: found } = parseSource(file);
    syntaxErrors.push(...found);
    return opened;
  }

  function place(offset: number): Place {
    return source.placeOf(offset);
  }

  /** What a file that is included has in it, read by `read` as a part of this one. */
  function toIncluded<T>(node: Scalar, path: Path, read: (contents: Node | null) => T): T | undefined {
    const name = isScalar(node) && typeof node.value === 'string' ? toScalar(node, path) : undefined;
    if (typeof name !== 'string' || name === '') {
      if (!broken.has(pathKey(path))) mistake(node, 'expected the name of a file after !include');
      return breakAt(path);
    }
    const file = includes.open(name, source);
    if (typeof file === 'string') {
      mistake(node, file);
      return breakAt(path);
    }
    const before = source;
    const errorsBefore = syntaxErrors.length;
    const place = placeOfNode(node);
    source = openFile(file);
    if (source.isText) textIncludes.push({ path, place });
    try {
      return syntaxErrors.length > errorsBefore ? breakAt(path) : read(source.contents);
    } finally {
      source = before;
    }
  }

  function placeOfNode(node: Node): Place {
    return place(node.range?.[0] ?? 0);
  }

  function mistake(node: Node, message: string): void {
    mistakes.push({ ...placeOfNode(node), message });
  }

  /** The value at a path is missing because of a mistake that is noted. */
  function breakAt(path: Path): undefined {
    broken.add(pathKey(path));
    brokenSections.add(path[0]);
    return undefined;
  }

  /** Undefined: there is no value here (nothing written, an empty variable, a mistake that is noted). */
  function toValue(node: Node | null, path: Path): unknown {
    if (node === null) return undefined;
    if (aliasDepth > 0 && ++aliasedValues > maxAliasedValues) return breakAt(path);
    if (++valueCount > maxYamlValues) {
      if (valueCount === maxYamlValues + 1) mistake(node, `the file has more than ${maxYamlValues} values`);
      return breakAt(path);
    }
    if (isAlias(node)) return toAliasedValue(node.source, node, path);
    if ('anchor' in node && node.anchor !== undefined) source.anchors.set(node.anchor, node);
    values.set(pathKey(path), placeOfNode(node));
    if (isInclude(node)) return toIncluded(node, path, (contents) => toValue(contents, path));
    if (isScalar(node)) return toScalar(node, path);
    if (!isMap(node) && !isSeq(node)) return undefined;
    open.add(node);
    const value = isMap(node) ? toMapping(node.items, path) : toList(node.items, path);
    open.delete(node);
    return value;
  }

  function toMapping(items: readonly { key: unknown; value: unknown }[], path: Path): unknown {
    const mapping: Record<string, unknown> = Object.create(null);
    const names = new Set<string>();
    for (const { key, value } of items) {
      if (!isScalar(key) || key.value === null) {
        if (isNode(key)) mistake(key, 'a key must be a word, not a list or a mapping');
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
      const inner = [...path, name];
      // It would be no key of an object, and so be passed over.
      if (name === '__proto__') {
        mistake(key, 'the key "__proto__" can not be used');
        continue;
      }
      if (names.has(name)) {
        mistake(key, `the key ${quoted(name)} is here twice`);
        continue;
      }
      names.add(name);
      keys.set(pathKey(inner), placeOfNode(key));
      const plain = toValue(isNode(value) ? value : null, inner);
      // A key without a value counts as not given; but a step needs no options, and in tests nothing means absent.
      if (path[0] === 'steps' && path.length === 2) mapping[name] = plain ?? null;
      else if (plain !== undefined && (plain !== null || path[0] === 'tests')) mapping[name] = plain;
    }
    return mapping;
  }

  function toList(items: readonly unknown[], path: Path): unknown {
    const list: unknown[] = [];
    addItems(items, path, list);
    return list;
  }

  /** A list that is included as an item of a list brings its items. */
  function addItems(items: readonly unknown[], path: Path, list: unknown[]): void {
    for (const item of items) {
      const inner = [...path, list.length];
      const add = (node: Node | null) => {
        const plain = toValue(node, inner);
        if (plain !== undefined) list.push(plain);
      };
      if (!isInclude(item)) add(isNode(item) ? item : null);
      else {
        toIncluded(item, inner, (contents) => {
          if (isSeq(contents)) addItems(contents.items, path, list);
          else add(contents);
        });
      }
    }
  }

  function toScalar(node: Scalar, path: Path): unknown {
    const { value, range } = node;
    if (source.isText) {
      hidden.push({ path, text: undefined });
      // As what a variable holds, it may be a number, or nothing.
      variablePaths.push(path);
      return value === '' ? undefined : value;
    }
    if (typeof value !== 'string') return value;
    if (!value.includes('$')) {
      if (range) texts.set(pathKey(path), { text: value, in: source, from: range[0], to: range[1] });
      return value;
    }
    const expansion = expandVariables(value, environment, path[0] === 'steps');
    for (const { piece, message } of expansion.problems) {
      const from = node.range?.[0] ?? 0;
      const within = source.text.slice(from, node.range?.[1] ?? from).indexOf(piece);
      mistakes.push({ ...place(from + Math.max(0, within)), message });
    }
    if (expansion.problems.length > 0) return breakAt(path);
    if (expansion.names.length === 0) {
      if (range) texts.set(pathKey(path), { text: expansion.text, in: source, from: range[0], to: range[1] });
      return expansion.text;
    }
    if (expansion.text === '') return undefined;
    variables.set(pathKey(path), expansion.names);
    for (const text of expansion.secrets) hidden.push({ path, text });
    variablePaths.push(path);
    return expansion.text;
  }

  function toAliasedValue(anchor: string, node: Node, path: Path): unknown {
    const target = source.anchors.get(anchor);
    if (target === undefined) {
      mistake(node, `the alias *${anchor} stands for nothing: there is no &${anchor} before it`);
      return breakAt(path);
    }
    if (open.has(target)) {
      mistake(node, `the alias *${anchor} stands for a value that contains it`);
      return breakAt(path);
    }
    const before = aliasedValues;
    aliasDepth += 1;
    const value = toValue(target, path);
    aliasDepth -= 1;
    if (before <= maxAliasedValues && aliasedValues > maxAliasedValues && aliasDepth === 0) {
      mistake(node, `excessive aliases: they repeat more than ${maxAliasedValues} values`);
    }
    return value;
  }

  const value = syntaxErrors.length > 0 ? undefined : toValue(main.contents, []);
  const root = values.get('') ?? { line: 1, column: 1 };

  function nearest(map: ReadonlyMap<string, Place>, path: Path): Place {
    for (let length = path.length; length >= 0; length--) {
      const found = map.get(pathKey(path.slice(0, length))) ?? values.get(pathKey(path.slice(0, length)));
      if (found !== undefined) return found;
    }
    return root;
  }

  function placeWithin(path: Path, offset: number): Place {
    const written = texts.get(pathKey(path));
    if (written === undefined) return nearest(values, path);
    const { text, in: file, from, to } = written;
    return file.placeOf(from + writtenOffset(text, file.text.slice(from, to), offset));
  }

  return {
    value,
    mistakes,
    syntaxErrors,
    isTooBig: valueCount > maxYamlValues,
    placeOf: (path) => nearest(values, path),
    placeWithin,
    placeOfKey: (path) => nearest(keys, path),
    variablesOf: (path) => variables.get(pathKey(path)) ?? [],
    variablePaths,
    hidden,
    textIncludes,
    includedPaths: includes.paths,
    isBroken: (path) => broken.has(pathKey(path)),
    isBrokenWithin: (section) => brokenSections.has(section),
  };
}

function isInclude(node: unknown): node is Scalar {
  return isScalar(node) && node.tag === '!include';
}

function isNode(node: unknown): node is Node {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
}

/**
 * Where in the source of a scalar its text has the character at `offset`: quotes, escapes, indents and line breaks that
 * YAML takes out are passed over. 0 where the text is not found like that.
 */
function writtenOffset(text: string, written: string, offset: number): number {
  let at = 0;
  for (let i = 0; i < text.length && i <= offset; i++) {
    const isSpace = /\s/.test(text[i]!);
    while (at < written.length && written[at] !== text[i] && !(isSpace && /\s/.test(written[at]!))) at += 1;
    if (at >= written.length) return 0;
    if (i === offset) return at;
    at += 1;
  }
  // Behind the last character: the end.
  return at;
}

export function pathKey(path: Path): string {
  return path.map((part) => `\u0000${String(part)}`).join('');
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
