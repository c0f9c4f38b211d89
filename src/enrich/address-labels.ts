// Labels of addresses and subnets: every list entry that contains an address adds its labels. Entries within others get their labels
// beforehand, so that a look-up is one search, however many lengths of prefixes there are.

import { readAddressRange, readAddressWords } from './address-words.ts';
import { createRangeTable } from './range-table.ts';
import { itemsAtOnce, type Slices } from './slices.ts';

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

export function* createAddressLabels(entries: Iterable<LabelledAddress>): Slices<AddressLabels> {
  const v4 = createRangeTable(1);
  const v6 = createRangeTable(4);
  /** By number of the entry; in the end with those of all entries around it. */
  const labelsOf: (readonly string[])[] = [];
  const intern = createIntern();
  for (const { address, labels } of entries) {
    const range = readAddressRange(address);
    if (range === undefined) continue;
    (range.first.length === 1 ? v4 : v6).add(range.first, range.last, labelsOf.length);
    if (labelsOf.push(intern(labels)) % itemsAtOnce === 0) yield;
  }

  /** The longest prefix first: its labels say most. Of the same one twice, the first. */
  function nest(inner: number, outer: number, isSameRange: boolean): void {
    const [own, around] = [labelsOf[inner]!, labelsOf[outer]!];
    labelsOf[inner] = intern(isSameRange ? union(around, own) : union(own, around));
  }

  // Prefixes lie within each other, or apart.
  const table4 = yield* v4.build(() => undefined, nest);
  const table6 = yield* v6.build(() => undefined, nest);
  const words = new Uint32Array(4);

  function lookup(address: string): readonly string[] | undefined {
    const count = readAddressWords(address, words);
    return count === 0 ? undefined : labelsOf[(count === 1 ? table4 : table6).lookup(words)];
  }

  return { size: table4.size + table6.size, lookup };
}

/** Lists have few labels, and share them. */
function createIntern(): (labels: readonly string[]) => readonly string[] {
  const interned = new Map<string, readonly string[]>();
  let last: readonly string[] | undefined;
  let lastInterned: readonly string[] = [];
  return (labels) => {
    if (labels === last) return lastInterned;
    const key = labels.join('\n');
    const known = interned.get(key);
    if (known === undefined) interned.set(key, labels);
    last = labels;
    lastInterned = known ?? labels;
    return lastInterned;
  };
}

function union(labels: readonly string[], more: readonly string[]): readonly string[] {
  const all = [...labels, ...more.filter((label) => !labels.includes(label))];
  return all.length > labels.length ? all.slice(0, maxLabels) : labels;
}
