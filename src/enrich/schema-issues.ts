// What a zod schema says about a value of the pipeline file → sentences with their place in the file.

import { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import type { Mistake, Path, YamlTree } from './pipeline-yaml.ts';
import { isSecret, withoutSecretsOfSlip } from './secrets.ts';
import { isFilePath } from './setting-types.ts';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** `given` is the value, with numbers and truths for variables that hold them. */
export type Checked = { readonly data: unknown; readonly given: unknown } | { readonly mistakes: readonly Mistake[] };

/** Checks the value that lies at `base` in the tree. `title` names it in messages; '' for the whole file. */
export function check(schema: Schema, value: unknown, tree: YamlTree, base: Path, title: string): Checked {
  try {
    const mistakes = textsAsPaths(schema, tree, base, title);
    const checked = checkUnguarded(schema, value, tree, base, title);
    if (mistakes.length === 0) return checked;
    return { mistakes: [...mistakes, ...('mistakes' in checked ? checked.mistakes : [])] };
  } catch (error) {
    // zod passes its issues on as arguments; some hundred thousand don't fit on the stack.
    if (!(error instanceof RangeError)) throw error;
    const message = `${title === '' ? 'the file' : title}: too many mistakes to tell`;
    return { mistakes: [{ ...tree.placeOf(base), message }] };
  }
}

/** `key: !include key.pem`, where the path was meant: not a word of the text is shown, as it would be of a file that is not there. */
function textsAsPaths(schema: Schema, tree: YamlTree, base: Path, title: string): readonly Mistake[] {
  return tree.textIncludes.flatMap(({ path, place }) => {
    const inner = path.slice(base.length);
    if (!startsWith(path, base) || !schemasAt([schema], inner).some(isFilePath)) return [];
    const message = 'expected a path, and "!include" puts the text of the file in its place: leave it out';
    return [{ ...place, message: `${setting(inner, title)}: ${message}` }];
  });
}

function checkUnguarded(schema: Schema, value: unknown, tree: YamlTree, base: Path, title: string): Checked {
  let checkedValue = value;
  let result = z.safeParse(schema, value);
  if (!result.success) {
    const typed = withTypedVariables(value, result.error.issues, tree, base);
    const second = z.safeParse(schema, typed);
    if (second.success || second.error.issues.length < result.error.issues.length) {
      result = second;
      checkedValue = typed;
    }
  }
  if (result.success) return { data: result.data, given: checkedValue };
  const mistakes: Mistake[] = [];
  for (const issue of result.error.issues) addMistakes(issue, []);
  return { mistakes };

  function addMistakes(issue: Issue, outer: Path): void {
    const path = [...outer, ...issue.path];
    const full = [...base, ...path];
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, path);
      for (const key of issue.keys) {
        const where = setting(path, title);
        const message = `unknown key ${show(key)}${where === '' ? '' : ` in ${where}`}`;
        mistakes.push({
          ...tree.placeOfKey([...full, key]),
          message: message + didYouMean(key, known, 'the keys are'),
        });
      }
      return;
    }
    if (issue.code === 'invalid_union') {
      const branch = likeliestBranch(issue.errors);
      if (branch !== undefined) {
        for (const inner of branch) addMistakes(inner, path);
        return;
      }
    }
    const given = valueAt(checkedValue, path);
    if (given === undefined && (tree.isBroken(full) || tree.isBroken(full.slice(0, -1)))) return;
    const offset = offsetOf(issue);
    const place =
      offset !== undefined
        ? tree.placeWithin(full, offset)
        : issue.code === 'invalid_key'
          ? tree.placeOfKey(full)
          : tree.placeOf(full);
    const where = setting(issue.code === 'invalid_key' ? path.slice(0, -1) : path, title);
    const isMissing = given === undefined && issue.code !== 'invalid_key';
    const said = isMissing
      ? missing(issue)
      : offset === undefined
        ? sentence(issue, given, full, tree)
        : issue.message + fromVariables(full, tree);
    mistakes.push({ ...place, message: where === '' ? said : `${where}${isMissing ? ' ' : ': '}${said}` });
  }
}

/**
 * A variable holds text. Where that text was refused and reads as a number or a boolean, it is one:
 * `default: "${RATE:1000}"`.
 */
function withTypedVariables(value: unknown, issues: readonly Issue[], tree: YamlTree, base: Path): unknown {
  let typed = value;
  for (const full of tree.variablePaths) {
    if (full.length < base.length || !startsWith(full, base)) continue;
    const path = full.slice(base.length);
    if (!issues.some((issue) => issue.code !== 'unrecognized_keys' && startsWith(path, issue.path))) continue;
    const text = valueAt(value, path);
    if (text === 'true' || text === 'false') typed = withValueAt(typed, path, text === 'true');
    else if (typeof text === 'string' && /^-?\d{1,15}(?:\.\d{1,9})?$/.test(text)) {
      typed = withValueAt(typed, path, Number(text));
    }
  }
  return typed;
}

function startsWith(path: Path, start: Path): boolean {
  return start.length <= path.length && start.every((part, index) => String(part) === String(path[index]));
}

