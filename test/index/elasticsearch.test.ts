// The bulk writer on real Elasticsearch 7: what the double of bulk-writer.test.ts can't prove.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createBulkWriter } from '../../src/index/bulk-writer.ts';
import { createElasticsearchClient, type ProductCheck } from '../../src/index/elasticsearch-client.ts';
import type { Sink } from '../../src/index/sink.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { expectedTally, sinkContract, tally } from '../contracts/sink-contract.ts';
import { describeWith } from '../needs.ts';
import {
  type ElasticsearchServer,
  type ElasticsearchVersion,
  startElasticsearch,
} from '../servers/elasticsearch/index.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { documentBatchOf, flowBatch, flowDocument, noonMs } from './document-batches.ts';

const never = new AbortController().signal;
const allIndexed = { alreadyThere: [], refused: [] };

interface Setting {
  readonly server: ElasticsearchServer;
  readonly proxy: FaultProxy;
  /** Each writer has its own index. */
  writer(options?: { productCheck?: ProductCheck; direct?: boolean }): { readonly sink: Sink; readonly index: string };
  /** All documents of the indices with this beginning. */
  read(index: string): Promise<{ _index: string; _id: string; _source: Record<string, unknown> }[]>;
}

let indices = 0;

function withServer(version: ElasticsearchVersion): Setting {
  let server: ElasticsearchServer;
  let proxy: FaultProxy;
  const sinks: Sink[] = [];
  beforeAll(async () => {
    server = await startElasticsearch({ version });
    proxy = await startFaultProxy(server.url);
  });
  afterEach(async () => {
    proxy.always = undefined;
    proxy.faults.length = 0;
    await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
  });
  afterAll(async () => {
    await proxy?.stop();
    await server?.stop();
  });
  return {
    get server() {
      return server;
    },
    get proxy() {
      return proxy;
    },
    writer({ productCheck = 'auto', direct = false } = {}) {
      indices += 1;
      const index = `weir-flow-t${indices}`;
      const sink = createBulkWriter({
        client: createElasticsearchClient({ nodes: [direct ? server.url : proxy.url], productCheck }),
        indexName: `${index}-%{yyyy.MM.dd}`,
        backOff: { firstMs: 10, maxMs: 200 },
        logger: silentLogger,
        now: Date.now,
      });
      sinks.push(sink);
      return { sink, index };
    },
    async read(index) {
      await server.ask('POST', `/${index}*/_refresh`);
      interface Found {
        readonly hits: { readonly hits: { _index: string; _id: string; _source: Record<string, unknown> }[] };
      }
      const { hits } = await server.ask<Found>('POST', `/${index}*/_search`, { size: 10_000 });
      return hits.hits;
    },
  };
}

async function sources(setting: Setting, index: string): Promise<unknown[]> {
  return (await setting.read(`${index}-`)).map(({ _source }) => _source);
}

/** ElastiFlow's types: its dashboards and whoever searches depend on them. */
const types: Readonly<Record<string, string>> = {
  '@timestamp': 'date',
  'event.type': 'keyword',
  'node.ipaddr': 'ip',
  'node.hostname': 'keyword',
  'flow.src_addr': 'ip',
  'flow.dst_addr': 'ip',
  'flow.client_addr': 'ip',
  'flow.server_addr': 'ip',
  'flow.next_hop': 'ip',
  'flow.src_port': 'long',
  'flow.dst_port': 'long',
  'flow.service_port': 'long',
  'flow.bytes': 'long',
  'flow.packets': 'long',
  'flow.server_asn': 'long',
  'flow.dst_geo_location': 'geo_point',
  'flow.server_geo_location': 'geo_point',
  'flow.autonomous_system': 'keyword',
  'flow.service_name': 'keyword',
  'flow.tcp_flags': 'keyword',
  'flow.input_snmp': 'keyword',
  'netflow.first_switched': 'date',
  'netflow.flow_seq_num': 'long',
};

