// The documents of one interval: its total, and of each kind a part a document. Their ids are made of interval, kind and rank, so that
// whoever makes the interval again writes over them.

import type { Sums } from './rollup-answer.ts';
import { type RollupInterval, rollupId, rollupIndex } from './rollup-interval.ts';
import { otherValue, type RollupKind, totalKind } from './rollup-kinds.ts';
import type { IntervalReading, KindReading, PartKey } from './rollup-reading.ts';

export interface RollupWrite {
  readonly index: string;
  readonly id: string;
  /** JSON; undefined: there is no such part any more. */
  readonly text: string | undefined;
}

export interface RollupPlace {
  /** Whose flows: the name of the pipeline's indices, without their time. */
  readonly of: string;
  readonly interval: RollupInterval;
  readonly startMs: number;
  readonly top: number;
}

/** `formerTop`: of what is there already, by which parts must go that are none any more; undefined where nothing is there. */
export function toRollupWrites(
  place: RollupPlace,
  { kinds }: IntervalReading,
  formerTop: number | undefined,
): readonly RollupWrite[] {
  return kinds.flatMap((reading) => toKindWrites(place, reading, formerTop));
}

export function toTotalWrite(place: RollupPlace, { total }: IntervalReading): RollupWrite {
  return toWrite(place, totalKind, '', toText(place, totalKind, total, {}));
}

function toKindWrites(
  place: RollupPlace,
  { kind, top, none, other }: KindReading,
  formerTop: number | undefined,
): readonly RollupWrite[] {
  const writes = top.map(({ key, sums }, rank) =>
    toWrite(place, kind.name, `${rank}`, toText(place, kind.name, sums, toFields(kind, key))),
  );
  const rests = [
    { part: 'none', sums: none, fields: {} },
    { part: 'other', sums: other, fields: toFields(kind, [null, otherValue].slice(-kind.fields.length)) },
  ];
  for (const { part, sums, fields } of rests) {
    if (sums.flows > 0) writes.push(toWrite(place, kind.name, part, toText(place, kind.name, sums, fields)));
    else if (formerTop !== undefined) writes.push(toWrite(place, kind.name, part, undefined));
  }
  // Parts never become fewer, as flows don't: only a smaller `top` leaves some behind.
  for (let rank = place.top * kind.topFactor; rank < (formerTop ?? 0) * kind.topFactor; rank += 1)
    writes.push(toWrite(place, kind.name, `${rank}`, undefined));
  return writes;
}

function toWrite({ of, interval, startMs }: RollupPlace, kind: string, part: string, text: string | undefined) {
  return { index: rollupIndex(interval, startMs), id: rollupId(of, interval, startMs, kind, part), text };
}

function toFields({ fields }: RollupKind, key: PartKey): Readonly<Record<string, string>> {
  return Object.fromEntries(
    fields.flatMap((field, at) => {
      const value = key[at];
      return value === null || value === undefined ? [] : [[field, value]];
    }),
  );
}

/** Fields have the names that flows have them by. */
function toText(
  { of, interval, startMs, top }: RollupPlace,
  kind: string,
  { flows, bytes, packets }: Sums,
  fields: Readonly<Record<string, string>>,
): string {
  const document: Record<string, Record<string, unknown>> = {
    rollup: { of, interval: interval.name, kind, flows, ...(kind === totalKind && { top }) },
    flow: { bytes, packets },
  };
  for (const [path, value] of Object.entries(fields)) {
    const [object = '', name = ''] = path.split('.');
    document[object] = { ...document[object], [name]: value };
  }
  return JSON.stringify({ '@timestamp': new Date(startMs).toISOString(), ...document });
}
