// A saved object → the searches that Kibana 7.10 sends for it (src/plugins/data/common/search/aggs, vis_type_timeseries/server/lib/vis_data,
// vis_type_vega/public/data_model/es_query_parser), and the numbers in their answers.

import type { SavedObject } from '../../scripts/kibana/saved-object.ts';
import { missingKey, otherKey } from './panel-sums.ts';

export type Ask = (body: object) => Promise<Answer>;

export interface Answer {
  readonly hits: { readonly total: { readonly value: number }; readonly hits: readonly Hit[] };
  readonly aggregations?: Readonly<Record<string, Aggregation>>;
}

interface Hit {
  readonly _source: object;
  readonly sort?: readonly unknown[];
}

type Aggregation = { readonly buckets?: readonly Bucket[]; readonly value?: number };
type Bucket = { readonly key: unknown; readonly doc_count: number } & Readonly<Record<string, unknown>>;

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

interface AggConfig {
  readonly id: string;
  readonly type: string;
  readonly schema: string;
  readonly params: Readonly<Record<string, unknown>>;
}

interface VisState<Params> {
  readonly type: string;
  readonly aggs: readonly AggConfig[];
  readonly params: Params;
}

export function readVisState<Params = Readonly<Record<string, unknown>>>({
  attributes,
}: SavedObject): VisState<Params> {
  return JSON.parse(String(attributes['visState'])) as VisState<Params>;
}

/** What `buildEsQuery` makes of a Lucene query and filters, with the time range that Kibana adds. */
function toQuery(query: string, filters: readonly object[], { fromMs, toMs }: TimeRange): object {
  const must = query === '' ? [{ match_all: {} }] : [{ query_string: { query, analyze_wildcard: true } }];
  const range = {
    range: {
      '@timestamp': {
        gte: new Date(fromMs).toISOString(),
        lte: new Date(toMs).toISOString(),
        format: 'strict_date_optional_time',
      },
    },
  };
  return { bool: { must, filter: [...filters, range], should: [], must_not: [] } };
}

function toObjectQuery(object: SavedObject, range: TimeRange): object {
  const meta = object.attributes['kibanaSavedObjectMeta'] as { searchSourceJSON: string };
  const { query, filter } = JSON.parse(meta.searchSourceJSON) as {
    query: { language: string; query: string };
    filter: { query: object }[];
  };
  if (query.language !== 'lucene') throw new Error(`${object.id}: a query in ${query.language}`);
  return toQuery(
    query.query,
    filter.map((each) => each.query),
    range,
  );
}

/** Rows of the vis: keys of its buckets, and its metrics. */
export async function askAggregations(object: SavedObject, range: TimeRange, ask: Ask): Promise<Map<string, number[]>> {
  const { aggs } = readVisState(object);
  const metrics = aggs.filter(({ schema }) => schema === 'metric');
  const buckets = aggs.filter(({ schema }) => schema !== 'metric');
  const metricAggs = Object.fromEntries(
    metrics
      .filter(({ type }) => type !== 'count')
      .map(({ id, type, params }) => [id, { [type]: { field: params['field'] } }]),
  );
  const nested = buckets.reduceRight<object>((inner, { id, type, params }) => {
    if (type !== 'terms') throw new Error(`teach test/kibana/kibana-search.ts what ${type} is`);
    const orderBy = metrics.find((metric) => metric.id === params['orderBy']);
    const order = { [orderBy?.type === 'count' ? '_count' : String(params['orderBy'])]: params['order'] };
    const json = params['json'] === undefined ? {} : (JSON.parse(String(params['json'])) as object);
    const ordering = orderBy === undefined || orderBy.type === 'count' ? {} : { [orderBy.id]: metricAggs[orderBy.id] };
    const innerAggs = Object.assign(ordering, inner);
    return {
      [id]: {
        terms: {
          field: params['field'],
          size: params['size'],
          order,
          ...(params['missingBucket'] === true && { missing: missingKey }),
          ...json,
        },
        ...(Object.keys(innerAggs).length > 0 && { aggs: innerAggs }),
      },
    };
  }, metricAggs);
  const query = toObjectQuery(object, range);
  const answer = await ask({ size: 0, track_total_hits: true, query, aggs: nested });
  const rows = new Map<string, number[]>();
  const read = (level: number, path: readonly unknown[], at: Readonly<Record<string, unknown>>, count: number) => {
    const bucket = buckets[level];
    if (bucket === undefined) {
      rows.set(
        JSON.stringify(path),
        metrics.map(({ id, type }) =>
          type === 'count' ? count : ((at[id] as { value: number | null }).value ?? Number.NaN),
        ),
      );
      return;
    }
    const { buckets: found = [] } = at[bucket.id] as Aggregation;
    for (const each of found) read(level + 1, [...path, each.key], each, each.doc_count);
  };
  read(0, [], answer.aggregations ?? {}, answer.hits.total.value);
  const [first] = buckets;
  if (first?.params['otherBucket'] === true) await addOther(first, metricAggs, metrics, query, rows, ask);
  return rows;
}

