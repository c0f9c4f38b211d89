// What `GET /api/status` answers, as JSON. The status page and `weir doctor` read it: keys are added, never given another meaning.
// Rates are per second. What a process has not (a listener has no index), or can't tell now, is absent.

import type { TemplateCounts } from '../../decode/template-counts.ts';
import type { Finding } from '../../model/finding.ts';
import type { Protocol } from '../../model/record.ts';
import type { DataFileLevels, DiskLevels, QueueLevels, WorkerLevels } from '../../telemetry/measures.ts';

export type Part = 'run' | 'listen' | 'work';

export interface StatusReport {
  readonly format: 1;
  /** By weir's clock, ms since 1970. */
  readonly atMs: number;
  readonly weir: {
    readonly version: string;
    /** `name` of the pipeline file. */
    readonly pipeline: string;
    readonly pipelineFile: string;
    readonly part: Part;
    readonly host: string;
    readonly processId: number;
    readonly startedAtMs: number;
    readonly node: string;
    readonly residentBytes: number;
    /** CPU time of the process, in the last 30 s; 1 is a core. */
    readonly cpuShare: number;
  };
  /** `udp://0.0.0.0:2055` */
  readonly listening: readonly string[];
  /** Means of the last 30 s, or of the time since the start. */
  readonly rates: Rates;
  /** Each place where flows can be lost, in the order of their way. */
  readonly losses: readonly Loss[];
  /** The first 1,000 that were heard since the start. */
  readonly exporters: readonly ExporterStatus[];
  /** Heard since the start. */
  readonly exportersKnown: number;
  /** In the order of the way. */
  readonly stages: readonly StageStatus[];
  readonly workers?: readonly WorkerLevels[];
  readonly queue?: QueueLevels & { readonly maxBytes: number };
  /** True: the queue does not answer. */
  readonly queueIsAway?: boolean;
  readonly spool?: { readonly records: number; readonly bytes: number; readonly maxBytes: number };
  readonly index?: IndexStatus;
  readonly disk?: DiskLevels;
  readonly dataFiles: readonly DataFileLevels[];
  readonly talkers?: Talkers;
  /** The worst first. */
  readonly warnings: readonly Finding[];
}

export interface Rates {
  readonly datagrams: number;
  /** Of datagrams' payloads. */
  readonly bits: number;
  readonly records: number;
  readonly documents: number;
}

export interface Loss {
  /** See src/app/losses.ts. */
  readonly place: string;
  /** Behind a number: "datagrams by the kernel". */
  readonly what: string;
  readonly unit: 'records' | 'datagrams' | 'sets' | 'documents';
  /** True: before anything reached weir, by exporters' sequence numbers; what was missed and found again is taken back. */
  readonly isInNetwork: boolean;
  readonly lastHour: number;
  readonly sinceStart: number;
}

export interface ExporterStatus {
  readonly address: string;
  readonly protocols: readonly Protocol[];
  readonly lastSeenAtMs: number;
  /** Means of the last 30 s. */
  readonly rates: { readonly datagrams: number; readonly bits: number; readonly records: number };
  /** Flow records per minute of the last hour, the oldest first; the last minute is not over. */
  readonly recordsByMinute: readonly number[];
  readonly sinceStart: { readonly datagrams: number; readonly records: number; readonly documents: number };
  readonly loss: {
    /** In what the protocol's sequence numbers count. */
    readonly unit: 'records' | 'datagrams';
    readonly lastHour: number;
    readonly sinceStart: number;
    /** Of what the exporter sent in the last hour, from 0 to 1; undefined where nothing came. */
    readonly shareOfLastHour: number | undefined;
    /** False: the exporter's sequence numbers make no sense. */
    readonly isKnown: boolean;
  };
  readonly sampling?: SamplingStatus;
  /** Absent where the protocol has none, and where another process decodes. */
  readonly templates?: TemplateCounts;
  /** Observation domains that were heard. */
  readonly domains?: number;
  /** Its clock less ours, as well as datagrams tell; positive: it is ahead. sFlow has no clock. */
  readonly clockSkewMs?: number;
  /** Faults since the start, by code (docs/errors.md). */
  readonly faults: Readonly<Record<string, number>>;
}

export interface SamplingStatus {
  /** 1 out of N packets; undefined: nobody said. */
  readonly interval: number | undefined;
  /** docs/sampling.md; `exporter`: the record or the header said it. */
  readonly source: 'exporter' | 'options' | 'override' | 'default' | 'none';
}

export interface StageStatus {
  readonly name: 'collect' | 'decode' | 'enqueue' | 'enrich' | 'index';
  readonly unit: 'datagrams' | 'records' | 'documents';
  readonly rate: number;
  /** Of one piece of work in the last minute: a datagram (decode), a batch (enrich), a request's answer (index), the wait (enqueue). */
  readonly latencyMs?: number;
  /** From 0 to 1: how much of what it can take is taken. */
  readonly saturation?: number;
  /** What `saturation` is a share of: "receive buffer", "time of this process". */
  readonly saturationOf?: string;
}

export interface IndexStatus {
  /** Address of Elasticsearch, or a folder. */
  readonly target: string;
  /** Undefined: it takes documents. */
  readonly trouble: string | undefined;
  /** Of the cluster, seconds ago; absent for files, and where it can't be told. */
  readonly health?: { readonly colour: 'green' | 'yellow' | 'red'; readonly unassignedShards: number } | undefined;
  readonly lastLatencyMs?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly requestBytes?: number | undefined;
  readonly deadLettersInFile?: number | undefined;
  readonly deadLettersLost?: number | undefined;
}

export interface Talkers {
  readonly overMs: number;
  /** Documents that were looked at, of `documents`: less than all means that bytes are estimated. */
  readonly looked: number;
  readonly documents: number;
  readonly pairs: readonly Talker[];
}

export interface Talker {
  readonly source: string;
  readonly destination: string;
  /** Names, where documents have some. */
  readonly sourceName?: string;
  readonly destinationName?: string;
  /** What most of its bytes were: "https (TCP/443)". */
  readonly service?: string;
  readonly bytes: number;
  readonly flows: number;
}

/** `GET /api/history`: the last hour, the oldest first. */
export interface StatusHistory {
  readonly points: readonly HistoryPoint[];
}

/** Of the time since the point before. */
export interface HistoryPoint {
  readonly atMs: number;
  /** Means, per second. */
  readonly rates: Rates;
  /** Units as the places of loss count them, together. */
  readonly lost: number;
  readonly lostInNetwork: number;
  /** Records on the queue and on disk, at the end. */
  readonly waiting: number;
}
