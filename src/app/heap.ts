// How much memory V8 may take for speed. docs/decisions/0017 and 0021 have the figures.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Called when everything is loaded. The old generation may grow by a third between two collections, not to a multiple; the young one
 * has grown by then to what weir's garbage needs, and stays there.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30');
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** For listeners, whose rows live until their batch is full: in a small heap half of their CPU would go into copying and marking them. */
export function keepHeapBounded(): void {
  setFlagsFromString('--heap-growing-percent=100');
}

/**
 * What the start calls often is never called again, and to have it optimized costs 8 MB. Whoever calls this, before anything else is
 * loaded, calls `beginOptimizing` when there is something to do.
 */
export function waitWithOptimizing(): void {
  setFlagsFromString('--no-opt');
}

export function beginOptimizing(): void {
  setFlagsFromString('--opt');
}

/** What the databases that rest need to be let go (enrich/resting-file.ts). */
const restAfterMs = 40_000;
const lookEveryMs = 10_000;

/**
 * Nothing makes garbage while nothing comes, so V8 leaves lying what the start, or the last flows, have left: it is collected once
 * after each silence. `progress` is a number that changes whenever there was something to do.
 */
export function createHeapRest({
  progress,
  collect = collectGarbage,
}: {
  readonly progress: () => number;
  readonly collect?: () => void;
}): { start(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let before = -1;
  let silentMs = 0;

  function look(): void {
    const now = progress();
    silentMs = now === before ? silentMs + lookEveryMs : 0;
    before = now;
    if (silentMs === restAfterMs) collect();
  }

  return {
    start() {
      timer = setInterval(look, lookEveryMs).unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect();
}
