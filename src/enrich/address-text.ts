// Addresses as text, from the numbers that rows hold (model/record.ts).

const octets = Array.from({ length: 256 }, (_, n) => String(n));
const hexOctets = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

/** 167772161 → "10.0.0.1" */
export function toIPv4Text(address: number): string {
  return `${octets[(address >>> 24) & 255]}.${octets[(address >>> 16) & 255]}.${octets[(address >>> 8) & 255]}.${octets[address & 255]}`;
}

/** A 48-bit number → "00:1b:21:3c:9d:f8" */
export function toMacText(address: number): string {
  const high = Math.floor(address / 0x1_0000_0000);
  const low = address >>> 0;
  return `${hexOctets[(high >>> 8) & 255]}:${hexOctets[high & 255]}:${hexOctets[low >>> 24]}:${hexOctets[(low >>> 16) & 255]}:${hexOctets[(low >>> 8) & 255]}:${hexOctets[low & 255]}`;
}

/** "10.0.0.1" → 167772161; undefined for anything but four decimal octets. */
export function readIPv4Text(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (let i = 1; i <= 4; i++) {
    const octet = Number(match[i]);
    if (octet > 255) return undefined;
    address = address * 256 + octet;
  }
  return address;
}

/** "00:1b:21:3c:9d:f8" (or with dashes) → the 48-bit number. */
export function readMacText(text: string): number | undefined {
  return /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)
    ? Number.parseInt(text.replaceAll(/[:-]/g, ''), 16)
    : undefined;
}
