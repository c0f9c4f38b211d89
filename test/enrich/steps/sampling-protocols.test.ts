// Where each protocol tells its sampling interval, and what the step makes of it, from record to document.

import { expect, it } from 'vitest';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { createPipeline } from '../../../src/enrich/pipeline.ts';
import { type SamplingOptions, samplingStep } from '../../../src/enrich/steps/sampling.ts';
import { type TestRecord, toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

function v5Header(samplingInterval: number) {
  return { v5: { count: 1, engineType: 0, engineId: 0, samplingMode: 1, samplingInterval } };
}

const counts = { octetDeltaCount: 100, packetDeltaCount: 2 };

it.each<
  [
    title: string,
    record: TestRecord,
    options: SamplingOptions,
    bytes: number,
    packets: number,
    interval: number | undefined,
  ]
>([
  [
    'the default of the pipeline file counts for NetFlow v5 (the example of the design)',
    { protocol: 'netflow5', exporter: '10.0.0.1', fields: counts, header: v5Header(0) },
    { default: { '10.0.0.0/8': 1000 } },
    100_000,
    2000,
    1000,
  ],
  [
    'NetFlow v5 header',
    { protocol: 'netflow5', fields: counts, header: v5Header(64) },
    { default: 1000 },
    6400,
    128,
    64,
  ],
  ['NetFlow v5, nobody samples', { protocol: 'netflow5', fields: counts, header: v5Header(0) }, {}, 100, 2, 0],
  ['NetFlow v9 record', { protocol: 'netflow9', fields: { ...counts, samplingInterval: 10 } }, {}, 1000, 20, 10],
  ['IPFIX record', { protocol: 'ipfix', fields: { ...counts, samplingInterval: 10 } }, { default: 7 }, 1000, 20, 10],
  [
    'options data',
    { protocol: 'netflow9', fields: { ...counts, 'weir.samplingInterval': 512 } },
    {},
    51_200,
    1024,
    512,
  ],
  ['IPFIX, nobody tells', { protocol: 'ipfix', fields: counts }, { override: 3 }, 300, 6, 3],
  [
    'sFlow: a sample is one packet of the frame’s length',
    { protocol: 'sflow5', fields: { dataLinkFrameSize: 1518, samplingInterval: 400 } },
    {},
    607_200,
    400,
    400,
  ],
])('%s', async (_title, record, options, bytes, packets, interval) => {
  const step = await samplingStep.create(options, { folder: '.', logger: silentLogger });
  const pipeline = createPipeline({ steps: [{ name: 'sampling', step }] });
  const documents = pipeline.toDocuments(toTestBatch(record), createDocumentLane());
  const document: unknown = JSON.parse(documents.bytes.toString('utf8', 0, documents.ends[0]));
  expect(valueAtPath(document, 'flow.bytes')).toBe(bytes);
  expect(valueAtPath(document, 'flow.packets')).toBe(packets);
  expect(valueAtPath(document, 'flow.sampling_interval')).toBe(interval);
});
