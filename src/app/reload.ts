// Takes over a changed pipeline file while flows come in (docs/pipelines.md, "Changing it while weir runs"): read, checked and
// tested first; refused with the reason when it is wrong, and the old one goes on. Batches go whole through the old or the new one.

import { isDeepStrictEqual } from 'node:util';
import { createFileWatch, type FileWatch, readStamp } from '../enrich/file-watch.ts';
import type { Pipeline } from '../enrich/pipeline.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import type { Ledger } from '../telemetry/ledger.ts';
import type { Logger } from '../telemetry/logger.ts';
import { within } from './lifecycle.ts';
import type { Listen, ListenChange } from './listen.ts';
import { toAddressText } from './ports.ts';
import { type ChosenSink, createSink } from './sinks.ts';
import { openPipeline } from './steps.ts';
import type { Work } from './work.ts';

export interface InEffect {
  readonly file: PipelineFile;
  /** Absent where this process only listens. */
  readonly way?: { readonly pipeline: Pipeline; readonly chosen: ChosenSink };
}

export interface ReloadOptions {
  readonly started: InEffect;
  /** Reads the file again. Throws WeirError. */
  readonly load: () => Promise<PipelineFile>;
  /** Take over the file whenever it changes, without being asked. */
  readonly watch: boolean;
  readonly listen: Listen;
  readonly work: Work;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Reload {
  /** Looks at the file again, now or after what is under way. */
  request(): void;
  inEffect(): InEffect;
  /** What is under way is given up, or done. */
  stop(): Promise<void>;
}

/** So long a batch may take to get its fate on the old way; then it takes the new one. */
const pauseLimitMs = 2500;
const stopLimitMs = 1000;
const watchEveryMs = 1000;

export async function createReload({
  started,
  load,
  watch,
  listen,
  work,
  ledger,
  logger,
  now,
}: ReloadOptions): Promise<Reload> {
  let current = started;
  let isStopping = false;
  let isAsked = false;
  let active: Promise<void> | undefined;
  /** What the changed file was read from, where it was refused: a mistake in a file that it includes is mended there. */
  let refusedFiles: readonly string[] = [];

  function request(): void {
    isAsked = true;
    active ??= takeTurns().finally(() => {
      active = undefined;
    });
  }

  async function takeTurns(): Promise<void> {
    while (isAsked && !isStopping) {
      isAsked = false;
      try {
        await takeOver();
      } catch (error) {
        if (!isStopping) refuse(error);
      }
    }
  }

  function refuse(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = error instanceof WeirError ? error.hint : undefined;
    logger.error(
      { file: current.file.path, reason, ...(hint !== undefined && { hint }) },
      'the changed pipeline file is refused; weir goes on with the one before',
    );
  }

  async function takeOver(): Promise<void> {
    refusedFiles = [];
    const read = await load().catch((error: unknown) => {
      refusedFiles = includedBy(error);
      throw error;
    });
    refusedFiles = read.files;
    const { checkPipeline } = await import('./check.ts');
    await checkPipeline(read);
    const file = withFixedSettings(read, current.file);
    const old = current;
    const pipeline = old.way === undefined ? undefined : await openPipeline(file, { logger, ledger });
    const ports = await changeTo(file, pipeline).catch(async (error: unknown) => {
      await pipeline?.close();
      throw error;
    });
    await ports.commit();
    await old.way?.pipeline.close();
    logger.info(
      {
        file: file.path,
        steps: file.steps.map(({ name }) => name),
        opened: ports.opened.map(toAddressText),
        listening: listen.addresses().map(toAddressText),
        ...(current.way !== undefined && { documentsTo: current.way.chosen.target }),
      },
      'the changed pipeline file is in effect',
    );
    const waiting = changedFixedSettings(read, file);
    if (waiting.length > 0) logger.warn({ settings: waiting }, 'these settings change with a restart only');
  }

  async function changeTo(file: PipelineFile, pipeline: Pipeline | undefined): Promise<ListenChange> {
    const ports = await listen.prepare(file);
    try {
      if (pipeline === undefined) current = { file };
      else await changeWay(file, pipeline);
    } catch (error) {
      await ports.undo();
      throw error;
    }
    return ports;
  }

  /** Between batches. The sink stays when its settings do; files of the same folder must not have two writers. */
  async function changeWay(file: PipelineFile, pipeline: Pipeline): Promise<void> {
    if (isStopping) throw stopped();
    await work.pause(pauseLimitMs);
    if (isStopping) throw stopped();
    try {
      const isSameSink = isDeepStrictEqual(file.index, current.file.index);
      const chosen = isSameSink ? current.way?.chosen : await replaceSink(file);
      if (chosen !== undefined) current = { file, way: { pipeline, chosen } };
    } finally {
      const { way } = current;
      if (!isStopping && way !== undefined) work.start({ pipeline: way.pipeline, ...way.chosen });
    }
  }

  async function replaceSink(file: PipelineFile): Promise<ChosenSink> {
    await current.way?.chosen.sink.stop();
    let chosen: ChosenSink | undefined;
    try {
      chosen = await createSink(file, { logger, now });
      await chosen.sink.start();
      return chosen;
    } catch (error) {
      await chosen?.sink.stop();
      const again = await createSink(current.file, { logger, now });
      if (current.way !== undefined) current = { ...current, way: { ...current.way, chosen: again } };
      await again.sink.start();
      throw error;
    }
  }

  async function startWatch(): Promise<FileWatch> {
    const paths = () => [...new Set([...current.file.files, ...refusedFiles])];
    const stamp = await readStamp(paths());
    // It may have changed since the start read it.
    const read = await load().catch(() => undefined);
    if (read === undefined || !isSameFile(read, current.file)) request();
    return createFileWatch({
      paths,
      stamp,
      everyMs: watchEveryMs,
      onChange: async () => request(),
    });
  }

  const watching = watch ? await startWatch() : undefined;
  return {
    request,
    inEffect: () => current,
    async stop() {
      isStopping = true;
      watching?.stop();
      if (active !== undefined) await within(stopLimitMs, active);
    },
  };
}

/** The files that a wrong pipeline file includes. */
function includedBy(error: unknown): readonly string[] {
  const included = error instanceof WeirError ? error.context['included'] : undefined;
  return typeof included === 'string' ? included.split('\n') : [];
}

/** By what is written: what is made of it (conditions, tables) is another object each time. */
function isSameFile(read: PipelineFile, running: PipelineFile): boolean {
  return isDeepStrictEqual([read.written, read.files], [running.written, running.files]);
}

/** Settings that live as long as the process: what is learnt and what waits hang on them. */
function fixedSettings({ state, queue, decode, collect, telemetry }: PipelineFile) {
  const { receiveBufferBytes, workers, tcp, tls } = collect;
  return {
    state,
    queue,
    decode,
    telemetry,
    'collect.receive_buffer': receiveBufferBytes,
    'collect.workers': workers,
    'collect.tcp': tcp,
    'collect.tls': tls,
  };
}

function withFixedSettings(read: PipelineFile, running: PipelineFile): PipelineFile {
  const { state, queue, decode, collect, telemetry } = running;
  const { allowedExporters, tee, ...others } = read.collect;
  const { receiveBufferBytes, workers, tcp, tls } = collect;
  if (others.tls !== undefined && tls === undefined) {
    throw new WeirError('not-supported', 'TLS can’t be begun while weir runs', {
      hint: 'Restart weir to listen on tls://.',
    });
  }
  return {
    ...read,
    state,
    queue,
    decode,
    telemetry,
    collect: {
      receiveBufferBytes,
      workers,
      tcp,
      ...(tls !== undefined && { tls }),
      ...(allowedExporters !== undefined && { allowedExporters }),
      ...(tee !== undefined && { tee }),
    },
  };
}

function changedFixedSettings(read: PipelineFile, file: PipelineFile): readonly string[] {
  const wanted: Readonly<Record<string, unknown>> = fixedSettings(read);
  const kept: Readonly<Record<string, unknown>> = fixedSettings(file);
  return Object.keys(wanted).filter((setting) => !isDeepStrictEqual(wanted[setting], kept[setting]));
}

function stopped(): WeirError {
  return new WeirError('stopped', 'weir is stopping');
}
