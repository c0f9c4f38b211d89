// Documents of rollups into their indices. Their version is the number of flows that the interval was made of: what was read of fewer
// flows, and is written later, changes nothing. So two makers at once are harmless.

import { WeirError } from '../model/errors.ts';
import { unavailable } from './connection-failure.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { toItemFault } from './item-fault.ts';
import type { RollupWrite } from './rollup-documents.ts';
import { rollupPattern } from './rollup-interval.ts';
import { asRecord, readAnswer } from './server-answer.ts';

/** A document has some 250 bytes. */
const maxWrites = 2000;

/** Throws WeirError unless all are there, or better ones. */
export async function writeRollups(
  client: ElasticsearchClient,
  writes: readonly RollupWrite[],
  version: number,
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < writes.length; at += maxWrites)
    await send(client, writes.slice(at, at + maxWrites), version, signal);
}

async function send(
  client: ElasticsearchClient,
  writes: readonly RollupWrite[],
  version: number,
  signal: AbortSignal,
): Promise<void> {
  const lines = writes.map(({ index, id, text }) => {
    const place = JSON.stringify({ _index: index, _id: id, version, version_type: 'external_gte' });
    return text === undefined ? `{"delete":${place}}\n` : `{"index":${place}}\n${text}\n`;
  });
  const query = { filter_path: 'errors,items.*.status,items.*.error' };
  const request = { method: 'POST', path: '/_bulk', query, body: Buffer.from(lines.join('')) } as const;
  const json = readAnswer(await client.request(request, signal), {
    what: 'take rollups',
    privilege: `the privileges "create_index", "index" and "delete" on ${rollupPattern}`,
  });
  const items = json['items'];
  if (!Array.isArray(items) || items.length !== writes.length) throw unavailable('an answer without all items');
  for (const item of items as readonly unknown[]) {
    const { status, error } = asRecord(Object.values(asRecord(item) ?? {})[0]) ?? {};
    if (typeof status !== 'number') throw unavailable('an answer without the fate of an item');
    // 409: one of more flows is there; 404: what was to go was not there.
    if ((status >= 200 && status < 300) || status === 409 || (status === 404 && error === undefined)) continue;
    const fault = toItemFault(status, error);
    if (fault.kind === 'wait') throw unavailable(fault.reason);
    throw new WeirError('sink-refused', `a rollup was refused: ${fault.reason}`, {
      hint: `Are the indices ${rollupPattern} made from weir's template? Delete those that are not.`,
    });
  }
}
