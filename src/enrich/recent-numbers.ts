// `RecentMap` for keys that are 32-bit numbers: an address is found with two reads of memory that lie beside others, where a Map
// goes from one place to the next.

import type { RecentMap } from './recent-map.ts';

const firstPlaces = 1024;

/** Open addressing, at most half full: a key stands in its place or in the next free one. */
class NumberTable<V> {
  size = 0;
  private keys: Int32Array;
  private values: (V | undefined)[];
  private shift: number;

  constructor(places: number) {
    this.keys = new Int32Array(places);
    this.values = new Array<V | undefined>(places).fill(undefined);
    this.shift = 32 - Math.log2(places);
  }

  get places(): number {
    return this.values.length;
  }

  /** Where the key stands, or would. */
  private place(key: number): number {
    const { keys, values } = this;
    let at = Math.imul(key, 0x9e3779b1) >>> this.shift;
    while (keys[at] !== key && values[at] !== undefined) at = (at + 1) & (values.length - 1);
    return at;
  }

  get(key: number): V | undefined {
    return this.values[this.place(key)];
  }

  set(key: number, value: V): void {
    if (this.size * 2 >= this.values.length) this.grow();
    const at = this.place(key);
    if (this.values[at] === undefined) this.size += 1;
    this.keys[at] = key;
    this.values[at] = value;
  }

  private grow(): void {
    const larger = new NumberTable<V>(this.values.length * 2);
    for (let i = 0; i < this.values.length; i++) {
      const value = this.values[i];
      if (value !== undefined) larger.set(this.keys[i]!, value);
    }
    this.keys = larger.keys;
    this.values = larger.values;
    this.shift = larger.shift;
  }
}

/** Keys are signed 32-bit integers: as small integers of V8 they need no heap number. */
export function createRecentNumbers<V>(maxSize: number): RecentMap<number, V> {
  const maxYoung = Math.max(1, Math.ceil(maxSize / 2));
  let young = new NumberTable<V>(firstPlaces);
  let old = new NumberTable<V>(firstPlaces);

  function get(key: number): V | undefined {
    const value = young.get(key);
    if (value !== undefined) return value;
    const older = old.get(key);
    return older === undefined ? undefined : add(key, older);
  }

  function add(key: number, value: V): V {
    if (young.size >= maxYoung) {
      old = young;
      young = new NumberTable(old.places);
    }
    young.set(key, value);
    return value;
  }

  return {
    get,
    add,
    clear() {
      young = new NumberTable(firstPlaces);
      old = new NumberTable(firstPlaces);
    },
    /** What moved on from the old generation counts twice. */
    get size() {
      return young.size + old.size;
    },
  };
}
