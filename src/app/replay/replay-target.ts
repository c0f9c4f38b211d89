// Where replayed datagrams go: into a pipeline of this process, to a collector over UDP, or through two pipelines that are compared.

import type { ReplayedDatagram } from './replay-files.ts';

export interface ReplayTarget {
  /** Throws WeirError when it can't take anything. */
  start(): Promise<void>;
  /** The datagram as if it had been sent `shiftMs` later. Gives the flows in it, as far as they can be read. */
  take(captured: ReplayedDatagram, shiftMs: number): number | Promise<number>;
  /** After the last datagram: resolves when each has its fate, or soon after the replay was stopped. */
  finish(): Promise<void>;
  /** One phrase when it makes the replay wait. */
  trouble(): string | undefined;
}
