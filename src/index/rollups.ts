// Makes rollups of flows: sums of closed minutes and hours, in indices of their own (docs/decisions/0056). What there is to do is read
// from the indices alone, so that any worker can go on where another one ended. One request at a time, with pauses.

import type { Logger } from '../telemetry/logger.ts';
import { throwIfStopped, waitOrAbort } from './back-off.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { toRollupWrites, toTotalWrite } from './rollup-documents.ts';
import { countFlows, type DueInterval, findDue, type TimeRange } from './rollup-due.ts';
import { hours, minutes, type RollupInterval, rollupIndex, startOf } from './rollup-interval.ts';
import { countIndices, type RollupInventory } from './rollup-inventory.ts';
import type { RollupLease } from './rollup-lease.ts';
import { readInterval } from './rollup-reading.ts';
import { deleteRollups, findOldRollups } from './rollup-retention.ts';
import { writeRollups } from './rollup-writer.ts';

export interface RollupSettings {
  /** Minutes older than that are not made, and go. */
  readonly keepMinutesMs: number;
  readonly keepHoursMs: number;
  /** Parts of each kind. */
  readonly top: number;
  /** So long after its end an interval is made. */
  readonly delayMs: number;
}

export interface RollupsOptions extends RollupSettings {
  readonly client: ElasticsearchClient;
  /** All indices of flows. */
  readonly pattern: string;
  /** Their name, without its time. */
  readonly of: string;
  readonly lease: RollupLease;
  /** After each interval it pauses so many times as long as that took. */
  readonly pauseFactor?: number;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface RollupLevels {
  /** Made by this process. */
  readonly made: ReadonlyMap<RollupInterval['name'], number>;
  /** Known to be due; 0 where another worker makes them. */
  readonly waiting: number;
}

export interface Rollups {
  /** Makes what is due, until then at the longest. Throws WeirError when the server does not answer, or refuses. */
  tend(untilMs: number, signal: AbortSignal): Promise<void>;
  levels(): RollupLevels;
}

const dayMs = 86_400_000;
/** Each round looks so far back; what comes later than that is found within an hour. */
const recentMs = 600_000;
/** An hour is made so long after its minutes: flows that come a little late would have it made twice. */
const hourDelayMs = 300_000;
const rememberedWrites = 100;
/** An index that was made since the last look counts as if it had several. */
const unknownShards = 2;
/** At first all indices are looked at: their names must fit into a request. */
const indicesAtATime = 20;

export function createRollups({
  client,
  pattern,
  of,
  lease,
  keepMinutesMs,
  keepHoursMs,
  top,
  delayMs,
  pauseFactor = 2,
  logger,
  now,
}: RollupsOptions): Rollups {
  const made = new Map<RollupInterval['name'], number>([
    [minutes.name, 0],
    [hours.name, 0],
  ]);
  /** Documents of an index of flows when all of it had its rollups. */
  const settled = new Map<string, number>();
  /** Since when it is known to have as many as it has: none of them is of a later time. */
  const unchanged = new Map<string, { readonly documents: number; readonly sinceMs: number }>();
  /** What was written is found by a search some seconds later: interval and start → flows. The last ones only. */
  const written = new Map<string, number>();
  let inventory: RollupInventory = { flows: new Map(), rollups: new Map(), closed: new Set() };
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  /** What the last look has found and is not made yet: days with flows, the newest first, and what is due of the first of them. */
  let days: number[] = [];
  let due: DueInterval[] = [];
  let looking = new Map<string, number>();

  async function tend(untilMs: number, signal: AbortSignal): Promise<void> {
    try {
      await makeDue(untilMs, signal);
    } catch (error) {
      // What was refused may be so because indices are other than they were: the next look is anew.
      lookedAtMs = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }

  async function makeDue(untilMs: number, signal: AbortSignal): Promise<void> {
    if (!(await lease.hold(signal))) {
      forget();
      return;
    }
    const closedMs = startOf(minutes, now() - delayMs);
    if (inventory.flows.size === 0) inventory = await countIndices(client, pattern, signal);
    // The clock was set back: what was looked at then had not all come yet.
    if (closedMs < lookedAtMs) forget();
    await makeRecent(closedMs, signal);
    if (startOf(hours, closedMs - hourDelayMs) > lookedAtMs - hourDelayMs) await lookBack(closedMs, signal);
    while (now() < untilMs && (due.length > 0 || days.length > 0)) await goOn(closedMs, signal);
  }

  /** Another worker does it now; whoever comes next looks for himself. */
  function forget(): void {
    lookedAtMs = Number.NEGATIVE_INFINITY;
    settled.clear();
    unchanged.clear();
    written.clear();
    days = [];
    due = [];
    looking = new Map();
  }

  async function makeRecent(closedMs: number, signal: AbortSignal): Promise<void> {
    const range = { fromMs: closedMs - recentMs, toMs: closedMs };
    const flows = await countFlows({ client, pattern }, '1m', range, signal);
    for (const each of await findDue({ client, of }, minutes, flows, range, signal)) await make(each, signal);
  }

  /** On which days are flows in indices that have changed? */
  async function lookBack(closedMs: number, signal: AbortSignal): Promise<void> {
    const before = inventory;
    inventory = await countIndices(client, pattern, signal);
    // Somebody deleted rollups, so that they be made anew.
    for (const [name, { documents }] of before.rollups) {
      if ((inventory.rollups.get(name)?.documents ?? 0) >= documents) continue;
      settled.clear();
      written.clear();
    }
    // Some were closed: what would have been written there was left.
    for (const name of before.closed) if (!inventory.closed.has(name)) settled.clear();
    // One that was closed, or taken from a snapshot again, has what it had; what it lies beside may have changed.
    for (const name of settled.keys()) if (!inventory.flows.has(name)) settled.delete(name);
    for (const [name, { documents }] of inventory.flows)
      if (unchanged.get(name)?.documents !== documents) unchanged.set(name, { documents, sinceMs: now() });
    const old = findOldRollups(inventory.rollups.keys(), { keepMinutesMs, keepHoursMs }, now());
    for (const index of await deleteRollups(client, old, signal)) {
      inventory.rollups.delete(index);
      logger.info({ index }, 'old rollups are deleted');
    }
    const changed = [...inventory.flows].filter(([name, { documents }]) => settled.get(name) !== documents);
    const fromMs = now() - Math.max(keepMinutesMs, keepHoursMs);
    const found = new Set<number>();
    for (let at = 0; at < changed.length; at += indicesAtATime) {
      const names = changed.slice(at, at + indicesAtATime).map(([name]) => name);
      const range = { fromMs, toMs: closedMs };
      for (const day of (await countFlows({ client, pattern: names.join(',') }, '1d', range, signal)).keys())
        found.add(day);
    }
    days = [...found].toSorted((a, b) => b - a);
    due = [];
    looking = new Map(changed.map(([name, { documents }]) => [name, documents]));
    lookedAtMs = closedMs;
  }

  /** The next interval, or the next day. */
  async function goOn(closedMs: number, signal: AbortSignal): Promise<void> {
    const [next] = due;
    const [day] = days;
    if (next !== undefined) {
      await make(next, signal);
      due.shift();
    } else if (day !== undefined) {
      await findDueOfDay(day, closedMs, signal);
      days.shift();
    }
    if (due.length > 0 || days.length > 0) return;
    const overMs = startOf(hours, lookedAtMs - hourDelayMs);
    for (const [name, documents] of looking)
      if ((unchanged.get(name)?.sinceMs ?? overMs) < overMs) settled.set(name, documents);
    looking = new Map();
  }

  async function findDueOfDay(startMs: number, closedMs: number, signal: AbortSignal): Promise<void> {
    const range: TimeRange = { fromMs: startMs, toMs: Math.min(startMs + dayMs, closedMs) };
    const flows = await countFlows({ client, pattern }, '1m', range, signal);
    const youngest = (keepMs: number) => ({ ...range, fromMs: Math.max(range.fromMs, now() - keepMs) });
    // The pictures of long ranges are made of hours: they come first.
    due = [
      ...(await findDue({ client, of }, hours, flows, youngest(keepHoursMs), signal)),
      ...(await findDue({ client, of }, minutes, flows, youngest(keepMinutesMs), signal)),
    ];
  }

  async function make({ interval, startMs, flows, formerTop }: DueInterval, signal: AbortSignal): Promise<void> {
    throwIfStopped(signal);
    const name = `${interval.name} ${startMs}`;
    if ((written.get(name) ?? 0) >= flows || inventory.closed.has(rollupIndex(interval, startMs))) return;
    const beganAtMs = now();
    // Another worker may have taken it while this one waited for an answer.
    if (!(await lease.hold(signal))) {
      forget();
      return;
    }
    const range = { fromMs: startMs, toMs: startMs + interval.ms };
    const shardsOf = (index: string) => inventory.flows.get(index)?.shards ?? unknownShards;
    const reading = await readInterval({ client, pattern, top, shardsOf }, range, signal);
    if (reading === undefined) return;
    const place = { of, interval, startMs, top };
    const version = reading.total.flows;
    await writeRollups(client, toRollupWrites(place, reading, formerTop), version, signal);
    await writeRollups(client, [toTotalWrite(place, reading)], version, signal);
    written.delete(name);
    written.set(name, version);
    if (written.size > rememberedWrites) written.delete(written.keys().next().value ?? '');
    made.set(interval.name, (made.get(interval.name) ?? 0) + 1);
    await waitOrAbort((now() - beganAtMs) * pauseFactor, signal);
  }

  return { tend, levels: () => ({ made, waiting: due.length }) };
}
