// A day of the demo's four exporters as documents, made by the real decoder and pipeline with the clock of that day, into an index.

import { createSimulatedExporters } from '../../src/app/demo/exporters.ts';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createBatcher } from '../../src/enqueue/batcher.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { documentId } from '../../src/model/document.ts';
import { openSteps, writeCities } from '../elasticsearch/documents.ts';

export interface DayOptions {
  readonly folder: string;
  readonly flows: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Takes a `_bulk` body; one that is not done yet holds up the next but one. */
  readonly send: (body: Buffer) => Promise<void>;
}

const recordsPerBatch = 2000;
const connections = 2;
const tickMs = 2000;

export async function fillDay({ folder, flows, fromMs, toMs, send }: DayOptions): Promise<number> {
  const pipeline = createPipeline({ steps: await openSteps(folder, await writeCities(folder)) });
  const lane = createDocumentLane();
  let bodies: Buffer[] = [];
  let documents = 0;
  const batcher = createBatcher({
    maxRecords: recordsPerBatch,
    maxBytes: Number.POSITIVE_INFINITY,
    maxAgeMs: Number.POSITIVE_INFINITY,
    idPrefix: '0198f0c4a1b2c3d4-',
    onBatch(batch) {
      const made = pipeline.toDocuments(batch, lane);
      const lines: Buffer[] = [];
      for (let item = 0; item < made.count; item += 1) {
        const id = documentId(made.batchId, made.positions[item]!);
        const begin = item === 0 ? 0 : made.ends[item - 1]!;
        lines.push(Buffer.from(`{"create":{"_id":"${id}"}}\n`), made.bytes.subarray(begin, made.ends[item]!));
      }
      bodies.push(Buffer.concat(lines));
      documents += made.count;
    },
  });
  const decoder = createDecoder({ onFault: ({ detail }) => console.error(detail) });
  const exporters = createSimulatedExporters(1, fromMs);
  const underWay = new Set<Promise<void>>();
  const flowsPerMs = flows / (toMs - fromMs);
  for (let nowMs = fromMs; nowMs < toMs; nowMs += tickMs) {
    for (const { sourceAddress, usualPort, share, advance } of exporters)
      advance(flowsPerMs * tickMs * share, nowMs, (payload) => {
        const datagram = { payload, exporter: sourceAddress, exporterPort: usualPort, receivedAtMs: nowMs };
        for (const set of decoder.decode(datagram)) batcher.add(set, nowMs);
      });
    for (const body of bodies) {
      while (underWay.size >= connections) await Promise.race(underWay);
      const sending: Promise<void> = send(body).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
    bodies = [];
  }
  await Promise.all(underWay);
  await pipeline.close();
  return documents;
}
