// What real Elasticsearch 7 says when it does not take a document, and what becomes of the document then: item-fault.ts holds the wordings.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { listDeadLetters, purgeDeadLetters, retryDeadLetters, showDeadLetter } from '../../src/app/dead-letters.ts';
import { toBulkOutcome } from '../../src/index/bulk-result.ts';
import { type BulkWriterOptions, createBulkWriter } from '../../src/index/bulk-writer.ts';
import { createElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { createServerSetup } from '../../src/index/server-setup.ts';
import type { Sink } from '../../src/index/sink.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { describeWith } from '../needs.ts';
import {
  type ElasticsearchServer,
  type ElasticsearchVersion,
  startElasticsearch,
} from '../servers/elasticsearch/index.ts';
import { documentBatchOf } from './document-batches.ts';

const never = new AbortController().signal;
const allIndexed = { alreadyThere: [], refused: [] };
const patience = { timeout: 30_000 };

/** An index that looks closely at everything: none of the settings of our template that forgive. */
const strictIndex = {
  settings: {
    number_of_shards: 1,
    number_of_replicas: 0,
    'mapping.ignore_malformed': false,
    'mapping.total_fields.limit': 40,
    'mapping.depth.limit': 4,
  },
  mappings: {
    properties: {
      addr: { type: 'ip' },
      port: { type: 'integer' },
      when: { type: 'date' },
      count: { type: 'long' },
      place: { type: 'geo_point' },
      object: { properties: { a: { type: 'long' } } },
      word: { type: 'keyword' },
      strict: { dynamic: 'strict', properties: { known: { type: 'keyword' } } },
      '@timestamp': { type: 'date' },
    },
  },
};

/** What is wrong → the document, and the fields that it loses. */
const badFields: Readonly<Record<string, readonly [object, readonly string[]]>> = {
  'no IP address': [{ addr: 'nowhere' }, ['addr']],
  'a number out of range': [{ port: 99_999_999_999 }, ['port']],
  'a text for a number': [{ count: 'many' }, ['count']],
  'a malformed date': [{ when: 'yesterday' }, ['when']],
  'a malformed place': [{ place: 'no place!' }, ['place']],
  'an object for a number': [{ count: { x: 1 } }, ['count']],
  'a number for an object': [{ object: 5 }, ['object']],
  'a name below a number': [{ 'count.sub': 1 }, ['count.sub']],
  'a term that is too long': [{ word: 'x'.repeat(40_000) }, ['word']],
  'an unknown field where they are strict': [{ strict: { known: 'a', other: 1 } }, ['strict.other']],
  'too many fields': [{ labels: Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`l${n}`, 'x'])) }, ['labels']],
  'three at once': [{ addr: 'x', when: 'y', port: 'z' }, ['addr', 'port', 'when']],
};

let indices = 0;

