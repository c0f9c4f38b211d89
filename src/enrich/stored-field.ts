// One stored path as conditions, templates and steps see it: its type, how its value is read with what steps changed,
// and how it is written. The paths: document-fields.ts, and `labels.*`, the fields of the user's own.

import { readAddressWords } from './address-words.ts';
import { didYouMeanField } from './did-you-mean.ts';
import { documentFieldNames, fieldReader, plainFieldOf } from './document-fields.ts';
import type { FlowDocument, PropertyOf } from './flow-document.ts';

/** `place`: a location, which has no order and no text. */
export type FieldType = 'number' | 'text' | 'address' | 'boolean' | 'time' | 'place';

export interface StoredField {
  readonly path: string;
  readonly type: FieldType;
  /** The value as it will be stored, or a list of values; undefined: absent. */
  readonly read: (flow: FlowDocument) => unknown;
  /** The property that alone makes the value: it may be read and set without `read`. */
  readonly property: keyof FlowDocument | undefined;
  /** Code that gives the value of a flow without changes, for fields that conditions ask for most. */
  readonly code?: string;
}

const codes: Readonly<Record<string, string>> = {
  'flow.src_addr': 'flow.src?.text',
  'flow.dst_addr': 'flow.dst?.text',
};

/** Names of labels, as in ECS: flat, so that no label is an object in one document and a text in another. */
const labelPath = /^labels\.([A-Za-z_][\w-]{0,63})$/;

const numbers =
  /^flow\.(?:.*_)?(?:asn|port|port_trans|bytes|packets|snmp|tos|vlan|mask_len|interval|bgp_valid_state|.*_(?:ms|mtu|speed))$/;
const addresses = /(?:_addr|_addr_trans|_hop|\.ipaddr|^event\.host)$/;

/** The field at a path, or what is wrong with the path. */
export function storedField(path: string): StoredField | string {
  const label = labelPath.exec(path)?.[1];
  if (label !== undefined) {
    return { path, type: 'text', property: undefined, read: ({ changes }) => changes.labels.get(label) };
  }
  if (path.startsWith('labels.')) {
    return `expected the name of a label after "labels.": letters, digits, "_" and "-", at most 64, not ${JSON.stringify(path.slice(7, 80))}`;
  }
  const read = fieldReader(path);
  if (read === undefined) return unknownField(path);
  const plain = plainFieldOf(path);
  if (plain !== undefined) return { path, type: typeOfField(path), property: plain.property, read };
  return {
    path,
    type: typeOfField(path),
    property: undefined,
    ...(codes[path] !== undefined && { code: codes[path] }),
    read: (flow) => {
      if (!flow.changes.isUsed) return read(flow);
      const change = flow.changes.fields.get(path);
      return change === undefined ? read(flow) : (change ?? undefined);
    },
  };
}

/** A path of the table; fields that are plain numbers say so themselves. */
export function typeOfField(path: string): FieldType {
  if (plainFieldOf(path)?.kind === 'number' || numbers.test(path)) return 'number';
  if (addresses.test(path)) return 'address';
  if (path === '@timestamp') return 'time';
  if (path === 'flow.canonical') return 'boolean';
  return path.endsWith('_geo_location') ? 'place' : 'text';
}

export function unknownField(path: string): string {
  const shown = path.length > 60 ? `${path.slice(0, 60)}…` : path;
  // Which of them there are, and of what type, is known only when a template comes.
  if (recordPath.test(path)) {
    return `the field ${JSON.stringify(shown)} is the record's own, without a type: steps can remove it, not read it; what they read stands in "flow", "node", "event" and "labels"`;
  }
  return `unknown field ${JSON.stringify(shown)}${didYouMeanField(path, [...documentFieldNames(), 'labels.…'])}`;
}

export interface TargetType {
  readonly type: 'number' | 'text' | 'address';
  /** Of a number: it is whole, and 0 to so much. */
  readonly max?: number;
}

export interface FieldTarget extends TargetType {
  readonly path: string;
  /** A value of the type, as `targetValue` gave it; undefined takes the field out. */
  readonly set: (flow: FlowDocument, value: string | number | undefined) => void;
}

