// What is stored beside `flow`: which columns, under which names, in which form.
// Names: data/stored-names.tsv. Forms: ElastiFlow 3.5's documents.

import type { Column, ColumnType, FieldValue, Layout, RecordHeader, Row } from '../model/record.ts';
import { dropReasonName } from './drop-reasons.ts';
import type { FieldBudget } from './field-budget.ts';
import { type FieldMap, objectOf } from './field-map.ts';
import { hexText, isStorableTime, numberText, quoted, timeText, valueText } from './json-text.ts';

export interface StoredColumn {
  readonly column: number;
  readonly type: ColumnType;
  /** Unique within the object of the document. */
  readonly name: string;
  /** `moved`: stored only in rows where the value could not be moved whole (repeated elements, wrong lengths). */
  readonly when: 'always' | 'moved';
  /** False: stored in the object `unindexed`, whose names the index does not learn. */
  readonly isIndexed: boolean;
  readonly form:
    | 'value'
    | 'uptime'
    | 'milliseconds'
    | 'status'
    | 'application'
    | 'acl'
    | 'dscp'
    | 'ecn'
    | 'discardReason';
}

/** Member of an object of a protocol; nothing in it is searched. No element has this name. */
export const unindexedName = 'unindexed';

/** What the rows of a set say once, in the header: names that no column may take. */
const headerNames: Readonly<Record<Layout['protocol'], readonly string[]>> = {
  netflow5: ['version', 'flow_seq_num', 'engine_type', 'engine_id', 'sampling_algorithm', 'flow_records'],
  netflow9: ['version', 'flow_seq_num', 'flowset_id'],
  ipfix: ['version', 'flowset_id'],
  sflow5: ['sflow_type', 'sub_agent_id', 'source_id_type', 'source_id_index'],
};

export function planStored(
  layout: Layout,
  moved: ReadonlySet<number>,
  fieldMap: FieldMap,
  budget: FieldBudget,
): readonly StoredColumn[] {
  const object = objectOf(layout.protocol);
  const names = fieldMap.storedNames[object];
  // A name twice in an object is no valid document for Elasticsearch.
  const taken = new Set([...headerNames[layout.protocol], unindexedName]);
  const unique = (column: Column, index: number): string => {
    const name = names.get(column.name) ?? safeName(column.name);
    const free = [name, safeName(column.name), `${name}_${index}`].find((candidate) => !taken.has(candidate));
    const chosen = free ?? `column_${index}`;
    taken.add(chosen);
    return chosen;
  };
  return layout.columns.flatMap((column, index): StoredColumn[] => {
    const name = unique(column, index);
    const when = moved.has(index) ? 'moved' : 'always';
    const stored: StoredColumn = {
      column: index,
      type: column.type,
      name,
      when,
      // What is moved has names of the field map, which are few.
      isIndexed: when === 'moved' || budget.admit(object, name),
      form: formOf(layout, column),
    };
    if (layout.protocol !== 'sflow5' || column.name !== 'ipClassOfService') return [stored];
    // ElastiFlow's sFlow documents have the two parts of the octet.
    return [
      stored,
      { ...stored, name: 'ip_dscp', when: 'always', form: 'dscp' },
      { ...stored, name: 'ip_ecn', when: 'always', form: 'ecn' },
    ];
  });
}

function formOf({ protocol }: Layout, { name, type }: Column): StoredColumn['form'] {
  if (protocol === 'netflow5' || protocol === 'netflow9') {
    if (name === 'flowStartSysUpTime' || name === 'flowEndSysUpTime') return 'uptime';
    if (name === 'forwardingStatus') return 'status';
    if (name === 'v9:33000' || name === 'v9:33001') return 'acl';
    // flow_start_msec and flow_end_msec are `long` in ElastiFlow's indices; a date mapping takes milliseconds, too.
    if ((name === 'flowStartMilliseconds' || name === 'flowEndMilliseconds') && type === 'time') return 'milliseconds';
  }
  if (name === 'sflow.discardReason') return 'discardReason';
  return name === 'applicationId' && type === 'bytes' ? 'application' : 'value';
}

