// The ledger's documents added up by Elasticsearch: sums of every field, by exporter and by port.

import { droppedByStep, ledgerCounts } from '../telemetry/ledger-fields.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { ledgerIndexBase } from './ledger-index.ts';
import { asRecord, readAnswer } from './server-answer.ts';

export interface LedgerSum {
  readonly exporter?: string;
  readonly listenAddress?: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** More than the ledger tells apart in a minute; what has changed its address is there twice. */
const maxBuckets = 5000;
const pattern = `${ledgerIndexBase}-*`;
const privilege = `the privileges "read" and "view_index_metadata" on ${pattern}`;

/** Throws WeirError. An index that is not there has no documents. */
export async function sumLedger(
  client: ElasticsearchClient,
  { pipeline, sinceMs }: { readonly pipeline: string; readonly sinceMs: number },
  signal: AbortSignal,
): Promise<readonly LedgerSum[]> {
  const ask = { what: 'read the ledger', privilege };
  const path = `/${encodeURIComponent(pattern)}`;
  const options = { ignore_unavailable: 'true', allow_no_indices: 'true' };
  const known = await client.request(
    { method: 'GET', path: `${path}/_field_caps`, query: { ...options, fields: `${droppedByStep}.*` } },
    signal,
  );
  const steps = Object.keys(asRecord(readAnswer(known, ask)['fields']) ?? {});
  const fields = [...ledgerCounts.map(({ name }) => name), ...steps];
  const sums = Object.fromEntries(fields.map((field) => [field, { sum: { field } }]));
  const answer = await client.request(
    {
      method: 'POST',
      path: `${path}/_search`,
      query: options,
      body: {
        size: 0,
        query: {
          bool: {
            filter: [{ term: { pipeline } }, { range: { '@timestamp': { gte: new Date(sinceMs).toISOString() } } }],
          },
        },
        aggs: {
          exporter: { terms: { field: 'exporter', size: maxBuckets }, aggs: sums },
          listenAddress: { terms: { field: 'listen_address', size: maxBuckets }, aggs: sums },
        },
      },
    },
    signal,
  );
  const aggregations = asRecord(readAnswer(answer, ask)['aggregations']);
  return (['exporter', 'listenAddress'] as const).flatMap((key) =>
    toBuckets(aggregations?.[key]).map((bucket) => ({
      [key]: String(bucket['key']),
      counts: toCounts(bucket, fields),
    })),
  );
}

function toBuckets(aggregation: unknown): readonly Readonly<Record<string, unknown>>[] {
  const buckets = asRecord(aggregation)?.['buckets'];
  return Array.isArray(buckets) ? buckets.map((bucket) => asRecord(bucket) ?? {}) : [];
}

function toCounts(bucket: Readonly<Record<string, unknown>>, fields: readonly string[]): Record<string, number> {
  return Object.fromEntries(fields.map((field) => [field, Number(asRecord(bucket[field])?.['value'] ?? 0)]));
}
