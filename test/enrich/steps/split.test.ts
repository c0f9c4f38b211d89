// The step `split`: parts of a flow have the sums of the flow, lie side by side from its start to its end, and have ids of their own.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadFieldMap } from '../../../src/enrich/field-map.ts';
import type { FlowDocument } from '../../../src/enrich/flow-document.ts';
import { createDocumentLane, createPipeline, type NamedStep, type Pipeline } from '../../../src/enrich/pipeline.ts';
import { anonymizeStep } from '../../../src/enrich/steps/anonymize.ts';
import { fieldsStep } from '../../../src/enrich/steps/fields.ts';
import { samplingStep } from '../../../src/enrich/steps/sampling.ts';
import { splitStep } from '../../../src/enrich/steps/split.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { type DocumentBatch, documentId, documentPosition } from '../../../src/model/document.ts';
import type { Protocol, RecordHeader } from '../../../src/model/record.ts';
import type { RecordBatch } from '../../../src/model/record-batch.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

const fieldMap = loadFieldMap();
const context = { folder: '.', logger: silentLogger };
const minute = 60_000;
const day = 86_400_000;
/** A moment that is no full minute. */
const exportedAtMs = Date.UTC(2026, 0, 1, 12, 34, 56, 789);

async function splitting(options: unknown = {}, before: readonly NamedStep[] = []): Promise<Pipeline> {
  const step = await splitStep.create(splitStep.options.parse(options), context);
  return createPipeline({ steps: [...before, { name: 'split', step }], fieldMap });
}

/** Numbers beyond 2^53 as text, which JSON.parse would round. */
function read({ bytes, count, ends }: DocumentBatch): readonly unknown[] {
  return Array.from({ length: count }, (_, index): unknown =>
    JSON.parse(
      bytes.toString('utf8', index === 0 ? 0 : ends[index - 1], ends[index]).replaceAll(/:(\d{16,})(?=[,}])/g, ':"$1"'),
    ),
  );
}

const timeOf = (document: unknown, path: string): number => Date.parse(String(valueAtPath(document, path)));

/** Over all documents, exactly. */
function sumOf(documents: readonly unknown[], path: string): bigint {
  return documents.reduce((sum: bigint, document) => sum + BigInt(String(valueAtPath(document, path) ?? 0)), 0n);
}

interface Times {
  readonly fields: Readonly<Record<string, number>>;
  readonly header: Partial<RecordHeader>;
  readonly start: string;
  readonly end: string;
}

const uptimeMs = 2 ** 31;

/** The ways in which exporters tell a time. */
function told(protocol: Protocol, startMs: number, endMs: number): Times {
  if (protocol === 'ipfix') {
    const fields = { flowStartMilliseconds: startMs, flowEndMilliseconds: endMs };
    return { fields, header: {}, start: 'ipfix.flowStartMilliseconds', end: 'ipfix.flowEndMilliseconds' };
  }
  const uptimeOf = (ms: number) => (uptimeMs - (exportedAtMs - ms)) >>> 0;
  const fields = { flowStartSysUpTime: uptimeOf(startMs), flowEndSysUpTime: uptimeOf(endMs) };
  return {
    fields,
    header: { sysUptimeMs: uptimeMs },
    start: 'netflow.first_switched',
    end: 'netflow.last_switched',
  };
}

const counter = fc.oneof(
  fc.nat(5),
  fc.maxSafeNat(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 62n }).map(String),
  fc.constant(0),
);

const flows = fc.record({
  protocol: fc.constantFrom<Protocol>('netflow5', 'netflow9', 'ipfix'),
  // Up to 24.8 days: what uptimes can tell.
  durationMs: fc.oneof(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: 10 * minute })),
  agoMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: day - 1 })),
  overS: fc.constantFrom(1, 7, 60, 300, 3600),
  maxParts: fc.integer({ min: 2, max: 100 }),
  counters: fc.tuple(counter, counter, counter, counter),
});

