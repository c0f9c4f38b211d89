// A small generator of pseudo-random numbers: the same seed gives the same traffic on every machine.

export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** An integer from low to high, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Log-normal around its median; sigma 1 spreads two thirds of the values over a factor of e up and down. */
  around(median: number, sigma: number): number;
}

/** xorshift with 32 bits of state (Marsaglia 2003): enough to look like traffic, not to keep secrets. */
export function createRandom(seed: number): Random {
  // A state of 0 would stay 0; neighbouring seeds must not give neighbouring numbers.
  let state = (Math.imul(seed | 0, 0x9e37_79b1) ^ 0x6d2b_79f5) | 0 || 1;

  function next(): number {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  }
  for (let turns = 0; turns < 8; turns += 1) next();

  return {
    next,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick: (list) => list[Math.floor(next() * list.length)] as never,
    // The sum of four uniform numbers is near enough to a normal one: mean 2, variance 1/3.
    around: (median, sigma) => median * Math.exp(sigma * Math.sqrt(3) * (next() + next() + next() + next() - 2)),
  };
}

/** Chooses an index by weight. */
export function createChoice(weights: readonly number[]): (random: Random) => number {
  const sums = new Float64Array(weights.length);
  let total = 0;
  for (const [at, weight] of weights.entries()) {
    total += weight;
    sums[at] = total;
  }
  return (random) => {
    const wanted = random.next() * total;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Weights by rank: the first is the most popular. */
export function zipfWeights(count: number, exponent: number): readonly number[] {
  return Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** exponent);
}
