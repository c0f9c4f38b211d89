// Labels of addresses and subnets: every list entry that contains an address adds its labels. One map per prefix length, for
// lists have few of them; a look-up costs 0.1 µs for each.

import { readAddressRange, readAddressWords } from './address-words.ts';

export interface LabelledAddress {
  /** An address or a subnet, as `readAddressRange` takes it. */
  readonly address: string;
  readonly labels: readonly string[];
}

export interface AddressLabels {
  /** Addresses and subnets. */
  readonly size: number;
  /** Each label once; undefined: no entry contains the address. */
  lookup(address: string): readonly string[] | undefined;
}

/** More labels than a document should have of one address. */
const maxLabels = 32;

interface LengthTable<Key> {
  readonly length: number;
  readonly labels: Map<Key, readonly string[]>;
}

export function createAddressLabels(entries: Iterable<LabelledAddress>): AddressLabels {
  const v4 = new Map<number, LengthTable<number>>();
  const v6 = new Map<number, LengthTable<string>>();
  /** Lists have few labels, and share them. */
  const interned = new Map<string, readonly string[]>();
  let size = 0;

  function intern(labels: readonly string[]): readonly string[] {
    const key = labels.join('\n');
    const known = interned.get(key);
    if (known !== undefined) return known;
    interned.set(key, labels);
    return labels;
  }

  function add<Key>(tables: Map<number, LengthTable<Key>>, length: number, key: Key, labels: readonly string[]): void {
    let table = tables.get(length);
    if (table === undefined) {
      table = { length, labels: new Map() };
      tables.set(length, table);
    }
    const known = table.labels.get(key);
    if (known === undefined) size += 1;
    table.labels.set(key, intern(known === undefined ? labels : union(known, labels)));
  }

  for (const { address, labels } of entries) {
    const range = readAddressRange(address);
    if (range === undefined) continue;
    const { first, last } = range;
    const length = commonBits(first, last);
    if (first.length === 1) add(v4, length, first[0]! | 0, labels);
    else add(v6, length, keyOf(first), labels);
  }
  // The longest prefix first: its labels say most, and stand first.
  const longestFirst4 = [...v4.values()].sort((a, b) => b.length - a.length);
  const longestFirst6 = [...v6.values()].sort((a, b) => b.length - a.length);
  const words = new Uint32Array(4);
  const masked = new Uint32Array(4);

  function lookup(address: string): readonly string[] | undefined {
    let found: readonly string[] | undefined;
    const count = readAddressWords(address, words);
    if (count === 1) {
      const word = words[0]! | 0;
      for (const { length, labels } of longestFirst4) {
        const more = labels.get(length === 0 ? 0 : word & (-1 << (32 - length)));
        if (more !== undefined && more !== found) found = found === undefined ? more : union(found, more);
      }
    } else if (count === 4) {
      for (const { length, labels } of longestFirst6) {
        for (let i = 0; i < 4; i++) {
          const fixed = Math.min(32, Math.max(0, length - 32 * i));
          masked[i] = fixed === 0 ? 0 : words[i]! & (-1 << (32 - fixed));
        }
        const more = labels.get(keyOf(masked));
        if (more !== undefined && more !== found) found = found === undefined ? more : union(found, more);
      }
    }
    return found;
  }

  return { size, lookup };
}

function commonBits(first: Uint32Array, last: Uint32Array): number {
  let bits = 0;
  for (let i = 0; i < first.length; i++) {
    const same = Math.clz32(first[i]! ^ last[i]!);
    bits += same;
    if (same < 32) break;
  }
  return bits;
}

function keyOf(words: Uint32Array): string {
  return `${words[0]},${words[1]},${words[2]},${words[3]}`;
}

function union(labels: readonly string[], more: readonly string[]): readonly string[] {
  const all = [...labels, ...more.filter((label) => !labels.includes(label))];
  return all.length > labels.length ? all.slice(0, maxLabels) : labels;
}