/** `buildOtherBucketAgg`: a second search over what is in none of the parts. */
async function addOther(
  { params }: AggConfig,
  metricAggs: object,
  metrics: readonly AggConfig[],
  query: object,
  rows: Map<string, number[]>,
  ask: Ask,
): Promise<void> {
  const field = String(params['field']);
  const keys = [...rows.keys()].map((key) => (JSON.parse(key) as unknown[])[0]);
  if (keys.length === 0) return;
  const filter = {
    bool: {
      must: [],
      filter: [{ exists: { field } }],
      should: [],
      must_not: keys.map((key) => ({ match_phrase: { [field]: key } })),
    },
  };
  const answer = await ask({
    size: 0,
    query,
    aggs: {
      'other-filter': {
        filters: { filters: { '': filter } },
        ...(Object.keys(metricAggs).length > 0 && { aggs: metricAggs }),
      },
    },
  });
  const other = (answer.aggregations!['other-filter'] as unknown as { buckets: Readonly<Record<string, Bucket>> })
    .buckets['']!;
  if (other.doc_count === 0) return;
  rows.set(
    JSON.stringify([otherKey]),
    metrics.map(({ id, type }) => (type === 'count' ? other.doc_count : (other[id] as { value: number }).value)),
  );
}

interface TsvbMetric {
  readonly id: string;
  readonly type: string;
  readonly field?: string;
  readonly variables?: readonly { readonly name: string; readonly field: string }[];
  readonly script?: string;
}

interface TsvbSeries {
  readonly id: string;
  readonly split_mode: string;
  readonly terms_field?: string;
  readonly terms_size?: string;
  readonly terms_order_by?: string;
  readonly terms_direction?: string;
  readonly metrics: readonly TsvbMetric[];
  /** With `split_mode: filter`. */
  readonly filter?: { readonly query: string };
}

interface TsvbParams {
  readonly series: readonly TsvbSeries[];
  readonly interval: string;
  readonly time_field: string;
  readonly filter: { readonly language: string; readonly query: string };
}

/** Series → part of the split ('' without one) → time → value. */
export type SeriesValues = Map<string, Map<unknown, Map<number, number>>>;

/** `>=1m`: as fine as 100 intervals are, and not finer. */
export function toSeriesIntervalMs(interval: string, range: TimeRange): number {
  const finest = { '>=1m': 60_000, '>=1h': 3_600_000 }[interval];
  if (finest === undefined) throw new Error(`teach test/kibana/kibana-search.ts the interval ${interval}`);
  return Math.max(finest, toAutoIntervalMs(range, 100));
}

export async function askSeries(object: SavedObject, range: TimeRange, ask: Ask): Promise<SeriesValues> {
  const { params } = readVisState<TsvbParams>(object);
  if (params.filter.language !== 'lucene') throw new Error(`${object.id}: not as expected`);
  const intervalMs = toSeriesIntervalMs(params.interval, range);
  const asked = params.series.map(async (series): Promise<[string, Map<unknown, Map<number, number>>]> => {
    const query = toQuery(params.filter.query, [], range);
    const answer = await ask({
      size: 0,
      query,
      aggs: { [series.id]: toSeriesAgg(series, params.time_field, range, intervalMs) },
    });
    const top = answer.aggregations![series.id]! as unknown as Bucket & { buckets?: unknown };
    const parts =
      series.split_mode === 'terms'
        ? (top.buckets as readonly Bucket[])
        : [top.buckets === undefined ? top : Object.values(top.buckets as Readonly<Record<string, Bucket>>)[0]!];
    const last = series.metrics.at(-1)!.id;
    return [
      series.id,
      new Map(
        parts.map((part) => [
          series.split_mode === 'terms' ? part.key : '',
          new Map(
            ((part['timeseries'] as Aggregation).buckets ?? []).map((bucket) => [
              Number(bucket.key),
              Number((bucket[last] as { value?: number } | undefined)?.value ?? 0),
            ]),
          ),
        ]),
      ),
    ];
  });
  return new Map(await Promise.all(asked));
}

