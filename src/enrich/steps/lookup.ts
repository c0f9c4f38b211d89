// Step `lookup`: values from a table of the user's own (CSV, YAML, MaxMind DB, or in the pipeline file), by any field of the flow.

import { extname, resolve } from 'node:path';
import { z } from 'zod';
import { WeirError } from '../../model/errors.ts';
import type { AddressFacts } from '../address-facts.ts';
import { type Condition, conditionOption } from '../condition.ts';
import { didYouMean } from '../did-you-mean.ts';
import { createFaultNote, createMmdbFaultNote } from '../fault-note.ts';
import { cutText } from '../field-template.ts';
import type { FlowDocument } from '../flow-document.ts';
import { type CellValue, createLookupTable, type KeyType, type LookupTable, readNumberRange } from '../lookup-table.ts';
import { openMmdbFile } from '../mmdb-file.ts';
import { createRecentMap } from '../recent-map.ts';
import { fixedFile, openReloadingFile, type ReloadingFile } from '../reloading-file.ts';
import { filePath, keyMistake, subnetKey, twinsIn } from '../setting-types.ts';
import { atOnce } from '../slices.ts';
import { readsOf, type Step, type StepContext, type StepDefinition, writeOf } from '../step.ts';
import { type FieldTarget, fieldTarget, type StoredField, storedField, targetValue } from '../stored-field.ts';
import { onlyColumn, readTableFile } from '../table-file.ts';
import { valueAtPath } from '../test-record.ts';

/** As in the step `fields`. */
const maxTargets = 64;

/** A table that is longer is a file. */
const maxInlineRows = 1000;

const by = z.string({ error: 'expected the name of a field' }).superRefine((path, context) => {
  const field = storedField(path);
  if (typeof field === 'string') context.addIssue({ code: 'custom', message: field });
  else if (keyTypeOf(field) === undefined) {
    context.addIssue({ code: 'custom', message: `${path} is a ${field.type}: nothing is looked up by it` });
  }
});

const columnName = z
  .string({ error: 'expected the name of a column' })
  .min(1, { error: 'expected the name of a column' })
  .max(256, { error: 'expected the name of a column' });

const set = z
  .record(z.string(), columnName, {
    error: 'expected a mapping from field to column, such as "labels.site: site"',
  })
  .refine((entries) => Object.keys(entries).length > 0, { error: 'expected at least one field' })
  .refine((entries) => Object.keys(entries).length <= maxTargets, {
    error: `expected at most ${maxTargets} fields`,
  })
  .superRefine((entries, context) => {
    for (const path of Object.keys(entries)) {
      const message = fieldTarget(path);
      if (typeof message === 'string') keyMistake(context, entries, [path], message);
    }
  });

const cell = z.union([z.string(), z.number()], { error: 'expected a text or a number' });

const inlineTable = z
  .record(
    z.string(),
    z.union([cell, z.record(z.string(), cell)], { error: 'expected a value, or columns with values' }),
    {
      error: 'expected a mapping from key to value, such as "10.0.0.0/8: Boston"',
    },
  )
  .refine((rows) => Object.keys(rows).length <= maxInlineRows, {
    error: `expected at most ${maxInlineRows} rows: put the table into a file`,
  });

/** What a key of a table says, in whatever spelling. Texts have one. */
const identities: Readonly<Record<KeyType, (key: string) => string | undefined>> = {
  address: subnetKey,
  number: (key) => readNumberRange(key)?.join('-'),
  text: () => undefined,
};

interface Given {
  readonly by: string;
  readonly file?: string | undefined;
  /** Of the table in the pipeline file. */
  readonly rows?: LookupTable;
  readonly key?: string | undefined;
  readonly set: z.output<typeof set>;
  readonly when?: Condition | undefined;
}

const options = z
  .strictObject({
    by: by.describe(
      'The field whose value is looked up. Addresses are found by the longest prefix, numbers by the narrowest range (`1024-65535`), texts as they are.',
    ),
    file: filePath('the path of a file')
      .optional()
      .describe(
        'A table: CSV with the names of the columns in its first line, YAML (`.yml`, `.yaml`), or for addresses a MaxMind DB (`.mmdb`). It is read again when it changes.',
      ),
    table: inlineTable.optional().describe('A small table here instead of a file: key → value, or key → columns.'),
    key: columnName.optional().describe('Column of a CSV file that has the keys; the first one unless given.'),
    set: set.describe(
      'Field → column whose value it gets: a label of your own, or a stored field. Of tables with one value for each key the column is called `value`; in a MaxMind DB it is a path such as `country.iso_code`.',
    ),
    when: conditionOption
      .optional()
      .describe('A condition (docs/conditions.md): flows for which it does not hold stay as they are.'),
  })
  .refine(({ file, table }) => (file === undefined) !== (table === undefined), {
    error: 'expected either "file" or "table"',
  })
  // Its rows are checked by building it: once, for a step that is right.
  .transform(({ table, ...given }, context): Given => {
    const { by: path, set: entries } = given;
    const field = storedField(path);
    if (table === undefined || typeof field === 'string') return given;
    const keyType = keyTypeOf(field) ?? 'text';
    const built = readInlineTable(keyType, toTargets(entries), Object.values(entries), table);
    const twins = twinsIn(Object.keys(table), identities[keyType], keyType === 'number' ? 'range' : 'subnet');
    const mistakes = [...built.mistakes, ...twins];
    for (const { key, message } of mistakes) keyMistake(context, table, ['table', key], message);
    const columns = columnsOf(table);
    for (const [target, column] of Object.entries(entries)) {
      if (columns.length === 0 || columns.includes(column)) continue;
      const message = `no row of the table has a column ${JSON.stringify(column)}${didYouMean(column, columns, 'the columns are')}`;
      context.addIssue({ code: 'custom', path: ['set', target], message });
    }
    return { ...given, rows: built.table };
  });

