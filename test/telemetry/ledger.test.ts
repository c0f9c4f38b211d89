import { describe, expect, it } from 'vitest';
import {
  addCounts,
  countDecoded,
  countDropped,
  countFault,
  countSequence,
  createLedger,
  droppedIn,
  plainCounts,
  zeroCounts,
} from '../../src/telemetry/ledger.ts';

const change = {
  exporter: '192.0.2.1',
  protocol: 'ipfix',
  domain: 0,
  unit: 'records',
  reordered: 0,
  duplicated: 0,
  restarted: 0,
  unusable: 0,
  trouble: undefined,
} as const;

describe('the counts of an exporter', () => {
  it('know what was taken back, so that loss is the difference of two counts that only grow', () => {
    const counts = zeroCounts();
    countSequence(counts, { ...change, lost: 100 });
    countSequence(counts, { ...change, lost: -30 });
    countSequence(counts, { ...change, unit: 'datagrams', lost: 5 });
    countSequence(counts, { ...change, unit: 'datagrams', lost: -5 });
    expect(counts).toMatchObject({
      recordsLostInNetwork: 70,
      recordsFoundAgain: 30,
      datagramsLostInNetwork: 0,
      datagramsFoundAgain: 5,
    });
  });

  it('name the steps that dropped, and the protocols that records came by', () => {
    const counts = zeroCounts();
    countDropped(counts, 'drop', 3);
    countDropped(counts, 'sample', 4);
    countDropped(counts, 'drop', 5);
    countDecoded(counts, 'sflow5', 7);
    countDecoded(counts, 'ipfix', 2);
    expect([...counts.droppedBySteps]).toEqual([
      ['drop', 8],
      ['sample', 4],
    ]);
    expect(droppedIn(counts)).toBe(12);
    expect(counts.recordsDecoded).toBe(9);
    expect(counts.recordsByProtocol).toEqual({ netflow5: 0, netflow9: 0, ipfix: 2, sflow5: 7 });
  });

  it('have a parked set for each one whose template was missing', () => {
    const counts = zeroCounts();
    countFault(counts, 'template-missing');
    countFault(counts, 'template-missing');
    countFault(counts, 'set-malformed');
    expect(counts.setsParked).toBe(2);
    expect([...counts.faults]).toEqual([
      ['template-missing', 2],
      ['set-malformed', 1],
    ]);
  });

  it('are all in the sum, and nothing is left when they are taken away again', () => {
    const ledger = createLedger();
    for (const [at, address] of ['192.0.2.1', '192.0.2.2'].entries()) {
      const counts = ledger.exporter(address);
      for (const [index, name] of plainCounts.entries()) counts[name] = 10 ** at * (index + 1);
      countDropped(counts, 'drop', 1);
    }
    const totals = ledger.totals();
    expect(plainCounts.map((name) => totals[name])).toEqual(plainCounts.map((_, index) => 11 * (index + 1)));
    expect(droppedIn(totals)).toBe(2);
    for (const counts of ledger.exporters().values()) addCounts(totals, counts, -1);
    expect(plainCounts.filter((name) => totals[name] !== 0)).toEqual([]);
    expect(droppedIn(totals)).toBe(0);
  });

  it('of exporters beyond the limit are those of "others"', () => {
    const ledger = createLedger({ maxExporters: 2 });
    for (const host of [1, 2, 3, 4]) ledger.exporter(`192.0.2.${host}`).datagramsReceived += host;
    expect([...ledger.exporters()].map(([address, counts]) => [address, counts.datagramsReceived])).toEqual([
      ['192.0.2.1', 1],
      ['192.0.2.2', 2],
      ['others', 7],
    ]);
  });
});
