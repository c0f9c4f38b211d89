// Where replayed datagrams go: into a pipeline of this process, or over UDP to a collector.

import type { Datagram } from '../../model/datagram.ts';

export interface ReplayTarget {
  /** Throws WeirError when it can't take anything. */
  start(): Promise<void>;
  /** The datagram as if it had been sent `shiftMs` later. Gives the flows in it, as far as they can be read. */
  take(datagram: Datagram, shiftMs: number): number | Promise<number>;
  /** After the last datagram: resolves when each has its fate, or soon after the replay was stopped. Lines for the user. */
  finish(): Promise<readonly string[]>;
  /** One phrase when it makes the replay wait. */
  trouble(): string | undefined;
}