function smokeTests(setting: Setting): void {
  test('gives fields the types that the template says, in indices of their day', async () => {
    const { sink, index } = setting.writer();
    await sink.start();
    expect(await sink.write(flowBatch('typed', 3), never)).toEqual(allIndexed);
    expect((await setting.read(index)).map(({ _index, _id }) => [_index, _id]).sort()).toEqual(
      ['0', '1', '2'].map((n) => [`${index}-2026.11.24`, `typed-${n}`]),
    );
    const caps = await setting.server.ask<{ fields: Record<string, Record<string, unknown>> }>(
      'GET',
      `/${index}-*/_field_caps?fields=*`,
    );
    const found = Object.fromEntries(Object.keys(types).map((name) => [name, Object.keys(caps.fields[name] ?? {})[0]]));
    expect(found).toEqual(types);
    // Every field of the document is known to the index: nothing is hidden from searches.
    expect(leafPaths(flowDocument('typed', 0, noonMs)).filter((path) => caps.fields[path] === undefined)).toEqual([]);
    const settings = await setting.server.ask<Record<string, { settings: { index: Record<string, unknown> } }>>(
      'GET',
      `/${index}-*/_settings`,
    );
    expect(settings[`${index}-2026.11.24`]?.settings.index).toMatchObject({
      codec: 'best_compression',
      number_of_shards: '1',
      number_of_replicas: '0',
      sort: { field: ['flow.server_addr', 'flow.service_name'] },
    });
  });

  test('knows documents that are already there', async () => {
    const { sink, index } = setting.writer();
    expect(await sink.write(flowBatch('again', 4), never)).toEqual(allIndexed);
    expect(await sink.write(flowBatch('again', 4), never)).toEqual({ alreadyThere: [0, 1, 2, 3], refused: [] });
    expect(tally(await sources(setting, index))).toEqual(expectedTally([['again', 4]]));
  });

  test('keeps what it refuses as a dead letter', async () => {
    const { sink, index } = setting.writer();
    const batchId = `dead-${index}`;
    const bad = { '@timestamp': { no: 'time' }, flow: { dst_port: 53 } };
    const { alreadyThere, refused } = await sink.write(
      documentBatchOf([flowDocument(batchId, 0, noonMs), bad], { batchId }),
      never,
    );
    expect(alreadyThere).toEqual([]);
    expect(refused).toEqual([{ index: 1, reason: expect.stringContaining('mapper_parsing_exception') }]);
    expect(await sources(setting, index)).toHaveLength(1);
    const letters = (await setting.read('weir-dead-letters')).filter(({ _id }) => _id === `${batchId}-1`);
    expect(letters.map(({ _source }) => _source)).toEqual([
      expect.objectContaining({
        original: JSON.stringify(bad),
        id: `${batchId}-1`,
        batch_id: batchId,
        index: `${index}-2026.11.24`,
      }),
    ]);
  });
}

