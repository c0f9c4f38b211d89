// An error that reached the command line → what stands on stderr, and the exit code. Never a stack trace, unless asked for.

import { CommanderError } from 'commander';
import { WeirError } from '../../model/errors.ts';

export interface Failure {
  /** Ends with a newline, or is empty. */
  readonly text: string;
  readonly exitCode: number;
}

/**
 * 0 done; 1 a mistake in weir, or not healthy (`weir healthcheck`: Docker knows 0 and 1), or different (`weir replay --diff`), or with an error to
 * mend (`weir doctor`); 2 a mistake in what weir was given (or in the place it runs in); 3 `weir doctor` has nothing worse than warnings.
 */
export const exitCodes = { done: 0, internal: 1, unhealthy: 1, different: 1, refused: 2, warnings: 3 } as const;

export interface FailureOptions {
  /** Show the stack trace. */
  readonly debug: boolean;
  /** The help to point at: "weir run --help". */
  readonly help: string;
}

export function toFailure(error: unknown, { debug, help }: FailureOptions): Failure {
  const stack = debug && error instanceof Error && error.stack !== undefined ? `${error.stack}\n` : '';
  if (error instanceof CommanderError) {
    // --help and --version: commander has printed them.
    if (error.exitCode === 0) return { text: '', exitCode: exitCodes.done };
    if (error.code === 'commander.help') return { text: '', exitCode: exitCodes.refused };
    return toFailure(toUsageError(error, help), { debug, help });
  }
  if (error instanceof WeirError && error.code !== 'internal') {
    return { text: `${toLine(error)}\n${stack}`, exitCode: exitCodes.refused };
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const advice = debug
    ? 'please report it with these lines'
    : 'run it again with --log-level debug, and please report what it prints';
  return {
    text: `weir: a mistake in weir itself (${oneLine(what)}); ${advice}\n${stack}`,
    exitCode: exitCodes.internal,
  };
}

function toLine({ code, message, hint }: WeirError): string {
  // Lines that begin with file:line:col stay so: editors and CI jump to them.
  const placed = code === 'pipeline-tests-failed' || code === 'connect-failed' || /^.+:\d+:\d+ /.test(message);
  const line = placed ? message : `weir: ${oneLine(message)}`;
  if (hint === undefined) return line;
  return line.includes('\n') ? `${line}\n${hint}` : `${line}${/[.!?]$/.test(line) ? '' : '.'} ${capitalised(hint)}`;
}

/** "error: unknown option '--qiet'\n(Did you mean --quiet?)" → "unknown option '--qiet'; did you mean --quiet?" */
function toUsageError(cause: CommanderError, help: string): WeirError {
  const message = oneLine(cause.message)
    .replace(/^error: /, '')
    .replace(/ ?\(Did you mean (.*)\?\)$/, '; did you mean $1?')
    .replace(/\.$/, '');
  return new WeirError('usage', message, { hint: `See ${help}.`, cause });
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ').trim();
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
