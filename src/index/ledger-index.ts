// The ledger's documents into Elasticsearch, one index a month: _bulk with `create` and ids that never change.

import type { LedgerPage } from '../model/ledger-row.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { actionEnd, toActionStart } from './bulk-body.ts';
import { bulkAnswerFilter, toBulkOutcome } from './bulk-result.ts';
import { unavailable } from './connection-failure.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { type LedgerDocument, type LedgerWriter, toLedgerDocuments } from './ledger-documents.ts';

export interface LedgerIndexOptions {
  readonly client: ElasticsearchClient;
  /** `name` of the pipeline file. */
  readonly pipeline: string;
  /** Rejects while the server is away or not set up: without its template the index would be made wrongly. */
  readonly ready: (signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
  readonly now: () => number;
}

export const ledgerIndexBase = 'weir-ledger';
const maxDocuments = 1000;

export function createLedgerIndex({ client, pipeline, ready, logger, now }: LedgerIndexOptions): LedgerWriter {
  const pass = createRateLimit();

  async function write(page: LedgerPage, signal: AbortSignal): Promise<void> {
    await ready(signal);
    const documents = toLedgerDocuments(page, pipeline);
    for (let at = 0; at < documents.length; at += maxDocuments)
      await send(documents.slice(at, at + maxDocuments), signal);
  }

  async function send(documents: readonly LedgerDocument[], signal: AbortSignal): Promise<void> {
    const lines = documents.map(
      ({ id, month, text }) => `${toActionStart(`${ledgerIndexBase}-${month}`, id)}${actionEnd}${text}\n`,
    );
    const query = { filter_path: bulkAnswerFilter };
    const request = { method: 'POST', path: '/_bulk', query, body: Buffer.from(lines.join('')) } as const;
    const outcome = toBulkOutcome(await client.request(request, signal), documents.length, now());
    if (outcome.kind === 'wait') throw unavailable(outcome.reason);
    if (outcome.kind === 'split') {
      if (documents.length === 1) return refuse(outcome.reason);
      const middle = documents.length >> 1;
      await send(documents.slice(0, middle), signal);
      await send(documents.slice(middle), signal);
      return;
    }
    for (const fate of outcome.fates) {
      if (fate.kind === 'indexed' || fate.kind === 'already there') continue;
      if (fate.kind === 'wait') throw unavailable(fate.reason);
      refuse(fate.reason);
    }
  }

  /** What the index never takes must not hold up the rest. */
  function refuse(reason: string): void {
    if (pass('refused', now()) !== undefined)
      logger.error({ index: `${ledgerIndexBase}-*`, reason }, 'a document of the ledger was refused: it is lost');
  }

  return { write };
}
