// Lists of addresses and subnets with labels, as they are published: text (one per line), CSV, YAML (ElastiFlow's
// ip_rep_basic.yml: address → labels), JSON (MISP events and warning lists, arrays, an object per line).

import { extname } from 'node:path';
import type { LabelledAddress } from './address-labels.ts';
import { readAddressRange } from './address-words.ts';
import { readCsvRows } from './csv-rows.ts';
import { type DataRead, type LineMistake, noteMistake, shown } from './data-file.ts';
import { readFlatEntries } from './flat-entries.ts';
import { itemsAtOnce, linesOf, type Slices } from './slices.ts';
import { nameMistake } from './table-files.ts';

export const listFormats = ['text', 'csv', 'yaml', 'json'] as const;

export type ListFormat = (typeof listFormats)[number];

export interface ListShape {
  /** Undefined: by the ending of the name, else by the first character. */
  readonly format: ListFormat | undefined;
  /** Columns of CSV by their names in its first line. Undefined: the first one that has an address; the one called label or the like. */
  readonly addressColumn: string | undefined;
  readonly labelColumn: string | undefined;
  /** Labels of all entries; where there are none, the entries' own, and where those are missing, too, the name of the list. */
  readonly labels: readonly string[];
  readonly name: string;
}

/** A million addresses take 100 MB. What is beyond is not used, and said. */
const maxListEntries = 1_000_000;

/** More labels than an entry has. */
const maxLabelsPerEntry = 16;

export function* readReputationList(text: string, path: string, shape: ListShape): Slices<DataRead<LabelledAddress>> {
  const list = createList(shape);
  switch (shape.format ?? formatOf(text, path)) {
    case 'csv':
      yield* readCsv(text, shape, list);
      break;
    case 'yaml':
      yield* readYaml(text, list);
      break;
    case 'json':
      yield* readJson(text, list);
      break;
    case 'text':
      yield* readText(text, list);
      break;
  }
  return list;
}

interface OpenList extends DataRead<LabelledAddress> {
  readonly entries: LabelledAddress[];
  readonly mistakes: LineMistake[];
  add(line: number, address: string, ownLabels: readonly string[]): void;
}

function createList({ labels, name }: ListShape): OpenList {
  const entries: LabelledAddress[] = [];
  const mistakes: LineMistake[] = [];
  const known = new Map<string, readonly string[]>();
  const fallback = labels.length > 0 ? labels : [name];

  function labelsOf(own: readonly string[]): readonly string[] | string {
    if (own.length === 0) return fallback;
    // As one text, for lists repeat their few labels on each line.
    const key = own.join('\n');
    const made = known.get(key);
    if (made !== undefined) return made;
    const wrong = own.map(nameMistake).find((mistake) => mistake !== undefined);
    if (wrong !== undefined) return wrong.replace('the name', 'a label');
    const all = [...new Set([...labels, ...own])].slice(0, maxLabelsPerEntry);
    known.set(key, all);
    return all;
  }

  return {
    entries,
    mistakes,
    add(line, address, own) {
      if (entries.length >= maxListEntries) {
        if (entries.length === maxListEntries) noteMistake(mistakes, line, `more than ${maxListEntries} entries`);
        return;
      }
      if (readAddressRange(address) === undefined) {
        noteMistake(mistakes, line, `expected an address or a subnet, got ${shown(address)}`);
        return;
      }
      const found = labelsOf(own);
      if (typeof found === 'string') noteMistake(mistakes, line, found);
      else entries.push({ address, labels: found });
    },
  };
}

