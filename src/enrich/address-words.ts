// IP addresses as 32-bit words: quick enough for every flow, where ipaddr.js is for settings.
// IPv4: one word. IPv6: four words, highest first; IPv4-mapped addresses (::ffff:0:0/96) are IPv4, as everywhere in weir.

/** Writes the words of the address; gives their number, 1 or 4, or 0 for what is no address. */
export function readAddressWords(text: string, words: Uint32Array): 0 | 1 | 4 {
  return text.includes(':') ? readIPv6(text, words) : readIPv4(text, 0, words, 0) ? 1 : 0;
}

function readIPv4(text: string, from: number, words: Uint32Array, at: number): boolean {
  let word = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      octet = octet * 10 + code - 48;
      // Leading zeros are octal to some and decimal to others: refused.
      if (octet > 255 || (++digits > 1 && octet < 10)) return false;
    } else if (code === 46 && digits > 0 && dots < 3) {
      word = word * 256 + octet;
      octet = 0;
      digits = 0;
      dots++;
    } else return false;
  }
  if (dots !== 3 || digits === 0) return false;
  words[at] = word * 256 + octet;
  return true;
}

const groups = new Uint16Array(8);

/** Character code → value, -1 for what is no hex digit. */
const hexDigits = Int8Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? -1 : digit;
});

function readIPv6(text: string, words: Uint32Array): 0 | 1 | 4 {
  let count = 0;
  /** Groups before `::`. */
  let gap = -1;
  let group = 0;
  let digits = 0;
  let groupStart = 0;
  const end = text.length;
  for (let i = 0; i <= end; i++) {
    const code = i < end ? text.charCodeAt(i) : 58;
    const digit = code < 128 ? hexDigits[code]! : -1;
    if (digit >= 0) {
      if (++digits > 4) return 0;
      group = group * 16 + digit;
      continue;
    }
    if (code === 46) {
      if (count > 6 || !readIPv4(text, groupStart, words, 0)) return 0;
      groups[count++] = words[0]! >>> 16;
      groups[count++] = words[0]! & 0xffff;
      break;
    }
    if (code !== 58) return 0;
    if (digits > 0) {
      if (count === 8) return 0;
      groups[count++] = group;
      group = 0;
      digits = 0;
      if (i + 1 === end) return 0;
    } else if (i === 0) {
      if (text.charCodeAt(1) !== 58) return 0;
    } else if (i === end) {
      if (gap !== count) return 0;
    } else {
      if (gap >= 0 || text.charCodeAt(i - 1) !== 58) return 0;
      gap = count;
    }
    groupStart = i + 1;
  }
  if (gap < 0 ? count !== 8 : count > 7) return 0;
  const start = gap < 0 ? 8 : gap;
  words[0] = groupAt(0, start, count) * 0x1_0000 + groupAt(1, start, count);
  words[1] = groupAt(2, start, count) * 0x1_0000 + groupAt(3, start, count);
  words[2] = groupAt(4, start, count) * 0x1_0000 + groupAt(5, start, count);
  words[3] = groupAt(6, start, count) * 0x1_0000 + groupAt(7, start, count);
  if (words[0] !== 0 || words[1] !== 0 || words[2] !== 0xffff) return 4;
  words[0] = words[3]!;
  return 1;
}

/** Of the eight, where `::` stands for those that are missing from `gap` on. */
function groupAt(index: number, gap: number, count: number): number {
  if (index < gap) return groups[index]!;
  const at = index - 8 + count;
  return at < gap ? 0 : groups[at]!;
}

/** An address, or a subnet: its first and last address in words. Undefined for anything else. */
export interface AddressRange {
  readonly first: Uint32Array;
  readonly last: Uint32Array;
}

const scratch = new Uint32Array(4);

export function readAddressRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const count = readAddressWords(address, scratch);
  if (count === 0) return undefined;
  const isMapped = count === 1 && address.includes(':');
  const bits = count * 32;
  let length = bits;
  if (slash >= 0) {
    const said = text.slice(slash + 1);
    if (!/^(?:0|[1-9]\d{0,2})$/.test(said)) return undefined;
    // A mapped subnet wider than /96 holds more than IPv4: nobody means that.
    length = Number(said) - (isMapped ? 96 : 0);
    if (length < 0 || length > bits) return undefined;
  }
  const first = scratch.slice(0, count);
  const last = scratch.slice(0, count);
  for (let i = 0; i < count; i++) {
    const fixed = Math.min(32, Math.max(0, length - 32 * i));
    const host = fixed === 32 ? 0 : 0xffff_ffff >>> fixed;
    first[i] = (first[i]! & ~host) >>> 0;
    last[i] = (last[i]! | host) >>> 0;
  }
  return { first, last };
}
