// How much memory V8 may take for speed. docs/decisions/0017 has the figures.

import { setFlagsFromString } from 'node:v8';

/** The old generation may grow by a third between two collections, not to a multiple. */
export function keepOldHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30');
}

/** Called when everything is loaded. The young generation has grown by then to what weir's garbage needs, and stays there. */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
