// Faults that a step meets in its data, flow by flow: all are counted, and the log tells the first, the tenth, the hundredth …
// so that it stays short, however many flows there are.

import type { NoteMmdbFault } from './mmdb-file.ts';
import type { StepContext } from './step.ts';

export interface FaultKind {
  readonly step: string;
  /** As metrics have it: `lookup-failed`. */
  readonly outcome: string;
  /** As the log has it. */
  readonly message: string;
}

/** `about`: values for the log; of a fault that is not told they are lost. */
export type NoteFault = (about: Readonly<Record<string, unknown>>) => void;

export function createFaultNote(
  { logger, count }: Pick<StepContext, 'logger' | 'count'>,
  { step, outcome, message }: FaultKind,
): NoteFault {
  let times = 0;
  let next = 1;
  return (about) => {
    times += 1;
    count?.(outcome);
    if (times < next) return;
    next *= 10;
    logger.warn({ step, ...about, times }, message);
  };
}

/** Of a database that opened well and has garbage in it. */
export function createMmdbFaultNote(step: string, context: Pick<StepContext, 'logger' | 'count'>): NoteMmdbFault {
  const note = createFaultNote(context, {
    step,
    outcome: 'lookup-failed',
    message: 'a database is damaged: what it has of an address can’t be read, and is left out',
  });
  return (file, reason) => note({ file, reason });
}
