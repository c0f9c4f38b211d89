import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BulkWriterOptions, createBulkWriter } from '../../src/index/bulk-writer.ts';
import { createElasticsearchClient, type ElasticsearchClientOptions } from '../../src/index/elasticsearch-client.ts';
import type { Sink } from '../../src/index/sink.ts';
import { createLogger, silentLogger } from '../../src/telemetry/logger.ts';
import { expectedTally, sinkContract, tally } from '../contracts/sink-contract.ts';
import {
  type ElasticsearchDouble,
  elasticsearchRoot,
  type ItemError,
  startElasticsearchDouble,
} from '../servers/elasticsearch-double.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { documentBatchOf, flowBatch, noonMs } from './document-batches.ts';

const never = new AbortController().signal;
const allIndexed = { alreadyThere: [], refused: [] };
let server: ElasticsearchDouble;
let proxy: FaultProxy;
const sinks: Sink[] = [];

beforeEach(async () => {
  server = await startElasticsearchDouble();
  proxy = await startFaultProxy(server.url);
});
afterEach(async () => {
  await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
  await Promise.all([proxy.stop(), server.stop()]);
});

function writerOf(options: Partial<BulkWriterOptions & ElasticsearchClientOptions> = {}): Sink {
  const sink = createBulkWriter({
    client: createElasticsearchClient({ nodes: [proxy.url], requestTimeoutMs: 20_000, ...options }),
    backOff: { firstMs: 1, maxMs: 4 },
    logger: silentLogger,
    now: Date.now,
    ...options,
  });
  sinks.push(sink);
  return sink;
}

function flowsThere(): unknown[] {
  return [...server.documents].filter(([key]) => key.startsWith('weir-flow-')).map(([, document]) => document);
}

function bulkRequests(): number[] {
  return proxy.seen.filter(({ line }) => line === 'POST /_bulk').map(({ bytes }) => bytes);
}

describe('the bulk writer keeps the contract', () => {
  sinkContract({
    async create() {
      const sink = writerOf();
      await sink.start();
      return {
        sink,
        hold: () => {
          proxy.always = 'cut before';
        },
        release: () => {
          proxy.always = undefined;
        },
        read: async () => flowsThere(),
      };
    },
  });
});

describe('a document', () => {
  test('goes to the index of its own day, under an id of batch and row position', async () => {
    const times = [noonMs, noonMs - 86_400_000, noonMs, Date.UTC(2026, 11, 31, 23, 59, 59, 999)];
    const documents = documentBatchOf([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }], {
      batchId: 'ab"c\u00fc',
      timeMs: (index) => times[index]!,
      position: (index) => [0, 35, 36, 4_294_967_295][index]!,
    });
    expect(await writerOf().write(documents, never)).toEqual(allIndexed);
    expect(Object.fromEntries(server.documents)).toEqual({
      'weir-flow-2026.11.24/ab"c\u00fc-0': { n: 0 },
      'weir-flow-2026.11.23/ab"c\u00fc-z': { n: 1 },
      'weir-flow-2026.11.24/ab"c\u00fc-10': { n: 2 },
      'weir-flow-2026.12.31/ab"c\u00fc-1z141z3': { n: 3 },
    });
  });

  test.each([Number.NaN, -1, 1e18, Number.POSITIVE_INFINITY])(
    'with the impossible time %d has an index',
    async (timeMs) => {
      await writerOf().write(documentBatchOf([{}], { timeMs }), never);
      expect([...server.documents.keys()]).toEqual(['weir-flow-1970.01.01/batch-0']);
    },
  );

  test('is sent byte for byte', async () => {
    const text = '{"text":"ü \\u0000 \\" 😀 ","big":18446744073709551615}';
    await writerOf().write(documentBatchOf([text]), never);
    expect([...server.documents.values()]).toEqual([JSON.parse(text)]);
  });
});

