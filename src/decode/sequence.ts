// Sequence accounting: which space of numbers a datagram belongs to, and its header's fields for it. Key: exporter address, protocol
// and observation domain (v5: engine; sFlow: agent and sub-agent); never the port. Constant time a datagram, bounded memory.

import type { Datagram } from '../model/datagram.ts';
import type { Protocol } from '../model/record.ts';
import {
  type SequenceChange,
  type SequencePosition,
  type SequenceReport,
  type SequenceUnit,
  sequenceUnits,
} from '../model/sequence.ts';
import {
  observeIpfix,
  observeNetflow5,
  observeNetflow9,
  observeSflow5,
  type RecordCount,
  sflow5SubAgentAt,
  toSflow5Key,
} from './sequence-headers.ts';
import type { Observation } from './sequence-measures.ts';
import { isLossAcross } from './sequence-position.ts';
import { SequenceSpace } from './sequence-space.ts';
import type { SequenceSender } from './sequence-tally.ts';
import { uint32At } from './wire-numbers.ts';

export interface SequencesOptions {
  readonly maxSpaces: number;
  readonly onChange: (change: SequenceChange) => void;
}

/** Each takes a datagram that has been decoded; one too short for its header is passed over. */
export interface Sequences {
  netflow5(datagram: Datagram): void;
  netflow9(datagram: Datagram, count: RecordCount): void;
  ipfix(datagram: Datagram, count: RecordCount): void;
  sflow5(datagram: Datagram): void;
  reports(): Iterable<SequenceReport>;
  /** Addresses behind which counters take turns, and how many. */
  interleaved(
    nowMs: number,
  ): Iterable<{ readonly exporter: string; readonly domain: number; readonly counters: number }>;
  /** What the last datagram brought is in safe hands with the next `takeReached`. */
  markReached(): void;
  /** Where the counters stand that were marked since the last call, whose numbers make sense. */
  takeReached(): SequencePosition[];
  /**
   * Units that lie between where an earlier process stood and the first datagram of this one. Undefined: not known yet, for the numbers
   * have not proven what they count.
   */
  missedSince(former: SequencePosition): SequenceGap | undefined;
}

export interface SequenceGap {
  readonly exporter: string;
  readonly unit: SequenceUnit;
  /** 0 too where nobody can tell: the exporter has restarted, or its numbers make no sense. */
  readonly missed: number;
}

interface Sender extends SequenceSender {
  readonly spaces: Map<number, Slot>;
  /** Of the domain that sent last: most exporters have one. */
  lastKey: number;
  lastRow: number;
}

interface Slot {
  readonly sender: Sender;
  readonly key: number;
  readonly space: SequenceSpace;
  /** Where its row begins. */
  readonly row: number;
  /** Of its first datagram. */
  readonly first: Observation;
  /** The number of the datagram that comes next, after those that are in safe hands soon; -1: none is. */
  reached: number;
}

/**
 * While datagrams come in their turn, a space is a row of numbers side by side: with thousands of exporters it is the memory's
 * latency that counts. Then the row is what holds, and its space is behind; anything else makes them equal first.
 */
const column = {
  /** The number that is next, or -1: the space is what holds. */
  next: 0,
  own: 1,
  second: 2,
  third: 3,
  clockMs: 4,
  uptimeMs: 5,
  receivedAtMs: 6,
  sentAtLast: 7,
  received: 8,
} as const;
const rowLength = 9;
const firstRows = 64;

/** Who sends more seldom has nothing to count that would be missed. */
const idleMs = 10 * 60_000;
/** How many slots are looked at to make room for a new one: the work a datagram may cause. */
const maxLooks = 64;

