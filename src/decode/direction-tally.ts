// Are packets exported twice, where they come in and where they go out? Then flows of both directions pass the same two interfaces in
// the same order. Ingress and egress on outer interfaces only, as it should be, has no such pair.

import type { RecordHeader, Row } from '../model/record.ts';
import { toNumber } from './sampling-interval.ts';
import type { WatchedColumns } from './watched-columns.ts';

const maxPairs = 64;
const minFlows = 60;
/** On one pair of interfaces, of the direction that is rarer. */
const minOfPair = 10;
/** Of the flows with a direction. */
const doubledPart = 0.3;
const fade = 0.9;

interface Pair {
  ingress: number;
  egress: number;
}

export class DirectionTally {
  readonly #pairs = new Map<string, Pair>();
  #flows = 0;

  turn(): void {
    this.#flows *= fade;
    for (const [key, pair] of this.#pairs) {
      pair.ingress *= fade;
      pair.egress *= fade;
      if (pair.ingress + pair.egress < 0.5) this.#pairs.delete(key);
    }
  }

  look(row: Row, columns: WatchedColumns, header: RecordHeader): void {
    const ingress = toNumber(row, columns.ingress) ?? 0;
    const egress = toNumber(row, columns.egress) ?? 0;
    // 0: not known, or the device itself.
    if (ingress === 0 || egress === 0 || ingress === egress) return;
    const direction = toDirection(row, columns, header, ingress, egress);
    if (direction === undefined) return;
    this.#flows++;
    const key = `${ingress} ${egress}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      if (this.#pairs.size >= maxPairs) return;
      pair = { ingress: 0, egress: 0 };
      this.#pairs.set(key, pair);
    }
    pair[direction]++;
  }

  /** Percent of the flows that were told in both directions; undefined: they were not. */
  doubled(): number | undefined {
    let twice = 0;
    let most = 0;
    for (const { ingress, egress } of this.#pairs.values()) {
      twice += 2 * Math.min(ingress, egress);
      most = Math.max(most, Math.min(ingress, egress));
    }
    if (this.#flows < minFlows || most < minOfPair || twice < doubledPart * this.#flows) return undefined;
    return Math.round((100 * twice) / this.#flows);
  }
}

/** flowDirection 0, 1 (RFC 5102 §5.11.6); sFlow: the data source is the interface that the sample was taken at. */
function toDirection(
  row: Row,
  columns: WatchedColumns,
  { sflow }: RecordHeader,
  ingressInterface: number,
  egressInterface: number,
): 'ingress' | 'egress' | undefined {
  if (sflow !== undefined) {
    if (sflow.sourceIdType !== 0) return undefined;
    if (sflow.sourceIdIndex === ingressInterface) return 'ingress';
    return sflow.sourceIdIndex === egressInterface ? 'egress' : undefined;
  }
  const direction = toNumber(row, columns.direction);
  return direction === 0 ? 'ingress' : direction === 1 ? 'egress' : undefined;
}
