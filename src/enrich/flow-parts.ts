// A flow that is stored in parts (step `split`): which columns of its record differ from part to part, and their values in each.
// Counters are shared out by time, exactly: over all parts a column has the sum that it had. Forms of times: row-values.ts.

import type { FieldValue, Layout, RecordHeader, Row } from '../model/record.ts';
import { type FieldMap, objectOf } from './field-map.ts';
import type { Count } from './flow-document.ts';
import { planTimes, type TimeSource } from './layout-plan.ts';

/** Columns by their place in a layout. */
export interface PartColumns {
  readonly counters: readonly number[];
  readonly starts: readonly TimeSource[];
  readonly ends: readonly TimeSource[];
  readonly durations: readonly { readonly column: number; readonly perMs: number }[];
}

/** What of the flow is in a part, in whole ms: since 1970, and of the flow's duration. */
export interface FlowPart {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly flowStartMs: number;
  readonly flowEndMs: number;
}

/** IANA's counters of the packets of a flow, in either direction; those of the exporter's own work and of whole interfaces are none. */
const ianaCounter =
  /^(?!(?:reverse)?(?:exported|observed|ignored|notSent|ingress|egress)[A-Z])\w+(?:(?:Delta|Total)(?:Count|SumOfSquares)|SumDeltaMicroseconds)$|^(?:reverse)?(?:initiatorOctets|initiatorPackets|responderOctets|responderPackets|deltaFlowCount)$/i;

/** Names that vendors (and users) give to counters … */
const vendorCounter =
  /(?:^|_)(?:bytes|octets|packets|pkts)(?:_|$)|(?:Bytes|Octets|Packets)$|(?:octet|packet)(?:Delta|Total)Count|_retransmissions?(?:_count)?$/i;

/** … and to what looks like one: speeds, times, extremes, and counters of an interface or an accounting session. */
const noCounter = /rate|second|entropy|ratio|_us$|(?:^|_)(?:min|max|avg|average|mean)(?:_|$)|if_stat|radius|burst/i;

const durations: Readonly<Record<string, number>> = { flowDurationMilliseconds: 1, flowDurationMicroseconds: 1000 };

export function planParts({ columns, protocol }: Layout, fieldMap: FieldMap): PartColumns {
  const names = fieldMap.storedNames[objectOf(protocol)];
  const { fields } = fieldMap.protocols[protocol];
  const counted = new Set(
    ['flow.bytes', 'flow.packets'].flatMap((path) => fields.get(path) ?? []).flatMap(({ add }) => add),
  );
  const isCounter = (name: string): boolean => {
    if (counted.has(name) || ianaCounter.test(name)) return true;
    const stored = /[:/]/.test(name) ? names.get(name) : undefined;
    return stored !== undefined && vendorCounter.test(stored) && !noCounter.test(stored);
  };
  const find = (name: string, ...types: readonly string[]): number =>
    columns.findIndex((column) => column.name === name && types.includes(column.type));
  return {
    counters: columns.flatMap(({ name, type }, column) => (type === 'number' && isCounter(name) ? [column] : [])),
    starts: planTimes(find, 'flowStart'),
    ends: planTimes(find, 'flowEnd'),
    durations: Object.entries(durations).flatMap(([name, perMs]) => {
      const column = find(name, 'number');
      return column < 0 ? [] : [{ column, perMs }];
    }),
  };
}

/** Ends at whole multiples of `partMs`. There is at least one between start and end, or the flow is one part. */
export function cutFlow(startMs: number, endMs: number, partMs: number): readonly FlowPart[] {
  const flowStartMs = Math.floor(startMs);
  const flowEndMs = Math.floor(endMs);
  const count = partCount(flowStartMs, flowEndMs, partMs);
  const firstEnd = (Math.floor(flowStartMs / partMs) + 1) * partMs;
  return Array.from({ length: count }, (_, index) => ({
    index,
    count,
    startMs: index === 0 ? flowStartMs : firstEnd + (index - 1) * partMs,
    endMs: index === count - 1 ? flowEndMs : firstEnd + index * partMs,
    flowStartMs,
    flowEndMs,
  }));
}

/** Of whole ms: the multiples of `partMs` between start and end, and one. */
export function partCount(startMs: number, endMs: number, partMs: number): number {
  return Math.ceil(endMs / partMs) - Math.floor(startMs / partMs);
}

/** The row as it would be if the exporter had told this part alone. */
export function partRow(row: Row, columns: PartColumns, part: FlowPart, header: RecordHeader): Row {
  const { index, count, startMs, endMs } = part;
  const own: FieldValue[] = [...row];
  for (const column of columns.counters) own[column] = valueShare(own[column] ?? null, part);
  // The ends that the flow itself has may be finer than a millisecond.
  if (index > 0) for (const source of columns.starts) moveTime(own, source, startMs, header);
  if (index < count - 1) for (const source of columns.ends) moveTime(own, source, endMs, header);
  for (const { column, perMs } of columns.durations) {
    if (typeof own[column] === 'number') own[column] = (endMs - startMs) * perMs;
  }
  return own;
}

/** A list has the counters of several headers. */
function valueShare(value: FieldValue, part: FlowPart): FieldValue {
  if (Array.isArray(value)) return (value as readonly FieldValue[]).map((item) => valueShare(item, part));
  return typeof value === 'number' || typeof value === 'string'
    ? (shareOf(value, part) ?? null)
    : onlyFirst(value, part);
}

/** What is no count at all is not shared out: the first part has it, so that it is there once. */
function onlyFirst<T>(value: T, { index }: FlowPart): T | null {
  return index === 0 ? value : null;
}

/** Counted up to a moment is rounded up: a flow begins with a packet. Over all parts the shares have the sum `count`. */
export function shareOf(count: Count | undefined, part: FlowPart): Count | undefined {
  if (count === undefined) return undefined;
  if (typeof count === 'number' ? !Number.isSafeInteger(count) || count < 0 : !/^\d{1,20}$/.test(count)) {
    return onlyFirst(count, part) ?? undefined;
  }
  const { startMs, endMs, flowStartMs, flowEndMs } = part;
  const whole = flowEndMs - flowStartMs;
  if (typeof count === 'number' && count * whole <= Number.MAX_SAFE_INTEGER) {
    const upTo = (ms: number) => Math.ceil((count * (ms - flowStartMs)) / whole);
    return upTo(endMs) - upTo(startMs);
  }
  const [total, duration] = [BigInt(count), BigInt(whole)];
  const upTo = (ms: number) => (total * BigInt(ms - flowStartMs) + duration - 1n) / duration;
  const share = upTo(endMs) - upTo(startMs);
  return share <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(share) : share.toString();
}

function moveTime(row: FieldValue[], { column, form }: TimeSource, ms: number, header: RecordHeader): void {
  if (typeof row[column] !== 'number') return;
  const beforeExportMs = header.exportedAtMs - ms;
  if (form === 'time') row[column] = ms;
  else if (form === 'delta') row[column] = Math.round(beforeExportMs * 1000);
  else if (header.sysUptimeMs !== undefined) row[column] = (header.sysUptimeMs - Math.floor(beforeExportMs)) >>> 0;
}
