// Record batches for tests of what carries them and does not look inside.

import type { Layout, RecordHeader } from '../../src/model/record.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';

export const testLayout: Layout = {
  id: 'test',
  protocol: 'netflow9',
  kind: 'flow',
  columns: [
    { name: 'sourceIPv4Address', type: 'ipv4' },
    { name: 'octetDeltaCount', type: 'number' },
    { name: 'interfaceName', type: 'text' },
  ],
};

export const testHeader: RecordHeader = {
  exporter: '192.0.2.1',
  domain: 0,
  setId: 256,
  receivedAtMs: 1_700_000_000_000,
  exportedAtMs: 1_700_000_000_000,
  sequence: 1,
};

/** Size of one batch that batchOf makes, whatever its number of records. */
export const batchBytes = 100;

export function batchOf(id: string, records = 1): RecordBatch {
  const rows = Array.from({ length: records }, (_, index) => [0xc0000201, index, `port "${index}"\n`]);
  return {
    id,
    createdAtMs: 1_700_000_000_000,
    recordCount: records,
    byteSize: batchBytes,
    layouts: [testLayout],
    sets: [{ layout: 0, header: testHeader, rows }],
  };
}
