// Records in, documents as bytes out: the field map, then the steps of the pipeline file in file order.

import { type DocumentBatch, documentPosition, maxPartsOfRow } from '../model/document.ts';
import { becomesDocument, type Layout, type Row } from '../model/record.ts';
import type { BatchSet, RecordBatch } from '../model/record-batch.ts';
import { createAddressCache } from './address-cache.ts';
import { changedDocument, labelsText } from './document-changes.ts';
import { flowText, tailText } from './document-fields.ts';
import { headTextOf, toDocumentHead, withTime } from './document-head.ts';
import type { DocumentLane } from './document-writer.ts';
import { createFieldBudget } from './field-budget.ts';
import { type FieldMap, loadFieldMap, objectOf } from './field-map.ts';
import { FlowDocument } from './flow-document.ts';
import { cutFlow, type PartColumns, partRow, planParts, shareOf } from './flow-parts.ts';
import { flat } from './json-text.ts';
import { planLayout } from './layout-plan.ts';
import { createRecentMap } from './recent-map.ts';
import type { DataFile, WatchedData } from './reloading-file.ts';
import { asIs } from './sides-text.ts';
import type { Step } from './step.ts';
import { createDocumentMaker, type DocumentMaker } from './to-document.ts';

export { createDocumentLane, type DocumentLane } from './document-writer.ts';

export interface NamedStep {
  readonly name: string;
  readonly step: Step;
}

export interface PipelineOptions {
  /** In file order. */
  readonly steps: readonly NamedStep[];
  /** The shipped one unless given. */
  readonly fieldMap?: FieldMap;
  /** Described IPv4 addresses kept; of IPv6 half as many more. */
  readonly maxAddresses?: number;
  /** Document makers kept: one per template layout. */
  readonly maxLayouts?: number;
  /** Names that the index may learn from exporters. */
  readonly maxFieldNames?: number;
}

export interface Pipeline {
  /** Waits for what the steps must look up for this batch. */
  prepare(batch: RecordBatch): Promise<void>;
  /** Writes the documents of a batch into the lane. Rows that are no flows (options, counters) become none. */
  toDocuments(batch: RecordBatch, lane: DocumentLane): DocumentBatch;
  /** Data files of the steps, for metrics. */
  dataFiles(): readonly StepDataFile[];
  close(): Promise<void>;
}

export interface StepDataFile extends DataFile, Omit<WatchedData, 'files'> {
  readonly step: string;
}

/**
 * A missed address costs 15 µs (databases, JSON), a kept one 0.7 kB (300 bytes while it was used once). A network's 30,000 busy
 * outer addresses and its own fit into the half that is always there or come back from the other: 25 MB, at worst 45 MB.
 */
const defaultMaxAddresses = 49_152;

/** Routers have tens of templates. A maker takes about 10 kB, so spoofed templates can't take more than 5 MB. */
const defaultMaxLayouts = 512;

/**
 * Bounds what one batch becomes where flows are stored in parts, whatever its records claim: 65,536 documents, and 64 times the
 * bytes that it holds. A full batch (2,000 records, 1 MiB) has room for flows of half an hour in minutes.
 */
const maxDocumentsOfBatch = 65_536;
const maxBytesOfParts = 64 * 1024 * 1024;

/** So many a flow may have all the same: `batch` may be set to what takes more memory. */
const minPartsAllowed = 8;

