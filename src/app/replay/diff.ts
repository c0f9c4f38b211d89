// `weir replay FILE… --diff OTHER`: the same captured flows through two pipelines; what would change. Nothing is written anywhere, and
// steps ask nobody on the network: what DNS and SNMP would answer is in neither document.

import { isDeepStrictEqual } from 'node:util';
import { createDecoder, type Decoder } from '../../decode/decoder.ts';
import { createInformationElements } from '../../decode/information-elements.ts';
import { createBatcher } from '../../enqueue/batcher.ts';
import { createDocumentLane, type Pipeline } from '../../enrich/pipeline.ts';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { documentText } from '../../index/flow-items.ts';
import { type DocumentBatch, rowOfPosition } from '../../model/document.ts';
import { becomesDocument, type RecordSet } from '../../model/record.ts';
import type { RecordBatch } from '../../model/record-batch.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { openPipeline } from '../steps.ts';
import { createDocumentDifferences, type DifferencesResult, type Place } from './document-differences.ts';
import type { ReplayedDatagram } from './replay-files.ts';
import type { ReplayTarget } from './replay-target.ts';

export interface DiffOptions {
  readonly before: PipelineFile;
  readonly after: PipelineFile;
  readonly maxExamples: number;
  readonly logger: Logger;
}

export interface DiffResult extends DifferencesResult {
  /** Step → flows that it dropped. */
  readonly droppedByStepsBefore: Readonly<Record<string, number>>;
  readonly droppedByStepsAfter: Readonly<Record<string, number>>;
}

export interface Diff extends ReplayTarget {
  result(): DiffResult;
}

/** Flows that are compared at a time. */
const flowsPerTurn = 2000;
const expireEveryMs = 1000;

export function createDiff({ before, after, maxExamples, logger }: DiffOptions): Diff {
  const differences = createDocumentDifferences({ maxExamples });
  const [one, other] = [createSide(before, logger), createSide(after, logger)];
  const decodesAlike = isDeepStrictEqual(before.decode, after.decode);
  /** Where in the batch the rows of each datagram begin. */
  let places: { readonly row: number; readonly place: Place }[] = [];
  let rows = 0;
  let expiredAtMs = Number.NEGATIVE_INFINITY;

  async function start(): Promise<void> {
    await one.start();
    await other.start();
  }

  function take({ datagram, file, number }: ReplayedDatagram): number | Promise<number> {
    if (Math.abs(datagram.receivedAtMs - expiredAtMs) >= expireEveryMs) {
      expiredAtMs = datagram.receivedAtMs;
      one.decoder.expire(expiredAtMs);
      if (!decodesAlike) other.decoder.expire(expiredAtMs);
    }
    const sets = toFlowSets(one.decoder.decode(datagram));
    const otherSets = decodesAlike ? sets : toFlowSets(other.decoder.decode(datagram));
    const flows = countRows(sets);
    const place = { file, datagram: number, exporter: datagram.exporter };
    // Flows are told apart by their place in the batch: it must be the same in both.
    const isAligned = flows === countRows(otherSets);
    const add = (): void => {
      places.push({ row: rows, place });
      rows += flows;
      one.add(sets, datagram.receivedAtMs);
      other.add(otherSets, datagram.receivedAtMs);
    };
    if (isAligned && rows + flows < flowsPerTurn) {
      add();
      return flows;
    }
    return (async () => {
      if (!isAligned) await compareBatch();
      add();
      await compareBatch();
      return flows;
    })();
  }

  async function compareBatch(): Promise<void> {
    const [documents, others] = [await one.toDocuments(), await other.toDocuments()];
    if (isSame(documents, others)) differences.same(documents?.count ?? 0);
    else comparePairs(documents, others);
    places = [];
    rows = 0;
  }

  function comparePairs(documents: DocumentBatch | undefined, others: DocumentBatch | undefined): void {
    const left = new Map<number, string>();
    for (const [position, text] of toTexts(others)) left.set(position, text);
    for (const [position, text] of toTexts(documents)) {
      differences.compare(text, left.get(position), () => placeOf(position));
      left.delete(position);
    }
    for (const [position, text] of left) differences.compare(undefined, text, () => placeOf(position));
  }

  function placeOf(position: number): Place {
    const row = rowOfPosition(position);
    return places.findLast((known) => known.row <= row)!.place;
  }

  return {
    start,
    take,
    async finish() {
      await compareBatch();
      await Promise.all([one.close(), other.close()]);
    },
    result: () => ({
      ...differences.result(),
      droppedByStepsBefore: Object.fromEntries(one.droppedBySteps),
      droppedByStepsAfter: Object.fromEntries(other.droppedBySteps),
    }),
    trouble: () => undefined,
  };
}

/** One of the two pipelines, and what it has in hand. */
function createSide(file: PipelineFile, logger: Logger) {
  const { elements, tunnels } = file.decode;
  const decoder: Decoder = createDecoder({
    onFault: () => undefined,
    elements: createInformationElements(elements),
    tunnels,
  });
  const lane = createDocumentLane();
  const droppedBySteps = new Map<string, number>();
  let pipeline: Pipeline | undefined;
  let batch: RecordBatch | undefined;
  const batcher = createBatcher({
    maxRecords: Number.POSITIVE_INFINITY,
    maxBytes: Number.POSITIVE_INFINITY,
    maxAgeMs: Number.POSITIVE_INFINITY,
    idPrefix: '',
    onBatch(closed) {
      batch = closed;
    },
  });

  return {
    decoder,
    droppedBySteps,
    async start() {
      pipeline = await openPipeline(file, { logger, isOffline: true });
    },
    add(sets: readonly RecordSet[], nowMs: number) {
      for (const set of sets) batcher.add(set, nowMs);
    },
    /** Valid until it is called again. */
    async toDocuments(): Promise<DocumentBatch | undefined> {
      batch = undefined;
      batcher.flush();
      const closed = batch as RecordBatch | undefined;
      if (closed === undefined || pipeline === undefined) return undefined;
      await pipeline.prepare(closed);
      const documents = pipeline.toDocuments(closed, lane);
      for (const { step, rows } of documents.dropped) droppedBySteps.set(step, (droppedBySteps.get(step) ?? 0) + rows);
      return documents;
    },
    async close() {
      await pipeline?.close();
    },
  };
}

function toFlowSets(sets: readonly RecordSet[]): readonly RecordSet[] {
  return sets.filter(({ layout }) => becomesDocument(layout.kind));
}

function countRows(sets: readonly RecordSet[]): number {
  return sets.reduce((sum, { rows }) => sum + rows.length, 0);
}

/** To the byte, which most batches are: then no document needs to be read. */
function isSame(one: DocumentBatch | undefined, other: DocumentBatch | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const { count } = one;
  if (count !== other.count) return false;
  const isSameBytes = usedBytes(one).equals(usedBytes(other));
  return isSameBytes && isDeepStrictEqual(one.positions.subarray(0, count), other.positions.subarray(0, count));
}

function usedBytes({ bytes, count, ends }: DocumentBatch): Buffer {
  return bytes.subarray(0, count === 0 ? 0 : ends[count - 1]);
}

function toTexts(documents: DocumentBatch | undefined): (readonly [position: number, text: string])[] {
  if (documents === undefined) return [];
  return Array.from(
    { length: documents.count },
    (_, i) => [documents.positions[i]!, documentText(documents, i)] as const,
  );
}
