// Several exporters behind one address (Docker's userland proxy, a NAT, a load balancer) look like one whose numbers jump to and fro.
// Here such a jumble is taken apart: each strand is a run of numbers near each other, and what matters is whether strands take turns.

import type { SequenceUnit } from '../model/sequence.ts';
import type { Observation } from './sequence-measures.ts';

/** Nearer than that to the newest number of a strand is the same strand: loss, and networks that reorder, stay within. */
const nearby = { records: 500, datagrams: 16 } as const;
/** Further apart than that is not disorder on the way. */
const farApart = { records: 30_000, datagrams: 1000 } as const;
/** Or these have booted at another time. Export times are whole seconds, and clocks are set now and then. */
const bootSlackMs = 5000;
/** So often numbers come back to a strand that was left: a restart, or a burst of loss, never does. */
const returnsBeforeVerdict = 8;
const forgetAfterMs = 10 * 60_000;
const maxStrands = 8;

interface Strand {
  sequence: number;
  /** NaN: the protocol has no uptime. */
  bootedAtMs: number;
  heardAtMs: number;
  returns: number;
}

export class SequenceStrands {
  readonly #unit: SequenceUnit;
  /** The current one first, then by when it was heard. */
  readonly #strands: Strand[] = [];
  #counters = 0;
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(unit: SequenceUnit, first: Observation) {
    this.#unit = unit;
    this.#strands.push(toStrand(first));
  }

  /** How many counters take turns; 0: one exporter. */
  countersAt(nowMs: number): number {
    return nowMs < this.#untilMs ? this.#counters : 0;
  }

  /** False: the newest number is of another strand than what came last. */
  isAt({ sequence }: Observation): boolean {
    return this.#strands[0]?.sequence === sequence;
  }

  /** The current strand has come to here, one number after the other. */
  follow(last: Observation): void {
    const current = this.#strands[0];
    if (current !== undefined) Object.assign(current, toStrand(last), { returns: current.returns });
  }

  take(now: Observation): void {
    const at = this.#find(now);
    const strand = at < 0 ? toStrand(now) : this.#strands[at]!;
    const isBack = at > 0;
    const isStale = now.receivedAtMs - strand.heardAtMs > forgetAfterMs;
    Object.assign(strand, toStrand(now), { returns: isStale ? 0 : strand.returns + (isBack ? 1 : 0) });
    if (at === 0) return;
    if (at > 0) this.#strands.splice(at, 1);
    else if (this.#strands.length >= maxStrands) this.#strands.pop();
    this.#strands.unshift(strand);
    if (isBack && strand.returns >= returnsBeforeVerdict) this.#judge(now.receivedAtMs);
  }

  #find({ sequence }: Observation): number {
    const limit = nearby[this.#unit];
    let found = -1;
    let least = limit + 1;
    for (let at = 0; at < this.#strands.length; at++) {
      const distance = Math.abs((sequence - this.#strands[at]!.sequence) | 0);
      if (distance >= least) continue;
      found = at;
      least = distance;
    }
    return found;
  }

  #judge(nowMs: number): void {
    const turning = this.#strands.filter(
      ({ returns, heardAtMs }) => returns >= returnsBeforeVerdict && nowMs - heardAtMs <= forgetAfterMs,
    );
    const apart: Strand[] = [];
    for (const strand of turning) if (apart.every((other) => this.#areApart(strand, other))) apart.push(strand);
    if (apart.length < 2) return;
    this.#counters = apart.length;
    this.#untilMs = nowMs + forgetAfterMs;
  }

  #areApart(one: Strand, other: Strand): boolean {
    return (
      Math.abs(one.bootedAtMs - other.bootedAtMs) > bootSlackMs ||
      Math.abs((one.sequence - other.sequence) | 0) > farApart[this.#unit]
    );
  }
}

function toStrand({ sequence, clockMs, uptimeMs, receivedAtMs }: Observation): Strand {
  // sFlow has no clock of its own but its uptime.
  const bootedAtMs = uptimeMs < 0 ? Number.NaN : (clockMs === uptimeMs ? receivedAtMs : clockMs) - uptimeMs;
  return { sequence, bootedAtMs, heardAtMs: receivedAtMs, returns: 0 };
}
