// How long a stage was at work, and how often: its latency and how busy it is are differences of these sums. Where pieces of work are
// small and many, one of several is measured, and counts for all.

export interface StageMeter {
  /** Returns what `end` is to be given; -1: this piece is not measured. */
  begin(): number;
  end(begun: number): void;
  readonly sums: { readonly busyMs: number; readonly pieces: number };
}

/** `now`: ms, by a clock that is never set. */
export function createStageMeter(now: () => number, measuredOneOf = 1): StageMeter {
  const sums = { busyMs: 0, pieces: 0 };
  let passed = 0;
  return {
    sums,
    begin() {
      passed += 1;
      if (passed < measuredOneOf) return -1;
      passed = 0;
      return now();
    },
    end(begun) {
      if (begun < 0) return;
      sums.busyMs += measuredOneOf * (now() - begun);
      sums.pieces += measuredOneOf;
    },
  };
}