describe('requests', () => {
  test('are bounded by documents and by bytes', async () => {
    const sink = writerOf({ maxRequestDocuments: 100 });
    await sink.write(flowBatch('many', 250), never);
    expect(bulkRequests()).toHaveLength(3);
    proxy.seen.length = 0;
    await writerOf({ maxRequestBytes: 100_000 }).write(flowBatch('large', 250), never);
    expect(Math.max(...bulkRequests())).toBeLessThanOrEqual(100_000);
    expect(bulkRequests().length).toBeGreaterThan(3);
    expect(tally(flowsThere())).toEqual(
      expectedTally([
        ['many', 250],
        ['large', 250],
      ]),
    );
  });

  test('are shared by small batches that come while the server is busy', async () => {
    const sink = writerOf({ concurrency: 1 });
    await sink.start();
    const sizes = [3, 5, 1, 7, 2, 4];
    const results = await Promise.all(sizes.map((size, n) => sink.write(flowBatch(`s${n}`, size), never)));
    expect(results).toEqual(sizes.map(() => allIndexed));
    expect(bulkRequests().length).toBeLessThan(sizes.length);
    expect(tally(flowsThere())).toEqual(expectedTally(sizes.map((size, n) => [`s${n}`, size])));
  });

  test('shared by a write that is given up and one that goes on keep the documents of both apart', async () => {
    const sink = writerOf({ concurrency: 1 });
    await sink.start();
    proxy.always = { status: 503 };
    const stopping = new AbortController();
    const given = sink.write(flowBatch('given up', 4), stopping.signal);
    const kept = flowBatch('kept', 4);
    const keeping = sink.write(kept, never);
    await expect.poll(() => bulkRequests().length).toBeGreaterThan(1);
    stopping.abort();
    await expect(given).rejects.toMatchObject({ code: 'stopped' });
    proxy.always = undefined;
    expect(await keeping).toEqual(allIndexed);
    expect(tally(flowsThere().filter((flow) => JSON.stringify(flow).includes('kept')))).toEqual(
      expectedTally([['kept', 4]]),
    );
  });

  test('are compressed when told so', async () => {
    await writerOf({ compress: true }).write(flowBatch('many', 200), never);
    // 1.7 KB each.
    expect(Math.max(...bulkRequests())).toBeLessThan(200 * 1700 * 0.2);
    expect(tally(flowsThere())).toEqual(expectedTally([['many', 200]]));
  });

  test('that a proxy finds too large are split, and later ones are smaller at once', async () => {
    proxy.maxBodyBytes = 100_000;
    const sink = writerOf();
    expect(await sink.write(flowBatch('first', 300), never)).toEqual(allIndexed);
    const tooLarge = bulkRequests().filter((bytes) => bytes > 100_000).length;
    expect(tooLarge).toBeGreaterThan(0);
    proxy.seen.length = 0;
    expect(await sink.write(flowBatch('second', 300), never)).toEqual(allIndexed);
    expect(bulkRequests().filter((bytes) => bytes > 100_000)).toEqual([]);
    expect(tally(flowsThere())).toEqual(
      expectedTally([
        ['first', 300],
        ['second', 300],
      ]),
    );
  });

  test('of a single document that a proxy finds too large refuse it, and only it', async () => {
    proxy.maxBodyBytes = 5000;
    const documents = documentBatchOf([{ n: 0 }, { n: 1, text: 'x'.repeat(9000) }, { n: 2 }]);
    const { alreadyThere, refused } = await writerOf().write(documents, never);
    expect(alreadyThere).toEqual([]);
    expect(refused).toEqual([{ index: 1, reason: expect.stringContaining('413') }]);
    expect(flowsThere()).toEqual([{ n: 0 }, { n: 2 }]);
  });
});

