// What lies between where an earlier process stood and the first datagram of the next one came while nobody listened, or died with that
// process (docs/decisions/0044).

import { type SequencePosition, sequenceUnits } from '../model/sequence.ts';
import { isRebooted } from './sequence-clock.ts';
import type { Observation } from './sequence-measures.ts';
import { isPlausibleLoss } from './sequence-space.ts';

/** False: the exporter has restarted, or nothing of it is missing. */
export function isLossAcross(former: SequencePosition, first: Observation): boolean {
  const ahead = (first.sequence - former.next) | 0;
  if (ahead <= 0) return false;
  const before: Observation = { ...first, ...former, sequence: former.next };
  if (isRebooted(before, first)) return false;
  return isPlausibleLoss(sequenceUnits[former.protocol], ahead, first.receivedAtMs - former.receivedAtMs);
}
