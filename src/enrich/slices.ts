// Work that takes seconds, in slices of some milliseconds: between them datagrams are received and batches go on. It is written as a
// generator that yields where it may be interrupted. The slices are short because Node reads a socket's next 32 datagrams only
// after each.

import { setImmediate } from 'node:timers/promises';

export type Slices<Result> = Generator<undefined, Result, undefined>;

/** Lines, or other things that take some microseconds each, in a slice. */
export const itemsAtOnce = 1024;

export async function inSlices<Result>(work: Slices<Result>): Promise<Result> {
  for (let slice = work.next(); ; slice = work.next()) {
    if (slice.done === true) return slice.value;
    await setImmediate();
  }
}

/** For what is small, and where nothing can wait. */
export function atOnce<Result>(work: Slices<Result>): Result {
  for (let slice = work.next(); ; slice = work.next()) if (slice.done === true) return slice.value;
}

/** What needs no slices, where there may be some. */
// biome-ignore lint/correctness/useYield: that is what it is for.
export function* oneSlice<Result>(result: Result): Slices<Result> {
  return result;
}

/** As `text.split('\n')`, without a byte order mark. */
export function* linesOf(text: string): Generator<string, void, undefined> {
  let from = text.startsWith('\uFEFF') ? 1 : 0;
  for (let to = text.indexOf('\n', from); to >= 0; to = text.indexOf('\n', from)) {
    yield text.slice(from, to);
    from = to + 1;
  }
  yield text.slice(from);
}
