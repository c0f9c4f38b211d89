// The keys of kibana-saved-objects/shared.yml and kibana-saved-objects/dashboards/*.yml. What they mean: kibana-saved-objects/README.md.

import { z } from 'zod';

const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected lower-case letters, digits and _');
export const dashboardNamed = /^[a-z][a-z0-9-]*$/;
const dashboardName = z.string().regex(dashboardNamed, 'expected lower-case letters, digits and -');
const text = z.string().min(1).max(400);
const field = z.string().regex(/^@?[A-Za-z_][\w.-]*$/, 'expected the name of a field');

/** How a number is shown; of a field, Kibana's field format says the same. `fill`: a share, or the word "empty". */
export const valueFormats = ['number', 'bytes', 'bits', 'percent', 'fill', 'time'] as const;

const aggregations = ['sum', 'max', 'min', 'average', 'distinct', 'percentile'] as const;
/** Of a rate, over the intervals of the time that is looked at. */
export const statistics = ['average', 'maximum', 'percentile', 'variation'] as const;

const names = z.array(name).min(1).max(20);

const measure = z
  .strictObject({
    label: text,
    source: name.default('flows'),
    count: z.literal('documents').optional(),
    sum: field.optional(),
    max: field.optional(),
    min: field.optional(),
    average: field.optional(),
    distinct: field.optional(),
    percentile: field.optional(),
    percent: z.number().gt(0).lt(100).optional(),
    /** Measures that are added up, less others, in proportion to further ones; `rest`: what is left of the whole, never less than nothing. */
    add: names.optional(),
    less: names.optional(),
    over: names.optional(),
    rest: z.literal(true).optional(),
    /** A rate, or a count, by interval: one statistic of these numbers, in proportion to another measure. */
    intervals: z.strictObject({ of: name, statistic: z.enum(statistics), over: name.optional() }).optional(),
    /** Counts only documents of which this is true. */
    filter: name.optional(),
    times: z.number().positive().default(1),
    per: z.literal('second').optional(),
    format: z.enum(valueFormats).default('number'),
  })
  .refine(
    (given) =>
      ['count', 'add', 'intervals', ...aggregations].filter((key) => given[key as 'sum'] !== undefined).length === 1,
    `expected one of count, add, intervals, ${aggregations.join(', ')}`,
  )
  .refine((given) => (given.percentile === undefined) === (given.percent === undefined), 'percentile needs percent')
  .refine(
    (given) => given.per === undefined || (given.sum ?? given.count) !== undefined,
    'only a sum or a count can be per second',
  )
  .refine((given) => given.add !== undefined || (given.less ?? given.over) === undefined, 'less and over need add')
  .refine((given) => given.add === undefined || given.times === 1, 'what is added up has no times of its own')
  .refine((given) => given.rest === undefined || given.over !== undefined, 'rest needs over');

const split = z.strictObject({
  label: text,
  source: name.default('flows'),
  field,
  /** More than one value in a document: the parts make more than the whole. */
  multiple: z.boolean().default(false),
  /** A part of its own for documents without a value, and its name; in tables. */
  none: text.optional(),
});

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const range = z.strictObject({ from: z.number().optional(), below: z.number().optional() });
const fieldTest = z.union([scalar, z.array(scalar).min(1).max(100), range]);

export type FieldTest = z.output<typeof fieldTest>;

/** All that it says must be true of a document. */
export interface FilterConfig {
  readonly exists?: string | readonly string[] | undefined;
  readonly not?: FilterConfig | undefined;
  readonly either?: readonly FilterConfig[] | undefined;
  readonly same?: readonly [string, string] | undefined;
  readonly fields?: Readonly<Record<string, FieldTest>> | undefined;
}

const filter: z.ZodType<FilterConfig> = z.lazy(() =>
  z.strictObject({
    exists: z.union([field, z.array(field).min(1)]).optional(),
    not: filter.optional(),
    either: z.array(filter).min(2).max(20).optional(),
    same: z.tuple([field, field]).optional(),
    fields: z.record(field, fieldTest).optional(),
  }),
);

const source = z.strictObject({
  /** Id of the index pattern in Kibana. */
  id: dashboardName,
  pattern: text,
  template: text,
  time: field,
  /** One document stands for so long a time: nothing finer is told of it. */
  every: z.enum(['1m', '1h']).optional(),
});

