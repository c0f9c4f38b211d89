// Sequence accounting: which space of numbers a datagram belongs to, and its header's fields for it. Key: exporter address, protocol
// and observation domain (v5: engine; sFlow: agent and sub-agent); never the port. Constant time a datagram, bounded memory.

import type { Datagram } from '../model/datagram.ts';
import type { Protocol } from '../model/record.ts';
import { type SequenceChange, type SequenceReport, sequenceUnits } from '../model/sequence.ts';
import type { Observation } from './sequence-measures.ts';
import { SequenceSpace } from './sequence-space.ts';
import type { SequenceSender } from './sequence-tally.ts';
import { uint32At } from './wire-numbers.ts';

/** What decoding found in a datagram of v9 or IPFIX. One object serves all. */
export interface RecordCount {
  /** Data records, those of options templates included. */
  records: number;
  optionsRecords: number;
  /** False: a set could not be read, or had no template yet. */
  isWhole: boolean;
}

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
}

interface Sender extends SequenceSender {
  readonly spaces: Map<number, Slot>;
  lastKey: number;
  lastSpace: SequenceSpace | undefined;
}

interface Slot {
  readonly sender: Sender;
  readonly key: number;
  readonly space: SequenceSpace;
}

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
  let hand = 0;
  let last: Sender | undefined;
  let now: Observation = {
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
    let space = sender.lastSpace;
    if (sender.lastKey !== key || space === undefined) {
      space = sender.spaces.get(key)?.space;
      if (space !== undefined) remember(sender, key, space);
    }
    if (space === undefined) {
      space = addSpace(sender, key, domain);
      if (space === undefined) return;
      remember(sender, key, space);
    } else if (space.isSteady && now.sequence === space.next && now.own >= 0) {
      space.sentAtLast = sender.sent;
      sender.sent += now.own;
      space.next = (now.sequence + now.own) >>> 0;
      space.received += now.own;
      // Exchanged, not copied.
      const spare = space.last;
      space.last = now;
      now = spare;
      return;
    } else space.observe(now);
    if (now.own > 0) sender.sent += now.own;
  }

  function remember(sender: Sender, key: number, space: SequenceSpace): void {
    sender.lastKey = key;
    sender.lastSpace = space;
  }

  function addSender(protocol: Protocol, exporter: string): Sender {
    return { exporter, protocol, sent: 0, spaces: new Map(), lastKey: -1, lastSpace: undefined };
  }

  /** Undefined: there is no room, and the datagram stays uncounted. */
  function addSpace(sender: Sender, key: number, domain: number): SequenceSpace | undefined {
    let at = slots.length;
    if (at >= maxSpaces) {
      const free = findFreeSlot();
      if (free === undefined) return undefined;
      at = free;
      remove(slots[at]!);
    }
    const space = new SequenceSpace(sender, domain, now, onChange);
    const slot: Slot = { sender, key, space };
    slots[at] = slot;
    sender.spaces.set(key, slot);
    senders[sender.protocol].set(sender.exporter, sender);
    return space;
  }

  /** Who sent once only goes first, as spoofed sources do: they must not push out who is counted. Then whoever sends no more. */
  function findFreeSlot(): number | undefined {
    for (let looks = Math.min(maxLooks, slots.length); looks > 0; looks--) {
      hand = (hand + 1) % slots.length;
      const { space } = slots[hand]!;
      if (!space.hasFollowed || now.receivedAtMs - space.last.receivedAtMs > idleMs) return hand;
    }
    return undefined;
  }

  function remove({ sender, key }: Slot): void {
    sender.spaces.delete(key);
    if (sender.lastKey === key) {
      sender.lastKey = -1;
      sender.lastSpace = undefined;
    }
    if (sender.spaces.size === 0) senders[sender.protocol].delete(sender.exporter);
  }

  function netflow5({ payload, exporter, receivedAtMs }: Datagram): void {
    if (payload.length < 24) return;
    now.sequence = uint32At(payload, 16);
    now.own = payload[2]! * 256 + payload[3]!;
    now.second = -1;
    now.third = 1;
    now.clockMs = uint32At(payload, 8) * 1000;
    now.uptimeMs = uint32At(payload, 4);
    now.receivedAtMs = receivedAtMs;
    const engine = payload[20]! * 256 + payload[21]!;
    observe('netflow5', exporter, engine, engine);
  }

  function netflow9({ payload, exporter, receivedAtMs }: Datagram, { records, isWhole }: RecordCount): void {
    if (payload.length < 20) return;
    now.sequence = uint32At(payload, 12);
    now.own = 1;
    now.second = isWhole ? records : -1;
    now.third = payload[2]! * 256 + payload[3]!;
    now.clockMs = uint32At(payload, 8) * 1000;
    now.uptimeMs = uint32At(payload, 4);
    now.receivedAtMs = receivedAtMs;
    const domain = uint32At(payload, 16);
    observe('netflow9', exporter, domain, domain);
  }

  function ipfix({ payload, exporter, receivedAtMs }: Datagram, count: RecordCount): void {
    const messageLength = payload.length < 16 ? 0 : payload[2]! * 256 + payload[3]!;
    if (messageLength < 16) return;
    const isWhole = count.isWhole && messageLength <= payload.length;
    now.sequence = uint32At(payload, 8);
    now.own = isWhole ? count.records : -1;
    now.second = isWhole ? count.records - count.optionsRecords : -1;
    now.third = 1;
    now.clockMs = uint32At(payload, 4) * 1000;
    now.uptimeMs = -1;
    now.receivedAtMs = receivedAtMs;
    const domain = uint32At(payload, 12);
    observe('ipfix', exporter, domain, domain);
  }

  function sflow5({ payload, exporter, receivedAtMs }: Datagram): void {
    if (payload.length < 8) return;
    const agentType = uint32At(payload, 4);
    if (agentType > 2) return;
    const at = 8 + (agentType === 0 ? 0 : agentType === 1 ? 4 : 16);
    if (payload.length < at + 16) return;
    const domain = uint32At(payload, at);
    now.sequence = uint32At(payload, at + 4);
    now.own = 1;
    now.second = uint32At(payload, at + 12);
    now.third = -1;
    now.clockMs = uint32At(payload, at + 8);
    now.uptimeMs = now.clockMs;
    now.receivedAtMs = receivedAtMs;
    // 32 bits of the agent's address above 20 of the sub-agent: agents number theirs from 0.
    let agent = 0;
    for (let i = 8; i < at; i += 4) agent = Math.imul(agent, 0x9e37_79b1) ^ uint32At(payload, i);
    const key = (agent >>> 0) * 0x10_0000 + ((domain ^ (domain >>> 20)) & 0xf_ffff);
    observe('sflow5', exporter, key, domain);
  }

  function* reports(): Iterable<SequenceReport> {
    for (const { sender, space } of slots) {
      const { exporter, protocol } = sender;
      const { domain, received } = space;
      const { lost, reordered, duplicated, restarts, trouble } = space.tally;
      const unit = sequenceUnits[protocol];
      yield { exporter, protocol, domain, unit, received, lost, reordered, duplicated, restarts, trouble };
    }
  }

  return { netflow5, netflow9, ipfix, sflow5, reports };
}
