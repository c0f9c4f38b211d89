// How much memory V8 may take for speed. docs/decisions/0017 has the figures.

import { setFlagsFromString } from 'node:v8';

/**
 * Called when everything is loaded. The young generation has grown by then to what weir's garbage needs, and stays there
 * (V8 would go on to 2 × 16 MB). The old one may grow by a third between two collections, not to a multiple.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=30');
}
