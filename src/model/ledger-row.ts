// Counts of one exporter, or one port, in one minute, as they travel from whoever counts to the ledger's documents.

export interface LedgerRow {
  /** Begin of the minute in which the flows were received, ms since 1970. */
  readonly minuteMs: number;
  /** Absent: of a port, or of a process. */
  readonly exporter?: string;
  /** `udp://0.0.0.0:2055`, where there is no exporter. */
  readonly listenAddress?: string;
  readonly stage: 'listen' | 'work' | 'process';
  /** Who counted. */
  readonly process: string;
  /** By field of the document (telemetry/ledger-fields.ts); to be added to what others count. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Rows under a name that never comes again: row i of it is always the same document. */
export interface LedgerPage {
  readonly id: string;
  readonly rows: readonly LedgerRow[];
}

export const minuteMs = 60_000;

export function toMinute(timeMs: number): number {
  return Math.floor(timeMs / minuteMs) * minuteMs;
}
