// The heaviest keys of the last minutes in bounded memory: a table per part of that time, cut to its heaviest whenever it is full
// (Misra and Gries, 1982; counts of what was cut are forgotten). What is heavy stays; what is light comes and goes.

export interface HeavyHittersOptions {
  /** Tables are cut to so many. */
  readonly keys: number;
  readonly overMs: number;
  /** Tables that this time is cut into. */
  readonly parts: number;
}

export interface Weights {
  weight: number;
  count: number;
}

export interface HeavyHitters<About> {
  /** `about` is kept as it is of the first of this key. */
  add(nowMs: number, key: string, weight: number, count: number, about: () => About): void;
  /** The heaviest of the last `overMs` first. */
  top(nowMs: number, length: number): readonly (Weights & { readonly key: string; readonly about: About })[];
}

/** Before a cut; a cut costs a sort. */
const slack = 4;

export function createHeavyHitters<About>({ keys, overMs, parts }: HeavyHittersOptions): HeavyHitters<About> {
  type Table = Map<string, Weights & { readonly about: About }>;
  const tables = new Map<number, Table>();
  const partMs = overMs / parts;

  function forgetOld(nowMs: number): void {
    for (const part of tables.keys()) {
      const ageMs = nowMs - part * partMs;
      if (ageMs >= overMs + partMs || ageMs < 0) tables.delete(part);
    }
  }

  function tableOf(nowMs: number): Table {
    const part = Math.floor(nowMs / partMs);
    let table = tables.get(part);
    if (table === undefined) {
      forgetOld(nowMs);
      table = new Map();
      tables.set(part, table);
    }
    return table;
  }

  function cut(table: Table): void {
    const light = [...table].sort(([, a], [, b]) => b.weight - a.weight).slice(keys);
    for (const [key] of light) table.delete(key);
  }

  return {
    add(nowMs, key, weight, count, about) {
      const table = tableOf(nowMs);
      const entry = table.get(key);
      if (entry !== undefined) {
        entry.weight += weight;
        entry.count += count;
        return;
      }
      if (table.size >= keys * slack) cut(table);
      table.set(key, { weight, count, about: about() });
    },
    top(nowMs, length) {
      forgetOld(nowMs);
      const sums = new Map<string, Weights & { readonly key: string; readonly about: About }>();
      for (const table of tables.values()) {
        for (const [key, { weight, count, about }] of table) {
          const sum = sums.get(key);
          if (sum === undefined) sums.set(key, { key, weight, count, about });
          else {
            sum.weight += weight;
            sum.count += count;
          }
        }
      }
      return [...sums.values()].sort((a, b) => b.weight - a.weight).slice(0, length);
    },
  };
}
