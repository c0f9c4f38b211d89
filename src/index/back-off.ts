// Waiting between attempts: twice as long each time, with jitter so that several writers do not knock at the same moment.

import { WeirError } from '../model/errors.ts';
import { unavailable } from './connection-failure.ts';

export interface BackOffOptions {
  readonly firstMs?: number;
  /** Long enough not to burden a server that is starting, short enough that flows go on soon after it is back. */
  readonly maxMs?: number;
  readonly random?: () => number;
}

export interface BackOff {
  /** The length of the next wait. A server that names one (Retry-After) gets that, or more. */
  nextMs(atLeastMs?: number): number;
  /** Waits its turn. Throws WeirError `stopped` as soon as `signal` aborts. */
  wait(signal: AbortSignal): Promise<void>;
}

export function createBackOff({ firstMs = 250, maxMs = 10_000, random = Math.random }: BackOffOptions = {}): BackOff {
  let limitMs = firstMs;
  function nextMs(atLeastMs = 0): number {
    const factor = 0.5 + random() / 2;
    const ms = limitMs * factor;
    limitMs = Math.min(limitMs * 2, maxMs);
    return ms >= atLeastMs ? ms : atLeastMs * (1.5 - factor / 2);
  }
  return { nextMs, wait: (signal) => pause(nextMs(), signal) };
}

/** Why what was to end with this signal is given up: its time is over, or weir is stopping. */
export function toEndError(signal: AbortSignal, what: string): WeirError {
  const { reason } = signal as { readonly reason: unknown };
  if (reason instanceof DOMException && reason.name === 'TimeoutError') return unavailable('no answer in time');
  return new WeirError('stopped', `${what} given up: weir is stopping`, { retryable: true });
}

/** Throws `toEndError` when the work is to be given up. */
export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw toEndError(signal, 'documents were');
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
