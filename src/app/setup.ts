// `weir setup`: prepares Elasticsearch for flows, as `weir run` does at its start, and Kibana where one is named; says what it did, or with --dry-run would do.

import { type KibanaTarget, kibanaSpace, kibanaUrl, withElasticsearchAccess } from '../enrich/kibana-section.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { SetupAction } from '../index/setup-plan.ts';
import { WeirError } from '../model/errors.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { withElasticsearch } from './elasticsearch.ts';
import { loadPipelineFile } from './pipeline-source.ts';

export interface SetupOptions {
  /** Only tell what would be done. */
  readonly dryRun?: boolean;
  /** Replace also what weir did not make. */
  readonly force?: boolean;
  /** Before the key `kibana` of the file. */
  readonly kibana?: string;
  readonly kibanaSpace?: string;
}

/** A request that makes an index, on a cluster that is busy. */
const limitMs = 60_000;

/** Lines for people. Throws WeirError; nothing was changed when it is a conflict. */
export async function setup(named: string | undefined, options: SetupOptions = {}): Promise<readonly string[]> {
  const file = await loadPipelineFile(named);
  const kibana = toKibana(file, options);
  // Dashboards alone need no Elasticsearch in the file: Kibana has its own.
  const hasElasticsearch = file.index.elasticsearch !== undefined || kibana === undefined;
  const lines = hasElasticsearch ? await setupElasticsearch(file, options) : [];
  if (kibana === undefined) return lines;
  const { dryRun = false, force = false } = options;
  const { setupKibana } = await import('./kibana-setup.ts');
  return [...lines, ...(await setupKibana(kibana, { dryRun, force }))];
}

function toKibana(file: PipelineFile, { kibana: url, kibanaSpace: space }: SetupOptions): KibanaTarget | undefined {
  if (url !== undefined && !kibanaUrl.safeParse(url).success)
    throw new WeirError('usage', '--kibana wants a URL such as http://localhost:5601', {
      hint: 'See weir setup --help.',
    });
  if (space !== undefined && !kibanaSpace.safeParse(space).success)
    throw new WeirError('usage', '--kibana-space wants a space as its URL has it, such as network-team', {
      hint: 'See weir setup --help.',
    });
  // Another Kibana than the file's has other users.
  const named = url === undefined || url === file.kibana?.url ? file.kibana : { url };
  if (named === undefined) {
    if (space === undefined) return undefined;
    throw new WeirError('usage', '--kibana-space without a Kibana', { hint: 'Name it: --kibana URL, or kibana: url.' });
  }
  return withElasticsearchAccess({ ...named, ...(space !== undefined && { space }) }, file.index.elasticsearch);
}

async function setupElasticsearch(file: PipelineFile, { dryRun = false, force = false }: SetupOptions) {
  return withElasticsearch(file, async ({ client, target, indexName }) => {
    const { createServerSetup } = await import('../index/server-setup.ts');
    const server = createServerSetup({
      client,
      indexName,
      ...target.retention,
      logger: silentLogger,
      now: () => Date.now(),
    });
    const signal = AbortSignal.timeout(limitMs);
    const { product, plan } = await server.plan({ force }, signal);
    const lines = [`${product.name} ${product.version} at ${client.address}`];
    if (product.remark !== undefined) lines.push(product.remark);
    if (!plan.hasLifecycle) lines.push(`It has no index lifecycle management: ${toSubstitute(file)}`);
    if (plan.conflicts.length > 0 && !dryRun) throw toConflict(plan.conflicts);
    for (const action of plan.actions) {
      if (!dryRun && action.does !== 'keep') await action.run(signal);
      lines.push(...toLines(action, dryRun));
    }
    for (const { message, hint } of plan.conflicts) lines.push(`conflict  ${message}. ${hint ?? ''}`);
    if (plan.conflicts.length === 0) await server.checkWriteIndex(signal);
    return lines;
  });
}

function toSubstitute({ index }: PipelineFile): string {
  return index.elasticsearch?.retention === undefined
    ? 'old indices stay, unless index.elasticsearch.retention (or weir prune) deletes them.'
    : 'weir run does what retention says.';
}

const done = { create: 'created', update: 'updated', remove: 'removed', keep: 'kept' } as const;

function toLines({ what, does, note, difference }: SetupAction, dryRun: boolean): readonly string[] {
  const verb = does === 'keep' || !dryRun ? done[does].padEnd(9) : `would ${does}`;
  const first = `${verb} ${what}${note === undefined ? '' : `: ${note}`}`;
  return dryRun ? [first, ...difference.map((line) => `    ${line}`)] : [first];
}

function toConflict(conflicts: readonly WeirError[]): WeirError {
  const [first] = conflicts;
  const others = conflicts.length > 1 ? ` (and ${conflicts.length - 1} more: weir setup --dry-run)` : '';
  return new WeirError('sink-refused', `${first?.message ?? ''}${others}`, {
    ...(first?.hint !== undefined && { hint: first.hint }),
  });
}
