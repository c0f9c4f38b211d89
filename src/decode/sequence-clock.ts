// What the clocks in a datagram's header say about a number that is not the next: late, or counted anew after a restart.
// v5 and v9 have an uptime and an export time, IPFIX an export time only, sFlow an uptime only.

import type { Observation } from './sequence-measures.ts';

/** A datagram is on its way, or in an exporter's queue, for less. */
export const maxLateMs = 10_000;
/** Export times of v9 and IPFIX are whole seconds; and exporters with several threads look at the clock in another order than they number. */
const clockSlackMs = 1000;
/** How near to a wrap of the 32-bit uptime, after 49.7 days, a jump back to zero may be one. */
const wrapSlackMs = 3_600_000;

/** The uptime is back, and not because it wrapped. */
export function isRebooted(newest: Observation, { uptimeMs, receivedAtMs }: Observation): boolean {
  if (uptimeMs < 0 || uptimeMs + maxLateMs >= newest.uptimeMs) return false;
  const passedMs = Math.max(0, receivedAtMs - newest.receivedAtMs);
  return newest.uptimeMs + passedMs + wrapSlackMs < 0x1_0000_0000;
}

/** It has a lower number and yet was sent after the newest: counting began anew. `begin` is where it begins. */
export function isSentLater(newest: Observation, { clockMs }: Observation, begin: number): boolean {
  return clockMs > newest.clockMs + (begin <= 1 ? 0 : clockSlackMs);
}

/** Sent before the restart: its clock is older than the newest, or its uptime one that the exporter can't have yet. */
export function isSentBefore(newest: Observation, { clockMs, uptimeMs }: Observation): boolean {
  return clockMs < newest.clockMs || uptimeMs > newest.uptimeMs + 2 * maxLateMs;
}

/** The same datagram twice, as far as can be told. */
export function isTwin(newest: Observation, now: Observation): boolean {
  return (
    newest.clockMs === now.clockMs &&
    newest.uptimeMs === now.uptimeMs &&
    newest.own === now.own &&
    newest.second === now.second
  );
}
