// Decoded sets → the same as if they had been sent at another time: when they were received and exported, and every time in the
// records, all by the same shift. What counts from one of these (uptimes) stays as it is.

import type { FieldValue, Layout, RecordSet, Row } from '../../model/record.ts';

export type ShiftTimes = (sets: readonly RecordSet[], shiftMs: number) => readonly RecordSet[];

export function createShiftTimes(): ShiftTimes {
  const timeColumns = new WeakMap<Layout, readonly number[]>();

  function timeColumnsOf(layout: Layout): readonly number[] {
    let columns = timeColumns.get(layout);
    if (columns === undefined) {
      columns = layout.columns.flatMap(({ type }, index) => (type === 'time' ? [index] : []));
      timeColumns.set(layout, columns);
    }
    return columns;
  }

  return (sets, shiftMs) =>
    shiftMs === 0
      ? sets
      : sets.map(({ layout, header, rows }) => {
          const columns = timeColumnsOf(layout);
          return {
            layout,
            header: {
              ...header,
              receivedAtMs: header.receivedAtMs + shiftMs,
              exportedAtMs: header.exportedAtMs + shiftMs,
            },
            rows: columns.length === 0 ? rows : rows.map((row) => shiftRow(row, columns, shiftMs)),
          };
        });
}

function shiftRow(row: Row, columns: readonly number[], shiftMs: number): Row {
  const shifted = [...row];
  for (const column of columns) shifted[column] = shiftValue(row[column] ?? null, shiftMs);
  return shifted;
}

/** 0 stands for "no time" where exporters have none. */
function shiftValue(value: FieldValue, shiftMs: number): FieldValue {
  if (typeof value === 'number') return value === 0 ? 0 : value + shiftMs;
  return Array.isArray(value) ? value.map((each: FieldValue) => shiftValue(each, shiftMs)) : value;
}
