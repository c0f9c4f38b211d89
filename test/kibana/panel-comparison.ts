// One panel: what its saved object's searches answer, against what its definition makes of the flows.

import { toIntervalTarget } from '../../scripts/kibana/bucket-bound.ts';
import type { Panel } from '../../scripts/kibana/definitions.ts';
import type { Measure } from '../../scripts/kibana/measures.ts';
import type { SavedObject } from '../../scripts/kibana/saved-object.ts';
import {
  type Ask,
  askAggregations,
  askRecords,
  askRows,
  askSeries,
  askVega,
  readNested,
  type TimeRange,
  toAutoIntervalMs,
  toSeriesIntervalMs,
} from './kibana-search.ts';
import type { KnownDocument } from './known-document.ts';
import {
  flowsOf,
  groupByCell,
  groupByField,
  largest,
  otherKey,
  toGroups,
  toMeasured,
  toRows,
  toStatistic,
} from './panel-sums.ts';

export interface Comparison {
  /** Numbers that were compared. */
  readonly compared: number;
  readonly differences: readonly string[];
}

export async function comparePanel(
  panel: Panel,
  object: SavedObject,
  allFlows: readonly KnownDocument[],
  range: TimeRange,
  ask: Ask,
): Promise<Comparison> {
  const flows = flowsOf(panel, allFlows).filter(({ atMs }) => atMs >= range.fromMs && atMs <= range.toMs);
  const levels = panel.splits.map(({ field, none }, index) => ({
    group: groupByField(field, none !== undefined),
    size: panel.sizes[index]!,
  }));
  switch (panel.config.kind) {
    case 'text':
      return { compared: 1, differences: [] };
    case 'series':
      return compareSeries(panel, await askSeries(object, range, ask), flows, range);
    case 'list':
      return compareRows(toListRows(panel, allFlows, range), await askRows(object, panel.measures.length, range, ask));
    case 'strip': {
      const expected = panel.measures.map((measure) => toMeasured(measure, flows));
      return compareRows(new Map([['[]', expected]]), await askRows(object, panel.measures.length, range, ask));
    }
    case 'records':
      return compareRecords(object, flows, range, ask);
    case 'sankey': {
      const [answer] = await askVega(object, range, ask);
      return compareRows(toRows(panel.measures, levels, flows), readNested(answer!, ['from', 'to'], vegaPath(panel)));
    }
    case 'map': {
      const [answer] = await askVega(object, range, ask);
      const cells = [{ group: groupByCell(panel.splits[0]!.field), size: panel.sizes[0]! }];
      return compareRows(toRows(panel.measures, cells, flows), readNested(answer!, ['places'], vegaPath(panel)));
    }
    default: {
      const expected = toRows(panel.measures, levels, flows);
      if (panel.config.kind === 'donut' && levels.length === 1 && !panel.splits[0]!.multiple)
        addOther(panel, flows, expected);
      return compareRows(expected, await askAggregations(object, range, ask));
    }
  }
}

/** Parts that are taken by the size of the whole, with the measures of what is in the time that is looked at. */
function toListRows(panel: Panel, all: readonly KnownDocument[], range: TimeRange): Map<string, readonly number[]> {
  const { config, measures, splits, sizes, source } = panel;
  if (config.kind !== 'list') return new Map();
  const isWithin = ({ atMs }: KnownDocument) => atMs >= range.fromMs && atMs <= range.toMs;
  const since = config.newSinceDays === undefined ? range.fromMs : range.fromMs - config.newSinceDays * 86_400_000;
  const passing = flowsOf(panel, all).filter(({ atMs }) => atMs >= since && atMs <= range.toMs);
  // Where a document is of a minute, seconds know nothing more.
  const finestMs = { '1m': 60_000, '1h': 3_600_000 }[source.every ?? '1m'];
  const intervalMs = () => {
    if (config.interval === '5m') return 300_000;
    const autoMs = toAutoIntervalMs(range, toIntervalTarget(sizes));
    return source.every === undefined ? autoMs : Math.max(finestMs, autoMs);
  };
  const toValue = (measure: Measure, documents: readonly KnownDocument[]) =>
    measure.intervals === undefined
      ? toMeasured(measure, documents)
      : toStatistic(measure.intervals, documents, range, intervalMs()) / wholeOf(measure.intervals.over, documents);
  const wholeOf = (over: Measure | undefined, documents: readonly KnownDocument[]) =>
    over === undefined ? 1 : toMeasured(over, documents);
  const sizing = toSizing(measures[0]!);
  const rows = new Map<string, readonly number[]>();
  const descend = (level: number, path: readonly unknown[], documents: readonly KnownDocument[]) => {
    const split = splits[level];
    if (split !== undefined) {
      const groups = toGroups(groupByField(split.field), documents);
      const bySize = largest({ ...sizing, isPerSecond: false }, groups, (members) => members.filter(isWithin));
      for (const [key, members] of bySize.slice(0, sizes[level])) descend(level + 1, [...path, key], members);
      return;
    }
    const now = documents.filter(isWithin);
    if (config.newSinceDays !== undefined && (now.length < documents.length || now.length === 0)) return;
    if (splits.length > 0)
      rows.set(
        JSON.stringify(path),
        measures.map((measure) => toValue(measure, now)),
      );
    else
      for (const measure of measures) {
        const value = toValue(measure, now);
        if (value > 0) rows.set(JSON.stringify([measure.label]), [value]);
      }
  };
  descend(0, [], passing);
  return rows;
}

