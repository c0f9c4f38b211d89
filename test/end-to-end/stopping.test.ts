// SIGTERM, and the questions of an orchestrator, while Redis or Elasticsearch or both are away: an answer within the time, and nothing lost.

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWith } from '../needs.ts';
import { type ElasticsearchDouble, startElasticsearchDouble } from '../servers/elasticsearch-double.ts';
import { freePort } from '../servers/free-port.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';
import { createFlowSender, numberOf } from './numbered-flows.ts';
import { program, startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

/** Orchestrators kill after five seconds, or later; a busy machine is slower. */
const stopLimitMs = 8000;

type Away = 'nothing' | 'Redis' | 'Elasticsearch' | 'both';
const everyAway: readonly Away[] = ['nothing', 'Redis', 'Elasticsearch', 'both'];
/** The ways in which a Redis does not answer. */
type Silence = 'refuse' | 'swallow';
const silences: readonly Silence[] = ['refuse', 'swallow'];

describeWith(['redis'], 'with Redis or Elasticsearch away', () => {
  let folder: string;
  let redis: RedisServer;
  let redisWay: TcpProxy;
  let elasticsearch: ElasticsearchDouble;
  let elasticsearchWay: TcpProxy;
  let processes: WeirProcess[] = [];
  let round = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-stopping-'));
    redis = await startRedis();
    elasticsearch = await startElasticsearchDouble();
  });
  beforeEach(async () => {
    round += 1;
    redisWay = await startTcpProxy(redis.port);
    elasticsearchWay = await startTcpProxy(Number(new URL(elasticsearch.url).port));
  });
  afterEach(async () => {
    await Promise.all(processes.map((weir) => weir.stop('SIGKILL')));
    processes = [];
    elasticsearch.documents.clear();
    elasticsearch.status = undefined;
    await redisWay.stop();
    await elasticsearchWay.stop();
  });
  afterAll(async () => {
    await redis.stop();
    await elasticsearch.stop();
    await rm(folder, { recursive: true });
  });

  async function start(verb: readonly string[], port = 0): Promise<WeirProcess & { readonly http: string }> {
    const http = `127.0.0.1:${await freePort()}`;
    const weir = await startWeir({
      folder: join(folder, `${round}-${verb[0]}`),
      ...{ verb, port, telemetry: `{ http: "${http}" }` },
      index: `{ elasticsearch: { nodes: [ "http://127.0.0.1:${elasticsearchWay.port}" ] } }`,
      settings: `queue: { redis: "redis://127.0.0.1:${redisWay.port}", key_prefix: test${round} }
batch: { records: 100, bytes: 1MiB, age: 50ms }`,
    });
    processes.push(weir);
    return { ...weir, http: `http://${http}` };
  }

  function cutOff(away: Away, silence: Silence): void {
    if (away === 'Redis' || away === 'both') redisWay[silence]();
    if (away === 'Elasticsearch' || away === 'both') elasticsearchWay[silence]();
  }

  async function expectEachOnce(sent: number): Promise<void> {
    const numbers = (): number[] =>
      [...elasticsearch.documents]
        .filter(([key]) => key.startsWith('weir-flow'))
        .map(([, { flow }]) => numberOf((flow as { src_addr: string }).src_addr))
        .sort((a, b) => a - b);
    await waitUntil(
      () => numbers().length >= sent,
      60_000,
      () => `${numbers().length} of ${sent}`,
    );
    expect(numbers()).toEqual(Array.from({ length: sent }, (_, index) => index));
  }

  const cases = everyAway.flatMap((away): (readonly [Away, Silence])[] =>
    away === 'nothing' ? [[away, 'refuse']] : silences.map((silence) => [away, silence]),
  );
  test.each(cases)(
    'SIGTERM with %s away (%s): all end in time with code 0, and every flow comes once',
    async (away, silence) => {
      const listener = await start(['listen', '--workers', '2']);
      const worker = await start(['work']);
      const sender = createFlowSender(listener.port);
      await sender.send(300);
      // With batches in hand, and flows under way.
      elasticsearch.status = 503;
      await sender.send(500);
      await sleep(300);
      cutOff(away, silence);
      elasticsearch.status = undefined;
      const sent = await sender.send(500);
      await sleep(700);
      const begunMs = Date.now();
      const ends = await Promise.all([listener.stop('SIGTERM'), worker.stop('SIGTERM')]);
      expect(ends.map(({ code }) => code)).toEqual([0, 0]);
      expect(Date.now() - begunMs).toBeLessThan(stopLimitMs);
      redisWay.mend();
      elasticsearchWay.mend();
      await start(['listen', '--workers', '2']);
      await start(['work']);
      await expectEachOnce(sent);
      sender.close();
    },
    120_000,
  );

  test('/livez and /readyz of a listener and a worker say what is away, and when it is back', async () => {
    const listener = await start(['listen']);
    const worker = await start(['work']);
    const ask = async (weir: { readonly http: string }, path: string) => {
      const answer = await fetch(`${weir.http}${path}`);
      return { status: answer.status, text: await answer.text() };
    };
    const expectStates = async (ofListener: RegExp, ofWorker: RegExp): Promise<void> => {
      await expect.poll(() => ask(listener, '/readyz').then(toText), { timeout: 20_000 }).toMatch(ofListener);
      await expect.poll(() => ask(worker, '/readyz').then(toText), { timeout: 20_000 }).toMatch(ofWorker);
      for (const weir of [listener, worker]) expect((await ask(weir, '/livez')).status).toBe(200);
    };
    const toText = ({ status, text }: { status: number; text: string }): string => `${status} ${text}`;
    await expectStates(/^200 .*"ports":"ok","queue":"ok"/, /^200 .*"queue":"ok","index":"ok"/);
    redisWay.refuse();
    // A listener without Redis takes flows all the same: they wait on disk.
    await expectStates(/"queue":"(?!ok)/, /^503 .*"queue":"(?!ok)/);
    elasticsearchWay.refuse();
    const sender = createFlowSender(listener.port);
    await sender.send(100);
    await expectStates(/"queue":"(?!ok)/, /^503 .*"queue":"(?!ok)/);
    redisWay.mend();
    await expectStates(/^200 /, /^503 .*"queue":"ok","index":"(?!ok)/);
    elasticsearchWay.mend();
    await expectStates(/^200 /, /^200 /);
    await expectEachOnce(100);
    sender.close();
  }, 120_000);

  test('weir queue and its verbs with Redis away: one line, and exit code 2', async () => {
    const { process: _, ...weir } = await start(['listen']);
    redisWay.refuse();
    for (const verb of [
      ['queue'],
      ['queue', 'list'],
      ['queue', 'retry', 'all'],
      ['queue', 'drop', 'x'],
      ['queue', 'show', 'x'],
    ]) {
      const pipeline = join(folder, `${round}-listen`, 'pipeline.yml');
      const { status, stderr, stdout } = spawnSync(process.execPath, [program, ...verb, pipeline]);
      expect({ verb, status, stdout: `${stdout}` }).toEqual({ verb, status: 2, stdout: '' });
      expect(`${stderr}`).toMatch(/^weir: Redis at redis:\/\/127\.0\.0\.1:\d+ does not answer\.?[^\n]*\n$/);
    }
    await weir.stop();
  }, 60_000);

  test('a rolling restart of listeners with workers, and of workers, under load loses nothing', async () => {
    let listener = await start(['listen', '--workers', '2']);
    const { port } = listener;
    let worker = await start(['work']);
    const sender = createFlowSender(port);
    for (let restart = 0; restart < 2; restart += 1) {
      await sender.send(500);
      // What comes while no port is open reaches nobody.
      expect((await listener.stop('SIGTERM')).code).toBe(0);
      listener = await start(['listen', '--workers', '2'], port);
      await sender.send(500);
      const [sent] = await Promise.all([sender.send(500), worker.stop('SIGTERM')]);
      expect(sent).toBe((restart + 1) * 1500);
      worker = await start(['work']);
    }
    await expectEachOnce(await sender.send(100));
    sender.close();
  }, 120_000);
});
