// `weir doctor`: looks at the machine, the servers that the pipeline file names, and the weir that runs with it; changes nothing. Ends
// with a list of what is wrong, why it matters, and what mends it.

import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import type { Finding } from '../../model/finding.ts';
import { bySeverity } from '../findings/findings.ts';
import { type Check, type CheckResult, runChecks } from './check.ts';
import { checkClock } from './clock.ts';
import { checkDatabases } from './databases.ts';
import { checkFirewall } from './firewall.ts';
import { checkFolders } from './folders.ts';
import { checkListenPorts } from './listen-ports.ts';
import { checkNameServers } from './name-servers.ts';
import { checkReceiveBuffer } from './receive-buffer.ts';
import { checkReversePath } from './reverse-path.ts';
import { askRunningWeir, checkExporters, checkRunningWeir } from './running-weir.ts';

export interface Diagnosis {
  readonly file: string;
  readonly checks: readonly CheckResult[];
  /** Errors first; each once. */
  readonly findings: readonly Finding[];
}

export async function diagnose(file: PipelineFile, now: () => number): Promise<Diagnosis> {
  const checks = await runChecks(await toChecks(file, now));
  const byKey = new Map(
    checks.flatMap(({ findings }) => findings).map((finding) => [`${finding.id} ${finding.title}`, finding]),
  );
  return { file: file.path, checks, findings: [...byKey.values()].toSorted(bySeverity) };
}

/** In the order in which a flow meets what they look at. */
async function toChecks(file: PipelineFile, now: () => number): Promise<readonly Check[]> {
  const { redis } = file.queue;
  const { elasticsearch } = file.index;
  const nowMs = now();
  const asked = askRunningWeir(file);
  // Loaded only where they are wanted: they bring their clients.
  const [withRedis, withElasticsearch, withKibana] = await Promise.all([
    redis && import('./redis.ts'),
    elasticsearch && import('./elasticsearch.ts'),
    file.kibana && import('./kibana.ts'),
  ]);
  return [
    checkReceiveBuffer(file),
    checkListenPorts(file, asked),
    checkFirewall(file),
    checkReversePath(asked, nowMs),
    checkClock(),
    ...checkNameServers(file),
    ...checkFolders(file),
    ...checkDatabases(file, nowMs),
    ...(redis && withRedis ? [withRedis.checkRedis(redis, now)] : []),
    ...(elasticsearch && withElasticsearch ? [withElasticsearch.checkElasticsearch(file, elasticsearch, now)] : []),
    ...(file.kibana && withKibana ? [withKibana.checkKibana(file.kibana, elasticsearch, file.path)] : []),
    checkRunningWeir(file, asked, nowMs),
    checkExporters(asked),
  ];
}