export function createPipeline({
  steps,
  fieldMap = loadFieldMap(),
  maxAddresses = defaultMaxAddresses,
  maxLayouts = defaultMaxLayouts,
  maxFieldNames,
}: PipelineOptions): Pipeline {
  const preparing = steps.filter(({ step }) => step.prepare !== undefined);
  const classifying = steps.filter(({ step }) => step.classify !== undefined);
  const describing = steps.filter(({ step }) => step.describe !== undefined);
  const applied = steps.filter(({ step }) => step.apply !== undefined);
  const rewriting = steps.filter(({ step }) => step.rewrite !== undefined);
  const cutting = steps.find(({ step }) => step.partMs !== undefined)?.step;
  const readsTimes = steps.some(({ step }) => step.readsTimes === true);
  const readsAsNumbers = steps.some(({ step }) => step.readsAsNumbers === true);
  const addresses = createAddressCache({
    maxAddresses,
    describe: (facts) => {
      for (const { step } of classifying) step.classify?.(facts);
      for (const { step } of describing) step.describe?.(facts);
    },
  });
  const makers = createRecentMap<string, LayoutMaker>(maxLayouts);
  const budget = createFieldBudget(maxFieldNames);
  const flow = new FlowDocument();
  const versions = steps.flatMap(({ step }) =>
    step.factsVersion === undefined ? [] : [() => step.factsVersion?.() ?? 0],
  );
  let factsVersion = 0;

  /** Between batches only: the documents of one set copy what was described. */
  function forgetOldFacts(): void {
    let version = 0;
    for (const versionOf of versions) version += versionOf();
    if (version === factsVersion) return;
    factsVersion = version;
    addresses.clear();
  }

  function makerOf(layout: Layout): LayoutMaker {
    const known = makers.get(layout.id);
    if (known !== undefined) return known;
    const plan = planLayout(layout, fieldMap, { readsTimes, readsAsNumbers, budget });
    return makers.add(layout.id, {
      maker: createDocumentMaker(plan, addresses),
      columns: cutting === undefined ? undefined : planParts(layout, fieldMap),
      isWholeIndexed: plan.stored.every(({ isIndexed }) => isIndexed),
    });
  }

  async function prepare(batch: RecordBatch): Promise<void> {
    for (const { step } of preparing) await step.prepare?.(batch);
  }

  function toDocuments(batch: RecordBatch, lane: DocumentLane): DocumentBatch {
    if (versions.length > 0) forgetOldFacts();
    const counts: BatchCounts = { dropped: new Map(), added: new Map(), partlyIndexed: new Map() };
    const rows = countRows(batch);
    const maxParts = maxPartsFor(rows, batch.byteSize);
    lane.begin(batch, rows);
    let position = 0;
    for (const set of batch.sets) {
      const layout = batch.layouts[set.layout];
      if (layout !== undefined && becomesDocument(layout.kind)) writeSet(set, layout, position, maxParts, lane, counts);
      position += set.rows.length;
    }
    return lane.end({
      dropped: [...counts.dropped.values()],
      added: toList(counts.added),
      partlyIndexed: toList(counts.partlyIndexed),
    });
  }

  function writeSet(
    set: BatchSet,
    layout: Layout,
    first: number,
    maxParts: number,
    lane: DocumentLane,
    counts: BatchCounts,
  ): void {
    const { header, rows } = set;
    const { maker, columns, isWholeIndexed } = makerOf(layout);
    const head = toDocumentHead(layout, header, rows.length);
    flow.header = header;
    flow.type = objectOf(layout.protocol);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      flow.clear();
      flow.timestampMs = head.timestampMs;
      flow.exporter = head.exporter;
      maker.fill(row, flow);
      const droppedBy = applySteps();
      if (droppedBy !== undefined) {
        countDropped(counts.dropped, header.exporter, droppedBy);
        continue;
      }
      const partMs = columns === undefined ? 0 : (cutting?.partMs?.(flow, maxParts) ?? 0);
      const headText = headTextOf(head, flow.exporter, flow.exporterHostname);
      if (!isWholeIndexed)
        counts.partlyIndexed.set(header.exporter, (counts.partlyIndexed.get(header.exporter) ?? 0) + 1);
      if (columns === undefined || partMs === 0) {
        lane.write(toText(headText, maker.rest(row, flow)), first + i, head.timestampMs, header.exporter);
        continue;
      }
      const parts = writeParts(row, maker, columns, headText, partMs, first + i, lane);
      counts.added.set(header.exporter, (counts.added.get(header.exporter) ?? 0) + parts - 1);
    }
  }

  /** `rest`: what the document has beside `flow`. */
  function toText(headText: string, rest: string): string {
    const { changes } = flow;
    const isRewritten = rewriting.length > 0;
    if (isRewritten && changes.fields.size === 0) return toRewrittenText(headText, rest);
    const text = `${headText}${rest}},"flow":{${flowText(flow, isRewritten ? asIs : undefined)}}${tailText(flow)}}\n`;
    const changed = changes.isUsed ? changedDocument(text, changes) : text;
    return isRewritten ? rewritten(changed) : changed;
  }

  let lastHead = '';
  let lastHeadRewritten = '';

  /** Piece by piece: what the documents of a set, or those of an address, have in common is rewritten once. */
  function toRewrittenText(headText: string, rest: string): string {
    if (headText !== lastHead) {
      lastHead = headText;
      lastHeadRewritten = flat(rewritten(headText));
    }
    const tail = tailText(flow) + (flow.changes.isUsed ? labelsText(flow.changes) : '');
    const restRewritten = rest === '' ? '' : rewritten(rest);
    const flowRewritten = flowText(flow, rewritten);
    return `${lastHeadRewritten}${restRewritten}},"flow":{${flowRewritten}}${tail === '' ? '' : rewritten(tail)}}\n`;
  }

  /** The flow is finished, and `maker` has its row in hand. Gives the number of documents. */
  function writeParts(
    row: Row,
    maker: DocumentMaker,
    columns: PartColumns,
    headText: string,
    partMs: number,
    position: number,
    lane: DocumentLane,
  ): number {
    const { header, bytes, packets } = flow;
    const parts = cutFlow(flow.startMs!, flow.endMs!, partMs);
    for (const part of parts) {
      flow.bytes = shareOf(bytes, part);
      flow.packets = shareOf(packets, part);
      flow.splitPart = part.index + 1;
      flow.splitParts = part.count;
      const text = toText(withTime(headText, part.startMs), maker.rest(partRow(row, columns, part, header), flow));
      lane.write(text, documentPosition(position, part.index), part.startMs, header.exporter);
    }
    return parts.length;
  }

  /** The name of the step that drops the flow. */
  function applySteps(): string | undefined {
    for (let i = 0; i < applied.length; i++) {
      if (applied[i]!.step.apply?.(flow) === false) return applied[i]!.name;
    }
    return undefined;
  }

  function rewritten(text: string): string {
    let result = text;
    for (const { step } of rewriting) result = step.rewrite?.(result) ?? result;
    return result;
  }

  function dataFiles(): readonly StepDataFile[] {
    return steps.flatMap(({ name, step: { watched = [] } }) =>
      watched.flatMap(({ files, version, refusals, isRefused }) =>
        files.map((file) => ({ ...file, step: name, version, refusals, isRefused })),
      ),
    );
  }

  async function close(): Promise<void> {
    for (const { step } of steps) await step.close?.();
  }

  return { prepare, toDocuments, dataFiles, close };
}

