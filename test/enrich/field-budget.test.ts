import { expect, test } from 'vitest';
import { createFieldBudget } from '../../src/enrich/field-budget.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { fieldsStep } from '../../src/enrich/steps/fields.ts';
import { toTestBatch } from '../../src/enrich/test-record.ts';
import type { DocumentBatch } from '../../src/model/document.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const lane = createDocumentLane();

function ipfixOf(batch: DocumentBatch): Record<string, unknown> {
  return (JSON.parse(batch.bytes.toString()) as { ipfix: Record<string, unknown> }).ipfix;
}

function batchOf(fields: Readonly<Record<string, unknown>>) {
  return toTestBatch({ protocol: 'ipfix', exporter: '192.0.2.7', fields: fields as never });
}

test('a name that was admitted stays so, and no other comes in when the budget is spent', () => {
  const budget = createFieldBudget(2);
  expect(['a', 'b', 'c', 'a', 'c'].map((name) => budget.admit('ipfix', name))).toEqual([
    true,
    true,
    false,
    true,
    false,
  ]);
  expect(budget.admit('netflow', 'a')).toBe(false);
});

test('fields beyond the budget are kept below "unindexed", and their documents counted', () => {
  const pipeline = createPipeline({ steps: [], maxFieldNames: 2 });
  const first = pipeline.toDocuments(batchOf({ flowEndReason: 1, ingressVRFID: 7 }), lane);
  expect(ipfixOf(first)).toEqual({ version: 10, flowset_id: 256, flowEndReason: 1, ingressVRFID: 7 });
  expect(first.partlyIndexed).toEqual([]);
  const second = pipeline.toDocuments(batchOf({ ingressVRFID: 8, egressVRFID: 9, userName: 'ann' }), lane);
  expect(ipfixOf(second)).toEqual({
    version: 10,
    flowset_id: 256,
    ingressVRFID: 8,
    unindexed: { egressVRFID: 9, userName: 'ann' },
  });
  expect(second.partlyIndexed).toEqual([{ exporter: '192.0.2.7', documents: 1 }]);
});

test('fields of flow need no budget', () => {
  const pipeline = createPipeline({ steps: [], maxFieldNames: 0 });
  const made = pipeline.toDocuments(batchOf({ sourceIPv4Address: '10.0.0.1', sourceTransportPort: 53 }), lane);
  expect(JSON.parse(made.bytes.toString())).toMatchObject({ flow: { src_addr: '10.0.0.1', src_port: 53 } });
  expect(made.partlyIndexed).toEqual([]);
});

test('what the pipeline file takes out is taken out beyond the budget, too', async () => {
  const step = await fieldsStep.create(fieldsStep.options.parse({ remove: ['ipfix.userName'] }), {
    folder: '/',
    logger: silentLogger,
  });
  const pipeline = createPipeline({ steps: [{ name: 'fields', step }], maxFieldNames: 0 });
  const made = pipeline.toDocuments(batchOf({ flowEndReason: 1, userName: 'ann' }), lane);
  expect(ipfixOf(made)).toEqual({ version: 10, flowset_id: 256, unindexed: { flowEndReason: 1 } });
});
