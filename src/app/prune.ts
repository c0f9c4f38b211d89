// `weir prune`: deletes old indices that weir made, by age and by size, or with --dry-run tells which, and when the disk is full.

import type { ElasticsearchClient } from '../index/elasticsearch-client.ts';
import type { RollupAges } from '../index/rollup-retention.ts';
import { WeirError } from '../model/errors.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { withElasticsearch } from './elasticsearch.ts';
import { loadPipelineFile } from './pipeline-source.ts';

export interface PruneOptions {
  /** In place of `retention.keep`, ms. */
  readonly olderThanMs?: number;
  /** In place of `retention.max_size`. */
  readonly maxBytes?: number;
  readonly dryRun?: boolean;
}

const limitMs = 120_000;

/** Lines for people. Throws WeirError. */
export async function prune(named: string | undefined, options: PruneOptions = {}): Promise<readonly string[]> {
  const file = await loadPipelineFile(named);
  return withElasticsearch(file, async ({ client, target, indexName }) => {
    const { createIndexLayout } = await import('../index/index-layout.ts');
    const { listOwnIndices } = await import('../index/index-inventory.ts');
    const { askForecast, deleteIndices } = await import('../index/retention.ts');
    const { findSurplus, toForecastText, toSizeText } = await import('../index/retention-rules.ts');
    const { deleteSideSurplus, findSideSurplus, toSideLines } = await import('../index/side-retention.ts');
    const { toProduct } = await import('../index/elasticsearch-product.ts');
    const { olderThanMs = target.retention?.keepMs, maxBytes = target.retention?.maxBytes, dryRun = false } = options;
    if (olderThanMs === undefined && maxBytes === undefined && target.retention === undefined && !dryRun)
      throw new WeirError('usage', 'weir prune does not know what is too old', {
        hint: 'Say it: --older-than 30d or --max-size 500GB, or index.elasticsearch.retention in the pipeline file.',
      });
    const now = Date.now();
    const signal = AbortSignal.timeout(limitMs);
    const rollover = target.retention?.rollOverBytes;
    const layout = createIndexLayout({
      indexName,
      ...(rollover !== undefined && { rollOverBytes: rollover }),
      now: () => now,
    });
    toProduct(await client.request({ method: 'GET', path: '/' }, signal), client.productCheck);
    const indices = await listOwnIndices(client, layout, now, signal);
    const limits = {
      ...(olderThanMs !== undefined && { keepMs: olderThanMs }),
      ...(maxBytes !== undefined && { maxBytes }),
    };
    const surplus = findSurplus(indices, limits, now);
    if (!dryRun) await deleteIndices(client, surplus, silentLogger, signal);
    const { retention: ages } = target;
    const side = ages && (await findSideSurplus(client, ages, now, signal));
    if (ages !== undefined && side !== undefined && !dryRun) await deleteSideSurplus(client, side, ages, now, signal);
    const left = indices.filter((index) => !surplus.some((gone) => gone.index === index));
    const forecast = await askForecast(client, left, limits, now, signal);
    const verb = dryRun ? 'would delete' : 'deleted';
    return [
      ...surplus.map(({ index, reason }) => `${verb} ${index.name} (${toSizeText(index.bytes)}): ${reason}`),
      ...left.map(
        ({ name, bytes, isWritten }) => `kept ${name} (${toSizeText(bytes)})${isWritten ? ', written to' : ''}`,
      ),
      ...(side === undefined ? [] : toSideLines(side, verb)),
      ...(target.rollups === undefined ? [] : await pruneRollups(client, target.rollups, dryRun, now, signal)),
      toForecastText(forecast),
    ];
  });
}

/** Their ages are those of the pipeline file: flags are about flows. */
async function pruneRollups(
  client: ElasticsearchClient,
  ages: RollupAges,
  dryRun: boolean,
  nowMs: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { countRollups } = await import('../index/rollup-inventory.ts');
  const { deleteRollups, findOldRollups, onlyOwnRollups } = await import('../index/rollup-retention.ts');
  const old = findOldRollups((await countRollups(client, signal)).keys(), ages, nowMs);
  const gone = await (dryRun ? onlyOwnRollups : deleteRollups)(client, old, signal);
  return gone.map((index) => `${dryRun ? 'would delete' : 'deleted'} ${index}: rollups of that age are not kept`);
}