describe('whatever happens to a request, each document is there once', () => {
  const html = '<html><h1>502 Bad Gateway</h1></html>';
  test.each<[string, Fault]>([
    ['the connection is cut before the server has it', 'cut before'],
    ['the connection is cut after the server has it', 'cut after'],
    ['the answer is cut', 'cut in the answer'],
    ['the answer never ends', 'stall'],
    ['the answer is 40 MB', 'huge'],
    ['HTTP 429', { status: 429 }],
    ['HTTP 502 as HTML', { status: 502, type: 'text/html', body: html }],
    ['HTTP 503', { status: 503 }],
    ['HTTP 504', { status: 504 }],
    ['HTTP 401 for a while', { status: 401 }],
    ['HTTP 404 of a proxy', { status: 404, type: 'text/html', body: html }],
    ['HTTP 400 of a proxy', { status: 400, type: 'text/html', body: html }],
    ['a redirect', { status: 302, headers: { location: 'http://192.0.2.9/login' } }],
    ['a login page', { status: 200, type: 'text/html', body: '<html>Please log in</html>' }],
    ['an empty answer', { status: 200, body: '' }],
    ['JSON that is no answer', { status: 200, body: 'null' }],
    ['an answer without items', { status: 200, body: '{}' }],
    ['an answer with too few items', { status: 200, body: '{"items":[{"create":{"status":201}}]}' }],
    ['items of another kind', { status: 200, body: `{"items":[${Array(5).fill('{"index":{"status":200}}')}]}` }],
    ['items that are not objects', { status: 200, body: '{"items":[1,null,"a",[],true]}' }],
    ['a poisoned answer', { status: 200, body: '{"__proto__":{"items":[]},"items":{"length":5}}' }],
  ])('%s', async (_, fault) => {
    const sink = writerOf({ requestTimeoutMs: 200 });
    await sink.start();
    proxy.faults.push(fault, fault);
    const { refused } = await sink.write(flowBatch('b', 5), never);
    expect(refused).toEqual([]);
    expect(proxy.faults).toEqual([]);
    expect(sink.trouble()).toBeUndefined();
    expect(tally(flowsThere())).toEqual(expectedTally([['b', 5]]));
  });

  test('a redirect is told with its host and without its path', async () => {
    const sink = writerOf();
    await sink.start();
    proxy.always = { status: 302, headers: { location: 'http://user:secret@login.example.net/path?token=secret' } };
    const writing = sink.write(flowBatch('b', 1), never);
    await expect.poll(() => sink.trouble()).toMatch(/HTTP 302 \(a redirect to login\.example\.net\)/);
    expect(sink.trouble()).not.toMatch(/secret/);
    proxy.always = undefined;
    expect(await writing).toEqual(allIndexed);
  });

  test('any sequence of faults, any answers for single documents', async () => {
    const fault = fc.constantFrom<Fault>(
      'cut before',
      'cut after',
      'cut in the answer',
      { status: 429 },
      { status: 503 },
    );
    /** How often the server says 429 to a document before it takes it; 8: not with its text; 9: it refuses it. */
    const mood = fc.constantFrom<number>(0, 0, 0, 1, 2, 8, 9);
    const scene = fc.record({
      faults: fc.array(fault, { maxLength: 4 }),
      moods: fc.array(mood, { minLength: 1, maxLength: 12 }),
      maxRequestDocuments: fc.integer({ min: 1, max: 12 }),
      // About four of these documents, or two dead letters.
      maxBodyBytes: fc.constantFrom(1000, Number.POSITIVE_INFINITY),
    });
    await fc.assert(
      fc.asyncProperty(scene, async ({ faults, moods, maxRequestDocuments, maxBodyBytes }) => {
        server.documents.clear();
        const left = [...moods];
        server.refuse = (index, { n, text }) => {
          const now = left[Number(n)] ?? 0;
          if (index === 'weir-dead-letters' || now === 0 || (now === 8 && text === undefined)) return undefined;
          if (now === 8)
            return {
              status: 400,
              type: 'mapper_parsing_exception',
              reason: 'failed to parse field [text] of type [ip]',
            };
          if (now === 9) return { status: 400, type: 'mapper_parsing_exception', reason: 'no' };
          left[Number(n)] = now - 1;
          return { status: 429, type: 'es_rejected_execution_exception', reason: 'busy' };
        };
        proxy.faults.splice(0, Number.POSITIVE_INFINITY, ...faults);
        proxy.maxBodyBytes = maxBodyBytes;
        const documents = documentBatchOf(moods.map((_, n) => ({ n, text: 'x'.repeat(100) })));
        const sink = writerOf({ maxRequestDocuments });
        const { alreadyThere, refused } = await sink.write(documents, never);
        proxy.faults.length = 0;
        expect(sink.measures?.().droppedFields.get('text') ?? 0).toBe(moods.filter((last) => last === 8).length);
        const refusedOnes = refused.map(({ index }) => index).sort((a, b) => a - b);
        expect(refusedOnes).toEqual(moods.flatMap((last, n) => (last === 9 ? [n] : [])));
        expect(new Set([...alreadyThere, ...refusedOnes]).size).toBe(alreadyThere.length + refusedOnes.length);
        const keys = moods.map(
          (last, n) => `${last === 9 ? 'weir-dead-letters' : 'weir-flow-2026.11.24'}/batch-${n.toString(36)}`,
        );
        expect([...server.documents.keys()].sort()).toEqual(keys.sort());
      }),
      { numRuns: 60 },
    );
  });
});

