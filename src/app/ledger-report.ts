// `weir ledger`: what became of each exporter's flows: the documents of the ledger, and what is not written yet, added up.

import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import { type LedgerRow, toMinute } from '../model/ledger-row.ts';
import { silentLogger } from '../telemetry/logger.ts';
import { withElasticsearch } from './elasticsearch.ts';
import { createExporterFilter } from './exporter-gate.ts';
import { type ExporterBalance, type LedgerSums, toBalance, toRemarks, toVerdict } from './ledger-balance.ts';
import { loadPipelineFile } from './pipeline-source.ts';
import { toLedgerStateFile } from './queues.ts';
import { toTableLines } from './text-table.ts';
import { toTimeMs } from './time-flag.ts';

export interface LedgerFlags {
  /** Addresses, subnets, or names that the ledger has (`others`); absent: all. */
  readonly exporter?: readonly string[];
  /** A duration before now, or a time. */
  readonly since: string;
  readonly json?: boolean;
}

interface Sums {
  readonly exporters: Map<string, Record<string, number>>;
  readonly ports: Map<string, Record<string, number>>;
}

const limitMs = 30_000;

/** Text that ends with a newline. Throws WeirError. */
export async function describeLedger(
  pipeline: string | undefined,
  { exporter, since, json = false }: LedgerFlags,
  nowMs: number,
): Promise<string> {
  const file = await loadPipelineFile(pipeline);
  const sinceMs = toMinute(toTimeMs('--since', since, nowMs));
  const { rows, queued } = await readUnwritten(file);
  const sums = await readWritten(file, sinceMs);
  for (const row of rows) if (row.minuteMs >= sinceMs) add(sums, row.exporter, row.listenAddress, row.counts);
  if (exporter !== undefined) keepOnly(sums.exporters, exporter, since);
  const balances = [...sums.exporters].map(([name, counts]) => toBalance(name, counts)).sort(byExported);
  const verdict = toVerdict(balances, { queued });
  const remarks = toRemarks(sums.exporters, sums.ports);
  if (json) {
    const exporters = balances.map((balance) => ({ ...balance, counts: sums.exporters.get(balance.exporter) }));
    const ports = [...sums.ports].map(([listenAddress, counts]) => ({ listenAddress, counts }));
    const from = new Date(sinceMs).toISOString();
    return `${JSON.stringify({ since: from, exporters, ports, queued, verdict }, undefined, 2)}\n`;
  }
  if (balances.length === 0) return `nothing was counted since ${new Date(sinceMs).toISOString()}\n`;
  return `${[...toTable(balances), '', ...remarks, ...verdict].join('\n')}\n`;
}

function byExported(a: ExporterBalance, b: ExporterBalance): number {
  return b.exported - a.exported || (a.exporter < b.exporter ? -1 : 1);
}

/** Of ports all stay: whose datagrams the kernel dropped there it does not tell. */
function keepOnly(exporters: Sums['exporters'], wanted: readonly string[], since: string): void {
  const isWanted = createExporterFilter(wanted.filter((name) => !exporters.has(name)));
  for (const name of exporters.keys()) if (!wanted.includes(name) && !isWanted(name)) exporters.delete(name);
  if (exporters.size === 0)
    throw new WeirError('usage', `the ledger has nothing of the exporter ${wanted.join(', ')} since ${since}`, {
      hint: 'Without --exporter weir ledger lists all of them.',
    });
}

function toTable(balances: readonly ExporterBalance[]): readonly string[] {
  const head =
    'EXPORTER,EXPORTED,LOST ON THE WAY,DECODED,DROPPED,INDEXED,DEAD LETTERS,QUARANTINE,LOST HERE,REST,COMPLETE';
  return toTableLines(
    head.split(','),
    balances.map((each) => [
      each.exporter,
      `${each.exported}`,
      `${each.lostInNetwork}`,
      `${each.decoded}`,
      `${each.droppedBySteps}`,
      `${each.indexed}`,
      `${each.deadLettered}`,
      `${each.quarantined}`,
      `${each.lost}`,
      `${each.rest}`,
      `${toPercent(each.completePercent)} %`,
    ]),
  );
}

/** Never 100 when something is missing. */
function toPercent(percent: number): string {
  return (Math.floor(percent * 100) / 100).toFixed(2);
}

function add(
  { exporters, ports }: Sums,
  exporter: string | undefined,
  listenAddress: string | undefined,
  counts: LedgerSums,
): void {
  // Of a process itself: no flow of anybody.
  if (exporter === undefined && listenAddress === undefined) return;
  const [of, name] = exporter === undefined ? [ports, listenAddress ?? ''] : [exporters, exporter];
  const sums = of.get(name) ?? {};
  of.set(name, sums);
  for (const [field, count] of Object.entries(counts)) sums[field] = (sums[field] ?? 0) + count;
}

/** Counts that lie beside the queue, and how many records are in it. */
async function readUnwritten({ name, queue, state }: PipelineFile): Promise<{
  readonly rows: readonly LedgerRow[];
  readonly queued: number | undefined;
}> {
  const { redis } = queue;
  if (redis === undefined) {
    const { readLedgerFile } = await import('../enqueue/memory-ledger.ts');
    const file = toLedgerStateFile(state.directory);
    const rows = await readLedgerFile(file).catch((cause: unknown) => {
      throw new WeirError('file-invalid', `${file} can’t be read: ${cause instanceof Error ? cause.message : ''}`, {
        cause,
      });
    });
    return { rows, queued: undefined };
  }
  const { createQueueInspection } = await import('../enqueue/bullmq-inspection.ts');
  const { keyPrefix, keepMs } = redis;
  const inspection = createQueueInspection({ redis, keyPrefix, name, keepMs, logger: silentLogger, now: Date.now });
  await inspection.start();
  try {
    const [rows, { records }] = await Promise.all([inspection.ledgerRows(), inspection.state()]);
    return { rows, queued: records };
  } finally {
    await inspection.stop();
  }
}

async function readWritten(file: PipelineFile, sinceMs: number): Promise<Sums> {
  const sums: Sums = { exporters: new Map(), ports: new Map() };
  if (file.index.elasticsearch === undefined) {
    const { readLedgerFiles } = await import('../index/ledger-file.ts');
    const question = { pipeline: file.name, sinceMs };
    for await (const document of readLedgerFiles(file.index.files.directory, question)) addDocument(sums, document);
    return sums;
  }
  return withElasticsearch(file, async ({ client }) => {
    const { sumLedger } = await import('../index/ledger-sums.ts');
    const found = await sumLedger(client, { pipeline: file.name, sinceMs }, AbortSignal.timeout(limitMs));
    for (const { exporter, listenAddress, counts } of found) add(sums, exporter, listenAddress, counts);
    return sums;
  });
}

function addDocument(sums: Sums, document: Readonly<Record<string, unknown>>): void {
  const counts: Record<string, number> = {};
  for (const [name, value] of Object.entries(document)) {
    if (typeof value === 'number') counts[name] = value;
    else if (typeof value === 'object' && value !== null)
      for (const [inner, count] of Object.entries(value)) counts[`${name}.${inner}`] = Number(count);
  }
  const { exporter, listen_address: listenAddress } = document;
  add(
    sums,
    typeof exporter === 'string' ? exporter : undefined,
    typeof listenAddress === 'string' ? listenAddress : undefined,
    counts,
  );
}