describeWith(['java', 'maven'], 'Elasticsearch 7.10.2', () => {
  const setting = withServer('7.10.2');
  smokeTests(setting);

  describe('keeps the sink contract', () => {
    sinkContract({
      async create() {
        const { sink, index } = setting.writer();
        await sink.start();
        return {
          sink,
          hold: () => {
            setting.proxy.always = 'cut before';
          },
          release: () => {
            setting.proxy.always = undefined;
          },
          read: async () => {
            const exists = await setting.server.ask<object>('GET', `/${index}-*`);
            return Object.keys(exists).length === 0 ? [] : sources(setting, index);
          },
        };
      },
    });
  });

  test('drops a bad field, not its document', async () => {
    const { sink, index } = setting.writer();
    const flow = {
      bytes: '18446744073709551616',
      src_addr: 'no address',
      dst_port: 53,
      server_geo_location: 'nowhere',
    };
    expect(await sink.write(documentBatchOf([{ flow }]), never)).toEqual(allIndexed);
    await setting.server.ask('POST', `/${index}-*/_refresh`);
    const query = { term: { 'flow.dst_port': 53 } };
    const { count } = await setting.server.ask<{ count: number }>('POST', `/${index}-*/_count`, { query });
    expect(count).toBe(1);
  });

  test('answers the questions that dashboards ask', async () => {
    const { sink, index } = setting.writer();
    await sink.write(flowBatch('asked', 10), never);
    await setting.server.ask('POST', `/${index}-*/_refresh`);
    const inside = [
      { term: { 'flow.src_addr': '10.0.0.0/29' } },
      { range: { '@timestamp': { gte: '2026-11-24T11:59:59Z', lte: '2026-11-24T12:00:00Z' } } },
      { geo_distance: { distance: '1km', 'flow.server_geo_location': '37.4043,-122.0748' } },
      { geo_distance: { distance: '1km', 'flow.dst_geo_location': '37.4043,-122.0748' } },
      { term: { 'flow.tcp_flags': 'SYN' } },
    ];
    interface Found {
      readonly hits: { readonly total: { readonly value: number } };
      readonly aggregations: { readonly by: { readonly buckets: object[] } };
    }
    const { hits, aggregations } = await setting.server.ask<Found>('POST', `/${index}-*/_search`, {
      query: { bool: { filter: inside } },
      aggs: { by: { terms: { field: 'flow.service_name' }, aggs: { bytes: { sum: { field: 'flow.bytes' } } } } },
    });
    expect(hits.total.value).toBe(8);
    expect(aggregations.by.buckets).toEqual([
      // 8 flows of 1844 + 0 … 7 bytes
      { key: 'https (TCP/443)', doc_count: 8, bytes: { value: 8 * 1844 + 28 } },
    ]);
  });

  test('keeps fields that nobody announced, searchable', async () => {
    const { sink, index } = setting.writer();
    const ipfix = {
      octetTotalCount: 5,
      userName: 'eva',
      postNATSourceIPv4Address: '192.0.2.7',
      mplsFraction: 0.5,
      collectionTimeMilliseconds: '2026-11-24T12:00:00.000Z',
    };
    await sink.write(documentBatchOf([{ ipfix, unknown: { deep: 1 } }]), never);
    await setting.server.ask('POST', `/${index}-*/_refresh`);
    const { fields } = await setting.server.ask<{ fields: Record<string, object> }>(
      'GET',
      `/${index}-*/_field_caps?fields=*`,
    );
    expect(Object.keys(fields['ipfix.octetTotalCount'] ?? {})).toEqual(['long']);
    expect(Object.keys(fields['ipfix.userName'] ?? {})).toEqual(['keyword']);
    expect(Object.keys(fields['ipfix.postNATSourceIPv4Address'] ?? {})).toEqual(['ip']);
    expect(Object.keys(fields['ipfix.mplsFraction'] ?? {})).toEqual(['double']);
    expect(Object.keys(fields['ipfix.collectionTimeMilliseconds'] ?? {})).toEqual(['date']);
    // Elsewhere nothing is added to the mapping: a hostile exporter can't make it explode there.
    expect(fields['unknown.deep']).toBeUndefined();
  });

  test('an answer that is lost on the way doubles nothing', async () => {
    const { sink, index } = setting.writer();
    await sink.start();
    setting.proxy.faults.push('cut after', 'cut in the answer', { status: 429 }, 'cut after');
    expect((await sink.write(flowBatch('lost answer', 300), never)).refused).toEqual([]);
    expect(setting.proxy.faults).toEqual([]);
    expect(tally(await sources(setting, index))).toEqual(expectedTally([['lost answer', 300]]));
  });

  test('an index that the flood stage made read-only is waited for', async () => {
    const { sink, index } = setting.writer();
    await sink.write(flowBatch('before', 1), never);
    const block = (on: true | null): Promise<unknown> =>
      setting.server.ask('PUT', `/${index}-2026.11.24/_settings`, { 'index.blocks.read_only_allow_delete': on });
    await block(true);
    const writing = sink.write(flowBatch('during', 5), never);
    await expect.poll(() => sink.trouble(), { timeout: 10_000 }).toMatch(/cluster_block_exception.*read-only/);
    await block(null);
    expect(await writing).toEqual(allIndexed);
    expect(tally(await sources(setting, index))).toEqual(
      expectedTally([
        ['before', 1],
        ['during', 5],
      ]),
    );
  });

  test('strict refuses this open-source build, auto takes it', async () => {
    await expect(setting.writer({ productCheck: 'strict' }).sink.start()).rejects.toMatchObject({
      code: 'sink-refused',
      hint: expect.stringContaining('auto'),
    });
    await setting.writer({ productCheck: 'auto' }).sink.start();
  });

  test('killed and restarted in mid-stream, it has every document exactly once', { timeout: 120_000 }, async () => {
    const { sink, index } = setting.writer({ direct: true });
    await sink.start();
    const ids = Array.from({ length: 24 }, (_, n) => `b${n}`);
    const next = ids.values();
    let done = 0;
    // Two lanes, as the pipeline has them; the server dies while both have requests under way.
    const lane = async (): Promise<void> => {
      for (const id of next) {
        expect((await sink.write(flowBatch(id, 250), never)).refused).toEqual([]);
        done += 1;
      }
    };
    const lanes = Promise.all([lane(), lane()]);
    while (done < 6) await sleep(5);
    await setting.server.kill();
    const doneAtKill = done;
    await expect.poll(() => sink.trouble(), { timeout: 10_000 }).toMatch(/ECONNREFUSED|cut/);
    await sleep(500);
    expect(done).toBeLessThanOrEqual(doneAtKill + 2);
    expect(done).toBeLessThan(ids.length);
    await setting.server.restart();
    await lanes;
    expect(sink.trouble()).toBeUndefined();
    expect(tally(await sources(setting, index))).toEqual(expectedTally(ids.map((id) => [id, 250])));
  });
});

describeWith(['java', 'maven'], 'Elasticsearch 7.3.1', () => {
  smokeTests(withServer('7.3.1'));
});

describeWith(['java', 'maven'], 'Elasticsearch 7.17.28', () => {
  const setting = withServer('7.17.28');
  smokeTests(setting);

  test('passes the strict product check', async () => {
    await setting.writer({ productCheck: 'strict' }).sink.start();
  });
});

function leafPaths(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || path.endsWith('geo_location'))
    return [path];
  return Object.entries(value).flatMap(([name, inner]) => leafPaths(inner, path === '' ? name : `${path}.${name}`));
}