describe('documents that Elasticsearch does not take', () => {
  const bad: ItemError = { status: 400, type: 'mapper_parsing_exception', reason: 'failed to parse' };

  test('become dead letters with reason, place and original, and the others are indexed', async () => {
    server.refuse = (index, { n }) => (index.startsWith('weir-flow') && n === 1 ? bad : undefined);
    const documents = documentBatchOf([{ n: 0 }, '{"n": 1, "text":"as it came"}', { n: 2 }], {
      exporters: ['192.0.2.1', '192.0.2.2'],
    });
    const { refused } = await writerOf({ now: () => noonMs, version: '1.2.3' }).write(documents, never);
    expect(refused).toEqual([{ index: 1, reason: 'mapper_parsing_exception: failed to parse' }]);
    expect(flowsThere()).toEqual([{ n: 0 }, { n: 2 }]);
    expect(server.documents.get('weir-dead-letters/batch-1')).toEqual({
      '@timestamp': '2026-11-24T12:00:00.000Z',
      reason: 'mapper_parsing_exception: failed to parse',
      index: 'weir-flow-2026.11.24',
      batch_id: 'batch',
      id: 'batch-1',
      position: 1,
      exporter: '192.0.2.2',
      weir_version: '1.2.3',
      original: '{"n": 1, "text":"as it came"}',
    });
  });

  test('are dead letters once, also when the batch comes again', async () => {
    server.refuse = (index) => (index.startsWith('weir-flow') ? bad : undefined);
    const sink = writerOf();
    for (let time = 0; time < 2; time += 1) {
      const { refused } = await sink.write(documentBatchOf([{ n: 0 }]), never);
      expect(refused).toHaveLength(1);
    }
    expect([...server.documents.keys()]).toEqual(['weir-dead-letters/batch-0']);
  });

  test('are counted as refused and logged as lost when they can not be kept either', async () => {
    server.refuse = () => bad;
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    const { refused } = await writerOf({ logger }).write(documentBatchOf([{ n: 0 }]), never);
    expect(refused).toHaveLength(1);
    expect(lines.join('')).toMatch(/"level":50.*they are lost/);
  });

  test.each<[string, ItemError]>([
    ['the queue is full', { status: 429, type: 'es_rejected_execution_exception', reason: 'rejected' }],
    [
      'a shard is missing',
      { status: 503, type: 'unavailable_shards_exception', reason: 'primary shard is not active' },
    ],
    [
      'the disk is at its flood stage',
      {
        status: 403,
        type: 'cluster_block_exception',
        reason: 'index [weir-flow] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)]',
      },
    ],
    [
      'the same in newer versions',
      { status: 429, type: 'cluster_block_exception', reason: 'disk usage exceeded flood-stage watermark' },
    ],
    [
      'the user lost a right',
      { status: 403, type: 'security_exception', reason: 'action [indices:data/write/bulk[s]] is unauthorized' },
    ],
    [
      'there are too many shards',
      {
        status: 400,
        type: 'illegal_argument_exception',
        reason:
          'this action would add [2] total shards, but this cluster currently has [1000]/[1000] maximum shards open;',
      },
    ],
    ['the index is closed', { status: 400, type: 'index_closed_exception', reason: 'closed' }],
    ['the server has a fault', { status: 500, type: 'i_o_exception', reason: 'No space left on device' }],
  ])('for a while only, because %s, wait and are indexed', async (_, error) => {
    let isHeld = true;
    server.refuse = (_index, { n }) => (isHeld && n === 1 ? error : undefined);
    const sink = writerOf();
    const writing = sink.write(documentBatchOf([{ n: 0 }, { n: 1 }]), never);
    await expect.poll(() => sink.trouble()).toContain(error.type);
    isHeld = false;
    expect(await writing).toEqual(allIndexed);
    expect(flowsThere()).toEqual([{ n: 0 }, { n: 1 }]);
    // Only what waited was sent again.
    expect(bulkRequests().at(-1)).toBeLessThan(bulkRequests()[0]!);
  });
});

