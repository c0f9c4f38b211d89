// ElastiFlow's own dashboards have the index pattern `elastiflow-*`: with an index.name that it matches, it finds weir's flows with the
// types of weir's template.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { createElasticsearchClient, type ElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { createServerSetup } from '../../src/index/server-setup.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { describeWith } from '../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch/index.ts';

const indexName = 'elastiflow-3.5.1-%{yyyy.MM.dd}';
const never = new AbortController().signal;

describeWith(['java', 'maven'], 'an index name of ElastiFlow’s', () => {
  let server: ElasticsearchServer;
  let client: ElasticsearchClient;
  beforeAll(async () => {
    server = await startElasticsearch({ version: '7.10.2' });
    client = createElasticsearchClient({ nodes: [server.url] });
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: Record<string, unknown>) =>
    (await client.request({ method, path, ...(body !== undefined && { body }) }, never)).json as Record<
      string,
      unknown
    >;

  test('elastiflow-* finds documents with addresses, numbers, words and points as their types', async () => {
    const now = () => Date.parse('2026-11-24T12:00:00Z');
    const setup = createServerSetup({ client, indexName, logger: silentLogger, now });
    for (const action of (await setup.plan({ force: false }, never)).plan.actions) await action.run(never);
    await ask('PUT', '/elastiflow-3.5.1-2026.11.24/_doc/1?refresh=true', {
      '@timestamp': '2026-11-24T12:00:00.000Z',
      node: { ipaddr: '192.0.2.1' },
      flow: { client_addr: '198.51.100.7', bytes: 1234, service_name: 'https (TCP/443)' },
    });
    const { hits } = await ask('POST', '/elastiflow-*/_search', {
      query: {
        bool: {
          filter: [
            { term: { 'flow.client_addr': '198.51.100.0/24' } },
            { term: { 'flow.service_name': 'https (TCP/443)' } },
          ],
        },
      },
    });
    expect(hits).toMatchObject({ total: { value: 1 } });
    const fields = 'node.ipaddr,flow.client_addr,flow.bytes,flow.service_name,flow.dst_geo_location,@timestamp';
    const answer = await ask('GET', `/elastiflow-*/_field_caps?fields=${fields}`);
    const types = Object.fromEntries(
      Object.entries(answer['fields'] as Record<string, object>).map(([name, caps]) => [name, Object.keys(caps)]),
    );
    expect(types).toMatchObject({
      '@timestamp': ['date'],
      'node.ipaddr': ['ip'],
      'flow.client_addr': ['ip'],
      'flow.bytes': ['long'],
      'flow.service_name': ['keyword'],
      'flow.dst_geo_location': ['geo_point'],
    });
  });

  test('an alias finds the documents of an index of another name, with the same types', async () => {
    const setup = createServerSetup({
      client,
      indexName: 'weir-flow-%{yyyy.MM.dd}',
      logger: silentLogger,
      now: () => Date.parse('2026-11-25T12:00:00Z'),
    });
    for (const action of (await setup.plan({ force: false }, never)).plan.actions) await action.run(never);
    await ask('PUT', '/weir-flow-2026.11.25/_doc/1?refresh=true', {
      '@timestamp': '2026-11-25T12:00:00.000Z',
      flow: { client_addr: '198.51.100.9', bytes: 99 },
    });
    await ask('POST', '/_aliases', {
      actions: [{ add: { index: 'weir-flow-2026.11.25', alias: 'elastiflow-3.5.1-2026.11.25' } }],
    });
    const { hits } = await ask('POST', '/elastiflow-*/_search', {
      query: { term: { 'flow.client_addr': '198.51.100.9/32' } },
    });
    expect(hits).toMatchObject({ total: { value: 1 } });
    const caps = await ask('GET', '/elastiflow-*/_field_caps?fields=flow.client_addr,flow.bytes');
    expect(caps['fields']).toMatchObject({ 'flow.client_addr': { ip: {} }, 'flow.bytes': { long: {} } });
  });
});
