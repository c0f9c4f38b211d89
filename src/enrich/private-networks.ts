// Addresses that have no place and no AS: private, local, multicast and broadcast ranges, as ElastiFlow 3.5 lists them.
// One difference: `::` counts as private on both sides; there it did as a source only.

/** 0.0.0.0/32, 10/8, 127/8, 169.254/16, 172.16/12, 192.168/16, 224/4, 255.255.255.255/32. */
export function isPrivateIPv4(address: number): boolean {
  const first = address >>> 24;
  return (
    first === 10 ||
    first === 127 ||
    (first >= 224 && first <= 239) ||
    (first === 192 && address >>> 16 === 0xc0a8) ||
    (first === 172 && address >>> 20 === 0xac1) ||
    address >>> 16 === 0xa9fe ||
    address === 0 ||
    address === 0xffffffff
  );
}

/** `::`, `::1`, fc00::/7, fe80::/10, ff00::/8, and IPv4-mapped addresses as their IPv4 address. Takes canonical text (RFC 5952). */
export function isPrivateIPv6(text: string): boolean {
  if (text.startsWith('::')) {
    if (text === '::' || text === '::1') return true;
    const mapped = mappedIPv4(text);
    return mapped !== undefined && isPrivateIPv4(mapped);
  }
  const group = Number.parseInt(text, 16);
  return (group & 0xfe00) === 0xfc00 || (group & 0xffc0) === 0xfe80 || (group & 0xff00) === 0xff00;
}

/** `::ffff:10.0.0.1` or `::ffff:a00:1` → the IPv4 address. */
export function mappedIPv4(text: string): number | undefined {
  const match = /^::ffff:(?:(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(text);
  if (match === null) return undefined;
  const [, a, b, c, d, high, low] = match;
  if (high !== undefined && low !== undefined) return Number.parseInt(high, 16) * 65536 + Number.parseInt(low, 16);
  const value = ((Number(a) * 256 + Number(b)) * 256 + Number(c)) * 256 + Number(d);
  return [a, b, c, d].every((part) => Number(part) <= 255) ? value : undefined;
}
