// What a sequence number may be counting. Protocols say it, and not every exporter does it: softflowd's IPFIX counts its flows
// before it sends them and leaves options records out; others count messages, or flows in NetFlow v9, or always send 0.

import type { Protocol } from '../model/record.ts';
import type { SequenceTrouble } from '../model/sequence.ts';

/** A datagram as sequence accounting sees it. One object serves all, filled anew. */
export interface Observation {
  sequence: number;
  /** What the datagram holds of its protocol's own unit; -1: not known, for a set had no template. */
  own: number;
  /** The same without options records (IPFIX), data records (v9), samples (sFlow); -1: no such measure. */
  second: number;
  /** 1 (v5, IPFIX), the header's count (v9); -1: no such measure. */
  third: number;
  /** The exporter's clock at export: when it sent more, it is later. */
  clockMs: number;
  /** -1: the protocol has none. */
  uptimeMs: number;
  receivedAtMs: number;
}

/** Measures as bits. "Before": the number counts what was sent before the datagram; "after": with what is in it. */
export const measure = {
  ownBefore: 1,
  ownAfter: 2,
  secondBefore: 4,
  secondAfter: 8,
  thirdBefore: 16,
  thirdAfter: 32,
  constant: 64,
  shared: 128,
} as const;

const own = measure.ownBefore | measure.ownAfter;
const second = measure.secondBefore | measure.secondAfter;
const third = measure.thirdBefore | measure.thirdAfter;

/** Measures that count the protocol's own unit: loss can be told by them. */
export const usableMeasures: Readonly<Record<Protocol, number>> = {
  netflow5: own,
  netflow9: own,
  ipfix: own | second,
  sflow5: own,
};

/** The measures by which the sequence number grew from `before` to `now` as it did; `sentBySender`: own units, over all domains. */
export function findMeasures(before: Observation, now: Observation, sentBySender: number): number {
  const delta = (now.sequence - before.sequence) >>> 0;
  return (
    (delta === before.own ? measure.ownBefore : 0) |
    (delta === now.own ? measure.ownAfter : 0) |
    (delta === before.second ? measure.secondBefore : 0) |
    (delta === now.second ? measure.secondAfter : 0) |
    (delta === before.third ? measure.thirdBefore : 0) |
    (delta === now.third ? measure.thirdAfter : 0) |
    (delta === 0 ? measure.constant : 0) |
    (delta === sentBySender && sentBySender !== before.own ? measure.shared : 0)
  );
}

export const interleaved: SequenceTrouble = 'several counters take turns: several exporters behind one address';

/** `measures` has none that is usable. */
export function toTrouble(protocol: Protocol, measures: number): SequenceTrouble {
  if ((measures & measure.constant) !== 0) return 'they are always the same';
  if ((measures & third) !== 0 && protocol !== 'netflow9') return 'they count datagrams, not records';
  if ((measures & (second | third)) !== 0) {
    return protocol === 'sflow5' ? 'they count samples, not datagrams' : 'they count records, not datagrams';
  }
  if ((measures & measure.shared) !== 0) return 'one counter serves several observation domains';
  return 'they follow no order: perhaps several exporters behind one address';
}

/** What a usable measure counts in a datagram, or -1. */
export function unitsOf(by: number, { own: all, second: some }: Observation): number {
  return (by & own) !== 0 ? all : some;
}

export function isAfter(by: number): boolean {
  return (by & (measure.ownAfter | measure.secondAfter)) !== 0;
}

/** The one to count by, where several fit: the protocol's own if it is among them. */
export function lowestMeasure(measures: number): number {
  return measures & -measures;
}
