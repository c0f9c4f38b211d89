// weir into a real Elasticsearch that is killed and restarted in mid-stream: afterwards every flow is there exactly once.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch/index.ts';
import { createFlowSender, numberOf } from './numbered-flows.ts';
import { startWeir, waitUntil } from './weir-process.ts';

interface SearchAnswer {
  readonly hits: {
    readonly total: { readonly value: number };
    readonly hits: readonly {
      readonly _source: { readonly flow: Record<string, unknown> };
      readonly sort: unknown[];
    }[];
  };
}

describeWith(['java', 'maven'], 'weir into Elasticsearch 7.10.2', () => {
  let folder: string;
  let server: ElasticsearchServer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-into-elasticsearch-'));
    server = await startElasticsearch({ version: '7.10.2' });
  }, 180_000);
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  async function countDocuments(): Promise<number> {
    try {
      await server.ask('POST', '/weir-flow-*/_refresh');
      return (await server.ask<{ count: number }>('GET', '/weir-flow-*/_count')).count;
    } catch {
      return -1;
    }
  }

  async function readNumbers(): Promise<number[]> {
    const numbers: number[] = [];
    let after: unknown[] | undefined;
    for (;;) {
      const answer = await server.ask<SearchAnswer>('POST', '/weir-flow-*/_search', {
        size: 5000,
        sort: [{ 'flow.bytes': 'asc' }, { 'flow.src_addr': 'asc' }],
        _source: ['flow.src_addr'],
        ...(after !== undefined && { search_after: after }),
      });
      const { hits } = answer.hits;
      if (hits.length === 0) return numbers;
      numbers.push(...hits.map(({ _source }) => numberOf(_source.flow['src_addr'])));
      after = hits.at(-1)?.sort;
    }
  }

  test('killed twice in mid-stream, once under way: every flow is there exactly once', async () => {
    const weir = await startWeir({
      folder,
      index: `{ elasticsearch: { nodes: [ "${server.url}" ] } }`,
      settings: 'batch: { records: 500, bytes: 1MiB, age: 100ms }',
    });
    const sender = createFlowSender(weir.port);
    let sending = true;
    let sent = 0;
    const stream = (async () => {
      while (sending) {
        // Slow enough for a server that is starting on a busy machine: what counts is that none is missing.
        sent = await sender.send(60);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    for (let round = 0; round < 2; round += 1) {
      const before = sent;
      await waitUntil(() => sent > before + 1500, 60_000, 'flows sent');
      await server.kill();
      await new Promise((resolve) => setTimeout(resolve, 2000));
      await server.restart();
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    sending = false;
    await stream;
    sender.close();
    await waitUntil(
      async () => (await countDocuments()) >= sent,
      120_000,
      () => `${sent} documents indexed; weir said\n${weir.output()}`,
    );
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(await countDocuments()).toBe(sent);
    expect((await readNumbers()).sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, index) => index));
    expect(weir.output()).toContain('"lost":0');
  }, 400_000);
});
