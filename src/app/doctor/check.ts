// A check of `weir doctor`: looks at one thing, and says what it found. All run side by side, and none for longer than it may.

import { WeirError } from '../../model/errors.ts';
import type { Finding } from '../../model/finding.ts';
import { toFinding } from '../findings/catalog.ts';
import { within } from '../lifecycle.ts';

export interface Checked {
  readonly findings: readonly Finding[];
  /** What it saw, in a few words; or why it could not look. */
  readonly said: string;
}

export interface Check {
  /** `Redis redis://localhost:6379` */
  readonly what: string;
  run(): Promise<Checked>;
}

export interface CheckResult extends Checked {
  readonly what: string;
  /** It found out nothing: it took too long, or may not. */
  readonly isBlind: boolean;
}

/** Somebody waits in front of it; a server that swallows what it is sent must not hold up the rest. */
export const checkLimitMs = 10_000;
/** Servers are asked for less long, so that there is time to say that they don't answer. */
export const serverLimitMs = 7_000;

/** In the order of the checks. Never rejects because of what is checked. */
export function runChecks(checks: readonly Check[], limitMs = checkLimitMs): Promise<readonly CheckResult[]> {
  return Promise.all(
    checks.map(async ({ what, run }): Promise<CheckResult> => {
      try {
        const checked = await within(limitMs, run());
        return checked === undefined
          ? toBlind(what, `no answer within ${limitMs / 1000} s`)
          : { what, ...checked, isBlind: false };
      } catch (error) {
        // A mistake in weir is to be seen as such.
        if (!(error instanceof WeirError)) throw error;
        return toBlind(what, error.message);
      }
    }),
  );
}

function toBlind(what: string, said: string): CheckResult {
  return { what, findings: [toFinding('check-blind', { what, reason: said })], said, isBlind: true };
}
