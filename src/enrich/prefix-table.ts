// Subnet → value, longest prefix wins: "10.0.0.0/8", "2001:db8::/32", or a single address.
// For settings and for answers that are cached by address: a look-up parses its text (about 2 µs).

import ipaddr from 'ipaddr.js';

export interface PrefixTable<Value> {
  readonly size: number;
  /** The value of the longest prefix that contains the address; undefined for anything but an IP address. */
  lookup(address: string): Value | undefined;
}

export interface Prefix {
  /** Without the bits behind the prefix. */
  readonly address: bigint;
  readonly bits: 32 | 128;
  readonly length: number;
}

/** Throws RangeError for text that is no prefix: check it with `readPrefix` first. A prefix that occurs twice: the last counts. */
export function createPrefixTable<Value>(entries: Iterable<readonly [string, Value]>): PrefixTable<Value> {
  /** Family and prefix length → address → value. */
  const tables = new Map<string, { readonly prefix: Prefix; readonly values: Map<bigint, Value> }>();
  let size = 0;
  for (const [text, value] of entries) {
    const prefix = readPrefix(text);
    if (prefix === undefined) throw new RangeError(`not a subnet: ${text}`);
    const key = `${prefix.bits}/${prefix.length}`;
    let table = tables.get(key);
    if (table === undefined) {
      table = { prefix, values: new Map() };
      tables.set(key, table);
    }
    if (!table.values.has(prefix.address)) size++;
    table.values.set(prefix.address, value);
  }
  const longestFirst = [...tables.values()].sort((a, b) => b.prefix.length - a.prefix.length);

  function lookup(address: string): Value | undefined {
    const single = readPrefix(address);
    if (single === undefined || single.length !== single.bits) return undefined;
    for (const { prefix, values } of longestFirst) {
      if (prefix.bits !== single.bits) continue;
      const value = values.get(withoutHostBits(single.address, single.bits, prefix.length));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  return { size, lookup };
}

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone; IPv4-mapped IPv6 is IPv4. Undefined for anything else. */
export function readPrefix(text: string): Prefix | undefined {
  const [addressText = '', lengthText, ...rest] = text.split('/');
  const address = readAddress(addressText);
  if (address === undefined || rest.length > 0) return undefined;
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
  const written = address.kind() === 'ipv4' ? 32 : 128;
  const length = lengthText === undefined ? written : readLength(lengthText, written);
  if (length === undefined) return undefined;
  const value = toBigInt(address.toByteArray());
  if (isMapped && length >= 96) return toPrefix(BigInt.asUintN(32, value), 32, length - 96);
  return toPrefix(value, written, length);
}

/** Only the usual forms: four decimal octets, or IPv6 without a zone. (`ipaddr.js` alone takes `10` and `0x7f.1`, too.) */
function readAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text);
  return undefined;
}

function readLength(text: string, max: number): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

function toPrefix(address: bigint, bits: 32 | 128, length: number): Prefix {
  return { address: withoutHostBits(address, bits, length), bits, length };
}

function withoutHostBits(address: bigint, bits: number, length: number): bigint {
  const hostBits = BigInt(bits - length);
  return (address >> hostBits) << hostBits;
}

function toBigInt(bytes: readonly number[]): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
