#!/usr/bin/env node
// The command line: verbs are in cli/program.ts; here is how the process ends. Nobody sees a stack trace unasked.

import { exitCodes, toFailure } from './cli/failure.ts';
import { beginOptimizing, waitWithOptimizing } from './heap.ts';

// All else is loaded after this.
waitWithOptimizing();
const { createProgram } = await import('./cli/program.ts');

/** Verbs that wait for flows, and begin with the first. */
const waitingVerbs = ['run', 'work', 'demo'];

/** After an unexpected exception what is in hand is still flushed, as after SIGTERM; it may take no longer than that. */
const orderlyStopMs = 5000;
/** When the work is done nothing should hold the process; if something does, it goes without it. */
const maxLingerMs = 1000;

let help = 'weir --help';
let debug = false;
let isStopping = false;

function fail(error: unknown): void {
  const { text, exitCode } = toFailure(error, { debug, help });
  process.stderr.write(text);
  process.exitCode = exitCode;
}

/** Verbs that must flush listen to SIGTERM; the others end here. */
function stop(): void {
  if (isStopping || process.listenerCount('SIGTERM') === 0) process.exit();
  isStopping = true;
  setTimeout(() => process.exit(), orderlyStopMs).unref();
  process.emit('SIGTERM', 'SIGTERM');
}

process.on('uncaughtException', (error) => {
  fail(error);
  stop();
});
process.stdout.once('error', (error: NodeJS.ErrnoException) => {
  // The reader went away (`weir decode … | head`): there is nobody to tell, and it is no mistake.
  if (error.code !== 'EPIPE') {
    process.stderr.write(`weir: can't write the output (${error.code ?? error.message})\n`);
    process.exitCode = exitCodes.refused;
  }
  stop();
});
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const program = createProgram({
  startedAtMs: Math.round(performance.timeOrigin),
  onVerb(name, isDebug) {
    if (!waitingVerbs.includes(name)) beginOptimizing();
    debug = isDebug;
  },
});
const verb = program.commands.find((command) => command.name() === process.argv[2]);
if (verb !== undefined) help = `weir ${verb.name()} --help`;
try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}
setTimeout(() => process.exit(), maxLingerMs).unref();
