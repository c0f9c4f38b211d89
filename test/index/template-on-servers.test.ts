// The index template on real servers: ECS names, the searches of ElastiFlow's dashboards, and whatever exporters may send.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toFieldMappings } from '../../scripts/generate-index-template.ts';
import { createDocumentLane, createPipeline, type NamedStep } from '../../src/enrich/pipeline.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { toTestBatch } from '../../src/enrich/test-record.ts';
import { createIndexNaming } from '../../src/index/index-name.ts';
import { flowKind, readIndexTemplates, toLegacyBody } from '../../src/index/index-template.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { writeAsnDatabase, writeCityDatabase } from '../enrich/city-database.ts';
import { describeWith } from '../needs.ts';
import {
  type ElasticsearchServer,
  type ElasticsearchVersion,
  startElasticsearch,
} from '../servers/elasticsearch/index.ts';
import { dashboardQueries } from './dashboard-queries.ts';

interface Answer {
  readonly _shards: { readonly failed: number };
  readonly hits: { readonly hits: readonly unknown[] };
  readonly aggregations?: Readonly<
    Record<string, { readonly doc_count?: number; readonly value?: number; readonly buckets?: readonly unknown[] }>
  >;
}

const versions: readonly ElasticsearchVersion[] = ['7.3.1', '7.10.2', '7.17.28'];

/** A value for a field of the type, and the query that finds it. */
const samples: Readonly<Record<string, readonly [value: unknown, query: (field: string) => object]>> = {
  ip: ['192.0.2.1', (field) => ({ term: { [field]: '192.0.2.0/24' } })],
  long: [443, (field) => ({ range: { [field]: { gte: 443, lt: 444 } } })],
  keyword: ['some text', (field) => ({ term: { [field]: 'some text' } })],
  geo_point: [
    { lat: 37.4, lon: -122 },
    (field) => ({ geo_distance: { distance: '10km', [field]: { lat: 37.4, lon: -122 } } }),
  ],
  date: ['2026-11-24T12:00:00.000Z', (field) => ({ range: { [field]: { gte: '2026-11-24', lt: '2026-11-25' } } })],
  boolean: [true, (field) => ({ term: { [field]: true } })],
};

const mappings = [...toFieldMappings()];
const aliases = mappings.flatMap(([name, { type, path }]) => (type === 'alias' ? [[name, String(path)] as const] : []));
const typeOf = (path: string): string => String(toFieldMappings().get(path)?.type);

/** A document that has every field of the template. */
function fullDocument(): object {
  const document: Record<string, unknown> = {};
  for (const [path, { type = '' }] of mappings) {
    if (type === 'alias') continue;
    const names = path.split('.');
    let object = document;
    for (const name of names.slice(0, -1)) {
      object[name] ??= {};
      object = object[name] as Record<string, unknown>;
    }
    object[names.at(-1)!] = samples[type]![0];
  }
  return document;
}

async function openSteps(folder: string): Promise<NamedStep[]> {
  const chosen: readonly (readonly [string, object])[] = [
    ['sampling', {}],
    ['server', {}],
    ['services', {}],
    ['geoip', { database: await writeCityDatabase(folder) }],
    ['asn', { database: await writeAsnDatabase(folder) }],
    ['locality', {}],
    ['reputation', { labels: { '216.58.0.0/16': ['bot'] } }],
  ];
  return Promise.all(
    chosen.map(async ([name, options]) => {
      const definition = stepCatalog.find((step) => step.name === name)!;
      return {
        name,
        step: await definition.create(definition.options.parse(options), { folder, logger: silentLogger }),
      };
    }),
  );
}

/** Flows in both directions between an inner host and an outer one that is on a list, from an agent that names its user. */
async function weirDocuments(folder: string): Promise<string> {
  const pipeline = createPipeline({ steps: await openSteps(folder) });
  const lane = createDocumentLane();
  const inner = { address: '10.0.0.115', ports: [43_173, 443] };
  const outer = { address: '216.58.0.131', ports: [43_173, 443] };
  const flows = [
    [inner, 0, outer, 1],
    [outer, 0, inner, 1],
  ] as const;
  return flows
    .map(([src, srcPort, dst, dstPort]) =>
      pipeline
        .toDocuments(
          toTestBatch({
            protocol: 'ipfix',
            fields: {
              sourceIPv4Address: src.address,
              destinationIPv4Address: dst.address,
              sourceTransportPort: src.ports[srcPort]!,
              destinationTransportPort: dst.ports[dstPort]!,
              protocolIdentifier: 6,
              tcpControlBits: 27,
              ipClassOfService: 0,
              vlanId: 20,
              ingressInterface: 1,
              egressInterface: 2,
              octetDeltaCount: 1844,
              packetDeltaCount: 25,
              applicationName: 'SSL',
              userName: 'ann',
              '44619/264': 'Linux',
              '44619/266': 'a-guid',
              '44619/267': 'a-host',
            },
          }),
          lane,
        )
        .bytes.toString(),
    )
    .join('');
}

describe.each(versions)('Elasticsearch %s', (version) => {
  describeWith(['java', 'maven'], 'with the index template', () => templateTests(version));
});

