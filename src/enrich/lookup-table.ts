// The table of the step `lookup`: keys of one type → values of some columns. Addresses are found by the longest prefix, numbers
// by the narrowest range, texts as they are. A million prefixes with a value each take about 25 MB (IPv4) or 70 MB (IPv6).

import { readAddressRange, readAddressWords } from './address-words.ts';
import { maxMistakes, shown } from './data-file.ts';
import { createRangeTable, type Nests, noValue } from './range-table.ts';
import { oneSlice, type Slices } from './slices.ts';
import { type TargetType, targetNoun, targetValue } from './stored-field.ts';

export type KeyType = 'address' | 'number' | 'text';
export type CellValue = string | number;

export interface LookupTable {
  /** Rows in use. */
  readonly size: number;
  /** The row of a stored value; -1: there is none. */
  find(value: unknown): number;
  /** Undefined: the row has no value in this column. */
  cell(row: number, column: number): CellValue | undefined;
}

export interface LookupTableBuilder {
  /** What is wrong with the row; it is left out then. Empty cells have no value. The same key again: the last row counts. */
  add(key: string, cells: readonly (string | undefined)[]): string | undefined;
  /** The number of rows that were added, those left out apart. */
  readonly rows: number;
  /**
   * `overlaps` is told rows whose range overlaps another and lies not within it; they are left out. `repeats` is told rows that count in
   * place of an earlier one with the same key.
   */
  build(overlaps: TellRow, repeats?: TellRow): Slices<LookupTable>;
}

/** A row takes 20 to 40 bytes, and as much as its own texts. */
const maxRows = 5_000_000;

/** As for labels. */
const maxCellLength = 1024;

type TellRow = (row: number) => void;

interface Keys {
  /** What is wrong with the key. */
  add(key: string, row: number): string | undefined;
  build(
    overlaps: TellRow,
    repeats: TellRow,
  ): Slices<{ readonly size: number; readonly find: (value: unknown) => number }>;
}

export function createLookupTable(keyType: KeyType, columns: readonly TargetType[]): LookupTableBuilder {
  const width = columns.length;
  const keys =
    keyType === 'address' ? createAddressKeys() : keyType === 'number' ? createNumberKeys() : createTextKeys();
  /** Row by row, so that the values of one lie beside each other: where they are elsewhere, each costs a way to memory more. */
  const cells: (CellValue | undefined)[] = [];
  let known = new Map<CellValue, CellValue>();
  let rows = 0;
  const scratch: (CellValue | undefined)[] = new Array<undefined>(width).fill(undefined);

  function add(key: string, row: readonly (string | undefined)[]): string | undefined {
    if (rows >= maxRows) return `a table has at most ${maxRows} rows`;
    for (let i = 0; i < width; i++) {
      const text = row[i];
      scratch[i] = undefined;
      if (text === undefined || text === '') continue;
      if (text.length > maxCellLength) return `${shown(text)} is longer than ${maxCellLength} characters`;
      const value = targetValue(columns[i]!, text);
      if (value === undefined) return `expected ${targetNoun(columns[i]!)}, got ${shown(text)}`;
      scratch[i] = known.get(value) ?? remember(value);
    }
    const mistake = keys.add(key, rows);
    if (mistake !== undefined) return mistake;
    for (const value of scratch) cells.push(value);
    rows += 1;
    return undefined;
  }

  function remember(value: CellValue): CellValue {
    const own = typeof value === 'string' ? ownText(value) : value;
    known.set(own, own);
    return own;
  }

  function* build(overlaps: TellRow, repeats: TellRow = () => undefined): Slices<LookupTable> {
    known = new Map();
    const { size, find } = yield* keys.build(overlaps, repeats);
    return { size, find, cell: (row, column) => cells[row * width + column] };
  }

  return {
    add,
    build,
    get rows() {
      return rows;
    },
  };
}

/** A piece of a line would keep the line. */
function ownText(piece: string): string {
  return Buffer.from(piece, 'utf8').toString('utf8');
}

function createAddressKeys(): Keys {
  const v4 = createRangeTable(1);
  const v6 = createRangeTable(4);
  const words = new Uint32Array(4);
  return {
    add(key, row) {
      const range = readAddressRange(key);
      if (range === undefined) return `expected an IP address or a subnet, got ${shown(key)}`;
      (range.first.length === 1 ? v4 : v6).add(range.first, range.last, row);
      return undefined;
    },
    *build(overlaps, repeats) {
      const table4 = yield* v4.build(overlaps, repeatsOnly(repeats));
      const table6 = yield* v6.build(overlaps, repeatsOnly(repeats));
      return {
        size: table4.size + table6.size,
        find: (value) => {
          const count = typeof value === 'string' ? readAddressWords(value, words) : 0;
          if (count === 0) return -1;
          const row = (count === 1 ? table4 : table6).lookup(words);
          return row === noValue ? -1 : row;
        },
      };
    },
  };
}

function repeatsOnly(repeats: TellRow): Nests {
  return (row, _, isSameRange) => {
    if (isSameRange) repeats(row);
  };
}

/** `53`, `1024-65535` or `1024..65535`. */
const numberRange = /^(\d{1,16})(?:\s*(?:-|\.\.)\s*(\d{1,16}))?$/;

/** Both ends included; undefined: it is neither a whole number nor a range. */
export function readNumberRange(key: string): readonly [from: number, to: number] | undefined {
  const match = numberRange.exec(key);
  const from = Number(match?.[1]);
  const to = match?.[2] === undefined ? from : Number(match[2]);
  return match === null || !Number.isSafeInteger(to) ? undefined : [from, to];
}

function createNumberKeys(): Keys {
  const builder = createRangeTable(2);
  const first = new Uint32Array(2);
  const last = new Uint32Array(2);
  return {
    add(key, row) {
      const range = readNumberRange(key);
      if (range === undefined) return `expected a whole number or a range such as 1024-65535, got ${shown(key)}`;
      const [from, to] = range;
      if (to < from) return `the range ${shown(key)} is empty`;
      toWords(from, first);
      toWords(to, last);
      builder.add(first, last, row);
      return undefined;
    },
    *build(overlaps, repeats) {
      const table = yield* builder.build(overlaps, repeatsOnly(repeats));
      return {
        size: table.size,
        find: (value) => {
          const number = Number(value);
          if (!Number.isSafeInteger(number) || number < 0) return -1;
          toWords(number, first);
          const row = table.lookup(first);
          return row === noValue ? -1 : row;
        },
      };
    },
  };
}

function toWords(number: number, words: Uint32Array): void {
  words[0] = Math.floor(number / 2 ** 32);
  words[1] = number % 2 ** 32;
}

function createTextKeys(): Keys {
  const rows = new Map<unknown, number>();
  const repeated: number[] = [];
  return {
    add(key, row) {
      if (key === '') return 'the key is empty';
      if (key.length > maxCellLength) return `the key ${shown(key)} is longer than ${maxCellLength} characters`;
      if (rows.has(key) && repeated.length < maxMistakes) repeated.push(row);
      rows.set(ownText(key), row);
      return undefined;
    },
    build(_, repeats) {
      for (const row of repeated) repeats(row);
      return oneSlice({ size: rows.size, find: (value: unknown) => rows.get(value) ?? -1 });
    },
  };
}
