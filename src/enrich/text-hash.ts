// 32-bit hashes for tables of a fixed size: of texts (FNV-1a), and of what is put together from several.

const prime = 0x01000193;
const offsetBasis = 0x811c9dc5 | 0;

export function hashText(text: string): number {
  let hash = offsetBasis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), prime);
  return hash;
}

/** The hash of an address is kept with its facts. */
export function hashAddress({ hash, text }: { readonly hash?: number; readonly text: string }): number {
  return hash ?? hashText(text);
}

/** Spreads each bit of both over all bits of the result (the finalizer of MurmurHash3). */
export function mixHash(a: number, b: number): number {
  let hash = (a ^ Math.imul(b, 0x9e3779b1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
