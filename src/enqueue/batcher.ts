// Closes a batch at N records, M bytes or T ms, whichever comes first; loses, doubles and reorders nothing.
// Sets in, batches out. Layouts are named once per batch.

import type { ColumnType, Layout, RecordSet, Row } from '../model/record.ts';
import type { BatchSet, RecordBatch } from '../model/record-batch.ts';

export interface BatcherOptions {
  readonly maxRecords: number;
  /** A batch is closed when its estimated size reaches this; one row more may be in it. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** Makes the ids of this batcher unlike those of every other one, on any machine, at any time. */
  readonly idPrefix: string;
  readonly onBatch: (batch: RecordBatch) => void;
}

export interface Batcher {
  add(set: RecordSet, nowMs: number): void;
  /** Closes the open batch if so many records more do not fit: then those of one datagram stay together, unless they alone fill one. */
  makeRoom(records: number): void;
  /** Closes the open batch if it is old enough. */
  tick(nowMs: number): void;
  /** Closes the open batch, whatever is in it. */
  flush(): void;
  /** Something waits for a batch to be closed. */
  isOpen(): boolean;
}

export function createBatcher({ maxRecords, maxBytes, maxAgeMs, idPrefix, onBatch }: BatcherOptions): Batcher {
  let sequence = 0;
  let openedAtMs = 0;
  let recordCount = 0;
  let byteSize = 0;
  let layouts: Layout[] = [];
  let sets: BatchSet[] = [];

  function add(set: RecordSet, nowMs: number): void {
    const { rows } = set;
    let first = 0;
    while (first < rows.length) {
      if (recordCount === 0) openedAtMs = nowMs;
      let next = first;
      while (next < rows.length && recordCount < maxRecords && byteSize < maxBytes) {
        byteSize += rowBytes(set.layout, rows[next]!);
        recordCount += 1;
        next += 1;
      }
      sets.push({
        layout: layoutIndex(set.layout),
        header: set.header,
        rows: first === 0 && next === rows.length ? rows : rows.slice(first, next),
      });
      first = next;
      if (recordCount >= maxRecords || byteSize >= maxBytes) flush();
    }
  }

  function makeRoom(records: number): void {
    if (recordCount === 0) return;
    const isFull = recordCount + records > maxRecords || byteSize * (1 + records / recordCount) > maxBytes;
    if (isFull) flush();
  }

  function layoutIndex(layout: Layout): number {
    // A batch has few layouts, and a set mostly has the layout of the set before.
    const index = layouts.lastIndexOf(layout);
    return index >= 0 ? index : layouts.push(layout) - 1;
  }

  function flush(): void {
    if (recordCount === 0) return;
    const id = `${idPrefix}${sequence.toString(36)}`;
    const batch: RecordBatch = { id, createdAtMs: openedAtMs, recordCount, byteSize, layouts, sets };
    sequence += 1;
    recordCount = 0;
    byteSize = 0;
    layouts = [];
    sets = [];
    onBatch(batch);
  }

  function tick(nowMs: number): void {
    // A clock that was set back must not hold the batch for hours.
    if (recordCount > 0 && (nowMs - openedAtMs >= maxAgeMs || nowMs < openedAtMs)) flush();
  }

  return { add, makeRoom, tick, flush, isOpen: () => recordCount > 0 };
}

/** Bytes that a value takes in a V8 heap: 8 in the row, 16 more where it does not fit a small integer. */
const columnBytes: Readonly<Record<ColumnType, number>> = {
  number: 8,
  boolean: 8,
  ipv4: 24,
  mac: 24,
  time: 24,
  ipv6: 64,
  text: 32,
  bytes: 32,
  list: 200,
};

const rowHeadBytes = 32;

interface LayoutSize {
  readonly fixed: number;
  /** Columns whose values may be long. */
  readonly open: readonly number[];
}

const layoutSizes = new WeakMap<Layout, LayoutSize>();

function rowBytes(layout: Layout, row: Row): number {
  let size = layoutSizes.get(layout);
  if (size === undefined) {
    size = toLayoutSize(layout);
    layoutSizes.set(layout, size);
  }
  let bytes = size.fixed;
  for (const column of size.open) {
    const value = row[column];
    if (typeof value === 'string') bytes += value.length;
    else if (typeof value === 'object' && value !== null) bytes += JSON.stringify(value).length;
  }
  return bytes;
}

function toLayoutSize({ columns }: Layout): LayoutSize {
  let fixed = rowHeadBytes;
  const open: number[] = [];
  columns.forEach(({ type }, index) => {
    fixed += columnBytes[type];
    if (type === 'text' || type === 'bytes' || type === 'list') open.push(index);
  });
  return { fixed, open };
}
