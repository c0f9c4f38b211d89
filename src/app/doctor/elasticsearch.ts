// Will Elasticsearch take documents, today and tomorrow? Version, templates, health, disks, shards, blocks, fields, old indices.

import type { ElasticsearchTarget, PipelineFile } from '../../enrich/pipeline-file.ts';
import {
  type ClusterFacts,
  readBlockedIndices,
  readClusterFacts,
  readFieldConflicts,
} from '../../index/cluster-facts.ts';
import { createElasticsearchClient, type ElasticsearchClient } from '../../index/elasticsearch-client.ts';
import { createIndexLayout } from '../../index/index-layout.ts';
import { type LifecycleFacts, readLifecycleFacts } from '../../index/lifecycle-policy.ts';
import { createServerSetup } from '../../index/server-setup.ts';
import type { SetupPlan } from '../../index/setup-plan.ts';
import { WeirError } from '../../model/errors.ts';
import type { Finding } from '../../model/finding.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import { toFinding } from '../findings/catalog.ts';
import { type Check, type Checked, serverLimitMs } from './check.ts';
import { toClockFindings } from './clock.ts';

const answerTimeoutMs = 5000;
/** Beyond this part of what the cluster allows. */
const shardsPart = 0.9;
const maxNamed = 5;

interface Place {
  readonly file: PipelineFile;
  readonly target: ElasticsearchTarget;
  readonly client: ElasticsearchClient;
  readonly server: string;
  readonly pattern: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export function checkElasticsearch(file: PipelineFile, target: ElasticsearchTarget, now: () => number): Check {
  const { retention, ...connection } = target;
  const client = createElasticsearchClient({ ...connection, requestTimeoutMs: answerTimeoutMs });
  return {
    what: `Elasticsearch ${client.address}`,
    async run(): Promise<Checked> {
      const server = client.address.split(', ')[0] ?? '';
      const rollover = retention?.rollOverBytes;
      const layout = createIndexLayout({
        indexName: file.index.name,
        ...(rollover !== undefined && { rollOverBytes: rollover }),
        now,
      });
      const signal = AbortSignal.timeout(serverLimitMs);
      const place = { file, target, client, server, pattern: layout.pattern, now, signal };
      try {
        return await lookAt(place);
      } catch (error) {
        if (!(error instanceof WeirError)) throw error;
        const hint = error.hint === undefined ? `curl ${server}` : `# ${error.hint}`;
        return {
          findings: [toFinding('elasticsearch-away', { server, reason: error.message, hint })],
          said: error.message,
        };
      } finally {
        await client.close();
      }
    },
  };
}

async function lookAt(place: Place): Promise<Checked> {
  const { file, target, client, server, pattern, now, signal } = place;
  const setup = createServerSetup({
    client,
    indexName: file.index.name,
    ...target.retention,
    logger: silentLogger,
    now,
  });
  const { product, plan } = await setup.plan({ force: false }, signal);
  const [facts, lifecycle, blocked, conflicts, wrongIndex] = await Promise.all([
    readClusterFacts(client, now, signal),
    readLifecycleFacts(client, pattern, signal),
    readBlockedIndices(client, pattern, signal),
    readFieldConflicts(client, pattern, signal),
    setup.checkWriteIndex(signal).then(
      () => undefined,
      (error: unknown) => {
        if (!(error instanceof WeirError) || error.code !== 'sink-refused') throw error;
        return error;
      },
    ),
  ]);
  const findings: Finding[] = [...toClusterFindings(place, facts), ...toSetupFindings(place, plan)];
  if (wrongIndex !== undefined) findings.push(toConflict(file, wrongIndex));
  if (product.remark !== undefined) findings.push(toFinding('elasticsearch-other', { server, remark: product.remark }));
  for (const { name, blocks } of blocked.slice(0, maxNamed)) {
    findings.push(toFinding('index-blocked', { server, index: name, blocks: blocks.join(', ') }));
  }
  const [first] = conflicts;
  if (first !== undefined) {
    const named = conflicts.slice(0, maxNamed).map(({ field }) => field);
    const fields =
      conflicts.length > named.length
        ? `${named.join(', ')} and ${conflicts.length - named.length} more`
        : named.join(', ');
    const example = Object.entries(first.types)
      .map(([type, indices]) => `${first.field} is ${type} in ${indices.join(', ') || 'some'}`)
      .join(', ');
    findings.push(toFinding('mapping-conflict', { server, pattern, fields, field: first.field, example }));
  }
  if (lifecycle !== undefined) findings.push(...toLifecycleFindings(server, lifecycle));
  const { keepMs, maxBytes } = target.retention ?? {};
  if (keepMs === undefined && maxBytes === undefined) findings.push(toFinding('retention-missing'));
  const said = `${product.name} ${product.version}, ${facts.status}, ${facts.shards} shards`;
  return { findings, said };
}

function toClusterFindings({ server, pattern }: Place, facts: ClusterFacts): readonly Finding[] {
  const { status, unassignedShards, shards, maxShards, disks, skewMs } = facts;
  const findings: Finding[] = [];
  if (status === 'red') findings.push(toFinding('cluster-red', { server, shards: unassignedShards }));
  if (status === 'yellow') findings.push(toFinding('cluster-yellow', { server, pattern, shards: unassignedShards }));
  if (maxShards > 0 && shards >= shardsPart * maxShards)
    findings.push(toFinding('cluster-shards', { shards, limit: maxShards }));
  for (const { node, usedPercent, stage, limitPercent } of disks) {
    if (stage !== undefined)
      findings.push(toFinding('disk-watermark', { node, used: usedPercent, stage, limit: limitPercent }));
  }
  return skewMs === undefined ? findings : [...findings, ...toClockFindings(`Elasticsearch at ${server}`, skewMs)];
}

function toLifecycleFindings(server: string, { isRunning, failed }: LifecycleFacts): readonly Finding[] {
  return [
    ...(isRunning ? [] : [toFinding('lifecycle-stopped', { server })]),
    ...failed
      .slice(0, maxNamed)
      .map(({ index, reason }) => toFinding('lifecycle-failed', { server, index, reason: reason.slice(0, 200) })),
  ];
}

function toSetupFindings({ file }: Place, { conflicts, actions }: SetupPlan): readonly Finding[] {
  const findings = conflicts.map((conflict) => toConflict(file, conflict));
  const missing = actions.filter(({ does }) => does !== 'keep');
  if (missing.length > 0) {
    const what = missing.map(({ what: name }) => name).join(', ');
    findings.push(toFinding('index-templates-missing', { what, file: file.path }));
  }
  for (const { what, does, note } of actions) {
    if (does === 'keep' && note !== undefined)
      findings.push(toFinding('index-templates-left', { what, note, file: file.path }));
  }
  return findings;
}

function toConflict({ path }: PipelineFile, { message, hint }: WeirError): Finding {
  return toFinding('index-templates-conflict', {
    reason: message,
    hint: hint ?? 'See weir setup --dry-run.',
    file: path,
  });
}