function templateTests(version: ElasticsearchVersion): void {
  let server: ElasticsearchServer;
  const folder = mkdtempSync(join(tmpdir(), 'weir-template-'));

  beforeAll(async () => {
    const naming = createIndexNaming('weir-flow-%{yyyy.MM.dd}', () => 0);
    const flows = (await readIndexTemplates({ naming, flowPattern: 'weir-flow-*' })).find(
      ({ kind }) => kind === flowKind,
    )!;
    server = await startElasticsearch({ version });
    await server.ask('PUT', '/_template/weir-flow', toLegacyBody(flows));
  }, 300_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function index(name: string, lines: string): Promise<readonly string[]> {
    interface BulkAnswer {
      readonly items: readonly { readonly index: { readonly error?: object } }[];
    }
    const body = lines.replaceAll(/^(?=.)/gm, '{"index":{}}\n');
    const response = await fetch(`${server.url}/${name}/_bulk?refresh=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body,
    });
    const { items } = (await response.json()) as BulkAnswer;
    return items.flatMap(({ index: { error } }) => (error === undefined ? [] : [JSON.stringify(error)]));
  }

  const search = (name: string, body: object): Promise<Answer> => server.ask<Answer>('POST', `/${name}/_search`, body);

  test('finds and groups by every ECS name', async () => {
    expect(await index('weir-flow-full', `${JSON.stringify(fullDocument())}\n`)).toEqual([]);
    const aggs = aliases.flatMap(([alias, path]) => {
      const type = typeOf(path);
      const group = type === 'geo_point' ? 'geohash_grid' : 'terms';
      return [
        [`${alias} exists`, { filter: { exists: { field: alias } } }],
        [`${alias} is found`, { filter: samples[type]![1](alias) }],
        [`${alias} groups`, { [group]: { field: alias } }],
      ];
    });
    const { aggregations, _shards } = await search('weir-flow-full', {
      size: 0,
      aggs: Object.fromEntries(aggs),
    });
    expect(_shards.failed).toBe(0);
    const counts = Object.entries(aggregations!).map(([name, { doc_count, buckets }]) => [
      name,
      doc_count ?? buckets?.length,
    ]);
    expect(counts).toHaveLength(3 * aliases.length);
    expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
  });

  test('answers every search of the dashboards over documents of weir', async () => {
    expect(await index('weir-flow-dashboards', await weirDocuments(folder))).toEqual([]);
    const silent: string[] = [];
    for (const { name, body, isScripted } of dashboardQueries) {
      // The jars of 7.17 have no Painless.
      if (isScripted && version === '7.17.28') continue;
      const { aggregations, hits, _shards } = await search('weir-flow-dashboards', body);
      const first = Object.values(aggregations ?? {})[0];
      const found = first?.buckets?.length ?? first?.value ?? hits.hits.length;
      if (found < 1 || _shards.failed > 0) silent.push(name);
    }
    expect(silent).toEqual([]);
  });

  test('refuses no document of exporters that send 6,000 names', async () => {
    const pipeline = createPipeline({ steps: [] });
    const lane = createDocumentLane();
    let lines = '';
    for (let template = 0; template < 30; template++) {
      const names = Array.from({ length: 200 }, (_, element) => [`65000/${template * 200 + element}`, element]);
      lines += pipeline
        .toDocuments(toTestBatch({ protocol: 'ipfix', fields: Object.fromEntries(names) }), lane)
        .bytes.toString();
    }
    expect(await index('weir-flow-names', lines)).toEqual([]);
    const { hits } = await search('weir-flow-names', { size: 30, _source: ['ipfix.unindexed'] });
    const unindexed = (hits.hits as { readonly _source: { readonly ipfix?: { readonly unindexed?: object } } }[]).map(
      ({ _source }) => Object.keys(_source.ipfix?.unindexed ?? {}).length,
    );
    // 6,000 names, of which the index learns 256.
    expect(unindexed.reduce((sum, count) => sum + count, 0)).toBe(5744);
    interface Mapped {
      readonly [index: string]: {
        readonly mappings: { readonly properties: { readonly ipfix: { readonly properties: object } } };
      };
    }
    const mapped = await server.ask<Mapped>('GET', '/weir-flow-names/_mapping');
    const properties = Object.keys(mapped['weir-flow-names']!.mappings.properties.ipfix.properties);
    expect(properties.filter((name) => name.startsWith('65000_'))).toHaveLength(256);
  });

  test('refuses no document for what a leftover is', async () => {
    const leftovers = [
      {
        ipfix: {
          a: 1,
          b: 'text',
          c: true,
          d: 0.5,
          fooIPv4Address: '192.0.2.1',
          fooSeconds: '2026-11-24T00:00:00.000Z',
        },
      },
      { ipfix: { a: 'text', b: 2, c: 'neither', d: 'text', fooIPv4Address: 'none', fooSeconds: 'never' } },
      { ipfix: { a: 9_223_372_036_854_775_000, b: 'x'.repeat(10_900), c: 3, d: 1, fooSeconds: -1 } },
      { ipfix: { e: { any: { thing: 1 } } }, labels: { zone: 'x' } },
      { netflow: { forwarding_status: { status: 1, reason: 65 } } },
    ];
    const lines = leftovers.map((document) => `${JSON.stringify(document)}\n`).join('');
    expect(await index('weir-flow-leftovers', lines)).toEqual([]);
  });
}
