// What a panel must show, worked out from flows by its definition: no Elasticsearch, no generated object.

import type { FieldTest, FilterConfig } from '../../scripts/kibana/definition-schema.ts';
import type { Panel } from '../../scripts/kibana/definitions.ts';
import type { Measure, Sums } from '../../scripts/kibana/measures.ts';
import type { KnownDocument } from './known-document.ts';

/** Values of the splits, outermost first, as JSON → one number for each measure. */
export type Rows = ReadonlyMap<string, readonly number[]>;

export const otherKey = '__other__';
export const missingKey = '__missing__';

export function valuesOf(flow: KnownDocument, field: string): readonly unknown[] {
  const value = flow.stored[field];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

export function passes(flow: KnownDocument, { exists, not, either, same, fields }: FilterConfig): boolean {
  const has = (field: string) => valuesOf(flow, field).length > 0;
  return (
    [exists ?? []].flat().every(has) &&
    (not === undefined || !passes(flow, not)) &&
    (either === undefined || either.some((each) => passes(flow, each))) &&
    (same === undefined || valuesOf(flow, same[0])[0] === valuesOf(flow, same[1])[0]) &&
    Object.entries(fields ?? {}).every(([field, test]) => valuesOf(flow, field).some((value) => meets(value, test)))
  );
}

function meets(value: unknown, test: FieldTest): boolean {
  if (Array.isArray(test)) return test.some((each) => meets(value, each));
  if (typeof test !== 'object') return value === test;
  return Number(value) >= (test.from ?? -Infinity) && Number(value) < (test.below ?? Infinity);
}

/** NaN where there is none. */
export function toMeasured(measure: Measure, all: readonly KnownDocument[], seconds = 1): number {
  const { aggregation, field, times, isPerSecond, filter, derived } = measure;
  if (derived !== undefined) return toDerived(derived, all);
  const flows = filter === undefined ? all : all.filter((flow) => passes(flow, filter));
  if (field === undefined) return (flows.length * times) / (isPerSecond ? seconds : 1);
  const values = flows.flatMap((flow) => valuesOf(flow, field));
  const numbers = values.map(toNumber);
  const sum = numbers.reduce((total, value) => total + value, 0);
  switch (aggregation) {
    case 'sum':
      return (sum * times) / (isPerSecond ? seconds : 1);
    case 'max':
      return numbers.length === 0 ? Number.NaN : Math.max(...numbers) * times;
    case 'min':
      return numbers.length === 0 ? Number.NaN : Math.min(...numbers) * times;
    case 'average':
      return (sum / numbers.length) * times;
    case 'distinct':
      return new Set(values).size;
    default:
      throw new Error(`teach test/kibana/panel-sums.ts what ${aggregation} is`);
  }
}

/** A time is a number of ms to Elasticsearch. */
function toNumber(value: unknown): number {
  const number = Number(value);
  return Number.isNaN(number) ? Date.parse(String(value)) : number;
}

function toDerived({ add, less, over, isRest }: Sums, flows: readonly KnownDocument[]): number {
  const sum = (measures: readonly Measure[]) =>
    measures.reduce((total, measure) => total + toMeasured(measure, flows), 0);
  const added = sum(add) - sum(less);
  if (over.length === 0) return added;
  const whole = sum(over);
  if (whole <= 0) return Number.NaN;
  return isRest ? Math.max(0, Math.min(1, 1 - added / whole)) : added / whole;
}

/** One number for each interval, of which the statistic is; the last interval is the one in which the range ends. */
export function toStatistic(
  { of, statistic }: NonNullable<Measure['intervals']>,
  flows: readonly KnownDocument[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  intervalMs: number,
): number {
  const numbers: number[] = [];
  for (let atMs = Math.floor(fromMs / intervalMs) * intervalMs; atMs <= toMs; atMs += intervalMs)
    numbers.push(
      toMeasured(
        of,
        flows.filter((flow) => flow.atMs >= atMs && flow.atMs < atMs + intervalMs),
        intervalMs / 1000,
      ),
    );
  const average = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  switch (statistic) {
    case 'average':
      return average;
    case 'maximum':
      return Math.max(...numbers);
    case 'percentile':
      // The nearest rank: Elasticsearch does not interpolate here.
      return numbers.toSorted((a, b) => a - b)[Math.round(0.95 * (numbers.length - 1))]!;
    case 'variation': {
      const variance = numbers.reduce((sum, number) => sum + (number - average) ** 2, 0) / numbers.length;
      return Math.sqrt(variance) / average;
    }
  }
}

export type GroupBy = (flow: KnownDocument) => readonly unknown[];

export function groupByField(field: string, hasMissing = false): GroupBy {
  return (flow) => {
    const values = valuesOf(flow, field);
    return values.length === 0 && hasMissing ? [missingKey] : values;
  };
}

/** Cells of 15 bits, longitude first: 8 for the longitude, 7 for the latitude (geohash of 3 characters). */
export function groupByCell(field: string): GroupBy {
  return (flow) =>
    valuesOf(flow, field).map((place) => {
      const { lat, lon } = place as { lat: number; lon: number };
      const [column, row] = [Math.floor(((lon + 180) / 360) * 256), Math.floor(((lat + 90) / 180) * 128)];
      let bits = 0;
      for (let bit = 0; bit < 15; bit += 1)
        bits = bits * 2 + (bit % 2 === 0 ? (column >> (7 - bit / 2)) & 1 : (row >> (6 - (bit - 1) / 2)) & 1);
      const letter = (at: number) => '0123456789bcdefghjkmnpqrstuvwxyz'[(bits >> at) & 31]!;
      return letter(10) + letter(5) + letter(0);
    });
}

/** Nested groups, of each level the largest by the first measure. */
export function toRows(
  measures: readonly Measure[],
  levels: readonly { readonly group: GroupBy; readonly size: number }[],
  flows: readonly KnownDocument[],
  rows = new Map<string, readonly number[]>(),
  path: readonly unknown[] = [],
): Map<string, readonly number[]> {
  const [level, ...inner] = levels;
  if (level === undefined) {
    rows.set(
      JSON.stringify(path),
      measures.map((measure) => toMeasured(measure, flows)),
    );
    return rows;
  }
  for (const [key, members] of largest(measures[0]!, toGroups(level.group, flows)).slice(0, level.size))
    toRows(measures, inner, members, rows, [...path, key]);
  return rows;
}

export function toGroups(group: GroupBy, flows: readonly KnownDocument[]): Map<unknown, KnownDocument[]> {
  const groups = new Map<unknown, KnownDocument[]>();
  for (const flow of flows) for (const key of new Set(group(flow))) groups.set(key, [...(groups.get(key) ?? []), flow]);
  return groups;
}

/** The largest first; of the same size, the smaller name, as Elasticsearch has it. */
export function largest(
  measure: Measure,
  groups: ReadonlyMap<unknown, KnownDocument[]>,
  counted: (members: readonly KnownDocument[]) => readonly KnownDocument[] = (members) => members,
): (readonly [unknown, KnownDocument[]])[] {
  const sizes = new Map([...groups].map(([key, members]) => [key, toMeasured(measure, counted(members))]));
  return [...groups].sort(([a], [b]) => sizes.get(b)! - sizes.get(a)! || compare(a, b));
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : 1;
}

export function flowsOf(panel: Panel, flows: readonly KnownDocument[]): KnownDocument[] {
  return flows.filter((flow) => panel.filters.every(({ config }) => passes(flow, config)));
}
