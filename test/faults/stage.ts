// A listener and two workers as processes of their own, a real Redis and a real Elasticsearch, each behind a proxy that can be
// cruel, and a sender whose every flow is known.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFlowSender, numberOf } from '../end-to-end/numbered-flows.ts';
import { startWeir, type WeirProcess, waitUntil } from '../end-to-end/weir-process.ts';
import type { ElasticsearchServer } from '../servers/elasticsearch/index.ts';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import { freePort } from '../servers/free-port.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';
import { balance, type Dead, type Lives, namedLosses, readLives, startLives } from './balance.ts';

export interface Stage {
  readonly name: string;
  readonly folder: string;
  readonly redis: RedisServer;
  readonly redisWay: TcpProxy;
  readonly elasticsearch: ElasticsearchServer;
  readonly elasticsearchWay: FaultProxy;
  listener: WeirProcess;
  readonly workers: [WeirProcess, WeirProcess];
  /** Sends nothing while true. */
  isSilent: boolean;
  /** Flows so far. */
  readonly sent: () => number;
  /** How many of the first `below` flows are in the index. */
  indexedBelow(below: number): Promise<number>;
  startListener(): Promise<void>;
  startWorker(index: 0 | 1): Promise<void>;
}

export interface Outcome {
  readonly sent: number;
  readonly indexed: number;
  /** Flows that weir itself says it lost. */
  readonly named: number;
  readonly doubled: number;
  /** From the end of the sending until everything was there. */
  readonly caughtUpMs: number;
  /** What the ledgers of the processes say: `yes`, or what does not add up. */
  readonly balanced: string;
}

export interface PlayOptions {
  readonly name: string;
  readonly folder: string;
  readonly elasticsearch: ElasticsearchServer;
  /** Further lines for `queue` in the pipeline file. */
  readonly queue?: string;
  /** Settings of the Redis server. */
  readonly redis?: Readonly<Record<string, string>>;
  /** Before the processes start. */
  readonly prepare?: (folder: string) => Promise<void> | void;
  readonly fault: (stage: Stage) => Promise<void>;
  readonly flowsPerSecond?: number;
  /** Whose counts die with it: the sums are made without them. */
  readonly dies?: Dead;
  /** Environment of the listener and the workers. */
  readonly environment?: Readonly<Record<string, string>>;
}

const sendEveryMs = 50;
const catchUpLimitMs = 90_000;
const balanceLimitMs = 20_000;

/** Sends for a second, then while the fault acts, then for a second more; waits until all is there, and counts. */
export async function play(options: PlayOptions): Promise<Outcome> {
  const { name, folder, elasticsearch, queue = '', fault, flowsPerSecond = 1000, environment = {} } = options;
  await options.prepare?.(folder);
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
  let sent = 0;
  const stage: Stage = {
    name,
    folder,
    redis,
    redisWay,
    elasticsearch,
    elasticsearchWay,
    listener,
    isSilent: false,
    sent: () => sent,
    indexedBelow: (below) => countDocuments(elasticsearch, name, below),
    workers: [await start('work', 'worker-0'), await start('work', 'worker-1')],
    async startListener() {
      stage.listener = await start('listen', 'listener', listener.port);
    },
    async startWorker(index) {
      stage.workers[index] = await start('work', `worker-${index}`);
    },
  };
  const sender = createFlowSender(listener.port);
  try {
    let isSending = true;
    const sending = (async () => {
      while (isSending) {
        if (!stage.isSilent) sent = await sender.send(Math.round((flowsPerSecond * sendEveryMs) / 1000));
        await sleep(sendEveryMs);
      }
    })();
    await sleep(1000);
    // On a busy machine the first flows take their time.
    await waitUntil(async () => (await stage.indexedBelow(sent)) > 0, catchUpLimitMs, 'the first flows');
    await fault(stage);
    await sleep(1000);
    isSending = false;
    await sending;
    const endedAtMs = Date.now();
    let count = 0;
    let named = 0;
    await waitUntil(
      async () => {
        count = await countDocuments(elasticsearch, name);
        named = namedLosses(await readLives(lives));
        return count + named >= sent;
      },
      catchUpLimitMs,
      () => `${name}: ${count} of ${sent}, named ${named}\n${stage.listener.output()}\n${stage.workers[0].output()}`,
    );
    const caughtUpMs = Date.now() - endedAtMs;
    // Whatever comes twice has had its time to come.
    await sleep(1000);
    // A document is in the index before its answer is here: the fate of what is sent again is counted some retries later.
    let counts = await readLives(lives);
    let balanced = await balance(counts, options.dies, redis);
    for (const endMs = Date.now() + balanceLimitMs; balanced !== 'yes' && Date.now() < endMs; await sleep(250)) {
      counts = await readLives(lives);
      balanced = await balance(counts, options.dies, redis);
    }
    await Promise.all([stage.listener.stop(), ...stage.workers.map((worker) => worker.stop())]);
    const numbers = await readNumbers(elasticsearch, name);
    return {
      sent,
      indexed: new Set(numbers).size,
      named: namedLosses(counts),
      doubled: numbers.length - new Set(numbers).size,
      caughtUpMs,
      balanced,
    };
  } finally {
    sender.close();
    await Promise.all([stage.listener, ...stage.workers].map((weir) => weir.stop('SIGKILL')));
    await elasticsearchWay.stop();
    await redisWay.stop();
    await redis.stop();
  }
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