/** `9/12235` → `9_12235`, `v9:40005` → `v9_40005`, `sflow.drops` → `drops`: a dot would nest. */
function safeName(field: string): string {
  return field.replace(/^(?:weir|sflow)\./, '').replaceAll(/\W/g, '_');
}

/**
 * `key` is `,"name":`. Bytes that could not be read as the column's type are stored as `name_hex`: under the name itself the
 * index expects a number, an address or a date.
 */
export function storedText(
  key: string,
  value: FieldValue | undefined,
  stored: StoredColumn,
  header: RecordHeader,
): string {
  if (value === undefined || value === null) return '';
  const text = Array.isArray(value)
    ? listText(value as readonly FieldValue[], stored, header)
    : formText(value, stored, header);
  if (text !== undefined) return key + text;
  const hex = typeof value === 'object' ? hexText(value) : undefined;
  return hex === undefined ? '' : `${key.slice(0, -2)}_hex":${hex}`;
}

function listText(values: readonly FieldValue[], stored: StoredColumn, header: RecordHeader): string {
  const texts = values.map((value) => formText(value, stored, header));
  return `[${texts.filter((text) => text !== undefined).join()}]`;
}

function formText(value: FieldValue, { form, type }: StoredColumn, header: RecordHeader): string | undefined {
  if (typeof value === 'number') {
    switch (form) {
      case 'uptime':
        return switchedText(value, header);
      case 'milliseconds':
        return isStorableTime(value) ? String(Math.floor(value)) : undefined;
      case 'status':
        // RFC 7270 §4.12: two bits of status, six of reason.
        return `{"status":${(value >>> 6) & 3},"reason":${value & 63}}`;
      case 'dscp':
        return String((value >>> 2) & 63);
      case 'ecn':
        return String(value & 3);
      case 'discardReason':
        return quoted(dropReasonName(value));
    }
  }
  if (typeof value === 'string') {
    if (form === 'application') return quoted(applicationText(value));
    // Cisco ASA: hashes of the access list, its entry and its extended entry.
    if (form === 'acl' && value.length === 24) return quoted(value.replace(/^(.{8})(.{8})/, '$1-$2-'));
  }
  return form === 'status' ? undefined : valueText(value, type);
}

/**
 * RFC 3954 §8: first and last switched are uptimes. Both counters wrap after 49.7 days, and a flow may end a little after the
 * uptime of its datagram, so their difference is read as a signed 32-bit number.
 */
function switchedText(uptimeMs: number, { exportedAtMs, sysUptimeMs }: RecordHeader): string | undefined {
  return sysUptimeMs === undefined
    ? numberText(uptimeMs)
    : timeText(Math.floor(exportedAtMs) - ((sysUptimeMs - uptimeMs) | 0));
}

/** RFC 6759 §4: an octet of classification engine and the selector; engine 20 has an enterprise number between them. */
export function applicationText(hex: string): string {
  if (hex.length < 4 || hex.length > 26 || !/^[0-9a-f]+$/.test(hex)) return hex;
  const engine = Number.parseInt(hex.slice(0, 2), 16);
  if (engine === 20 && hex.length > 10) {
    return `20..${Number.parseInt(hex.slice(2, 10), 16)}..${BigInt(`0x${hex.slice(10)}`)}`;
  }
  return `${engine}..${BigInt(`0x${hex.slice(2)}`)}`;
}

/** Values that were to be moved and could not be moved whole, and those of `unused` columns. */
export function oddText(
  row: Row,
  columns: readonly StoredColumn[],
  unused: readonly number[],
  header: RecordHeader,
): string {
  let text = '';
  for (const stored of columns) {
    const value = row[stored.column];
    if (stored.when !== 'moved' || value === undefined || value === null) continue;
    if (typeof value === 'object' || unused.includes(stored.column)) {
      text += storedText(`,${quoted(stored.name)}:`, value, stored, header);
    }
  }
  return text;
}
