// A bounded map that forgets what was not used for the longest time, in two generations: when the young one is full it
// becomes the old one, and the old one is dropped. What is found in the old one moves on. Cheaper than a linked list.

export interface RecentMap<K, V> {
  get(key: K): V | undefined;
  /** Returns the value. */
  add(key: K, value: V): V;
  clear(): void;
  readonly size: number;
}

export function createRecentMap<K, V>(maxSize: number): RecentMap<K, V> {
  const maxYoung = Math.max(1, Math.ceil(maxSize / 2));
  let young = new Map<K, V>();
  let old = new Map<K, V>();

  function get(key: K): V | undefined {
    const value = young.get(key);
    if (value !== undefined) return value;
    const older = old.get(key);
    if (older === undefined) return undefined;
    old.delete(key);
    return add(key, older);
  }

  function add(key: K, value: V): V {
    if (young.size >= maxYoung) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
    return value;
  }

  return {
    get,
    add,
    clear() {
      young = new Map();
      old = new Map();
    },
    get size() {
      return young.size + old.size;
    },
  };
}
