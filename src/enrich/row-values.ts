// From the values of a row to the properties of the flow document: the rules of data/field-map.yml, value by value.
// Values that cannot be moved whole (repeated elements, wrong lengths) set `odd`, so that they are stored on their own.

import type { ColumnType, FieldValue, RecordHeader, Row } from '../model/record.ts';
import type { AddressCache } from './address-cache.ts';
import type { AddressFacts } from './address-facts.ts';
import { toIPv4Text } from './address-text.ts';
import type { Count, FlowDocument } from './flow-document.ts';
import type { AddressColumns, Alternative, ClientServerColumns, LayoutPlan, TimeSource } from './layout-plan.ts';
import { applicationText } from './stored-columns.ts';

export interface RowState {
  /** A value of this row could not be moved whole. */
  odd: boolean;
  /** The family whose addresses were not used although they are not zero. */
  unusedFamily: 4 | 6 | undefined;
}

export function readNumber(row: Row, columns: readonly number[], state: RowState): number | undefined {
  for (const column of columns) {
    const value = single(row[column], state);
    if (typeof value === 'number') return value;
  }
  return undefined;
}

/** Of a repeated element (outer and inner header of a tunnel) the first value serves. */
function single(value: FieldValue | undefined, state: RowState): FieldValue | undefined {
  if (typeof value !== 'object' || value === null) return value;
  state.odd = true;
  return Array.isArray(value) ? (value as readonly FieldValue[])[0] : undefined;
}

export function readAddresses(
  row: Row,
  flow: FlowDocument,
  { src4, dst4, src6, dst6, version }: AddressColumns,
  cache: AddressCache,
  state: RowState,
): void {
  const said = version < 0 ? undefined : single(row[version], state);
  const s4 = src4 < 0 ? undefined : single(row[src4], state);
  const d4 = dst4 < 0 ? undefined : single(row[dst4], state);
  const s6 = src6 < 0 ? undefined : single(row[src6], state);
  const d6 = dst6 < 0 ? undefined : single(row[dst6], state);
  const has4 = typeof s4 === 'number' || typeof d4 === 'number';
  const has6 = typeof s6 === 'string' || typeof d6 === 'string';
  const real4 = has4 && ((s4 ?? 0) !== 0 || (d4 ?? 0) !== 0);
  const real6 = has6 && ((s6 ?? '::') !== '::' || (d6 ?? '::') !== '::');
  if (has6 && (!has4 || said === 6 || (said !== 4 && !real4 && real6))) {
    flow.ipVersion = 6;
    if (typeof s6 === 'string') flow.src = cache.ipv6(s6);
    if (typeof d6 === 'string') flow.dst = cache.ipv6(d6);
    if (real4) markUnused(state, 4);
  } else if (has4) {
    flow.ipVersion = 4;
    if (typeof s4 === 'number') flow.src = cache.ipv4(s4);
    if (typeof d4 === 'number') flow.dst = cache.ipv4(d4);
    if (real6) markUnused(state, 6);
  } else if (said === 4 || said === 6) flow.ipVersion = said;
}

/** A client is the source, unless the record says that it is of the server's direction. */
export function readClientServer(
  row: Row,
  flow: FlowDocument,
  { direction, client, server, clientPort, serverPort }: ClientServerColumns,
  cache: AddressCache,
  state: RowState,
): void {
  const clientFacts = readFacts(row, client, cache, state);
  const serverFacts = readFacts(row, server, cache, state);
  const version = clientFacts?.version ?? serverFacts?.version;
  if (version === undefined) return;
  flow.ipVersion = version;
  const isReverse = direction >= 0 && single(row[direction], state) === 2;
  flow.server = isReverse ? 'src' : 'dst';
  flow.src = isReverse ? serverFacts : clientFacts;
  flow.dst = isReverse ? clientFacts : serverFacts;
  flow.srcPort = readNumber(row, isReverse ? serverPort : clientPort, state);
  flow.dstPort = readNumber(row, isReverse ? clientPort : serverPort, state);
}

/** The first address that is not zero. */
function readFacts(
  row: Row,
  columns: readonly number[],
  cache: AddressCache,
  state: RowState,
): AddressFacts | undefined {
  for (const column of columns) {
    const value = single(row[column], state);
    if (typeof value === 'number' && value !== 0) return cache.ipv4(value);
    if (typeof value === 'string' && value !== '::') return cache.ipv6(value);
  }
  return undefined;
}

function markUnused(state: RowState, family: 4 | 6): void {
  state.odd = true;
  state.unusedFamily = family;
}

