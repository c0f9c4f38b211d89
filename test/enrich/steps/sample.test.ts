// The step `sample`: as even as chance, the same each time, and sums that stay right.

import { describe, expect, it } from 'vitest';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { createPipeline } from '../../../src/enrich/pipeline.ts';
import { sampleStep } from '../../../src/enrich/steps/sample.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

const flows = 20_000;

/** Flows that differ in the least: the source port, or the sequence number of the datagram. */
function batchOf(count: number, vary: 'port' | 'sequence') {
  const batch = toTestBatch({
    protocol: 'ipfix',
    fields: {
      sourceIPv4Address: '10.0.0.1',
      destinationIPv4Address: '192.0.2.1',
      sourceTransportPort: 1,
      octetDeltaCount: 100,
      packetDeltaCount: 2,
    },
  });
  const [set] = batch.sets;
  const [row = []] = set!.rows;
  const sets = Array.from({ length: count }, (_, i) => ({
    ...set!,
    header: vary === 'sequence' ? { ...set!.header, sequence: i } : set!.header,
    rows: [vary === 'port' ? row.map((value, column) => (column === 2 ? i : value)) : row],
  }));
  return { ...batch, recordCount: count, sets };
}

async function sampled(batch: ReturnType<typeof batchOf>, ...options: readonly unknown[]) {
  const steps = await Promise.all(
    options.map(async (one) => ({
      name: 'sample',
      step: await sampleStep.create(sampleStep.options.parse(one), { folder: '.', logger: silentLogger }),
    })),
  );
  const { bytes, count, positions, dropped } = createPipeline({ steps }).toDocuments(batch, createDocumentLane());
  const documents = bytes
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
  const total = documents.reduce<number>((sum, document) => sum + Number(valueAtPath(document, 'flow.bytes')), 0);
  return { count, positions: [...positions], dropped, documents, total };
}

describe('sample', () => {
  // Five standard deviations of a fair choice: once in two million runs it would be wrong by chance, but it is no chance.
  it.each(['port', 'sequence'] as const)('stores one of ten flows that differ in the %s', async (vary) => {
    const { count, dropped, total } = await sampled(batchOf(flows, vary), { one_in: 10 });
    expect(Math.abs(count - flows / 10)).toBeLessThan(5 * Math.sqrt(flows * 0.1 * 0.9));
    expect(dropped).toEqual([{ exporter: '192.0.2.1', step: 'sample', rows: flows - count }]);
    expect(total).toBe(count * 1000);
  });

  it('stores the same flows each time', async () => {
    const first = await sampled(batchOf(2000, 'port'), { one_in: 7 });
    const second = await sampled(batchOf(2000, 'port'), { one_in: 7 });
    expect(second.positions).toEqual(first.positions);
    expect(first.count).toBeGreaterThan(100);
  });

  it('twice is one of the product', async () => {
    const { count, documents } = await sampled(batchOf(flows, 'port'), { one_in: 10 }, { one_in: 5 });
    expect(Math.abs(count - flows / 50)).toBeLessThan(5 * Math.sqrt(flows * 0.02 * 0.98));
    expect(documents[0]).toMatchObject({ flow: { bytes: 5000, packets: 100, sampling_flow_interval: 50 } });
  });

  it('samples only what the condition holds for', async () => {
    const { documents } = await sampled(batchOf(2000, 'port'), { one_in: 10, when: 'flow.src_port >= 1000' });
    const ports = documents.map((document) => Number(valueAtPath(document, 'flow.src_port')));
    expect(ports.filter((port) => port < 1000)).toHaveLength(1000);
    expect(ports.length).toBeLessThan(1200);
  });

  it.each([1, 0, 2.5, 1_000_001, '10'])('one in %s is a mistake', (one_in) => {
    expect(sampleStep.options.safeParse({ one_in }).success).toBe(false);
  });
});
