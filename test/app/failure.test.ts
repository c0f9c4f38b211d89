import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../src/app/cli/failure.ts';
import { WeirError } from '../../src/model/errors.ts';

const quiet = { debug: false, help: 'weir run --help' };

describe('an error on the command line', () => {
  test('is its message and what to do about it, on one line', () => {
    const error = new WeirError('listen-failed', "can't listen on udp://[::]:2055:\n  in use", {
      hint: 'stop the other',
    });
    expect(toFailure(error, quiet)).toEqual({
      text: "weir: can't listen on udp://[::]:2055: in use. Stop the other\n",
      exitCode: 2,
    });
  });

  test('without advice is its message', () => {
    expect(toFailure(new WeirError('file-invalid', 'x is no capture'), quiet).text).toBe('weir: x is no capture\n');
  });

  test('in a file begins with its place, so that editors jump to it', () => {
    const error = new WeirError('pipeline-invalid', 'a.yml:1:2 wrong\na.yml:3:4 wrong, too');
    expect(toFailure(error, quiet)).toEqual({ text: 'a.yml:1:2 wrong\na.yml:3:4 wrong, too\n', exitCode: 2 });
    const advised = new WeirError('not-supported', 'a.yml:1:2 not yet', { hint: 'Remove it.' });
    expect(toFailure(advised, quiet).text).toBe('a.yml:1:2 not yet. Remove it.\n');
  });

  test('that nobody foresaw asks for a report, exit code 1; the stack is shown when debugging only', () => {
    const error = new TypeError("can't read\nproperty x");
    expect(toFailure(error, quiet)).toEqual({
      text: "weir: a mistake in weir itself (TypeError: can't read property x); run it again with --log-level debug, and please report what it prints\n",
      exitCode: 1,
    });
    const { text } = toFailure(error, { ...quiet, debug: true });
    expect(text).toContain('    at ');
    expect(text).toContain('please report it with these lines');
    expect(toFailure(new WeirError('internal', 'x'), quiet).exitCode).toBe(1);
  });

  test.each([null, undefined, 'text', 5, { code: 'ENOENT' }])('may be no error at all: %j', (thrown) => {
    const { text, exitCode } = toFailure(thrown, { ...quiet, debug: true });
    expect(exitCode).toBe(1);
    expect(text.split('\n')).toHaveLength(2);
  });

  test('in the usage points at the help', () => {
    const error = new CommanderError(
      1,
      'commander.unknownOption',
      "error: unknown option '--qiet'\n(Did you mean --quiet?)",
    );
    expect(toFailure(error, quiet)).toEqual({
      text: "weir: unknown option '--qiet'; did you mean --quiet? See weir run --help.\n",
      exitCode: 2,
    });
  });

  test('that is none, as --help and --version are to commander, prints nothing', () => {
    expect(toFailure(new CommanderError(0, 'commander.helpDisplayed', '(outputHelp)'), quiet)).toEqual({
      text: '',
      exitCode: 0,
    });
  });
});
