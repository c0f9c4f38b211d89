// What holds documents back, and since when: for the status line and the log. Several writes may wait at the same time.

export interface Wait {
  reason: string;
  readonly sinceMs: number;
}

export interface Waits {
  /** A write begins to wait, or has another reason now. */
  hold(wait: Wait | undefined, reason: string): Wait;
  /** Its wait is over. Returns its length in ms. */
  release(wait: Wait): number;
  /** The wait that began first. */
  longest(): { readonly reason: string; readonly forMs: number } | undefined;
}

export function createWaits(now: () => number): Waits {
  const waits = new Set<Wait>();
  return {
    hold(wait, reason) {
      const held = wait ?? { reason, sinceMs: now() };
      held.reason = reason;
      waits.add(held);
      return held;
    },
    release(wait) {
      waits.delete(wait);
      return Math.max(0, now() - wait.sinceMs);
    },
    longest() {
      const [first] = waits;
      return first === undefined ? undefined : { reason: first.reason, forMs: Math.max(0, now() - first.sinceMs) };
    },
  };
}

/** "12 s", "5 min", "3 h". */
export function toDurationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
