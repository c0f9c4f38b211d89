// Documents into Elasticsearch: _bulk with `create` and ids that every attempt repeats, so that each document is there exactly
// once, whatever happens on the way (docs/architecture.md). Waits as long as it takes; what is refused becomes a dead letter.

import { setMaxListeners } from 'node:events';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { DocumentBatch } from '../model/document.ts';
import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { type BackOffOptions, throwIfStopped } from './back-off.ts';
import { createBodySlabs } from './bulk-body.ts';
import { createBulkPace } from './bulk-pace.ts';
import { type BulkRequest, putRequest } from './bulk-request.ts';
import { createBulkRequests } from './bulk-requests.ts';
import { type BulkOutcome, bulkAnswerFilter, toBulkOutcome } from './bulk-result.ts';
import { createDeadLetterFile } from './dead-letter-file.ts';
import { type DeadLetter, toDeadLetterItems, toDeadLetters } from './dead-letters.ts';
import type { DroppedField } from './document-repairs.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { type ToIndex, toFlowItems } from './flow-items.ts';
import { createIndexNaming } from './index-name.ts';
import type { IndexSeries } from './index-series.ts';
import { toFailureText } from './ndjson-file-system.ts';
import { placed } from './server-answer.ts';
import { createServerSetup } from './server-setup.ts';
import type { RefusedDocument, Sink, WriteResult } from './sink.ts';
import { toDurationText } from './trouble.ts';

export interface BulkWriterOptions {
  readonly client: ElasticsearchClient;
  /** `%{yyyy.MM.dd}` in it is the document's own day, UTC. */
  readonly indexName?: string;
  /** Indices by size: they choose in place of `indexName`. */
  readonly series?: IndexSeries;
  /** Before the first document, and again when the server was away: has it what documents need? Puts the templates when absent. */
  readonly prepare?: (signal: AbortSignal) => Promise<void>;
  /** Requests under way at a time, at most: bulk-pace.ts finds how many are good. */
  readonly concurrency?: number;
  /** 5 MB is a second's work for a small server; proxies allow 1 MB to 10 MB. */
  readonly maxRequestBytes?: number;
  readonly maxRequestDocuments?: number;
  /** Bodies by gzip: a fraction of the bytes, for twice our CPU and some of the server's. */
  readonly compress?: boolean;
  /** How long the server waits for a shard, a master, a mapping, before it answers. Shorter than the client's own timeout. */
  readonly serverTimeoutMs?: number;
  readonly backOff?: BackOffOptions;
  /** Takes dead letters that their index refuses. Without it they are lost, and counted. */
  readonly deadLetterFile?: string;
  /** Of weir, for dead letters. */
  readonly version?: string;
  readonly logger: Logger;
  readonly now: () => number;
}

/** A server that is up answers in milliseconds. weir opens its ports after this: one that hangs must not cost flows. */
const startTimeoutMs = 1000;
/** A dead letter that its index makes wait so often goes to the file: what is refused must not hold up what is not. */
const deadLetterPatience = 4;
/** An exporter chooses the names of some fields: beyond these they are counted as `others`. */
const maxCountedFields = 200;
const compressBody = promisify(gzip);

