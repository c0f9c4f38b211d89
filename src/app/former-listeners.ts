// What came while no listener was there, or was in the hands of one that died: the gap between how far an exporter's records were in
// safe hands then, and the first datagram that this process has of it (docs/decisions/0044).

import type { Decoder } from '../decode/decoder.ts';
import { toReachedField } from '../enqueue/reached.ts';
import type { SequencePosition } from '../model/sequence.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';

export interface FormerListeners {
  /** What a disk says of the batches that were on it; may be newer than what Redis says. */
  learn(position: SequencePosition): void;
  /** The listener that wrote it is gone, and this one has what follows. */
  add(position: SequencePosition): void;
  /** Counts what is known by now. Call it every second or so. */
  settle(decoder: Pick<Decoder, 'missedSince'>): void;
}

/** Exporters that send too seldom for their numbers to prove anything wait here for so long, in calls of `settle`. */
const maxLooks = 3600;
/** As many as one decoder counts. */
const maxLearnt = 40_000;

export function createFormerListeners({
  ledger,
  logger,
  now,
}: {
  ledger: Ledger;
  logger: Logger;
  now: () => number;
}): FormerListeners {
  const pass = createRateLimit();
  const waiting = new Map<string, { readonly position: SequencePosition; looks: number }>();
  const settled = new Set<string>();
  const learnt = new Map<string, SequencePosition>();

  function add(position: SequencePosition): void {
    const field = toReachedField(position);
    // This process itself has gone on from there since.
    if (waiting.has(field) || settled.has(field)) return;
    const onDisk = learnt.get(field);
    const isNewer = onDisk !== undefined && onDisk.receivedAtMs > position.receivedAtMs;
    waiting.set(field, { position: isNewer ? onDisk : position, looks: 0 });
  }

  function settle(decoder: Pick<Decoder, 'missedSince'>): void {
    for (const [field, entry] of waiting) {
      const gap = decoder.missedSince(entry.position);
      entry.looks += 1;
      if (gap === undefined && entry.looks < maxLooks) continue;
      waiting.delete(field);
      settled.add(field);
      if (gap === undefined || gap.missed === 0) continue;
      const { exporter, unit, missed } = gap;
      const counts = ledger.exporter(exporter);
      if (unit === 'records') counts.recordsLostBetweenListeners += missed;
      else counts.datagramsLostBetweenListeners += missed;
      if (pass('gap', now()) !== undefined)
        logger.error({ exporter, [unit]: missed }, 'sent while no listener was there, or in hand when one died: lost');
    }
  }

  function learn(position: SequencePosition): void {
    const field = toReachedField(position);
    const known = learnt.get(field);
    if (known === undefined ? learnt.size >= maxLearnt : known.receivedAtMs > position.receivedAtMs) return;
    learnt.set(field, position);
  }

  return {
    learn,
    add,
    settle,
  };
}
