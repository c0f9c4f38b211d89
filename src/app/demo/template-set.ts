// What NetFlow v9 and IPFIX share: fields of a template, and sets (RFC 3954 §5, RFC 7011 §3.3).

/** [information element, length in bytes] */
export type Field = readonly [id: number, bytes: number];

export const setHeaderBytes = 4;

export function sumBytes(fields: readonly Field[]): number {
  return fields.reduce((sum, field) => sum + field[1], 0);
}

/** A set of 16-bit words, filled up to a 32-bit boundary. */
export function toWordSet(id: number, words: readonly number[]): Buffer {
  const set = toEmptySet(id, words.length * 2);
  for (const [at, word] of words.entries()) set.writeUInt16BE(word, setHeaderBytes + at * 2);
  return set;
}

/** A set with room for its contents, all zeros. */
export function toEmptySet(id: number, contentBytes: number): Buffer {
  const set = Buffer.alloc(toSetLength(1, contentBytes));
  set.writeUInt16BE(id, 0);
  set.writeUInt16BE(set.length, 2);
  return set;
}

/** Length of a set with its padding; without records there is no set. */
export function toSetLength(records: number, recordBytes: number): number {
  return records === 0 ? 0 : Math.ceil((setHeaderBytes + records * recordBytes) / 4) * 4;
}