/** The first alternative that is not zero, else zero when one of them is there at all. */
export function readCount(
  row: Row,
  alternatives: readonly Alternative[],
  sameTraffic: LayoutPlan['sameTraffic'],
  state: RowState,
): Count | undefined {
  let first: Count | undefined;
  for (const alternative of alternatives) {
    const value = sumOf(row, alternative, sameTraffic, state);
    if (value !== undefined && value !== 0) return value;
    first ??= value;
  }
  return first;
}

function sumOf(
  row: Row,
  { columns, constant, twins }: Alternative,
  sameTraffic: LayoutPlan['sameTraffic'],
  state: RowState,
): Count | undefined {
  if (columns.length === 0) return constant;
  const once = twins.length > 0 && sameTraffic !== undefined && isSameTraffic(row, sameTraffic);
  let sum: Count | undefined;
  for (const column of columns) {
    if (once && twins.includes(column)) continue;
    const value = single(row[column], state);
    if (typeof value === 'number' || (typeof value === 'string' && /^\d{1,20}$/.test(value))) {
      sum = sum === undefined ? value : addCounts(sum, value);
    }
  }
  return sum;
}

function isSameTraffic(
  row: Row,
  [bytes, postBytes, packets, postPackets]: readonly [number, number, number, number],
): boolean {
  return (
    (bytes < 0 || postBytes < 0 || row[bytes] === row[postBytes]) &&
    (packets < 0 || postPackets < 0 || row[packets] === row[postPackets])
  );
}

function addCounts(a: Count, b: Count): Count {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
    if (!Number.isInteger(a) || !Number.isInteger(b)) return sum;
  }
  return (BigInt(a) + BigInt(b)).toString();
}

export function readSampling(
  row: Row,
  flow: FlowDocument,
  alternatives: readonly Alternative[],
  state: RowState,
): void {
  for (const alternative of alternatives) {
    const interval = intervalOf(row, alternative, state);
    if (interval === undefined || (interval === 0 && flow.samplingInterval !== undefined)) continue;
    flow.samplingInterval = interval;
    flow.samplingSource = alternative.joined ? 'options' : 'record';
    if (interval !== 0) return;
  }
}

function intervalOf(row: Row, { columns, constant, per }: Alternative, state: RowState): number | undefined {
  let sum = constant;
  for (const column of columns) {
    const value = single(row[column], state);
    if (typeof value !== 'number') return undefined;
    sum += value;
  }
  if (per < 0) return sum >= 0 && Number.isFinite(sum) ? sum : undefined;
  const divisor = single(row[per], state);
  const interval = typeof divisor === 'number' && divisor > 0 ? sum / divisor : -1;
  return interval >= 0 && Number.isFinite(interval) ? interval : undefined;
}

/** The first address that is not zero, else the first one. */
export function readAddressText(row: Row, columns: readonly number[], state: RowState): string | undefined {
  let first: string | undefined;
  for (const column of columns) {
    const value = single(row[column], state);
    if (typeof value === 'number' && value !== 0) return toIPv4Text(value);
    if (typeof value === 'string' && value !== '::') return value;
    if (typeof value === 'number') first ??= '0.0.0.0';
    else if (typeof value === 'string') first ??= value;
  }
  return first;
}

/** A flow proxy may leave the address of the exporter zero: then it is the sender. */
export function readExporter(row: Row, columns: readonly number[], sender: string, state: RowState): string {
  const address = readAddressText(row, columns, state);
  return address === undefined || address === '0.0.0.0' || address === '::' ? sender : address;
}

export function readText(
  row: Row,
  columns: readonly number[],
  types: readonly ColumnType[],
  state: RowState,
): string | undefined {
  for (const column of columns) {
    const value = single(row[column], state);
    if (typeof value === 'number' && Number.isFinite(value)) return String(value);
    if (typeof value !== 'string' || value === '') continue;
    const text = types[column] === 'bytes' ? applicationText(value) : value;
    if (text !== '0..0') return text;
  }
  return undefined;
}

/** The first source that has a number, as ms since 1970. Uptimes: RFC 3954 §8, with wraps as in stored-columns.ts. */
export function readTimeMs(
  row: Row,
  sources: readonly TimeSource[],
  { exportedAtMs, sysUptimeMs }: RecordHeader,
): number | undefined {
  for (const { column, form } of sources) {
    const value = row[column];
    if (typeof value !== 'number') continue;
    if (form === 'time') return value;
    if (form === 'delta') return exportedAtMs - value / 1000;
    if (sysUptimeMs !== undefined) return exportedAtMs - ((sysUptimeMs - value) | 0);
  }
  return undefined;
}

/** Columns of the address family that was not used although it is not zero. */
export function unusedAddresses(
  { src4, dst4, src6, dst6 }: AddressColumns,
  { unusedFamily }: RowState,
): readonly number[] {
  return unusedFamily === undefined ? [] : unusedFamily === 4 ? [src4, dst4] : [src6, dst6];
}
