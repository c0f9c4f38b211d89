// kibana-saved-objects/*.yml → checked definitions with every name resolved, or one error that lists each mistake as "file:line:col sentence".

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { didYouMean } from '../../src/enrich/did-you-mean.ts';
import { type Mistake, type Path, readYaml, type YamlTree } from '../../src/enrich/pipeline-yaml.ts';
import { check } from '../../src/enrich/schema-issues.ts';
import { checkDashboards } from './dashboard-checks.ts';
import {
  type DashboardConfig,
  dashboardNamed,
  dashboardSchema,
  type FilterConfig,
  type PanelConfig,
  type SharedConfig,
  type SourceConfig,
  sharedSchema,
} from './definition-schema.ts';
import { checkPanelFields, checkSharedFields, type FieldIndex, readSourceFields } from './fields.ts';
import { toMeasures, toUnknown } from './measure-parts.ts';
import { type Measure, type Split, toSplit } from './measures.ts';

export const definitionsFolder = fileURLToPath(new URL('../../kibana-saved-objects/', import.meta.url));

export interface Source extends SourceConfig {
  readonly name: string;
  readonly fields: FieldIndex;
}

export interface NamedFilter {
  readonly name: string;
  readonly config: FilterConfig;
}

/** A panel with the definitions that its names stand for. */
export interface Panel {
  readonly config: PanelConfig;
  readonly title: string;
  readonly source: Source;
  readonly measures: readonly Measure[];
  /** Outermost first. */
  readonly splits: readonly Split[];
  readonly sizes: readonly number[];
  readonly filters: readonly NamedFilter[];
}

export interface Dashboard {
  /** Of the file: `overview`. */
  readonly name: string;
  readonly config: DashboardConfig;
  readonly controls: readonly Split[];
  readonly rows: readonly (readonly Panel[])[];
}

export interface Definitions {
  readonly sources: ReadonlyMap<string, Source>;
  readonly groups: readonly { readonly name: string; readonly label: string }[];
  readonly formats: SharedConfig['formats'];
  /** At the head of every dashboard. */
  readonly head: Panel;
  /** In the order of the navigation. */
  readonly dashboards: readonly Dashboard[];
}

export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
}

interface YamlDocument<Config> {
  readonly path: string;
  readonly tree: YamlTree;
  readonly config: Config | undefined;
  readonly mistakes: Mistake[];
}

/** Throws a DefinitionError with all mistakes. */
export function readDefinitions(folder = definitionsFolder): Definitions {
  const shared = readDocument<SharedConfig>(join(folder, 'shared.yml'), sharedSchema);
  if (shared.config === undefined || shared.mistakes.length > 0) throw toError([shared]);
  const { groups, formats } = shared.config;
  const sources = new Map(
    Object.entries(shared.config.sources).map(([name, config]) => [
      name,
      { ...config, name, fields: readSourceFields(config) },
    ]),
  );
  const splits = new Map(Object.entries(shared.config.splits).map(([name, given]) => [name, toSplit(name, given)]));
  const filters = new Map(Object.entries(shared.config.filters).map(([name, config]) => [name, { name, config }]));
  const report = (path: Path, message: string) => shared.mistakes.push({ ...shared.tree.placeOf(path), message });
  const measures = toMeasures(shared.config.measures, filters, report);
  const head = toHead(shared.config.head, sources, measures, report);
  const files = readdirSync(join(folder, 'dashboards'))
    .filter((file) => file.endsWith('.yml'))
    .sort();
  const names = files.map((file) => basename(file, '.yml'));
  const documents = files.map((file) =>
    readDocument<DashboardConfig>(join(folder, 'dashboards', file), dashboardSchema),
  );
  for (const { path, message } of checkSharedFields(shared.config, sources, measures)) report(path, message);
  const dashboards = documents.map((document, index) =>
    toDashboard(document, names[index]!, { sources, groups, measures, splits, filters }),
  );
  checkLinks(shared.config.formats, names, report);
  const whole = dashboards.filter((dashboard) => dashboard !== undefined);
  const byName = new Map(names.map((name, index) => [name, documents[index]!]));
  checkDashboards(whole, (name, path, message) => {
    const { mistakes, tree } = byName.get(name)!;
    mistakes.push({ ...tree.placeOf(path), message });
  });
  const found = [shared, ...documents.map((document) => withoutRepeated(document, shared))];
  if (found.some(({ mistakes }) => mistakes.length > 0)) throw toError(found);
  const order = Object.keys(groups);
  const groupRank = ({ config }: Dashboard) =>
    config.group === undefined ? order.length : order.indexOf(config.group);
  return {
    sources,
    groups: Object.entries(groups).map(([name, { label }]) => ({ name, label })),
    formats,
    head: head!,
    dashboards: whole.toSorted(
      (a, b) => groupRank(a) - groupRank(b) || a.config.rank - b.config.rank || (a.name < b.name ? -1 : 1),
    ),
  };
}

