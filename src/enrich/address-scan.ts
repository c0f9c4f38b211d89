// Where a text may hold IP addresses: runs of hex digits, colons, dots and dashes that are long enough for one. Most of a document
// is none, and is passed over character by character: regular expressions over all of it took ten times as long.

const hexDigit = 1;
const colon = 2;
const dot = 4;
const dash = 8;

/** By character of byte text. */
const kinds = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[\da-f]/i.test(character)) return hexDigit;
  return { ':': colon, '.': dot, '-': dash }[character] ?? 0;
});

const quote = 0x22;

/** What stands in every run, or before bytes in hex: about one character in ten. The others are passed over. */
const marks = Uint8Array.from({ length: 256 }, (_, code) => (code === quote || kinds[code]! > hexDigit ? code : 0));

const reverseZone = /^ip6\.arpa/i;
const nibbles = /(?:[\da-f]\.)+$/i;

/** The fewest hex digits in quotes that may be the bytes of an address. */
const minHexBytes = 8;

/** A document and more; grown for longer ones, which are bounded (document-writer.ts). */
let scratch = Buffer.allocUnsafeSlow(16_384);

const scope = /(?:^|-)[\da-f]{1,4}::[\da-f]{0,4}$/i;
const letter = /[a-z]/i;

/** The end of a word, two colons, and another word behind them: `IF-MIB::ifEntry`, which sFlow has in each document. */
function isScope(text: string, start: number, end: number): boolean {
  return letter.test(text.charAt(end)) && letter.test(text.charAt(start - 1)) && scope.test(text.slice(start, end));
}

/**
 * `mask` replaces the addresses in a run. Bytes in hex, in quotes, and names in ip6.arpa (RFC 3596 §2.5) are taken out as a whole.
 */
export function replaceInRuns(text: string, mask: (run: string) => string): string {
  const { length } = text;
  if (length >= scratch.length) scratch = Buffer.allocUnsafeSlow(2 * length);
  // Reading a byte of a buffer is far cheaper than a character of a string, which may be a tree of pieces.
  const bytes = scratch;
  bytes.write(text, 0, length, 'latin1');
  // Never inside a run, so that a run has an end.
  bytes[length] = 0;
  let result = '';
  let copied = 0;
  let at = 0;
  /** Where the last run ended. */
  let floor = 0;
  while (at < length) {
    const mark = marks[bytes[at]!]!;
    if (mark === 0) {
      at += 1;
      continue;
    }
    let start = at;
    let replaced: string | undefined;
    if (mark === quote) {
      start += 1;
      at = start;
      while (kinds[bytes[at]!] === hexDigit) at += 1;
      // Where it is no such text, what follows the digits may still make a run of them.
      if (bytes[at] === quote && at - start >= minHexBytes) replaced = 'removed';
      else at = start;
    } else {
      while (start > floor && kinds[bytes[start - 1]!] !== 0) start -= 1;
      let colons = 0;
      let dots = 0;
      let dashes = 0;
      let hasGap = false;
      let before = 0;
      for (let kind = kinds[bytes[at]!]!; kind !== 0; kind = kinds[bytes[at]!]!) {
        if (kind === colon) {
          colons += 1;
          if (before === colon) hasGap = true;
        } else if (kind === dot) dots += 1;
        else if (kind === dash) dashes += 1;
        before = kind;
        at += 1;
      }
      if (before === dot && reverseZone.test(text.slice(at, at + 8))) {
        const run = text.slice(start, at);
        replaced = nibbles.test(run) ? `${mask(run.replace(nibbles, ''))}removed` : mask(run);
        if (nibbles.test(run)) at += 8;
      } else if (dots >= 3 || dashes >= 3 || (hasGap && !isScope(text, start, at)) || colons >= 6)
        replaced = mask(text.slice(start, at));
      floor = at;
    }
    if (replaced === undefined) continue;
    result += text.slice(copied, start) + replaced;
    copied = at;
    floor = at;
  }
  return copied === 0 ? text : result + text.slice(copied);
}
