// A listener and two workers as processes of their own, a real Redis and a real Elasticsearch, each behind a proxy that can be
// cruel, and a sender whose every flow is known.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFlowSender, numberOf } from '../end-to-end/numbered-flows.ts';
import { startWeir, type WeirProcess, waitUntil } from '../end-to-end/weir-process.ts';
import type { ElasticsearchServer } from '../servers/elasticsearch/index.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { freePort } from '../servers/free-port.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';
import { type Counts, type Lives, namedLosses, readLives, startLives } from './balance.ts';

export interface Stage {
  readonly folder: string;
  readonly redis: RedisServer;
  readonly redisWay: TcpProxy;
  readonly elasticsearch: ElasticsearchServer;
  readonly elasticsearchWay: FaultProxy;
  listener: WeirProcess;
  readonly workers: [WeirProcess, WeirProcess];
  /** Sends nothing while true; so at first. */
  isSilent: boolean;
  /** What a reader of the table is told of a fault. */
  readonly remarks: string[];
  /** Flows so far. */
  readonly sent: () => number;
  /** How many of the first `below` flows are in the index. */
  indexedBelow(below: number): Promise<number>;
  /** The first `below` flows are indexed, but for as many as are named as lost. */
  isSettled(below: number): Promise<boolean>;
  startListener(): Promise<void>;
  startWorker(index: 0 | 1): Promise<void>;
}

export interface OpenStage extends Stage {
  /** Silent from now on; resolves with the milliseconds that passed until all is indexed or named. */
  catchUp(limitMs?: number): Promise<number>;
  counts(): Promise<Counts>;
  /** Each as often as it is in the index. */
  readNumbers(): Promise<number[]>;
  stopInOrder(): Promise<void>;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly name: string;
  readonly folder: string;
  readonly elasticsearch: ElasticsearchServer;
  /** Further lines for `queue` in the pipeline file. */
  readonly queue?: string;
  /** Settings of the Redis server. */
  readonly redis?: Readonly<Record<string, string>>;
  /** Before the processes start; what it returns is done after they ended. */
  readonly prepare?: (folder: string) => (() => void) | undefined;
  readonly flowsPerSecond?: number;
  /** Environment of the listener and the workers, made from the stage's folder. */
  readonly environment?: (folder: string) => Readonly<Record<string, string>>;
}

const sendEveryMs = 50;
const catchUpLimitMs = 90_000;

export async function openStage(options: StageOptions): Promise<OpenStage> {
  const { name, folder, elasticsearch, queue = '', flowsPerSecond = 1000 } = options;
  await mkdir(folder, { recursive: true });
  const undo = options.prepare?.(folder);
  const environment = options.environment?.(folder) ?? {};
  const redis = await startRedis(options.redis);
  const redisWay = await startTcpProxy(redis.port);
  const elasticsearchWay = await startFaultProxy(elasticsearch.url);
  const lives: Lives = startLives();
  const start = async (verb: 'listen' | 'work', part: string, port = 0): Promise<WeirProcess> => {
    const metrics = await freePort();
    const weir = await startWeir({
      folder: join(folder, part),
      verb: [verb],
      port,
      environment,
      telemetry: `{ http: "127.0.0.1:${metrics}" }`,
      index: `{ name: "weir-flow-${name}-%{yyyy.MM.dd}", elasticsearch: { nodes: [ "${elasticsearchWay.url}" ] } }`,
      settings: `queue: { redis: "redis://127.0.0.1:${redisWay.port}", ${queue} }
batch: { records: 200, bytes: 256KiB, age: 50ms }`,
    });
    lives.add(metrics, weir.process);
    return weir;
  };
  const listener = await start('listen', 'listener');
  const workers: Stage['workers'] = [await start('work', 'worker-0'), await start('work', 'worker-1')];
  const sender = createFlowSender(listener.port);
  let sent = 0;
  let isClosing = false;
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    while (!isClosing) {
      if (!stage.isSilent) sent = await sender.send(Math.round((flowsPerSecond * sendEveryMs) / 1000));
      await sleep(sendEveryMs);
    }
  }

  async function catchUp(limitMs = catchUpLimitMs): Promise<number> {
    stage.isSilent = true;
    await sleep(2 * sendEveryMs);
    const endedAtMs = Date.now();
    let indexed = 0;
    let named = 0;
    await waitUntil(
      async () => {
        indexed = await countDocuments(elasticsearch, name);
        named = namedLosses(await readLives(lives));
        return indexed + named >= sent;
      },
      limitMs,
      () => `${name}: ${indexed} of ${sent}, named ${named}\n${stage.listener.output()}\n${workers[0].output()}`,
    );
    return Date.now() - endedAtMs;
  }

  async function stopInOrder(): Promise<void> {
    await Promise.all([stage.listener, ...workers].map((weir) => weir.stop()));
  }

  async function close(): Promise<void> {
    isClosing = true;
    await sending;
    sender.close();
    await Promise.all([stage.listener, ...workers].map((weir) => weir.stop('SIGKILL')));
    await elasticsearchWay.stop();
    await redisWay.stop();
    await redis.stop();
    undo?.();
  }

  const stage: OpenStage = {
    folder,
    redis,
    redisWay,
    elasticsearch,
    elasticsearchWay,
    listener,
    workers,
    isSilent: true,
    remarks: [],
    sent: () => sent,
    indexedBelow: (below) => countDocuments(elasticsearch, name, below),
    isSettled: async (below) =>
      (await countDocuments(elasticsearch, name, below)) + namedLosses(await readLives(lives)) >= below,
    async startListener() {
      stage.listener = await start('listen', 'listener', listener.port);
    },
    async startWorker(index) {
      workers[index] = await start('work', `worker-${index}`);
    },
    catchUp,
    counts: () => readLives(lives),
    readNumbers: () => readNumbers(elasticsearch, name),
    stopInOrder,
    close,
  };
  sending = send();
  return stage;
}

async function countDocuments(
  server: ElasticsearchServer,
  name: string,
  below = Number.MAX_SAFE_INTEGER,
): Promise<number> {
  try {
    await server.ask('POST', `/weir-flow-${name}-*/_refresh`);
    // Flow n has 1000 + n bytes.
    const query = { range: { 'flow.bytes': { lt: 1000 + below } } };
    return (await server.ask<{ count: number }>('POST', `/weir-flow-${name}-*/_count`, { query })).count;
  } catch {
    return 0;
  }
}

interface SearchAnswer {
  readonly hits: {
    readonly hits: readonly {
      readonly _source: { readonly flow: { readonly src_addr: string } };
      readonly sort: unknown[];
    }[];
  };
}

async function readNumbers(server: ElasticsearchServer, name: string): Promise<number[]> {
  await server.ask('POST', `/weir-flow-${name}-*/_refresh`);
  const numbers: number[] = [];
  let after: unknown[] | undefined;
  for (;;) {
    const { hits } = await server.ask<SearchAnswer>('POST', `/weir-flow-${name}-*/_search`, {
      size: 5000,
      sort: [{ 'flow.bytes': 'asc' }, { 'flow.src_addr': 'asc' }, { '@timestamp': 'asc' }],
      _source: ['flow.src_addr'],
      ...(after !== undefined && { search_after: after }),
    });
    if (hits.hits.length === 0) return numbers;
    numbers.push(...hits.hits.map(({ _source }) => numberOf(_source.flow.src_addr)));
    after = hits.hits.at(-1)?.sort;
  }
}
