// Records in, documents as bytes out: the field map, then the steps of the pipeline file in file order.

import type { DocumentBatch } from '../model/document.ts';
import type { Layout } from '../model/record.ts';
import type { BatchSet, RecordBatch } from '../model/record-batch.ts';
import { createAddressCache } from './address-cache.ts';
import { changedDocument } from './document-changes.ts';
import { flowText, tailText } from './document-fields.ts';
import { headTextOf, toDocumentHead } from './document-head.ts';
import type { DocumentLane } from './document-writer.ts';
import { type FieldMap, loadFieldMap, objectOf } from './field-map.ts';
import { FlowDocument } from './flow-document.ts';
import { planLayout } from './layout-plan.ts';
import { createRecentMap } from './recent-map.ts';
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
}

export interface Pipeline {
  /** Waits for what the steps must look up for this batch. */
  prepare(batch: RecordBatch): Promise<void>;
  /** Writes the documents of a batch into the lane. Rows that are no flows (options, counters, discards) become none. */
  toDocuments(batch: RecordBatch, lane: DocumentLane): DocumentBatch;
  close(): Promise<void>;
}

/**
 * A missed address costs 15 µs (databases, JSON), a kept one 0.7 kB (300 bytes while it was used once). A network's 30,000 busy
 * outer addresses and its own fit into the half that is always there or come back from the other: 25 MB, at worst 45 MB.
 */
const defaultMaxAddresses = 49_152;

/** Routers have tens of templates. A maker takes about 10 kB, so spoofed templates can't take more than 5 MB. */
const defaultMaxLayouts = 512;

export function createPipeline({
  steps,
  fieldMap = loadFieldMap(),
  maxAddresses = defaultMaxAddresses,
  maxLayouts = defaultMaxLayouts,
}: PipelineOptions): Pipeline {
  const preparing = steps.filter(({ step }) => step.prepare !== undefined);
  const classifying = steps.filter(({ step }) => step.classify !== undefined);
  const describing = steps.filter(({ step }) => step.describe !== undefined);
  const applied = steps.filter(({ step }) => step.apply !== undefined);
  const rewriting = steps.filter(({ step }) => step.rewrite !== undefined);
  const readsTimes = steps.some(({ step }) => step.readsTimes === true);
  const addresses = createAddressCache({
    maxAddresses,
    describe: (facts) => {
      for (const { step } of classifying) step.classify?.(facts);
      for (const { step } of describing) step.describe?.(facts);
    },
  });
  const makers = createRecentMap<string, DocumentMaker>(maxLayouts);
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

  function makerOf(layout: Layout): DocumentMaker {
    return (
      makers.get(layout.id) ??
      makers.add(layout.id, createDocumentMaker(planLayout(layout, fieldMap, { readsTimes }), addresses))
    );
  }

  async function prepare(batch: RecordBatch): Promise<void> {
    for (const { step } of preparing) await step.prepare?.(batch);
  }

  function toDocuments(batch: RecordBatch, lane: DocumentLane): DocumentBatch {
    if (versions.length > 0) forgetOldFacts();
    const dropped: DroppedCounts = new Map();
    lane.begin(batch.id, countRows(batch));
    let position = 0;
    for (const set of batch.sets) {
      const layout = batch.layouts[set.layout];
      if (layout?.kind === 'flow') writeSet(set, layout, position, lane, dropped);
      position += set.rows.length;
    }
    return lane.end([...dropped.values()]);
  }

  function writeSet(set: BatchSet, layout: Layout, first: number, lane: DocumentLane, dropped: DroppedCounts): void {
    const { header, rows } = set;
    const maker = makerOf(layout);
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
        countDropped(dropped, header.exporter, droppedBy);
        continue;
      }
      const text = `${headTextOf(head, flow.exporter, flow.exporterHostname)}${maker.rest(row, flow)}},"flow":{${flowText(flow)}}${tailText(flow)}}\n`;
      const changed = flow.changes.isUsed ? changedDocument(text, flow.changes) : text;
      lane.write(rewriting.length === 0 ? changed : rewritten(changed), first + i, head.timestampMs, header.exporter);
    }
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

  async function close(): Promise<void> {
    for (const { step } of steps) await step.close?.();
  }

  return { prepare, toDocuments, close };
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
