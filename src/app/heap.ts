// How much memory V8 may take for speed. docs/decisions/0017 has the figures.

import { setFlagsFromString } from 'node:v8';

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
