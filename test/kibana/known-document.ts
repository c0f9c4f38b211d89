// A document of which everything is known, of whatever index.

export type Value = string | number | boolean;

export interface KnownDocument {
  /** Stored path → its value or values. A path that is not here has no value. */
  readonly stored: Readonly<Record<string, Value | readonly Value[] | { readonly lat: number; readonly lon: number }>>;
  readonly atMs: number;
}
