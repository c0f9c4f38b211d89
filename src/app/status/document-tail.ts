// Documents as they go by, for whoever watches: those that a filter takes, so many a second. While nobody asks it costs nothing.

import type { DocumentBatch } from '../../model/document.ts';
import { createTailFilter, type TailFilter } from './tail-filter.ts';

export interface DocumentTail {
  /** False: nobody watches. */
  isWatched(nowMs: number): boolean;
  add(documents: DocumentBatch, nowMs: number): void;
  /**
   * What came since `after`, the oldest first. Undefined: the filter is too long.
   * Who asks watches for some seconds.
   */
  read(filter: string, after: number, nowMs: number): TailPage | undefined;
}

export interface TailPage {
  /** For the next `after`. */
  readonly next: number;
  /** Documents as JSON text. */
  readonly documents: readonly string[];
  /** Of this filter, since somebody watches: tried, and taken by the filter; `documents` has so many a second of them. */
  readonly tried: number;
  readonly matched: number;
}

interface Watch {
  readonly filter: TailFilter;
  untilMs: number;
  readonly kept: { readonly number: number; readonly text: string }[];
  next: number;
  tried: number;
  matched: number;
  second: number;
  shownThisSecond: number;
  triedThisSecond: number;
}

/** A browser asks every second. */
const watchMs = 5000;
const maxWatches = 8;
const keptDocuments = 100;
/** More than anybody reads. */
const shownPerSecond = 20;
/** Trying takes 3 µs: half a hundredth of a core. */
const triedPerSecond = 2000;
/** Longer ones are not shown: a document is 1.5 KB. */
const maxDocumentBytes = 32 * 1024;

export function createDocumentTail(): DocumentTail {
  const watches = new Map<string, Watch>();

  function forgetOld(nowMs: number): void {
    for (const [text, { untilMs }] of watches) if (nowMs > untilMs || untilMs > nowMs + watchMs) watches.delete(text);
  }

  function tryAll(watch: Watch, { bytes, ends, count }: DocumentBatch, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second !== watch.second) Object.assign(watch, { second, shownThisSecond: 0, triedThisSecond: 0 });
    for (let index = 0; index < count; index += 1) {
      if (watch.shownThisSecond >= shownPerSecond || watch.triedThisSecond >= triedPerSecond) return;
      const line = bytes.subarray(index === 0 ? 0 : ends[index - 1]!, ends[index]!);
      watch.triedThisSecond += 1;
      watch.tried += 1;
      if (line.length > maxDocumentBytes || !watch.filter(line)) continue;
      watch.matched += 1;
      watch.shownThisSecond += 1;
      if (watch.kept.length === keptDocuments) watch.kept.shift();
      watch.kept.push({ number: watch.next, text: line.toString('utf8').trimEnd() });
      watch.next += 1;
    }
  }

  return {
    isWatched(nowMs) {
      if (watches.size === 0) return false;
      forgetOld(nowMs);
      return watches.size > 0;
    },
    add(documents, nowMs) {
      for (const watch of watches.values()) tryAll(watch, documents, nowMs);
    },
    read(filter, after, nowMs) {
      forgetOld(nowMs);
      let watch = watches.get(filter);
      if (watch === undefined) {
        const compiled = createTailFilter(filter);
        if (compiled === undefined) return undefined;
        if (watches.size >= maxWatches) watches.delete([...watches.keys()][0]!);
        watch = {
          filter: compiled,
          untilMs: 0,
          kept: [],
          next: 1,
          tried: 0,
          matched: 0,
          second: 0,
          shownThisSecond: 0,
          triedThisSecond: 0,
        };
        watches.set(filter, watch);
      }
      watch.untilMs = nowMs + watchMs;
      const { next, kept, tried, matched } = watch;
      // Of a watch that ended in between numbers begin anew.
      const since = after < next ? after : 0;
      return {
        next: next - 1,
        documents: kept.filter(({ number }) => number > since).map(({ text }) => text),
        tried,
        matched,
      };
    },
  };
}