export const sharedSchema = z.strictObject({
  sources: z.record(name, source),
  /** What stands at the head of every dashboard, below the navigation, whatever is filtered there. */
  head: z.strictObject({ title: text, measure: names }),
  groups: z.record(name, z.strictObject({ label: text })),
  measures: z.record(name, measure),
  splits: z.record(name, split),
  filters: z.record(name, filter),
  formats: z.record(
    name,
    z.record(
      field,
      z.union([z.enum(['bytes', 'bits', 'plain', 'number']), z.strictObject({ link: dashboardName, query: text })]),
    ),
  ),
});

const oneOrMore = z.union([name, z.array(name).min(1).max(3)]);
const many = z.union([name, names]);
const pair = z.tuple([name, name], { error: 'expected two splits: [from, to]' });
const size = z.number().int().min(1).max(500);
const sizes = z.union([size, z.array(size).min(1).max(3)]).optional();

const place = {
  title: text.optional(),
  filter: oneOrMore.optional(),
  width: z.number().int().min(4).max(48).optional(),
  height: z.number().int().min(3).max(60).optional(),
};

const kinds = [
  z.strictObject({ kind: z.literal('donut'), ...place, measure: name, split: oneOrMore, size: sizes }),
  z.strictObject({
    kind: z.literal('series'),
    ...place,
    measure: many,
    split: name.optional(),
    size: sizes,
    style: z.enum(['area', 'line', 'bar']).default('area'),
    legend: z.enum(['right', 'bottom']).default('right'),
  }),
  z.strictObject({ kind: z.literal('table'), ...place, measure: many, split: oneOrMore, size: sizes }),
  z.strictObject({ kind: z.literal('cloud'), ...place, measure: name, split: name, size: sizes }),
  z.strictObject({ kind: z.literal('sankey'), ...place, measure: name, split: pair, size: sizes }),
  z.strictObject({ kind: z.literal('heatmap'), ...place, measure: name, split: pair, size: sizes }),
  z.strictObject({ kind: z.literal('map'), ...place, measure: name, split: name, size: sizes }),
  z.strictObject({
    kind: z.literal('list'),
    ...place,
    measure: many,
    split: oneOrMore.optional(),
    size: sizes,
    /** By the first measure. */
    order: z.enum(['descending', 'ascending']).default('descending'),
    /** Only parts of which there was nothing in so many days before. */
    newSinceDays: z.number().int().min(1).max(31).optional(),
    /** Of `intervals`; without it, as fine as the number of buckets allows. */
    interval: z.literal('5m').optional(),
  }),
  z.strictObject({ kind: z.literal('strip'), ...place, measure: many }),
  z.strictObject({ kind: z.literal('metric'), ...place, measure: oneOrMore }),
  z.strictObject({ kind: z.literal('text'), ...place, text: z.string().min(1).max(5000) }),
  z.strictObject({
    kind: z.literal('records'),
    ...place,
    source: name.default('flows'),
    columns: z.array(field).min(1).max(20),
  }),
] as const;
const kindNames = kinds.map(({ shape }) => shape.kind.value).join(', ');
const panel = z.discriminatedUnion('kind', kinds, {
  error: ({ code }) => (code === 'invalid_union' ? `expected one of ${kindNames}` : undefined),
});

export const dashboardSchema = z.strictObject({
  title: text,
  /** Its place in the navigation: a group of shared.yml, and the rank within it. Absent: it stands alone. */
  group: name.optional(),
  rank: z.number().int().default(1),
  /** Within the group's bar. */
  label: text.optional(),
  question: text,
  needs: z.string().min(1).max(1000),
  /** Splits whose values a reader may choose. On a screen of 1280 pixels a fifth one is cut off. */
  controls: z.array(name).max(4).default([]),
  /** In Lucene's language: what stands in the search bar until somebody, or a link, writes something else there. */
  query: text.optional(),
  rows: z.array(z.array(panel).min(1).max(6)).min(1).max(20),
});

export type MeasureConfig = z.output<typeof measure>;
export type SplitConfig = z.output<typeof split>;
export type SourceConfig = z.output<typeof source>;
export type SharedConfig = z.output<typeof sharedSchema>;
export type DashboardConfig = z.output<typeof dashboardSchema>;
export type PanelConfig = z.output<typeof panel>;
export type PanelKind = PanelConfig['kind'];
