// Address bytes → the canonical text that exporters and addresses are known by; IPv6 by RFC 5952.
// The caller has checked that the bytes are there.

export function ipv4TextAt(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16));
const paddedHexOfByte = hexOfByte.map((hex) => hex.padStart(2, '0'));

/** Lower case, no leading zeros, the longest run of zero groups as "::"; IPv4-mapped addresses end dotted (RFC 5952 §5). */
export function ipv6TextAt(bytes: Uint8Array, at: number): string {
  let runStart = -1;
  let runLength = 1; // RFC 5952 §4.2.2: a single zero group is not shortened.
  for (let group = 0; group < 8; group++) {
    let length = 0;
    while (group + length < 8 && isZeroGroup(bytes, at + 2 * (group + length))) length++;
    if (length > runLength) {
      runStart = group;
      runLength = length;
    }
    group += length;
  }
  if (runStart === 0 && runLength === 5 && bytes[at + 10] === 0xff && bytes[at + 11] === 0xff) {
    return `::ffff:${ipv4TextAt(bytes, at + 12)}`;
  }
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === runStart) {
      text += '::';
      group += runLength - 1;
      continue;
    }
    if (group > 0 && group !== runStart + runLength) text += ':';
    const high = bytes[at + 2 * group]!;
    const low = bytes[at + 2 * group + 1]!;
    text += high === 0 ? hexOfByte[low]! : hexOfByte[high]! + paddedHexOfByte[low]!;
  }
  return text;
}

function isZeroGroup(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0 && bytes[at + 1] === 0;
}
