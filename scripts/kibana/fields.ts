// The fields of a source, from its index template; what a measure, a split or a filter may ask of them.

import { readFileSync } from 'node:fs';
import { countNestedBuckets, countSeriesBuckets, maxBuckets, toIntervalTarget } from './bucket-bound.ts';
import type { FilterConfig, SharedConfig, SourceConfig } from './definition-schema.ts';
import type { NamedFilter, Panel, Source } from './definitions.ts';
import { type Measure, partsOf, type Split } from './measures.ts';

export interface IndexField {
  readonly name: string;
  /** Elasticsearch's; of an alias, that of the field it stands for. */
  readonly type: string;
  readonly isSearched: boolean;
}

export type FieldIndex = ReadonlyMap<string, IndexField>;

interface Mapping {
  readonly type?: string;
  readonly path?: string;
  readonly index?: boolean;
  readonly enabled?: boolean;
  readonly properties?: Readonly<Record<string, Mapping>>;
}

export function readSourceFields({ template }: Pick<SourceConfig, 'template'>): FieldIndex {
  const file = new URL(`../../index-templates/${template}.json`, import.meta.url);
  const { mappings } = JSON.parse(readFileSync(file, 'utf8')) as { mappings: Mapping };
  const found = new Map<string, Mapping>();
  addFields(mappings, '', found);
  const fields = new Map<string, IndexField>();
  for (const [name, mapping] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const target = mapping.type === 'alias' ? found.get(mapping.path ?? '') : mapping;
    if (target?.type === undefined) throw new Error(`${template}.json: ${name} stands for no field`);
    fields.set(name, { name, type: target.type, isSearched: target.index !== false });
  }
  return fields;
}

function addFields(mapping: Mapping, prefix: string, found: Map<string, Mapping>): void {
  for (const [name, child] of Object.entries(mapping.properties ?? {})) {
    const path = `${prefix}${name}`;
    if (child.enabled === false) continue;
    if (child.type !== undefined && child.type !== 'object') found.set(path, child);
    addFields(child, `${path}.`, found);
  }
}

const numberTypes = ['long', 'integer', 'short', 'byte', 'double', 'float', 'half_float', 'scaled_float'];
/** What terms can be made of: everything with doc values but places. */
const splitTypes = ['keyword', 'ip', 'boolean', ...numberTypes];
const measuredTypes: Readonly<Record<Measure['aggregation'], readonly string[]>> = {
  count: [],
  sum: numberTypes,
  average: numberTypes,
  percentile: numberTypes,
  max: [...numberTypes, 'date'],
  min: [...numberTypes, 'date'],
  distinct: [...splitTypes, 'date'],
};

/** Sentences about fields that are absent, or of another type than what is asked of them. */
export function checkSharedFields(
  shared: SharedConfig,
  sources: ReadonlyMap<string, Source>,
  measures: ReadonlyMap<string, Measure>,
): { readonly path: readonly string[]; readonly message: string }[] {
  const mistakes: { path: readonly string[]; message: string }[] = [];
  for (const section of ['measures', 'splits'] as const) {
    for (const [name, { source }] of Object.entries(shared[section])) {
      if (!sources.has(source))
        mistakes.push({ path: [section, name, 'source'], message: `unknown source "${source}"` });
    }
  }
  for (const [name, measure] of measures) {
    const source = sources.get(measure.source);
    if (source === undefined) continue;
    for (const message of checkMeasure(measure, source))
      mistakes.push({ path: ['measures', name, measure.aggregation], message });
  }
  for (const [name, { source, field }] of Object.entries(shared.splits)) {
    const found = sources.get(source);
    if (found !== undefined && !found.fields.has(field))
      mistakes.push({
        path: ['splits', name, 'field'],
        message: `split ${name}: ${found.pattern} has no field ${field}`,
      });
  }
  for (const [name, fields] of Object.entries(shared.formats)) {
    const source = sources.get(name);
    if (source === undefined) mistakes.push({ path: ['formats', name], message: `unknown source "${name}"` });
    else
      for (const field of Object.keys(fields))
        if (!source.fields.has(field))
          mistakes.push({ path: ['formats', name, field], message: `${source.pattern} has no field ${field}` });
  }
  return mistakes;
}

