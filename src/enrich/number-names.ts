// Names of numbers (interfaces, VLANs), for one exporter, a subnet of exporters, or all: of several, the longest prefix that
// contains the exporter counts, then those for all. Read from YAML and CSV.

import { readCsvRows } from './csv-rows.ts';
import { type DataRead, isYaml, noteMistake, shown } from './data-file.ts';
import { readFlatEntries } from './flat-entries.ts';
import { createPrefixTable, readPrefix } from './prefix-table.ts';
import { createRecentMap } from './recent-map.ts';
import { itemsAtOnce, type Slices } from './slices.ts';
import { nameMistake } from './table-files.ts';

export interface NumberName {
  /** Subnet or address; undefined: all exporters. */
  readonly exporter: string | undefined;
  readonly number: number;
  readonly name: string;
}

export interface NumberNames {
  lookup(exporter: string, number: number): string | undefined;
}

/** Exporters whose names were found: as many as the ledger counts; spoofed ones push others out, no more. */
const maxRemembered = 10_000;

const noNames: ReadonlyMap<number, string> = new Map();

/** Of two names for the same number the last one counts. */
export function* createNumberNames(entries: readonly NumberName[]): Slices<NumberNames> {
  const common = new Map<number, string>();
  const own = new Map<string, Map<number, string>>();
  for (const [index, { exporter, number, name }] of entries.entries()) {
    if (index % itemsAtOnce === 0) yield;
    if (exporter === undefined) common.set(number, name);
    else {
      let names = own.get(exporter);
      if (names === undefined) {
        names = new Map();
        own.set(exporter, names);
      }
      names.set(number, name);
    }
  }
  const table = createPrefixTable(own);
  const remembered = createRecentMap<string, ReadonlyMap<number, string>>(maxRemembered);
  let last = '';
  let lastNames = noNames;

  function lookup(exporter: string, number: number): string | undefined {
    if (exporter !== last) {
      last = exporter;
      lastNames = remembered.get(exporter) ?? remembered.add(exporter, table.lookup(exporter) ?? noNames);
    }
    return lastNames.get(number) ?? common.get(number);
  }

  return { lookup };
}

export interface NumberNameFormat {
  /** "an interface number". */
  readonly what: string;
  readonly max: number;
  /** Takes apart a key of another form: ElastiFlow's `192.0.2.11::ifName.2`. */
  readonly splitKey?: (key: string) => { readonly exporter: string; readonly number: string } | undefined;
  /** A key may be a number alone, for all exporters. */
  readonly isCommonAllowed: boolean;
}

/** YAML: `exporter:` with `number: name` below it, or `number: name`. CSV: exporter, number, name, or number, name. */
export function* readNumberNames(text: string, path: string, format: NumberNameFormat): Slices<DataRead<NumberName>> {
  const { what, max, splitKey, isCommonAllowed } = format;
  const entries: NumberName[] = [];
  const mistakes: { line: number; message: string }[] = [];

  function add(line: number, exporter: string | undefined, numberText: string, name: string): void {
    const number = /^\d{1,10}$/.test(numberText) ? Number(numberText) : -1;
    const message =
      exporter === undefined && !isCommonAllowed
        ? `the exporter of ${shown(numberText)} is missing`
        : exporter !== undefined && readPrefix(exporter) === undefined
          ? `expected the address of an exporter, or a subnet, got ${shown(exporter)}`
          : number < 0 || number > max
            ? `expected ${what}, 0 to ${max}, got ${shown(numberText)}`
            : nameMistake(name);
    if (message === undefined) entries.push({ exporter, number, name });
    else noteMistake(mistakes, line, message);
  }

  if (!isYaml(path) && /\.(?:csv|tsv)$/i.test(path)) {
    const rows = yield* readCsvRows(text);
    mistakes.push(...rows.mistakes);
    for (const [index, { fields, line }] of rows.entries.entries()) {
      const [exporter, number, name] = fields.length >= 3 ? fields : [undefined, ...fields];
      if (index % itemsAtOnce === 0) yield;
      // A first line without a number is the header.
      if (index === 0 && !/^\d+$/.test(number ?? '')) continue;
      add(line, exporter, number ?? '', name ?? '');
    }
    return { entries, mistakes };
  }
  const flat = yield* readFlatEntries(text);
  mistakes.push(...flat.mistakes);
  for (const { group, key, value, line } of flat.entries) {
    if (line % itemsAtOnce === 0) yield;
    const split = group === undefined ? splitKey?.(key) : undefined;
    add(line, split?.exporter ?? group, split?.number ?? key, value);
  }
  return { entries, mistakes };
}