interface LayoutMaker {
  readonly maker: DocumentMaker;
  /** Where flows may be stored in parts. */
  readonly columns: PartColumns | undefined;
  /** False: some of its fields are beyond the budget of names. */
  readonly isWholeIndexed: boolean;
}

interface BatchCounts {
  readonly dropped: DroppedCounts;
  /** Exporter → documents beyond one for each row. */
  readonly added: Map<string, number>;
  /** Exporter → rows with fields that the index does not learn. */
  readonly partlyIndexed: Map<string, number>;
}

function toList(counts: ReadonlyMap<string, number>): { readonly exporter: string; readonly documents: number }[] {
  return [...counts].map(([exporter, documents]) => ({ exporter, documents }));
}

/** By the batch alone: an attempt at it again must come to the same documents. */
function maxPartsFor(rows: number, bytes: number): number {
  const fair = Math.min(maxDocumentsOfBatch / Math.max(1, rows), maxBytesOfParts / Math.max(1, bytes), maxPartsOfRow);
  return Math.max(minPartsAllowed, Math.floor(fair));
}

function countRows({ sets }: RecordBatch): number {
  let rows = 0;
  for (const set of sets) rows += set.rows.length;
  return rows;
}

/** Rows dropped so far, by step and exporter. */
type DroppedCounts = Map<string, { readonly exporter: string; readonly step: string; rows: number }>;

function countDropped(dropped: DroppedCounts, exporter: string, step: string): void {
  const key = `${exporter} ${step}`;
  const known = dropped.get(key);
  if (known === undefined) dropped.set(key, { exporter, step, rows: 1 });
  else known.rows += 1;
}
