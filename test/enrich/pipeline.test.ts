// The pipeline: field map, steps in file order, documents in a lane that is used again.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { AddressFacts } from '../../src/enrich/address-facts.ts';
import type { FlowDocument } from '../../src/enrich/flow-document.ts';
import { createDocumentLane, createPipeline, type NamedStep } from '../../src/enrich/pipeline.ts';
import { toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';
import type { Layout, RecordHeader, Row } from '../../src/model/record.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { documentsOf, parseDocuments, sampleBatch, sampleSteps } from './sample-document.ts';

const layout: Layout = {
  id: 'ports',
  protocol: 'ipfix',
  kind: 'flow',
  columns: [
    { name: 'sourceIPv4Address', type: 'ipv4' },
    { name: 'destinationIPv4Address', type: 'ipv4' },
    { name: 'destinationTransportPort', type: 'number' },
    { name: 'userName', type: 'text' },
  ],
};
const options: Layout = { ...layout, id: 'options', kind: 'options' };

function header(exporter: string, exportedAtMs = 0): RecordHeader {
  return { exporter, domain: 0, setId: 256, receivedAtMs: 0, exportedAtMs, sequence: 0 };
}

const row = (port: number, text = ''): Row => [0x08080808, 0x01010101, port, text];

function toBatch(...sets: readonly (readonly [layout: number, exporter: string, rows: readonly Row[]])[]): RecordBatch {
  return {
    id: 'batch-7',
    createdAtMs: 0,
    recordCount: sets.reduce((sum, [, , rows]) => sum + rows.length, 0),
    byteSize: 0,
    layouts: [layout, options],
    sets: sets.map(([index, exporter, rows], number) => ({
      layout: index,
      header: header(exporter, number * 1000),
      rows,
    })),
  };
}

function drop(name: string, port: number): NamedStep {
  return { name, step: { apply: (flow: FlowDocument) => flow.dstPort !== port } };
}

const portsOf = (documents: readonly unknown[]) => documents.map((document) => valueAtPath(document, 'flow.dst_port'));

test('a batch becomes documents with their positions, times and exporters', () => {
  const batch = toBatch(
    [0, '192.0.2.1', [row(1), row(2)]],
    [1, '192.0.2.1', [row(3)]],
    [0, '192.0.2.2', [row(4)]],
    [0, '192.0.2.1', [row(5)]],
  );
  const documents = createPipeline({ steps: [] }).toDocuments(batch, createDocumentLane());
  expect(portsOf(parseDocuments(documents))).toEqual([1, 2, 4, 5]);
  expect(documents).toMatchObject({ batchId: 'batch-7', count: 4, exporters: ['192.0.2.1', '192.0.2.2'], dropped: [] });
  // The options record keeps its place: positions make ids.
  expect([...documents.positions]).toEqual([0, 1, 3, 4]);
  expect([...documents.timesMs]).toEqual([0, 0, 2000, 3000]);
  expect([...documents.exporterOf]).toEqual([0, 0, 1, 0]);
});

test('dropped rows leave gaps and are counted by step and exporter', () => {
  const batch = toBatch([0, '192.0.2.1', [row(53), row(80), row(123), row(53)]], [0, '192.0.2.2', [row(53), row(443)]]);
  const pipeline = createPipeline({ steps: [drop('no-dns', 53), drop('no-ntp', 123)] });
  const documents = pipeline.toDocuments(batch, createDocumentLane());
  expect(portsOf(parseDocuments(documents))).toEqual([80, 443]);
  expect([...documents.positions]).toEqual([1, 5]);
  expect(documents.dropped).toEqual([
    { exporter: '192.0.2.1', step: 'no-dns', rows: 2 },
    { exporter: '192.0.2.1', step: 'no-ntp', rows: 1 },
    { exporter: '192.0.2.2', step: 'no-dns', rows: 1 },
  ]);
});

test('steps run in file order, and none after the one that drops', () => {
  const calls: string[] = [];
  const step = (name: string, result?: boolean): NamedStep => ({
    name,
    step: {
      prepare: async () => {
        calls.push(`${name} prepares`);
      },
      describe: (facts: AddressFacts) => {
        calls.push(`${name} describes ${facts.text}`);
      },
      apply: () => {
        calls.push(`${name} applies`);
        return result;
      },
      close: async () => {
        calls.push(`${name} closes`);
      },
    },
  });
  const pipeline = createPipeline({ steps: [step('a'), step('b', false), step('c')] });
  const batch = toBatch([0, '192.0.2.1', [row(1)]]);
  return pipeline
    .prepare(batch)
    .then(() => pipeline.toDocuments(batch, createDocumentLane()))
    .then(() => pipeline.close())
    .then(() => {
      expect(calls).toEqual([
        'a prepares',
        'b prepares',
        'c prepares',
        'a describes 8.8.8.8',
        'b describes 8.8.8.8',
        'c describes 8.8.8.8',
        'a describes 1.1.1.1',
        'b describes 1.1.1.1',
        'c describes 1.1.1.1',
        'a applies',
        'b applies',
        'a closes',
        'b closes',
        'c closes',
      ]);
    });
});

test('what one flow had never shows in the next', () => {
  const everything = toTestBatch({
    protocol: 'ipfix',
    fields: {
      vlanId: 7,
      tcpControlBits: 2,
      protocolIdentifier: 6,
      octetDeltaCount: 1,
      samplingInterval: 9,
      exporterIPv4Address: '10.0.0.9',
    },
  });
  const nothing = toTestBatch({ protocol: 'ipfix', fields: {} });
  const setServer: NamedStep = {
    name: 'x',
    step: {
      apply: (flow) => {
        if (flow.vlan !== undefined) {
          flow.server = 'src';
          flow.srcPortName = 'x';
          flow.inputIfname = 'x';
        }
        return undefined;
      },
    },
  };
  const pipeline = createPipeline({ steps: [setServer] });
  const lane = createDocumentLane();
  const alone = parseDocuments(createPipeline({ steps: [] }).toDocuments(nothing, createDocumentLane()));
  pipeline.toDocuments(everything, lane);
  expect(parseDocuments(pipeline.toDocuments(nothing, lane))).toEqual(alone);
});

test('more layouts and addresses than the limits are served all the same', () => {
  const pipeline = createPipeline({ steps: [], maxLayouts: 4, maxAddresses: 4 });
  const lane = createDocumentLane();
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 20; i++) {
      const batch = toBatch([0, '192.0.2.1', [[i, 1000 + i, i, '']]]);
      const ofItsOwn = { ...batch, layouts: [{ ...layout, id: `layout-${i}` }] };
      const [document] = parseDocuments(pipeline.toDocuments(ofItsOwn, lane));
      expect(valueAtPath(document, 'flow.src_addr')).toBe(`0.0.0.${i}`);
      expect(valueAtPath(document, 'flow.dst_port')).toBe(i);
    }
  }
});

