// Community ID v1 of a flow: one text for both of its directions, the same in all tools that follow the specification
// (https://github.com/corelight/community-id-spec). SHA-1 over at most 40 bytes is one block of FIPS 180-4, so it is worked
// out here: a call into OpenSSL costs more than the block.

/** An address as one (IPv4) or four (IPv6) signed 32-bit words, the first bytes first. */
export type AddressWords = readonly number[];

const icmp = 1;
const icmp6 = 58;

/** Message types that ask and those that answer, as Zeek pairs them (the specification refers to it). */
function pairs(...types: readonly (readonly [number, number])[]): ReadonlyMap<number, number> {
  return new Map(
    types.flatMap(([ask, answer]) => [
      [ask, answer],
      [answer, ask],
    ]),
  );
}

const icmpPairs = pairs([8, 0], [13, 14], [15, 16], [10, 9], [17, 18]);
const icmp6Pairs = pairs([128, 129], [130, 131], [133, 134], [135, 136], [139, 140], [144, 145]);

/** TCP, UDP, SCTP: protocols whose ports are hashed. */
function hasPorts(protocol: number): boolean {
  return protocol === 6 || protocol === 17 || protocol === 132;
}

const schedule = new Int32Array(80);
const digest = new Int32Array(5);

/**
 * `srcPort` and `dstPort` are type and code of ICMP and ICMPv6. Undefined for a flow of which the specification needs more
 * than is known: a protocol with ports, or ICMP, without them.
 */
export function communityId(
  protocol: number,
  src: AddressWords,
  dst: AddressWords,
  srcPort: number | undefined,
  dstPort: number | undefined,
  seed: number,
): string | undefined {
  let first = src;
  let second = dst;
  let firstPort = -1;
  let secondPort = -1;
  let isOneWay = false;
  if (protocol === icmp || protocol === icmp6) {
    if (srcPort === undefined || dstPort === undefined) return undefined;
    const counterpart = (protocol === icmp ? icmpPairs : icmp6Pairs).get(srcPort);
    isOneWay = counterpart === undefined;
    firstPort = srcPort;
    secondPort = counterpart ?? dstPort;
  } else if (hasPorts(protocol)) {
    if (srcPort === undefined || dstPort === undefined) return undefined;
    firstPort = srcPort;
    secondPort = dstPort;
  }
  // Without ports the addresses alone decide.
  const order = compareWords(src, dst);
  if (!isOneWay && (order > 0 || (order === 0 && firstPort > secondPort))) {
    first = dst;
    second = src;
    const port = firstPort;
    firstPort = secondPort;
    secondPort = port;
  }
  fillBlock(protocol, first, second, firstPort, secondPort, seed);
  hashBlock();
  return toText();
}

function compareWords(a: AddressWords, b: AddressWords): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i]! >>> 0) - (b[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

let word = 0;
let halfWord = 0;
let isHalf = false;

/** seed(2) addresses protocol(1) 0(1) ports(2 + 2): everything comes in halves of words, the first one being the seed. */
function fillBlock(
  protocol: number,
  first: AddressWords,
  second: AddressWords,
  firstPort: number,
  secondPort: number,
  seed: number,
): void {
  word = 0;
  halfWord = seed & 0xffff;
  isHalf = true;
  for (let i = 0; i < first.length; i++) pushWord(first[i]!);
  for (let i = 0; i < second.length; i++) pushWord(second[i]!);
  pushHalf((protocol & 255) << 8);
  if (firstPort >= 0) {
    pushHalf(firstPort & 0xffff);
    pushHalf(secondPort & 0xffff);
  }
  const length = 4 * word + (isHalf ? 2 : 0);
  // FIPS 180-4 §5.1.1: a bit 1, zeros, and the length in bits.
  if (isHalf) pushHalf(0x8000);
  else schedule[word++] = 0x80000000 | 0;
  while (word < 15) schedule[word++] = 0;
  schedule[15] = length * 8;
}

function pushHalf(half: number): void {
  if (isHalf) schedule[word++] = (halfWord << 16) | half;
  else halfWord = half;
  isHalf = !isHalf;
}

function pushWord(value: number): void {
  pushHalf(value >>> 16);
  pushHalf(value & 0xffff);
}

/** FIPS 180-4 §6.1.2, for a message of one block. */
function hashBlock(): void {
  const w = schedule;
  for (let t = 16; t < 80; t++) {
    const x = w[t - 3]! ^ w[t - 8]! ^ w[t - 14]! ^ w[t - 16]!;
    w[t] = (x << 1) | (x >>> 31);
  }
  let a = 0x67452301;
  let b = 0xefcdab89 | 0;
  let c = 0x98badcfe | 0;
  let d = 0x10325476;
  let e = 0xc3d2e1f0 | 0;
  for (let t = 0; t < 80; t++) {
    const f =
      t < 20
        ? (((b & c) | (~b & d)) + 0x5a827999) | 0
        : t < 40
          ? ((b ^ c ^ d) + 0x6ed9eba1) | 0
          : t < 60
            ? (((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc) | 0
            : ((b ^ c ^ d) + 0xca62c1d6) | 0;
    const next = (((a << 5) | (a >>> 27)) + f + e + w[t]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  digest[0] = (0x67452301 + a) | 0;
  digest[1] = (0xefcdab89 + b) | 0;
  digest[2] = (0x98badcfe + c) | 0;
  digest[3] = (0x10325476 + d) | 0;
  digest[4] = (0xc3d2e1f0 + e) | 0;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** 12 bits of RFC 4648 §4 at a time. */
const pairsOf12Bits = Array.from({ length: 4096 }, (_, bits) => alphabet[bits >>> 6]! + alphabet[bits & 63]!);

/** 160 bits: thirteen times 12, and 4 that are filled up. */
function toText(): string {
  let text = '1:';
  let bits = 0;
  let count = 0;
  for (let i = 0; i < 5; i++) {
    const value = digest[i]!;
    for (let half = 0; half < 2; half++) {
      bits = ((bits << 16) | (half === 0 ? value >>> 16 : value & 0xffff)) & 0xfffffff;
      count += 16;
      while (count >= 12) {
        count -= 12;
        text += pairsOf12Bits[(bits >>> count) & 4095]!;
      }
    }
  }
  return `${text}${alphabet[(bits & 15) << 2]!}=`;
}
