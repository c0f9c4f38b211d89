// Where counters stood every so often, so that whoever asks gets the last hour at once: rates and losses are differences.

export interface CounterRing<Values> {
  add(atMs: number, values: Values): void;
  /** The newest entry that is at least `ageMs` older than `nowMs`, else the oldest; undefined while there is none. */
  before(nowMs: number, ageMs: number): RingEntry<Values> | undefined;
  /** The oldest first. */
  entries(): readonly RingEntry<Values>[];
}

export interface RingEntry<Values> {
  readonly atMs: number;
  readonly values: Values;
}

/** At most `size` entries: the oldest go. */
export function createCounterRing<Values>(size: number): CounterRing<Values> {
  const ring: RingEntry<Values>[] = [];

  return {
    add(atMs, values) {
      // A clock that was set back: what is of a time to come is forgotten.
      while (ring.length > 0 && ring.at(-1)!.atMs >= atMs) ring.pop();
      if (ring.length === size) ring.shift();
      ring.push({ atMs, values });
    },
    before: (nowMs, ageMs) => ring.findLast(({ atMs }) => atMs <= nowMs - ageMs) ?? ring[0],
    entries: () => ring,
  };
}