test('a lane takes documents of any size, and is smaller again when they are gone', () => {
  const pipeline = createPipeline({ steps: [] });
  const lane = createDocumentLane();
  const long = 'x'.repeat(10_000);
  const many = toBatch([0, '192.0.2.1', Array.from({ length: 2000 }, (_, i) => row(i, long))]);
  const big = pipeline.toDocuments(many, lane);
  expect(big.bytes.length).toBeGreaterThan(20_000_000);
  expect(portsOf(parseDocuments(big))).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  const grown = big.bytes.buffer.byteLength;
  const few = toBatch([0, '192.0.2.1', [row(1)]]);
  let last = pipeline.toDocuments(few, lane);
  for (let i = 0; i < 1000; i++) last = pipeline.toDocuments(few, lane);
  expect(portsOf(parseDocuments(last))).toEqual([1]);
  expect(last.bytes.buffer.byteLength).toBeLessThan(grown / 4);
});

test('a batch that says it has fewer rows than it has loses none', () => {
  const batch = { ...toBatch([0, '192.0.2.1', [row(1), row(2), row(3)]]), recordCount: 1 };
  const documents = createPipeline({ steps: [] }).toDocuments(batch, createDocumentLane());
  expect(portsOf(parseDocuments(documents))).toEqual([1, 2, 3]);
});

test('two lanes do not disturb each other', () => {
  const pipeline = createPipeline({ steps: [] });
  const [first, second] = [createDocumentLane(), createDocumentLane()];
  const a = pipeline.toDocuments(toBatch([0, '192.0.2.1', [row(1)]]), first);
  pipeline.toDocuments(toBatch([0, '192.0.2.1', [row(2)]]), second);
  expect(portsOf(parseDocuments(a))).toEqual([1]);
});

test('the loopback address has the name of each flow’s own exporter', () => {
  const pipeline = createPipeline({ steps: [] });
  const lane = createDocumentLane();
  const names = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.1'].map((exporter) => {
    const [document] = parseDocuments(
      pipeline.toDocuments(toBatch([0, exporter, [[0x7f000001, 0x7f000001, 1, '']]]), lane),
    );
    return [valueAtPath(document, 'flow.src_hostname'), valueAtPath(document, 'flow.dst_hostname')];
  });
  expect(names).toEqual([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.2', '192.0.2.2'],
    ['192.0.2.3', '192.0.2.3'],
    ['192.0.2.1', '192.0.2.1'],
  ]);
});

test('where code may not be made from strings, documents are the same', () => {
  const script = `
    import { documentsOf, sampleBatch, sampleSteps } from './test/enrich/sample-document.ts';
    let isForbidden = false;
    try { new Function(''); } catch { isForbidden = true; }
    console.log(JSON.stringify([isForbidden, documentsOf(sampleBatch, sampleSteps)]));`;
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: fileURLToPath(new URL('../../', import.meta.url)), encoding: 'utf8' },
  );
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual([true, documentsOf(sampleBatch, sampleSteps)]);
});