function faultTests(version: ElasticsearchVersion): void {
  let server: ElasticsearchServer;
  const folder = mkdtempSync(join(tmpdir(), 'weir-faults-'));
  const sinks: Sink[] = [];
  beforeAll(async () => {
    server = await startElasticsearch({
      version,
      settings: { 'action.auto_create_index': '-weir-flow-forbidden*,+weir-*' },
    });
    // The template of dead letters; the tests' own indices are as they make them.
    await createServerSetup({
      client: createElasticsearchClient({ nodes: [server.url] }),
      indexName: 'weir-elsewhere-%{yyyy.MM.dd}',
      logger: silentLogger,
      now: Date.now,
    }).prepare(never);
  }, 120_000);
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A writer whose documents all go to one index that is not there yet. */
  function writer(options: Partial<BulkWriterOptions> & { readonly name?: string } = {}) {
    indices += 1;
    const index = `weir-flow-${options.name ?? 'fault'}-${indices}`;
    const sink = createBulkWriter({
      client: createElasticsearchClient({ nodes: [server.url] }),
      indexName: index,
      prepare: () => Promise.resolve(),
      backOff: { firstMs: 10, maxMs: 200 },
      serverTimeoutMs: 500,
      logger: silentLogger,
      now: Date.now,
      ...options,
    });
    sinks.push(sink);
    return { sink, index };
  }

  async function read(index: string): Promise<{ _id: string; _source: Record<string, unknown> }[]> {
    await server.ask('POST', `/${index}/_refresh`);
    const { hits } = await server.ask<{ hits: { hits: { _id: string; _source: Record<string, unknown> }[] } }>(
      'POST',
      `/${index}/_search`,
      { size: 1000 },
    );
    return hits.hits;
  }

  test('fields that the index does not take go, their documents stay, and say so', { timeout: 60_000 }, async () => {
    const { sink, index } = writer();
    await server.ask('PUT', `/${index}`, strictIndex);
    const cases = Object.entries(badFields);
    const documents = documentBatchOf(cases.map(([name, [document]]) => ({ ...document, kept: name })));
    expect(await sink.write(documents, never)).toEqual(allIndexed);
    const found = (await read(index)).map(({ _source }) => {
      const { kept, weir } = _source as { kept: string; weir?: { dropped_fields: string[] } };
      return [kept, [...(weir?.dropped_fields ?? [])].sort()];
    });
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(cases.map(([name, [, fields]]) => [name, fields])));
    expect(Object.fromEntries(sink.measures?.().droppedFields ?? [])).toEqual({
      addr: 2,
      port: 2,
      count: 2,
      when: 2,
      place: 1,
      object: 1,
      'count.sub': 1,
      word: 1,
      'strict.other': 1,
      labels: 1,
    });
    // Once more: what the index has under its id it does not take again.
    expect((await sink.write(documents, never)).alreadyThere).toHaveLength(cases.length);
  });

  test('what lies too deep goes', async () => {
    const { sink, index } = writer();
    await server.ask('PUT', `/${index}`, strictIndex);
    expect(await sink.write(documentBatchOf([{ a: { b: { c: { d: { e: 1 } } } }, kept: 1 }]), never)).toEqual(
      allIndexed,
    );
    const [{ _source } = { _source: {} }] = await read(index);
    expect(_source).toMatchObject({ kept: 1, weir: { dropped_fields: [expect.stringMatching(/^a\./)] } });
  });

  test('a document without a usable time, or that is no JSON, is a dead letter', async () => {
    const { sink, index } = writer();
    await server.ask('PUT', `/${index}`, strictIndex);
    const batchId = `letters-${index}`;
    const { refused } = await sink.write(
      documentBatchOf([{ '@timestamp': 'never' }, '{"broken":', { count: 1 }], { batchId }),
      never,
    );
    expect(refused.map((document) => document.index).sort()).toEqual([0, 1]);
    expect(await read(index)).toHaveLength(1);
    const letters = (await read('weir-dead-letters')).filter(({ _source }) => _source['batch_id'] === batchId);
    expect(letters.map(({ _source }) => _source['original']).sort()).toEqual(['{"@timestamp":"never"}', '{"broken":']);
  });

  test('dead letters that their index refuses go to the file', async () => {
    const deadLetterFile = join(folder, 'dead-letters.ndjson');
    const { sink, index } = writer({ deadLetterFile });
    await server.ask('PUT', `/${index}`, strictIndex);
    await server.ask('POST', '/weir-dead-letters/_close');
    try {
      const { refused } = await sink.write(documentBatchOf([{ '@timestamp': 'never' }], { batchId: 'filed' }), never);
      expect(refused).toHaveLength(1);
    } finally {
      await server.ask('POST', '/weir-dead-letters/_open');
    }
    expect(sink.measures?.()).toMatchObject({ deadLettersInFile: 1, deadLettersLost: 0 });
    expect(JSON.parse(readFileSync(deadLetterFile, 'utf8'))).toMatchObject({
      index,
      id: 'filed-0',
      original: '{"@timestamp":"never"}',
    });
  });

  test('dead letters are listed, sent again when the index is mended, and thrown away', {
    timeout: 60_000,
  }, async () => {
    const deadLetterFile = join(folder, 'state', 'dead-letters.ndjson');
    mkdirSync(join(folder, 'state'), { recursive: true });
    const { sink, index } = writer({ deadLetterFile, version: '9.8.7' });
    await server.ask('PUT', `/${index}`, { mappings: { dynamic: 'strict', properties: { n: { type: 'long' } } } });
    const batchId = `kept-${index}`;
    const bad = (n: number): string => `{"n":${n},"nine":[1,2,3],"big":18446744073709551615`;
    const fields = Array.from({ length: 9 }, (_, n) => `"f${n}":1`).join();
    const originals = [0, 1, 2, 3].map((n) => `${bad(n)},${fields}}`);
    expect((await sink.write(documentBatchOf(originals, { batchId }), never)).refused).toHaveLength(4);
    await server.ask('POST', '/weir-dead-letters/_close');
    const filedId = `${batchId}-filed`;
    try {
      await sink.write(documentBatchOf([originals[0]!], { batchId: filedId }), never);
    } finally {
      await server.ask('POST', '/weir-dead-letters/_open');
    }
    await server.ask('POST', '/weir-dead-letters/_refresh');

    const pipeline = join(folder, 'pipeline.yml');
    writeFileSync(
      pipeline,
      `name: t\nstate: ${join(folder, 'state')}\nindex: { elasticsearch: { nodes: "${server.url}" }, name: weir-flow }\nsteps: []\n`,
    );
    const reason = 'strict_dynamic_mapping';
    const listed = async (): Promise<{ id: string }[]> =>
      JSON.parse(await listDeadLetters(pipeline, { json: true, reason }, Date.now())) as { id: string }[];
    expect((await listed()).map(({ id }) => id).sort()).toEqual(
      [0, 1, 2, 3]
        .map((n) => `${batchId}-${n}`)
        .concat(`${filedId}-0`)
        .sort(),
    );
    expect(await listDeadLetters(pipeline, { reason, limit: 2, since: '1h' }, Date.now())).toMatch(
      /REFUSED +ID +INDEX +EXPORTER +REASON\n(.*strict_dynamic_mapping.*\n){2}\n2 of 5: /,
    );
    expect(await listDeadLetters(pipeline, { reason, before: '1h' }, Date.now())).toBe('no dead letters\n');
    expect(JSON.parse(await showDeadLetter(pipeline, `${batchId}-2`))).toMatchObject({
      index,
      batch_id: batchId,
      position: 2,
      exporter: '192.0.2.1',
      weir_version: '9.8.7',
      original: originals[2],
    });

    expect(await retryDeadLetters(pipeline, { reason, dryRun: true }, Date.now())).toBe('5 would be sent again\n');
    expect(await purgeDeadLetters(pipeline, { reason, limit: 2, dryRun: true }, Date.now())).toBe(
      '2 would be thrown away\n',
    );
    expect(await listed()).toHaveLength(5);

    // Nothing is mended yet: nothing is lost.
    expect(await retryDeadLetters(pipeline, { reason, limit: 2 }, Date.now())).toMatch(
      /^0 indexed, 0 already there, 2 refused again\n {2}2 × strict_dynamic_mapping/,
    );
    expect(await listed()).toHaveLength(5);

    await server.ask('PUT', `/${index}/_mapping`, { dynamic: false });
    // One of them came to the index in another way.
    await server.ask('PUT', `/${index}/_create/${batchId}-3`, { n: 3 });
    expect(await retryDeadLetters(pipeline, { id: `${batchId}-0` }, Date.now())).toMatch(/^1 indexed, 0 already there/);
    // Two at once: each letter is indexed by one of them, or there already.
    const both = await Promise.all([0, 1].map(() => retryDeadLetters(pipeline, { reason }, Date.now())));
    const indexedOf = (line: string): number => Number(/^(\d+) indexed, \d+ already there, 0 refused/.exec(line)?.[1]);
    expect(both.map(indexedOf).reduce((sum, count) => sum + count)).toBe(3);
    expect(await listed()).toEqual([]);
    expect((await read(index)).map(({ _id, _source }) => [_id, _source['n']]).sort()).toEqual([
      [`${batchId}-0`, 0],
      [`${batchId}-1`, 1],
      [`${batchId}-2`, 2],
      [`${batchId}-3`, 3],
      [`${filedId}-0`, 0],
    ]);

    await expect(purgeDeadLetters(pipeline, {}, Date.now())).rejects.toMatchObject({ code: 'usage' });
    expect(await purgeDeadLetters(pipeline, { before: '1h' }, Date.now())).toBe('0 thrown away\n');
    expect(await purgeDeadLetters(pipeline, { yes: true }, Date.now())).not.toBe('0 thrown away\n');
    expect(await listDeadLetters(pipeline, {}, Date.now())).toBe('no dead letters\n');
  });

  describe('waits, says what to do, and goes on', () => {
    interface Trouble {
      readonly name?: string;
      readonly begin: (index: string) => Promise<unknown>;
      readonly message: RegExp;
      readonly mend: (index: string) => Promise<unknown>;
    }
    const make = (index: string, settings: object = {}): Promise<unknown> =>
      server.ask('PUT', `/${index}?wait_for_active_shards=0`, {
        settings: { number_of_shards: 1, number_of_replicas: 0, ...settings },
      });
    const set = (index: string, settings: object): Promise<unknown> =>
      server.ask('PUT', `/${index}/_settings`, settings);
    const setShards = (limit: number | null): Promise<unknown> =>
      server.ask('PUT', '/_cluster/settings', { persistent: { 'cluster.max_shards_per_node': limit } });
    const troubles: Readonly<Record<string, Trouble>> = {
      'when the index is missing and may not be made': {
        name: 'forbidden',
        begin: async () => undefined,
        message: /index_not_found_exception.*PUT _cluster\/settings.*auto_create_index/,
        mend: (index) => make(index),
      },
      'at the flood stage of the disk': {
        begin: async (index) => {
          await make(index);
          await set(index, { 'index.blocks.read_only_allow_delete': true });
        },
        message: /cluster_block_exception.*too little disk.*read_only_allow_delete/,
        mend: (index) => set(index, { 'index.blocks.read_only_allow_delete': null }),
      },
      'when writes are blocked': {
        begin: async (index) => {
          await make(index);
          await set(index, { 'index.blocks.write': true });
        },
        message: /cluster_block_exception.*"index.blocks.write": null/,
        mend: (index) => set(index, { 'index.blocks.write': null }),
      },
      'when the index is read-only': {
        begin: async (index) => {
          await make(index);
          await set(index, { 'index.blocks.read_only': true });
        },
        message: /cluster_block_exception.*"index.blocks.read_only": null/,
        mend: (index) => set(index, { 'index.blocks.read_only': null }),
      },
      'when the index is closed': {
        begin: async (index) => {
          await make(index);
          await server.ask('POST', `/${index}/_close`);
        },
        message: /index_closed_exception.*POST INDEX\/_open/,
        mend: (index) => server.ask('POST', `/${index}/_open`),
      },
      'when the name is an alias without a write index': {
        begin: async (index) => {
          await make(`${index}-a`, {});
          await server.ask('PUT', `/${index}-a/_alias/${index}`, { is_write_index: false });
        },
        message: /no write index.*is_write_index/,
        mend: (index) => server.ask('PUT', `/${index}-a/_alias/${index}`, { is_write_index: true }),
      },
      'when the name is an alias of several indices': {
        begin: async (index) => {
          for (const end of ['a', 'b']) {
            await make(`${index}-${end}`);
            await server.ask('PUT', `/${index}-${end}/_alias/${index}`);
          }
        },
        message: /no write index.*is_write_index/,
        mend: (index) => server.ask('PUT', `/${index}-b/_alias/${index}`, { is_write_index: true }),
      },
      'when the shard is on no node': {
        begin: (index) => make(index, { 'index.routing.allocation.require._name': 'nobody' }),
        message: /unavailable_shards_exception.*GET _cluster\/allocation\/explain/,
        mend: (index) => set(index, { 'index.routing.allocation.require._name': null }),
      },
      'when the cluster has all shards that it may have': {
        begin: () => setShards(1),
        message: /this action would add \[\d+\] (total )?shards.*cluster\.max_shards_per_node/,
        mend: () => setShards(null),
      },
    };

    test.each(Object.keys(troubles))('%s', { timeout: 60_000 }, async (title) => {
      const { name, begin, message, mend } = troubles[title]!;
      const { sink, index } = writer(name === undefined ? {} : { name });
      await begin(index);
      const writing = sink.write(documentBatchOf([{ n: 1 }, { n: 2 }], { batchId: index }), never);
      try {
        await expect.poll(() => sink.trouble(), patience).toMatch(message);
        expect(sink.trouble()).toContain(`Elasticsearch at ${server.url} holds documents`);
      } finally {
        await mend(index);
      }
      expect(await writing).toEqual(allIndexed);
      expect(sink.trouble()).toBeUndefined();
      expect(await read(index)).toHaveLength(2);
    });
  });
}

describeWith(['java', 'maven'], 'Elasticsearch 7.10.2 without a master', () => {
  test('is waited for', { timeout: 120_000 }, async () => {
    const server = await startElasticsearch({
      settings: { 'discovery.type': 'zen', 'cluster.initial_master_nodes': 'elsewhere' },
      ready: 'http',
    });
    const client = createElasticsearchClient({ nodes: [server.url] });
    try {
      const body = Buffer.from('{"create":{"_index":"weir-flow","_id":"1"}}\n{}\n');
      const query = { timeout: '100ms' };
      const answer = await client.request({ method: 'POST', path: '/_bulk', query, body }, never);
      expect(toBulkOutcome(answer, 1, 0)).toMatchObject({
        kind: 'wait',
        reason: expect.stringMatching(/The cluster has no master/),
      });
    } finally {
      await client.close();
      await server.stop();
    }
  });
});

for (const version of ['7.10.2', '7.3.1', '7.17.28'] as const)
  describeWith(['java', 'maven'], `Elasticsearch ${version}`, () => faultTests(version));
