// Something that is not as it should be, in the words of who must mend it: on the status page, in the log, in `weir doctor`.

/** error: flows are lost or wrong. warning: they may be, or something works less well than it could. */
export type Severity = 'error' | 'warning';

export interface Finding {
  /** Of the catalogue in docs/doctor.md: `gateway-trap`. */
  readonly id: string;
  readonly severity: Severity;
  /** Address, where it is about one exporter. */
  readonly exporter?: string;
  /** One sentence without its dot: what is. */
  readonly title: string;
  /** Why it matters, in sentences. */
  readonly why: string;
  /** What mends it: commands, lines of a configuration, or comments that begin with "#". */
  readonly fix: readonly string[];
}