export function createBulkWriter({
  client,
  indexName = 'weir-flow-%{yyyy.MM.dd}',
  series,
  concurrency = 4,
  maxRequestBytes = 5_000_000,
  maxRequestDocuments = 2000,
  compress = false,
  serverTimeoutMs = 30_000,
  backOff = {},
  deadLetterFile,
  version = '',
  logger,
  now,
  prepare: prepareServer = createServerSetup({ client, indexName, logger, now }).prepare,
}: BulkWriterOptions): Sink {
  const naming = createIndexNaming(indexName, now);
  const pace = createBulkPace({ maxConcurrency: concurrency, maxRequestBytes });
  const slabs = createBodySlabs(concurrency);
  const pass = createRateLimit({ times: 3 });
  const file = deadLetterFile === undefined ? undefined : createDeadLetterFile(deadLetterFile);
  const query = { filter_path: bulkAnswerFilter, timeout: `${serverTimeoutMs}ms` };
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const requests = createBulkRequests({
    pace,
    maxRequestDocuments,
    backOff,
    prepare: () => prepare(closing.signal),
    send,
    onWait(reason, documents) {
      if (pass('waits', now()) !== undefined)
        logger.warn({ address: client.address, documents, reason, ...paceNow() }, 'documents wait');
    },
    onGoOn(waitedMs) {
      if (pass('goes on', now()) !== undefined)
        logger.info({ address: client.address, waited: toDurationText(waitedMs) }, 'documents go on');
    },
    now,
  });
  const droppedFields = new Map<string, number>();
  let deadLettersInFile = 0;
  let deadLettersLost = 0;
  let prepared: Promise<void> | undefined;

  async function start(): Promise<void> {
    try {
      await prepare(AbortSignal.timeout(startTimeoutMs));
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      if (!error.retryable) throw placed(error, client.address);
      logger.warn(
        { address: client.address, reason: error.message },
        'Elasticsearch is away: documents will wait for it',
      );
    }
  }

  /** Once, before the first bulk, and again after an outage: another server, or an emptied one, may have come back. */
  async function prepare(signal: AbortSignal): Promise<void> {
    prepared ??= prepareServer(signal).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    await prepared;
    await series?.keepFresh(signal);
  }

  function indexChoice(): ToIndex {
    if (series === undefined) return naming.toIndexName;
    let chosen: string | undefined;
    return (_, batchCreatedAtMs) => {
      chosen ??= series.indexAt(batchCreatedAtMs);
      return chosen;
    };
  }

  async function write(documents: DocumentBatch, signal: AbortSignal): Promise<WriteResult> {
    throwIfStopped(signal);
    const items = toFlowItems(documents, indexChoice());
    const result = await requests.deliver(items, signal);
    if (result.refused.length > 0) await bury(documents, result.refused, items.indexOf, signal);
    const refused = new Set(result.refused.map(({ index }) => index));
    for (const [item, { dropped }] of items.repairs.dropped())
      if (!refused.has(item)) for (const field of dropped) countDropped(field);
    return result;
  }

  /** Refused documents into their own index; what it does not take, into the file. */
  async function bury(
    documents: DocumentBatch,
    refused: readonly RefusedDocument[],
    indexOf: (item: number) => string,
    signal: AbortSignal,
  ) {
    const letters = toDeadLetters(documents, refused, { indexOf, version, nowMs: now() });
    const { refused: left } = await requests.deliver(toDeadLetterItems(letters), signal, deadLetterPatience);
    if (left.length === 0) return;
    const kept = await keepInFile(left.map(({ index }) => letters[index]!));
    deadLettersInFile += kept;
    deadLettersLost += left.length - kept;
    const reason = left[0]?.reason;
    if (kept > 0 && pass('letters in file', now()) !== undefined)
      logger.warn(
        { documents: kept, file: deadLetterFile, reason },
        'the index of dead letters refuses some: kept in a file',
      );
    if (kept < left.length)
      logger.error(
        { batch: documents.batchId, documents: left.length - kept, reason },
        'refused documents could not be kept as dead letters either: they are lost',
      );
  }

  async function keepInFile(letters: readonly DeadLetter[]): Promise<number> {
    try {
      return (await file?.append(letters)) ?? 0;
    } catch (error) {
      if (pass('letter file', now()) !== undefined)
        logger.error({ file: deadLetterFile, reason: toFailureText(error) }, 'the file of dead letters takes none');
      return 0;
    }
  }

  async function send(request: BulkRequest, signal: AbortSignal): Promise<BulkOutcome> {
    const slab = slabs.take(request.byteLength);
    const plain = putRequest(slab, request);
    try {
      const body = compress ? await compressBody(plain, { level: constants.Z_BEST_SPEED }) : plain;
      if (compress) slabs.giveBack(slab);
      const encoding = compress ? { encoding: 'gzip' as const } : {};
      const answer = await client.request({ method: 'POST', path: '/_bulk', query, body, ...encoding }, signal);
      const outcome = toBulkOutcome(answer, request.count, now());
      // After anything else than a full answer the socket may still read from the slab: it is left to it.
      if (outcome.kind === 'items' && !compress) slabs.giveBack(slab);
      return outcome.kind === 'wait' ? { ...outcome, reason: withNode(outcome.reason, answer.node) } : outcome;
    } catch (error) {
      if (error instanceof WeirError) prepared = undefined;
      throw error;
    }
  }

  /** The address says it all where there is one node. */
  function withNode(reason: string, node: string): string {
    return node === client.address ? reason : `${node}: ${reason}`;
  }

  function countDropped({ name, value }: DroppedField): void {
    const counted = droppedFields.has(name) || droppedFields.size < maxCountedFields ? name : 'others';
    droppedFields.set(counted, (droppedFields.get(counted) ?? 0) + 1);
    if (pass(`field ${counted}`, now()) !== undefined)
      logger.warn({ field: name, value }, 'the index does not take a field: documents are indexed without it');
  }

  function trouble(): string | undefined {
    const longest = requests.longestWait();
    if (longest === undefined) return undefined;
    const held = `Elasticsearch at ${client.address} holds documents for ${toDurationText(longest.forMs)}: ${longest.reason}`;
    const { concurrency: places, requestBytes } = paceNow();
    if (places === concurrency && requestBytes === maxRequestBytes) return held;
    return `${held} (${places} request${places === 1 ? '' : 's'} at a time, of ${Math.ceil(requestBytes / 1000)} kB)`;
  }

  function paceNow() {
    return { concurrency: pace.concurrency(), requestBytes: Math.round(pace.requestBytes()) };
  }

  async function stop(): Promise<void> {
    closing.abort();
    await client.close();
  }

  return {
    start,
    write,
    ready: prepare,
    stop,
    trouble,
    measures: () => ({
      ...paceNow(),
      lastLatencyMs: requests.lastLatencyMs(),
      droppedFields,
      deadLettersInFile,
      deadLettersLost,
    }),
  };
}
