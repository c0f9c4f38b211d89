// How fast datagrams are replayed: when each may go.

/** `max`: as fast as they are taken. */
export type Rate =
  | { readonly unit: 'max' }
  | { readonly unit: 'original'; readonly speed: number }
  | { readonly unit: 'datagrams' | 'flows'; readonly perSecond: number };

export interface Pace {
  /** Milliseconds until this datagram may go; 0 or less: now. */
  waitMs(capturedAtMs: number, loop: number): number;
  /** It went, with so many flows. */
  count(flows: number): void;
}

/** Who was held up (a busy disk, a laptop that slept) catches up with no more than this: a burst overflows receive buffers. */
const maxCatchUpMs = 200;

/** `now`: milliseconds that only grow. */
export function createPace(rate: Rate, now: () => number): Pace {
  let startedAtMs: number | undefined;
  let firstCapturedAtMs = 0;
  let currentLoop = 0;
  let gone = 0;

  function sinceStartMs(capturedAtMs: number, loop: number, nowMs: number): number {
    if (rate.unit === 'max') return 0;
    if (rate.unit !== 'original') return (1000 * gone) / rate.perSecond;
    if (loop !== currentLoop) {
      currentLoop = loop;
      firstCapturedAtMs = capturedAtMs;
      startedAtMs = nowMs;
    }
    return (capturedAtMs - firstCapturedAtMs) / rate.speed;
  }

  return {
    waitMs(capturedAtMs, loop) {
      if (rate.unit === 'max') return 0;
      const nowMs = now();
      startedAtMs ??= nowMs;
      const sinceMs = sinceStartMs(capturedAtMs, loop, nowMs);
      const waitMs = startedAtMs + sinceMs - nowMs;
      if (waitMs < -maxCatchUpMs && sinceMs >= 0) startedAtMs = nowMs - sinceMs - maxCatchUpMs;
      return waitMs;
    },
    count(flows) {
      gone += rate.unit === 'flows' ? flows : 1;
    },
  };
}
