// The intervals that rollups are made of, and where their documents are: names of indices, and ids that never change.

export interface RollupInterval {
  /** `rollup.interval` of its documents. */
  readonly name: '1m' | '1h';
  readonly ms: number;
}

export const minutes: RollupInterval = { name: '1m', ms: 60_000 };
export const hours: RollupInterval = { name: '1h', ms: 3_600_000 };
export const rollupIntervals: readonly RollupInterval[] = [minutes, hours];

export const rollupPattern = 'weir-rollup-*';

/** Minutes lie in an index a day, hours in one a month, UTC. */
export function rollupIndex({ name }: RollupInterval, startMs: number): string {
  const day = new Date(startMs).toISOString().slice(0, 10).replaceAll('-', '.');
  return `${indexStart(name)}${name === '1m' ? day : day.slice(0, 7)}`;
}

export function rollupIndices({ name }: RollupInterval): string {
  return `${indexStart(name)}*`;
}

function indexStart(interval: RollupInterval['name']): string {
  return `weir-rollup-${interval}-`;
}

/** The interval of an index, and when its last day is over (ms since 1970); undefined: none of ours. */
export function readRollupIndex(
  index: string,
): { readonly interval: RollupInterval; readonly endMs: number } | undefined {
  const [, name, year, month, day] = /^weir-rollup-(1[mh])-(\d{4})\.(\d\d)(?:\.(\d\d))?$/.exec(index) ?? [];
  const interval = rollupIntervals.find((each) => each.name === name);
  if (interval === undefined || (interval === minutes) !== (day !== undefined)) return undefined;
  const [y, m] = [Number(year), Number(month)];
  return { interval, endMs: day === undefined ? Date.UTC(y, m) : Date.UTC(y, m - 1, Number(day) + 1) };
}

/** `part`: a rank, `other` or `none`; for the total, ''. */
export function rollupId(
  of: string,
  { name, ms }: RollupInterval,
  startMs: number,
  kind: string,
  part: string,
): string {
  return `${of}-${name}-${(startMs / ms).toString(36)}-${kind}${part === '' ? '' : `-${part}`}`;
}

/** The interval that a time lies in. */
export function startOf({ ms }: RollupInterval, timeMs: number): number {
  return Math.floor(timeMs / ms) * ms;
}