function formatOf(text: string, path: string): ListFormat {
  const ending = extname(path).toLowerCase();
  if (ending === '.csv' || ending === '.tsv') return 'csv';
  if (ending === '.yml' || ending === '.yaml') return 'yaml';
  if (ending === '.json' || ending === '.ndjson' || ending === '.jsonl') return 'json';
  return /^\s*[[{]/.test(text.slice(0, 1000)) ? 'json' : 'text';
}

/** The first word of each line; `#` and `;` begin comments. */
function* readText(text: string, list: OpenList): Slices<void> {
  let number = 0;
  for (const line of linesOf(text)) {
    if (++number % itemsAtOnce === 0) yield;
    const word = /^\s*([^\s#;]+)/.exec(line)?.[1];
    if (word !== undefined) list.add(number, word.split(',', 1)[0] ?? '', []);
  }
}

function* readYaml(text: string, list: OpenList): Slices<void> {
  const { entries, mistakes } = yield* readFlatEntries(text);
  list.mistakes.push(...mistakes);
  for (const { group, key, value, line } of entries) {
    if (line % itemsAtOnce === 0) yield;
    // Below a key: addresses of a label, or labels of an address.
    if (group === undefined) list.add(line, key, splitLabels(value));
    else if (readAddressRange(group) !== undefined) list.add(line, group, [key]);
    else list.add(line, key, [group, ...splitLabels(value)]);
  }
}

/** `botnet, scanner` or `[botnet, scanner]`. */
function splitLabels(text: string): readonly string[] {
  return text
    .replace(/^\[(.*)\]$/, '$1')
    .split(',', maxLabelsPerEntry)
    .map((label) => label.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .filter((label) => label !== '');
}

const labelColumns = ['label', 'labels', 'tag', 'tags', 'category', 'categories', 'malware', 'threat', 'type'];

function* readCsv(text: string, { addressColumn, labelColumn }: ListShape, list: OpenList): Slices<void> {
  const { entries: rows, mistakes } = yield* readCsvRows(text);
  list.mistakes.push(...mistakes);
  const [first] = rows;
  if (first === undefined) return;
  const isAddress = (field: string): boolean => readAddressRange(field) !== undefined;
  const hasHeader = addressColumn !== undefined || labelColumn !== undefined || !first.fields.some(isAddress);
  const header = hasHeader ? first.fields.map((field) => field.toLowerCase()) : [];
  const data = hasHeader ? rows.slice(1) : rows;
  const addressAt =
    addressColumn === undefined
      ? (data.find(({ fields }) => fields.some(isAddress))?.fields.findIndex(isAddress) ?? 0)
      : header.indexOf(addressColumn.toLowerCase());
  const labelAt =
    labelColumn === undefined
      ? hasHeader || first.fields.length !== 2
        ? header.findIndex((name) => labelColumns.includes(name))
        : 1 - addressAt
      : header.indexOf(labelColumn.toLowerCase());
  for (const [column, at] of [
    [addressColumn, addressAt],
    [labelColumn, labelAt],
  ] as const) {
    if (column !== undefined && at < 0) noteMistake(list.mistakes, first.line, `there is no column ${shown(column)}`);
  }
  if (addressAt < 0) return;
  for (const { fields, line } of data) {
    if (line % itemsAtOnce === 0) yield;
    list.add(line, fields[addressAt] ?? '', labelAt < 0 ? [] : splitLabels(fields[labelAt] ?? ''));
  }
}

function* readJson(text: string, list: OpenList): Slices<void> {
  const whole = parse(text);
  if (whole !== undefined) {
    yield* walk(whole, 1, [], list, 0);
    return;
  }
  let number = 0;
  for (const line of linesOf(text)) {
    if (++number % itemsAtOnce === 0) yield;
    if (line.trim() === '') continue;
    const value = parse(line);
    if (value === undefined) noteMistake(list.mistakes, number, `not JSON: ${shown(line.trim())}`);
    else yield* walk(value, number, [], list, 0);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** MISP: response, event, objects, attributes. */
const maxDepth = 8;

/** Where the entries of a list are, by what others call it; MISP's first. */
const containers = ['response', 'Event', 'Object', 'Attribute', 'list', 'data', 'entries', 'objects'];
const addressKeys = ['value', 'ip', 'cidr', 'address', 'ip_address', 'ipAddress', 'network', 'prefix'];

function* walk(value: unknown, line: number, labels: readonly string[], list: OpenList, depth: number): Slices<void> {
  if (depth > maxDepth) return;
  if (typeof value === 'string') list.add(line, value.trim(), labels);
  else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (i % itemsAtOnce === itemsAtOnce - 1) yield;
      yield* walk(value[i], line, labels, list, depth + 1);
    }
  } else if (typeof value === 'object' && value !== null) {
    const record = value as Readonly<Record<string, unknown>>;
    const own = [...labels, ...labelsIn(record)].slice(0, maxLabelsPerEntry);
    const address = addressKeys.map((key) => record[key]).find((found) => typeof found === 'string');
    // MISP has attributes of many types: files, domains. `ip-dst|port` has both in its value.
    const isOther = typeof record['type'] === 'string' && 'value' in record && !/^ip-(?:src|dst)/.test(record['type']);
    if (typeof address === 'string' && !isOther) list.add(line, address.split('|', 1)[0] ?? '', own);
    for (const key of containers) {
      const inner = record[key];
      if (typeof inner === 'object' && inner !== null) yield* walk(inner, line, own, list, depth + 1);
    }
  }
}

/** `Tag: [{ name }]` of MISP, `tags`, `labels`, `category` of others. */
function labelsIn(record: Readonly<Record<string, unknown>>): readonly string[] {
  return ['Tag', 'tags', 'labels', 'label'].flatMap((key) => {
    const value = record[key];
    if (typeof value === 'string') return splitLabels(value);
    if (!Array.isArray(value)) return [];
    return (value as readonly unknown[]).slice(0, maxLabelsPerEntry).flatMap((item) => {
      if (typeof item === 'string') return [item];
      const name = typeof item === 'object' && item !== null ? (item as Readonly<Record<string, unknown>>)['name'] : '';
      return typeof name === 'string' && name !== '' ? [name] : [];
    });
  });
}
