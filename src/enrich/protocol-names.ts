// IP protocol numbers → names, from data/ip-protocols.tsv.

import { readFileSync } from 'node:fs';

/** Index: protocol number, 0 to 255. Numbers without a name are `UNKNOWN(n)`. */
export function loadProtocolNames(): readonly string[] {
  const names = Array.from({ length: 256 }, (_, n) => `UNKNOWN(${n})`);
  for (const [number, name] of readTsv('ip-protocols.tsv')) names[Number(number)] = name ?? '';
  return names;
}

let loaded: readonly string[] | undefined;

/** The file is read when the first name is asked for. */
export function protocolName(number: number): string {
  loaded ??= loadProtocolNames();
  return loaded[number] ?? `UNKNOWN(${number})`;
}

/** Rows of a file of data/, without comments. */
export function readTsv(file: string): readonly (readonly string[])[] {
  // src/enrich and dist/enrich are equally deep.
  const text = readFileSync(new URL(`../../data/${file}`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));
}