function withValueAt(value: unknown, path: Path, leaf: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return leaf;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === Number(first) ? withValueAt(item, rest, leaf) : item));
  }
  return { ...(value as object), [first]: withValueAt((value as Record<PropertyKey, unknown>)[first], rest, leaf) };
}

function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const part of path) {
    // One word where a list may stand counts as its only entry.
    if (part === 0 && typeof at === 'string') continue;
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[part];
  }
  return at;
}

/** `batch.records`: list positions are left out, the line says which. */
function setting(path: Path, title: string): string {
  const names = path.filter((part) => typeof part !== 'number').map(String);
  return (title === '' ? names : [title, ...names]).join('.');
}

function missing(issue: Issue): string {
  const expected = expectation(issue);
  return `is missing${expected.startsWith('expected ') ? `: ${expected}` : ''}`;
}

function sentence(issue: Issue, given: unknown, full: Path, tree: YamlTree): string {
  const from = fromVariables(full, tree);
  // Steps are in a list: without their numbers the path is as `isSecret` wants it.
  const secret = isSecret(full.filter((part) => typeof part === 'string'));
  const got =
    issue.code === 'invalid_key' ? show(String(full.at(-1))) : secret ? 'a secret of another form' : show(given);
  const expected = expectation(issue);
  const guess =
    issue.code === 'invalid_value' && typeof given === 'string' ? didYouMean(given, issue.values.map(String), '') : '';
  // Sentences of steps may say themselves what was given.
  if ((got.startsWith('"') && expected.includes(got)) || /, not [^,]+$/.test(expected)) return expected + from;
  if (expected.startsWith('expected ')) {
    return `${expected}, got ${got}${from}${guess.startsWith('; did') ? guess : ''}`;
  }
  return secret ? expected + from : `${expected} (${got}${from})`;
}

function fromVariables(full: Path, tree: YamlTree): string {
  const variables = tree.variablesOf(full);
  return variables.length === 0 ? '' : ` from ${variables.map((name) => `\${${name}}`).join(' and ')}`;
}

/** Where in a text its mistake is (conditions, templates): what is there need not be repeated. */
function offsetOf(issue: Issue): number | undefined {
  const offset: unknown = issue.code === 'custom' ? issue.params?.['offset'] : undefined;
  return typeof offset === 'number' ? offset : undefined;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  null: 'nothing',
};

function expectation(issue: Issue): string {
  // A sentence that the schema brought itself; zod's own begin with a capital letter.
  if (/^[^A-Z]/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${orList(issue.values.map(show))}`;
    case 'too_small':
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`;
    case 'invalid_union':
      return `expected ${orList([...new Set(issue.errors.flat().map((inner) => expectation(inner).replace(/^expected /, '')))])}`;
    case 'invalid_key': {
      const [inner] = issue.issues;
      return inner === undefined ? 'is no valid key' : expectation(inner);
    }
    default:
      return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  }
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : '';
}

function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The only branch that took the value's own type and failed further in; undefined when all refuse the type. */
function likeliestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const deeper = branches.filter(
    (issues) =>
      !issues.some(
        (issue) => issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value'),
      ),
  );
  return deeper.length === 1 ? deeper[0] : undefined;
}

/** Values as they are quoted in messages: short, and without the password of a URL. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  const masked = withoutSecretsOfSlip(value, '…');
  return JSON.stringify(masked.length > 60 ? `${masked.slice(0, 60)}…` : masked);
}

function knownKeys(schema: Schema, path: Path): readonly string[] {
  return schemasAt([schema], path).flatMap((found) =>
    found instanceof z.core.$ZodObject ? Object.keys(found._zod.def.shape) : [],
  );
}

function schemasAt(schemas: readonly Schema[], path: Path): readonly Schema[] {
  const open = schemas.flatMap(unwrapped);
  const [first, ...rest] = path;
  if (first === undefined) return open;
  return schemasAt(
    open.flatMap((schema): Schema[] => {
      if (schema instanceof z.core.$ZodObject) {
        const inner: Schema | undefined = schema._zod.def.shape[String(first)];
        return inner === undefined ? [] : [inner];
      }
      if (schema instanceof z.core.$ZodArray) return [schema._zod.def.element];
      if (schema instanceof z.core.$ZodRecord) return [schema._zod.def.valueType];
      return [];
    }),
    rest,
  );
}

function unwrapped(schema: Schema): readonly Schema[] {
  if (schema instanceof z.core.$ZodUnion) return schema._zod.def.options.flatMap(unwrapped);
  if (schema instanceof z.core.$ZodPipe) return [...unwrapped(schema._zod.def.in), ...unwrapped(schema._zod.def.out)];
  if (
    schema instanceof z.core.$ZodOptional ||
    schema instanceof z.core.$ZodNullable ||
    schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodPrefault ||
    schema instanceof z.core.$ZodReadonly ||
    schema instanceof z.core.$ZodCatch
  ) {
    return unwrapped(schema._zod.def.innerType);
  }
  return [schema];
}