describe('the start', () => {
  test('applies the templates before the first document', async () => {
    await writerOf().start();
    expect([...server.templates.keys()]).toEqual(expect.arrayContaining(['weir-flow', 'weir-dead-letters']));
    expect(server.templates.get('weir-flow')).toMatchObject({ index_patterns: ['weir-flow-*'] });
  });

  test('names the template after the index', async () => {
    await writerOf({ indexName: 'lab-flows-%{yyyy.MM}' }).start();
    expect(server.templates.get('lab-flows')).toMatchObject({ index_patterns: ['lab-flows-*'] });
  });

  test('does not start with a template of somebody else under its name', async () => {
    server.templates.set('weir-flow', { version: 1, index_patterns: ['weir-flow-*'] });
    await expect(writerOf().start()).rejects.toMatchObject({
      code: 'sink-refused',
      message: expect.stringMatching(/index template weir-flow was not made by weir$/),
      hint: expect.stringMatching(/weir setup --force/),
    });
    expect(server.templates.get('weir-flow')).not.toHaveProperty('template');
  });

  test('does not fail while the server is away; the templates come before the first document then', async () => {
    const { url } = server;
    await server.stop();
    const sink = writerOf();
    await sink.start();
    const writing = sink.write(flowBatch('b', 3), never);
    await expect
      .poll(() => sink.trouble())
      .toMatch(/^Elasticsearch at http:\/\/127\.0\.0\.1:\d+ holds documents for 0 s: /);
    server = await startElasticsearchDouble(Number(new URL(url).port));
    expect(await writing).toEqual(allIndexed);
    expect(server.templates.has('weir-flow')).toBe(true);
    expect(tally(flowsThere())).toEqual(expectedTally([['b', 3]]));
  });

  test('brings the templates to a server that came back empty', async () => {
    const sink = writerOf();
    await sink.start();
    const { url } = server;
    await server.stop();
    const writing = sink.write(flowBatch('b', 3), never);
    await expect.poll(() => sink.trouble()).toBeDefined();
    server = await startElasticsearchDouble(Number(new URL(url).port));
    await writing;
    expect(server.templates.has('weir-flow')).toBe(true);
  });

  test('names ECONNREFUSED, also when the host has several addresses', async () => {
    const port = new URL(proxy.url).port;
    await proxy.stop();
    for (const host of ['127.0.0.1', 'localhost']) {
      const sink = writerOf({ nodes: [`http://${host}:${port}`] });
      const stopping = new AbortController();
      const writing = sink.write(flowBatch('b', 1), stopping.signal);
      await expect
        .poll(() => sink.trouble())
        .toMatch(`Elasticsearch at http://${host}:${port} holds documents for 0 s: ECONNREFUSED`);
      stopping.abort();
      await expect(writing).rejects.toMatchObject({ code: 'stopped' });
    }
    proxy = await startFaultProxy(server.url);
  });

  test.each([
    [401, /user and password/],
    [403, /may not ask for the version/],
  ])('fails at once on HTTP %d, and says what to do', async (status, message) => {
    server.status = status;
    await expect(writerOf().start()).rejects.toMatchObject({
      code: 'sink-refused',
      retryable: false,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/./),
    });
  });

  test('takes user and password from the URL and never shows them', async () => {
    const url = new URL(proxy.url);
    url.username = 'elastic';
    url.password = 'pässword/1';
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    const sink = writerOf({ nodes: [url.href], logger });
    await sink.start();
    expect([...server.authorizations]).toEqual([`Basic ${Buffer.from('elastic:pässword/1').toString('base64')}`]);
    proxy.always = { status: 503 };
    const stopping = new AbortController();
    const writing = sink.write(flowBatch('b', 1), stopping.signal);
    await expect.poll(() => sink.trouble()).toBeDefined();
    const trouble = sink.trouble();
    stopping.abort();
    await expect(writing).rejects.toThrow();
    server.status = 401;
    const error: unknown = await writerOf({ nodes: [url.href] })
      .start()
      .catch((cause: unknown) => cause);
    for (const text of [...lines, trouble, String(error), JSON.stringify(error)]) {
      expect(text).not.toMatch(/elastic:|pässword|p%C3|Basic /);
    }
    expect(lines.length).toBeGreaterThan(1);
  });

  test.each(['localhost:9200', 'ftp://user:secret@host', 'http://user:sec ret@ho st', ''])(
    'refuses %s as an address without repeating it',
    (node) => {
      expect(() => createElasticsearchClient({ nodes: [node] })).toThrow(/not an http or https URL/);
      expect(() => createElasticsearchClient({ nodes: [node] })).not.toThrow(/sec/);
    },
  );
});