function toSeriesAgg(series: TsvbSeries, timeField: string, { fromMs, toMs }: TimeRange, intervalMs: number): object {
  const metrics = Object.fromEntries(series.metrics.map((metric) => [metric.id, toMetricAgg(metric, intervalMs)]));
  const timeseries = {
    date_histogram: {
      field: timeField,
      min_doc_count: 0,
      time_zone: 'UTC',
      extended_bounds: { min: fromMs, max: toMs },
      fixed_interval: `${intervalMs / 1000}s`,
    },
    aggs: metrics,
  };
  // TSVB's way to have one bucket of everything.
  if (series.split_mode === 'everything')
    return { filters: { filters: { all: { match_all: {} } } }, aggs: { timeseries } };
  if (series.split_mode === 'filter') {
    const query = { bool: { must: [{ query_string: { query: series.filter!.query, analyze_wildcard: true } }] } };
    return { filter: query, aggs: { timeseries } };
  }
  const sorting = series.metrics.find(({ id }) => id === series.terms_order_by);
  const isSorted = sorting !== undefined && sorting.type !== 'count';
  const order = isSorted ? `${sorting.id}-SORT` : series.terms_order_by!;
  return {
    terms: { field: series.terms_field, size: series.terms_size, order: { [order]: series.terms_direction } },
    aggs: { ...(isSorted && { [order]: toMetricAgg(sorting, intervalMs) }), timeseries },
  };
}

function toMetricAgg({ type, field, variables, script }: TsvbMetric, intervalMs: number): object {
  if (type === 'count')
    return {
      bucket_script: {
        buckets_path: { count: '_count' },
        script: { source: 'count * 1', lang: 'expression' },
        gap_policy: 'skip',
      },
    };
  if (type === 'calculation')
    return {
      bucket_script: {
        buckets_path: Object.fromEntries(variables!.map((variable) => [variable.name, variable.field])),
        script: { source: script, lang: 'painless', params: { _interval: intervalMs } },
        gap_policy: 'skip',
      },
    };
  return { [type]: { field } };
}

/** Hjson as far as weir writes it: names may stand without quotes, as in JavaScript. */
export function readSpec<Spec>(text: string): Spec {
  return new Function(`return (${text})`)() as Spec;
}

/** Answers of a Vega drawing's searches, in the order of its data. */
export async function askVega(object: SavedObject, { fromMs, toMs }: TimeRange, ask: Ask): Promise<Answer[]> {
  const { params } = readVisState<{ spec: string }>(object);
  const { data } = readSpec<{ data: { url?: { body: object } }[] }>(params.spec);
  const bodies = data.flatMap(({ url }) => (url === undefined ? [] : [url.body]));
  return Promise.all(bodies.map((body) => ask(withContext(body, { fromMs, toMs }) as object)));
}

/** The dashboard's own query and filters are none here; its time range is. */
function withContext(value: unknown, range: TimeRange): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => typeof item !== 'string' || !item.startsWith('%dashboard_context-'))
      .map((item) => withContext(item, range));
  }
  if (typeof value !== 'object' || value === null) return value;
  const { '%timefilter%': bound, '%autointerval%': target, shift = 0 } = value as Record<string, unknown>;
  if (target !== undefined) return `${toAutoIntervalMs(range, Number(target)) / 1000}s`;
  if (bound === 'min' || bound === 'max') {
    if (Number(shift) !== 0 && (value as { unit?: string }).unit !== 'day')
      throw new Error('a shift that is not of days');
    return (bound === 'min' ? range.fromMs : range.toMs) + Number(shift) * 86_400_000;
  }
  if (bound === true)
    return {
      gte: new Date(range.fromMs).toISOString(),
      lte: new Date(range.toMs).toISOString(),
      format: 'strict_date_optional_time',
    };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withContext(inner, range)]));
}

/** `_roundInterval` of Kibana's Vega; that of TSVB is the same for ranges of an hour and of a day. */
export function toAutoIntervalMs({ fromMs, toMs }: TimeRange, target: number): number {
  const wanted = (toMs - fromMs) / target;
  const steps = [
    [15_000, 10_000],
    [45_000, 30_000],
    [180_000, 60_000],
    [450_000, 300_000],
    [1_200_000, 600_000],
    [2_700_000, 1_800_000],
    [7_200_000, 3_600_000],
    [21_600_000, 10_800_000],
    [86_400_000, 43_200_000],
    [604_800_000, 86_400_000],
  ] as const;
  const found = steps.find(([upTo]) => wanted <= upTo);
  if (found === undefined || wanted <= 7_500)
    throw new Error(`teach test/kibana/kibana-search.ts intervals of ${wanted} ms`);
  return found[1];
}