/** By what the largest parts are taken. */
function toSizing(measure: Measure): Measure {
  return measure.derived?.over[0] ?? measure.derived?.add[0] ?? measure.intervals?.of ?? measure;
}

function vegaPath({ measures }: Panel): string {
  return measures[0]!.aggregation === 'count' ? 'doc_count' : 'measure.value';
}

/** What a donut shows beside its parts. */
function addOther(
  { measures, splits, sizes }: Panel,
  flows: readonly KnownDocument[],
  rows: Map<string, readonly number[]>,
): void {
  const rest = largest(measures[0]!, toGroups(groupByField(splits[0]!.field), flows)).slice(sizes[0]);
  if (rest.length > 0)
    rows.set(
      JSON.stringify([otherKey]),
      measures.map((measure) =>
        toMeasured(
          measure,
          rest.flatMap(([, members]) => members),
        ),
      ),
    );
}

function compareRows(
  expected: ReadonlyMap<string, readonly number[]>,
  actual: ReadonlyMap<string, readonly number[]>,
): Comparison {
  const differences: string[] = [];
  let compared = 0;
  for (const key of new Set([...expected.keys(), ...actual.keys()])) {
    const [wanted, found] = [expected.get(key), actual.get(key)];
    compared += wanted?.length ?? 0;
    if (
      wanted === undefined ||
      found === undefined ||
      wanted.length !== found.length ||
      wanted.some((value, index) => !isSame(value, found[index]!))
    )
      differences.push(`${key}: ${wanted ?? 'nothing'} by the flows, ${found ?? 'nothing'} in Kibana`);
  }
  return { compared, differences };
}

/** Elasticsearch adds up in doubles. */
function isSame(a: number, b: number): boolean {
  return (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

function compareSeries(
  { measures, splits, sizes, source }: Panel,
  actual: ReadonlyMap<string, ReadonlyMap<unknown, ReadonlyMap<number, number>>>,
  flows: readonly KnownDocument[],
  { fromMs, toMs }: TimeRange,
): Comparison {
  const intervalMs = toSeriesIntervalMs(`>=${source.every ?? '1m'}`, { fromMs, toMs });
  const differences: string[] = [];
  let compared = 0;
  for (const [id, parts] of actual) {
    const measure = id === 'all' ? measures[0]! : measures[Number(id.slice(1)) - 1]!;
    const split = id === 'all' ? undefined : splits[0];
    const expected: ReadonlyMap<unknown, readonly KnownDocument[]> =
      split === undefined
        ? new Map([['', flows]])
        : new Map(
            largest({ ...toSizing(measure), isPerSecond: false }, toGroups(groupByField(split.field), flows)).slice(
              0,
              sizes[0],
            ),
          );
    const names = (keys: Iterable<unknown>) => [...keys].map(String).sort().join(', ');
    if (names(expected.keys()) !== names(parts.keys()))
      differences.push(`${id}: ${names(expected.keys())} by the flows, ${names(parts.keys())} in Kibana`);
    for (const [part, members] of expected)
      for (let atMs = fromMs; atMs < toMs; atMs += intervalMs) {
        const within = members.filter((flow) => flow.atMs >= atMs && flow.atMs < atMs + intervalMs);
        const counted = within.length === 0 ? 0 : toMeasured(measure, within, intervalMs / 1000);
        const wanted = Number.isNaN(counted) ? 0 : counted;
        const found = parts.get(part)?.get(atMs) ?? 0;
        if (within.length > 0) compared += 1;
        if (!isSame(wanted, found))
          differences.push(
            `${id} ${String(part)} ${new Date(atMs).toISOString()}: ${wanted} by the flows, ${found} in Kibana`,
          );
      }
  }
  return { compared, differences };
}

async function compareRecords(
  object: SavedObject,
  flows: readonly KnownDocument[],
  range: TimeRange,
  ask: Ask,
): Promise<Comparison> {
  const { hits } = await askRecords(object, range, ask);
  const columns = object.attributes['columns'] as string[];
  const shown = hits.hits.map(({ _source }) =>
    columns.map((column) =>
      String(column.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], _source)),
    ),
  );
  const newestFirst = flows.toSorted((a, b) => b.atMs - a.atMs);
  const known = newestFirst.map(({ stored }) => columns.map((column) => String(stored[column])));
  const differences = known.flatMap((row, index) =>
    row.join() === shown[index]?.join() ? [] : [`row ${index}: ${row} by the flows, ${shown[index]} in Kibana`],
  );
  if (hits.total.value !== flows.length) differences.push(`${flows.length} flows, ${hits.total.value} records`);
  return { compared: known.length, differences };
}