export type LookupOptions = z.infer<typeof options>;

export const lookupStep: StepDefinition<LookupOptions> = {
  name: 'lookup',
  summary: 'Looks up a field in a table of your own (CSV, YAML, MaxMind DB) and sets fields from what it finds.',
  options,
  uses: ({ by: path, when, set: entries }) => [
    ...readsOf(when?.fields),
    ...readsOf([path]),
    ...Object.keys(entries).map(writeOf),
  ],
  reads: [],
  writes: [],
  cost: {
    microseconds: 1.2,
    remark: 'By an address, with one label. An address is looked up once, and then known.',
  },
  examples: [
    {
      title: 'the longest prefix of an address',
      options: {
        by: 'flow.src_addr',
        table: { '10.0.0.0/8': { site: 'Boston' }, '10.1.0.0/16': { site: 'Vienna', owner: 'lab' } },
        set: { 'labels.site': 'site', 'labels.owner': 'owner' },
      },
      record: { sourceIPv4Address: '10.1.2.3' },
      expect: { 'labels.site': 'Vienna', 'labels.owner': 'lab' },
    },
    {
      title: 'the narrowest range of a number',
      options: {
        by: 'flow.vlan',
        table: { '1-4094': 'office', '100-199': 'guests', '150': 'printers' },
        set: { 'labels.zone': 'value' },
      },
      record: { vlanId: 120 },
      expect: { 'labels.zone': 'guests' },
    },
    {
      title: 'a text, and a stored field that gets another value',
      options: { by: 'flow.application', table: { ssl: 'TLS' }, set: { 'flow.application': 'value' } },
      record: { applicationName: 'ssl' },
      expect: { 'flow.application': 'TLS' },
    },
    {
      title: 'what is not in the table gets nothing',
      options: { by: 'flow.src_addr', table: { '10.0.0.0/8': 'Boston' }, set: { 'labels.site': 'value' } },
      record: { sourceIPv4Address: '192.0.2.1' },
      expect: { labels: null },
    },
  ],
  create({ by: path, file, rows, key, set: entries, when }, context) {
    const field = checked(storedField(path));
    const targets = toTargets(entries);
    const columns = Object.values(entries);
    const keyType = keyTypeOf(field) ?? 'text';
    if (rows !== undefined) return createTableStep(field, targets, fixedFile(rows), when);
    if (file === undefined) throw new WeirError('internal', 'there is neither a file nor a table');
    const place = resolve(context.folder, file);
    if (extname(place) === '.mmdb') return openMmdbStep(place, field, targets, columns, when, context);
    return openTableStep({ path: place, key, columns }, field, targets, keyType, when, context);
  },
};

type When = LookupOptions['when'];

function keyTypeOf({ type }: StoredField): KeyType | undefined {
  return type === 'address' || type === 'number' || type === 'text' ? type : undefined;
}

function toTargets(entries: LookupOptions['set']): readonly FieldTarget[] {
  return Object.keys(entries).map((target) => checked(fieldTarget(target)));
}

type InlineTable = z.output<typeof inlineTable>;

/** Rows that are wrong are left out, and told by their keys. */
function readInlineTable(
  keyType: KeyType,
  targets: readonly FieldTarget[],
  columns: readonly string[],
  rows: InlineTable,
): { readonly table: LookupTable; readonly mistakes: readonly { readonly key: string; readonly message: string }[] } {
  const builder = createLookupTable(keyType, targets);
  const mistakes: { key: string; message: string }[] = [];
  const added: string[] = [];
  for (const [key, row] of Object.entries(rows)) {
    const cells = toCells(row);
    const texts = columns.map((column) => (Object.hasOwn(cells, column) ? String(cells[column]) : undefined));
    const message = builder.add(key, texts);
    if (message === undefined) added.push(key);
    else mistakes.push({ key, message });
  }
  const table = atOnce(
    builder.build((row) => {
      const key = added[row] ?? '';
      mistakes.push({ key, message: `the range ${JSON.stringify(key)} overlaps another and lies not within it` });
    }),
  );
  return { table, mistakes };
}