/** What is wrong with a measure is told where it is defined, not again wherever it is used. */
function withoutRepeated<Config>(document: YamlDocument<Config>, shared: YamlDocument<unknown>): YamlDocument<Config> {
  const told = new Set(shared.mistakes.map(({ message }) => message));
  return { ...document, mistakes: document.mistakes.filter(({ message }) => !told.has(message)) };
}

function readDocument<Config>(path: string, schema: Parameters<typeof check>[0]): YamlDocument<Config> {
  const shown = relative(process.cwd(), path);
  const tree = readYaml(readFileSync(path, 'utf8'), {}, shown);
  const mistakes = [...tree.syntaxErrors, ...tree.mistakes];
  if (mistakes.length > 0) return { path: shown, tree, config: undefined, mistakes };
  const checked = check(schema, tree.value ?? {}, tree, [], '');
  if ('mistakes' in checked) return { path: shown, tree, config: undefined, mistakes: [...checked.mistakes] };
  return { path: shown, tree, config: checked.data as Config, mistakes };
}

function toHead(
  { title, measure }: SharedConfig['head'],
  sources: ReadonlyMap<string, Source>,
  known: ReadonlyMap<string, Measure>,
  report: (path: Path, message: string) => void,
): Panel | undefined {
  const measures = measure.flatMap((name, index) => {
    const found = known.get(name);
    if (found === undefined) report(['head', 'measure', index], toUnknown('measure', name, known));
    return found ?? [];
  });
  const source = sources.get(measures[0]?.source ?? '');
  if (source === undefined) return undefined;
  const config = { kind: 'strip', measure } as const;
  const panel: Panel = { config, title, source, measures, splits: [], sizes: [], filters: [] };
  for (const message of checkPanelFields(panel)) report(['head'], message);
  return panel;
}

function toError(documents: readonly YamlDocument<unknown>[]): DefinitionError {
  return new DefinitionError(
    documents
      .flatMap(({ path, mistakes }) =>
        mistakes
          .toSorted((a, b) => a.line - b.line || a.column - b.column)
          .map(({ line, column, message }) => `${path}:${line}:${column} ${message}`),
      )
      .join('\n'),
  );
}

interface Names {
  readonly sources: ReadonlyMap<string, Source>;
  readonly groups: SharedConfig['groups'];
  readonly measures: ReadonlyMap<string, Measure>;
  readonly splits: ReadonlyMap<string, Split>;
  readonly filters: ReadonlyMap<string, NamedFilter>;
}

