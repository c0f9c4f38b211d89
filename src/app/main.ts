#!/usr/bin/env node
// The command line: verbs are in cli/program.ts; here is what happens when they fail. Nobody sees a stack trace unasked.

import { toFailure } from './cli/failure.ts';
import { createProgram } from './cli/program.ts';

/** After the work is done nothing should hold the process; if something does, it goes without it. */
const maxLingerMs = 1000;

let help = 'weir --help';
let debug = false;

function fail(error: unknown): void {
  const { text, exitCode } = toFailure(error, { debug, help });
  process.stderr.write(text);
  process.exitCode = exitCode;
}

process.on('uncaughtException', (error) => {
  fail(error);
  process.exit();
});
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader went away (`weir decode … | head`): there is nobody to tell.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`weir: can't write the output (${error.code ?? error.message})\n`);
  process.exit(2);
});
process.stderr.on('error', () => undefined);

const program = createProgram({
  startedAtMs: performance.timeOrigin,
  onVerb(verb, isDebug) {
    help = `weir ${verb} --help`;
    debug = isDebug;
  },
});
try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
setTimeout(() => process.exit(), maxLingerMs).unref();
