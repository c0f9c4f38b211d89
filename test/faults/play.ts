// One fault on a stage of its own, and what became of every flow.

import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../end-to-end/weir-process.ts';
import { namedLosses, settleBooks } from './balance.ts';
import type { Fault } from './faults.ts';
import { openStage, type StageOptions } from './stage.ts';

export interface Outcome {
  readonly sent: number;
  readonly indexed: number;
  /** Flows that weir itself says it lost. */
  readonly named: number;
  readonly doubled: number;
  /** From the end of the sending until everything was there. */
  readonly caughtUpMs: number;
  /** What the ledgers of the processes say: `yes`, or what does not add up. */
  readonly balanced: string;
  readonly remarks: readonly string[];
}

const firstFlowsLimitMs = 90_000;

/** Sends for a second, then while the fault acts, then for a second more; waits until all is there, and counts. */
export async function play(
  fault: Fault,
  place: Pick<StageOptions, 'name' | 'folder' | 'elasticsearch'>,
): Promise<Outcome> {
  const stage = await openStage({ ...fault, ...place });
  try {
    stage.isSilent = false;
    await sleep(1000);
    // On a busy machine the first flows take their time.
    await waitUntil(async () => (await stage.indexedBelow(stage.sent())) > 0, firstFlowsLimitMs, 'the first flows');
    await fault.act(stage);
    await sleep(1000);
    const caughtUpMs = await stage.catchUp();
    // Whatever comes twice has had its time to come.
    await sleep(1000);
    const { books, balanced } = await settleBooks(stage, fault.dies === undefined ? [] : [fault.dies]);
    await stage.stopInOrder();
    const numbers = await stage.readNumbers();
    const indexed = new Set(numbers).size;
    return {
      sent: stage.sent(),
      indexed,
      named: namedLosses(books),
      doubled: numbers.length - indexed,
      caughtUpMs,
      balanced,
      remarks: stage.remarks,
    };
  } finally {
    await stage.close();
  }
}
