// No search may make more buckets than the smallest default of search.max_buckets: 10,000, until Elasticsearch 7.8. Until then a shard counts
// the buckets of its own candidates, too, which are more than a panel shows.

export const maxBuckets = 10_000;

/**
 * TSVB's "auto" aims at 100 intervals and takes the next round one: at worst 300 of a minute (5 hours), 200 of anything longer, and 700 days
 * until two years, of which a shard has those of its own index only.
 */
const maxIntervalsOfShard = 300;
const maxIntervals = 700;

/** Candidates that Elasticsearch takes from each shard, so that the first N are right: its own heuristic, and a leaner one for three levels. */
export function toShardSize(size: number, levels: number): number {
  return Math.floor(size * 1.5) + (levels > 2 ? 0 : 10);
}

/** Buckets of nested splits on one shard, inner ones included. */
export function countNestedBuckets(sizes: readonly number[]): number {
  let level = 1;
  let total = 0;
  for (const size of sizes) {
    level *= toShardSize(size, sizes.length);
    total += level;
  }
  return total;
}

export function countSeriesBuckets(size: number): number {
  const onShard = toShardSize(size, 1) * (1 + maxIntervalsOfShard);
  return Math.max(onShard, size * (1 + maxIntervals)) + maxIntervals;
}

/** What lists ask for at most: more than can be told apart. */
const maxIntervalTarget = 100;
/** Kibana's `%autointerval%` rounds 100 wanted intervals to at most 300, and those of 1 to 7 days to 700, of which a shard has its own. */
const intervalsPerTarget = { onShard: 3, inAll: 7 };

/** Candidates of each level of a list. */
export function toListShardSize(size: number): number {
  return Math.floor(size * 1.5);
}

/** How many intervals a list can ask for, so that all its parts together stay below the bound. */
export function toIntervalTarget(sizes: readonly number[]): number {
  const product = (counts: readonly number[]) => counts.reduce((all, count) => all * count, 1);
  const onShard = (maxBuckets / product(sizes.map(toListShardSize)) - 2) / intervalsPerTarget.onShard;
  const inAll = (maxBuckets / product(sizes) - 2) / intervalsPerTarget.inAll;
  return Math.min(maxIntervalTarget, Math.floor(onShard), Math.floor(inAll));
}
