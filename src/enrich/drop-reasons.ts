// Why sFlow says that a packet was discarded: numbers → names, from data/drop-reasons.tsv.

import { readTsv } from './protocol-names.ts';

let loaded: ReadonlyMap<number, string> | undefined;

/** The file is read when the first name is asked for. Numbers without a name are `reason N`. */
export function dropReasonName(number: number): string {
  loaded ??= new Map(readTsv('drop-reasons.tsv').map(([key, name]) => [Number(key), name ?? '']));
  return loaded.get(number) ?? `reason ${number}`;
}