function toCells(row: InlineTable[string]): Readonly<Record<string, string | number>> {
  return typeof row === 'object' ? row : { [onlyColumn]: row };
}

function columnsOf(rows: InlineTable): readonly string[] {
  return [...new Set(Object.values(rows).flatMap((row) => Object.keys(toCells(row))))];
}

async function openTableStep(
  file: { readonly path: string; readonly key: string | undefined; readonly columns: readonly string[] },
  field: StoredField,
  targets: readonly FieldTarget[],
  keyType: KeyType,
  when: When,
  { logger }: StepContext,
): Promise<Step> {
  const rows = await openReloadingFile({
    name: 'lookup',
    paths: [file.path],
    open: () => readTableFile({ ...file, logger }, createLookupTable(keyType, targets)),
    logger,
  });
  return createTableStep(field, targets, rows, when);
}

/** Whose facts these fields are the text of: what was found last is kept with them. */
const sides: Readonly<Record<string, (flow: FlowDocument) => AddressFacts | undefined>> = {
  'flow.src_addr': ({ src }) => src,
  'flow.dst_addr': ({ dst }) => dst,
};

function createTableStep(
  { read, path }: StoredField,
  targets: readonly FieldTarget[],
  rows: ReloadingFile<LookupTable>,
  when: When,
): Step {
  const sideOf = sides[path];
  const isChanged = ({ changes }: FlowDocument) => changes.isUsed && changes.fields.has(path);

  function apply(flow: FlowDocument): undefined {
    if (when?.holds(flow) === false) return;
    const table = rows.current;
    const facts = sideOf === undefined || isChanged(flow) ? undefined : sideOf(flow);
    const row = facts === undefined ? findAny(table, read(flow)) : findBeside(table, facts);
    if (row < 0) return;
    for (let i = 0; i < targets.length; i++) {
      const value = table.cell(row, i);
      if (value !== undefined) targets[i]!.set(flow, value);
    }
  }

  return { apply, watched: [rows], close: async () => rows.stop() };
}

function findBeside(table: LookupTable, facts: AddressFacts): number {
  if (facts.foundIn === table) return facts.foundRow ?? -1;
  facts.foundIn = table;
  facts.foundRow = table.find(facts.text);
  return facts.foundRow;
}

/** Of a field with several values the first one that is in the table. */
function findAny(table: LookupTable, value: unknown): number {
  if (value === undefined) return -1;
  if (!Array.isArray(value)) return table.find(value);
  for (const one of value as unknown[]) {
    const row = table.find(one);
    if (row >= 0) return row;
  }
  return -1;
}

/** Addresses whose answer is remembered: the database takes some microseconds, and as a rule the same ones come again. */
const maxRemembered = 65_536;

async function openMmdbStep(
  path: string,
  field: StoredField,
  targets: readonly FieldTarget[],
  columns: readonly string[],
  when: When,
  context: StepContext,
): Promise<Step> {
  const { logger } = context;
  if (field.type !== 'address') {
    throw new WeirError('file-invalid', `file: ${path} is looked up by address, and ${field.path} is a ${field.type}`);
  }
  const noteFault = createMmdbFaultNote('lookup', context);
  const database = await openReloadingFile({
    name: 'lookup',
    paths: [path],
    open: () => openMmdbFile(path, 'file', { noteFault }),
    logger,
  });
  const noteCut = createFaultNote(context, {
    step: 'lookup',
    outcome: 'value-cut',
    message: `a value of more than ${maxCellLength} characters was cut`,
  });
  type Found = readonly (CellValue | undefined)[];
  let remembered = createRecentMap<string, Found>(maxRemembered);
  let version = database.version;

  function find(address: string): Found {
    const record = database.current.lookup(address, address.includes(':') ? 6 : 4);
    return columns.map((column, i) =>
      toCell(targets[i]!, valueAtPath(record, column), () => noteCut({ file: path, column })),
    );
  }

  function apply(flow: FlowDocument): undefined {
    if (when?.holds(flow) === false) return;
    const address = field.read(flow);
    if (typeof address !== 'string') return;
    if (version !== database.version) {
      version = database.version;
      remembered = createRecentMap(maxRemembered);
    }
    const found = remembered.get(address) ?? remembered.add(address, find(address));
    for (let i = 0; i < targets.length; i++) if (found[i] !== undefined) targets[i]!.set(flow, found[i]);
  }

  return { apply, watched: [database], close: async () => database.stop() };
}

/** As for labels. */
const maxCellLength = 1024;

function toCell(target: FieldTarget, value: unknown, onCut: () => void): CellValue | undefined {
  if (typeof value === 'boolean') return targetValue(target, String(value));
  if (typeof value === 'number') return targetValue(target, value);
  if (typeof value !== 'string' || value === '') return undefined;
  if (value.length > maxCellLength) onCut();
  return targetValue(target, cutText(value, maxCellLength));
}

/** The schema has refused what would be a mistake here. */
function checked<T>(found: T | string): T {
  if (typeof found === 'string') throw new WeirError('internal', found);
  return found;
}
