// What the step `server` remembers: when each direction of a conversation began, and which end points were seen to serve.
// Both are tables of a fixed size with one place per hash: a newcomer takes the place of what stood there, so that no traffic
// makes them grow. Time is the reception of the records, not the clock: a replayed capture gives the same answers.

import { mixHash } from './text-hash.ts';

export interface ConversationTable {
  /** Notes when the direction `from` → `to` began, and says whether this one or the `other` began first, once both are known. */
  note(from: number, to: number, salt: number, startMs: number, nowMs: number): 'own' | 'other' | undefined;
}

/** 1.8 MB; a network of 100 new conversations a second keeps each of them for a window of some minutes. */
const conversationPlaces = 65_536;

/** An answer comes within seconds; flows that begin farther apart were cut by a timeout of the exporter and tell nothing. */
const maxAnswerMs = 3000;

export function createConversationTable(windowMs: number): ConversationTable {
  const checks = new Int32Array(conversationPlaces);
  const lowStarts = new Float64Array(conversationPlaces).fill(Number.NaN);
  const highStarts = new Float64Array(conversationPlaces).fill(Number.NaN);
  const seen = new Float64Array(conversationPlaces).fill(Number.NEGATIVE_INFINITY);

  function note(
    from: number,
    to: number,
    salt: number,
    startMs: number,
    nowMs: number,
  ): ReturnType<ConversationTable['note']> {
    if (from === to) return undefined;
    const place = mixHash((from + to) | 0, salt) & (conversationPlaces - 1);
    const check = mixHash(from ^ to, salt + 1);
    if (checks[place] !== check || Math.abs(nowMs - seen[place]!) > windowMs) {
      checks[place] = check;
      lowStarts[place] = Number.NaN;
      highStarts[place] = Number.NaN;
    }
    seen[place] = nowMs;
    const own = from < to ? lowStarts : highStarts;
    const other = from < to ? highStarts : lowStarts;
    // The first start counts: later records of a long flow begin where the last one ended.
    if (!(own[place]! <= startMs)) own[place] = startMs;
    const lead = other[place]! - own[place]!;
    if (Number.isNaN(lead) || lead === 0 || Math.abs(lead) > maxAnswerMs) return undefined;
    return lead > 0 ? 'own' : 'other';
  }

  return { note };
}

export interface ListenerTable {
  learn(endPoint: number, nowMs: number): void;
  /** It was seen to open a connection: it does not serve. */
  forget(endPoint: number): void;
  knows(endPoint: number, nowMs: number): boolean;
}

/** 0.8 MB; a network's services are thousands, and each flow of theirs brings one back. */
const listenerPlaces = 65_536;

/** A listener is forgotten when nothing confirmed it for `memoryMs`. */
export function createListenerTable(memoryMs: number): ListenerTable {
  const checks = new Int32Array(listenerPlaces);
  const confirmed = new Float64Array(listenerPlaces).fill(Number.NEGATIVE_INFINITY);
  const placeOf = (endPoint: number) => mixHash(endPoint, 1) & (listenerPlaces - 1);

  return {
    learn(endPoint, nowMs) {
      const place = placeOf(endPoint);
      checks[place] = endPoint;
      confirmed[place] = nowMs;
    },
    forget(endPoint) {
      const place = placeOf(endPoint);
      if (checks[place] === endPoint) confirmed[place] = Number.NEGATIVE_INFINITY;
    },
    knows(endPoint, nowMs) {
      const place = placeOf(endPoint);
      return checks[place] === endPoint && nowMs - confirmed[place]! <= memoryMs;
    },
  };
}
