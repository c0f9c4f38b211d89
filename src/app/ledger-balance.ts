// The ledger added up for people: per exporter, does it balance, and where is the rest?

import { droppedByStep } from '../telemetry/ledger-fields.ts';
import { toCountText } from './count-text.ts';

/** Sums by field of weir-ledger documents, of one exporter or port. */
export type LedgerSums = Readonly<Record<string, number>>;

export interface ExporterBalance {
  readonly exporter: string;
  /** Flow records that it sent, as far as is known. */
  readonly exported: number;
  readonly lostInNetwork: number;
  readonly decoded: number;
  readonly droppedBySteps: number;
  /** Flow records in the index, each once, however often it was written. */
  readonly indexed: number;
  readonly deadLettered: number;
  readonly quarantined: number;
  /** Lost in weir, by name: `records_refused_by_queue` … */
  readonly losses: Readonly<Record<string, number>>;
  readonly lost: number;
  /** Decoded, and without a fate: on the way, if positive. */
  readonly rest: number;
  /** Of what was exported, what was not lost anywhere; 100 where nothing was exported. */
  readonly completePercent: number;
}

const lossFields = ['records_refused_by_queue', 'records_lost_by_spool', 'records_lost_in_queue'] as const;

export function toBalance(exporter: string, sums: LedgerSums): ExporterBalance {
  const of = (field: string): number => sums[field] ?? 0;
  const losses = Object.fromEntries(lossFields.map((field) => [field, of(field)]));
  const lost = lossFields.reduce((sum, field) => sum + of(field), 0);
  const exported = of('records_exported');
  const decoded = of('records_decoded');
  const lostInNetwork = of('records_lost_estimated');
  const droppedBySteps = of('records_dropped_by_steps');
  const deadLettered = of('documents_dead_lettered');
  const quarantined = of('records_quarantined');
  const indexed = of('documents_indexed') + of('documents_already_there') - of('documents_added_by_step');
  const missing = Math.max(0, lostInNetwork) + lost + quarantined;
  return {
    exporter,
    exported,
    lostInNetwork,
    decoded,
    droppedBySteps,
    indexed,
    deadLettered,
    quarantined,
    losses,
    lost,
    rest: decoded - indexed - droppedBySteps - deadLettered - quarantined - lost,
    completePercent: exported <= 0 ? 100 : Math.max(0, 100 * (1 - missing / exported)),
  };
}

/** What stands where records wait; undefined: can't be told from here. */
export interface OnTheWay {
  readonly queued: number | undefined;
}

/** In words: does it balance, and where is the rest? */
export function toVerdict(balances: readonly ExporterBalance[], { queued }: OnTheWay): readonly string[] {
  const decoded = balances.reduce((sum, { decoded: each }) => sum + each, 0);
  const waiting = balances.filter(({ rest }) => rest > 0);
  const tooMany = balances.filter(({ rest }) => rest < 0);
  const lines: string[] = [];
  if (waiting.length === 0 && tooMany.length === 0)
    lines.push(`It balances: what became of each of the ${toCountText(decoded, 'record')} decoded is known.`);
  if (waiting.length > 0) {
    const rest = waiting.reduce((sum, balance) => sum + balance.rest, 0);
    const names = toNames(waiting.map(({ exporter }) => exporter));
    const beyond = queued === undefined ? rest : Math.max(0, rest - queued);
    const inQueue =
      queued !== undefined && queued > 0 ? `, ${toCountText(Math.min(queued, rest), 'record')} in the queue` : '';
    lines.push(`${toCountText(rest, 'record')} of ${names} without a fate yet${inQueue}.`);
    if (beyond > 0)
      lines.push(
        queued === undefined
          ? 'They wait in weir run, or it was killed with them in memory.'
          : `${toCountText(beyond, 'record')} more: in a batch or on the spool of a listener, in a worker’s hands, counted in the last few seconds, or a listener was killed with them.`,
      );
  }
  if (tooMany.length > 0) {
    const more = -tooMany.reduce((sum, balance) => sum + balance.rest, 0);
    const names = toNames(tooMany.map(({ exporter }) => exporter));
    lines.push(
      `${toCountText(more, 'record')} of ${names} more than were decoded: a listener was killed before it could say what it had counted, or the spool lost what had come before this window.`,
    );
  }
  return lines;
}

/** Counts beside the table, in the order in which a flow meets them; of ports at the end. */
export function toRemarks(exporters: ReadonlyMap<string, LedgerSums>, ports: ReadonlyMap<string, LedgerSums>) {
  const all: Record<string, number> = {};
  for (const sums of exporters.values())
    for (const [field, count] of Object.entries(sums)) all[field] = (all[field] ?? 0) + count;
  const named = (prefix: string): string =>
    Object.entries(all)
      .filter(([field, count]) => field.startsWith(prefix) && count !== 0)
      .map(([field, count]) => `${field.slice(prefix.length)} ${count}`)
      .join(', ');
  const of = (field: string): number => all[field] ?? 0;
  const faults = named('faults.');
  const steps = named(`${droppedByStep}.`);
  const losses = lossFields.filter((field) => of(field) !== 0).map((field) => `${field} ${of(field)}`);
  const [parked, queued, spooled] = [of('sets_parked'), of('records_queued'), of('records_spooled')];
  const alreadyThere = of('documents_already_there');
  const remarks: string[] = [];
  if (faults !== '') remarks.push(`not decodable, or parked: ${faults}`);
  if (parked > 0) remarks.push(`parked: ${toCountText(parked, 'set')} came before their template`);
  if (queued > 0) remarks.push(`queued: ${toCountText(queued, 'record')}, ${spooled} of them by way of the spool`);
  if (steps !== '') remarks.push(`dropped by steps: ${steps}`);
  if (alreadyThere > 0) remarks.push(`already there: ${alreadyThere} of those indexed, by an earlier attempt`);
  if (losses.length > 0) remarks.push(`lost in weir: ${losses.join(', ')}`);
  for (const [port, sums] of ports) {
    const dropped = sums['datagrams_kernel_dropped'] ?? 0;
    if (dropped > 0)
      remarks.push(
        `the kernel dropped ${toCountText(dropped, 'datagram')} at ${port}: they are in "lost" of whoever sent them`,
      );
  }
  return remarks;
}

function toNames(names: readonly string[]): string {
  return names.length > 3 ? `${names.length} exporters` : names.join(', ');
}
