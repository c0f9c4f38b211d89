// How far an exporter's clock is from ours, by the export times of its datagrams: of each minute the nearest counts, for what waits in
// queues looks older than it is.

import type { RecordHeader } from '../model/record.ts';

/** A clock with NTP is within milliseconds; export times are whole seconds, and exporters may hold datagrams for some. */
const wrongMs = 60_000;
/** Full minutes that it must have been wrong for. */
const minutesBeforeSign = 2;
const quarterMs = 15 * 60_000;
/** Offsets of time zones go from -12 h to +14 h. */
const maxZoneMs = 14 * 3_600_000;

export interface ClockSkew {
  /** Exporter less ours. */
  readonly skewMs: number;
  /** It is near a multiple of 15 minutes: local time, taken for UTC. */
  readonly isZone: boolean;
}

export class ClockTally {
  #nearestMs: number | undefined;
  #wrongMinutes = 0;
  #skewMs = 0;

  turn(): void {
    if (this.#nearestMs === undefined) return;
    this.#wrongMinutes = Math.abs(this.#nearestMs) > wrongMs ? this.#wrongMinutes + 1 : 0;
    this.#skewMs = this.#nearestMs;
    this.#nearestMs = undefined;
  }

  look({ exportedAtMs, receivedAtMs }: RecordHeader): void {
    const skewMs = exportedAtMs - receivedAtMs;
    if (this.#nearestMs === undefined || Math.abs(skewMs) < Math.abs(this.#nearestMs)) this.#nearestMs = skewMs;
  }

  skew(): ClockSkew | undefined {
    if (this.#wrongMinutes < minutesBeforeSign) return undefined;
    const rest = Math.abs(this.#skewMs) % quarterMs;
    const isZone =
      Math.abs(this.#skewMs) <= maxZoneMs + wrongMs &&
      Math.abs(this.#skewMs) >= quarterMs - wrongMs &&
      Math.min(rest, quarterMs - rest) <= wrongMs;
    return { skewMs: this.#skewMs, isZone };
  }
}
