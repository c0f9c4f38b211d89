// `weir capture`: what exporters send, into a pcap file. Asks the weir that runs with the pipeline file for a copy; with `listens`, where
// none runs, takes the ports itself, and then nothing is indexed.

import { createCaptureReader } from '../../collect/capture-reader.ts';
import { toPcapHeader, toPcapRecord } from '../../collect/pcap-writer.ts';
import { WeirError } from '../../model/errors.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { toCountText, toThousands } from '../count-text.ts';
import { createExporterFilter, createExporterGate } from '../exporter-gate.ts';
import type { StopSignal } from '../lifecycle.ts';
import { createMicroseconds } from '../microseconds.ts';
import { loadPipelineFile } from '../pipeline-source.ts';
import { createPorts, toAddressText } from '../ports.ts';
import { type CaptureFiles, createCaptureFiles } from './capture-files.ts';
import { recordExporter } from './record-exporter.ts';
import { toSocketFolder } from './socket-folder.ts';

export interface CaptureOptions {
  readonly pipeline: string | undefined;
  /** -: standard output. */
  readonly output: string;
  readonly isForced: boolean;
  /** Subnets; undefined: all. */
  readonly exporters: readonly string[] | undefined;
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly maxMs: number;
  /** Datagrams; Infinity: as many as come. */
  readonly maxCount: number;
  readonly listens: boolean;
  /** For progress and warnings. */
  readonly writeAside: (text: string) => void;
  /** Standard output. */
  readonly writeOutput: (bytes: Buffer) => boolean | Promise<boolean>;
  readonly isTerminal: boolean;
  readonly stopSignal: Promise<StopSignal>;
}

const flushEveryMs = 200;
const showEveryMs = 1000;

/** Lines for the user. Throws WeirError. */
export async function capture(options: CaptureOptions): Promise<readonly string[]> {
  const { pipeline, output, exporters, maxMs, maxCount, maxBytes, listens, writeAside, isTerminal, stopSignal } =
    options;
  createExporterFilter(exporters);
  const file = await loadPipelineFile(pipeline);
  const files = output === '-' ? createOutput(options) : createCaptureFiles({ ...options, path: output });
  const seen = new Set<string>();
  let datagrams = 0;
  let isFull = false;
  let end: () => void = () => undefined;
  const isOver = new Promise<void>((resolve) => {
    end = resolve;
  });

  async function take(record: Buffer): Promise<void> {
    if (isFull) return;
    if (datagrams >= maxCount || !(await files.add(record))) {
      isFull = true;
      end();
      return;
    }
    datagrams += 1;
    if (seen.size < maxExportersCounted) seen.add(recordExporter(record));
    if (datagrams >= maxCount) {
      isFull = true;
      end();
    }
  }

  const source = listens
    ? createOwnPorts(options, file, take)
    : createCaptureReader({ directory: toSocketFolder(file.state.directory), exporters, onRecord: take });
  if (listens) await source.start();
  else if ((await source.start()) === 0) throw notRunning(file.path, file.state.directory);
  const beganMs = performance.now();
  try {
    await files.start();
  } catch (error) {
    source.stop();
    throw error;
  }
  let failure: unknown;
  const flushing = setInterval(() => {
    files.flush().catch((error: unknown) => {
      failure ??= error;
      end();
    });
  }, flushEveryMs);
  const showing = isTerminal ? setInterval(() => writeAside(`\r\x1b[K${toSum()}`), showEveryMs) : undefined;
  const limit = setTimeout(end, maxMs);

  function toSum(): string {
    const bytes = files.written().reduce((sum, each) => sum + each.bytes, 0);
    const seconds = Math.round((performance.now() - beganMs) / 1000);
    return `${toThousands(datagrams)} datagrams of ${toCountText(seen.size, 'exporter')}, ${(bytes / 1e6).toFixed(1)} MB, ${toCountText(seconds, 'second')}`;
  }

  const ended = source.ended().then(() => 'ended' as const);
  let why: 'ended' | undefined;
  try {
    why = await Promise.race([ended, isOver.then(() => undefined), stopSignal.then(() => undefined)]);
    if (failure !== undefined) throw failure;
  } finally {
    clearInterval(flushing);
    clearInterval(showing);
    clearTimeout(limit);
    source.stop();
    await files.stop();
    if (isTerminal) writeAside('\r\x1b[K');
  }
  const names = files.written().map(({ path }) => path);
  const lines = [`${names.join(', ')}: ${toSum()}`];
  const leftOut = source.leftOut();
  if (leftOut > 0) lines.push(`${toThousands(leftOut)} datagrams were left out: the disk was too slow for them`);
  if (why === 'ended') lines.push('the running weir has stopped, and so has the capture');
  if (isFull && maxCount > datagrams) lines.push(`it is full (--size ${(maxBytes / 1e6).toFixed(0)} MB)`);
  if (datagrams === 0) lines.push(`nothing came${exporters === undefined ? '' : ` from ${exporters.join(', ')}`}`);
  return lines;
}

/** Datagrams that wait for the disk: 100 MB at most. */
const maxWaiting = 1500;
const maxExportersCounted = 10_000;

interface Source {
  start(): Promise<number>;
  ended(): Promise<void>;
  leftOut(): number;
  stop(): void;
}

/** The ports of the pipeline file, in this process. */
function createOwnPorts(
  { exporters, writeAside }: CaptureOptions,
  { collect, listen }: Awaited<ReturnType<typeof loadPipelineFile>>,
  take: (record: Buffer) => Promise<void>,
): Source {
  const now = (): number => Date.now();
  const logger = createLogger({
    level: 'warn',
    write: (text) => writeAside(`${(JSON.parse(text) as { msg: string }).msg}\n`),
  });
  const nowUs = createMicroseconds({ now, monotonicMs: () => performance.now() });
  const isWanted = createExporterFilter(exporters);
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<void>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  /** Records wait for each other, in order. */
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  let leftOut = 0;
  const ports = createPorts({
    collect,
    isAllowed: createExporterGate(collect.allowedExporters),
    onDatagram(datagram) {
      if (!isWanted(datagram.exporter)) return;
      if (waiting >= maxWaiting) {
        leftOut += 1;
        return;
      }
      const record = toPcapRecord(datagram, nowUs());
      waiting += 1;
      last = last
        .then(() => take(record))
        .catch(fail)
        .finally(() => {
          waiting -= 1;
        });
    },
    onRefused: () => undefined,
    onSessionEnd: () => undefined,
    onFault: () => undefined,
    logger,
    now,
  });
  return {
    async start() {
      await ports.open(listen);
      writeAside(`listening on ${ports.addresses().map(toAddressText).join(', ')}: nothing is indexed meanwhile\n`);
      return 1;
    },
    ended: () => failed,
    leftOut: () => leftOut,
    stop: () => void ports.stop(),
  };
}

/** Standard output in the place of a file. */
function createOutput({ writeOutput, maxBytes }: CaptureOptions): CaptureFiles {
  let bytes = 0;
  async function write(record: Buffer): Promise<boolean> {
    if (bytes + record.length > maxBytes) return false;
    bytes += record.length;
    return writeOutput(record);
  }
  return {
    start: async () => void (await write(toPcapHeader())),
    add: write,
    flush: async () => undefined,
    written: () => [{ path: 'standard output', bytes }],
    stop: async () => undefined,
  };
}

function notRunning(path: string, directory: string): WeirError {
  return new WeirError('not-supported', `no weir runs here with the state folder ${directory} (${path})`, {
    hint: 'Call it with the pipeline file of the running weir, from the folder that weir was started in; or, where none runs, with --listen.',
  });
}
