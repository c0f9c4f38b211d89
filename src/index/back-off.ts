// Waiting between attempts: twice as long each time, with jitter so that several writers do not knock at the same moment.

import { WeirError } from '../model/errors.ts';

export interface BackOffOptions {
  readonly firstMs?: number;
  /** Long enough not to burden a server that is starting, short enough that flows go on soon after it is back. */
  readonly maxMs?: number;
  readonly random?: () => number;
}

export interface BackOff {
  /** Waits its turn. Throws WeirError `stopped` as soon as `signal` aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

export function createBackOff({ firstMs = 250, maxMs = 10_000, random = Math.random }: BackOffOptions = {}): BackOff {
  let nextMs = firstMs;
  return {
    async wait(signal) {
      const ms = nextMs * (0.5 + random() / 2);
      nextMs = Math.min(nextMs * 2, maxMs);
      await pause(ms, signal);
    },
  };
}

/** Throws WeirError `stopped` when the work is to be given up. */
export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new WeirError('stopped', 'documents were given up: weir is stopping', { retryable: true });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  throwIfStopped(signal);
  await waitOrAbort(ms, signal);
  throwIfStopped(signal);
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function waitOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
