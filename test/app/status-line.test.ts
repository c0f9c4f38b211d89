// What is told of loss: in the network, by sequence numbers, apart from what weir lost itself.

import { describe, expect, it } from 'vitest';
import { readProgress, toStatusLine } from '../../src/app/status-line.ts';
import type { SequenceChange } from '../../src/model/sequence.ts';
import { countSequence, createLedger } from '../../src/telemetry/ledger.ts';

const depth = { records: 0, bytes: 0, waiting: 0, active: 0 };

function change(part: Partial<SequenceChange>): SequenceChange {
  return {
    exporter: '192.0.2.1',
    protocol: 'ipfix',
    domain: 1,
    unit: 'records',
    lost: 0,
    reordered: 0,
    duplicated: 0,
    restarted: 0,
    unusable: 0,
    trouble: undefined,
    ...part,
  };
}

describe('the ledger', () => {
  it('adds what sequence numbers tell to the exporter, each unit by itself, and sums it', () => {
    const ledger = createLedger();
    const [one, two] = [ledger.exporter('192.0.2.1'), ledger.exporter('192.0.2.2')];
    countSequence(one, change({ lost: 1200 }));
    countSequence(one, change({ lost: -200, reordered: 1 }));
    countSequence(one, change({ unit: 'datagrams', lost: 3, duplicated: 2 }));
    countSequence(two, change({ unit: 'datagrams', lost: 4, restarted: 1 }));
    countSequence(two, change({ unusable: 1 }));
    countSequence(two, change({ unusable: 1 }));
    countSequence(two, change({ unusable: -1 }));
    expect(one).toMatchObject({ recordsLostInNetwork: 1000, datagramsLostInNetwork: 3, datagramsReordered: 1 });
    expect(ledger.totals()).toMatchObject({
      recordsLostInNetwork: 1000,
      datagramsLostInNetwork: 7,
      datagramsReordered: 1,
      datagramsDuplicated: 2,
      exporterRestarts: 1,
      sequencesUnusable: 1,
    });
  });
});

describe('the status line', () => {
  it('tells what was lost in the network apart from what weir lost', () => {
    const ledger = createLedger();
    const before = readProgress(ledger, 0);
    expect(toStatusLine(before, readProgress(ledger, 1000), depth, 0, undefined)).not.toContain('network');

    countSequence(ledger.exporter('192.0.2.1'), change({ lost: 1200 }));
    countSequence(ledger.exporter('192.0.2.1'), change({ unit: 'datagrams', lost: 3 }));
    const line = toStatusLine(before, readProgress(ledger, 1000), depth, 0, undefined);
    expect(line.split(' │ ')).toEqual(
      expect.arrayContaining(['lost 0', 'lost in the network 1,200 records, 3 datagrams']),
    );
  });
});