export function checkPanelFields(panel: Panel): string[] {
  const { config, source, measures, splits, filters } = panel;
  const complaints: string[] = [];
  for (const part of measures.flatMap(partsOf)) {
    complaints.push(...checkMeasure(part, source));
    if (part.filter !== undefined)
      complaints.push(...checkFilter({ name: `of ${part.name}`, config: part.filter }, source));
  }
  for (const split of splits) complaints.push(...checkSplit(split, source, config.kind === 'map'));
  for (const filter of filters) complaints.push(...checkFilter(filter, source));
  if (config.kind === 'records')
    for (const column of config.columns)
      if (!source.fields.has(column)) complaints.push(`${source.pattern} has no field ${column}`);
  if (config.kind !== 'series' && measures.some(({ isPerSecond }) => isPerSecond))
    complaints.push('a measure per second needs a series: only there is an interval');
  for (const measure of measures) complaints.push(...checkKind(measure, panel));
  if (config.kind === 'series' && filters.some(({ config: each }) => each.same !== undefined))
    complaints.push('a series can’t compare fields: Kibana takes only a query there');
  const buckets = countBuckets(panel);
  if (buckets > maxBuckets)
    complaints.push(
      `its parts may need ${buckets} buckets in one search, of ${maxBuckets} at most: take smaller sizes`,
    );
  return complaints;
}

/** What can be drawn where. */
function checkKind({ name, derived, intervals, filter }: Measure, { config: { kind }, splits }: Panel): string[] {
  if (kind === 'list') return [];
  if (intervals !== undefined) return [`measure ${name}: only a list has statistics of intervals`];
  if (kind === 'strip') return [];
  if (kind === 'series' && (splits.length === 0 || filter === undefined)) return [];
  return derived === undefined && filter === undefined
    ? []
    : [`measure ${name}: a ${kind} can’t show what is made of other measures, or has a filter: take a list`];
}

function checkFilter({ name, config }: NamedFilter, source: Source): string[] {
  return filterFields(config).flatMap((field) => {
    const found = source.fields.get(field);
    if (found === undefined) return [`filter ${name}: ${source.pattern} has no field ${field}`];
    return found.isSearched || isOnlyAskedForExistence(config, field)
      ? []
      : [`filter ${name}: ${field} is not indexed, its values cannot be searched`];
  });
}

function countBuckets({ config, sizes, measures }: Panel): number {
  if (config.kind === 'list') {
    const hasIntervals = measures.some(({ intervals }) => intervals !== undefined);
    // Fewer than 20 intervals would tell nothing.
    if (hasIntervals && config.interval === undefined)
      return toIntervalTarget(sizes) < 20 ? Number.POSITIVE_INFINITY : 0;
    if (hasIntervals && sizes.length > 0) return Number.POSITIVE_INFINITY;
    return countNestedBuckets(sizes);
  }
  if (config.kind === 'series') return sizes[0] === undefined ? 0 : countSeriesBuckets(sizes[0]);
  return countNestedBuckets(sizes);
}

function checkMeasure({ name, aggregation, field }: Measure, source: Source): string[] {
  if (field === undefined) return [];
  const found = source.fields.get(field);
  if (found === undefined) return [`measure ${name}: ${source.pattern} has no field ${field}`];
  if (measuredTypes[aggregation].includes(found.type)) return [];
  return [`measure ${name}: ${field} is of type ${found.type}, which has no ${aggregation}`];
}

export function checkSplit({ name, field }: Split, source: Source, isMap: boolean): string[] {
  const found = source.fields.get(field);
  if (found === undefined) return [`split ${name}: ${source.pattern} has no field ${field}`];
  if (isMap)
    return found.type === 'geo_point'
      ? []
      : [`split ${name}: a map needs a geo_point, ${field} is of type ${found.type}`];
  return splitTypes.includes(found.type)
    ? []
    : [`split ${name}: ${field} is of type ${found.type}, which has no terms`];
}

export function filterFields({ exists, not, either, same, fields }: FilterConfig): string[] {
  return [
    ...(exists === undefined ? [] : [exists].flat()),
    ...(not === undefined ? [] : filterFields(not)),
    ...(either ?? []).flatMap(filterFields),
    ...(same ?? []),
    ...Object.keys(fields ?? {}),
  ];
}

function isOnlyAskedForExistence({ not, either, same, fields }: FilterConfig, field: string): boolean {
  if (same?.includes(field) || fields?.[field] !== undefined) return false;
  return [...(not === undefined ? [] : [not]), ...(either ?? [])].every((inner) =>
    isOnlyAskedForExistence(inner, field),
  );
}