interface VegaTransform {
  readonly type: string;
  readonly as?: string | readonly string[];
  readonly expr?: string;
  readonly fields?: readonly string[];
}

/** Rows of a drawing's first data, with what its own formulas make of the answer: keys of parts → values. */
export async function askRows(
  object: SavedObject,
  count: number,
  range: TimeRange,
  ask: Ask,
): Promise<Map<string, number[]>> {
  const { params } = readVisState<{ spec: string }>(object);
  const { data: all } = readSpec<{ data: { transform: VegaTransform[] }[] }>(params.spec);
  const [data] = all;
  const [answer] = await askVega(object, range, ask);
  let rows: Record<string, unknown>[] = [{ ...answer! }];
  for (const transform of data!.transform) rows = transformed(rows, transform);
  return new Map(
    rows.map((row) => [
      JSON.stringify([row['part0'], row['part1']].filter((part) => part !== undefined)),
      Array.from({ length: row['value1'] === undefined && count > 0 ? 1 : count }, (_, index) => {
        const value = row[`value${index}`];
        return value === null || value === undefined ? Number.NaN : Number(value);
      }),
    ]),
  );
}

function toProperty(at: unknown, path: string): unknown {
  return path.split('.').reduce((inner, key) => (inner as Record<string, unknown>)[key], at);
}

function transformed(
  rows: readonly Record<string, unknown>[],
  { type, as, expr, fields }: VegaTransform,
): Record<string, unknown>[] {
  // Of Vega's language only what JavaScript means by it, and these functions.
  const evaluate = (row: Record<string, unknown>): unknown =>
    new Function('datum', 'clamp', 'max', 'isValid', `return ${expr}`)(
      row,
      (value: number, from: number, to: number) => Math.max(from, Math.min(to, value)),
      Math.max,
      (value: unknown) => value !== undefined && value !== null,
    );
  switch (type) {
    case 'formula':
      return rows.map((row) => ({ ...row, [as as string]: evaluate(row) }));
    case 'filter':
      return rows.filter((row) => evaluate(row));
    case 'flatten':
      return rows.flatMap((row) =>
        (toProperty(row, fields![0]!) as unknown[]).map((inner) => ({ ...row, [as![0]!]: inner })),
      );
    case 'fold':
      return rows.flatMap((row) => fields!.map((field) => ({ ...row, [as![0]!]: field, [as![1]!]: row[field] })));
    default:
      throw new Error(`teach test/kibana/kibana-search.ts what ${type} is`);
  }
}

/** Rows of Vega's nested buckets, the measure by its path. */
export function readNested(answer: Answer, levels: readonly string[], measurePath: string): Map<string, number[]> {
  const rows = new Map<string, number[]>();
  const read = (level: number, path: readonly unknown[], at: Readonly<Record<string, unknown>>) => {
    const name = levels[level];
    if (name === undefined) {
      const value = measurePath.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], at);
      rows.set(JSON.stringify(path), [Number(value)]);
      return;
    }
    for (const bucket of (at[name] as Aggregation).buckets ?? []) read(level + 1, [...path, bucket.key], bucket);
  };
  read(0, [], answer.aggregations ?? {});
  return rows;
}

/** The values that a list of a control offers, of as many documents as Kibana looks at. */
export async function askControl(field: string, size: number, range: TimeRange, ask: Ask): Promise<unknown[]> {
  const answer = await ask({
    size: 0,
    timeout: '1000ms',
    terminate_after: 100_000,
    query: toQuery('', [], range),
    aggs: { termsAgg: { terms: { field, size, order: { _count: 'desc' } } } },
  });
  return (answer.aggregations!['termsAgg']!.buckets ?? []).map(({ key }) => key);
}

/** Discover's first page. */
export function askRecords(object: SavedObject, range: TimeRange, ask: Ask): Promise<Answer> {
  const [field, order] = object.attributes['sort'] as [string, string];
  return ask({ size: 500, track_total_hits: true, query: toObjectQuery(object, range), sort: [{ [field]: order }] });
}
