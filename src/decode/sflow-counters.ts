// The counter records inside an sFlow v5 counter sample → one row. sFlow v5 specification §5.3 (counter data) and its extensions.
// Which records there are, and their columns: sflow-counter-structures.ts.

import type { FieldValue, Layout, Row } from '../model/record.ts';
import { toLayout } from './sflow-columns.ts';
import { counterStructures } from './sflow-counter-structures.ts';
import { uint32At } from './wire-numbers.ts';
import { formatText, paddedEnd } from './xdr-data.ts';
import { readStructure } from './xdr-structure.ts';

const indexOfFormat = new Map(counterStructures.map(({ format }, index) => [format, index]));

export interface CounterReader {
  /** Reads up to `count` records from `bytes[at..end)`. A record that is broken or unknown is skipped. */
  read(
    bytes: Buffer,
    at: number,
    end: number,
    count: number,
  ): { readonly layout: Layout; readonly row: Row; readonly wrong: string | undefined };
}

/** Interfaces, hosts, virtual machines and applications of one agent make about ten combinations of records. */
const defaultMaxLayouts = 64;

export function createCounterReader(maxLayouts = defaultMaxLayouts): CounterReader {
  /** By the records in a sample. Beyond the limit, which takes crafted samples, all columns are written. */
  const layouts = new Map<string, Layout>();
  let everything: Layout | undefined;
  const values: (FieldValue[] | undefined)[] = new Array<undefined>(counterStructures.length).fill(undefined);

  function read(bytes: Buffer, at: number, end: number, count: number): ReturnType<CounterReader['read']> {
    let wrong: string | undefined;
    values.fill(undefined);
    for (let i = 0; i < count; i++) {
      if (at + 8 > end) {
        wrong ??= `the sample ends after ${i} of ${count} records`;
        break;
      }
      const format = uint32At(bytes, at);
      const length = uint32At(bytes, at + 4);
      const start = at + 8;
      if (length > end - start) {
        wrong ??= `record ${i} of format ${formatText(format)} has ${length} bytes, the sample has ${end - start} left`;
        break;
      }
      const index = indexOfFormat.get(format);
      if (index !== undefined && values[index] === undefined) {
        const structure = counterStructures[index]!;
        const record = new Array<FieldValue>(structure.columns.length).fill(null);
        if (readStructure(bytes, start, start + length, structure, record)) values[index] = record;
        else wrong ??= `record ${i} of format ${formatText(format)} is not whole in its ${length} bytes`;
      }
      at = paddedEnd(start + length, start, end);
    }
    const layout = layoutOfValues();
    const row: FieldValue[] = [];
    values.forEach((record, index) => {
      if (record !== undefined) for (const value of record) row.push(value);
      else if (layout === everything) for (const _ of counterStructures[index]!.columns) row.push(null);
    });
    return { layout, row, wrong };
  }

  function layoutOfValues(): Layout {
    const there = counterStructures.filter((_, index) => values[index] !== undefined);
    const key = there.map(({ format }) => format).join();
    const known = layouts.get(key);
    if (known !== undefined) return known;
    if (layouts.size >= maxLayouts) {
      everything ??= toLayout(
        'counters',
        counterStructures.flatMap(({ columns }) => columns),
      );
      return everything;
    }
    const layout = toLayout(
      'counters',
      there.flatMap(({ columns }) => columns),
    );
    layouts.set(key, layout);
    return layout;
  }

  return { read };
}
