// Step `reputation`: labels of public addresses that stand on lists: of users, of those who publish them. What is allowed has none.

import { basename, extname, join } from 'node:path';
import { z } from 'zod';
import type { AddressFacts } from '../address-facts.ts';
import { type AddressLabels, createAddressLabels, type LabelledAddress } from '../address-labels.ts';
import { readAddressRange } from '../address-words.ts';
import { type DataRead, isYaml, logMistakes, noteMistake, shown } from '../data-file.ts';
import { readFlatEntries } from '../flat-entries.ts';
import { fixedFile, type WatchedData } from '../reloading-file.ts';
import { openRemoteList } from '../remote-list.ts';
import { type ListShape, listFormats, readReputationList } from '../reputation-list.ts';
import { duration, filePath, subnetMap, subnets } from '../setting-types.ts';
import { atOnce, inSlices, itemsAtOnce, type Slices } from '../slices.ts';
import type { StepContext, StepDefinition } from '../step.ts';
import { filePaths, openTable, storedName } from '../table-files.ts';

const url = z.string({ error: 'expected a URL such as "https://lists.example/drop.txt"' }).refine(
  (text) => {
    const read = URL.canParse(text) ? new URL(text) : undefined;
    return (
      read !== undefined && ['http:', 'https:'].includes(read.protocol) && read.username === '' && read.password === ''
    );
  },
  { error: 'expected an http:// or https:// URL without a name and a password' },
);

const path = filePath('the path of a list');
const column = z.string({ error: 'expected the name of a column' }).min(1, { error: 'expected the name of a column' });

const labels = z
  .union([storedName, z.array(storedName).min(1).max(16, { error: 'expected at most 16 labels' })], {
    error: 'expected a label, or a list of labels',
  })
  .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given));

const list = z
  .strictObject({
    file: path.optional().describe('Path of the list; this or `url`.'),
    url: url.optional().describe('Where the list is fetched from, in the background.'),
    every: duration(60_000, 30 * 86_400_000)
      .prefault('6h')
      .describe('So often a `url` is fetched.'),
    label: labels.optional().describe('A label, or a list of labels, of all its entries, beside their own.'),
    format: z
      .enum(listFormats, { error: `expected one of ${listFormats.join(', ')}` })
      .optional()
      .describe('What it is, where the ending of its name does not say so.'),
    address_column: column.optional().describe('CSV: the column that has the addresses.'),
    label_column: column.optional().describe('CSV: the column that has the labels.'),
  })
  .refine((given) => (given.file === undefined) !== (given.url === undefined), {
    error: 'expected either a file or a url',
  });

/** More lists than anybody follows. */
const maxLists = 64;

const options = z.strictObject({
  lists: z
    .array(
      z.union([path, list], {
        error: 'expected the path of a list, or { file or url, label, every, format, address_column, label_column }',
      }),
      { error: 'expected a list of lists' },
    )
    .max(maxLists, { error: `expected at most ${maxLists} lists` })
    .default([])
    .describe(
      'Lists of addresses and subnets: paths, or { file or url, label, every, format, address_column, label_column }.',
    ),
  labels: subnetMap(labels, 'expected a mapping from subnet to label')
    .default({})
    .describe('Addresses and subnets with a label, or a list of labels, of your own.'),
  allow: subnets().default([]).describe('Addresses and subnets that never get a label.'),
  allow_file: filePaths('a list of allowed addresses')
    .default([])
    .describe('Files of the same: one per line, or YAML such as ElastiFlow’s `ip_rep_whitelist.yml`.'),
});

export type ReputationOptions = z.infer<typeof options>;