function toDashboard(document: YamlDocument<DashboardConfig>, name: string, names: Names): Dashboard | undefined {
  const { config, tree, mistakes } = document;
  if (config === undefined) return undefined;
  const report = (path: Path, message: string) => mistakes.push({ ...tree.placeOf(path), message });
  if (!dashboardNamed.test(name))
    report([], `the file is called ${name}.yml: expected lower-case letters, digits and -`);

  function resolve<Value>(
    wanted: readonly string[],
    known: ReadonlyMap<string, Value>,
    what: string,
    path: Path,
  ): Value[] {
    return wanted.flatMap((each, index) => {
      const value = known.get(each);
      if (value !== undefined) return [value];
      const at = wanted.length > 1 ? [...path, index] : path;
      report(at, toUnknown(what, each, known));
      return [];
    });
  }

  if (config.group !== undefined && names.groups[config.group] === undefined)
    resolve([config.group], new Map(Object.entries(names.groups)), 'group', ['group']);
  const controls = resolve(config.controls, names.splits, 'split', ['controls']);
  const rows = config.rows.map((row, rowIndex) =>
    row.flatMap((panel, index): Panel[] => {
      const path: Path = ['rows', rowIndex, index];
      const before = mistakes.length;
      const measures = resolve(toList('measure' in panel ? panel.measure : []), names.measures, 'measure', [
        ...path,
        'measure',
      ]);
      const splits = resolve(toList('split' in panel ? (panel.split ?? []) : []), names.splits, 'split', [
        ...path,
        'split',
      ]);
      const filters = resolve(toList(panel.filter ?? []), names.filters, 'filter', [...path, 'filter']);
      const sourceNames = new Set([...measures, ...splits].map(({ source }) => source));
      if (panel.kind === 'records') sourceNames.add(panel.source);
      if (sourceNames.size > 1)
        report(path, `its measures and splits read ${[...sourceNames].join(' and ')}: one panel reads one source`);
      const source = names.sources.get([...sourceNames][0] ?? 'flows');
      if (mistakes.length > before || source === undefined) return [];
      if ('size' in panel && Array.isArray(panel.size) && panel.size.length > splits.length)
        report([...path, 'size'], `${panel.size.length} sizes, of ${splits.length} splits`);
      const title = panel.title ?? defaultTitle(panel, measures, splits);
      const resolved = {
        config: panel,
        title,
        source,
        measures,
        splits,
        filters,
        sizes: toSizes(panel, splits.length),
      };
      for (const message of checkPanelFields(resolved)) report(path, message);
      return [resolved];
    }),
  );
  return { name, config, controls, rows };
}

function checkLinks(
  formats: SharedConfig['formats'],
  names: readonly string[],
  report: (path: Path, message: string) => void,
): void {
  for (const [source, fields] of Object.entries(formats)) {
    for (const [field, format] of Object.entries(fields)) {
      if (typeof format === 'string' || names.includes(format.link)) continue;
      const hint = didYouMean(format.link, names, 'the dashboards are');
      report(['formats', source, field], `there is no dashboard ${JSON.stringify(format.link)}${hint}`);
    }
  }
}

function toList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

/** "Services (bits/s)", "Clients and servers (bytes)"; of a number alone, what it counts. */
function defaultTitle(panel: PanelConfig, measures: readonly Measure[], splits: readonly Split[]): string {
  const names = splits.map(({ label }, index) =>
    index === 0 || /^[A-Z]{2}/.test(label) ? label : `${label[0]!.toLowerCase()}${label.slice(1)}`,
  );
  const what = measures.map(({ label }) => label).join(', ');
  if (names.length === 0) return what === '' ? panel.kind : `${what[0]!.toUpperCase()}${what.slice(1)}`;
  const parts = names.join(panel.kind === 'sankey' ? ' to ' : ' and ');
  return panel.kind === 'table' || panel.kind === 'list' ? parts : `${parts} (${what})`;
}

/**
 * How many parts a split has. Together they stay under Elasticsearch 7.3's 10,000 buckets a search (bucket-bound.ts); nobody tells
 * more colours apart than a series has.
 */
const defaultSizes: Readonly<Partial<Record<PanelConfig['kind'], readonly (readonly number[])[]>>> = {
  donut: [[20], [12, 8], [8, 5, 4]],
  series: [[12]],
  table: [[200], [40, 15], [25, 10, 5]],
  cloud: [[30]],
  sankey: [[], [15, 12]],
  heatmap: [[], [10, 8]],
  map: [[500]],
  list: [[15], [6, 5]],
};

function toSizes(panel: PanelConfig, levels: number): readonly number[] {
  const given = 'size' in panel ? panel.size : undefined;
  const defaults = defaultSizes[panel.kind]?.[levels - 1] ?? [];
  if (given === undefined) return defaults;
  const list = typeof given === 'number' ? [given] : given;
  return defaults.map((size, index) => list[index] ?? size);
}
