// Things in the order of their last use, each step in constant time however many there are: what limits evict from.

export interface Listed<T> {
  newer: T | undefined;
  older: T | undefined;
}

export interface RecencyList<T extends Listed<T>> {
  readonly size: number;
  readonly oldest: T | undefined;
  /** The item must not be in another list. */
  add(item: T): void;
  /** Makes a listed item the newest. */
  touch(item: T): void;
  remove(item: T): void;
  /** Oldest first. */
  items(): Iterable<T>;
}

export function createRecencyList<T extends Listed<T>>(): RecencyList<T> {
  let newest: T | undefined;
  let oldest: T | undefined;
  let size = 0;

  function add(item: T): void {
    item.older = newest;
    item.newer = undefined;
    if (newest === undefined) oldest = item;
    else newest.newer = item;
    newest = item;
    size++;
  }

  function remove(item: T): void {
    if (item.newer === undefined) newest = item.older;
    else item.newer.older = item.older;
    if (item.older === undefined) oldest = item.newer;
    else item.older.newer = item.newer;
    item.newer = undefined;
    item.older = undefined;
    size--;
  }

  return {
    get size() {
      return size;
    },
    get oldest() {
      return oldest;
    },
    add,
    touch(item) {
      if (item === newest) return;
      remove(item);
      add(item);
    },
    remove,
    *items() {
      for (let item = oldest; item !== undefined; item = item.newer) yield item;
    },
  };
}
