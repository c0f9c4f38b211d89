// What the sampled records of one exporter say about its counters, times and sampling. Counts fade, so that what was mended is forgotten.

import type { RecordHeader, Row } from '../model/record.ts';
import { toNumber } from './sampling-interval.ts';
import type { WatchedColumns } from './watched-columns.ts';

/** IPv4 without options; what is below can't be a packet. */
const minPacketBytes = 20;
/** The length field of IP has 16 bits. */
const maxPacketBytes = 65_535;
/** Clocks are read in another order than they are written. */
const timeSlackMs = 1000;
const tcp = 6;
/** FIN, SYN, RST. */
const oddFlags = 0x07;
const largePacketBytes = 600;
/** Without sampling, this part of TCP flows is not a single large packet in the middle of a connection. */
const sampledPart = 0.3;
const minTcpFlows = 100;
/** So many, and this part of all, before counters are called wrong: one broken record is not a broken exporter. */
const minWrong = 3;
const wrongPart = 0.02;
/** After some ten minutes most is forgotten. */
const fade = 0.9;

export interface WrongCounters {
  readonly percent: number;
  readonly bytes: number;
  readonly packets: number;
}

export class RecordTally {
  #withCounters = 0;
  #wrongCounters = 0;
  #wrongBytes = 0;
  #wrongPackets = 0;
  #withTimes = 0;
  #wrongTimes = 0;
  #tcpFlows = 0;
  #singleLarge = 0;
  #tellsInterval = 0;
  #tellsOne = 0;

  turn(): void {
    this.#withCounters *= fade;
    this.#wrongCounters *= fade;
    this.#withTimes *= fade;
    this.#wrongTimes *= fade;
    this.#tcpFlows *= fade;
    this.#singleLarge *= fade;
    this.#tellsInterval *= fade;
    this.#tellsOne *= fade;
  }

  look(row: Row, columns: WatchedColumns, header: RecordHeader): void {
    const bytes = toNumber(row, columns.octets);
    const packets = toNumber(row, columns.packets);
    this.#lookAtTimes(row, columns);
    const interval = toInterval(row, columns, header);
    if (interval > 1) this.#tellsInterval++;
    else if (interval === 1) this.#tellsOne++;
    if (bytes === undefined || packets === undefined || packets <= 0) return;
    this.#withCounters++;
    if (bytes < minPacketBytes * packets || bytes > maxPacketBytes * packets) {
      this.#wrongCounters++;
      this.#wrongBytes = bytes;
      this.#wrongPackets = packets;
      return;
    }
    if (toNumber(row, columns.transport) !== tcp) return;
    this.#tcpFlows++;
    const flags = toNumber(row, columns.tcpFlags) ?? 0;
    if (packets === 1 && bytes >= largePacketBytes && (flags & oddFlags) === 0) this.#singleLarge++;
  }

  #lookAtTimes(row: Row, { times }: WatchedColumns): void {
    for (const { start: startAt, end: endAt, isUptime } of times) {
      const [start, end] = [toNumber(row, startAt), toNumber(row, endAt)];
      if (start === undefined || end === undefined) continue;
      this.#withTimes++;
      // Uptimes wrap after 49.7 days.
      const lastedMs = isUptime ? (end - start) | 0 : end - start;
      if (lastedMs < -timeSlackMs) this.#wrongTimes++;
      return;
    }
  }

  wrongCounters(): WrongCounters | undefined {
    if (!isWrong(this.#wrongCounters, this.#withCounters)) return undefined;
    return {
      percent: toPercent(this.#wrongCounters, this.#withCounters),
      bytes: this.#wrongBytes,
      packets: this.#wrongPackets,
    };
  }

  /** Percent of flows that end before they start. */
  wrongTimes(): number | undefined {
    return isWrong(this.#wrongTimes, this.#withTimes) ? toPercent(this.#wrongTimes, this.#withTimes) : undefined;
  }

  /** Undefined: an interval is told, or there is no reason to expect one. */
  unsaidSampling(): { readonly percent: number; readonly says: 'nothing' | '1 of 1' } | undefined {
    if (this.#tellsInterval >= 1 || this.#tcpFlows < minTcpFlows) return undefined;
    if (this.#singleLarge < sampledPart * this.#tcpFlows) return undefined;
    return {
      percent: toPercent(this.#singleLarge, this.#tcpFlows),
      says: this.#tellsOne >= 1 ? '1 of 1' : 'nothing',
    };
  }
}

/** 0: not told. */
function toInterval(row: Row, { samplingIntervals }: WatchedColumns, { v5 }: RecordHeader): number {
  let interval = v5?.samplingInterval ?? 0;
  for (const column of samplingIntervals) interval = Math.max(interval, toNumber(row, column) ?? 0);
  return interval;
}

function isWrong(wrong: number, all: number): boolean {
  return wrong >= minWrong && wrong >= wrongPart * all;
}

function toPercent(part: number, all: number): number {
  return Math.round((100 * part) / all);
}