export function createSequences({ maxSpaces, onChange }: SequencesOptions): Sequences {
  const senders: Readonly<Record<Protocol, Map<string, Sender>>> = {
    netflow5: new Map(),
    netflow9: new Map(),
    ipfix: new Map(),
    sflow5: new Map(),
  };
  const slots: Slot[] = [];
  let rows = new Float64Array(firstRows * rowLength);
  let hand = 0;
  let last: Sender | undefined;
  let observed: Slot | undefined;
  const reached = new Set<Slot>();
  const now: Observation = {
    sequence: 0,
    own: 0,
    second: 0,
    third: 0,
    clockMs: 0,
    uptimeMs: 0,
    receivedAtMs: 0,
  };

  function observe(protocol: Protocol, exporter: string, key: number, domain: number): void {
    if (last === undefined || last.protocol !== protocol || last.exporter !== exporter) {
      last = senders[protocol].get(exporter) ?? addSender(protocol, exporter);
    }
    const sender = last;
    let row = sender.lastRow;
    if (sender.lastKey !== key) {
      const slot = sender.spaces.get(key);
      if (slot === undefined) {
        observed = addSlot(sender, key, domain);
        return;
      }
      row = slot.row;
      sender.lastKey = key;
      sender.lastRow = row;
    }
    observed = slots[row / rowLength];
    if (now.sequence === rows[row] && now.own >= 0) {
      writeRow(row, (now.sequence + now.own) >>> 0, now, sender.sent);
      rows[row + column.received]! += now.own;
    } else {
      const slot = sender.spaces.get(key);
      if (slot !== undefined) observeClosely(slot);
    }
    if (now.own > 0) sender.sent += now.own;
  }

  function writeRow(row: number, next: number, newest: Observation, sent: number): void {
    rows[row] = next;
    rows[row + column.own] = newest.own;
    rows[row + column.second] = newest.second;
    rows[row + column.third] = newest.third;
    rows[row + column.clockMs] = newest.clockMs;
    rows[row + column.uptimeMs] = newest.uptimeMs;
    rows[row + column.receivedAtMs] = newest.receivedAtMs;
    rows[row + column.sentAtLast] = sent;
  }

  function observeClosely(slot: Slot): void {
    const { row } = slot;
    const space = toSpace(slot);
    space.observe(now);
    if (!space.isSteady) return;
    writeRow(row, space.next, space.last, space.sentAtLast);
    rows[row + column.received] = space.received;
  }

  /** From here on the space is what holds. */
  function toSpace({ space, row }: Slot): SequenceSpace {
    if (rows[row] === -1) return space;
    space.next = rows[row]!;
    space.last.own = rows[row + column.own]!;
    space.last.sequence = (space.next - space.last.own) >>> 0;
    space.last.second = rows[row + column.second]!;
    space.last.third = rows[row + column.third]!;
    space.last.clockMs = rows[row + column.clockMs]!;
    space.last.uptimeMs = rows[row + column.uptimeMs]!;
    space.last.receivedAtMs = rows[row + column.receivedAtMs]!;
    space.sentAtLast = rows[row + column.sentAtLast]!;
    space.received = rows[row + column.received]!;
    rows[row] = -1;
    return space;
  }

  function addSender(protocol: Protocol, exporter: string): Sender {
    return { exporter, protocol, sent: 0, spaces: new Map(), lastKey: -1, lastRow: 0 };
  }

  /** With its first datagram. Where there is no room it stays uncounted. */
  function addSlot(sender: Sender, key: number, domain: number): Slot | undefined {
    let at = slots.length;
    if (at >= maxSpaces) {
      const free = findFreeSlot();
      if (free === undefined) return undefined;
      at = free;
      remove(slots[at]!);
    }
    const row = at * rowLength;
    if (row >= rows.length) {
      const more = new Float64Array(2 * rows.length);
      more.set(rows);
      rows = more;
    }
    rows[row] = -1;
    const space = new SequenceSpace(sender, domain, now, onChange);
    const slot: Slot = { sender, key, space, row, first: { ...now }, reached: -1 };
    slots[at] = slot;
    sender.spaces.set(key, slot);
    senders[sender.protocol].set(sender.exporter, sender);
    if (now.own > 0) sender.sent += now.own;
    return slot;
  }

  /** Who sent once only goes first, as spoofed sources do: they must not push out who is counted. Then whoever sends no more. */
  function findFreeSlot(): number | undefined {
    for (let looks = Math.min(maxLooks, slots.length); looks > 0; looks--) {
      hand = (hand + 1) % slots.length;
      const { space, row } = slots[hand]!;
      const heardAtMs = rows[row] === -1 ? space.last.receivedAtMs : rows[row + column.receivedAtMs]!;
      if (!space.hasFollowed || now.receivedAtMs - heardAtMs > idleMs) return hand;
    }
    return undefined;
  }

  function remove(slot: Slot): void {
    const { sender, key } = slot;
    reached.delete(slot);
    sender.spaces.delete(key);
    if (sender.lastKey === key) {
      sender.lastKey = -1;
    }
    if (sender.spaces.size === 0) senders[sender.protocol].delete(sender.exporter);
  }

  function netflow5({ payload, exporter, receivedAtMs }: Datagram): void {
    if (!observeNetflow5(now, payload, receivedAtMs)) return;
    const engine = payload[20]! * 256 + payload[21]!;
    observe('netflow5', exporter, engine, engine);
  }

  function netflow9({ payload, exporter, receivedAtMs }: Datagram, count: RecordCount): void {
    if (!observeNetflow9(now, payload, receivedAtMs, count)) return;
    const domain = uint32At(payload, 16);
    observe('netflow9', exporter, domain, domain);
  }

  function ipfix({ payload, exporter, receivedAtMs }: Datagram, count: RecordCount): void {
    if (!observeIpfix(now, payload, receivedAtMs, count)) return;
    const domain = uint32At(payload, 12);
    observe('ipfix', exporter, domain, domain);
  }

  function sflow5({ payload, exporter, receivedAtMs }: Datagram): void {
    if (!observeSflow5(now, payload, receivedAtMs)) return;
    observe('sflow5', exporter, toSflow5Key(payload), uint32At(payload, sflow5SubAgentAt(payload)));
  }

  function* reports(): Iterable<SequenceReport> {
    for (const slot of slots) {
      const { exporter, protocol } = slot.sender;
      const space = toSpace(slot);
      const { domain, received } = space;
      const { lost, reordered, duplicated, restarts, trouble } = space.tally;
      const unit = sequenceUnits[protocol];
      yield { exporter, protocol, domain, unit, received, lost, reordered, duplicated, restarts, trouble };
    }
  }

  function* interleaved(nowMs: number): ReturnType<Sequences['interleaved']> {
    for (const { sender, space } of slots) {
      const counters = space.countersAt(nowMs);
      if (counters > 0) yield { exporter: sender.exporter, domain: space.domain, counters };
    }
  }

  function markReached(): void {
    if (observed === undefined) return;
    observed.reached = rows[observed.row] === -1 ? observed.space.next : rows[observed.row]!;
    reached.add(observed);
    observed = undefined;
  }

  function takeReached(): SequencePosition[] {
    const positions: SequencePosition[] = [];
    for (const slot of reached) {
      const space = toSpace(slot);
      if (!space.countsAsSaid) continue;
      const { exporter, protocol } = slot.sender;
      const { uptimeMs, clockMs, receivedAtMs } = space.last;
      positions.push({ exporter, protocol, key: slot.key, next: slot.reached, uptimeMs, clockMs, receivedAtMs });
    }
    reached.clear();
    return positions;
  }

  function missedSince(former: SequencePosition): SequenceGap | undefined {
    const { exporter, protocol, key } = former;
    const slot = senders[protocol].get(exporter)?.spaces.get(key);
    if (slot === undefined) return undefined;
    const space = toSpace(slot);
    if (!space.countsAsSaid && space.tally.trouble === undefined) return undefined;
    const isLoss = space.countsAsSaid && isLossAcross(former, slot.first);
    return {
      exporter,
      unit: sequenceUnits[protocol],
      missed: isLoss ? (slot.first.sequence - former.next) >>> 0 : 0,
    };
  }

  return { netflow5, netflow9, ipfix, sflow5, reports, interleaved, markReached, takeReached, missedSince };
}
