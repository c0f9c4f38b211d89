// ElastiFlow's 19 dashboards, panel for panel: what each draws, counts, and is divided by, against what the importable file has. Written
// from its export, not from the definitions: a definition that loses a panel or a filter, or counts packets for bytes, is found here.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { savedObjectsFile } from '../../scripts/generate-kibana-objects.ts';
import { readSpec } from './kibana-search.ts';

interface PanelFacts {
  readonly kind: string;
  readonly measures: readonly string[];
  readonly splits: readonly string[];
  readonly where: string;
}

/** Of one theme of *Traffic Details*. */
const detailsOf = (field: string): string[] => [
  `pie count by ${field}`,
  `metric distinct:${field}`,
  `series bits/s by ${field}`,
  `series packets/s by ${field}`,
];
/** Of one end of *Flows*. */
const donutsOf = (field: string, where = ''): string[] =>
  ['bytes', 'packets', 'count'].map((measure) => `pie ${measure} by ${field}${where}`);
const outside = (field: string): string => ` where (*:* AND NOT (${field}:"private"))`;
const ratesOf = (field: string, where = ''): string[] =>
  ['bits/s', 'packets/s'].map((measure) => `series ${measure} by ${field}${where}`);
const zflow = ' where _exists_:ipfix.ziften_agent_guid';
const [sourceAs, destinationAs] = ['flow.src_autonomous_system', 'flow.dst_autonomous_system'] as const;

