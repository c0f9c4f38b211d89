// `weir check --connect`: tries what the pipeline file names outside of weir, and changes nothing there. Opens the ports for a moment,
// signs in to Redis, asks Elasticsearch who it is, whether it takes our user, and whether templates may be read.

import type { ListenAddress, PipelineFile, RedisTarget } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { createPorts, toAddressText } from './ports.ts';

export interface Trial {
  /** `listen udp://[::]:2055` */
  readonly what: string;
  /** What came of it: `Elasticsearch 7.17.28`. */
  readonly result: string;
  readonly isGood: boolean;
}

/** Somebody waits in front of it. */
const answerTimeoutMs = 5000;

/** All at once: a server that does not answer holds up no other. */
export async function tryConnections(file: PipelineFile): Promise<readonly Trial[]> {
  const { elasticsearch } = file.index;
  const listens = file.listen.map((address) =>
    attempt(`listen ${toAddressText(address)}`, async () => {
      await tryPort(file, address);
      return 'can be opened';
    }),
  );
  const nodes = (elasticsearch?.nodes ?? []).map((node) => tryElasticsearch(file, node));
  const redis = file.queue.redis === undefined ? [] : [tryRedis(file.queue.redis)];
  // Ports one after the other: [::] and 0.0.0.0 share one.
  const opened: Trial[] = [];
  for (const listen of listens) opened.push(await listen());
  return [...opened, ...(await Promise.all([...redis, ...nodes]))];
}

/** Opens the port for a moment. Throws WeirError `listen-failed`. */
export async function tryPort({ collect }: PipelineFile, address: ListenAddress): Promise<void> {
  const ports = createPorts({
    collect,
    isAllowed: () => false,
    onDatagram: () => undefined,
    onSessionEnd: () => undefined,
    onRefused: () => undefined,
    onFault: () => undefined,
    logger: silentLogger,
    now: () => Date.now(),
  });
  try {
    await ports.open([address]);
  } finally {
    await ports.stop();
  }
}

async function tryRedis(redis: RedisTarget): Promise<Trial> {
  const { askRedis, toWhere } = await import('../enqueue/redis-connection.ts');
  return attempt(`Redis ${toWhere(redis)}`, () => askRedis(redis, answerTimeoutMs))();
}

async function tryElasticsearch({ index }: PipelineFile, node: string): Promise<Trial> {
  const { createElasticsearchClient, toSafeUrl } = await import('../index/elasticsearch-client.ts');
  const { createServerSetup } = await import('../index/server-setup.ts');
  const { retention, ...connection } = index.elasticsearch ?? { nodes: [] };
  return attempt(`Elasticsearch ${toSafeUrl(node)}`, async () => {
    const client = createElasticsearchClient({ ...connection, nodes: [node], requestTimeoutMs: answerTimeoutMs });
    const signal = AbortSignal.timeout(2 * answerTimeoutMs);
    try {
      const setup = createServerSetup({
        client,
        indexName: index.name,
        ...retention,
        logger: silentLogger,
        now: () => Date.now(),
      });
      const { product, plan } = await setup.plan({ force: false }, signal);
      for (const conflict of plan.conflicts) throw conflict;
      await setup.checkWriteIndex(signal);
      const isDone = plan.actions.every(({ does }) => does === 'keep');
      const templates = isDone ? 'index templates are there' : 'index templates will be put by weir run, or weir setup';
      return [`${product.name} ${product.version}`, templates, ...(product.remark ? [product.remark] : [])].join('; ');
    } finally {
      await client.close();
    }
  })();
}

function attempt(what: string, work: () => Promise<string>): () => Promise<Trial> {
  return async () => {
    try {
      return { what, result: await work(), isGood: true };
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      const { message, hint } = error;
      return { what, result: hint === undefined ? message : `${message}. ${hint}`, isGood: false };
    }
  };
}
