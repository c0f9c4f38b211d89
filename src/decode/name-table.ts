// Names that options records gave to numbers (interfaces, applications, VRFs), as rows ask for them: once per row and column.

import type { FieldValue } from '../model/record.ts';

export interface NameTable {
  readonly size: number;
  /** null: nobody said. */
  get(key: FieldValue): string | null;
  has(key: number | string): boolean;
  /** Texts are cut at 255 characters. */
  set(key: number | string, name: string): 'new' | 'changed' | 'same';
  entries(): Iterable<readonly [number | string, string]>;
}

/** Where nobody told any. */
export const noNames: NameTable = {
  size: 0,
  get: () => null,
  has: () => false,
  set: () => 'same',
  entries: () => [],
};

/** Interface descriptions go up to some 240 characters on the routers we know. */
const maxNameLength = 255;

/** Interfaces and VRFs, by number. */
export function createNameTable(): NameTable {
  const names = new Map<FieldValue, string>();
  return {
    get size() {
      return names.size;
    },
    get: (key) => names.get(key) ?? null,
    has: (key) => names.has(key),
    set: (key, name) => put(names, key, name),
    entries: () => names as Map<number | string, string>,
  };
}

/** What applicationIds of other lengths were resolved to: as many as a big NBAR table has. */
const maxResolved = 5_000;

/** Applications, by applicationId in hex: flows and options may have it in different lengths. */
export function createApplicationTable(): NameTable {
  const names = new Map<FieldValue, string>();
  const resolved = new Map<FieldValue, string | null>();

  function resolve(key: FieldValue): string | null {
    const name = typeof key === 'string' ? (names.get(toShortId(key)) ?? null) : null;
    if (resolved.size >= maxResolved) resolved.clear();
    resolved.set(key, name);
    return name;
  }

  return {
    get size() {
      return names.size;
    },
    get(key) {
      const name = resolved.get(key);
      return name === undefined ? resolve(key) : name;
    },
    has: (key) => names.has(toShortId(`${key}`)),
    set(key, name) {
      const outcome = put(names, toShortId(`${key}`), name);
      if (outcome !== 'same') resolved.clear();
      return outcome;
    },
    entries: () => names as Map<string, string>,
  };
}

function put(names: Map<FieldValue, string>, key: number | string, name: string): 'new' | 'changed' | 'same' {
  const text = toBoundedText(name);
  const known = names.get(key);
  if (known === text) return 'same';
  names.set(key, text);
  return known === undefined ? 'new' : 'changed';
}

/** A copy, for V8 makes a part of a text hold on to all of it. */
function toBoundedText(name: string): string {
  return name.length <= maxNameLength ? name : Buffer.from(name.slice(0, maxNameLength)).toString();
}

/**
 * Without the leading zeros of its selector, which RFC 6759 §4 lets exporters leave out. The octet of the engine stays, and
 * behind engine 20 the enterprise number.
 */
function toShortId(hex: string): string {
  const fixed = hex.startsWith('14') ? 10 : 2;
  return hex.length <= fixed ? hex : hex.slice(0, fixed) + hex.slice(fixed).replace(/^(?:00)+/, '');
}
