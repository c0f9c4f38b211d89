// The wall clock in microseconds, which JavaScript has in whole milliseconds only: between two of them a clock that only grows tells.

export interface MicrosecondsOptions {
  /** Wall clock, whole milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds that only grow, with a fraction. */
  readonly monotonicMs: () => number;
}

/** Always within the millisecond of `now`, also when that is set. */
export function createMicroseconds({ now, monotonicMs }: MicrosecondsOptions): () => number {
  let offsetMs = 0;
  return () => {
    const wallMs = now();
    const sinceMs = monotonicMs();
    const isWithin = sinceMs + offsetMs >= wallMs && sinceMs + offsetMs < wallMs + 1;
    if (!isWithin) offsetMs = wallMs - sinceMs;
    return isWithin ? Math.floor((sinceMs + offsetMs) * 1000) : wallMs * 1000;
  };
}
