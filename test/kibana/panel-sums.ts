// What a panel must show, worked out from flows by its definition: no Elasticsearch, no generated object.

import type { FieldTest, FilterConfig } from '../../scripts/kibana/definition-schema.ts';
import type { Panel } from '../../scripts/kibana/definitions.ts';
import type { Measure } from '../../scripts/kibana/measures.ts';
import type { KnownFlow } from './known-flows.ts';

/** Values of the splits, outermost first, as JSON → one number for each measure. */
export type Rows = ReadonlyMap<string, readonly number[]>;

export const otherKey = '__other__';

export function valuesOf(flow: KnownFlow, field: string): readonly unknown[] {
  const value = flow.stored[field];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

export function passes(flow: KnownFlow, { exists, not, either, same, fields }: FilterConfig): boolean {
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

export function toMeasured(measure: Measure, flows: readonly KnownFlow[], seconds = 1): number {
  const { aggregation, field, times, isPerSecond } = measure;
  if (field === undefined) return flows.length;
  const values = flows.flatMap((flow) => valuesOf(flow, field));
  const numbers = values.map(Number);
  const sum = numbers.reduce((total, value) => total + value, 0);
  switch (aggregation) {
    case 'sum':
      return (sum * times) / (isPerSecond ? seconds : 1);
    case 'max':
      return Math.max(...numbers);
    case 'min':
      return Math.min(...numbers);
    case 'average':
      return sum / numbers.length;
    case 'distinct':
      return new Set(values).size;
    default:
      throw new Error(`teach test/kibana/panel-sums.ts what ${aggregation} is`);
  }
}

export type GroupBy = (flow: KnownFlow) => readonly unknown[];

export function groupByField(field: string): GroupBy {
  return (flow) => valuesOf(flow, field);
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
  flows: readonly KnownFlow[],
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

export function toGroups(group: GroupBy, flows: readonly KnownFlow[]): Map<unknown, KnownFlow[]> {
  const groups = new Map<unknown, KnownFlow[]>();
  for (const flow of flows) for (const key of new Set(group(flow))) groups.set(key, [...(groups.get(key) ?? []), flow]);
  return groups;
}

/** The largest first; of the same size, the smaller name, as Elasticsearch has it. */
export function largest(
  measure: Measure,
  groups: ReadonlyMap<unknown, KnownFlow[]>,
): (readonly [unknown, KnownFlow[]])[] {
  return [...groups].sort(
    ([a, first], [b, second]) => toMeasured(measure, second) - toMeasured(measure, first) || compare(a, b),
  );
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : 1;
}

export function flowsOf(panel: Panel, flows: readonly KnownFlow[]): KnownFlow[] {
  return flows.filter((flow) => panel.filters.every(({ config }) => passes(flow, config)));
}