const elastiflow: Readonly<Record<string, readonly string[]>> = {
  overview: [
    'choose node.hostname,flow.client_hostname,flow.server_hostname,flow.service_name',
    'pie bytes by flow.server_hostname,flow.client_hostname',
    'pie bytes by flow.service_name',
    'pie bytes by flow.autonomous_system',
    'pie bytes by flow.ip_version,flow.ip_protocol',
    'tagcloud count by flow.tcp_flags',
    'tagcloud count by flow.rep_tags',
  ],
  'top-talkers': [
    'choose event.type,node.hostname,flow.service_name',
    'series bits/s by flow.service_name',
    'table bytes,packets,count by flow.client_hostname',
    'table bytes,packets,count by flow.server_hostname',
  ],
  'top-services': [
    'choose event.type,node.hostname,flow.service_name',
    'series bits/s by flow.service_name',
    'table bytes,packets,count by flow.service_name',
    'table bytes,packets,count by flow.ip_protocol',
  ],
  'top-conversations': [
    'choose event.type,node.hostname,flow.service_name',
    'series bits/s by flow.service_name',
    'table bytes,packets,count by flow.client_hostname,flow.server_hostname,flow.service_name',
  ],
  'top-applications': [
    'choose event.type,node.hostname,flow.application',
    'series bits/s by flow.application',
    'table bytes,packets,count by flow.application,flow.service_name',
    'table bytes,packets,count by flow.client_hostname',
  ],
  threats: [
    'choose event.type,node.hostname,flow.service_name',
    'series count by flow.rep_tags where _exists_:flow.rep_tags',
    'table count by flow.rep_tags where _exists_:flow.rep_tags',
    'table count by flow.client_hostname,flow.client_addr where _exists_:flow.client_rep_tags',
    'table count by flow.server_hostname,flow.server_addr where _exists_:flow.client_rep_tags AND flow.server_autonomous_system:"private" AND flow.server_addr == flow.dst_addr',
    'table count by flow.client_hostname,flow.client_addr where _exists_:flow.server_rep_tags',
  ],
  'flows-client-server': [
    'choose node.hostname,flow.client_hostname,flow.server_hostname,flow.service_name',
    ...donutsOf('flow.client_hostname'),
    ...donutsOf('flow.server_hostname'),
    'vega bytes by flow.client_hostname,flow.server_hostname',
  ],
  'flows-src-dst': [
    'choose node.hostname,flow.src_hostname,flow.dst_hostname,flow.dst_port_name',
    ...donutsOf('flow.src_hostname'),
    ...donutsOf('flow.dst_hostname'),
    'vega bytes by flow.src_hostname,flow.dst_hostname',
  ],
  'flows-as': [
    `choose node.hostname,${sourceAs},${destinationAs},flow.service_name`,
    ...donutsOf(sourceAs, outside(sourceAs)),
    ...donutsOf(destinationAs, outside(destinationAs)),
    `vega bytes by ${sourceAs},${destinationAs}`,
  ],
  'geo-client-server': [
    'pie count by flow.country',
    'pie count by flow.city',
    'pie count by flow.server_hostname,flow.client_hostname',
    'pie count by flow.service_name',
    'vega count by flow.client_geo_location',
    'vega count by flow.server_geo_location',
  ],
  'geo-src-dst': [
    'pie count by flow.country',
    'pie count by flow.city',
    'pie count by flow.dst_hostname,flow.src_hostname',
    'pie count by flow.dst_port_name',
    'vega count by flow.src_geo_location',
    'vega count by flow.dst_geo_location',
  ],
  'as-traffic': [
    `choose node.hostname,${sourceAs},${destinationAs},flow.service_name`,
    ...ratesOf(sourceAs, outside(sourceAs)),
    ...ratesOf(destinationAs, outside(destinationAs)),
  ],
  'flow-exporters': [
    'choose event.type,node.hostname,flow.input_ifname,flow.output_ifname',
    ...ratesOf('flow.input_ifname'),
    ...ratesOf('flow.output_ifname'),
  ],
  'traffic-types': [
    'choose flow.client_hostname,flow.server_hostname,flow.service_name,flow.application',
    ...['flow.client_hostname', 'flow.server_hostname', 'flow.service_name', 'flow.application'].flatMap(detailsOf),
  ],
  'traffic-attributes': [
    'choose flow.ip_protocol,flow.vlan,flow.tos,flow.tcp_flags',
    ...['flow.ip_protocol', 'flow.vlan', 'flow.tos', 'flow.tcp_flags'].flatMap(detailsOf),
  ],
  'traffic-locality': [
    'choose flow.traffic_locality,flow.autonomous_system,flow.country,flow.city',
    ...['flow.traffic_locality', 'flow.autonomous_system', 'flow.country', 'flow.city'].flatMap(detailsOf),
  ],
  'flow-records-client-server': [
    'choose event.type,node.hostname',
    'metric count',
    'series count by event.type',
    'records node.hostname,flow.client_hostname,flow.server_hostname,flow.service_name,flow.bytes,flow.packets',
  ],
  'flow-records-src-dst': [
    'choose event.type,node.hostname',
    'metric count',
    'series count by event.type',
    'records node.hostname,flow.src_hostname,flow.src_port_name,flow.dst_hostname,flow.dst_port_name,flow.bytes,flow.packets',
  ],
  'ziften-zflow': [
    'choose ipfix.ziften_hostname,ipfix.userName,flow.application,flow.service_name',
    ...['ipfix.userName', 'flow.application', 'ipfix.ziften_platform'].flatMap((field) => [
      `pie bytes by ${field}${zflow}`,
      `series bits/s by ${field}${zflow}`,
    ]),
  ],
};

interface ReadObject {
  readonly id: string;
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly references: readonly { readonly id: string; readonly type: string }[];
}

const objects = new Map(
  readFileSync(savedObjectsFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ReadObject)
    .map((object) => [`${object.type}/${object.id}`, object]),
);

test.each(Object.entries(elastiflow))('dashboard %s has all that ElastiFlow’s has', (name, wanted) => {
  const { references } = objects.get(`dashboard/weir-${name}`)!;
  const found = references.map(({ type, id }) => toFacts(objects.get(`${type}/${id}`)!));
  const missing = wanted.filter((text) => !found.some((facts) => isAsWanted(facts, readFacts(text))));
  expect(missing, found.map(toText).join('\n')).toEqual([]);
});

test('all 19 are there', () => expect(Object.keys(elastiflow)).toHaveLength(19));

/** What it counts may be more; what it is divided by, and what is left out, is the same. */
function isAsWanted(found: PanelFacts, wanted: PanelFacts): boolean {
  return (
    found.kind === wanted.kind &&
    wanted.measures.every((measure) => found.measures.includes(measure)) &&
    `${found.splits}` === `${wanted.splits}` &&
    found.where === wanted.where
  );
}

function readFacts(text: string): PanelFacts {
  const [, kind = '', measures = '', splits = '', where = ''] =
    /^(\S+) (\S+)(?: by (\S+))?(?: where (.+))?$/.exec(text) ?? [];
  const toList = (names: string): string[] => (names === '' ? [] : names.split(','));
  return { kind, measures: toList(measures), splits: toList(splits), where };
}

