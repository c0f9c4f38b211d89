// What the stages tell the status page while flows go by. Each call is for a datagram, a set or a batch, none for a flow.

import type { DocumentBatch } from '../../model/document.ts';
import type { RecordSet } from '../../model/record.ts';
import type { RecordBatch } from '../../model/record-batch.ts';
import { createStageMeter, type StageMeter } from '../../telemetry/stage-meter.ts';
import { createDocumentTail, type DocumentTail } from './document-tail.ts';
import { createExporterWatch, type ExporterFacts, type ExporterWatch } from './exporter-watch.ts';
import { createTalkerTable, readDocument, type TalkerTable } from './talkers.ts';

export interface FlowObserver {
  readonly decode: StageMeter;
  readonly enrich: StageMeter;
  readonly index: StageMeter;
  /** A set that this process decoded. */
  onSet(set: RecordSet): void;
  /** What a worker of the listener saw. */
  onExporters(facts: readonly ExporterFacts[]): void;
  /** The documents of a batch were made; their bytes are valid during this call. */
  onDocuments(batch: RecordBatch, documents: DocumentBatch): void;
}

export interface Observations extends FlowObserver {
  readonly watch: ExporterWatch;
  readonly talkers: TalkerTable;
  readonly tail: DocumentTail;
}

export interface FlowObserverOptions {
  /** This process decodes: what a batch tells of exporters is known then. */
  readonly decodes: boolean;
  readonly now: () => number;
  /** Never set, ms. */
  readonly elapsedMs: () => number;
}

/** A datagram takes some microseconds to decode. */
const measuredDatagrams = 8;
/** At a time: documents of exporters that none was looked at for a while. */
const maxLooksPerBatch = 10;

export function createFlowObserver({ decodes, now, elapsedMs }: FlowObserverOptions): Observations {
  const watch = createExporterWatch();
  const talkers = createTalkerTable();
  const tail = createDocumentTail();

  function lookAtExporters({ exporters, exporterOf, ...documents }: DocumentBatch, nowMs: number): void {
    let looks = 0;
    exporters.forEach((address, exporter) => {
      if (looks === maxLooksPerBatch || !watch.wantsDocument(address, nowMs)) return;
      const index = exporterOf.indexOf(exporter);
      if (index < 0) return;
      looks += 1;
      const { flow } = readDocument({ ...documents, exporters, exporterOf }, index);
      if (typeof flow === 'object' && flow !== null) watch.seeDocument(address, flow as Record<string, unknown>, nowMs);
    });
  }

  return {
    decode: createStageMeter(elapsedMs, measuredDatagrams),
    enrich: createStageMeter(elapsedMs),
    index: createStageMeter(elapsedMs),
    watch,
    talkers,
    tail,
    onSet: ({ header, layout, rows }) => watch.see(header, layout, rows),
    onExporters: watch.adopt,
    onDocuments(batch, documents) {
      const nowMs = now();
      if (!decodes) for (const { header, layout, rows } of batch.sets) watch.see(header, batch.layouts[layout]!, rows);
      lookAtExporters(documents, nowMs);
      talkers.add(documents, nowMs);
      if (tail.isWatched(nowMs)) tail.add(documents, nowMs);
    },
  };
}
