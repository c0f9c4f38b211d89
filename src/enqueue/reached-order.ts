// Batches may be in safe hands in another order than they came. What is told of sequence numbers is what all up to a batch are.

import type { SequencePosition } from '../model/sequence.ts';

export interface ReachedOrder {
  /** In the order in which batches were closed. */
  open(batchId: string, reached: readonly SequencePosition[]): void;
  /** Indexed, on disk, or its loss is named. Nothing happens where it is not open. */
  settle(batchId: string): void;
  settleAll(): void;
}

export function createReachedOrder(onReached: (reached: readonly SequencePosition[]) => void): ReachedOrder {
  const open = new Map<string, { readonly reached: readonly SequencePosition[]; isSettled: boolean }>();

  function settle(batchId: string): void {
    const entry = open.get(batchId);
    if (entry === undefined) return;
    entry.isSettled = true;
    tell();
  }

  function tell(): void {
    const all: SequencePosition[] = [];
    for (const [id, { reached, isSettled }] of open) {
      if (!isSettled) break;
      open.delete(id);
      all.push(...reached);
    }
    if (all.length > 0) onReached(all);
  }

  return {
    open: (batchId, reached) => void open.set(batchId, { reached, isSettled: false }),
    settle,
    settleAll() {
      for (const entry of open.values()) entry.isSettled = true;
      tell();
    },
  };
}
