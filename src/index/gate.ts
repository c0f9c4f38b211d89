// At most so many at a time; the others wait in order.

import { throwIfStopped } from './back-off.ts';

export interface Gate {
  /** Throws WeirError `stopped` when `signal` aborts before its turn comes. */
  pass<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result>;
}

export function createGate(places: number): Gate {
  let free = places;
  const queue: (() => void)[] = [];

  async function enter(signal: AbortSignal): Promise<void> {
    if (free > 0) {
      free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        queue.splice(queue.indexOf(turn), 1);
        try {
          throwIfStopped(signal);
        } catch (error) {
          reject(error);
        }
      };
      const turn = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      queue.push(turn);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  function leave(): void {
    const next = queue.shift();
    if (next === undefined) free += 1;
    else next();
  }

  return {
    async pass(signal, work) {
      throwIfStopped(signal);
      await enter(signal);
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
