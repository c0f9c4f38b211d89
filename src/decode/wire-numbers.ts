// Numbers in network byte order at a place that the caller has checked to lie inside the bytes.
// Plain shifts, because the sFlow path reads some thirty of them per sample.

export function uint16At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function uint32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function uint48At(bytes: Uint8Array, at: number): number {
  return uint16At(bytes, at) * 0x1_0000_0000 + uint32At(bytes, at + 2);
}

/** A number while it is exact, else decimal text (model/record.ts). */
export function uint64At(bytes: Uint8Array, at: number): number | string {
  const high = uint32At(bytes, at);
  const low = uint32At(bytes, at + 4);
  if (high < 0x20_0000) return high * 0x1_0000_0000 + low;
  return ((BigInt(high) << 32n) | BigInt(low)).toString();
}