test('whatever the flow: sums stay, parts lie side by side within their minutes, ids are unique and the same again', async () => {
  await fc.assert(
    fc.asyncProperty(flows, async ({ protocol, durationMs, agoMs, overS, maxParts, counters }) => {
      const endMs = exportedAtMs - Math.min(agoMs, 2 ** 31 - 1 - durationMs);
      const startMs = endMs - durationMs;
      const { fields, header, start, end } = told(protocol, startMs, endMs);
      const [bytes, packets, out, other] = counters;
      const batch = toTestBatch({
        protocol,
        fields: {
          ...fields,
          octetDeltaCount: bytes,
          packetDeltaCount: packets,
          postOctetDeltaCount: out,
          reversePacketDeltaCount: other,
        },
        header: { exportedAtMs, ...header },
      });
      const whole = read(createPipeline({ steps: [], fieldMap }).toDocuments(batch, createDocumentLane()));
      const pipeline = await splitting({ over: `${overS}s`, max_parts: maxParts });
      const made = pipeline.toDocuments(batch, createDocumentLane());
      const parts = read(made);

      const object = protocol === 'ipfix' ? 'ipfix' : 'netflow';
      for (const name of Object.keys(valueAtPath(whole[0], object) as object)) {
        const path = `${object}.${name}`;
        if (/DeltaCount|_bytes|_pkts/.test(name))
          expect([path, sumOf(parts, path)]).toEqual([path, sumOf(whole, path)]);
      }
      for (const path of ['flow.bytes', 'flow.packets']) expect(sumOf(parts, path)).toBe(sumOf(whole, path));

      const isLong = durationMs > overS * 1000;
      expect(parts.length > 1).toBe(isLong);
      expect(parts.length).toBeLessThanOrEqual(maxParts);
      expect(timeOf(parts[0], start)).toBe(startMs);
      expect(timeOf(parts.at(-1), end)).toBe(endMs);
      for (const [index, part] of parts.entries()) {
        expect(valueAtPath(part, 'flow.split_part')).toBe(isLong ? index + 1 : undefined);
        expect(valueAtPath(part, 'flow.split_parts')).toBe(isLong ? parts.length : undefined);
        if (!isLong) continue;
        expect(timeOf(part, '@timestamp')).toBe(timeOf(part, start));
        expect(made.timesMs[index]).toBe(timeOf(part, start));
        if (index === 0) continue;
        expect(timeOf(part, start)).toBe(timeOf(parts[index - 1], end));
        expect(timeOf(part, start) % (overS * 1000)).toBe(0);
      }

      const ids = [...made.positions].map((position) => documentId(made.batchId, position));
      expect(new Set(ids).size).toBe(ids.length);
      const again = pipeline.toDocuments(batch, createDocumentLane());
      expect([...again.positions]).toEqual([...made.positions]);
      expect(again.bytes.equals(made.bytes)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

function toBatch(fields: Readonly<Record<string, unknown>>, rows = 1): RecordBatch {
  const batch = toTestBatch({ protocol: 'ipfix', fields, header: { exportedAtMs } });
  const [set] = batch.sets;
  return { ...batch, recordCount: rows, sets: [{ ...set!, rows: new Array(rows).fill(set!.rows[0]) }] };
}

const twoMinutes = { flowStartMilliseconds: exportedAtMs - 2 * minute, flowEndMilliseconds: exportedAtMs };

test('counters of both directions, of several headers and of vendors are shared out; others stay as they are', async () => {
  const batch = toBatch({
    ...twoMinutes,
    octetDeltaCount: [1000, 500],
    reverseOctetTotalCount: 77,
    initiatorPackets: 9,
    tcpSynTotalCount: 1,
    deltaFlowCount: 1,
    '9/9267': 333,
    maximumTTL: 64,
    ingressUnicastPacketTotalCount: 1_000_000,
    flowDurationMilliseconds: 2 * minute,
    flowDurationMicroseconds: 2 * minute * 1000,
  });
  const documents = read((await splitting()).toDocuments(batch, createDocumentLane()));
  // 12:32:56.789 to 12:34:56.789.
  expect(documents).toHaveLength(3);
  expect(documents.map((document) => valueAtPath(document, 'ipfix.flowDurationMilliseconds'))).toEqual([
    3211, 60_000, 56_789,
  ]);
  const sums = ['reverseOctetTotalCount', 'initiatorPackets', 'cisco_avc_client_retrans_bytes'].map((name) =>
    Number(sumOf(documents, `ipfix.${name}`)),
  );
  expect(sums).toEqual([77, 9, 333]);
  expect(Number(sumOf(documents, 'ipfix.flowDurationMicroseconds'))).toBe(2 * minute * 1000);
  const lists = documents.map((document) => valueAtPath(document, 'ipfix.octetDeltaCount') as readonly number[]);
  expect([0, 1].map((at) => lists.reduce((sum, list) => sum + list[at]!, 0))).toEqual([1000, 500]);
  // One packet, or one flow, is where the flow begins.
  expect(documents.map((document) => valueAtPath(document, 'ipfix.tcpSynTotalCount'))).toEqual([1, 0, 0]);
  expect(documents.map((document) => valueAtPath(document, 'ipfix.deltaFlowCount'))).toEqual([1, 0, 0]);
  expect(documents.map((document) => valueAtPath(document, 'ipfix.maximumTTL'))).toEqual([64, 64, 64]);
  expect(documents.map((document) => valueAtPath(document, 'ipfix.ingressUnicastPacketTotalCount'))).toEqual([
    1_000_000, 1_000_000, 1_000_000,
  ]);
});

test.each([
  [
    'ends before it begins',
    { flowStartMilliseconds: exportedAtMs, flowEndMilliseconds: exportedAtMs - day },
    undefined,
  ],
  ['has no end', { flowStartMilliseconds: exportedAtMs - day }, undefined],
  [
    'ended another day',
    { flowStartMilliseconds: exportedAtMs - 3 * day, flowEndMilliseconds: exportedAtMs - 2 * day },
    'clock',
  ],
  ['began before 1970', { flowStartMilliseconds: -day, flowEndMilliseconds: exportedAtMs }, 'clock'],
  [
    'lasted ten years',
    { flowStartMilliseconds: exportedAtMs - 3650 * day, flowEndMilliseconds: exportedAtMs },
    'too_long',
  ],
])('a flow that %s stays whole', async (_title, times, skipped) => {
  const { positions, timesMs, bytes } = (await splitting()).toDocuments(
    toBatch({ ...times, octetDeltaCount: 7 }),
    createDocumentLane(),
  );
  expect([...positions]).toEqual([0]);
  expect([...timesMs]).toEqual([exportedAtMs]);
  expect(JSON.parse(bytes.toString())).toMatchObject({ flow: { bytes: 7 } });
  expect(valueAtPath(JSON.parse(bytes.toString()), 'flow.split_skipped')).toBe(skipped);
});

test('a batch of flows that all claim thirty days has an end', async () => {
  const fields = { flowStartMilliseconds: exportedAtMs - 30 * day, flowEndMilliseconds: exportedAtMs };
  const pipeline = await splitting({ over: '1s', max_parts: 1440 });
  const { count, positions } = pipeline.toDocuments(toBatch(fields, 1000), createDocumentLane());
  expect(count).toBeGreaterThan(1000);
  expect(count).toBeLessThanOrEqual(65_536);
  expect(new Set(positions).size).toBe(count);
});

test('what comes beyond one document for each row is counted by exporter, and what is dropped is dropped once', async () => {
  const dropSecond: NamedStep = {
    name: 'drop',
    step: { apply: (flow: FlowDocument) => flow.dstPort !== 53 },
  };
  const batch = toBatch({ ...twoMinutes, destinationTransportPort: 80 }, 3);
  const [set] = batch.sets;
  const rows = set!.rows.map((row, index) => (index === 1 ? [...row.slice(0, 2), 53] : row));
  const { added, dropped, positions } = (await splitting({}, [dropSecond])).toDocuments(
    { ...batch, sets: [{ ...set!, rows }] },
    createDocumentLane(),
  );
  expect([...positions]).toEqual([0, 2].flatMap((row) => [0, 1, 2].map((part) => documentPosition(row, part))));
  expect(added).toEqual([{ exporter: '192.0.2.1', documents: 4 }]);
  expect(dropped).toEqual([{ exporter: '192.0.2.1', step: 'drop', rows: 1 }]);
});

test('what sampling multiplied is shared out, and other changes are on each part', async () => {
  const steps = await Promise.all(
    [
      { definition: samplingStep, options: { override: 3 } },
      { definition: fieldsStep, options: { set: { 'labels.site': 'Boston' }, remove: ['ipfix.flowset_id'] } },
      { definition: anonymizeStep, options: { truncate: {} } },
    ].map(
      async ({ definition, options }): Promise<NamedStep> => ({
        name: definition.name,
        step: await definition.create(definition.options.parse(options) as never, context),
      }),
    ),
  );
  const fields = { ...twoMinutes, sourceIPv4Address: '10.1.2.3', octetDeltaCount: 1001, packetDeltaCount: 1 };
  const documents = read((await splitting({}, steps)).toDocuments(toBatch(fields), createDocumentLane()));
  expect(documents).toHaveLength(3);
  expect(Number(sumOf(documents, 'flow.bytes'))).toBe(3003);
  expect(Number(sumOf(documents, 'flow.packets'))).toBe(3);
  for (const document of documents) {
    expect(document).toMatchObject({ labels: { site: 'Boston' }, flow: { src_addr: '10.1.2.0' } });
    expect(valueAtPath(document, 'ipfix.flowset_id')).toBeUndefined();
  }
});
