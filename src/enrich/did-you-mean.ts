// Guesses which known word a mistyped one was meant to be.

/** Longer words are no typing mistakes of a key, and the distance costs length squared. */
const maxLength = 64;

/** A longer list is a page of the documentation, not a message. */
const maxListed = 40;

/** `; did you mean "geoip"?`, or with no near word the list of all, where that is short: `; the steps are: geoip, asn`. */
export function didYouMean(word: string, known: readonly string[], listAs: string): string {
  const near = nearest(word, known);
  if (near !== undefined) return `; did you mean ${JSON.stringify(near)}?`;
  return known.length === 0 || known.length > maxListed ? '' : `; ${listAs}: ${known.join(', ')}`;
}

/** The same for fields of the document: of those there are more than a message lists. */
export function didYouMeanField(path: string, known: readonly string[]): string {
  const near = didYouMean(path, known, 'the fields are');
  return near === '' ? '; docs/fields.md lists the fields' : near;
}

export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length === 0 || word.length > maxLength) return undefined;
  const plain = simplified(word);
  let best: string | undefined;
  // A third of the letters may be wrong, and one in short words.
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    if (simplified(candidate) === plain) return candidate;
    const distance = editDistance(plain, simplified(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Case, dashes and underscores are what people guess wrong. */
function simplified(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '');
}

/** Letters to insert, remove, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