/** What names the document, its index and its account stays as it is. */
const fixedPaths: ReadonlySet<string> = new Set([
  '@timestamp',
  'event.host',
  'event.type',
  'node.ipaddr',
  'flow.split_part',
  'flow.split_parts',
]);

/** Fields whose text form is made of more than the property. */
const settable: Readonly<Record<string, PropertyOf<string>>> = {
  'node.hostname': 'exporterHostname',
  'flow.input_ifname': 'inputIfname',
  'flow.output_ifname': 'outputIfname',
};

/** Fields of the record that are stored beside `flow`: they can be taken out, not set. */
const recordPath = /^(?:netflow|ipfix|sflow)\.\w{1,128}$/;

/** How a path is written, or what is wrong with it. */
export function fieldTarget(path: string): FieldTarget | string {
  const label = labelPath.exec(path)?.[1];
  if (label !== undefined) {
    return {
      path,
      type: 'text',
      set: ({ changes }, value) => changes.setLabel(label, value === undefined ? undefined : String(value)),
    };
  }
  if (fixedPaths.has(path)) return `the field "${path}" can't be changed: index and account of a document go by it`;
  if (recordPath.test(path)) return `the field "${path}" is the record's own: it can be removed, not set`;
  const field = storedField(path);
  if (typeof field === 'string') return field;
  const { type, property } = field;
  if (type === 'place' || type === 'time' || type === 'boolean') return `the field "${path}" can't be set`;
  const own = property ?? settable[path];
  const typed = { path, type, ...(type === 'number' && { max: maxOf(path) }) };
  if (own === undefined) return { ...typed, set: ({ changes }, value) => changes.setField(path, value ?? null) };
  return {
    ...typed,
    set: (flow, value) => {
      (flow as unknown as Record<string, unknown>)[own] = value;
      // What was taken out before is back.
      if (flow.changes.isUsed) flow.changes.fields.delete(path);
    },
  };
}

/** How a path is taken out of the document, or what is wrong with it. */
export function fieldRemoval(path: string): ((flow: FlowDocument) => void) | string {
  if (recordPath.test(path)) return ({ changes }) => changes.setField(path, null);
  const target = fieldTarget(path);
  if (typeof target !== 'string') {
    // The name of an interface is made of its number where there is none.
    if (settable[path] === undefined) return (flow) => target.set(flow, undefined);
    return ({ changes }) => changes.setField(path, null);
  }
  const field = storedField(path);
  if (typeof field === 'string' || (field.type !== 'place' && field.type !== 'boolean')) return target;
  return ({ changes }) => changes.setField(path, null);
}

/** What the field of a packet, or of a record, has room for; all other numbers are counters. */
const largest: readonly (readonly [path: RegExp, max: number])[] = [
  [/_port(?:_trans)?$/, 65_535],
  [/_vlan$|\.vlan$/, 4095],
  [/\.tos$|_valid_state$/, 255],
  [/_mask_len$/, 128],
  [/_asn$|_snmp$|_interval$/, 2 ** 32 - 1],
];

function maxOf(path: string): number {
  return largest.find(([pattern]) => pattern.test(path))?.[1] ?? Number.MAX_SAFE_INTEGER;
}

const words = new Uint32Array(4);

/** Text of a file, or a number, as a value of the type; undefined: it is none. */
export function targetValue(
  { type, max = Number.MAX_SAFE_INTEGER }: TargetType,
  value: string | number,
): string | number | undefined {
  if (type === 'text') return String(value);
  if (type === 'address') return readAddressWords(String(value), words) > 0 ? String(value) : undefined;
  const number = typeof value === 'number' ? value : /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 && number <= max ? number : undefined;
}

/** What `targetValue` takes: `a whole number from 0 to 65535`. */
export function targetNoun({ type, max = Number.MAX_SAFE_INTEGER }: TargetType): string {
  if (type === 'text') return 'a text';
  if (type === 'address') return 'an IP address';
  return max === Number.MAX_SAFE_INTEGER ? 'a whole number' : `a whole number from 0 to ${max}`;
}
