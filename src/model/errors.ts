// The one error class. Start-up mistakes end the process with exit code 2; after start-up, errors are retried or counted.
// Faults of the data path are values, not errors: model/fault.ts.

/** Every code, with what it means; docs/errors.md is generated from this table. */
export const errorCodes = {
  usage: 'The command line has an unknown verb, option or argument.',
  'file-missing': 'A file that was named does not exist or cannot be read.',
  'file-invalid': 'A file was read but is not what it should be (not a pcap, not a database, …).',
  'pipeline-invalid': 'The pipeline file has mistakes; each is listed with its line and column.',
  'pipeline-tests-failed': 'A test inside the pipeline file did not give the expected document.',
  'connect-failed': 'weir check --connect could not open or reach something that the pipeline file names.',
  'download-failed': 'A file could not be downloaded; what was there before is still there.',
  'listen-failed': 'A port could not be opened: in use, not allowed, or no such address here.',
  'worker-failed': 'A worker process of weir listen --workers could not start.',
  'folder-unwritable': 'A folder cannot be made or written to.',
  'disk-full': 'The disk that takes the documents is full; weir waits and goes on when there is room.',
  'queue-refused':
    'Redis does not take weir’s password, its certificate is not trusted, or what lies under weir’s keys is not weir’s.',
  'queue-unavailable': 'Redis does not answer, and what was asked for can’t be done without it.',
  'sink-unavailable':
    'Elasticsearch (or the folder for files) does not take documents now; weir waits and goes on by itself.',
  'sink-refused': 'Elasticsearch refuses the whole request for a reason that waiting will not mend.',
  'kibana-unavailable': 'Kibana does not answer, or is not ready; its dashboards were not, or not wholly, imported.',
  'kibana-refused': 'Kibana refuses the dashboards, or what answers is no Kibana 7.3 to 7.17.',
  'not-supported': 'A setting that this version of weir knows but cannot carry out.',
  stopped: 'The work was given up because weir was told to stop.',
  internal: 'A mistake in weir itself; please report it.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof errorCodes;

export interface WeirErrorOptions {
  /** What to do about it, as one sentence. */
  readonly hint?: string;
  /** Will the same call succeed later? */
  readonly retryable?: boolean;
  /** Values for the log; never payloads or secrets. */
  readonly context?: Readonly<Record<string, string | number | boolean>>;
  readonly cause?: unknown;
}

export class WeirError extends Error {
  override readonly name = 'WeirError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(code: ErrorCode, message: string, options: WeirErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    this.context = options.context ?? {};
  }
}
