// Rows of the ledger as documents, one line of JSON each. docs/ledger.md has their fields.

import type { LedgerPage, LedgerRow } from '../model/ledger-row.ts';

export interface LedgerDocument {
  /** Whenever it is sent again, the same. */
  readonly id: string;
  /** `2026.11`: the month, UTC, of its minute. */
  readonly month: string;
  /** JSON, without a newline. */
  readonly text: string;
}

/** Writes pages of the ledger; a page that is written again doubles nothing. */
export interface LedgerWriter {
  /** Throws WeirError when it can't be written now. */
  write(page: LedgerPage, signal: AbortSignal): Promise<void>;
}

export function toLedgerDocuments({ id, rows }: LedgerPage, pipeline: string): readonly LedgerDocument[] {
  return rows.map((row, at) => ({
    id: `${id}-${at.toString(36)}`,
    month: new Date(row.minuteMs).toISOString().slice(0, 7).replace('-', '.'),
    text: JSON.stringify(toDocument(row, pipeline)),
  }));
}

function toDocument(
  { minuteMs, exporter, listenAddress, stage, process, counts }: LedgerRow,
  pipeline: string,
): object {
  const fields: Record<string, unknown> = {
    '@timestamp': new Date(minuteMs).toISOString(),
    ...(exporter !== undefined && { exporter }),
    ...(listenAddress !== undefined && { listen_address: listenAddress }),
    pipeline,
    stage,
    process,
  };
  for (const [name, count] of Object.entries(counts)) {
    // One dot at most: names of steps have theirs replaced.
    const dot = name.indexOf('.');
    if (dot === -1) fields[name] = count;
    else {
      fields[name.slice(0, dot)] ??= {};
      Object.assign(fields[name.slice(0, dot)] as object, { [name.slice(dot + 1)]: count });
    }
  }
  return fields;
}