function toText({ kind, measures, splits, where }: PanelFacts): string {
  return `${kind} ${measures}${splits.length > 0 ? ` by ${splits}` : ''}${where === '' ? '' : ` where ${where}`}`;
}

interface Agg {
  readonly type: string;
  readonly schema: string;
  readonly params: { readonly field?: string };
}

interface Series {
  readonly metrics: readonly { readonly type: string; readonly field?: string; readonly script?: string }[];
  readonly terms_field?: string;
}

interface Aggs {
  readonly [name: string]: {
    readonly terms?: { readonly field: string };
    readonly geohash_grid?: { readonly field: string };
    readonly sum?: { readonly field: string };
    readonly aggs?: Aggs;
  };
}

function toFacts({ type, attributes }: ReadObject): PanelFacts {
  const none = { measures: [], splits: [], where: '' };
  if (type === 'search') return { ...none, kind: 'records', measures: attributes['columns'] as unknown as string[] };
  const { type: kind, aggs, params } = JSON.parse(attributes['visState']!);
  switch (kind) {
    case 'input_control_vis':
      return {
        ...none,
        kind: 'choose',
        measures: params.controls.map((each: { fieldName: string }) => each.fieldName),
      };
    case 'metrics': {
      const { metrics, terms_field } = params.series[0] as Series;
      const { type: aggregation, field } = metrics[0]!;
      const rate = metrics[1]?.script ?? '';
      const scale = rate === '' ? '' : rate.includes('*8') ? '×8' : '×1';
      const counted = `${toMeasure(aggregation, field)}${scale}${rate.endsWith('/(params._interval/1000)') ? '/s' : ''}`;
      const measure = { 'bytes×8/s': 'bits/s', 'packets×1/s': 'packets/s' }[counted] ?? counted;
      const splits = terms_field === undefined ? [] : [terms_field];
      return { kind: 'series', measures: [measure], splits, where: params.filter.query };
    }
    case 'vega': {
      const { data } = readSpec<{ data: { url?: { body: { aggs: Aggs } } }[] }>(params.spec);
      return { ...none, ...toNested(data.find(({ url }) => url !== undefined)!.url!.body.aggs), kind };
    }
    default: {
      const { searchSourceJSON } = attributes['kibanaSavedObjectMeta'] as unknown as { searchSourceJSON: string };
      const { query, filter = [] } = JSON.parse(searchSourceJSON);
      const compared = filter.map(
        (each: object) => /doc\['(\S+)'\]\.value == doc\['(\S+)'\]\.value/.exec(JSON.stringify(each)) ?? [],
      );
      const clauses = [query?.query ?? '', ...compared.map(([, a, b]: string[]) => `${a} == ${b}`)];
      const of = (wanted: boolean): Agg[] => aggs.filter(({ schema }: Agg) => (schema === 'metric') === wanted);
      return {
        kind,
        measures: of(true).map((each) => toMeasure(each.type, each.params.field)),
        splits: of(false).map(({ params: { field } }) => field!),
        where: clauses.filter((clause) => clause !== '').join(' AND '),
      };
    }
  }
}

function toMeasure(aggregation: string, field: string | undefined): string {
  if (aggregation === 'count') return 'count';
  if (aggregation === 'cardinality') return `distinct:${field}`;
  return aggregation === 'sum' ? field!.replace(/^flow\./, '') : `${aggregation}:${field}`;
}

/** Splits from the outermost inwards, and what is summed up in the innermost. */
function toNested(aggs: Aggs): Pick<PanelFacts, 'measures' | 'splits'> {
  const sums = Object.values(aggs).flatMap(({ sum }) => (sum === undefined ? [] : [toMeasure('sum', sum.field)]));
  const divided = Object.values(aggs).find(({ terms, geohash_grid }) => (terms ?? geohash_grid) !== undefined);
  if (divided === undefined) return { measures: sums.length === 0 ? ['count'] : sums, splits: [] };
  const { measures, splits } = toNested(divided.aggs ?? {});
  return { measures, splits: [(divided.terms ?? divided.geohash_grid)!.field, ...splits] };
}