describe('an index name', () => {
  test.each([
    'weir-%{yyyy.MM.dd.hh}',
    'Weir-%{yyyy}',
    '_weir',
    'weir flow',
    'weir,flow',
    'weir-*',
    '%{yyyy}',
    'weir-%{yyyy',
    '',
  ])('like %s is a mistake', (indexName) => {
    expect(() => writerOf({ indexName })).toThrow(expect.objectContaining({ code: 'pipeline-invalid' }));
  });

  test.each([
    ['flows', 'flows'],
    ['a-%{yyyy}', 'a-2026'],
    ['a-%{yyyy.MM}-x', 'a-2026.11-x'],
    ['a-%{yyyyMMdd}', 'a-20261124'],
  ])('like %s is %s', async (indexName, index) => {
    await writerOf({ indexName }).write(documentBatchOf([{}]), never);
    expect([...server.documents.keys()]).toEqual([`${index}/batch-0`]);
  });
});

describe('what answers', () => {
  const oss = { version: { number: '7.10.2', build_flavor: 'oss' }, tagline: 'You Know, for Search' };
  const openSearch = {
    version: { number: '2.11.0', distribution: 'opensearch' },
    tagline: 'The OpenSearch Project: https://opensearch.org/',
  };
  const old = { version: { number: '6.8.23', build_flavor: 'default' }, tagline: 'You Know, for Search' };

  async function tryStart(root: object, productCheck: 'auto' | 'strict' | 'off'): Promise<unknown> {
    server.root = root;
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    await writerOf({ productCheck, logger }).start();
    return (JSON.parse(lines.find((line) => line.includes('connected')) ?? '{}') as { remark?: string }).remark;
  }

  test.each([
    ['Elasticsearch 7', elasticsearchRoot, undefined],
    ['an open-source build', oss, /open-source build/],
    ['a build of unknown flavor', { ...oss, version: { number: '7.10.2' } }, /open-source build/],
    ['OpenSearch', openSearch, /OpenSearch/],
    ['Elasticsearch 8', { version: { number: '8.11.0', build_flavor: 'default' } }, /newer/],
  ])('auto: %s is accepted', async (_, root, remark) => {
    const said = await tryStart(root, 'auto');
    if (remark === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(remark);
  });

  test.each([
    ['Elasticsearch 6', old],
    ['something else', { hello: 'world' }],
  ])('auto: %s is refused', async (_, root) => {
    await expect(tryStart(root, 'auto')).rejects.toMatchObject({ code: 'sink-refused', hint: expect.any(String) });
  });

  test('strict: an open-source build and OpenSearch are refused, Elasticsearch is not', async () => {
    await tryStart(elasticsearchRoot, 'strict');
    for (const root of [oss, openSearch])
      await expect(tryStart(root, 'strict')).rejects.toMatchObject({ code: 'sink-refused' });
  });

  test('off: anything is accepted without a remark', async () => {
    for (const root of [oss, openSearch, old, {}]) expect(await tryStart(root, 'off')).toBeUndefined();
  });
});