export const reputationStep: StepDefinition<ReputationOptions> = {
  name: 'reputation',
  summary: 'Labels public addresses that stand on reputation lists, from files or URLs.',
  options,
  reads: ['flow.src_addr', 'flow.dst_addr'],
  writes: ['src', 'dst', 'client', 'server'].map((side) => `flow.${side}_rep_tags`).concat('flow.rep_tags'),
  cost: {
    microseconds: 0.1,
    remark: 'An address is looked up once, and then known.',
  },
  examples: [
    {
      title: 'every entry that contains an address adds its labels, the longest prefix first',
      options: { labels: { '192.0.2.0/24': 'scanner', '192.0.2.7': ['botnet', 'scanner'] } },
      record: { sourceIPv4Address: '192.0.2.7', destinationIPv4Address: '192.0.2.9' },
      expect: {
        'flow.src_rep_tags': ['botnet', 'scanner'],
        'flow.dst_rep_tags': ['scanner'],
        'flow.rep_tags': ['botnet', 'scanner'],
      },
    },
    {
      title: 'what is allowed, or private, has no label',
      options: { labels: { '0.0.0.0/0': 'everybody' }, allow: ['192.0.2.7'] },
      record: { sourceIPv4Address: '192.0.2.7', destinationIPv4Address: '10.0.0.1' },
      expect: { 'flow.src_rep_tags': null, 'flow.dst_rep_tags': null, 'flow.rep_tags': null },
    },
  ],
  async create({ lists, labels: own, allow, allow_file: allowFile }, context) {
    const { folder, logger } = context;
    const allowed = await openTable({
      step: 'reputation',
      option: 'allow_file',
      paths: allowFile,
      folder,
      logger,
      read: readAllowList,
      build: (entries) =>
        createAddressLabels([...entries, ...allow.map((address) => ({ address, labels: allowedLabel }))]),
    });
    const opened: OpenList[] = [];
    const inline = Object.entries(own).map(([address, ownLabels]) => ({ address, labels: ownLabels }));
    if (inline.length > 0) opened.push({ table: fixedFile(atOnce(createAddressLabels(inline))) });
    for (const one of lists)
      opened.push(await openList(typeof one === 'string' ? list.parse({ file: one }) : one, context));

    function describe(facts: AddressFacts): void {
      if (facts.isPrivate || allowed.current.lookup(facts.text) !== undefined) return;
      let labels: readonly string[] | undefined;
      for (const { table } of opened) {
        const more = table.current.lookup(facts.text);
        if (more !== undefined) labels = labels === undefined ? more : [...new Set([...labels, ...more])];
      }
      facts.reputation = labels;
    }

    return {
      describe,
      factsVersion: () => opened.reduce((sum, { table }) => sum + table.version, allowed.version),
      watched: [allowed, ...opened.map(({ table }) => table)],
      close: async () => {
        allowed.stop();
        await Promise.all(opened.map(({ table }) => table.stop()));
      },
    };
  },
};

const allowedLabel = ['allowed'];

const allowShape: ListShape = {
  format: 'text',
  addressColumn: undefined,
  labelColumn: undefined,
  labels: allowedLabel,
  name: 'allowed',
};

interface OpenList {
  readonly table: WatchedData & { readonly current: AddressLabels; stop(): void | Promise<void> };
}

async function openList(
  given: z.infer<typeof list>,
  { folder, logger, stateFolder, isOffline }: StepContext,
): Promise<OpenList> {
  const from = given.file ?? new URL(given.url ?? '').pathname;
  const shape: ListShape = {
    format: given.format,
    addressColumn: given.address_column,
    labelColumn: given.label_column,
    labels: given.label ?? [],
    name: basename(from, extname(from)) || 'listed',
  };
  if (given.url === undefined) {
    const table = await openTable({
      step: 'reputation',
      option: 'lists',
      paths: [from],
      folder,
      logger,
      read: (text, path) => readReputationList(text, path, shape),
      build: createAddressLabels,
    });
    return { table };
  }
  const empty = atOnce(createAddressLabels([]));
  if (isOffline === true) return { table: fixedFile(empty) };
  const table = await openRemoteList({
    url: given.url,
    everyMs: given.every,
    empty,
    logger,
    folder: stateFolder === undefined ? undefined : join(stateFolder, 'lists'),
    read: async (text) => {
      const { entries, mistakes } = await inSlices(readReputationList(text, from, shape));
      const [first] = mistakes;
      // A page that says "sorry" in the place of a list must not make everybody innocent.
      if (entries.length === 0 && first !== undefined)
        throw new Error(`line ${first.line}: ${first.message}; no line is right`);
      logMistakes(logger, basename(from), mistakes);
      return await inSlices(createAddressLabels(entries));
    },
  });
  return { table };
}

/** One address per line; or ElastiFlow's `address: "true"`. */
export function* readAllowList(text: string, file: string): Slices<DataRead<LabelledAddress>> {
  if (!isYaml(file)) return yield* readReputationList(text, file, allowShape);
  const { entries, mistakes } = yield* readFlatEntries(text);
  const found: LabelledAddress[] = [];
  const wrong = [...mistakes];
  for (const { key, value, line } of entries) {
    if (line % itemsAtOnce === 0) yield;
    if (value === 'false') continue;
    if (readAddressRange(key) !== undefined) found.push({ address: key, labels: allowedLabel });
    else noteMistake(wrong, line, `expected an address or a subnet, got ${shown(key)}`);
  }
  return { entries: found, mistakes: wrong };
}
