// `${NAME}` and `${NAME:default}` inside a value of the pipeline file; `$$` is a dollar sign.
// Replaced after the YAML was parsed, so that what a variable holds can never change the structure of the file.

import { isSecretVariable } from './secrets.ts';

export interface Expansion {
  readonly text: string;
  /** Names of the variables in it. */
  readonly names: readonly string[];
  /** What variables put into it whose names say that it is secret. */
  readonly secrets: readonly string[];
  readonly problems: readonly ExpansionProblem[];
}

export interface ExpansionProblem {
  /** The piece of the text that is wrong: "${NAME}". */
  readonly piece: string;
  readonly message: string;
}

const token = /\$\$|\$\{([^}]*)(\}?)/g;
const reference = /^([A-Za-z_][A-Za-z0-9_]*)(?::([\s\S]*))?$/;
/** A field of the document, in the templates of steps: no variable has a dot in its name. */
const fieldReference = /^@?[A-Za-z_]\w*\.[^:]+(?::[\s\S]*)?$/;

/** `hasFields`: pieces such as `${flow.src_addr}` stay as they are. */
export function expandVariables(
  text: string,
  environment: Readonly<Record<string, string>>,
  hasFields = false,
): Expansion {
  const names: string[] = [];
  const secrets: string[] = [];
  const problems: ExpansionProblem[] = [];
  const expanded = text.replace(token, (piece: string, inside: string | undefined, close: string | undefined) => {
    if (inside === undefined) return '$';
    if (hasFields && close === '}' && fieldReference.test(inside)) return piece;
    const match = reference.exec(inside);
    if (close !== '}' || match === null) {
      const short = piece.length > 40 ? `${piece.slice(0, 40)}…` : piece;
      problems.push({
        piece,
        message: `${JSON.stringify(short)} is no variable: write \${NAME} or \${NAME:default}, or $$ for a dollar sign`,
      });
      return '';
    }
    const name = match[1]!;
    // It would end at the first brace.
    if (match[2]?.includes('${') === true) {
      problems.push({ piece, message: `the default of the variable ${name} has a variable in it: it can't have one` });
      return '';
    }
    names.push(name);
    const value = Object.hasOwn(environment, name) ? environment[name] : match[2];
    if (value !== undefined) {
      if (isSecretVariable(name) && value !== '') secrets.push(value);
      return value;
    }
    problems.push({
      piece,
      message: `the environment variable ${name} is not set and has no default; set it, or write \${${name}:default}`,
    });
    return '';
  });
  return { text: expanded, names, secrets, problems };
}
